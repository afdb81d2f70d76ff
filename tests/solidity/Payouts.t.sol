// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {Multicall} from "@openzeppelin/contracts/utils/Multicall.sol";

import {ILedgerErrors, LedgerTest, Role} from "./utils/LedgerTest.sol";

/// @notice setPayout, requestLeaveFor, leaveFor, usePermit: who is paid, and what a stolen key can take.
contract PayoutsTest is LedgerTest {
    uint256 private constant WEEK = 7 days;
    address private vault = address(0x7A01);
    address private thief = address(0x7418F);

    function setUp() public override {
        super.setUp();
        _createTask(_params(), _equalWeights(3), 3);
    }

    function _setPayout(address caller, address account, address payout) private {
        vm.prank(caller);
        ledger.setPayout(account, payout);
    }

    function _assertPayout(address account, address payout, address next, uint256 since) private view {
        (address current, address coming, uint40 from) = ledger.payoutOf(account);
        assertEq(current, payout, "payout");
        assertEq(coming, next, "next");
        assertEq(from, since, "since");
    }

    // ------------------------------------------------------------- setPayout

    function test_setPayout_theAccountChoosesFirst() public {
        _assertPayout(trainerAt(0), trainerAt(0), address(0), 0);
        expectEvent(address(ledger));
        emit PayoutSet(trainerAt(0), vault, uint40(block.timestamp));
        _setPayout(trainerAt(0), trainerAt(0), vault);
        _assertPayout(trainerAt(0), vault, address(0), 0);
        _assertPayout(trainerAt(1), trainerAt(1), address(0), 0);
    }

    function test_setPayout_refusesStrangersAndAddressesThatLoseMoney() public {
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.NotPayout.selector, thief, trainerAt(0)));
        _setPayout(thief, trainerAt(0), thief);
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.BadParameter.selector, "payout", 0));
        _setPayout(trainerAt(0), trainerAt(0), address(0));
        uint256 self = uint160(address(ledger));
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.BadParameter.selector, "payout", self));
        _setPayout(trainerAt(0), trainerAt(0), address(ledger));
    }

    function test_setPayout_thePayoutMovesAtOnce() public {
        _setPayout(trainerAt(0), trainerAt(0), vault);
        _setPayout(vault, trainerAt(0), sponsor);
        _assertPayout(trainerAt(0), sponsor, address(0), 0);
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.NotPayout.selector, vault, sponsor));
        _setPayout(vault, trainerAt(0), vault);
    }

    function test_setPayout_theAccountsKeyWaitsAWeek() public {
        _setPayout(trainerAt(0), trainerAt(0), vault);
        uint40 since = uint40(block.timestamp + WEEK);
        expectEvent(address(ledger));
        emit PayoutSet(trainerAt(0), thief, since);
        _setPayout(trainerAt(0), trainerAt(0), thief);
        vm.warp(since - 1);
        _assertPayout(trainerAt(0), vault, thief, since);
        vm.warp(since);
        _assertPayout(trainerAt(0), thief, address(0), 0);
    }

    /// @notice Asking again starts the week again, and never moves the address that is paid until then.
    function test_setPayout_askingAgainGainsNoTime() public {
        _setPayout(trainerAt(0), trainerAt(0), vault);
        _setPayout(trainerAt(0), trainerAt(0), thief);
        vm.warp(block.timestamp + WEEK - 1);
        _setPayout(trainerAt(0), trainerAt(0), address(0xBAD));
        vm.warp(block.timestamp + WEEK - 1);
        _assertPayout(trainerAt(0), vault, address(0xBAD), block.timestamp + 1);
    }

    function test_setPayout_thePayoutObjects() public {
        _setPayout(trainerAt(0), trainerAt(0), vault);
        _setPayout(trainerAt(0), trainerAt(0), thief);
        _setPayout(vault, trainerAt(0), vault);
        vm.warp(block.timestamp + 2 * WEEK);
        _assertPayout(trainerAt(0), vault, address(0), 0);
    }

    // ----------------------------------------------------------- what is paid

    function test_aStolenKeyTakesNeitherPayNorStake() public {
        _setPayout(trainerAt(0), trainerAt(0), vault);
        _setPayout(verifierAt(0), verifierAt(0), vault);
        uint256 earned = _claim(trainerAt(0), _runRound(_codes(20_000, ZERO, ZERO)));
        assertTrue(earned != 0, "earned");
        uint256 before = token.balanceOf(trainerAt(0));
        vm.startPrank(trainerAt(0));
        ledger.withdraw(taskId, trainerAt(0));
        ledger.requestLeave(taskId);
        vm.warp(block.timestamp + 1000);
        ledger.leave(taskId);
        vm.stopPrank();
        assertEq(token.balanceOf(trainerAt(0)), before, "the key got nothing");
        assertEq(token.balanceOf(vault), earned + STAKE, "all of it is safe");
    }

    /// @notice A thief who cannot take the stake can have it slashed, until whoever is paid makes the member leave; the
    /// thief's own wish to be paid, asked for at the same moment, comes too late.
    function test_attack_aThiefWastesTheStakeUntilThePayoutLeaves() public {
        _setPayout(trainerAt(0), trainerAt(0), vault);
        _setPayout(trainerAt(0), trainerAt(0), thief);
        uint32 round = ledger.openRound(taskId);
        _commit(round, trainerAt(0));
        _commit(round, trainerAt(1));
        vm.prank(vault);
        ledger.requestLeaveFor(taskId, trainerAt(0));
        vm.warp(ledger.roundInfo(taskId, round).commitDeadline);
        _reveal(round, trainerAt(1));
        vm.warp(ledger.roundInfo(taskId, round).revealDeadline);
        _closeReveal(round);
        vm.warp(block.timestamp + 200);
        ledger.voidRound(taskId, round);
        ledger.claim(taskId, trainerAt(0), _rounds(round));
        uint256 left = ledger.member(taskId, trainerAt(0)).stake;
        assertTrue(left < STAKE, "slashed once");
        vm.warp(block.timestamp + 1000);
        vm.prank(vault);
        ledger.leaveFor(taskId, trainerAt(0));
        vm.warp(block.timestamp + 2 * WEEK);
        ledger.withdraw(taskId, trainerAt(0));
        assertEq(token.balanceOf(thief), 0, "nothing for the thief");
        assertEq(token.balanceOf(vault), left, "the rest");
    }

    /// @notice A permit comes from a contract that the caller names: what it does when it is called reaches nobody's money.
    function test_attack_aTokenThatActsWhenItIsAskedForAPermit() public {
        ReentrantPermit hostile = new ReentrantPermit(address(ledger));
        hostile.plan(abi.encodeCall(ledger.withdraw, (taskId, trainerAt(0))));
        uint256 booked = ledger.booked(address(token));
        ledger.usePermit(address(hostile), STAKE, type(uint256).max, 0, 0);
        hostile.plan(abi.encodeCall(ledger.leaveFor, (taskId, trainerAt(0))));
        ledger.usePermit(address(hostile), STAKE, type(uint256).max, 0, 0);
        hostile.plan(abi.encodeCall(ledger.setPayout, (trainerAt(0), address(hostile))));
        ledger.usePermit(address(hostile), STAKE, type(uint256).max, 0, 0);
        assertEq(hostile.calls(), 3, "it acted");
        _assertPayout(trainerAt(0), trainerAt(0), address(0), 0);
        assertEq(ledger.booked(address(token)), booked, "no money moved");
        assertEq(token.balanceOf(address(hostile)), 0, "least of all to it");
    }

    function test_thePayoutLeavesForALostKey() public {
        _setPayout(trainerAt(0), trainerAt(0), vault);
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.NotPayout.selector, thief, vault));
        vm.prank(thief);
        ledger.requestLeaveFor(taskId, trainerAt(0));
        vm.prank(vault);
        ledger.requestLeaveFor(taskId, trainerAt(0));
        assertTrue(ledger.member(taskId, trainerAt(0)).suspended, "the lost key commits no more");
        vm.warp(block.timestamp + 1000);
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.NotPayout.selector, thief, vault));
        vm.prank(thief);
        ledger.leaveFor(taskId, trainerAt(0));
        expectEvent(address(ledger));
        emit Left(taskId, trainerAt(0), STAKE);
        vm.prank(vault);
        ledger.leaveFor(taskId, trainerAt(0));
        assertEq(token.balanceOf(vault), STAKE, "stake");
        // The new key takes the old one's place, and pays to the same address.
        address heir = address(0xE1);
        vm.prank(vault);
        token.transfer(heir, STAKE);
        vm.startPrank(heir);
        token.approve(address(ledger), STAKE);
        ledger.joinTrainer(taskId, _rules(taskId), STAKE);
        ledger.setPayout(heir, vault);
        vm.stopPrank();
        assertEq(uint256(ledger.member(taskId, heir).role), uint256(Role.Trainer), "successor");
    }

    function test_thePayoutOfAVerifierLeavesForIt() public {
        _setPayout(verifierAt(2), verifierAt(2), vault);
        vm.prank(vault);
        ledger.requestLeaveFor(taskId, verifierAt(2));
        assertEq(ledger.task(taskId).verifierWeight, 2, "its weight counts no more");
        vm.warp(block.timestamp + 1000);
        vm.prank(vault);
        ledger.leaveFor(taskId, verifierAt(2));
        assertEq(token.balanceOf(vault), VERIFIER_STAKE, "stake");
    }

    function test_closeTask_paysTheSponsorsPayout() public {
        _setPayout(sponsor, sponsor, vault);
        vm.prank(sponsor);
        uint256 amount = ledger.closeTask(taskId);
        assertEq(token.balanceOf(vault), amount, "escrow");
    }

    // ------------------------------------------------------------- usePermit

    function _permit(uint256 key, address spender, uint256 amount, uint256 nonce)
        private
        view
        returns (uint8 v, bytes32 r, bytes32 s)
    {
        bytes32 typehash =
            keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
        bytes32 inner = keccak256(abi.encode(typehash, vm.addr(key), spender, amount, nonce, type(uint256).max));
        return vm.sign(key, keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), inner)));
    }

    function _compact(uint8 v, bytes32 s) private pure returns (bytes32) {
        return bytes32(uint256(s) | uint256(v - 27) << 255);
    }

    function _joinByPermit(uint256 key) private {
        (uint8 v, bytes32 r, bytes32 s) = _permit(key, address(ledger), STAKE, 0);
        bytes[] memory calls = new bytes[](2);
        calls[0] = abi.encodeCall(ledger.usePermit, (address(token), STAKE, type(uint256).max, r, _compact(v, s)));
        calls[1] = abi.encodeCall(ledger.joinTrainer, (taskId, _rules(taskId), STAKE));
        vm.prank(vm.addr(key));
        Multicall(address(ledger)).multicall(calls);
    }

    function test_usePermit_joinsWithoutAnApproval() public {
        address newcomer = vm.addr(0xA11CE);
        token.mint(newcomer, STAKE);
        _joinByPermit(0xA11CE);
        assertEq(uint256(ledger.member(taskId, newcomer).role), uint256(Role.Trainer), "joined");
        assertEq(token.allowance(newcomer, address(ledger)), 0, "nothing is left to take");
    }

    /// @notice Whoever sees the permit in the mempool may hand it over first: the deposit goes through all the same.
    function test_usePermit_isNotBlockedByWhoRunsAhead() public {
        address newcomer = vm.addr(0xA11CE);
        token.mint(newcomer, STAKE);
        (uint8 v, bytes32 r, bytes32 s) = _permit(0xA11CE, address(ledger), STAKE, 0);
        vm.prank(thief);
        token.permit(newcomer, address(ledger), STAKE, type(uint256).max, v, r, s);
        _joinByPermit(0xA11CE);
        assertEq(uint256(ledger.member(taskId, newcomer).role), uint256(Role.Trainer), "joined");
    }

    /// @notice A permit that the ledger was allowed to use takes nobody's money for somebody else.
    function test_usePermit_isForOneselfAlone() public {
        address newcomer = vm.addr(0xA11CE);
        token.mint(newcomer, STAKE);
        (uint8 v, bytes32 r, bytes32 s) = _permit(0xA11CE, address(ledger), STAKE, 0);
        vm.prank(thief);
        ledger.usePermit(address(token), STAKE, type(uint256).max, r, _compact(v, s));
        assertEq(token.allowance(newcomer, address(ledger)), 0, "not for another caller");
        token.permit(newcomer, address(ledger), STAKE, type(uint256).max, v, r, s);
        (bool joined,) = _callAs(thief, abi.encodeCall(ledger.joinTrainer, (taskId, _rules(taskId), STAKE)));
        assertTrue(!joined, "the thief joins with its own money or not at all");
    }

    function _callAs(address caller, bytes memory data) private returns (bool success, bytes memory answer) {
        vm.prank(caller);
        return address(ledger).call(data);
    }

    function test_usePermit_refusesWhatIsNoToken() public {
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.TokenWithoutCode.selector, vault));
        ledger.usePermit(vault, STAKE, type(uint256).max, 0, 0);
    }
}

/// @notice A token whose permit calls the ledger back.
contract ReentrantPermit {
    address private immutable LEDGER;
    bytes private next;
    uint256 public calls;

    constructor(address ledger) {
        LEDGER = ledger;
    }

    function plan(bytes calldata data) external {
        next = data;
    }

    function permit(address, address, uint256, uint256, uint8, bytes32, bytes32) external {
        ++calls;
        (bool success,) = LEDGER.call(next);
        if (!success) return;
    }
}
