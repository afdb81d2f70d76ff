// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {Lanes} from "../../../contracts/libraries/Lanes.sol";
import {Scores} from "../../../contracts/libraries/Scores.sol";

/// @notice Proofs for halmos: `halmos --contract LanesProofs` (see docs/protocol.md). Each `check_` holds for all
/// inputs; forge runs none of them.
contract LanesProofs {
    /// @notice In every lane of any three votes of equal weight: the median is reached by two of them, and no more than
    /// one is above it.
    function check_medianOfThree(uint256 a, uint256 b, uint256 c, uint8 lane) external pure {
        if (lane > 15) return;
        _checkMedian(a, b, c, [uint256(1), 1, 1], lane);
    }

    /// @notice The same where one of the three outweighs the others together, so its vote decides.
    function check_medianOfUnequalThree(uint256 a, uint256 b, uint256 c, uint8 lane) external pure {
        if (lane > 15) return;
        _checkMedian(a, b, c, [uint256(5), 3, 1], lane);
    }

    /// @dev At least half of the weight reaches the median, and less than half is above it.
    function _checkMedian(uint256 a, uint256 b, uint256 c, uint256[3] memory weights, uint256 lane) private pure {
        uint256[] memory votes = new uint256[](3);
        uint256[] memory by = new uint256[](3);
        (votes[0], votes[1], votes[2]) = (a & ~Lanes.HIGH, b & ~Lanes.HIGH, c & ~Lanes.HIGH);
        uint256 total;
        for (uint256 i; i < 3; ++i) {
            by[i] = weights[i];
            total += weights[i];
        }
        uint256 result = Lanes.lane(Lanes.median(votes, by, ((total + 1) / 2) * Lanes.ONE), lane);
        (uint256 reach, uint256 above) = (0, 0);
        for (uint256 i; i < 3; ++i) {
            uint256 vote = Lanes.lane(votes[i], lane);
            if (vote >= result) reach += by[i];
            if (vote > result) above += by[i];
        }
        assert(2 * reach >= total);
        assert(2 * above < total);
    }

    /// @notice A comparison in one lane never disturbs another one.
    function check_atLeast(uint256 a, uint256 b, uint8 lane) external pure {
        if (lane > 15) return;
        (a, b) = (a & ~Lanes.HIGH, b & ~Lanes.HIGH);
        uint256 expected = Lanes.lane(a, lane) >= Lanes.lane(b, lane) ? 1 : 0;
        assert(Lanes.lane(Lanes.atLeast(a, b), lane) == expected);
    }

    /// @notice A word is valid exactly if every used lane holds a vote and every other lane is zero.
    function check_valid(uint256 word, uint8 used, uint8 lane) external pure {
        if (used == 0 || used > 16 || lane > 15 || !Lanes.valid(word, used)) return;
        uint256 code = Lanes.lane(word, lane);
        if (lane < used) assert(code != 0 && code != 6 && code != 7 && code < 0x8000);
        else assert(code == 0);
    }

    /// @notice Putting a code into a lane changes that lane alone.
    function check_withLane(uint256 word, uint8 index, uint16 code, uint8 other) external pure {
        if (index > 15 || other > 15) return;
        uint256 changed = Lanes.withLane(word, index, code);
        assert(Lanes.lane(changed, index) == code);
        if (other != index) assert(Lanes.lane(changed, other) == Lanes.lane(word, other));
    }

    /// @notice Only gains are paid, and each lane's excess is its own.
    function check_excess(uint256 word, uint8 lane) external pure {
        if (lane > 15) return;
        uint256 code = Lanes.lane(word & ~Lanes.HIGH, lane);
        uint256 expected = code > Scores.ZERO_SCORE ? code - Scores.ZERO_SCORE : 0;
        assert(Lanes.lane(Lanes.excess(word & ~Lanes.HIGH), lane) == expected);
    }
}
