// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {Ring, Rings} from "../../../contracts/libraries/Rings.sol";

/// @notice Proofs for halmos: `halmos --contract BatchProofs` (see docs/protocol.md). A batch commits and reveals a
/// trainer's update in one step: that is as good as the two, for every word that a ring can be.
contract BatchProofs {
    /// @notice The record is the update's, all records that were there are there, and nobody comes in that may not commit.
    function check_takeEntry(uint256 word, bytes32 hash, uint24 round, uint16 index, uint24 other) external pure {
        if (index > Rings.MAX_INDEX || round > Rings.MAX_ROUND) return;
        Ring before = Ring.wrap(word);
        (bool accepted, Ring ring) = before.commit(hash, round);
        if (!accepted) return;
        ring = ring.reveal(index);
        assert(before.isMember() && !before.suspended() && round > before.latest());
        assert(ring.isMember() && !ring.suspended() && ring.latest() == round);
        assert(ring.lane(round) == Rings.REVEALED + index && !ring.awaits(round) && ring.matches(hash));
        if (other <= before.latest()) assert(ring.lane(other) == before.lane(other));
    }

    /// @notice An entry that was taken is taken once: a second one of the same trainer, in this batch or another, is not.
    function check_takenOnce(uint256 word, bytes32 hash, bytes32 again, uint24 round, uint16 index) external pure {
        if (index > Rings.MAX_INDEX || round > Rings.MAX_ROUND) return;
        (bool accepted, Ring ring) = Ring.wrap(word).commit(hash, round);
        if (!accepted) return;
        (bool twice,) = ring.reveal(index).commit(again, round);
        assert(!twice);
    }
}
