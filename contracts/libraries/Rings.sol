// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

/// @notice A trainer's records of its last five rounds, in one word, so that a round's commit, reveal and claim rewrite
/// the same storage slot, and several claims at once write it only once. A lane holds 0 for no record, 1 for a
/// commitment that is not revealed, and 2 plus the index of a revealed update. A record that was processed keeps its
/// lane, with its flag set: the index still leads to the trainer's last medians, which are the forecast of its next.
///
///   | bits    | what                                                         |
///   |---------|--------------------------------------------------------------|
///   | 0       | member                                                       |
///   | 1       | suspended                                                    |
///   | 2–20    | the latest round committed in                                |
///   | 21–25   | processed: one flag for that round and each of the four before |
///   | 26–95   | five lanes of 14 bits, in the same order                     |
///   | 96–255  | the top 160 bits of the latest commitment                    |
type Ring is uint256;

using Rings for Ring global;

/// @title Rings
/// @author Karat
/// @notice Packs and unpacks the records of a trainer.
library Rings {
    /// @notice How many rounds a ring holds.
    uint256 internal constant ROUNDS = 5;

    /// @notice The ring of a new trainer; a member's ring is never zero.
    Ring internal constant EMPTY = Ring.wrap(1);

    /// @notice The largest number of a round, and the largest index of an update.
    uint256 internal constant MAX_ROUND = 0x7ffff;
    uint256 internal constant MAX_INDEX = 16_381;

    /// @notice What a lane holds; `REVEALED` plus the index.
    uint256 internal constant COMMITTED = 1;
    uint256 internal constant REVEALED = 2;

    uint256 private constant MEMBER = 1;
    uint256 private constant SUSPENDED = 2;
    uint256 private constant LANE_BITS = 14;
    uint256 private constant LANE = 0x3fff;
    uint256 private constant LANES = 0x3fffffffffffffffff;

    uint256 private constant FLAGS = 0x1f;
    /// Bit i of a product with `SPREAD` lands at bit 14i; `LOW_BITS` has the lowest bit of each lane.
    uint256 private constant SPREAD = 1 | (1 << 13) | (1 << 26) | (1 << 39) | (1 << 52);
    uint256 private constant LOW_BITS = 1 | (1 << 14) | (1 << 28) | (1 << 42) | (1 << 56);

    /// Where the fields begin.
    uint256 private constant ROUND_AT = 2;
    uint256 private constant FLAGS_AT = 21;
    uint256 private constant LANES_AT = 26;
    uint256 private constant COMMITMENT_AT = 96;

    // ---------------------------------------------------------------- changes

    /// @notice The ring with a commitment for another round, if it accepts it: it is a member's that is not suspended, the
    /// round is new, and no record falls out as the lanes move up.
    function commit(Ring ring, bytes32 commitment, uint32 round) internal pure returns (bool accepted, Ring changed) {
        unchecked {
            uint256 word = Ring.unwrap(ring);
            uint256 last = (word >> ROUND_AT) & MAX_ROUND;
            uint256 lanes = (word >> LANES_AT) & LANES;
            uint256 distance = LANE_BITS * (round - last);
            uint256 pending = lanes & ~_lanesOf(word);
            uint256 moved = pending << distance;
            // What left the five lanes, or even the word; and whether the flags are other than those of an active member.
            uint256 lost = (moved & ~LANES) | ((moved >> distance) ^ pending);
            uint256 barred = (word ^ MEMBER) & (MEMBER | SUSPENDED);
            accepted = lost | barred == 0 && round > last;
            uint256 low = (((lanes << distance) & LANES) | COMMITTED) << LANES_AT;
            low |= (((word >> FLAGS_AT) & FLAGS) << (round - last) & FLAGS) << FLAGS_AT;
            low |= (uint256(round) << ROUND_AT) | MEMBER;
            changed = Ring.wrap(((uint256(commitment) >> COMMITMENT_AT) << COMMITMENT_AT) | low);
        }
    }

    /// @notice The ring with its latest commitment revealed.
    function reveal(Ring ring, uint256 index) internal pure returns (Ring) {
        unchecked {
            return Ring.wrap(Ring.unwrap(ring) + ((REVEALED - COMMITTED + index) << LANES_AT));
        }
    }

    /// @notice The ring with its record of a round, which it holds, marked as processed.
    function process(Ring ring, uint32 round) internal pure returns (Ring) {
        unchecked {
            return Ring.wrap(Ring.unwrap(ring) | (1 << (FLAGS_AT + ring.latest() - round)));
        }
    }

    /// @notice The ring of a trainer that joins while `round` is the current one, in which it may still commit.
    function joined(uint32 round) internal pure returns (Ring) {
        uint256 last = round == 0 ? 0 : round - 1;
        return Ring.wrap(Ring.unwrap(EMPTY) | (last << ROUND_AT));
    }

    /// @notice The ring with the suspension set or lifted.
    function withSuspension(Ring ring, bool on) internal pure returns (Ring) {
        return Ring.wrap(on ? Ring.unwrap(ring) | SUSPENDED : Ring.unwrap(ring) & ~SUSPENDED);
    }

    // -------------------------------------------------------------- questions

    /// @notice Whether the ring waits for a reveal in this round.
    function awaits(Ring ring, uint32 round) internal pure returns (bool) {
        return ring.latest() == round && (Ring.unwrap(ring) >> LANES_AT) & LANE == COMMITTED;
    }

    /// @notice Whether the latest commitment equals this one in its top 160 bits.
    function matches(Ring ring, bytes32 commitment) internal pure returns (bool) {
        return (Ring.unwrap(ring) ^ uint256(commitment)) >> COMMITMENT_AT == 0;
    }

    /// @notice The lane of a round, 0 where the ring has no record of it, or only a processed one.
    function lane(Ring ring, uint32 round) internal pure returns (uint256) {
        unchecked {
            uint256 age = uint256(ring.latest()) - round;
            if (age >= ROUNDS || (Ring.unwrap(ring) >> (FLAGS_AT + age)) & 1 != 0) return 0;
            return ring.laneAt(age);
        }
    }

    /// @notice The lane of the round `age` before the latest, processed or not.
    function laneAt(Ring ring, uint256 age) internal pure returns (uint256) {
        unchecked {
            return (Ring.unwrap(ring) >> (LANES_AT + LANE_BITS * age)) & LANE;
        }
    }

    /// @notice The round of the oldest record, 0 if there is none.
    function oldest(Ring ring) internal pure returns (uint32) {
        unchecked {
            uint32 last = ring.latest();
            for (uint32 age = uint32(ROUNDS); age > 0; --age) {
                if (age <= last && ring.lane(last + 1 - age) != 0) return last + 1 - age;
            }
            return 0;
        }
    }

    function isMember(Ring ring) internal pure returns (bool) {
        return Ring.unwrap(ring) & MEMBER != 0;
    }

    function suspended(Ring ring) internal pure returns (bool) {
        return Ring.unwrap(ring) & SUSPENDED != 0;
    }

    /// @notice The latest round committed in, 0 if there was none.
    function latest(Ring ring) internal pure returns (uint32) {
        return uint32((Ring.unwrap(ring) >> ROUND_AT) & MAX_ROUND);
    }

    /// @notice The top 160 bits of the latest commitment, the rest zero.
    function prefix(Ring ring) internal pure returns (bytes32) {
        return bytes32((Ring.unwrap(ring) >> COMMITMENT_AT) << COMMITMENT_AT);
    }

    /// @dev All bits of the lanes whose record was processed.
    function _lanesOf(uint256 word) private pure returns (uint256) {
        unchecked {
            return ((((word >> FLAGS_AT) & FLAGS) * SPREAD) & LOW_BITS) * LANE;
        }
    }
}
