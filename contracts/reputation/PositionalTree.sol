// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

/// @title PositionalTree
/// @author Karat
/// @notice Merkle trees in which a leaf's index and the number of leaves fix its place: the bits of the index say on which
/// side each sibling is; where there is nothing to the right, a node is its only child. So one list has one root.
library PositionalTree {
    /// @notice The depth of a tree of `count` leaves.
    function depth(uint256 count) internal pure returns (uint256 levels) {
        while ((uint256(1) << levels) < count) ++levels;
    }

    /// @notice Whether `leaf` is at `index` in the tree of `count` leaves under `root`.
    function holds(bytes32 root, uint256 count, uint256 index, bytes32 leaf, bytes32[] calldata path)
        internal
        pure
        returns (bool)
    {
        if (index >= count) return false;
        unchecked {
            // The last place of each height tells whether there is a sibling; the loop is most of a fraud proof's gas.
            uint256 last = count - 1;
            uint256 at;
            assembly ("memory-safe") {
                at := path.offset
            }
            uint256 end = at + 32 * path.length;
            for (; last != 0; (last, index) = (last >> 1, index >> 1)) {
                // slither-disable-next-line incorrect-exp
                if ((index ^ 1) > last) continue;
                if (at == end) return false;
                assembly ("memory-safe") {
                    let place := shl(5, and(index, 1))
                    mstore(place, leaf)
                    // slither-disable-next-line incorrect-exp
                    mstore(xor(place, 32), calldataload(at))
                    leaf := keccak256(0, 64)
                }
                at += 32;
            }
            return at == end && leaf == root;
        }
    }

    /// @notice Whether `left` and `right` are at `index` and the next place, by one path: the siblings of both, the left one's
    /// first, up to where they meet, which need none, and of what is above that.
    function holdsBoth(bytes32 root, uint256 count, uint256 index, bytes32 left, bytes32 right, bytes32[] calldata path)
        internal
        pure
        returns (bool)
    {
        if (index + 1 >= count) return false;
        (uint256 at, bool met) = (0, false);
        for (uint256 last = count - 1; last != 0; (last, index) = (last >> 1, index >> 1)) {
            if (met) {
                if ((index ^ 1) > last) continue;
                if (at == path.length) return false;
                left = index & 1 == 0 ? pair(left, path[at++]) : pair(path[at++], left);
            } else if (index & 1 == 0) {
                (left, met) = (pair(left, right), true);
            } else {
                if (at == path.length) return false;
                left = pair(path[at++], left);
                if (index + 2 > last) continue;
                if (at == path.length) return false;
                right = pair(right, path[at++]);
            }
        }
        return at == path.length && left == root;
    }

    /// @notice The root over neighbouring hashes of one height.
    function fold(bytes32[] calldata hashes) internal pure returns (bytes32) {
        bytes32[] memory level = hashes;
        uint256 width = level.length;
        while (width > 1) {
            uint256 pairs = width / 2;
            for (uint256 i; i < pairs; ++i) {
                level[i] = pair(level[2 * i], level[2 * i + 1]);
            }
            if (width % 2 == 1) level[pairs] = level[width - 1];
            width = pairs + width % 2;
        }
        return level[0];
    }

    /// @notice keccak256 of two hashes.
    function pair(bytes32 left, bytes32 right) internal pure returns (bytes32 hash) {
        // Scratch space: saves the copy that abi.encode makes.
        assembly ("memory-safe") {
            mstore(0, left)
            mstore(32, right)
            hash := keccak256(0, 64)
        }
    }
}
