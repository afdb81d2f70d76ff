// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {RecordKind} from "../interfaces/LedgerTypes.sol";

/// @notice One slot of a trainer's ring. From the low end: kind (7 bits), suspended (1), round (32), then either the
/// top 216 bits of a commitment or, once revealed, the index (16) and the top 200 bits of the digest. A slot of a
/// member is never zero, so membership needs no storage read of its own and rewriting a slot stays cheap.
type RecordSlot is bytes32;

using RecordSlots for RecordSlot global;

/// @title RecordSlots
/// @author Karat
/// @notice Packs and unpacks ring slots.
library RecordSlots {
    /// @notice How many slots a trainer's ring has; round r uses slot r % RING.
    uint256 internal constant RING = 8;

    /// @notice An empty slot of a member.
    RecordSlot internal constant FREE = RecordSlot.wrap(bytes32(uint256(RecordKind.Free)));

    uint256 private constant SUSPENDED = 0x80;
    uint256 private constant LOW_40_BITS = (1 << 40) - 1;
    uint256 private constant LOW_56_BITS = (1 << 56) - 1;

    /// @notice A slot that holds a commitment; the low byte's kind keeps any commitment from posing as a record.
    function committed(bytes32 commitment, uint32 inRound) internal pure returns (RecordSlot) {
        uint256 low = (uint256(inRound) << 8) | uint256(RecordKind.Committed);
        return RecordSlot.wrap(bytes32((uint256(commitment) & ~LOW_40_BITS) | low));
    }

    /// @notice A slot that holds a revealed record; keeps the suspension of the slot it replaces.
    function revealed(RecordSlot slot, bytes32 digest, uint16 position) internal pure returns (RecordSlot) {
        uint256 low = (uint256(position) << 40) | (uint256(slot.round()) << 8)
            | (uint256(RecordSlot.unwrap(slot)) & SUSPENDED) | uint256(RecordKind.Revealed);
        return RecordSlot.wrap(bytes32((uint256(digest) & ~LOW_56_BITS) | low));
    }

    /// @notice The slot emptied; keeps its suspension.
    function freed(RecordSlot slot) internal pure returns (RecordSlot) {
        return RecordSlot.wrap(bytes32((uint256(RecordSlot.unwrap(slot)) & SUSPENDED) | uint256(RecordKind.Free)));
    }

    /// @notice The slot with the suspension set or lifted.
    function withSuspension(RecordSlot slot, bool on) internal pure returns (RecordSlot) {
        uint256 bare = uint256(RecordSlot.unwrap(slot)) & ~SUSPENDED;
        return RecordSlot.wrap(bytes32(on ? bare | SUSPENDED : bare));
    }

    /// @notice Whether the slot is empty and its trainer may commit.
    function isFree(RecordSlot slot) internal pure returns (bool) {
        return RecordSlot.unwrap(slot) == RecordSlot.unwrap(FREE);
    }

    /// @notice Whether the slot holds exactly this commitment for this round.
    function holds(RecordSlot slot, bytes32 commitment, uint32 ofRound) internal pure returns (bool) {
        return RecordSlot.unwrap(slot.withSuspension(false)) == RecordSlot.unwrap(committed(commitment, ofRound));
    }

    function kind(RecordSlot slot) internal pure returns (RecordKind) {
        return RecordKind(uint256(RecordSlot.unwrap(slot)) & 0x7f);
    }

    function suspended(RecordSlot slot) internal pure returns (bool) {
        return uint256(RecordSlot.unwrap(slot)) & SUSPENDED != 0;
    }

    function round(RecordSlot slot) internal pure returns (uint32) {
        return uint32(uint256(RecordSlot.unwrap(slot)) >> 8);
    }

    function index(RecordSlot slot) internal pure returns (uint16) {
        return uint16(uint256(RecordSlot.unwrap(slot)) >> 40);
    }

    /// @notice The commitment's or the digest's kept bits, the rest zero.
    function content(RecordSlot slot) internal pure returns (bytes32) {
        uint256 low = slot.kind() == RecordKind.Revealed ? LOW_56_BITS : LOW_40_BITS;
        return bytes32(uint256(RecordSlot.unwrap(slot)) & ~low);
    }
}
