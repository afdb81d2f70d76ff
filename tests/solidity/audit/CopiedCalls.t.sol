// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILedgerErrors, TaskParams, VerifierGrant} from "../utils/LedgerTest.sol";
import {AuditBase} from "./AuditBase.sol";

/// @notice A copied call in front of a batch undoes nothing, and a signed call reaches the task that was read or none.
contract CopiedCallsTest is AuditBase {
    function test_G1_oneRevealBreaksNoBatch() public {
        _createTask(_params(), _equalWeights(3), 16);
        uint32 round = ledger.openRound(taskId);
        for (uint256 i; i < 16; ++i) {
            _commit(round, trainerAt(i));
        }
        vm.warp(block.timestamp + 199);
        bytes[] memory calls = new bytes[](16);
        for (uint256 i; i < 16; ++i) {
            address trainer = trainerAt(i);
            calls[i] = abi.encodeCall(
                ledger.revealFor, (taskId, round, trainer, _digest(round, trainer), 777, _salt(trainer))
            );
        }
        address copied = trainerAt(7);
        ledger.revealFor(taskId, round, copied, _digest(round, copied), 777, _salt(copied));
        ledger.multicall(calls);
        assertEq(ledger.roundInfo(taskId, round).count, 16, "all of them, once");
    }

    function test_G2_oneClaimBreaksNoCommit() public {
        _createTask(_params(), _equalWeights(3), 1);
        uint32[] memory five = new uint32[](5);
        for (uint32 r = 1; r <= 5; ++r) {
            _runRound(_all(1, ZERO + 1));
            five[r - 1] = r;
            vm.warp(block.timestamp + 101);
        }
        uint32 round = ledger.openRound(taskId);
        address trainer = trainerAt(0);
        bytes[] memory calls = new bytes[](2);
        calls[0] = abi.encodeCall(ledger.claim, (taskId, trainer, five));
        calls[1] = abi.encodeCall(ledger.commit, (taskId, round, _updateCommitment(round, trainer)));
        ledger.claim(taskId, trainer, _rounds(3));
        vm.prank(trainer);
        ledger.multicall(calls);
        assertEq(ledger.member(taskId, trainer).balance, 5 * uint256(TRAINER_BUDGET), "five rewards, each once");
        vm.prank(trainer);
        ledger.commit(taskId, round, _updateCommitment(round, trainer));
    }

    /// @notice A claim that suspends does not hide why the commit behind it is refused.
    function test_G2_aSuspendingClaimSaysWhyTheCommitFails() public {
        _createTask(_params(), _equalWeights(3), 1);
        _runRound(_all(1, 1));
        vm.warp(block.timestamp + 101);
        uint32 round = ledger.openRound(taskId);
        address trainer = trainerAt(0);
        bytes[] memory calls = new bytes[](2);
        calls[0] = abi.encodeCall(ledger.claim, (taskId, trainer, _rounds(1)));
        calls[1] = abi.encodeCall(ledger.commit, (taskId, round, _updateCommitment(round, trainer)));
        vm.prank(trainer);
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.StakeTooLow.selector, STAKE / 2, STAKE));
        ledger.multicall(calls);
    }

    function test_G3_oneWordBreaksNoSettlement() public {
        uint16[] memory codes = new uint16[](160);
        for (uint256 i; i < 160; ++i) {
            codes[i] = uint16(ZERO + i);
        }
        _createTask(_params(), _equalWeights(3), 160);
        uint32 round = _runUpdates(160);
        uint256[][] memory vectors = _score(round, _three(codes, codes, codes));
        uint256[][] memory ones = new uint256[][](3);
        bytes32[] memory tails = new bytes32[](3);
        for (uint256 i; i < 3; ++i) {
            ones[i] = new uint256[](1);
            ones[i][0] = vectors[i][0];
            tails[i] = _chainHash(vectors[i], 1);
        }
        ledger.settle(taskId, round, 0, ones, tails);
        ledger.settle(taskId, round, 0, ones, tails);
        assertEq(ledger.roundInfo(taskId, round).wordsSettled, 1, "once");
        ledger.settle(taskId, round, 0, vectors, new bytes32[](3));
        ledger.settle(taskId, round, 0, vectors, new bytes32[](3));
        for (uint256 i; i < 160; ++i) {
            assertEq(ledger.scoreOf(taskId, round, i), ZERO + i, "settled");
        }
        assertEq(ledger.member(taskId, verifierAt(0)).balance, VERIFIER_BUDGET / 3, "and paid once");
    }

    /// @notice What comes before must be what was settled: words passed over are not believed, the rest is checked.
    function test_G3_slicesMustContinueTheVectors() public {
        uint16[] memory codes = _all(48, ZERO + 5);
        codes[40] = ZERO + 9;
        _createTask(_params(), _equalWeights(3), 48);
        uint32 round = _runUpdates(48);
        uint256[][] memory vectors = _score(round, _three(codes, codes, codes));
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.BadSlices.selector, 0, 1, 0));
        ledger.settle(taskId, round, 1, vectors, new bytes32[](3));
        bytes32 head = _chainHash(vectors[1], 0);
        vectors[1][2] = vectors[1][1];
        vm.expectRevert(
            abi.encodeWithSelector(ILedgerErrors.ChainMismatch.selector, verifierAt(1), head, _chainHash(vectors[1], 0))
        );
        ledger.settle(taskId, round, 0, vectors, new bytes32[](3));
    }

    function test_G4_aReorganisationPutsNoStakeIntoAnotherTask() public {
        VerifierGrant[] memory none = new VerifierGrant[](0);
        TaskParams memory good = _params();
        TaskParams memory trap = _params();
        (trap.cooldown, trap.slashUnrevealed, trap.slashHarmful) = (20 * 365 days, 10_000, 10_000);
        _purse(trainerAt(0));
        address attacker = address(0xBAD);
        _purse(attacker);
        bytes32 agreed = keccak256(abi.encode(sponsor, good));
        bytes memory join = abi.encodeCall(ledger.joinTrainer, (1, agreed, STAKE));
        vm.prank(attacker);
        ledger.createTask(trap, 0, none);
        vm.prank(sponsor);
        ledger.createTask(good, ESCROW, none);
        vm.prank(trainerAt(0));
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.OtherRules.selector, 1, agreed, _rules(1)));
        (bool done,) = address(ledger).call(join);
        done;
        // The same rules of another sponsor, who appoints other verifiers, are another task too.
        vm.prank(attacker);
        ledger.createTask(good, 0, none);
        vm.prank(trainerAt(0));
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.OtherRules.selector, 3, agreed, _rules(3)));
        ledger.joinTrainer(3, agreed, STAKE);
        vm.prank(trainerAt(0));
        ledger.joinTrainer(2, agreed, STAKE);
    }

    function test_G5_aClosedTaskBindsNobody() public {
        TaskParams memory params = _params();
        params.cooldown = 20 * 365 days;
        _createTask(params, _equalWeights(3), 1);
        vm.prank(sponsor);
        ledger.closeTask(taskId);
        vm.prank(trainerAt(0));
        assertEq(ledger.leave(taskId), STAKE, "a trainer");
        vm.prank(verifierAt(0));
        assertEq(ledger.leave(taskId), VERIFIER_STAKE, "a verifier");
        assertEq(ledger.totalVerifierWeight(taskId), 2, "without its weight");
    }
}
