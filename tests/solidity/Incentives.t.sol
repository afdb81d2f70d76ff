// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {Panels} from "../../contracts/ledger/Panels.sol";
import {ILedgerErrors, LedgerTest, Member} from "./utils/LedgerTest.sol";

/// @notice What a verifier earns that does not do its work, against the same verifier if it did. Sixteen updates as in a
/// healthy round: gains of 1 to 6 % of the grid's unit, one harmful update and one duplicate.
contract IncentivesTest is LedgerTest {
    uint256 private constant UPDATES = 16;
    uint256 private constant VERIFIERS = 5;
    uint256 private constant LAZY = 4; // the verifier in question, the last one

    enum Way {
        Honest,
        Constant, // "no effect" for all
        UsualScore, // the mean score of the last round, for all
        LastRound, // its own votes of the last round
        OneSided, // honest, but every score a tenth higher, to please the trainers
        Withheld, // commits and does not reveal
        Absent // does not commit
    }

    /// @notice How far honest verifiers are apart, in steps of the grid, and how many of the other four stay away.
    struct Situation {
        uint256 noise;
        uint256 away;
    }

    /// @notice Rewards in parts of ten thousand of the verifier's share, way by way, in four situations.
    function test_incentives_honestyPaysBest() public {
        Situation[4] memory situations = [Situation(0, 0), Situation(1, 0), Situation(30, 0), Situation(1, 1)];
        uint16[4] memory honest = [10_000, 9990, 9870, 9990];
        for (uint256 s; s < situations.length; ++s) {
            for (uint256 w; w < 7; ++w) {
                Member memory lazy = _play(Way(w), situations[s]);
                uint256 earned = uint256(lazy.balance) * 10_000 / (uint256(VERIFIER_BUDGET) / VERIFIERS);
                if (Way(w) == Way.Honest) assertLe(honest[s] - 100, earned, "honest");
                // It knows the two verdicts, which no forecast knows of trainers that are new.
                else if (Way(w) == Way.LastRound) assertLe(earned, 3500, "last round's votes");
                else assertEq(earned, 0, "nothing");
                bool silent = Way(w) == Way.Withheld || Way(w) == Way.Absent;
                assertEq(lazy.stake, silent ? VERIFIER_STAKE * 9 / 10 : VERIFIER_STAKE, "stake");
            }
        }
    }

    /// @notice Where the honest agree, as they do on the same batches, no vector earns more by weight than theirs.
    function testFuzz_incentives_noVectorEarnsMoreThanTheHonestOne(uint256 seed, uint8 members) public {
        uint256 n = bound(members, 3, 9);
        uint16[] memory weights = new uint16[](n);
        uint256 others;
        for (uint256 i; i + 1 < n; ++i) {
            weights[i] = uint16(1 + _draw(seed, i, 0) % 1000);
            others += weights[i];
        }
        weights[n - 1] = uint16(1 + _draw(seed, n, 0) % (others - 1));
        uint16 cap = uint16(Panels.weightCap(weights));
        others = 0;
        for (uint256 i; i < n; ++i) {
            if (weights[i] > cap) weights[i] = cap;
            if (i + 1 < n) others += weights[i];
        }
        _createTask(_params(), weights, 4);
        uint32 round = _runUpdates(4);
        uint16[][] memory votes = new uint16[][](n);
        uint16[] memory truth = _anyCodes(seed, 1);
        for (uint256 i; i < n; ++i) {
            votes[i] = i + 1 < n ? truth : _anyCodes(seed, _draw(seed, 0, 1) % 4 == 0 ? 1 : 2);
        }
        _settle(round, _score(round, votes));
        // Where a free forecast is as good as the truth, there is nothing to pay for.
        uint256 honest = ledger.member(taskId, verifierAt(0)).balance;
        if (honest == 0) return;
        uint256 lazy = ledger.member(taskId, verifierAt(n - 1)).balance;
        assertEq(honest, uint256(VERIFIER_BUDGET) * weights[0] / (others + weights[n - 1]), "its whole share");
        bool same = keccak256(abi.encode(votes[n - 1])) == keccak256(abi.encode(truth));
        uint256 whole = uint256(VERIFIER_BUDGET) * weights[n - 1] / (others + weights[n - 1]);
        if (same) assertEq(lazy, whole, "the same vector, the same share");
        else assertLe(lazy, whole, "no more");
    }

    /// @notice Votes cannot be copied: they are hidden until all have committed, and a copied commitment opens for nobody
    /// but the one that made it.
    function test_incentives_votesCannotBeCopied() public {
        _createTask(_params(), _equalWeights(2), 3);
        uint32 round = _runUpdates(3);
        uint256[] memory words = _pack(_codes(ZERO + 1, ZERO + 2, 1));
        bytes32 copied = _scoreCommitment(round, verifierAt(0), words);
        _commitScores(round, verifierAt(0), words);
        vm.prank(verifierAt(1));
        ledger.commitScores(taskId, round, copied);
        _revealScores(round, verifierAt(0), words);
        bytes32 own = _scoreCommitment(round, verifierAt(1), words);
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.CommitmentMismatch.selector, copied, own));
        _revealScores(round, verifierAt(1), words);
        bytes32 salt = _salt(verifierAt(0));
        own = _voteCommitment(round, verifierAt(1), words, mixture, salt);
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.CommitmentMismatch.selector, copied, own));
        vm.prank(verifierAt(1));
        ledger.revealScores(taskId, round, words, mixture, keccak256("evidence"), salt);
    }

    /// @dev One round in which the last verifier goes its way; what it then has.
    function _play(Way way, Situation memory situation) private returns (Member memory) {
        _createTask(_params(), _equalWeights(VERIFIERS), UPDATES);
        uint32 round = _runUpdates(UPDATES);
        uint256[][] memory vectors = new uint256[][](VERIFIERS);
        uint256 revealed;
        for (uint256 i; i < VERIFIERS; ++i) {
            vectors[i] = _pack(i == LAZY ? _lazyVotes(way, situation.noise) : _honestVotes(2, i, situation.noise));
            bool absent = i < situation.away || (i == LAZY && way == Way.Absent);
            if (!absent) _commitScores(round, verifierAt(i), vectors[i]);
        }
        vm.warp(ledger.roundInfo(taskId, round).scoreCommitDeadline);
        for (uint256 i = situation.away; i < VERIFIERS; ++i) {
            if (i == LAZY && (way == Way.Absent || way == Way.Withheld)) continue;
            _revealScores(round, verifierAt(i), vectors[i]);
            vectors[revealed++] = vectors[i];
        }
        vm.warp(ledger.roundInfo(taskId, round).scoreRevealDeadline);
        uint256[][] memory shown = new uint256[][](revealed);
        for (uint256 i; i < revealed; ++i) {
            shown[i] = vectors[i];
        }
        if (3 * revealed < 2 * VERIFIERS) ledger.voidRound(taskId, round);
        else _settle(round, shown);
        return ledger.member(taskId, verifierAt(LAZY));
    }

    function _lazyVotes(Way way, uint256 noise) private pure returns (uint16[] memory votes) {
        if (way == Way.LastRound) return _honestVotes(1, LAZY, noise);
        votes = _honestVotes(2, LAZY, noise);
        uint16[] memory before = _honestVotes(1, LAZY, noise);
        uint256 usual;
        for (uint256 j; j < UPDATES; ++j) {
            if (before[j] > 7) usual += uint256(before[j]) / (UPDATES - 2);
        }
        for (uint256 j; j < UPDATES; ++j) {
            if (way == Way.Constant) votes[j] = ZERO;
            if (way == Way.UsualScore) votes[j] = uint16(usual);
            if (way == Way.OneSided && votes[j] > 7) votes[j] += votes[j] / 10;
        }
    }

    /// @dev The true codes of a round, which change from round to round, with a verifier's noise.
    function _honestVotes(uint256 ofRound, uint256 verifier, uint256 noise)
        private
        pure
        returns (uint16[] memory votes)
    {
        votes = new uint16[](UPDATES);
        for (uint256 j; j < UPDATES; ++j) {
            uint256 gain = 164 + _draw(ofRound, j, 0) % 820;
            votes[j] = uint16(ZERO + gain + _draw(ofRound, j, 1 + verifier) % (noise + 1));
        }
        (votes[5], votes[11]) = (1, 3);
    }

    function _anyCodes(uint256 seed, uint256 which) private pure returns (uint16[] memory codes) {
        codes = new uint16[](4);
        for (uint256 j; j < 4; ++j) {
            uint256 draw = _draw(seed, which, 10 + j);
            codes[j] = draw % 4 == 0 ? uint16(1 + (draw >> 8) % 5) : uint16(8 + (draw >> 8) % 32_760);
        }
    }

    function _draw(uint256 a, uint256 b, uint256 c) private pure returns (uint256) {
        return uint256(keccak256(abi.encode(a, b, c)));
    }
}
