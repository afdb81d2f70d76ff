// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {Ring, Rings} from "../../contracts/libraries/Rings.sol";
import {Test} from "./utils/Test.sol";

/// @notice The packed ring against a plain one: a mapping from rounds to what was recorded.
contract RingsTest is Test {
    mapping(uint32 round => uint256 lane) private lanes;
    uint32 private latest;

    function test_empty() public pure {
        assertTrue(Rings.EMPTY.isMember() && !Rings.EMPTY.suspended(), "an active member");
        assertEq(Rings.EMPTY.latest(), 0, "no round");
        assertEq(Rings.EMPTY.oldest(), 0, "no record");
        assertEq(Rings.EMPTY.lane(0), 0, "not of round 0 either");
    }

    function test_commit_refusesStrangersAndTheSuspended() public pure {
        (bool accepted,) = Ring.wrap(0).commit(0, 1);
        assertTrue(!accepted, "a stranger");
        (accepted,) = Rings.EMPTY.withSuspension(true).commit(0, 1);
        assertTrue(!accepted, "a suspended member");
        (accepted,) = Rings.EMPTY.withSuspension(true).withSuspension(false).commit(0, 1);
        assertTrue(accepted, "a member again");
    }

    /// @dev What a record's lane is lost by any shift, also by one that leaves the word.
    function testFuzz_commit_neverDropsARecord(uint24 first, uint24 ahead) public pure {
        first = uint24(bound(first, 1, Rings.MAX_ROUND - 1));
        uint32 next = uint32(bound(ahead, first + 1, Rings.MAX_ROUND));
        (, Ring ring) = Rings.EMPTY.commit(bytes32(type(uint256).max), first);
        (bool accepted, Ring moved) = ring.commit(0, next);
        assertTrue(accepted == (next - first < Rings.ROUNDS), "room for five rounds");
        if (accepted) assertEq(moved.lane(first), Rings.COMMITTED, "kept");
        (accepted, moved) = ring.process(first).commit(0, next);
        assertTrue(accepted, "an empty ring goes any distance");
        assertEq(moved.latest(), next, "latest");
    }

    function testFuzz_againstAPlainRing(uint256 seed) public {
        Ring ring = Rings.EMPTY;
        for (uint256 i; i < 60; ++i) {
            uint256 draw = uint256(keccak256(abi.encode(seed, i)));
            if (draw % 3 == 0) ring = _commit(ring, latest + 1 + uint32(draw >> 8) % 3, bytes32(draw));
            if (draw % 3 == 1 && lanes[latest] == Rings.COMMITTED) ring = _reveal(ring, (draw >> 8) % Rings.MAX_INDEX);
            if (draw % 3 == 2) ring = _remove(ring, latest - uint32((draw >> 8) % 7) % (latest + 1));
            _compare(ring);
        }
    }

    function _commit(Ring ring, uint32 round, bytes32 commitment) private returns (Ring) {
        bool full;
        for (uint32 r = 1; r + Rings.ROUNDS <= round; ++r) {
            full = full || lanes[r] != 0;
        }
        (bool accepted, Ring changed) = ring.commit(commitment, round);
        assertTrue(accepted == !full, "accepted");
        if (full) return ring;
        (latest, lanes[round]) = (round, Rings.COMMITTED);
        assertTrue(changed.awaits(round) && changed.matches(commitment), "its commitment");
        assertTrue(!changed.matches(~commitment), "no other one");
        assertEq(changed.prefix(), (commitment >> 96) << 96, "the top 160 bits");
        return changed;
    }

    function _reveal(Ring ring, uint256 index) private returns (Ring) {
        lanes[latest] = Rings.REVEALED + index;
        return ring.reveal(index);
    }

    function _remove(Ring ring, uint32 round) private returns (Ring) {
        if (lanes[round] == 0) return ring;
        lanes[round] = 0;
        return ring.process(round);
    }

    function _compare(Ring ring) private view {
        uint32 oldest;
        assertEq(ring.latest(), latest, "latest");
        for (uint32 r = latest + 2; r > 0; --r) {
            assertEq(ring.lane(r), lanes[r], "lane");
            if (lanes[r] != 0) oldest = r;
        }
        assertEq(ring.oldest(), oldest, "oldest");
        assertTrue(ring.isMember() && !ring.suspended(), "flags");
    }
}
