// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILedgerErrors, LedgerTest, Member, Phase, RecordKind, TaskParams} from "./utils/LedgerTest.sol";

/// @notice claim, alone and in multicalls.
contract ClaimsTest is LedgerTest {
    function setUp() public override {
        super.setUp();
        _createTask(_params(), _equalWeights(3), 3);
    }

    function test_claim_revertsBeforeTheRoundIsFinal() public {
        uint32 round = _runUpdates(3);
        vm.expectRevert(
            abi.encodeWithSelector(ILedgerErrors.WrongPhase.selector, taskId, round, Phase.ScoreCommit, Phase.Final)
        );
        _claim(trainerAt(0), round);
    }

    function test_claim_passesOverWhatIsNoRecordOrProcessed() public {
        uint32 round = _runRound(_codes(ZERO + 1, ZERO + 1, ZERO + 1));
        assertEq(_claim(trainerAt(0), 3), 0, "no such round");
        uint256 reward = _claim(trainerAt(0), round);
        assertEq(_claim(trainerAt(0), round), 0, "once");
        assertEq(ledger.member(taskId, trainerAt(0)).balance, reward, "credited once");
        assertEq(_claim(address(this), round), 0, "no trainer");
        assertEq(_claim(address(this), 0), 0, "no round");
    }

    function test_claim_creditsSeveralRoundsForAnyone() public {
        uint32[] memory rounds = new uint32[](5);
        for (uint256 i; i < 5; ++i) {
            rounds[i] = _runRound(_codes(ZERO + 1, ZERO + 1, ZERO + 2));
            vm.warp(block.timestamp + 101);
        }
        uint256[] memory amounts = new uint256[](5);
        for (uint256 i; i < 5; ++i) {
            amounts[i] = uint256(TRAINER_BUDGET) / 6;
        }
        expectEvent(address(ledger));
        emit RewardsClaimed(taskId, trainerAt(0), rounds, amounts);
        vm.prank(address(0xbeef));
        assertEq(ledger.claim(taskId, trainerAt(0), rounds), 5 * (uint256(TRAINER_BUDGET) / 6), "sum");
        assertEq(ledger.member(taskId, trainerAt(0)).balance, 5 * (uint256(TRAINER_BUDGET) / 6), "balance");
        _assertConserved(3, 3);
    }

    function test_claim_slashesEveryVerdictAtItsRate() public {
        _createTask(_params(), _equalWeights(3), 6);
        uint16[] memory codes = new uint16[](6);
        (codes[0], codes[1], codes[2], codes[3], codes[4], codes[5]) = (1, 2, 3, 4, 5, ZERO);
        uint32 round = _runRound(codes);
        uint16[6] memory rates = [uint16(5000), 2000, 3000, 0, 0, 0];
        assertEq(ledger.task(taskId).owed, 0, "nobody gained, so nothing is owed");
        uint256 escrow = ledger.task(taskId).escrow;
        assertTrue(escrow >= ESCROW - VERIFIER_BUDGET, "the trainers' budget is back");
        uint256 slashed;
        for (uint256 i; i < 6; ++i) {
            assertEq(_claim(trainerAt(i), round), 0, "nothing earned");
            uint256 expected = uint256(STAKE) * rates[i] / 10_000;
            assertEq(ledger.member(taskId, trainerAt(i)).stake, STAKE - expected, "stake");
            slashed += expected;
        }
        assertEq(ledger.task(taskId).forfeited, slashed, "slashes");
        assertEq(ledger.task(taskId).escrow, escrow, "nothing of them to the escrow");
        assertEq(ledger.task(taskId).openRecords, 0, "all processed");
    }

    function test_claim_returnsTheDustAfterTheLastUpdate() public {
        uint32 first = _runRound(_codes(ZERO + 1, ZERO + 1, ZERO + 2));
        vm.warp(block.timestamp + 101);
        uint32 second = _runRound(_codes(ZERO + 1, ZERO + 1, ZERO + 1));
        uint256 escrow = ledger.task(taskId).escrow;
        uint256 paid;
        for (uint256 i; i < 3; ++i) {
            paid += _claim(trainerAt(i), second);
        }
        for (uint256 i; i < 2; ++i) {
            paid += _claim(trainerAt(i), first);
        }
        assertEq(ledger.task(taskId).openRecords, 1, "one update is left");
        assertEq(ledger.task(taskId).owed, 2 * uint256(TRAINER_BUDGET) - paid, "its reward and all dust");
        assertEq(ledger.task(taskId).escrow, escrow, "no dust yet");
        paid += _claim(trainerAt(2), first);
        assertTrue(paid < 2 * uint256(TRAINER_BUDGET), "there is dust");
        assertEq(ledger.task(taskId).escrow, escrow + 2 * uint256(TRAINER_BUDGET) - paid, "the dust");
        assertEq(ledger.task(taskId).owed, 0, "nothing is owed");
    }

    function test_claim_slashesACommitThatWasNotRevealed() public {
        uint32 round = ledger.openRound(taskId);
        for (uint256 i; i < 3; ++i) {
            _commit(round, trainerAt(i));
        }
        vm.warp(block.timestamp + 100);
        _reveal(round, trainerAt(1));
        vm.warp(block.timestamp + 100);
        _closeReveal(round);
        uint16[][] memory votes = new uint16[][](3);
        for (uint256 i; i < 3; ++i) {
            votes[i] = new uint16[](1);
            votes[i][0] = ZERO + 1;
        }
        _settle(round, _score(round, votes));
        expectEvent(address(ledger));
        emit Slashed(taskId, round, trainerAt(0), 0, STAKE / 2);
        _claim(trainerAt(0), round);
        assertEq(_claim(trainerAt(1), round), TRAINER_BUDGET, "the only update takes all");
        assertEq(uint256(ledger.record(taskId, trainerAt(0), round).kind), uint256(RecordKind.Free), "freed");
        _claim(trainerAt(2), round);
    }

    function test_claim_neverSlashesMoreThanTheStake() public {
        uint32[] memory rounds = new uint32[](3);
        uint16[] memory bad = _codes(1, ZERO + 1, ZERO + 1);
        for (uint256 i; i < 3; ++i) {
            rounds[i] = _runRound(bad);
            vm.warp(block.timestamp + 101);
        }
        ledger.claim(taskId, trainerAt(0), rounds);
        Member memory member = ledger.member(taskId, trainerAt(0));
        assertEq(member.stake, 0, "two halves, and nothing for the third");
        assertTrue(member.suspended, "suspended");
        _assertConserved(3, 3);
    }

    function test_multicall_claimsAndWithdraws() public {
        uint32 round = _runRound(_codes(ZERO + 1, 1, 1));
        bytes[] memory calls = new bytes[](2);
        calls[0] = abi.encodeCall(ledger.claim, (taskId, trainerAt(0), _rounds(round)));
        calls[1] = abi.encodeCall(ledger.withdraw, (taskId, trainerAt(0)));
        uint256 before = token.balanceOf(trainerAt(0));
        ledger.multicall(calls);
        assertEq(token.balanceOf(trainerAt(0)) - before, TRAINER_BUDGET, "paid");
    }

    function testFuzz_claim_neverPaysMoreThanTheBudget(uint256 seed, uint8 exponent) public {
        _createTask(_withExponent(uint8(bound(exponent, 1, 3))), _equalWeights(1), 20);
        uint16[] memory codes = new uint16[](20);
        for (uint256 i; i < 20; ++i) {
            codes[i] = uint16(8 + uint256(keccak256(abi.encode(seed, i))) % 32_760);
        }
        uint32 round = _runRound(codes);
        uint256 escrow = ledger.task(taskId).escrow;
        uint256 paid;
        for (uint256 i; i < 20; ++i) {
            paid += _claim(trainerAt(i), round);
        }
        assertLe(paid, TRAINER_BUDGET, "budget");
        assertEq(ledger.task(taskId).escrow, escrow + TRAINER_BUDGET - paid, "the rest is in the escrow");
    }

    function _withExponent(uint8 exponent) private view returns (TaskParams memory params) {
        params = _params();
        params.payoutExponent = exponent;
    }
}
