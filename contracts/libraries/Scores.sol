// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {Lanes} from "./Lanes.sol";

/// @title Scores
/// @author Karat
/// @notice What a 15-bit code means: 1–5 are verdicts, ordered by severity, 6–7 reserved, 8–32767 a score, with
/// 16384 for no effect. Only gains over that are paid.
library Scores {
    uint16 internal constant HARMFUL = 1;
    uint16 internal constant MALFORMED = 2;
    uint16 internal constant DUPLICATE = 3;
    uint16 internal constant STALE = 4;
    uint16 internal constant UNAVAILABLE = 5;
    uint16 internal constant OK = 8;
    uint16 internal constant ZERO_SCORE = 16384;

    /// @notice What a vote counts as at least when distances between votes are taken, so that a verdict lies at a fixed
    /// distance below no effect.
    uint16 internal constant FLOOR = ZERO_SCORE - 512;

    /// @notice How many movements of the model itself a mixture has, after its updates: since 1, 2, 4 and 8 rounds ago.
    uint256 internal constant MOVEMENTS = 4;

    /// @notice The verdict of a code: 1 to 5, or 8 for every score.
    function verdict(uint16 code) internal pure returns (uint16) {
        return code < OK ? code : OK;
    }

    /// @notice Whether two codes are other verdicts, or scores further apart than `tolerance`.
    function apart(uint16 a, uint16 b, uint16 tolerance) internal pure returns (bool) {
        if (verdict(a) != verdict(b)) return true;
        return (a > b ? a - b : b - a) > tolerance;
    }

    /// @notice The weight with which a code shares in the trainers' budget.
    function payoutWeight(uint16 code, uint256 exponent) internal pure returns (uint256) {
        unchecked {
            uint256 gain = code > ZERO_SCORE ? code - ZERO_SCORE : 0;
            if (exponent == 1) return gain;
            return exponent == 2 ? gain * gain : gain * gain * gain;
        }
    }

    /// @notice The sum of the payout weights of sixteen codes.
    function payoutWeights(uint256 lanes, uint256 exponent) internal pure returns (uint256 total) {
        unchecked {
            uint256 rest = Lanes.excess(lanes);
            if (exponent == 1) return Lanes.sum(rest);
            if (exponent == 2) return Lanes.sumOfSquares(rest);
            for (; rest != 0; rest >>= 16) {
                total += (rest & 0x3fff) ** 3;
            }
        }
    }
}
