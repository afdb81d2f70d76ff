// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {AppealView} from "../../contracts/interfaces/LedgerTypes.sol";
import {ILedgerErrors, LedgerTest, Member, Phase, Role, TaskParams} from "./utils/LedgerTest.sol";

/// @notice appeal, commitAppealVote, revealAppealVote, resolveAppeal. Nine verifiers, three of them drawn.
contract AppealsTest is LedgerTest {
    uint112 private constant BOND = 30e18;
    uint16 private constant MIXTURE_WEIGHT = 0x2000;
    address private challenger = address(0xCA11);
    uint32 private round;
    uint256[][] private vectors;
    address[] private jury;

    function setUp() public override {
        super.setUp();
        _createTask(_params(), _equalWeights(9), 3);
        _purse(challenger);
        round = _runUpdates(3);
        uint16[][] memory votes = new uint16[][](3);
        votes[0] = _codes(1, ZERO + 100, ZERO + 200);
        votes[1] = votes[0];
        votes[2] = _codes(ZERO + 300, ZERO + 100, ZERO + 200);
        vectors = _score(round, votes);
        _settle(round, vectors);
        address[] memory seated = ledger.committee(taskId, round).verifiers;
        for (uint256 i; i < 9; ++i) {
            bool isSeated;
            for (uint256 j; j < 3; ++j) {
                isSeated = isSeated || seated[j] == verifierAt(i);
            }
            if (!isSeated) jury.push(verifierAt(i));
        }
    }

    function _params() internal view override returns (TaskParams memory params) {
        params = super._params();
        (params.committeeSize, params.appealWindow, params.appealBond) = (3, 100, BOND);
    }

    function _open(uint256 index) private {
        vm.prank(challenger);
        ledger.appeal(taskId, _rules(taskId), round, index);
    }

    function _voteCommitment(uint256 index, address juror, uint16 code) private view returns (bytes32) {
        return _voteCommitment(index, juror, code, MIXTURE_WEIGHT);
    }

    function _voteCommitment(uint256 index, address juror, uint16 code, uint16 mixtureWeight)
        private
        view
        returns (bytes32)
    {
        bytes32 evidence = keccak256("why");
        return keccak256(
            abi.encode(
                block.chainid, address(ledger), taskId, round, index, juror, code, mixtureWeight, evidence, _salt(juror)
            )
        );
    }

    function _vote(uint256 index, uint256 jurors, uint16 code) private {
        for (uint256 i; i < jurors; ++i) {
            bytes32 commitment = _voteCommitment(index, jury[i], code);
            vm.prank(jury[i]);
            ledger.commitAppealVote(taskId, round, index, commitment);
        }
        vm.warp(ledger.appealInfo(taskId, round, index).commitDeadline);
        for (uint256 i; i < jurors; ++i) {
            _revealVote(index, jury[i], code);
        }
    }

    /// @dev A round up to its settlement, in which the committee agrees.
    function _runAgreed(uint16[] memory codes) private returns (uint32 settled) {
        settled = _runUpdates(codes.length);
        uint16[][] memory votes = new uint16[][](3);
        (votes[0], votes[1], votes[2]) = (codes, codes, codes);
        vectors = _score(settled, votes);
        _settle(settled, vectors);
    }

    function _revealVote(uint256 index, address juror, uint16 code) private {
        bytes32 salt = _salt(juror);
        vm.prank(juror);
        ledger.revealAppealVote(taskId, round, index, code, MIXTURE_WEIGHT, keccak256("why"), salt);
    }

    // ---------------------------------------------------------------- appeal

    function test_appeal_revertsOutsideTheWindowOrForUnknownUpdates() public {
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.WrongPhase.selector, taskId, 2, Phase.None, Phase.Appeal));
        ledger.appeal(taskId, _rules(taskId), 2, 0);
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.UnknownUpdate.selector, 3, 3));
        ledger.appeal(taskId, _rules(taskId), round, 3);
        _open(0);
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.AlreadyAppealed.selector, round, 0));
        ledger.appeal(taskId, _rules(taskId), round, 0);
        uint40 finalAt = ledger.roundInfo(taskId, round).finalAt;
        vm.warp(finalAt);
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.AppealWindowOver.selector, finalAt));
        ledger.appeal(taskId, _rules(taskId), round, 1);
    }

    function test_appeal_isOpenToEveryUpdateAtOnce() public {
        uint16[] memory codes = new uint16[](257);
        for (uint256 i; i < codes.length; ++i) {
            codes[i] = 1;
        }
        _createTask(_params(), _equalWeights(9), codes.length);
        round = _runAgreed(codes);
        for (uint256 i; i < codes.length; ++i) {
            _open(i);
        }
        assertEq(ledger.roundInfo(taskId, round).openAppeals, codes.length, "all of them");
    }

    function test_appeal_takesTheBondAndHoldsTheClaims() public {
        uint256 before = token.balanceOf(challenger);
        expectEvent(address(ledger));
        emit AppealOpened(
            taskId, round, 0, challenger, BOND, 9, uint40(block.timestamp + 100), uint40(block.timestamp + 200)
        );
        _open(0);
        assertEq(before - token.balanceOf(challenger), BOND, "bond");
        AppealView memory appeal = ledger.appealInfo(taskId, round, 0);
        assertEq(appeal.jurors, 9, "the whole panel");
        assertEq(appeal.juryWeight, 9, "weight");
        vm.warp(ledger.roundInfo(taskId, round).finalAt + 1);
        vm.expectRevert(
            abi.encodeWithSelector(ILedgerErrors.WrongPhase.selector, taskId, round, Phase.Appeal, Phase.Final)
        );
        _claim(trainerAt(1), round);
    }

    // ------------------------------------------------------------ the votes

    function test_appealVotes_revertOutOfOrder() public {
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.UnknownAppeal.selector, round, 0));
        ledger.commitAppealVote(taskId, round, 0, 0);
        _open(0);
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.NotInJury.selector, address(this), round, 0));
        ledger.commitAppealVote(taskId, round, 0, bytes32(uint256(1)));
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.WrongAppealPhase.selector, 0, 0, 1));
        ledger.revealAppealVote(taskId, round, 0, 8, 0, 0, 0);
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.WrongAppealPhase.selector, 0, 0, 2));
        ledger.resolveAppeal(taskId, round, 0, vectors);
        vm.startPrank(jury[0]);
        ledger.commitAppealVote(taskId, round, 0, bytes32(uint256(1)));
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.AlreadyVoted.selector, jury[0], round));
        ledger.commitAppealVote(taskId, round, 0, bytes32(uint256(1)));
        vm.stopPrank();
    }

    /// @dev Zero stands for no commitment: whoever could commit to it again and again would end the phase for all.
    function test_appealVotes_revertOnAnEmptyCommitment() public {
        _open(0);
        vm.prank(jury[0]);
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.NoVote.selector, jury[0], round));
        ledger.commitAppealVote(taskId, round, 0, 0);
        assertEq(ledger.appealInfo(taskId, round, 0).committed, 0, "nobody has committed");
    }

    function test_appealVotes_publishWhatTheModelShouldTake() public {
        _open(0);
        bytes32 commitment = _voteCommitment(0, jury[0], ZERO);
        vm.prank(jury[0]);
        ledger.commitAppealVote(taskId, round, 0, commitment);
        vm.warp(block.timestamp + 100);
        bytes32 evidence = keccak256("why");
        bytes32 other = _voteCommitment(0, jury[0], ZERO, MIXTURE_WEIGHT + 1);
        vm.prank(jury[0]);
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.CommitmentMismatch.selector, commitment, other));
        ledger.revealAppealVote(taskId, round, 0, ZERO, MIXTURE_WEIGHT + 1, evidence, _salt(jury[0]));
        expectEvent(address(ledger));
        emit AppealVoteRevealed(taskId, round, 0, jury[0], 1, ZERO, MIXTURE_WEIGHT, evidence);
        _revealVote(0, jury[0], ZERO);
    }

    function test_appealVotes_revertOnBadReveals() public {
        _open(0);
        uint16 code = ZERO;
        for (uint256 i; i < 2; ++i) {
            bytes32 commitment = _voteCommitment(0, jury[i], code);
            vm.prank(jury[i]);
            ledger.commitAppealVote(taskId, round, 0, commitment);
        }
        vm.warp(block.timestamp + 100);
        vm.prank(jury[5]);
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.NoVote.selector, jury[5], round));
        ledger.revealAppealVote(taskId, round, 0, code, 0, 0, 0);
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.InvalidVote.selector, 6));
        _revealVote(0, jury[0], 6);
        bytes32 held = _voteCommitment(0, jury[0], code);
        bytes32 other = _voteCommitment(0, jury[0], 9);
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.CommitmentMismatch.selector, held, other));
        _revealVote(0, jury[0], 9);
        _revealVote(0, jury[0], code);
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.AlreadyVoted.selector, jury[0], round));
        _revealVote(0, jury[0], code);
    }

    // --------------------------------------------------------- resolveAppeal

    function test_resolveAppeal_overturnsAWrongConviction() public {
        uint256 escrow = ledger.task(taskId).escrow;
        _open(0);
        _vote(0, 6, ZERO + 300);
        address[] memory seated = ledger.committee(taskId, round).verifiers;
        expectEvent(address(ledger));
        emit VerifierFined(taskId, round, seated[0], BOND);
        expectEvent(address(ledger));
        emit VerifierFined(taskId, round, seated[1], BOND);
        for (uint256 i; i < 6; ++i) {
            expectEvent(address(ledger));
            emit JurorRewarded(taskId, round, 0, jury[i], BOND / 6);
        }
        expectEvent(address(ledger));
        emit AppealResolved(taskId, round, 0, 1, ZERO + 300, true, BOND);
        ledger.resolveAppeal(taskId, round, 0, vectors);
        assertEq(ledger.scoreOf(taskId, round, 0), ZERO + 300, "the outcome replaces the median");
        assertEq(ledger.scoreOf(taskId, round, 1), ZERO + 100, "its neighbour stays");
        assertEq(ledger.member(taskId, challenger).balance, 2 * uint256(BOND), "bond and reward");
        assertEq(ledger.member(taskId, seated[0]).stake, VERIFIER_STAKE - BOND, "the erring pay");
        assertEq(ledger.member(taskId, jury[5]).balance, BOND / 6, "the jurors are paid");
        assertEq(ledger.member(taskId, seated[2]).stake, VERIFIER_STAKE, "the dissenter does not");
        assertEq(ledger.task(taskId).escrow, escrow, "the escrow gets nothing");
        vm.warp(ledger.roundInfo(taskId, round).finalAt);
        uint256 total = 300 ** 2 + 100 ** 2 + 200 ** 2;
        assertEq(_claim(trainerAt(0), round), uint256(TRAINER_BUDGET) * 300 ** 2 / total, "acquitted and paid");
        _claim(trainerAt(1), round);
        _claim(trainerAt(2), round);
        assertEq(ledger.member(taskId, trainerAt(0)).stake, STAKE, "no slash");
        ledger.withdraw(taskId, challenger);
        _assertConserved(3, 9);
    }

    function test_resolveAppeal_revertsWithoutTheCommitteesVectors() public {
        _open(0);
        _vote(0, 6, ZERO + 300);
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.WrongLength.selector, 0, 3));
        ledger.resolveAppeal(taskId, round, 0, new uint256[][](0));
        uint256[][] memory forged = vectors;
        forged[0] = _pack(_codes(8, 8, 8));
        bytes32 held = _chainHash(vectors[0], 0);
        bytes32 got = _chainHash(forged[0], 0);
        address seated = ledger.committee(taskId, round).verifiers[0];
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.ChainMismatch.selector, seated, held, got));
        ledger.resolveAppeal(taskId, round, 0, forged);
    }

    function test_resolveAppeal_upholdsARightConvictionAndPaysTheJurors() public {
        uint256 escrow = ledger.task(taskId).escrow;
        _open(0);
        _vote(0, 6, 1);
        ledger.resolveAppeal(taskId, round, 0, new uint256[][](0));
        assertEq(ledger.task(taskId).escrow, escrow, "nothing to the escrow, which is the sponsor's");
        assertEq(ledger.member(taskId, jury[0]).balance, BOND / 6, "the jurors share the bond");
        assertEq(ledger.scoreOf(taskId, round, 0), 1, "verdict stands");
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.UnknownAppeal.selector, round, 0));
        ledger.resolveAppeal(taskId, round, 0, new uint256[][](0));
    }

    function test_resolveAppeal_failsWhereTheJuryStaysAway() public {
        _open(0);
        _vote(0, 2, ZERO + 300);
        ledger.resolveAppeal(taskId, round, 0, new uint256[][](0));
        assertEq(ledger.scoreOf(taskId, round, 0), 1, "two of nine are no majority");
        for (uint256 i = 2; i < 6; ++i) {
            assertEq(ledger.member(taskId, jury[i]).stake, VERIFIER_STAKE * 9 / 10, "absent jurors lose stake");
        }
        assertEq(ledger.member(taskId, jury[0]).stake, VERIFIER_STAKE - BOND, "who voted for another code pays for it");
        assertEq(uint256(ledger.phase(taskId, round)), uint256(Phase.Final), "final at once: the window is over");
        _assertConserved(3, 9);
    }

    function test_resolveAppeal_canConvictToo() public {
        _open(2);
        _vote(2, 6, 3);
        ledger.resolveAppeal(taskId, round, 2, vectors);
        assertEq(ledger.scoreOf(taskId, round, 2), 3, "duplicate");
        vm.warp(ledger.roundInfo(taskId, round).finalAt);
        assertEq(_claim(trainerAt(2), round), 0, "no reward");
        assertEq(ledger.member(taskId, trainerAt(2)).stake, STAKE * 7 / 10, "slashed");
        assertEq(_claim(trainerAt(1), round), TRAINER_BUDGET, "the rest share the budget");
    }

    /// @dev A round of three updates in which the committee agrees, up to its appeal.
    function _nextRound(uint16[] memory codes) private {
        for (uint256 i; i < 3; ++i) {
            vm.warp(ledger.roundInfo(taskId, round).finalAt + 101);
            _claim(trainerAt(i), round);
        }
        vm.prank(sponsor);
        ledger.topUp(taskId, _rules(taskId), trainerAt(0), STAKE);
        round = _runAgreed(codes);
        delete jury;
        address[] memory seated = ledger.committee(taskId, round).verifiers;
        for (uint256 i; i < 9; ++i) {
            address one = verifierAt(i);
            if (one != seated[0] && one != seated[1] && one != seated[2]) jury.push(one);
        }
    }

    function test_resolveAppeal_reservesTheBudgetForTheFirstGain() public {
        _nextRound(_codes(4, ZERO, ZERO));
        uint256 escrow = ledger.task(taskId).escrow;
        assertEq(ledger.task(taskId).owed, 0, "nobody gained");
        _open(0);
        _vote(0, 6, ZERO + 1);
        ledger.resolveAppeal(taskId, round, 0, vectors);
        uint256 budget = ledger.roundInfo(taskId, round).budget;
        assertEq(budget, TRAINER_BUDGET + STAKE / 2, "with what a convict forfeited before");
        assertEq(ledger.task(taskId).owed, budget, "owed to the one that did");
        assertEq(ledger.task(taskId).escrow, escrow - TRAINER_BUDGET, "from the escrow");
        assertEq(ledger.task(taskId).forfeited, 0, "and from what was forfeited");
        vm.warp(ledger.roundInfo(taskId, round).finalAt);
        assertEq(_claim(trainerAt(0), round), budget, "all of it");
        ledger.withdraw(taskId, challenger);
        _assertConserved(3, 9);
    }

    function test_resolveAppeal_returnsTheBudgetWithTheLastGain() public {
        _nextRound(_codes(ZERO + 1, ZERO, ZERO));
        uint256 escrow = ledger.task(taskId).escrow;
        _open(0);
        _vote(0, 6, 1);
        ledger.resolveAppeal(taskId, round, 0, vectors);
        assertEq(ledger.task(taskId).owed, 0, "nothing is owed");
        assertEq(ledger.task(taskId).escrow, escrow + TRAINER_BUDGET, "all in the escrow");
        vm.warp(ledger.roundInfo(taskId, round).finalAt);
        for (uint256 i; i < 3; ++i) {
            assertEq(_claim(trainerAt(i), round), 0, "no reward");
        }
        ledger.withdraw(taskId, challenger);
        _assertConserved(3, 9);
    }

    function test_leave_bindsJurors() public {
        _open(0);
        vm.startPrank(jury[0]);
        ledger.requestLeave(taskId);
        vm.warp(block.timestamp + 1000);
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.RoundPending.selector, jury[0], round));
        ledger.leave(taskId);
        vm.stopPrank();
        ledger.resolveAppeal(taskId, round, 0, new uint256[][](0));
        vm.prank(jury[0]);
        ledger.leave(taskId);
        assertEq(uint256(ledger.member(taskId, jury[0]).role), uint256(Role.None), "gone");
    }

    function testFuzz_resolveAppeal_moneyIsConserved(uint16 code, uint8 jurors, uint8 index) public {
        uint16 vote = uint16(bound(code, 8, 32_767));
        uint256 at = bound(index, 0, 2);
        _open(at);
        _vote(at, bound(jurors, 0, 6), vote);
        vm.warp(ledger.appealInfo(taskId, round, at).revealDeadline);
        ledger.resolveAppeal(taskId, round, at, vectors);
        for (uint256 i; i < 3; ++i) {
            _claim(trainerAt(i), round);
        }
        ledger.withdraw(taskId, challenger);
        Member memory left = ledger.member(taskId, challenger);
        assertEq(left.balance, 0, "withdrawn");
        _assertConserved(3, 9);
    }
}
