// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILedgerErrors, Phase, TaskParams, VerifierGrant} from "../utils/LedgerTest.sol";
import {AuditBase} from "./AuditBase.sol";

/// @notice Ways to be paid without information, and to take what is not earned.
contract PayAttacksTest is AuditBase {
    uint256 private constant UPDATES = 16;

    /// @dev The true codes of a round: gains of so many steps, spread over so many.
    function _truth(uint256 which, uint256 gain, uint256 spread) private pure returns (uint16[] memory codes) {
        codes = new uint16[](UPDATES);
        for (uint256 i; i < UPDATES; ++i) {
            codes[i] = uint16(ZERO + gain + uint256(keccak256(abi.encode(which, i))) % spread);
        }
    }

    /// @dev What the last of five verifiers earns, in parts of 10,000 of its share, if the others vote `truth`.
    function _earned(uint16[] memory truth, uint16[] memory vote, bool all) private returns (uint256) {
        uint256 before = ledger.member(taskId, verifierAt(4)).balance;
        uint32 round = _runUpdates(UPDATES);
        uint16[][] memory votes = new uint16[][](5);
        for (uint256 i; i < 5; ++i) {
            votes[i] = all || i == 4 ? vote : truth;
        }
        _settle(round, _score(round, votes));
        vm.warp(block.timestamp + 101);
        for (uint256 i; i < UPDATES; ++i) {
            _claim(trainerAt(i), round);
        }
        return (ledger.member(taskId, verifierAt(4)).balance - before) * 10_000 / (uint256(VERIFIER_BUDGET) / 5);
    }

    /// @notice Nothing for "no effect" for all, however small the gains, nor for a lazy majority; all for the truth.
    function test_F7_doingNothingEarnsNothing() public {
        _createTask(_params(), _equalWeights(5), UPDATES);
        vm.prank(sponsor);
        ledger.fund(taskId, _rules(taskId), 20_000e18);
        uint16[3] memory gains = [uint16(164), 80, 8];
        uint16[3] memory spreads = [uint16(820), 80, 16];
        for (uint256 i; i < 3; ++i) {
            uint16[] memory truth = _truth(i, gains[i], spreads[i]);
            assertEq(_earned(truth, truth, false), 10_000, "honest");
            assertEq(_earned(truth, _all(UPDATES, ZERO), false), 0, "no effect for all");
            assertEq(_earned(truth, _all(UPDATES, ZERO + gains[i] + spreads[i] / 2), false), 0, "the usual score");
            assertEq(_earned(truth, _all(UPDATES, ZERO), true), 0, "a lazy majority");
            assertEq(_earned(truth, _all(UPDATES, ZERO + gains[i]), true), 0, "an agreed constant");
        }
    }

    /// @notice Nothing for the last round's medians, which everybody knows, however many rounds a trainer has claimed.
    function test_F7_lastRoundsVotesEarnNothing() public {
        _createTask(_params(), _equalWeights(5), UPDATES);
        vm.prank(sponsor);
        ledger.fund(taskId, _rules(taskId), 20_000e18);
        uint16[] memory last = _truth(0, 164, 820);
        assertEq(_earned(last, last, false), 10_000, "the first round");
        uint16[] memory next = new uint16[](UPDATES);
        for (uint256 r = 1; r < 4; ++r) {
            for (uint256 i; i < UPDATES; ++i) {
                next[i] = uint16(last[i] - 20 + uint256(keccak256(abi.encode(r, i))) % 41);
            }
            assertEq(_earned(next, last, false), 0, "last round's votes");
            (last, next) = (next, last);
        }
    }

    /// @notice Alone in a round with the least gain of the grid a trainer earns in proportion, and the rest stays.
    function test_G7_theLeastGainEarnsTheLeast() public {
        TaskParams memory params = _params();
        (params.payoutExponent, params.fullPayGain) = (1, 164);
        _createTask(params, _equalWeights(3), 1);
        uint32 round = _runRound(_all(1, ZERO + 1));
        assertEq(ledger.task(taskId).owed, TRAINER_BUDGET / 164, "one of 164 steps");
        vm.warp(block.timestamp + 1);
        assertEq(_claim(trainerAt(0), round), TRAINER_BUDGET / 164, "is what it earns");
        _assertConserved(1, 3);
    }

    /// @notice Rounds in which nobody trains use up none of the task's.
    function test_G6_emptyRoundsDoNotCount() public {
        TaskParams memory params = _params();
        params.maxRounds = 2;
        _createTask(params, _equalWeights(3), 1);
        for (uint32 r = 1; r <= 10; ++r) {
            ledger.openRound(taskId);
            vm.warp(block.timestamp + 200);
            ledger.closeReveal(taskId, r);
        }
        assertEq(ledger.task(taskId).emptyRounds, 10, "all of them");
        for (uint256 i; i < 2; ++i) {
            _claim(trainerAt(0), _runRound(_all(1, ZERO + 1)));
            vm.warp(block.timestamp + 101);
        }
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.NoRoundsLeft.selector, 2));
        ledger.openRound(taskId);
    }

    /// @notice A sponsor whose verifiers convict everybody gets its own budgets back and none of the stakes: they are the
    /// next round's trainers', and burnt at the end.
    function test_G9_convictingAllEnrichesNobody() public {
        TaskParams memory params = _params();
        (params.slashHarmful, params.slashUnrevealed, params.maxTrainers) = (10_000, 10_000, 64);
        _createTask(params, _equalWeights(1), 10);
        uint256 purse = token.balanceOf(sponsor);
        uint32 round = _runRound(_all(10, 1));
        vm.warp(block.timestamp + 101);
        for (uint256 i; i < 10; ++i) {
            _claim(trainerAt(i), round);
        }
        assertEq(ledger.task(taskId).forfeited, 10 * uint256(STAKE), "ten stakes");
        uint256 held = vm.snapshotState();
        vm.prank(sponsor);
        ledger.closeTask(taskId);
        uint256 pay = ledger.member(taskId, verifierAt(0)).balance;
        assertEq(token.balanceOf(sponsor) + pay, purse + ESCROW, "no more than it put in");
        assertEq(token.balanceOf(0x000000000000000000000000000000000000dEaD), 10 * uint256(STAKE), "burnt");
        vm.revertToState(held);
        ledger.openRound(taskId);
        assertEq(ledger.roundInfo(taskId, 2).budget, TRAINER_BUDGET + 10 * uint256(STAKE), "or for later trainers");
        _assertConserved(10, 1);
    }

    /// @notice What is forfeited and not earned does not leak to the escrow.
    function test_G9_whatIsForfeitedNeverReachesTheSponsor() public {
        TaskParams memory params = _params();
        (params.payoutExponent, params.fullPayGain, params.committeeSize) = (1, 1000, 3);
        _createTask(params, _equalWeights(3), 3);
        uint32 round = _runRound(_codes(1, ZERO + 1000, ZERO));
        vm.warp(block.timestamp + 101);
        for (uint256 i; i < 3; ++i) {
            _claim(trainerAt(i), round);
        }
        vm.prank(sponsor);
        ledger.topUp(taskId, _rules(taskId), trainerAt(0), STAKE);
        uint256 forfeited = ledger.task(taskId).forfeited;
        assertEq(forfeited, STAKE / 2, "a convict's");
        _runRound(_codes(ZERO, ZERO + 250, ZERO));
        assertEq(ledger.task(taskId).forfeited, forfeited * 3 / 4, "three quarters were not earned, and stay");
        _assertConserved(3, 3);
    }

    /// @notice Amounts are rounded up: a slash of 1 % of 99 is 1.
    function test_slashesAreRoundedUp() public {
        TaskParams memory params = _params();
        (params.trainerStake, params.slashHarmful, params.trainerBudget) = (99, 100, 100);
        _createTask(params, _equalWeights(3), 1);
        uint256 before = ledger.member(taskId, trainerAt(0)).stake;
        uint32 round = _runRound(_all(1, 1));
        vm.warp(block.timestamp + 1);
        _claim(trainerAt(0), round);
        assertEq(before - ledger.member(taskId, trainerAt(0)).stake, 1, "one");
    }

    /// @notice Not to reveal never costs less than the worst verdict.
    function test_notRevealingIsNoInsurance() public {
        TaskParams memory params = _params();
        params.slashUnrevealed = params.slashHarmful - 1;
        vm.expectRevert(
            abi.encodeWithSelector(ILedgerErrors.BadParameter.selector, "slashUnrevealed", params.slashUnrevealed)
        );
        ledger.createTask(params, 0, new VerifierGrant[](0));
    }

    /// @notice Where no trainer could reveal, and where no verifier could vote, nobody is slashed.
    function test_F14_F15_anOutageSlashesNobody() public {
        _createTask(_params(), _equalWeights(3), 10);
        uint32 round = ledger.openRound(taskId);
        for (uint256 i; i < 10; ++i) {
            _commit(round, trainerAt(i));
        }
        vm.warp(block.timestamp + 3600);
        ledger.closeReveal(taskId, round);
        for (uint256 i; i < 10; ++i) {
            _claim(trainerAt(i), round);
            assertEq(ledger.member(taskId, trainerAt(i)).stake, STAKE, "a trainer");
        }
        round = _runUpdates(2);
        vm.warp(block.timestamp + 3600);
        ledger.voidRound(taskId, round);
        for (uint256 i; i < 3; ++i) {
            assertEq(ledger.member(taskId, verifierAt(i)).stake, VERIFIER_STAKE, "a verifier");
        }
        assertEq(uint256(ledger.phase(taskId, round)), uint256(Phase.Void), "void");
    }
}
