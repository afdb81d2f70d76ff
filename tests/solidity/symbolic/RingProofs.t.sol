// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {Ring, Rings} from "../../../contracts/libraries/Rings.sol";

/// @notice Proofs for halmos: `halmos --contract RingProofs` (see docs/protocol.md). Each `check_` holds for every word
/// that a ring can be; forge runs none of them.
contract RingProofs {
    /// @notice No commitment, whatever its bits, poses as a record, lifts a suspension, or overwrites a record: every record
    /// there was is there after it.
    function check_commit(uint256 word, bytes32 commitment, uint24 round, uint24 other) external pure {
        if (round > Rings.MAX_ROUND) return;
        Ring before = Ring.wrap(word);
        (bool accepted, Ring ring) = before.commit(commitment, round);
        if (!accepted) return;
        assert(before.isMember() && !before.suspended() && round > before.latest());
        assert(ring.isMember() && !ring.suspended() && ring.latest() == round);
        assert(ring.lane(round) == Rings.COMMITTED && ring.awaits(round) && ring.matches(commitment));
        if (other <= before.latest()) assert(ring.lane(other) == before.lane(other));
    }

    /// @notice A member that is not suspended is refused only for an old round or for a record that would fall out.
    function check_refusal(uint256 word, bytes32 commitment, uint24 round) external pure {
        if (round > Rings.MAX_ROUND) return;
        Ring ring = Ring.wrap(word);
        if (!ring.isMember() || ring.suspended() || round <= ring.latest()) return;
        // Before round 5 the older lanes would stand for rounds before the first one; they are empty then.
        if (ring.latest() < Rings.ROUNDS) return;
        (bool accepted,) = ring.commit(commitment, round);
        uint32 oldest = ring.oldest();
        assert(accepted == (oldest == 0 || round - oldest < Rings.ROUNDS));
    }

    /// @notice A reveal turns the latest commitment into its update's record and changes nothing else.
    function check_reveal(uint256 word, uint16 index, uint24 other) external pure {
        Ring before = Ring.wrap(word);
        uint32 round = before.latest();
        if (!before.awaits(round) || index > Rings.MAX_INDEX) return;
        // Records are processed once their round is over, when nothing is revealed any more.
        if (before.lane(round) == 0) return;
        Ring ring = before.reveal(index);
        assert(ring.lane(round) == Rings.REVEALED + index && !ring.awaits(round));
        assert(ring.latest() == round && ring.suspended() == before.suspended() && ring.isMember() == before.isMember());
        assert(ring.prefix() == before.prefix());
        if (other != round) assert(ring.lane(other) == before.lane(other));
    }

    /// @notice A record that is processed counts as gone but keeps its lane, and all else stays.
    function check_process(uint256 word, uint24 round, uint24 other) external pure {
        Ring before = Ring.wrap(word);
        if (before.lane(round) == 0) return;
        Ring ring = before.process(round);
        assert(ring.lane(round) == 0 && ring.laneAt(before.latest() - round) == before.lane(round));
        assert(ring.latest() == before.latest() && ring.prefix() == before.prefix());
        assert(ring.suspended() == before.suspended() && ring.isMember() == before.isMember());
        if (other != round) assert(ring.lane(other) == before.lane(other));
    }

    /// @notice A suspension touches its own bit alone.
    function check_suspension(uint256 word, bool on, uint24 round) external pure {
        Ring before = Ring.wrap(word);
        Ring ring = before.withSuspension(on);
        assert(ring.suspended() == on && ring.isMember() == before.isMember() && ring.latest() == before.latest());
        assert(ring.lane(round) == before.lane(round) && ring.prefix() == before.prefix());
    }
}
