// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {Forecasts} from "../../contracts/ledger/Forecasts.sol";
import {Round} from "../../contracts/ledger/State.sol";
import {Lanes} from "../../contracts/libraries/Lanes.sol";
import {Scores} from "../../contracts/libraries/Scores.sol";
import {Test} from "./utils/Test.sol";

/// @notice The best free forecast against plain loops over every constant.
contract ForecastsTest is Test {
    uint256 private constant SPREAD = 60;
    Round private round;
    uint16[] private codes;
    uint16[] private last;

    /// @notice No constant, and neither "no effect" nor the last medians, with their gains or without, lies nearer than the
    /// forecast that is taken.
    function testFuzz_best_isTheNearest(uint256 seed, uint256 count, uint256 tolerance) public {
        (count, tolerance) = (bound(count, 1, 40), bound(tolerance, 0, 5));
        for (uint256 i; i < count; ++i) {
            codes.push(_code(seed, i));
            last.push(_code(seed, 1000 + i));
        }
        _fill(count);
        uint256 least = _plain(last, tolerance);
        for (uint256 i; i < count; ++i) {
            if (last[i] > Scores.ZERO_SCORE) last[i] = Scores.ZERO_SCORE;
        }
        if (_plain(last, tolerance) < least) least = _plain(last, tolerance);
        for (uint256 c = Scores.FLOOR; c < Scores.ZERO_SCORE + SPREAD; ++c) {
            uint256 total;
            for (uint256 i; i < count; ++i) {
                total += _apart(codes[i], uint16(c), tolerance);
            }
            if (total < least) least = total;
        }
        assertEq(Forecasts.best(round, (count + 15) / 16, tolerance), least, "the nearest");
    }

    /// @notice Any tolerance that the rules allow, and codes at both ends, stay within the lanes.
    function testFuzz_best_neverExceedsNoEffect(uint256 seed, uint256 count, uint256 tolerance) public {
        (count, tolerance) = (bound(count, 1, 40), bound(tolerance, 0, Scores.ZERO_SCORE));
        for (uint256 i; i < count; ++i) {
            codes.push(uint16(bound(uint256(keccak256(abi.encode(seed, i))), Scores.OK, 32_767)));
            last.push(Scores.ZERO_SCORE);
        }
        _fill(count);
        assertLe(Forecasts.best(round, (count + 15) / 16, tolerance), _plain(last, tolerance), "no effect for all");
    }

    function _code(uint256 seed, uint256 i) private pure returns (uint16) {
        uint256 draw = uint256(keccak256(abi.encode(seed, i)));
        if (draw % 8 == 0) return uint16(1 + (draw >> 8) % 5);
        return uint16(Scores.ZERO_SCORE - SPREAD / 2 + (draw >> 8) % SPREAD);
    }

    function _fill(uint256 count) private {
        round.count = uint16(count);
        for (uint256 i; i < count; ++i) {
            round.medians[i / 16] |= uint256(codes[i]) << (16 * (i % 16));
            round.forecasts[i / 16] |= uint256(last[i]) << (16 * (i % 16));
        }
    }

    function _plain(uint16[] memory vote, uint256 tolerance) private view returns (uint256 total) {
        for (uint256 i; i < vote.length; ++i) {
            total += _apart(codes[i], vote[i], tolerance);
        }
    }

    function _apart(uint16 a, uint16 b, uint256 tolerance) private pure returns (uint256) {
        (a, b) = (a < Scores.FLOOR ? Scores.FLOOR : a, b < Scores.FLOOR ? Scores.FLOOR : b);
        uint256 apart = a < b ? b - a : a - b;
        return apart > tolerance ? apart - tolerance : 0;
    }
}
