// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILedgerErrors, LedgerTest, Phase, Role, TaskParams, TaskView, VerifierGrant} from "./utils/LedgerTest.sol";

/// @notice createTask, fund, appointVerifier, closeTask.
contract TasksTest is LedgerTest {
    VerifierGrant[] private none;

    function _refused(TaskParams memory params, string memory name, uint256 value) private {
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.BadParameter.selector, name, value));
        vm.prank(sponsor);
        ledger.createTask(params, 0, none);
    }

    // ------------------------------------------------------------ createTask

    function test_createTask_revertsWithoutTokenCode() public {
        TaskParams memory params = _params();
        params.token = address(0xdead);
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.TokenWithoutCode.selector, address(0xdead)));
        ledger.createTask(params, 0, none);
    }

    function test_createTask_revertsOnZeroWindows() public {
        TaskParams memory params = _params();
        params.commitWindow = 0;
        _refused(params, "commitWindow", 0);
        params = _params();
        params.revealWindow = 0;
        _refused(params, "revealWindow", 0);
        params = _params();
        params.scoreCommitWindow = 0;
        _refused(params, "scoreCommitWindow", 0);
        params = _params();
        params.scoreRevealWindow = 0;
        _refused(params, "scoreRevealWindow", 0);
    }

    function test_createTask_revertsOnTooLongWindows() public {
        TaskParams memory params = _params();
        params.appealWindow = 365 days + 1;
        _refused(params, "appealWindow", 365 days + 1);
        params = _params();
        params.attestWindow = 365 days + 1;
        _refused(params, "attestWindow", 365 days + 1);
    }

    function test_createTask_revertsIfTheCooldownDoesNotOutlastARound() public {
        TaskParams memory params = _params();
        params.cooldown = 399;
        _refused(params, "cooldown", 399);
        params.cooldown = 699;
        (params.appealWindow, params.appealBond) = (100, 1);
        _refused(params, "cooldown", 699);
    }

    function test_createTask_revertsOnBadNumbers() public {
        TaskParams memory params = _params();
        params.payoutExponent = 0;
        _refused(params, "payoutExponent", 0);
        params.payoutExponent = 4;
        _refused(params, "payoutExponent", 4);
        params = _params();
        params.committeeSize = 0;
        _refused(params, "committeeSize", 0);
        params.committeeSize = 16;
        _refused(params, "committeeSize", 16);
        params = _params();
        params.maxTrainers = 16_383;
        _refused(params, "maxTrainers", 16_383);
        params = _params();
        params.maxRounds = 0;
        _refused(params, "maxRounds", 0);
        params.maxRounds = 1 << 24;
        _refused(params, "maxRounds", 1 << 24);
        params = _params();
        params.trainerStake = 0;
        _refused(params, "trainerStake", 0);
        params = _params();
        params.verifierStake = 0;
        _refused(params, "verifierStake", 0);
        params = _params();
        (params.appealWindow, params.maxTrainers) = (100, 4256);
        _refused(params, "appealBond", 0);
    }

    /// @dev An appeal that succeeds takes all vectors at once, and no node relays more than 128 KiB.
    function test_createTask_revertsOnVectorsThatNoAppealCouldShow() public {
        TaskParams memory params = _params();
        (params.appealWindow, params.appealBond) = (100, 10e18);
        (params.committeeSize, params.maxTrainers) = (15, 4257);
        _refused(params, "maxTrainers", 4257);
        (params.committeeSize, params.maxTrainers) = (3, 16_383);
        _refused(params, "maxTrainers", 16_383);
        params.maxTrainers = 16_382;
        _createTask(params, _equalWeights(3), 0);
        (params.committeeSize, params.maxTrainers) = (15, 4256);
        _createTask(params, _equalWeights(3), 0);
    }

    function test_createTask_revertsOnRatesAboveTheWhole() public {
        TaskParams memory params = _params();
        params.slashHarmful = 10_001;
        _refused(params, "slashHarmful", 10_001);
        params = _params();
        params.slashMalformed = 10_001;
        _refused(params, "slashMalformed", 10_001);
        params = _params();
        params.slashDuplicate = 10_001;
        _refused(params, "slashDuplicate", 10_001);
        params = _params();
        params.slashUnrevealed = 10_001;
        _refused(params, "slashUnrevealed", 10_001);
        params = _params();
        params.slashAbsent = 10_001;
        _refused(params, "slashAbsent", 10_001);
    }

    function test_createTask_revertsWithoutDigests() public {
        TaskParams memory params = _params();
        params.specDigest = 0;
        _refused(params, "specDigest", 0);
        params = _params();
        params.modelDigest = 0;
        _refused(params, "modelDigest", 0);
    }

    function test_createTask_revertsOnAHugeEscrow() public {
        uint256 amount = uint256(type(uint112).max) + 1;
        vm.expectRevert(
            abi.encodeWithSelector(ILedgerErrors.AmountTooLarge.selector, amount, uint256(type(uint112).max))
        );
        ledger.createTask(_params(), amount, none);
    }

    function test_createTask_revertsWhereAllMoneyInATokenWouldNotFit() public {
        uint256 most = type(uint112).max;
        token.mint(address(this), most);
        token.approve(address(ledger), most);
        ledger.createTask(_params(), most - 1, none);
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.AmountTooLarge.selector, most + 1, most));
        ledger.createTask(_params(), 2, none);
        ledger.createTask(_params(), 1, none);
        assertEq(ledger.booked(address(token)), most, "booked");
    }

    function test_createTask_revertsOnBadGrants() public {
        VerifierGrant[] memory grants = new VerifierGrant[](2);
        grants[0] = VerifierGrant(verifierAt(0), 0);
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.BadWeight.selector, 0, 0, 32_767));
        ledger.createTask(_params(), 0, grants);
        (grants[0].weight, grants[1]) = (32_767, VerifierGrant(verifierAt(1), 1));
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.BadWeight.selector, 1, 32_768, 32_767));
        ledger.createTask(_params(), 0, grants);
        grants[1] = VerifierGrant(verifierAt(0), 1);
        grants[0].weight = 1;
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.AlreadyMember.selector, verifierAt(0), Role.Verifier));
        ledger.createTask(_params(), 0, grants);
        grants[1] = VerifierGrant(address(0), 1);
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.NotAppointed.selector, address(0)));
        ledger.createTask(_params(), 0, grants);
    }

    function test_createTask_takesTheEscrowAndFreezesTheRules() public {
        uint256 before = token.balanceOf(sponsor);
        TaskParams memory params = _params();
        expectEvent(address(ledger));
        emit TaskCreated(1, sponsor, address(token), params);
        expectEvent(address(ledger));
        emit EscrowToppedUp(1, sponsor, ESCROW);
        vm.prank(sponsor);
        taskId = ledger.createTask(params, ESCROW, none);
        assertEq(taskId, 1, "id");
        assertEq(ledger.taskCount(), 1, "count");
        assertEq(keccak256(abi.encode(ledger.taskParams(1))), keccak256(abi.encode(params)), "rules");
        TaskView memory task = ledger.task(1);
        assertEq(task.sponsor, sponsor, "sponsor");
        assertEq(task.escrow, ESCROW, "escrow");
        assertEq(task.baseDigest, params.modelDigest, "base");
        assertEq(task.baseSize, params.modelSize, "base size");
        assertEq(before - token.balanceOf(sponsor), ESCROW, "paid");
        _assertConserved(0, 0);
    }

    function test_task_revertsIfUnknown() public {
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.UnknownTask.selector, 7));
        ledger.task(7);
    }

    // ------------------------------------------------------------------ fund

    function test_fund_addsToTheEscrow() public {
        _createTask(_params(), _equalWeights(1), 0);
        _purse(trainerAt(0));
        expectEvent(address(ledger));
        emit EscrowToppedUp(taskId, trainerAt(0), 5);
        vm.prank(trainerAt(0));
        ledger.fund(taskId, _rules(taskId), 5);
        assertEq(ledger.task(taskId).escrow, ESCROW + 5, "escrow");
        _assertConserved(0, 1);
    }

    function test_fund_revertsOnAClosedTask() public {
        _createTask(_params(), _equalWeights(1), 0);
        vm.prank(sponsor);
        ledger.closeTask(taskId);
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.TaskIsClosed.selector, taskId));
        ledger.fund(taskId, _rules(taskId), 5);
    }

    // ------------------------------------------------------- appointVerifier

    function test_appointVerifier_revertsForOthersAndOpenTasks() public {
        _createTask(_params(), _equalWeights(1), 1);
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.NotSponsor.selector, address(this), sponsor));
        ledger.appointVerifier(taskId, verifierAt(5), 1);
        vm.prank(sponsor);
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.AlreadyMember.selector, trainerAt(0), Role.Trainer));
        ledger.appointVerifier(taskId, trainerAt(0), 1);
        TaskParams memory params = _params();
        params.openVerifiers = true;
        _createTask(params, new uint16[](0), 0);
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.VerifiersAreOpen.selector, taskId));
        vm.prank(sponsor);
        ledger.appointVerifier(taskId, verifierAt(5), 1);
    }

    function test_appointVerifier_grantsAWeight() public {
        _createTask(_params(), _equalWeights(1), 0);
        expectEvent(address(ledger));
        emit VerifierAppointed(taskId, verifierAt(5), 9);
        vm.prank(sponsor);
        ledger.appointVerifier(taskId, verifierAt(5), 9);
        assertEq(ledger.verifiers(taskId)[1].verifier, verifierAt(5), "listed");
        assertEq(ledger.verifiers(taskId)[1].weight, 9, "weight");
        assertEq(ledger.verifierWeight(taskId, verifierAt(5)), 0, "not active before joining");
    }

    function test_appointVerifier_revertsWhenTheListIsFull() public {
        _createTask(_params(), _equalWeights(1), 0);
        vm.startPrank(sponsor);
        for (uint256 i = 1; i < 64; ++i) {
            ledger.appointVerifier(taskId, verifierAt(i), 1);
        }
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.TaskFull.selector, 64));
        ledger.appointVerifier(taskId, verifierAt(64), 1);
        vm.stopPrank();
    }

    // ------------------------------------------------------------- closeTask

    function test_closeTask_revertsForOthersAndDuringARound() public {
        _createTask(_params(), _equalWeights(1), 1);
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.NotSponsor.selector, address(this), sponsor));
        ledger.closeTask(taskId);
        ledger.openRound(taskId);
        vm.prank(sponsor);
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.WrongPhase.selector, taskId, 1, Phase.Commit, Phase.Final));
        ledger.closeTask(taskId);
    }

    function test_closeTask_paysOnlyWhatNobodyEarned() public {
        _createTask(_params(), _equalWeights(2), 3);
        uint32 round = _runRound(_codes(ZERO + 7, ZERO + 11, ZERO + 13));
        uint256 before = token.balanceOf(sponsor);
        uint256 free = ledger.task(taskId).escrow;
        expectEvent(address(ledger));
        emit TaskClosed(taskId, sponsor, free, 0);
        vm.prank(sponsor);
        assertEq(ledger.closeTask(taskId), free, "amount");
        assertEq(token.balanceOf(sponsor) - before, free, "paid");
        assertEq(ledger.task(taskId).escrow, 0, "empty");
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.TaskIsClosed.selector, taskId));
        ledger.openRound(taskId);
        uint256 earned;
        for (uint256 i; i < 3; ++i) {
            earned += _claim(trainerAt(i), round);
            ledger.withdraw(taskId, trainerAt(i));
        }
        uint256 dust = TRAINER_BUDGET - earned;
        assertLe(dust, 2, "less than one unit per update");
        assertTrue(dust > 0, "this round leaves dust");
        vm.prank(sponsor);
        assertEq(ledger.closeTask(taskId), dust, "the dust comes back");
        _assertConserved(3, 2);
    }
}
