// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

import {Royalties} from "../../contracts/Royalties.sol";
import {ILedgerErrors} from "../../contracts/interfaces/ILedgerErrors.sol";
import {DivisionState, IRoyalties, Receipts, Share} from "../../contracts/interfaces/IRoyalties.sol";
import {LedgerTest} from "./utils/LedgerTest.sol";

/// @notice Calls its payer before and after it moves, as ERC-777 does, and can be told to keep everything.
contract HookedToken is ERC20 {
    address public hooked;
    bytes public hook;
    bool public succeeded;
    bool public deaf;

    constructor() ERC20("Hooked", "HOOK") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function set(address target, bytes calldata data, bool isDeaf) external {
        (hooked, hook, deaf) = (target, data, isDeaf);
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        _call();
        return deaf ? true : super.transferFrom(from, to, amount);
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        _call();
        return super.transfer(to, amount);
    }

    function _call() private {
        address target = hooked;
        if (target == address(0)) return;
        delete hooked;
        (succeeded,) = target.call(hook);
    }
}

/// @notice Takes no ether.
contract Purseless {
    function withdraw(IRoyalties royalties) external {
        royalties.withdrawBonds();
    }

    function challenge(IRoyalties royalties, uint256 id) external payable {
        royalties.challengeDivision{value: msg.value}(id);
    }
}

/// @notice pay, proposeDivision, challengeDivision, voteOnDivision, decideDivision, finalizeDivision, claimShare.
contract RoyaltiesTest is LedgerTest {
    uint128 private constant BOND = 1 ether;
    uint32 private constant WINDOW = 3 days;
    uint32 private constant VOTING = 2 days;
    uint256 private constant PAID = 1000e18;

    Royalties private royalties;
    address private licensee = address(0x11CE);
    address private proposer = address(0x9809);
    address private challenger = address(0xC4A1);
    Share private first = Share(0, address(0xA), 300);
    Share private second = Share(1, address(0xB), 100);

    event RoyaltiesPaid(uint256 indexed taskId, address indexed token, address indexed payer, uint256 amount);
    event RoyaltyClaimed(uint256 indexed taskId, uint256 indexed divisionId, address indexed account, uint256 amount);
    event DivisionChallenged(uint256 indexed taskId, uint256 indexed divisionId, address challenger, uint40 votingEnd);
    event DivisionFinal(uint256 indexed taskId, uint256 indexed divisionId, bytes32 root, uint256 amount);
    event DivisionRejected(uint256 indexed taskId, uint256 indexed divisionId);

    function setUp() public override {
        super.setUp();
        royalties = new Royalties(ledger, BOND, WINDOW, VOTING);
        _createTask(_params(), _equalWeights(3), 1);
        ledger.openRound(taskId);
        token.mint(licensee, 10 * PAID);
        vm.prank(licensee);
        token.approve(address(royalties), type(uint256).max);
        vm.deal(proposer, 10 ether);
        vm.deal(challenger, 10 ether);
    }

    // ------------------------------------------------------------------ steps

    function _pay(uint256 amount) private {
        vm.prank(licensee);
        royalties.pay(taskId, address(token), amount);
    }

    function _receipts() private view returns (Receipts memory) {
        (bytes32 a, bytes32 b) = (royalties.shareHash(first), royalties.shareHash(second));
        bytes32 root = a < b ? keccak256(abi.encode(a, b)) : keccak256(abi.encode(b, a));
        return Receipts(root, keccak256("document"), 400, 1);
    }

    function _propose() private returns (uint256) {
        Receipts memory receipts = _receipts();
        vm.prank(proposer);
        return royalties.proposeDivision{value: BOND}(taskId, address(token), receipts);
    }

    function _challenge(uint256 id) private {
        vm.prank(challenger);
        royalties.challengeDivision{value: BOND}(id);
    }

    function _vote(uint256 verifier, uint256 id, bool right) private {
        vm.prank(verifierAt(verifier));
        royalties.voteOnDivision(id, right);
    }

    function _final() private returns (uint256 id) {
        _pay(PAID);
        id = _propose();
        vm.warp(block.timestamp + WINDOW);
        royalties.finalizeDivision(id);
    }

    function _proof(Share memory other) private view returns (bytes32[] memory proof) {
        proof = new bytes32[](1);
        proof[0] = royalties.shareHash(other);
    }

    function _state(uint256 id) private view returns (DivisionState state) {
        (state,,,,,,,) = royalties.division(id);
    }

    function _wrongState(uint256 id) private {
        vm.expectRevert(abi.encodeWithSelector(IRoyalties.NotInState.selector, id, _state(id)));
    }

    // -------------------------------------------------------------------- pay

    function test_rules_areAboveZero() public {
        for (uint256 i; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IRoyalties.BadRoyaltyRules.selector));
            new Royalties(ledger, i == 0 ? 0 : 1, i == 1 ? 0 : 1, i == 2 ? 0 : 1);
        }
        (uint128 bond, uint32 window, uint32 votingTime) = royalties.royaltyRules();
        assertEq(bond, BOND, "bond");
        assertEq(window, WINDOW, "window");
        assertEq(votingTime, VOTING, "voting");
    }

    function test_pay_countsWhatArrives() public {
        expectEvent(address(royalties));
        emit RoyaltiesPaid(taskId, address(token), licensee, 5);
        _pay(5);
        _pay(6);
        assertEq(royalties.pot(taskId, address(token)), 11, "pot");
        assertEq(token.balanceOf(address(royalties)), 11, "balance");
        vm.expectRevert(abi.encodeWithSelector(IRoyalties.NothingPaid.selector, taskId, address(token)));
        _pay(0);
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.UnknownTask.selector, taskId + 1));
        royalties.pay(taskId + 1, address(token), 1);
    }

    function test_attack_aPayerThatIsCalledCannotBeCountedTwice() public {
        HookedToken hooked = new HookedToken();
        hooked.mint(address(this), 100);
        hooked.approve(address(royalties), 100);
        hooked.set(address(this), abi.encodeCall(this.payAgain, (hooked)), false);
        royalties.pay(taskId, address(hooked), 50);
        assertTrue(!hooked.succeeded(), "paid again within a payment");
        assertEq(royalties.pot(taskId, address(hooked)), 50, "pot");
        hooked.set(address(0), "", true);
        vm.expectRevert(abi.encodeWithSelector(IRoyalties.NothingPaid.selector, taskId, address(hooked)));
        royalties.pay(taskId, address(hooked), 50);
    }

    function payAgain(HookedToken hooked) external {
        royalties.pay(taskId, address(hooked), 50);
    }

    // ---------------------------------------------------------------- propose

    function test_propose_revertsWhereThereIsNothingToDivide() public {
        Receipts memory receipts = _receipts();
        bytes4 nothing = IRoyalties.NothingToDivide.selector;
        vm.expectRevert(abi.encodeWithSelector(nothing, taskId, 0, 400));
        royalties.proposeDivision{value: BOND}(taskId, address(token), receipts);
        _pay(PAID);
        for (uint256 i; i < 3; ++i) {
            Receipts memory wrong = _receipts();
            if (i == 0) wrong.shares = 0;
            else wrong.round = i == 1 ? 0 : 2;
            vm.expectRevert(abi.encodeWithSelector(nothing, taskId, PAID, wrong.shares));
            royalties.proposeDivision{value: BOND}(taskId, address(token), wrong);
        }
        vm.expectRevert(abi.encodeWithSelector(IRoyalties.WrongRoyaltyBond.selector, BOND - 1, BOND));
        royalties.proposeDivision{value: BOND - 1}(taskId, address(token), receipts);
        uint256 id = _propose();
        vm.expectRevert(abi.encodeWithSelector(IRoyalties.DivisionOpen.selector, id));
        royalties.proposeDivision{value: BOND}(taskId, address(token), receipts);
        assertEq(royalties.openDivision(taskId, address(token)), id, "open");
    }

    function test_propose_takesNoMoreThanItCanCount() public {
        token.mint(licensee, 2 ** 97);
        _pay(2 ** 97);
        uint256 id = _propose();
        (,,,,, uint256 amount, uint256 left,) = royalties.division(id);
        assertEq(amount, 2 ** 96 - 1, "amount");
        assertEq(left, amount, "left");
        assertEq(royalties.pot(taskId, address(token)), 2 ** 97 - amount, "the rest waits");
    }

    // --------------------------------------------------------- final and claim

    function test_claim_paysEachItsPartOnce() public {
        uint256 id = _final();
        assertEq(royalties.owedBonds(proposer), BOND, "bond");
        assertEq(royalties.openDivision(taskId, address(token)), 0, "open");
        _pay(7);
        expectEvent(address(royalties));
        emit RoyaltyClaimed(taskId, id, first.account, 750e18);
        royalties.claimShare(id, first, _proof(second));
        assertEq(token.balanceOf(first.account), 750e18, "first");
        assertTrue(royalties.isClaimed(id, 0) && !royalties.isClaimed(id, 1), "claimed");
        bytes32[] memory proof = _proof(second);
        vm.expectRevert(abi.encodeWithSelector(IRoyalties.ShareClaimed.selector, id, 0));
        royalties.claimShare(id, first, proof);
        royalties.claimShare(id, second, _proof(first));
        (,,,,,, uint256 left,) = royalties.division(id);
        assertEq(left, 0, "left");
        assertEq(token.balanceOf(address(royalties)), 7, "what was paid since waits");
        uint256 next = _propose();
        (,,,,, uint256 amount,,) = royalties.division(next);
        assertEq(amount, 7, "the next division");
    }

    function test_claim_revertsForWhatIsNotInTheRoot() public {
        uint256 id = _final();
        bytes32[] memory proof = _proof(second);
        for (uint256 i; i < 3; ++i) {
            Share memory wrong = Share(0, address(0xA), 300);
            if (i == 0) wrong.index = 1;
            if (i == 1) wrong.account = licensee;
            if (i == 2) wrong.share = 301;
            vm.expectRevert(abi.encodeWithSelector(IRoyalties.NoShare.selector, id, wrong.account));
            royalties.claimShare(id, wrong, proof);
        }
        vm.expectRevert(abi.encodeWithSelector(IRoyalties.NotInState.selector, id + 1, DivisionState.None));
        royalties.claimShare(id + 1, first, proof);
    }

    function test_finalize_waitsForTheWindow() public {
        _pay(PAID);
        uint256 id = _propose();
        bytes32[] memory proof = _proof(second);
        _wrongState(id);
        royalties.claimShare(id, first, proof);
        vm.expectRevert(abi.encodeWithSelector(IRoyalties.BeforeTime.selector, block.timestamp + WINDOW));
        royalties.finalizeDivision(id);
        vm.warp(block.timestamp + WINDOW);
        vm.prank(challenger);
        vm.expectRevert(abi.encodeWithSelector(IRoyalties.PastTime.selector, block.timestamp));
        royalties.challengeDivision{value: BOND}(id);
        expectEvent(address(royalties));
        emit DivisionFinal(taskId, id, _receipts().root, PAID);
        royalties.finalizeDivision(id);
        _wrongState(id);
        royalties.finalizeDivision(id);
        vm.prank(proposer);
        royalties.withdrawBonds();
        assertEq(proposer.balance, 10 ether, "the bond came back");
    }

    // ------------------------------------------------------------ challenges

    function test_challenge_isDecidedByMoreThanHalfOfTheWeight() public {
        _pay(PAID);
        uint256 id = _propose();
        vm.expectRevert(abi.encodeWithSelector(IRoyalties.WrongRoyaltyBond.selector, 1, BOND));
        royalties.challengeDivision{value: 1}(id);
        expectEvent(address(royalties));
        emit DivisionChallenged(taskId, id, challenger, uint40(block.timestamp) + VOTING);
        _challenge(id);
        _wrongState(id);
        royalties.challengeDivision{value: BOND}(id);
        _wrongState(id);
        royalties.finalizeDivision(id);
        vm.expectRevert(abi.encodeWithSelector(IRoyalties.NoVoteOnDivision.selector, address(this), id));
        royalties.voteOnDivision(id, false);
        _vote(0, id, false);
        vm.expectRevert(abi.encodeWithSelector(IRoyalties.NoVoteOnDivision.selector, verifierAt(0), id));
        _vote(0, id, true);
        vm.expectRevert(abi.encodeWithSelector(IRoyalties.BeforeTime.selector, block.timestamp + VOTING));
        royalties.decideDivision(id);
        _vote(1, id, false);
        expectEvent(address(royalties));
        emit DivisionRejected(taskId, id);
        royalties.decideDivision(id);
        assertEq(royalties.pot(taskId, address(token)), PAID, "what there is waits again");
        assertEq(royalties.openDivision(taskId, address(token)), 0, "open");
        assertEq(royalties.owedBonds(challenger), BOND + BOND / 2, "challenger");
        assertEq(royalties.owedBonds(proposer), 0, "proposer");
        assertEq(royalties.owedBonds(verifierAt(0)), BOND / 4, "a verifier that voted");
        assertEq(royalties.owedBonds(verifierAt(2)), 0, "one that did not");
        _propose();
    }

    function test_challenge_thatIsWrongCostsItsBond() public {
        _pay(PAID);
        uint256 id = _propose();
        _challenge(id);
        _vote(0, id, true);
        _vote(1, id, true);
        _vote(2, id, false);
        royalties.decideDivision(id);
        assertTrue(_state(id) == DivisionState.Final, "final");
        assertEq(royalties.owedBonds(proposer), BOND + BOND / 2, "proposer");
        assertEq(royalties.owedBonds(challenger), 0, "challenger");
        assertEq(royalties.owedBonds(verifierAt(2)), 0, "who voted otherwise");
        royalties.claimShare(id, second, _proof(first));
        assertEq(token.balanceOf(second.account), 250e18, "second");
        _wrongState(id);
        royalties.decideDivision(id);
    }

    function test_challenge_thatNobodyDecidesCostsBoth() public {
        _pay(PAID);
        uint256 id = _propose();
        _challenge(id);
        _vote(0, id, true);
        vm.warp(block.timestamp + VOTING);
        vm.expectRevert(abi.encodeWithSelector(IRoyalties.PastTime.selector, block.timestamp));
        _vote(1, id, true);
        royalties.decideDivision(id);
        assertTrue(_state(id) == DivisionState.Rejected, "rejected");
        assertEq(royalties.owedBonds(proposer), BOND / 2, "proposer");
        assertEq(royalties.owedBonds(challenger), BOND / 2, "challenger");
        assertEq(royalties.pot(taskId, address(token)), PAID, "waits again");
    }

    function test_attack_aVerifierThatVotedAndLeftDoesNotCount() public {
        _pay(PAID);
        uint256 id = _propose();
        _challenge(id);
        _vote(0, id, false);
        _vote(1, id, false);
        vm.startPrank(verifierAt(1));
        ledger.requestLeave(taskId);
        vm.stopPrank();
        vm.warp(block.timestamp + VOTING - 1);
        vm.prank(verifierAt(1));
        ledger.leave(taskId);
        assertEq(ledger.servingWeight(taskId, verifierAt(1)), 0, "gone");
        vm.expectRevert(abi.encodeWithSelector(IRoyalties.BeforeTime.selector, block.timestamp + 1));
        royalties.decideDivision(id);
    }

    function test_attack_anAccomplicesChallengeDoesNotBringABondBack() public {
        _pay(PAID);
        uint256 id = _propose();
        vm.prank(proposer);
        royalties.challengeDivision{value: BOND}(id);
        _vote(0, id, false);
        _vote(1, id, false);
        royalties.decideDivision(id);
        assertEq(royalties.owedBonds(proposer), 2 * BOND - BOND / 2, "half of a bond is gone");
    }

    function test_attack_sharesBeyondTheirSumTakeNothingFromOthers() public {
        Receipts memory receipts = _receipts();
        receipts.shares = 350;
        _pay(PAID);
        vm.prank(proposer);
        uint256 id = royalties.proposeDivision{value: BOND}(taskId, address(token), receipts);
        vm.warp(block.timestamp + WINDOW);
        royalties.finalizeDivision(id);
        _pay(PAID);
        royalties.claimShare(id, first, _proof(second));
        royalties.claimShare(id, second, _proof(first));
        assertEq(token.balanceOf(first.account) + token.balanceOf(second.account), PAID, "all of this division");
        assertEq(token.balanceOf(address(royalties)), PAID, "and nothing of the next");
    }

    function test_attack_anInnerNodeIsNoShare() public {
        uint256 id = _final();
        bytes32 root = _receipts().root;
        vm.expectRevert(abi.encodeWithSelector(IRoyalties.NoShare.selector, id, address(0xA)));
        royalties.claimShare(id, Share(uint256(root), address(0xA), 1), new bytes32[](0));
    }

    function test_attack_aClaimWithinAClaimPaysOnce() public {
        HookedToken hooked = new HookedToken();
        hooked.mint(address(this), 100);
        hooked.approve(address(royalties), 100);
        royalties.pay(taskId, address(hooked), 100);
        Receipts memory receipts = _receipts();
        uint256 id = royalties.proposeDivision{value: BOND}(taskId, address(hooked), receipts);
        vm.warp(block.timestamp + WINDOW);
        royalties.finalizeDivision(id);
        hooked.set(address(royalties), abi.encodeCall(royalties.claimShare, (id, first, _proof(second))), false);
        royalties.claimShare(id, first, _proof(second));
        assertTrue(!hooked.succeeded(), "claimed again within the claim");
        assertEq(hooked.balanceOf(first.account), 75, "paid once");
    }

    function test_withdrawBonds_keepsWhatIsNotTaken() public {
        Purseless purseless = new Purseless();
        _pay(PAID);
        uint256 id = _propose();
        purseless.challenge{value: BOND}(royalties, id);
        _vote(0, id, false);
        _vote(1, id, false);
        royalties.decideDivision(id);
        vm.expectRevert(abi.encodeWithSelector(IRoyalties.BondNotTaken.selector, address(purseless), BOND + BOND / 2));
        purseless.withdraw(royalties);
        assertEq(royalties.owedBonds(address(purseless)), BOND + BOND / 2, "still owed");
    }

    function test_multicall_claimsForMany() public {
        uint256 id = _final();
        bytes[] memory calls = new bytes[](2);
        calls[0] = abi.encodeCall(royalties.claimShare, (id, first, _proof(second)));
        calls[1] = abi.encodeCall(royalties.claimShare, (id, second, _proof(first)));
        royalties.multicall(calls);
        assertEq(token.balanceOf(second.account), 250e18, "second");
    }

    // -------------------------------------------------------------------- fuzz

    /// @notice Whatever is paid and whatever the shares are: parts are proportional, and nothing is lost but dust.
    function testFuzz_partsAddUp(uint96 paid, uint64[8] calldata shares) public {
        uint256 amount = bound(paid, 1, 5 * PAID);
        bytes32[] memory leaves = new bytes32[](8);
        uint256 sum;
        for (uint256 i; i < 8; ++i) {
            uint64 share = shares[i] / 8;
            leaves[i] = royalties.shareHash(Share(i, address(uint160(0xF000 + i)), share));
            sum += share;
        }
        vm.assume(sum > 0);
        bytes32[] memory level = leaves;
        bytes32[][] memory proofs = new bytes32[][](8);
        for (uint256 i; i < 8; ++i) {
            proofs[i] = new bytes32[](3);
        }
        for (uint256 depth; depth < 3; ++depth) {
            for (uint256 i; i < 8; ++i) {
                proofs[i][depth] = level[(i >> depth) ^ 1];
            }
            bytes32[] memory above = new bytes32[](level.length / 2);
            for (uint256 i; i < above.length; ++i) {
                (bytes32 a, bytes32 b) = (level[2 * i], level[2 * i + 1]);
                above[i] = a < b ? keccak256(abi.encode(a, b)) : keccak256(abi.encode(b, a));
            }
            level = above;
        }
        _pay(amount);
        vm.prank(proposer);
        uint256 id = royalties.proposeDivision{value: BOND}(
            taskId, address(token), Receipts(level[0], keccak256("document"), uint64(sum), 1)
        );
        vm.warp(block.timestamp + WINDOW);
        royalties.finalizeDivision(id);
        uint256 given;
        for (uint256 i; i < 8; ++i) {
            Share memory one = Share(i, address(uint160(0xF000 + i)), shares[i] / 8);
            royalties.claimShare(id, one, proofs[i]);
            uint256 got = token.balanceOf(one.account);
            assertEq(got, amount * one.share / sum, "in proportion");
            given += got;
        }
        assertLe(given, amount, "no more than was paid");
        assertLe(amount - given, 7, "dust");
    }

    receive() external payable {}
}

/// @notice The gas of a claim, for `.gas-snapshot`; storage is warm, see Gas.t.sol.
contract RoyaltiesGasTest is LedgerTest {
    Royalties private royalties;
    Share private share = Share(0, address(0xFEE), 5);
    bytes32[] private proof;

    function setUp() public override {
        super.setUp();
        royalties = new Royalties(ledger, 1, 1, 1);
        _createTask(_params(), _equalWeights(3), 1);
        ledger.openRound(taskId);
        bytes32 node = royalties.shareHash(share);
        for (uint256 i; i < 10; ++i) {
            proof.push(keccak256(abi.encode(i)));
            node = node < proof[i] ? keccak256(abi.encode(node, proof[i])) : keccak256(abi.encode(proof[i], node));
        }
        token.mint(address(this), 100);
        token.approve(address(royalties), 100);
        royalties.pay(taskId, address(token), 100);
        royalties.proposeDivision{value: 1}(taskId, address(token), Receipts(node, keccak256("document"), 10, 1));
        vm.warp(block.timestamp + 1);
        royalties.finalizeDivision(1);
    }

    /// @notice The first of 256 claims, for an account without any of the token: the dearest there is.
    function test_gas_claimFirstShareOf1024() public {
        royalties.claimShare(1, share, proof);
    }
}
