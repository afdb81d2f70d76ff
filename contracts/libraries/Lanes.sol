// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {Scores} from "./Scores.sol";

/// @title Lanes
/// @author Karat
/// @notice Arithmetic on sixteen 15-bit codes at a time, as 16-bit lanes of one word. The free top bit of every lane
/// takes the borrow of a comparison (SWAR; Warren, "Hacker's Delight", 2nd ed., section 2-18).
library Lanes {
    /// @notice Lanes per word.
    uint256 internal constant PER_WORD = 16;

    /// @notice The top bit, the low bit and all bits below the top of every lane.
    uint256 internal constant HIGH = 0x8000800080008000800080008000800080008000800080008000800080008000;
    uint256 internal constant ONE = 0x0001000100010001000100010001000100010001000100010001000100010001;

    uint256 private constant EVEN_LANES = 0x0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff;
    uint256 private constant LOW_32 = 0x00000000ffffffff00000000ffffffff00000000ffffffff00000000ffffffff;
    uint256 private constant LOW_64 = 0x0000000000000000ffffffffffffffff0000000000000000ffffffffffffffff;
    uint256 private constant TOP_CODE_BIT = 0x4000400040004000400040004000400040004000400040004000400040004000;

    /// @notice A 1 in every lane where `a >= b`.
    /// @dev Both must be free of top bits: (a + 2^15) - b then never borrows from the next lane.
    function atLeast(uint256 a, uint256 b) internal pure returns (uint256) {
        unchecked {
            return (((a | HIGH) - b) & HIGH) >> 15;
        }
    }

    /// @notice The weighted median of each lane: the greatest vote that votes of at least half the weight reach.
    /// So a low code results only when more than half of the weight gave a low code.
    /// @dev The median is one of the votes, so it is enough to try each of them: V^2 comparisons for sixteen lanes.
    /// @param votes One word per voter; no lane with its top bit set.
    /// @param weights As many weights; their sum is below 2^15, so that no lane overflows.
    /// @param half Half of the sum of the weights, rounded up, in every lane.
    function median(uint256[] memory votes, uint256[] memory weights, uint256 half)
        internal
        pure
        returns (uint256 result)
    {
        unchecked {
            uint256 size = 32 * votes.length;
            for (uint256 i = size; i > 0; i -= 32) {
                uint256 candidate;
                uint256 reached;
                // For every j: reached += (votes[j] >= candidate) * weights[j]. In assembly because this runs V^2 times
                // per word, and the bounds checks of the arrays cost more than the sum.
                assembly ("memory-safe") {
                    candidate := mload(add(votes, i))
                    for { let j := size } j { j := sub(j, 32) } {
                        let reaches := shr(15, and(sub(or(mload(add(votes, j)), HIGH), candidate), HIGH))
                        reached := add(reached, mul(reaches, mload(add(weights, j))))
                    }
                }
                uint256 isEnough = (((reached | HIGH) - half) & HIGH) >> 15;
                candidate &= isEnough * 0xffff;
                uint256 isGreater = ((((candidate | HIGH) - result) & HIGH) >> 15) * 0xffff;
                result ^= (result ^ candidate) & isGreater;
            }
        }
    }

    /// @notice The medians of whole vectors, word by word. Where half of the weight stands against half, the lesser
    /// score holds; a verdict against a score acquits, but is worth no more than no effect.
    /// @param vectors One vector per voter, equally long.
    /// @param weights As many weights; their sum is below 2^15.
    /// @param total The sum of the weights.
    function medians(uint256[][] memory vectors, uint256[] memory weights, uint256 total)
        internal
        pure
        returns (uint256[] memory results)
    {
        uint256[] memory votes = new uint256[](weights.length);
        uint256 half = ((total + 1) / 2) * ONE;
        results = new uint256[](vectors[0].length);
        for (uint256 k; k < results.length; ++k) {
            column(vectors, k, votes);
            results[k] = median(votes, weights, half);
            if (total % 2 == 0) results[k] = _settleTies(median(votes, weights, half + ONE), results[k]);
        }
    }

    /// @dev The lanes of `lower`, which more than half of the weight reaches, where they are scores; else those of `upper`,
    /// which half of the weight reaches, up to no effect.
    function _settleTies(uint256 lower, uint256 upper) private pure returns (uint256) {
        uint256 isScore = atLeast(lower, Scores.OK * ONE) * 0xffff;
        return (lower & isScore) | (least(upper, Scores.ZERO_SCORE * ONE) & ~isScore);
    }

    /// @notice The lesser and the greater of each pair of lanes.
    function least(uint256 a, uint256 b) internal pure returns (uint256) {
        unchecked {
            return a ^ ((a ^ b) & (atLeast(a, b) * 0xffff));
        }
    }

    function greatest(uint256 a, uint256 b) internal pure returns (uint256) {
        unchecked {
            return b ^ ((a ^ b) & (atLeast(a, b) * 0xffff));
        }
    }

    /// @notice Copies word `k` of every vector into `votes`, which is as long as there are vectors.
    function column(uint256[][] memory vectors, uint256 k, uint256[] memory votes) internal pure {
        // In assembly because the bounds checks of the arrays cost more than the median.
        assembly ("memory-safe") {
            let word := shl(5, add(k, 1))
            for { let i := shl(5, mload(votes)) } i { i := sub(i, 32) } {
                mstore(add(votes, i), mload(add(mload(add(vectors, i)), word)))
            }
        }
    }

    /// @notice The sum over all lanes of how much more than `slack` two words differ, each lane counting as at least `floor`.
    function distance(uint256 a, uint256 b, uint256 floor, uint256 slack) internal pure returns (uint256) {
        unchecked {
            (a, b) = (greatest(a, floor), greatest(b, floor));
            return sum(greatest(greatest(a, b) - least(a, b), slack) - slack);
        }
    }

    /// @notice The sums of neighbouring lanes, as eight 32-bit lanes.
    function fold(uint256 lanes) internal pure returns (uint256) {
        unchecked {
            return (lanes & EVEN_LANES) + ((lanes >> 16) & EVEN_LANES);
        }
    }

    /// @notice The sum of all lanes, by casting out 2^32 - 1 from the folded word.
    function sum(uint256 lanes) internal pure returns (uint256) {
        return fold(lanes) % 0xffffffff;
    }

    /// @notice The sum of the squares of all lanes, which are below 2^14.
    /// @dev In the product of a number with the same number read backwards, the middle digit is the sum of the squares of
    /// all digits. Eight digits of 32 bits hold it without a carry, so even and odd lanes are multiplied apart; of each
    /// product the word keeps the digits up to the middle one.
    function sumOfSquares(uint256 lanes) internal pure returns (uint256) {
        unchecked {
            uint256 mirrored = (lanes >> 128) | (lanes << 128);
            mirrored = ((mirrored >> 64) & LOW_64) | ((mirrored & LOW_64) << 64);
            mirrored = ((mirrored >> 32) & LOW_32) | ((mirrored & LOW_32) << 32);
            uint256 even = (lanes & EVEN_LANES) * (mirrored & EVEN_LANES);
            uint256 odd = ((lanes >> 16) & EVEN_LANES) * ((mirrored >> 16) & EVEN_LANES);
            return (even >> 224) + (odd >> 224);
        }
    }

    /// @notice The excess of every lane over 2^14, zero where there is none.
    function excess(uint256 lanes) internal pure returns (uint256) {
        unchecked {
            uint256 positive = (lanes & TOP_CODE_BIT) >> 14;
            return lanes & (positive * 0x3fff);
        }
    }

    /// @notice Whether a word is a valid part of a score vector: the first `used` lanes hold votes (15-bit codes
    /// other than 0, 6 and 7), the others are zero.
    function valid(uint256 lanes, uint256 used) internal pure returns (bool) {
        unchecked {
            uint256 padding = ONE << (16 * used);
            if (lanes & HIGH != 0 || lanes >> (16 * used) != 0) return false;
            uint256 notReserved = ((lanes >> 1) & ~HIGH) ^ (3 * ONE);
            return atLeast(lanes | padding, ONE) == ONE && atLeast(notReserved, ONE) == ONE;
        }
    }

    /// @notice The hash chain over words, from the back: H_i = keccak256(words[i], H_{i+1}), starting from `tail`, so
    /// that words can be taken off the front.
    function chainHash(uint256[] calldata words, bytes32 tail) internal pure returns (bytes32 head) {
        head = tail;
        // In assembly because a hash of two words costs less than the bounds check, the call and the encoding around it.
        assembly ("memory-safe") {
            for { let i := shl(5, words.length) } i {} {
                i := sub(i, 32)
                mstore(0, calldataload(add(words.offset, i)))
                mstore(32, head)
                head := keccak256(0, 64)
            }
        }
    }

    /// @notice The word with another code in one lane.
    function withLane(uint256 lanes, uint256 index, uint16 code) internal pure returns (uint256) {
        uint256 shift = 16 * (index % PER_WORD);
        return (lanes & ~(uint256(0xffff) << shift)) | (uint256(code) << shift);
    }

    /// @notice The code in one lane.
    function lane(uint256 lanes, uint256 index) internal pure returns (uint16) {
        return uint16(lanes >> (16 * (index % PER_WORD)));
    }
}
