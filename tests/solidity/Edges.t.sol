// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILedgerErrors} from "../../contracts/interfaces/ILedgerErrors.sol";
import {LedgerTest, Role, TaskParams} from "./utils/LedgerTest.sol";

/// @notice Rules at the edges of their ranges, each of which changes a number or a place.
contract EdgesTest is LedgerTest {
    function test_aTaskThatDoesNotExistPaysNobody() public {
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.UnknownTask.selector, 99));
        ledger.withdraw(99, sponsor);
    }

    function test_lapse_isForTrainers() public {
        _createTask(_params(), _equalWeights(3), 1);
        vm.expectRevert(
            abi.encodeWithSelector(ILedgerErrors.WrongRole.selector, verifierAt(0), Role.Verifier, Role.Trainer)
        );
        ledger.lapse(taskId, verifierAt(0));
    }

    /// @notice Where an equal share of a round's budget is more than the stake asked for, slashes are parts of the share, and
    /// so is what a relayer puts at stake for each entry.
    function test_largeBudgetsRaiseSlashesAndBonds() public {
        TaskParams memory params = _params();
        (params.maxTrainers, params.trainerStake) = (4, 1e18);
        _createTask(params, _equalWeights(3), 2);
        uint32 round = ledger.openRound(taskId);
        _commit(round, trainerAt(0));
        _commit(round, trainerAt(1));
        uint256 share = uint256(TRAINER_BUDGET) / 4;
        _purse(address(this));
        uint256 before = token.balanceOf(address(this));
        ledger.commitBatch(taskId, _rules(taskId), round, keccak256("batch"), 2);
        assertEq(before - token.balanceOf(address(this)), share, "two halves of an equal share");
        vm.warp(ledger.roundInfo(taskId, round).commitDeadline);
        _reveal(round, trainerAt(1));
        vm.warp(ledger.roundInfo(taskId, round).revealDeadline);
        _closeReveal(round);
        vm.warp(block.timestamp + 200);
        ledger.voidRound(taskId, round);
        _claim(trainerAt(0), round);
        assertEq(ledger.member(taskId, trainerAt(0)).stake, 0, "half a share is more than the stake");
    }

    /// @notice In an open task the place of a verifier that left is taken before anybody is evicted.
    function test_openTasksFillPlacesThatWereLeft() public {
        TaskParams memory params = _params();
        (params.openVerifiers, params.committeeSize) = (true, 3);
        _createTask(params, _equalWeights(64), 1);
        vm.prank(verifierAt(5));
        ledger.requestLeave(taskId);
        vm.warp(block.timestamp + 1000);
        vm.prank(verifierAt(5));
        ledger.leave(taskId);
        _purse(verifierAt(64));
        vm.prank(verifierAt(64));
        ledger.joinVerifier(taskId, _rules(taskId), VERIFIER_STAKE);
        for (uint256 i; i < 64; ++i) {
            if (i != 5) assertTrue(!ledger.member(taskId, verifierAt(i)).evicted, "nobody lost a place");
        }
    }

    /// @notice A verifier with nearly all of the weight has no more than a third of it in an appeal, either.
    function test_aHeavyJurorIsCapped() public {
        TaskParams memory params = _params();
        (params.committeeSize, params.appealWindow, params.appealBond) = (3, 100, 30e18);
        uint16[] memory weights = _equalWeights(5);
        weights[4] = 1000;
        _createTask(params, weights, 3);
        uint32 round = _runRound(_codes(ZERO, ZERO + 100, ZERO + 200));
        _purse(address(this));
        ledger.appeal(taskId, _rules(taskId), round, 0);
        uint256 jury = ledger.appealInfo(taskId, round, 0).juryWeight;
        uint256 cap = ledger.roundInfo(taskId, round).weightCap;
        assertEq(jury, 4 + cap, "four of weight one, and the cap");
        assertLe(3 * cap, jury + 2, "a third");
    }
}
