// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILedgerErrors, TaskParams, VerifierGrant} from "../utils/LedgerTest.sol";
import {AuditBase} from "./AuditBase.sol";

/// @notice Attacks on and by appeals. Nine verifiers, three of them drawn.
contract AppealAttacksTest is AuditBase {
    uint112 private constant BOND = 30e18;
    uint256 private constant VERIFIERS = 9;
    address private challenger = address(0xCA11);
    uint32 private round;
    uint256[][] private vectors;
    address[] private jury;
    address[] private seated;

    function _params() internal view override returns (TaskParams memory params) {
        params = super._params();
        (params.committeeSize, params.appealWindow, params.appealBond) = (3, 100, BOND);
    }

    function _settled(uint16[] memory a, uint16[] memory b, uint16[] memory c) private {
        _createTask(_params(), _equalWeights(VERIFIERS), a.length);
        _purse(challenger);
        round = _runUpdates(a.length);
        vectors = _score(round, _three(a, b, c));
        _settle(round, vectors);
        jury = _jury(round, VERIFIERS);
        seated = ledger.committee(taskId, round).verifiers;
    }

    /// @notice Two of three seats steal a round by score; the others undo it, and the thieves pay for it.
    function test_F1_scoreTheftIsUndone() public {
        uint16[] memory lie = _codes(32_767, ZERO, ZERO);
        uint16[] memory truth = _codes(ZERO + 200, ZERO + 200, ZERO + 200);
        _settled(lie, lie, truth);
        for (uint256 i; i < 3; ++i) {
            _appeal(challenger, round, i);
        }
        for (uint256 index; index < 3; ++index) {
            for (uint256 i; i < 6; ++i) {
                _commitVote(round, index, jury[i], ZERO + 200);
            }
        }
        vm.warp(ledger.appealInfo(taskId, round, 0).commitDeadline);
        for (uint256 index; index < 3; ++index) {
            for (uint256 i; i < 6; ++i) {
                _revealVote(round, index, jury[i], ZERO + 200);
            }
        }
        vm.warp(ledger.appealInfo(taskId, round, 0).revealDeadline);
        for (uint256 index; index < 3; ++index) {
            ledger.resolveAppeal(taskId, round, index, vectors);
        }
        for (uint256 i; i < 3; ++i) {
            assertEq(_claim(trainerAt(i), round), TRAINER_BUDGET / 3, "a third each");
        }
        assertEq(ledger.member(taskId, challenger).balance, 6 * uint256(BOND), "bonds, and as much again");
        for (uint256 i; i < 2; ++i) {
            uint256 kept = ledger.member(taskId, seated[i]).stake + ledger.member(taskId, seated[i]).balance;
            assertLe(kept + 3 * uint256(BOND), VERIFIER_STAKE + VERIFIER_BUDGET / 3, "a thief pays more than it got");
        }
        assertEq(ledger.member(taskId, seated[2]).stake, VERIFIER_STAKE, "the honest seat pays nothing");
        ledger.withdraw(taskId, challenger);
        _assertConserved(3, VERIFIERS);
    }

    /// @notice Four of nine against an honest, unanimous committee, with two honest jurors away: nothing changes, and who
    /// tried pays.
    function test_F2_fourOfNineOverturnNothing() public {
        uint16[] memory truth = _codes(ZERO + 200, ZERO + 200, ZERO + 200);
        _settled(truth, truth, truth);
        _appeal(challenger, round, 1);
        _vote(round, 1, jury, 4, 1);
        ledger.resolveAppeal(taskId, round, 1, vectors);
        assertEq(ledger.scoreOf(taskId, round, 1), ZERO + 200, "stands");
        assertEq(ledger.member(taskId, challenger).balance, 0, "the bond is lost");
        for (uint256 i; i < 3; ++i) {
            assertEq(ledger.member(taskId, seated[i]).stake, VERIFIER_STAKE, "the committee pays nothing");
        }
        assertEq(ledger.member(taskId, jury[0]).stake, VERIFIER_STAKE - 2 * BOND / 4, "the liars pay");
    }

    /// @notice A majority of the panel that is below two thirds acquits nobody's convict, but convicts nobody acquitted.
    function test_F2_aBareMajorityConvictsNobody() public {
        uint16[] memory truth = _codes(ZERO + 200, ZERO + 200, ZERO + 200);
        _settled(truth, truth, truth);
        _appeal(challenger, round, 1);
        _vote(round, 1, jury, 5, 1);
        ledger.resolveAppeal(taskId, round, 1, vectors);
        assertEq(ledger.scoreOf(taskId, round, 1), ZERO + 200, "five of nine do not convict");
    }

    /// @notice Jurors who are right are paid, those who are wrong pay.
    function test_F3_jurorsArePaidForBeingRight() public {
        uint16[] memory lie = _codes(1, ZERO + 200, ZERO + 200);
        _settled(lie, lie, lie);
        _appeal(challenger, round, 0);
        for (uint256 i; i < 6; ++i) {
            _commitVote(round, 0, jury[i], i == 5 ? 1 : ZERO + 200);
        }
        vm.warp(ledger.appealInfo(taskId, round, 0).commitDeadline);
        for (uint256 i; i < 6; ++i) {
            _revealVote(round, 0, jury[i], i == 5 ? 1 : ZERO + 200);
        }
        vm.warp(ledger.appealInfo(taskId, round, 0).revealDeadline);
        ledger.resolveAppeal(taskId, round, 0, vectors);
        assertEq(ledger.scoreOf(taskId, round, 0), ZERO + 200, "acquitted");
        assertEq(ledger.member(taskId, jury[0]).balance, BOND / 5, "right");
        assertEq(ledger.member(taskId, jury[5]).balance, 0, "wrong");
        assertEq(ledger.member(taskId, jury[5]).stake, VERIFIER_STAKE - 2 * BOND / 4, "and pays");
    }

    /// @notice Idle appeals cost the sponsor its bonds, and absent jurors one slash, none of which comes back to the sponsor.
    function test_F4_idleAppealsEnrichNobodyWithASay() public {
        uint16[] memory codes = _all(10, ZERO + 200);
        _settled(codes, codes, codes);
        uint256 purse = token.balanceOf(sponsor);
        uint256 escrow = ledger.task(taskId).escrow;
        for (uint256 i; i < 10; ++i) {
            _appeal(sponsor, round, i);
        }
        vm.warp(ledger.appealInfo(taskId, round, 0).revealDeadline);
        for (uint256 i; i < 10; ++i) {
            ledger.resolveAppeal(taskId, round, i, new uint256[][](0));
        }
        assertEq(ledger.member(taskId, jury[0]).stake, VERIFIER_STAKE * 9 / 10, "one slash a round");
        assertEq(ledger.task(taskId).escrow, escrow, "nothing to the escrow");
        vm.prank(sponsor);
        ledger.closeTask(taskId);
        assertEq(token.balanceOf(sponsor), purse - 10 * uint256(BOND) + escrow, "the bonds are gone");
    }

    /// @notice A jury as light as the committee can be heard: with the committee's own second vote.
    function test_F5_aFullCommitteeHasAWayToAppeal() public {
        _createTask(_params(), _equalWeights(3), 3);
        _purse(challenger);
        round = _runUpdates(3);
        uint16[] memory wrong = _codes(ZERO + 200, ZERO, ZERO);
        vectors = _score(round, _three(wrong, wrong, wrong));
        _settle(round, vectors);
        seated = ledger.committee(taskId, round).verifiers;
        _appeal(challenger, round, 0);
        _vote(round, 0, seated, 3, 2);
        ledger.resolveAppeal(taskId, round, 0, vectors);
        assertEq(ledger.scoreOf(taskId, round, 0), 2, "new evidence, another verdict");
    }

    function test_F5b_leastBondAndLeastWindow() public {
        TaskParams memory params = _params();
        params.appealBond = 1;
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.BadParameter.selector, "appealBond", 1));
        ledger.createTask(params, 0, new VerifierGrant[](0));
        params = _params();
        params.appealWindow = 1;
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.BadParameter.selector, "appealWindow", 1));
        ledger.createTask(params, 0, new VerifierGrant[](0));
    }
}
