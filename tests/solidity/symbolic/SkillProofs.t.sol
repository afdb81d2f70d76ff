// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {Lanes} from "../../../contracts/libraries/Lanes.sol";
import {Scores} from "../../../contracts/libraries/Scores.sol";

/// @notice Proofs for halmos: `halmos --contract SkillProofs` (see docs/protocol.md). What a vote's distance from the
/// medians is made of, lane by lane: no vote, whatever its codes, makes it less than zero or more than its bound.
contract SkillProofs {
    uint256 private constant FLOOR = Scores.FLOOR * Lanes.ONE;

    /// @notice In every lane: the difference beyond the tolerance, of codes that count as at least the floor.
    function check_difference(uint256 a, uint256 b, uint16 tolerance, uint8 lane) external pure {
        if (lane > 15 || tolerance >= 1 << 14) return;
        (a, b) = (a & ~Lanes.HIGH, b & ~Lanes.HIGH);
        uint256 got = Lanes.lane(_differences(a, b, tolerance), lane);
        (uint256 x, uint256 y) = (_floored(Lanes.lane(a, lane)), _floored(Lanes.lane(b, lane)));
        uint256 apart = x > y ? x - y : y - x;
        assert(got == (apart > tolerance ? apart - tolerance : 0));
        assert(got <= uint256(type(uint16).max >> 1) - Scores.FLOOR);
    }

    /// @notice The same both ways round, and nothing between equals.
    function check_symmetry(uint256 a, uint256 b, uint16 tolerance) external pure {
        if (tolerance >= 1 << 14) return;
        (a, b) = (a & ~Lanes.HIGH, b & ~Lanes.HIGH);
        assert(_differences(a, b, tolerance) == _differences(b, a, tolerance));
        assert(_differences(a, a, tolerance) == 0);
    }

    /// @notice All verdicts lie equally far from a score: which one is voted or settled makes no difference to skill.
    function check_verdictsAreOneDistance(uint16 verdict, uint16 other, uint16 code, uint16 tolerance) external pure {
        if (verdict > 5 || other > 5 || code >= 1 << 15 || tolerance >= 1 << 14) return;
        assert(_differences(verdict, code, tolerance) == _differences(other, code, tolerance));
    }

    /// @dev As `Lanes.distance` has it, before the lanes are summed.
    function _differences(uint256 a, uint256 b, uint256 tolerance) private pure returns (uint256) {
        uint256 slack = tolerance * Lanes.ONE;
        (a, b) = (Lanes.greatest(a, FLOOR), Lanes.greatest(b, FLOOR));
        return Lanes.greatest(Lanes.greatest(a, b) - Lanes.least(a, b), slack) - slack;
    }

    function _floored(uint256 code) private pure returns (uint256) {
        return code < Scores.FLOOR ? Scores.FLOOR : code;
    }
}
