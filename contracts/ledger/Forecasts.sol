// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {Lanes} from "../libraries/Lanes.sol";
import {Ring, Rings} from "../libraries/Rings.sol";
import {Scores} from "../libraries/Scores.sol";
import {Round, Task} from "./State.sol";

/// @title Forecasts
/// @author Karat
/// @notice What anybody can vote without looking at an update, and how near it comes: a vote is paid for what it knows
/// beyond the best of these, as a forecast's skill is measured against climatology (Murphy, "Skill scores based on the
/// mean square error", 1988; here with absolute differences beyond the task's tolerance: within it two verifiers that
/// both did their work may differ, so it is neither an error nor information).
library Forecasts {
    uint256 private constant FLOOR = Scores.FLOOR * Lanes.ONE;

    /// @notice The sum of the differences of two vectors beyond `tolerance`.
    function distance(uint256[] memory a, uint256[] memory b, uint256 tolerance) internal pure returns (uint256 total) {
        unchecked {
            uint256 slack = tolerance * Lanes.ONE;
            for (uint256 k; k < a.length; ++k) {
                if (a[k] != b[k]) total += Lanes.distance(a[k], b[k], FLOOR, slack);
            }
        }
    }

    /// @notice How far the nearest free forecast lies from a round's medians: no effect for all, the nearest constant, each
    /// trainer's last median, or that one up to no effect: the last verdicts without the last gains.
    function best(Round storage round, uint256 words, uint256 tolerance) internal view returns (uint256 least) {
        uint256 slack = tolerance * Lanes.ONE;
        uint256[] memory medians = new uint256[](words);
        for (uint256 k; k < words; ++k) {
            medians[k] = round.medians[k];
        }
        uint256 count = round.count;
        least = _constant(medians, count, Scores.ZERO_SCORE, slack);
        uint256 other = _constant(medians, count, _nearest(medians, count, slack), slack);
        if (other < least) least = other;
        (uint256 last, uint256 verdicts) = (0, 0);
        for (uint256 k; k < words; ++k) {
            uint256 lanes = round.forecasts[k];
            last += Lanes.distance(medians[k], lanes, FLOOR, slack);
            verdicts += Lanes.distance(medians[k], Lanes.least(lanes, Scores.ZERO_SCORE * Lanes.ONE), FLOOR, slack);
        }
        if (last < least) least = last;
        if (verdicts < least) least = verdicts;
    }

    /// @notice A trainer's last median before the latest round that its ring knows, no effect if it has none: the vote that
    /// anybody could cast unseen.
    function lastMedian(Task storage task, Ring ring) internal view returns (uint256) {
        for (uint256 age = 1; age < Rings.ROUNDS; ++age) {
            uint256 lane = ring.laneAt(age);
            if (lane < Rings.REVEALED) continue;
            uint256 index = lane - Rings.REVEALED;
            uint16 code = Lanes.lane(task.rounds[uint32(ring.latest() - age)].medians[index / Lanes.PER_WORD], index);
            if (code != 0) return code;
        }
        return Scores.ZERO_SCORE;
    }

    /// @dev How far a constant lies from the medians.
    function _constant(uint256[] memory medians, uint256 count, uint256 code, uint256 slack)
        private
        pure
        returns (uint256 total)
    {
        uint256 word = code * Lanes.ONE;
        uint256 full = count / Lanes.PER_WORD;
        for (uint256 k; k < full; ++k) {
            total += Lanes.distance(medians[k], word, FLOOR, slack);
        }
        uint256 rest = 16 * (count % Lanes.PER_WORD);
        if (rest != 0) total += Lanes.distance(medians[full], word & ((1 << rest) - 1), FLOOR, slack);
    }

    /// @dev The constant whose distance is least, bit by bit. The distance of c rises with every median that lies below
    /// c - slack, and falls with every one above c + slack: it is least at the median of all medians' two edges.
    function _nearest(uint256[] memory medians, uint256 count, uint256 slack) private pure returns (uint256 code) {
        unchecked {
            uint256 last = medians.length - 1;
            // Of the last word the lanes that hold an update.
            uint256 used = type(uint256).max >> (16 * (medians.length * Lanes.PER_WORD - count));
            for (uint256 bit = 1 << 14; bit != 0; bit >>= 1) {
                uint256 candidate = (code | bit) * Lanes.ONE;
                uint256 reached;
                for (uint256 k; k <= last; ++k) {
                    uint256 median = Lanes.greatest(medians[k], FLOOR);
                    uint256 upper = Lanes.least(median, ~Lanes.HIGH - slack) + slack;
                    uint256 lower = Lanes.greatest(median, slack) - slack;
                    uint256 edges = Lanes.atLeast(upper, candidate) + Lanes.atLeast(lower, candidate);
                    reached += k == last ? edges & used : edges;
                }
                if (Lanes.sum(reached) >= count) code |= bit;
            }
        }
    }
}
