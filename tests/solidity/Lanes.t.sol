// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {Lanes} from "../../contracts/libraries/Lanes.sol";
import {Scores} from "../../contracts/libraries/Scores.sol";
import {Test} from "./utils/Test.sol";

/// @notice The lanes against plain code that looks at one code at a time.
contract LanesTest is Test {
    function testFuzz_median_equalsSorting(uint256 seed, uint8 count) public pure {
        uint256 voters = bound(count, 1, 15);
        uint256[] memory votes = new uint256[](voters);
        uint256[] memory weights = new uint256[](voters);
        uint256 total;
        for (uint256 i; i < voters; ++i) {
            votes[i] = uint256(keccak256(abi.encode(seed, i))) & ~Lanes.HIGH;
            if (seed % 2 == 0) votes[i] &= 3 * Lanes.ONE;
            weights[i] = 1 + uint256(keccak256(abi.encode(seed, i, "w"))) % 2184;
            total += weights[i];
        }
        uint256 result = Lanes.median(votes, weights, ((total + 1) / 2) * Lanes.ONE);
        for (uint256 lane; lane < 16; ++lane) {
            assertEq(Lanes.lane(result, lane), _bySorting(votes, weights, total, lane), "median");
        }
    }

    /// @dev Sorts the votes of one lane from the greatest down and takes the first at which half the weight is reached.
    function _bySorting(uint256[] memory votes, uint256[] memory weights, uint256 total, uint256 lane)
        private
        pure
        returns (uint256)
    {
        uint256[] memory codes = new uint256[](votes.length);
        uint256[] memory by = new uint256[](votes.length);
        for (uint256 i; i < votes.length; ++i) {
            uint256 code = (votes[i] >> (16 * lane)) & 0xffff;
            uint256 at = i;
            while (at > 0 && codes[at - 1] < code) {
                (codes[at], by[at]) = (codes[at - 1], by[at - 1]);
                --at;
            }
            (codes[at], by[at]) = (code, weights[i]);
        }
        uint256 reached;
        for (uint256 i; i < codes.length; ++i) {
            reached += by[i];
            if (2 * reached >= total) return codes[i];
        }
        return 0;
    }

    function test_median_exactlyHalfNeverConvicts() public pure {
        uint256[] memory votes = new uint256[](2);
        uint256[] memory weights = new uint256[](2);
        (votes[0], votes[1]) = (1, 20_000);
        (weights[0], weights[1]) = (50, 50);
        assertEq(Lanes.median(votes, weights, 50 * Lanes.ONE), 20_000, "half");
        weights[0] = 51;
        assertEq(Lanes.median(votes, weights, 51 * Lanes.ONE), 1, "more than half");
    }

    function testFuzz_distance_isTheSumOfDifferences(uint256 a, uint256 b, uint256 slack) public pure {
        (a, b, slack) = (a & ~Lanes.HIGH, b & ~Lanes.HIGH, bound(slack, 0, Scores.ZERO_SCORE));
        uint256 expected;
        for (uint256 lane; lane < 16; ++lane) {
            (uint256 p, uint256 q) = (Lanes.lane(a, lane), Lanes.lane(b, lane));
            p = p < Scores.FLOOR ? Scores.FLOOR : p;
            q = q < Scores.FLOOR ? Scores.FLOOR : q;
            uint256 apart = p < q ? q - p : p - q;
            if (apart > slack) expected += apart - slack;
        }
        assertEq(Lanes.distance(a, b, Scores.FLOOR * Lanes.ONE, slack * Lanes.ONE), expected, "distance");
    }

    /// @dev Half against half: the lesser score; a verdict against a score acquits without pay.
    function test_medians_settlesTies() public pure {
        uint256[][] memory vectors = new uint256[][](2);
        uint256[] memory weights = new uint256[](2);
        (weights[0], weights[1]) = (50, 50);
        for (uint256 i; i < 2; ++i) {
            vectors[i] = new uint256[](1);
        }
        vectors[0][0] = 20_000 | (uint256(1) << 16) | (uint256(1) << 32) | (uint256(16_000) << 48);
        vectors[1][0] = 32_767 | (uint256(32_767) << 16) | (uint256(4) << 32) | (uint256(1) << 48);
        uint256 settled = Lanes.medians(vectors, weights, 100)[0];
        assertEq(Lanes.lane(settled, 0), 20_000, "the lesser score");
        assertEq(Lanes.lane(settled, 1), 16_384, "acquitted, no effect");
        assertEq(Lanes.lane(settled, 2), 4, "the milder verdict");
        assertEq(Lanes.lane(settled, 3), 16_000, "acquitted, with its own score");
        assertEq(Lanes.lane(settled, 4), 0, "padding");
    }

    function testFuzz_payoutWeights_isTheSumOfPowers(uint256 word, uint8 power) public pure {
        uint256 exponent = bound(power, 1, 3);
        uint256 total;
        for (uint256 lane; lane < 16; ++lane) {
            uint256 code = Lanes.lane(word & ~Lanes.HIGH, lane);
            uint256 gain = code > 16_384 ? code - 16_384 : 0;
            total += gain ** exponent;
            assertEq(Scores.payoutWeight(uint16(code), exponent), gain ** exponent, "one");
        }
        assertEq(Scores.payoutWeights(word & ~Lanes.HIGH, exponent), total, "sixteen");
    }

    function test_payoutWeights_knowsEveryExponent() public pure {
        uint256 word = 16_386 * Lanes.ONE;
        assertEq(Scores.payoutWeights(word, 1), 16 * 2, "linear");
        assertEq(Scores.payoutWeights(word, 2), 16 * 4, "square");
        assertEq(Scores.payoutWeights(word, 3), 16 * 8, "cube");
    }

    function testFuzz_valid_looksAtEveryLane(uint256 seed, uint8 count) public pure {
        uint256 used = bound(count, 1, 16);
        uint256 word;
        bool expected = true;
        for (uint256 lane; lane < 16; ++lane) {
            uint256 code = uint256(keccak256(abi.encode(seed, lane))) % (lane % 5 == 0 ? 12 : 40_000);
            if (lane >= used) code = seed % 3 == 0 ? code : 0;
            else if (seed % 2 == 0 && (code == 0 || code == 6 || code == 7 || code > 32_767)) code = 8;
            bool isVote = code > 0 && code < 32_768 && code != 6 && code != 7;
            expected = expected && (lane < used ? isVote : code == 0);
            word |= code << (16 * lane);
        }
        assertTrue(Lanes.valid(word, used) == expected, "valid");
    }
}
