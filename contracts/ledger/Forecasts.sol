// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {Lanes} from "../libraries/Lanes.sol";
import {Scores} from "../libraries/Scores.sol";
import {Round} from "./State.sol";

/// @title Forecasts
/// @author Karat
/// @notice What anybody can vote without looking at an update, and how near it comes: a vote is paid for what it knows
/// beyond the best of these, as a forecast's skill is measured against climatology (Murphy, "Skill scores based on the
/// mean square error", 1988; here with absolute differences, whose best constant is the median).
library Forecasts {
    uint256 private constant FLOOR = Scores.FLOOR * Lanes.ONE;

    /// @notice The sum of absolute differences of two vectors.
    function distance(uint256[] memory a, uint256[] memory b) internal pure returns (uint256 total) {
        unchecked {
            for (uint256 k; k < a.length; ++k) {
                if (a[k] != b[k]) total += Lanes.distance(a[k], b[k], FLOOR);
            }
        }
    }

    /// @notice How far the nearest free forecast lies from a round's medians: no effect for all, the median lane for all
    /// (the constant that is nearest), or each trainer's last median.
    function best(Round storage round, uint256 words) internal view returns (uint256 least) {
        uint256[] memory medians = new uint256[](words);
        for (uint256 k; k < words; ++k) {
            medians[k] = round.medians[k];
        }
        uint256 count = round.count;
        least = _constant(medians, count, Scores.ZERO_SCORE);
        uint256 other = _constant(medians, count, _medianLane(medians, count));
        if (other < least) least = other;
        other = 0;
        for (uint256 k; k < words; ++k) {
            other += Lanes.distance(medians[k], round.forecasts[k], FLOOR);
        }
        if (other < least) least = other;
    }

    /// @dev How far a constant lies from the medians.
    function _constant(uint256[] memory medians, uint256 count, uint256 code) private pure returns (uint256 total) {
        uint256 word = code * Lanes.ONE;
        uint256 full = count / Lanes.PER_WORD;
        for (uint256 k; k < full; ++k) {
            total += Lanes.distance(medians[k], word, FLOOR);
        }
        uint256 rest = 16 * (count % Lanes.PER_WORD);
        if (rest != 0) total += Lanes.distance(medians[full], word & ((1 << rest) - 1), FLOOR);
    }

    /// @dev The greatest code that half of the medians reach, bit by bit.
    function _medianLane(uint256[] memory medians, uint256 count) private pure returns (uint256 code) {
        unchecked {
            for (uint256 bit = 1 << 14; bit != 0; bit >>= 1) {
                uint256 candidate = (code | bit) * Lanes.ONE;
                uint256 reached;
                for (uint256 k; k < medians.length; ++k) {
                    reached += Lanes.atLeast(medians[k], candidate);
                }
                if (2 * Lanes.sum(reached) >= count) code |= bit;
            }
        }
    }
}
