// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILedgerErrors, LedgerTest, Phase, TaskParams} from "./utils/LedgerTest.sol";

/// @notice Who may serve in a round: the verifiers that were active when it opened, nobody with more than a third of the
/// weight. Nobody who joins, tops up or asks to leave later, knowing the updates, the seed or the votes, changes committee
/// or jury; and nobody chooses the seed by calling at the right moment.
contract PanelTest is LedgerTest {
    uint256 private constant VERIFIERS = 9;
    address private late = address(0x1a7e);
    uint32 private round;

    function setUp() public override {
        super.setUp();
        _createTask(_params(), _equalWeights(VERIFIERS), 1);
        _purse(late);
    }

    function _params() internal view override returns (TaskParams memory params) {
        params = super._params();
        (params.committeeSize, params.appealWindow, params.appealBond) = (3, 100, 30e18);
        params.maxTrainers = 64;
    }

    function _appointAndJoin(uint16 weight) private {
        vm.prank(sponsor);
        ledger.appointVerifier(taskId, late, weight);
        vm.prank(late);
        ledger.joinVerifier(taskId, _rules(taskId), VERIFIER_STAKE);
    }

    /// @dev Opens a round and takes it to some seconds before or after the end of the commit phase.
    function _openUntil(int256 afterCommits) private {
        round = ledger.openRound(taskId);
        _commit(round, trainerAt(0));
        vm.warp(uint256(int256(uint256(ledger.roundInfo(taskId, round).commitDeadline)) + afterCommits));
    }

    function _close() private {
        vm.warp(ledger.roundInfo(taskId, round).commitDeadline);
        _reveal(round, trainerAt(0));
        vm.warp(ledger.roundInfo(taskId, round).revealDeadline);
        _closeReveal(round);
    }

    function _settleRound() private returns (uint256[][] memory vectors) {
        uint16[][] memory votes = new uint16[][](3);
        for (uint256 i; i < votes.length; ++i) {
            votes[i] = new uint16[](1);
            votes[i][0] = ZERO + 1;
        }
        vectors = _score(round, votes);
        _settle(round, vectors);
    }

    function _seated(address verifier) private view returns (bool) {
        address[] memory members = ledger.committee(taskId, round).verifiers;
        for (uint256 i; i < members.length; ++i) {
            if (members[i] == verifier) return true;
        }
        return false;
    }

    // ------------------------------------------------------------ committee

    function test_closeReveal_drawsWhoJoinedBeforeTheRoundOpened() public {
        _appointAndJoin(30_000);
        vm.warp(block.timestamp + 1);
        uint256 drawn;
        for (uint256 i; i < 40; ++i) {
            vm.roll(block.number + 1);
            uint256 held = vm.snapshotState();
            _openUntil(0);
            _close();
            assertEq(ledger.roundInfo(taskId, round).weightCap, 4, "half of the others' weight");
            assertTrue(ledger.roundInfo(taskId, round).committeeWeight <= 6, "and so in the committee");
            if (_seated(late)) ++drawn;
            vm.revertToState(held);
        }
        assertTrue(drawn > 10 && drawn < 40, "often, and not always");
    }

    function test_closeReveal_drawsNobodyWhoJoinedRightAfterTheOpening() public {
        round = ledger.openRound(taskId);
        vm.warp(block.timestamp + 1);
        _appointAndJoin(30_000);
        _commit(round, trainerAt(0));
        _close();
        assertTrue(!_seated(late), "not in the next block");
    }

    function test_closeReveal_drawsNobodyWhoJoinedAfterTheOpening() public {
        _openUntil(0);
        _appointAndJoin(30_000);
        _close();
        assertTrue(!_seated(late), "not in this round");
        assertEq(ledger.roundInfo(taskId, round).weightCap, 1, "nor in its weights");
        _settleRound();
        vm.warp(ledger.roundInfo(taskId, round).finalAt + 100);
        _claim(trainerAt(0), round);
        _openUntil(0);
        _close();
        assertEq(ledger.roundInfo(taskId, round).weightCap, 4, "but in the next");
    }

    function test_closeReveal_drawsNobodyWhoAskedToLeaveBefore() public {
        for (uint256 i; i < VERIFIERS - 1; ++i) {
            vm.prank(verifierAt(i));
            ledger.requestLeave(taskId);
        }
        vm.warp(block.timestamp + 1);
        _openUntil(0);
        _close();
        assertEq(ledger.committee(taskId, round).verifiers.length, 1, "the one that stays");
    }

    function test_closeReveal_drawsNobodyWhoHasLeft() public {
        _openUntil(0);
        _reveal(round, trainerAt(0));
        vm.prank(verifierAt(0));
        ledger.requestLeave(taskId);
        vm.warp(block.timestamp + 1000);
        vm.prank(verifierAt(0));
        ledger.leave(taskId);
        vm.prank(sponsor);
        ledger.appointVerifier(taskId, late, 30_000);
        vm.prank(late);
        ledger.joinVerifier(taskId, _rules(taskId), VERIFIER_STAKE);
        _closeReveal(round);
        assertTrue(!_seated(verifierAt(0)) && !_seated(late), "neither it nor who took its place");
    }

    function test_closeReveal_drawsNobodyWhoseSuspensionEndedLater() public {
        _openUntil(0);
        _close();
        address absent = ledger.committee(taskId, round).verifiers[0];
        address present = ledger.committee(taskId, round).verifiers[1];
        uint16[] memory code = new uint16[](1);
        code[0] = ZERO + 1;
        _commitScores(round, present, _pack(code));
        vm.warp(ledger.roundInfo(taskId, round).scoreCommitDeadline);
        _revealScores(round, present, _pack(code));
        vm.warp(ledger.roundInfo(taskId, round).scoreRevealDeadline);
        ledger.voidRound(taskId, round);
        assertTrue(ledger.member(taskId, absent).suspended, "slashed");
        _claim(trainerAt(0), round);
        for (uint256 i; i < VERIFIERS; ++i) {
            if (!ledger.member(taskId, verifierAt(i)).suspended) {
                vm.prank(verifierAt(i));
                ledger.requestLeave(taskId);
            }
        }
        vm.warp(block.timestamp + 1);
        _openUntil(0);
        vm.prank(sponsor);
        ledger.topUp(taskId, _rules(taskId), absent, VERIFIER_STAKE);
        _close();
        assertEq(ledger.committee(taskId, round).verifiers.length, 0, "nobody was active when the round opened");
    }

    function test_closeReveal_takesTheSeedInTwoSteps() public {
        _openUntil(0);
        _reveal(round, trainerAt(0));
        vm.warp(ledger.roundInfo(taskId, round).revealDeadline);
        expectEvent(address(ledger));
        emit SeedFixed(taskId, round, uint64(block.number));
        ledger.closeReveal(taskId, round);
        uint256 named = block.number;
        ledger.closeReveal(taskId, round);
        assertEq(uint256(ledger.phase(taskId, round)), uint256(Phase.Close), "nothing is drawn in the same block");
        assertEq(ledger.committee(taskId, round).verifiers.length, 0, "nobody");
        vm.roll(named + 200);
        ledger.closeReveal(taskId, round);
        assertEq(ledger.roundInfo(taskId, round).seed, blockhash(named), "the hash of the block that was named");
    }

    function test_closeReveal_namesAnotherBlockWhereTheHashIsForgotten() public {
        _openUntil(0);
        _reveal(round, trainerAt(0));
        vm.warp(ledger.roundInfo(taskId, round).revealDeadline);
        ledger.closeReveal(taskId, round);
        vm.roll(block.number + 257);
        ledger.closeReveal(taskId, round);
        assertEq(ledger.roundInfo(taskId, round).seedBlock, block.number, "named anew");
    }

    /// @dev Two tasks that close in the same block have the same seed, so the same committee, whatever some do in one.
    function testFuzz_closeReveal_drawsByTheSeedAlone(uint256 seed, uint16 weight, uint16 leavers) public {
        vm.roll(bound(seed, 1000, 1_000_000));
        uint256 other = taskId;
        _createTask(_params(), _equalWeights(VERIFIERS), 1);
        (uint256 changed, uint256 unchanged) = (taskId, other);
        for (uint256 i; i < 2; ++i) {
            taskId = i == 0 ? changed : unchanged;
            round = ledger.openRound(taskId);
            _commit(round, trainerAt(0));
        }
        vm.warp(ledger.roundInfo(taskId, round).commitDeadline);
        for (uint256 i; i < 2; ++i) {
            taskId = i == 0 ? changed : unchanged;
            _reveal(round, trainerAt(0));
        }
        vm.warp(ledger.roundInfo(taskId, round).revealDeadline);
        taskId = changed;
        _appointAndJoin(uint16(bound(weight, 1, 30_000)));
        for (uint256 i; i < VERIFIERS; ++i) {
            if ((leavers >> i) & 1 == 0) continue;
            vm.prank(verifierAt(i));
            ledger.requestLeave(taskId);
        }
        for (uint256 i; i < 2; ++i) {
            ledger.closeReveal(changed, round);
            ledger.closeReveal(unchanged, round);
            vm.roll(block.number + 1);
        }
        address[] memory got = ledger.committee(changed, round).verifiers;
        address[] memory expected = ledger.committee(unchanged, round).verifiers;
        assertEq(keccak256(abi.encode(got)), keccak256(abi.encode(expected)), "the same committee");
    }

    // ----------------------------------------------------------------- jury

    function test_appeal_callsNobodyWhoJoinedLater() public {
        _openUntil(0);
        _close();
        _settleRound();
        _appointAndJoin(30_000);
        vm.prank(sponsor);
        ledger.appeal(taskId, _rules(taskId), round, 0);
        assertEq(ledger.appealInfo(taskId, round, 0).juryWeight, VERIFIERS, "the verifiers of the round");
        vm.prank(late);
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.NotInJury.selector, late, round, 0));
        ledger.commitAppealVote(taskId, round, 0, bytes32(uint256(1)));
    }

    function test_appeal_callsThoseWhoAskedToLeaveSince() public {
        _openUntil(0);
        _close();
        _settleRound();
        for (uint256 i; i < VERIFIERS; ++i) {
            vm.prank(verifierAt(i));
            ledger.requestLeave(taskId);
        }
        vm.prank(sponsor);
        ledger.appeal(taskId, _rules(taskId), round, 0);
        assertEq(ledger.appealInfo(taskId, round, 0).juryWeight, VERIFIERS, "all the same");
        assertEq(uint256(ledger.phase(taskId, round)), uint256(Phase.Appeal), "open");
    }
}
