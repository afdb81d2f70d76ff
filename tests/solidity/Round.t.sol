// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {LedgerTest, Member, Phase} from "./utils/LedgerTest.sol";

/// @notice Whole rounds, from the first commit to the last claim.
contract RoundTest is LedgerTest {
    function test_Round_paysScoresSlashesVerdictsAndKeepsTheMoney() public {
        _createTask(_params(), _equalWeights(3), 3);
        uint32 round = _runRound(_codes(ZERO + 3000, 1, ZERO + 1000));
        assertEq(uint256(ledger.phase(taskId, round)), uint256(Phase.Final), "phase");
        uint256 first = _claim(trainerAt(0), round);
        assertEq(first, uint256(TRAINER_BUDGET) * 9 / 10, "squared gains share the budget 9 : 1");
        assertEq(_claim(trainerAt(1), round), 0, "harmful earns nothing");
        assertEq(ledger.member(taskId, trainerAt(1)).stake, STAKE / 2, "harmful loses half of the stake");
        assertTrue(ledger.member(taskId, trainerAt(1)).suspended, "and is suspended");
        assertEq(_claim(trainerAt(2), round), uint256(TRAINER_BUDGET) / 10, "the rest");
        _assertConserved(3, 3);
        uint256 before = token.balanceOf(trainerAt(0));
        ledger.withdraw(taskId, trainerAt(0));
        assertEq(token.balanceOf(trainerAt(0)) - before, first, "withdrawn");
        _assertConserved(3, 3);
    }

    function test_Round_runsTwentyRoundsOnEightSlots() public {
        _createTask(_params(), _equalWeights(3), 3);
        vm.prank(sponsor);
        ledger.fund(taskId, _rules(taskId), 20_000e18);
        for (uint256 i; i < 20; ++i) {
            uint32 round = _runRound(_codes(ZERO + 100, ZERO + 100, ZERO + 100));
            for (uint256 t; t < 3; ++t) {
                _claim(trainerAt(t), round);
            }
            for (uint256 v; v < 2; ++v) {
                vm.prank(verifierAt(v));
                ledger.attestModel(taskId, round, keccak256(abi.encode("model", round)), 5000);
            }
            assertEq(ledger.task(taskId).baseDigest, keccak256(abi.encode("model", round)), "base");
        }
        assertEq(ledger.task(taskId).currentRound, 20, "rounds");
        _assertConserved(3, 3);
    }

    function testFuzz_Round_chunkedSettlementEqualsOneShot(uint256 seed, uint8 count, uint8 verifiers, uint8 cut)
        public
    {
        uint256 n = bound(count, 1, 40);
        uint256 v = bound(verifiers, 1, 5);
        _createTask(_params(), _equalWeights(v), n);
        uint32 round = _runUpdates(n);
        uint16[][] memory votes = new uint16[][](v);
        for (uint256 i; i < v; ++i) {
            votes[i] = new uint16[](n);
            for (uint256 j; j < n; ++j) {
                votes[i][j] = _randomCode(seed, i, j);
            }
        }
        uint256[][] memory vectors = _score(round, votes);
        uint256 words = vectors[0].length;
        uint256 first = bound(cut, 1, words);
        _settlePart(round, vectors, 0, first);
        if (first < words) _settlePart(round, vectors, first, words);
        for (uint256 j; j < n; ++j) {
            assertEq(ledger.scoreOf(taskId, round, j), _naiveMedian(votes, j), "median");
            _claim(trainerAt(j), round);
        }
        _assertConserved(n, v);
        assertEq(ledger.task(taskId).owed, 0, "dust is in the escrow");
    }

    function _randomCode(uint256 seed, uint256 i, uint256 j) private pure returns (uint16) {
        uint256 r = uint256(keccak256(abi.encode(seed, i, j)));
        if (r % 4 == 0) return uint16(1 + (r >> 8) % 5);
        return uint16(8 + (r >> 8) % 32760);
    }

    function _settlePart(uint32 round, uint256[][] memory vectors, uint256 from, uint256 to) private {
        uint256[][] memory slices = new uint256[][](vectors.length);
        bytes32[] memory tails = new bytes32[](vectors.length);
        for (uint256 i; i < vectors.length; ++i) {
            slices[i] = new uint256[](to - from);
            for (uint256 k = from; k < to; ++k) {
                slices[i][k - from] = vectors[i][k];
            }
            tails[i] = _chainHash(vectors[i], to);
        }
        ledger.settle(taskId, round, from, slices, tails);
    }

    /// @notice The greatest vote that more than half of the votes reach, by looking at every vote; where that is a verdict,
    /// the greatest that half reach, up to no effect.
    function _naiveMedian(uint16[][] memory votes, uint256 j) private pure returns (uint256 best) {
        best = _greatest(votes, j, votes.length + 1);
        if (best >= 8) return best;
        best = _greatest(votes, j, votes.length);
        if (best > ZERO) best = ZERO;
    }

    /// @dev The greatest vote such that twice the votes that reach it are `least` or more.
    function _greatest(uint16[][] memory votes, uint256 j, uint256 least) private pure returns (uint256 best) {
        for (uint256 i; i < votes.length; ++i) {
            uint256 reached;
            for (uint256 k; k < votes.length; ++k) {
                if (votes[k][j] >= votes[i][j]) ++reached;
            }
            if (2 * reached >= least && votes[i][j] > best) best = votes[i][j];
        }
    }
}
