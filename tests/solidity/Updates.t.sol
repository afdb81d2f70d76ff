// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {
    ILedgerErrors,
    LedgerTest,
    Phase,
    RecordKind,
    RecordView,
    Role,
    TaskParams,
    VerifierGrant
} from "./utils/LedgerTest.sol";

/// @notice openRound, commit, commitFor, reveal, revealFor, closeReveal.
contract UpdatesTest is LedgerTest {
    uint256 private constant KEY = 0xA11CE;
    address private signer;
    uint32 private round;

    function setUp() public override {
        super.setUp();
        _createTask(_params(), _equalWeights(3), 3);
        signer = vm.addr(KEY);
        _purse(signer);
        vm.prank(signer);
        ledger.joinTrainer(taskId, _rules(taskId), STAKE);
        round = ledger.openRound(taskId);
    }

    function _wrongPhase(Phase current, Phase needed) private {
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.WrongPhase.selector, taskId, round, current, needed));
    }

    // ------------------------------------------------------------- openRound

    function test_openRound_revertsWhileARoundRuns() public {
        _wrongPhase(Phase.Commit, Phase.Final);
        ledger.openRound(taskId);
    }

    function test_openRound_revertsWithoutEscrow() public {
        vm.prank(sponsor);
        taskId = ledger.createTask(_params(), 1, new VerifierGrant[](0));
        vm.expectRevert(
            abi.encodeWithSelector(ILedgerErrors.EscrowTooLow.selector, 1, uint256(TRAINER_BUDGET) + VERIFIER_BUDGET)
        );
        ledger.openRound(taskId);
    }

    function test_openRound_revertsAfterTheLastRound() public {
        TaskParams memory params = _params();
        params.maxRounds = 1;
        _createTask(params, _equalWeights(1), 3);
        _runRound(_codes(1, 1, 1));
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.NoRoundsLeft.selector, 1));
        ledger.openRound(taskId);
    }

    function test_openRound_waitsForTheModelUntilTheDeadline() public {
        _createTask(_params(), _equalWeights(1), 3);
        _runRound(_codes(ZERO + 1, ZERO + 1, ZERO + 1));
        uint256 deadline = block.timestamp + 100;
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.AwaitingModel.selector, 1, deadline));
        ledger.openRound(taskId);
        vm.warp(deadline);
        assertEq(ledger.openRound(taskId), 2, "round");
        assertEq(ledger.task(taskId).baseDigest, keccak256("model"), "the base stays");
    }

    function test_openRound_reservesTheBudgets() public {
        _createTask(_params(), _equalWeights(1), 0);
        expectEvent(address(ledger));
        emit RoundOpened(
            taskId,
            1,
            keccak256("model"),
            4096,
            uint40(block.timestamp + 100),
            uint40(block.timestamp + 200),
            TRAINER_BUDGET
        );
        ledger.openRound(taskId);
        assertEq(ledger.task(taskId).escrow, ESCROW - TRAINER_BUDGET - VERIFIER_BUDGET, "escrow");
    }

    // ---------------------------------------------------------------- commit

    function test_commit_revertsOutsideThePhase() public {
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.WrongPhase.selector, taskId, 2, Phase.None, Phase.Commit));
        ledger.commit(taskId, 2, bytes32(0));
        vm.warp(block.timestamp + 100);
        _wrongPhase(Phase.Reveal, Phase.Commit);
        vm.prank(trainerAt(0));
        ledger.commit(taskId, round, bytes32(0));
    }

    function test_commit_revertsForOthersAndTwice() public {
        vm.expectRevert(
            abi.encodeWithSelector(ILedgerErrors.WrongRole.selector, address(this), Role.None, Role.Trainer)
        );
        ledger.commit(taskId, round, bytes32(0));
        vm.prank(verifierAt(0));
        vm.expectRevert(
            abi.encodeWithSelector(ILedgerErrors.WrongRole.selector, verifierAt(0), Role.Verifier, Role.Trainer)
        );
        ledger.commit(taskId, round, bytes32(0));
        _commit(round, trainerAt(0));
        vm.prank(trainerAt(0));
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.AlreadyCommitted.selector, trainerAt(0), round));
        ledger.commit(taskId, round, bytes32(0));
    }

    function test_commit_revertsForLeavers() public {
        vm.startPrank(trainerAt(0));
        ledger.requestLeave(taskId);
        vm.expectRevert(
            abi.encodeWithSelector(ILedgerErrors.Leaving.selector, trainerAt(0), uint40(block.timestamp + 1000))
        );
        ledger.commit(taskId, round, bytes32(0));
        vm.stopPrank();
    }

    function test_commit_namesTheOldestUnclaimedRoundAndForfeitsNothing() public {
        _createTask(_params(), _equalWeights(1), 3);
        for (uint32 i = 1; i <= 5; ++i) {
            assertEq(_runRound(_codes(ZERO + 1, ZERO + 2, ZERO + 3)), i, "round");
            vm.warp(block.timestamp + 101);
        }
        uint32 next = ledger.openRound(taskId);
        vm.prank(trainerAt(0));
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.RecordPending.selector, trainerAt(0), 1));
        ledger.commit(taskId, next, bytes32(0));
        assertTrue(_claim(trainerAt(0), 1) > 0, "the old record still pays");
        _commit(next, trainerAt(0));
    }

    function test_commit_keepsTheCommitment() public {
        bytes32 commitment = _updateCommitment(round, trainerAt(0));
        expectEvent(address(ledger));
        emit UpdateCommitted(taskId, trainerAt(0), round, commitment);
        _commit(round, trainerAt(0));
        RecordView memory record = ledger.record(taskId, trainerAt(0), round);
        assertEq(uint256(record.kind), uint256(RecordKind.Committed), "kind");
        assertEq(record.commitment, (commitment >> 96) << 96, "top 160 bits");
        assertEq(ledger.pendingRounds(taskId, trainerAt(0)).length, 1, "one pending round");
        assertEq(ledger.pendingRounds(taskId, trainerAt(0))[0], round, "this one");
    }

    function testFuzz_commit_noCommitmentPosesAsARecord(bytes32 commitment) public {
        vm.prank(trainerAt(0));
        ledger.commit(taskId, round, commitment);
        RecordView memory record = ledger.record(taskId, trainerAt(0), round);
        assertEq(uint256(record.kind), uint256(RecordKind.Committed), "kind");
        assertTrue(!record.suspended, "flag");
    }

    // ------------------------------------------------------------- commitFor

    function _permit(bytes32 commitment, uint256 deadline, uint256 key) private view returns (bytes memory) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Karat Ledger"),
                keccak256("1"),
                block.chainid,
                address(ledger)
            )
        );
        bytes32 message = keccak256(
            abi.encode(
                keccak256("Commit(uint256 taskId,uint32 round,address trainer,bytes32 commitment,uint256 deadline)"),
                taskId,
                round,
                signer,
                commitment,
                deadline
            )
        );
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, keccak256(abi.encodePacked("\x19\x01", domain, message)));
        return abi.encodePacked(r, s, v);
    }

    function test_commitFor_revertsOnAForeignSignatureOrAnotherCommitment() public {
        bytes32 commitment = _updateCommitment(round, signer);
        uint256 deadline = block.timestamp;
        bytes memory foreign = _permit(commitment, deadline, 0xB0B);
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.BadSignature.selector, signer));
        ledger.commitFor(taskId, round, signer, commitment, deadline, foreign);
        bytes memory own = _permit(commitment, deadline, KEY);
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.BadSignature.selector, signer));
        ledger.commitFor(taskId, round, signer, keccak256("other"), deadline, own);
    }

    function test_commitFor_revertsWhenExpired() public {
        uint256 deadline = block.timestamp - 1;
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.PermitExpired.selector, deadline));
        ledger.commitFor(taskId, round, signer, 0, deadline, "");
    }

    function test_commitFor_worksOnceForAnyone() public {
        bytes32 commitment = _updateCommitment(round, signer);
        bytes memory signature = _permit(commitment, block.timestamp, KEY);
        expectEvent(address(ledger));
        emit UpdateCommitted(taskId, signer, round, commitment);
        ledger.commitFor(taskId, round, signer, commitment, block.timestamp, signature);
        ledger.commitFor(taskId, round, signer, commitment, block.timestamp, signature);
        bytes memory other = _permit(keccak256("other"), block.timestamp, KEY);
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.AlreadyCommitted.selector, signer, round));
        ledger.commitFor(taskId, round, signer, keccak256("other"), block.timestamp, other);
        vm.warp(block.timestamp + 100);
        ledger.revealFor(taskId, round, signer, _digest(round, signer), 777, _salt(signer));
        ledger.revealFor(taskId, round, signer, _digest(round, signer), 777, _salt(signer));
        assertEq(ledger.roundInfo(taskId, round).count, 1, "once");
        assertEq(uint256(ledger.record(taskId, signer, round).kind), uint256(RecordKind.Revealed), "revealed");
    }

    // ---------------------------------------------------------------- reveal

    function test_reveal_revertsOutsideThePhase() public {
        _commit(round, trainerAt(0));
        _wrongPhase(Phase.Commit, Phase.Reveal);
        ledger.reveal(taskId, round, 0, 0, 0);
        vm.warp(block.timestamp + 200);
        _wrongPhase(Phase.Close, Phase.Reveal);
        ledger.reveal(taskId, round, 0, 0, 0);
    }

    function test_reveal_revertsWithoutOrWithAnotherCommitment() public {
        _commit(round, trainerAt(0));
        vm.warp(block.timestamp + 100);
        vm.prank(trainerAt(1));
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.NotCommitted.selector, trainerAt(1), round));
        ledger.reveal(taskId, round, 0, 0, 0);
        bytes32 held = ledger.record(taskId, trainerAt(0), round).commitment;
        bytes32 wrong = keccak256(
            abi.encode(block.chainid, address(ledger), taskId, round, trainerAt(0), bytes32(0), uint64(0), bytes32(0))
        );
        vm.prank(trainerAt(0));
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.CommitmentMismatch.selector, held, wrong));
        ledger.reveal(taskId, round, 0, 0, 0);
        _reveal(round, trainerAt(0));
        vm.prank(trainerAt(0));
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.NotCommitted.selector, trainerAt(0), round));
        ledger.reveal(taskId, round, 0, 0, 0);
    }

    function test_reveal_givesIndicesInOrder() public {
        for (uint256 i; i < 3; ++i) {
            _commit(round, trainerAt(i));
        }
        vm.warp(block.timestamp + 100);
        _reveal(round, trainerAt(2));
        bytes32 digest = _digest(round, trainerAt(0));
        expectEvent(address(ledger));
        emit UpdateRevealed(taskId, trainerAt(0), round, 1, digest, 777);
        _reveal(round, trainerAt(0));
        RecordView memory record = ledger.record(taskId, trainerAt(0), round);
        assertEq(record.index, 1, "index");
        assertEq(record.commitment, (_updateCommitment(round, trainerAt(0)) >> 96) << 96, "the commitment stays");
        assertEq(ledger.roundInfo(taskId, round).count, 2, "count");
    }

    function test_reveal_worksForATrainerThatWasSuspendedMeanwhile() public {
        _createTask(_params(), _equalWeights(1), 3);
        uint32 first = _runRound(_codes(1, ZERO + 1, ZERO + 1));
        vm.warp(block.timestamp + 101);
        uint32 second = ledger.openRound(taskId);
        _commit(second, trainerAt(0));
        _claim(trainerAt(0), first);
        assertTrue(ledger.record(taskId, trainerAt(0), second).suspended, "suspended");
        vm.warp(block.timestamp + 100);
        _reveal(second, trainerAt(0));
        RecordView memory record = ledger.record(taskId, trainerAt(0), second);
        assertEq(uint256(record.kind), uint256(RecordKind.Revealed), "revealed");
        assertTrue(record.suspended, "still suspended");
    }

    // ----------------------------------------------------------- closeReveal

    function test_closeReveal_revertsTooEarlyAndTwice() public {
        _wrongPhase(Phase.Commit, Phase.Close);
        ledger.closeReveal(taskId, round);
        _commit(round, trainerAt(0));
        vm.warp(block.timestamp + 100);
        _reveal(round, trainerAt(0));
        vm.warp(block.timestamp + 100);
        _closeReveal(round);
        _wrongPhase(Phase.ScoreCommit, Phase.Close);
        ledger.closeReveal(taskId, round);
    }

    function test_closeReveal_drawsEveryoneWhereSeatsSuffice() public {
        _createTask(_params(), _equalWeights(3), 3);
        uint32 r = _runUpdates(3);
        address[] memory members = ledger.committee(taskId, r).verifiers;
        assertEq(members.length, 3, "size");
        for (uint256 i; i < 3; ++i) {
            assertEq(members[i], verifierAt(i), "in index order");
        }
        assertEq(ledger.roundInfo(taskId, r).seed, blockhash(block.number - 1), "seed");
        assertEq(ledger.roundInfo(taskId, r).committeeWeight, 3, "weight");
    }

    function test_closeReveal_voidsAnEmptyRoundAtOnce() public {
        _commit(round, trainerAt(0));
        vm.warp(block.timestamp + 200);
        expectEvent(address(ledger));
        emit RoundVoided(taskId, round, 0, 0);
        ledger.closeReveal(taskId, round);
        assertEq(uint256(ledger.phase(taskId, round)), uint256(Phase.Void), "void");
        assertEq(ledger.task(taskId).escrow, ESCROW, "budgets are back");
        _claim(trainerAt(0), round);
        assertEq(ledger.member(taskId, trainerAt(0)).stake, STAKE, "where nobody revealed, nobody is slashed");
        assertEq(ledger.openRound(taskId), 2, "and the next round needs no model");
        assertEq(ledger.task(taskId).emptyRounds, 1, "it does not count");
    }

    function test_closeReveal_voidsARoundWithTooFewUpdates() public {
        TaskParams memory params = _params();
        params.minUpdates = 3;
        _createTask(params, _equalWeights(3), 3);
        uint32 r = ledger.openRound(taskId);
        for (uint256 i; i < 2; ++i) {
            _commit(r, trainerAt(i));
        }
        vm.warp(block.timestamp + 100);
        for (uint256 i; i < 2; ++i) {
            _reveal(r, trainerAt(i));
        }
        vm.warp(block.timestamp + 100);
        ledger.closeReveal(taskId, r);
        assertEq(uint256(ledger.phase(taskId, r)), uint256(Phase.Void), "void");
        assertEq(ledger.task(taskId).escrow, ESCROW, "budgets are back");
    }

    function test_closeReveal_slashesWhoHeldBackInAVoidRound() public {
        TaskParams memory params = _params();
        params.minUpdates = 3;
        _createTask(params, _equalWeights(3), 3);
        uint32 r = ledger.openRound(taskId);
        for (uint256 i; i < 3; ++i) {
            _commit(r, trainerAt(i));
        }
        vm.warp(block.timestamp + 100);
        _reveal(r, trainerAt(0));
        vm.warp(block.timestamp + 100);
        ledger.closeReveal(taskId, r);
        _claim(trainerAt(0), r);
        _claim(trainerAt(1), r);
        assertEq(ledger.member(taskId, trainerAt(0)).stake, STAKE, "who revealed");
        assertEq(ledger.member(taskId, trainerAt(1)).stake, STAKE / 2, "who held back");
    }

    function testFuzz_closeReveal_drawsByWeightWithoutRepeats(uint256 height, uint8 seats) public {
        vm.roll(bound(height, 2, 1e9));
        TaskParams memory params = _params();
        params.committeeSize = uint8(bound(seats, 1, 8));
        uint16[] memory weights = new uint16[](8);
        for (uint256 i; i < 8; ++i) {
            weights[i] = uint16(1 + i * i);
        }
        _createTask(params, weights, 1);
        uint32 r = _runUpdates(1);
        address[] memory members = ledger.committee(taskId, r).verifiers;
        assertEq(members.length, params.committeeSize, "size");
        for (uint256 i = 1; i < members.length; ++i) {
            assertTrue(members[i - 1] < members[i], "distinct, in order");
        }
    }
}
