// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILedgerEvents} from "../../contracts/interfaces/ILedgerEvents.sol";
import {ILedgerErrors, LedgerTest, Member, RecordKind, Role, TaskParams} from "./utils/LedgerTest.sol";

/// @notice joinTrainer, joinVerifier, topUp, postMessage, requestLeave, leave, withdraw.
contract MembersTest is LedgerTest {
    address private outsider = address(0x0515);

    function setUp() public override {
        super.setUp();
        _createTask(_params(), _equalWeights(2), 2);
        _purse(outsider);
    }

    // ----------------------------------------------------------- joinTrainer

    function test_joinTrainer_revertsOnASmallStake() public {
        vm.prank(outsider);
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.StakeTooLow.selector, STAKE - 1, STAKE));
        ledger.joinTrainer(taskId, _rules(taskId), STAKE - 1);
    }

    function test_joinTrainer_revertsForMembersAndAppointed() public {
        vm.prank(trainerAt(0));
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.AlreadyMember.selector, trainerAt(0), Role.Trainer));
        ledger.joinTrainer(taskId, _rules(taskId), STAKE);
        vm.prank(verifierAt(0));
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.AlreadyMember.selector, verifierAt(0), Role.Verifier));
        ledger.joinTrainer(taskId, _rules(taskId), STAKE);
    }

    function test_joinTrainer_revertsWhenFull() public {
        TaskParams memory params = _params();
        params.maxTrainers = 1;
        _createTask(params, _equalWeights(1), 1);
        vm.prank(outsider);
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.TaskFull.selector, 1));
        ledger.joinTrainer(taskId, _rules(taskId), STAKE);
    }

    function test_joinTrainer_takesTheStakeAndPreparesTheRing() public {
        expectEvent(address(ledger));
        emit TrainerJoined(taskId, outsider, STAKE + 1);
        vm.prank(outsider);
        ledger.joinTrainer(taskId, _rules(taskId), STAKE + 1);
        Member memory member = ledger.member(taskId, outsider);
        assertEq(uint256(member.role), uint256(Role.Trainer), "role");
        assertEq(member.stake, STAKE + 1, "stake");
        assertEq(ledger.task(taskId).trainers, 3, "count");
        assertEq(token.balanceOf(outsider), 1_000_000e18 - STAKE - 1, "paid");
        assertEq(uint256(ledger.record(taskId, outsider, 1).kind), uint256(RecordKind.Free), "ring");
        assertEq(ledger.pendingRounds(taskId, outsider).length, 0, "nothing pending");
    }

    // ---------------------------------------------------------- joinVerifier

    function test_joinVerifier_revertsIfNotAppointed() public {
        vm.prank(outsider);
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.NotAppointed.selector, outsider));
        ledger.joinVerifier(taskId, _rules(taskId), VERIFIER_STAKE);
    }

    function test_joinVerifier_revertsTwiceAndForASmallStake() public {
        vm.prank(verifierAt(0));
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.AlreadyMember.selector, verifierAt(0), Role.Verifier));
        ledger.joinVerifier(taskId, _rules(taskId), VERIFIER_STAKE);
        vm.prank(sponsor);
        ledger.appointVerifier(taskId, outsider, 1);
        vm.prank(outsider);
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.StakeTooLow.selector, 1, VERIFIER_STAKE));
        ledger.joinVerifier(taskId, _rules(taskId), 1);
    }

    function test_joinVerifier_activatesTheWeight() public {
        vm.prank(sponsor);
        ledger.appointVerifier(taskId, outsider, 7);
        expectEvent(address(ledger));
        emit VerifierJoined(taskId, outsider, VERIFIER_STAKE);
        vm.prank(outsider);
        ledger.joinVerifier(taskId, _rules(taskId), VERIFIER_STAKE);
        assertEq(ledger.verifierWeight(taskId, outsider), 7, "weight");
        assertEq(ledger.totalVerifierWeight(taskId), 9, "total");
    }

    function test_joinVerifier_weighsByStakeInAnOpenTask() public {
        TaskParams memory params = _params();
        params.openVerifiers = true;
        _createTask(params, new uint16[](0), 0);
        vm.prank(outsider);
        ledger.joinVerifier(taskId, _rules(taskId), 3 * VERIFIER_STAKE + 1);
        assertEq(ledger.verifierWeight(taskId, outsider), 3, "one per required stake");
        _purse(verifierAt(9));
        vm.prank(verifierAt(9));
        ledger.joinVerifier(taskId, _rules(taskId), 600 * VERIFIER_STAKE);
        assertEq(ledger.verifierWeight(taskId, verifierAt(9)), 511, "at most its part of the lanes");
        vm.prank(outsider);
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.AlreadyMember.selector, outsider, Role.Verifier));
        ledger.joinVerifier(taskId, _rules(taskId), VERIFIER_STAKE);
        _purse(verifierAt(8));
        vm.prank(verifierAt(8));
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.StakeTooLow.selector, 1, VERIFIER_STAKE));
        ledger.joinVerifier(taskId, _rules(taskId), 1);
    }

    // ----------------------------------------------------------------- topUp

    function test_topUp_revertsForOutsidersAndLeavers() public {
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.WrongRole.selector, outsider, Role.None, Role.Trainer));
        ledger.topUp(taskId, _rules(taskId), outsider, 1);
        vm.prank(trainerAt(0));
        ledger.requestLeave(taskId);
        vm.expectRevert(
            abi.encodeWithSelector(ILedgerErrors.Leaving.selector, trainerAt(0), uint40(block.timestamp + 1000))
        );
        ledger.topUp(taskId, _rules(taskId), trainerAt(0), 1);
    }

    function test_topUp_revertsOnAHugeAmount() public {
        uint256 amount = type(uint112).max;
        vm.expectRevert(
            abi.encodeWithSelector(ILedgerErrors.AmountTooLarge.selector, amount + STAKE, uint256(type(uint112).max))
        );
        ledger.topUp(taskId, _rules(taskId), trainerAt(0), amount);
    }

    function test_topUp_liftsASuspension() public {
        _createTask(_params(), _equalWeights(1), 3);
        uint32 round = _runRound(_codes(1, ZERO + 1, ZERO + 1));
        _claim(trainerAt(0), round);
        assertTrue(ledger.member(taskId, trainerAt(0)).suspended, "suspended");
        assertTrue(ledger.record(taskId, trainerAt(0), 2).suspended, "in its ring");
        vm.warp(block.timestamp + 101);
        ledger.openRound(taskId);
        bytes32 commitment = _updateCommitment(2, trainerAt(0));
        vm.prank(trainerAt(0));
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.StakeTooLow.selector, STAKE / 2, STAKE));
        ledger.commit(taskId, 2, commitment);
        expectEvent(address(ledger));
        emit StakeToppedUp(taskId, trainerAt(0), STAKE / 2);
        vm.prank(outsider);
        ledger.topUp(taskId, _rules(taskId), trainerAt(0), STAKE / 2);
        assertTrue(!ledger.member(taskId, trainerAt(0)).suspended, "back");
        _commit(2, trainerAt(0));
        assertEq(uint256(ledger.record(taskId, trainerAt(0), 2).kind), uint256(RecordKind.Committed), "committed");
    }

    /// @dev In an open task weight is bought, so all of the stake that bought it has to stay, and is at risk.
    function test_topUp_bringsBackAWeightOnlyWithAllOfItsStake() public {
        TaskParams memory params = _params();
        params.openVerifiers = true;
        _createTask(params, new uint16[](0), 1);
        vm.prank(outsider);
        ledger.joinVerifier(taskId, _rules(taskId), 3 * VERIFIER_STAKE);
        _purse(verifierAt(1));
        vm.prank(verifierAt(1));
        ledger.joinVerifier(taskId, _rules(taskId), VERIFIER_STAKE);
        vm.warp(block.timestamp + 1);
        uint32 round = _runUpdates(1);
        uint256[] memory words = new uint256[](1);
        words[0] = ZERO;
        _commitScores(round, verifierAt(1), words);
        vm.warp(ledger.roundInfo(taskId, round).scoreCommitDeadline);
        _revealScores(round, verifierAt(1), words);
        ledger.voidRound(taskId, round);
        uint256 slashed = 3 * uint256(VERIFIER_STAKE) / 10;
        assertEq(ledger.member(taskId, outsider).stake, 3 * VERIFIER_STAKE - slashed, "slashed for all of its weight");
        assertEq(ledger.verifierWeight(taskId, outsider), 0, "suspended");
        vm.startPrank(outsider);
        ledger.topUp(taskId, _rules(taskId), outsider, slashed - 1);
        assertEq(ledger.verifierWeight(taskId, outsider), 0, "not yet");
        ledger.topUp(taskId, _rules(taskId), outsider, 1);
        assertEq(ledger.verifierWeight(taskId, outsider), 3, "back");
        vm.stopPrank();
    }

    // ----------------------------------------------------------- postMessage

    function test_postMessage_isForSponsorAndVerifiers() public {
        bytes memory message = new bytes(256);
        vm.expectEmit(true, true, true, true, address(ledger));
        emit ILedgerEvents.MessagePosted(taskId, verifierAt(0), address(0), message);
        vm.prank(verifierAt(0));
        ledger.postMessage(taskId, address(0), message);
        vm.expectEmit(true, true, true, true, address(ledger));
        emit ILedgerEvents.MessagePosted(taskId, sponsor, verifierAt(0), "");
        vm.prank(sponsor);
        ledger.postMessage(taskId, verifierAt(0), "");
    }

    function test_postMessage_revertsForOthersAndForLongOnes() public {
        vm.expectRevert(
            abi.encodeWithSelector(ILedgerErrors.WrongRole.selector, trainerAt(0), Role.Trainer, Role.Verifier)
        );
        vm.prank(trainerAt(0));
        ledger.postMessage(taskId, sponsor, "");
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.WrongRole.selector, outsider, Role.None, Role.Verifier));
        vm.prank(outsider);
        ledger.postMessage(taskId, sponsor, "");
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.MessageTooLong.selector, 257, 256));
        vm.prank(sponsor);
        ledger.postMessage(taskId, sponsor, new bytes(257));
    }

    // ---------------------------------------------------- requestLeave, leave

    function test_requestLeave_revertsForOutsidersAndTwice() public {
        vm.prank(outsider);
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.WrongRole.selector, outsider, Role.None, Role.Trainer));
        ledger.requestLeave(taskId);
        vm.startPrank(trainerAt(0));
        ledger.requestLeave(taskId);
        vm.expectRevert(
            abi.encodeWithSelector(ILedgerErrors.Leaving.selector, trainerAt(0), uint40(block.timestamp + 1000))
        );
        ledger.requestLeave(taskId);
        vm.stopPrank();
    }

    function test_leave_revertsForOutsidersTooEarlyAndUnasked() public {
        vm.prank(outsider);
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.WrongRole.selector, outsider, Role.None, Role.Trainer));
        ledger.leave(taskId);
        vm.startPrank(trainerAt(0));
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.NotLeaving.selector, trainerAt(0)));
        ledger.leave(taskId);
        ledger.requestLeave(taskId);
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.CoolingDown.selector, uint40(block.timestamp + 1000)));
        ledger.leave(taskId);
        vm.stopPrank();
    }

    function test_leave_paysStakeAndBalanceOfATrainer() public {
        _createTask(_params(), _equalWeights(1), 3);
        uint32 round = _runRound(_codes(ZERO + 1, ZERO + 1, ZERO + 2));
        vm.prank(trainerAt(0));
        ledger.requestLeave(taskId);
        vm.warp(block.timestamp + 1000);
        vm.prank(trainerAt(0));
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.RecordPending.selector, trainerAt(0), round));
        ledger.leave(taskId);
        uint256 reward = _claim(trainerAt(0), round);
        uint256 before = token.balanceOf(trainerAt(0));
        expectEvent(address(ledger));
        emit Left(taskId, trainerAt(0), STAKE + reward);
        vm.prank(trainerAt(0));
        assertEq(ledger.leave(taskId), STAKE + reward, "amount");
        assertEq(token.balanceOf(trainerAt(0)) - before, STAKE + reward, "paid");
        assertEq(uint256(ledger.member(taskId, trainerAt(0)).role), uint256(Role.None), "gone");
        assertEq(uint256(ledger.record(taskId, trainerAt(0), round).kind), uint256(RecordKind.None), "ring cleared");
        assertEq(ledger.task(taskId).trainers, 2, "count");
        vm.prank(trainerAt(0));
        ledger.joinTrainer(taskId, _rules(taskId), STAKE);
    }

    function test_leave_bindsAVerifierUntilItsRoundIsOver() public {
        uint32 round = _runUpdates(2);
        vm.prank(verifierAt(0));
        ledger.requestLeave(taskId);
        assertEq(ledger.totalVerifierWeight(taskId), 1, "its weight no longer counts");
        vm.warp(block.timestamp + 1000);
        vm.prank(verifierAt(0));
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.RoundPending.selector, verifierAt(0), round));
        ledger.leave(taskId);
        ledger.voidRound(taskId, round);
        vm.prank(verifierAt(0));
        assertEq(ledger.leave(taskId), VERIFIER_STAKE, "nobody voted, nobody is slashed");
        assertEq(ledger.verifiers(taskId)[0].verifier, address(0), "place is free");
        vm.prank(sponsor);
        ledger.appointVerifier(taskId, verifierAt(7), 4);
        assertEq(ledger.verifiers(taskId)[0].verifier, verifierAt(7), "and is used again");
    }

    // -------------------------------------------------------------- withdraw

    function test_withdraw_paysTheBalanceOnce() public {
        uint32 round = _runRound(_two(ZERO + 1, ZERO + 1));
        _claim(trainerAt(0), round);
        uint256 before = token.balanceOf(trainerAt(0));
        expectEvent(address(ledger));
        emit Withdrawn(taskId, trainerAt(0), TRAINER_BUDGET / 2);
        assertEq(ledger.withdraw(taskId, trainerAt(0)), TRAINER_BUDGET / 2, "amount");
        assertEq(ledger.withdraw(taskId, trainerAt(0)), 0, "nothing left");
        assertEq(token.balanceOf(trainerAt(0)) - before, TRAINER_BUDGET / 2, "paid to the trainer");
        _assertConserved(2, 2);
    }

    function _two(uint16 a, uint16 b) private pure returns (uint16[] memory codes) {
        codes = new uint16[](2);
        (codes[0], codes[1]) = (a, b);
    }
}
