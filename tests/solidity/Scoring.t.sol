// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILedgerErrors, LedgerTest, Member, Phase, TaskParams} from "./utils/LedgerTest.sol";

/// @notice commitScores, revealScores, settle, voidRound, attestModel.
contract ScoringTest is LedgerTest {
    uint32 private round;
    uint16[] private good;

    function setUp() public override {
        super.setUp();
        _createTask(_params(), _equalWeights(3), 3);
        round = _runUpdates(3);
        good = _codes(ZERO + 10, ZERO + 20, ZERO + 30);
    }

    function _wrongPhase(Phase current, Phase needed) private {
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.WrongPhase.selector, taskId, round, current, needed));
    }

    function _votes(uint256 n) private view returns (uint16[][] memory votes) {
        votes = new uint16[][](n);
        for (uint256 i; i < n; ++i) {
            votes[i] = good;
        }
    }

    // ---------------------------------------------------------- commitScores

    function test_commitScores_revertsForOthersTwiceAndLate() public {
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.NotInCommittee.selector, address(this), round));
        ledger.commitScores(taskId, round, bytes32(uint256(1)));
        vm.startPrank(verifierAt(0));
        ledger.commitScores(taskId, round, bytes32(uint256(1)));
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.AlreadyVoted.selector, verifierAt(0), round));
        ledger.commitScores(taskId, round, bytes32(uint256(1)));
        vm.stopPrank();
        vm.warp(block.timestamp + 100);
        _wrongPhase(Phase.ScoreReveal, Phase.ScoreCommit);
        vm.prank(verifierAt(1));
        ledger.commitScores(taskId, round, bytes32(uint256(1)));
    }

    // ---------------------------------------------------------- revealScores

    function test_revealScores_revertsBeforeThePhaseAndUncommitted() public {
        uint256[] memory words = _pack(good);
        _commitScores(round, verifierAt(0), words);
        _wrongPhase(Phase.ScoreCommit, Phase.ScoreReveal);
        ledger.revealScores(taskId, round, words, mixture, 0, 0);
        vm.warp(block.timestamp + 100);
        vm.prank(verifierAt(1));
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.NoVote.selector, verifierAt(1), round));
        ledger.revealScores(taskId, round, words, mixture, 0, 0);
    }

    function test_revealScores_revertsTwiceAndOnAnotherVector() public {
        uint256[] memory words = _pack(good);
        for (uint256 i; i < 3; ++i) {
            _commitScores(round, verifierAt(i), words);
        }
        _revealScores(round, verifierAt(0), words);
        vm.prank(verifierAt(0));
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.AlreadyVoted.selector, verifierAt(0), round));
        ledger.revealScores(taskId, round, words, mixture, 0, 0);
        bytes32 committed = _scoreCommitment(round, verifierAt(1), words);
        uint256[] memory other = _pack(_codes(9, 9, 9));
        bytes32 revealed = _scoreCommitment(round, verifierAt(1), other);
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.CommitmentMismatch.selector, committed, revealed));
        _revealScores(round, verifierAt(1), other);
    }

    function test_revealScores_refusesInvalidVectors() public {
        for (uint256 i; i < 3; ++i) {
            _commitScores(round, verifierAt(i), _pack(good));
        }
        uint256[] memory two = new uint256[](2);
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.WrongLength.selector, 2, 1));
        _revealScores(round, verifierAt(0), two);
        _refuses(_codes(ZERO, 0, ZERO));
        _refuses(_codes(ZERO, 6, ZERO));
        _refuses(_codes(7, ZERO, ZERO));
        _refuses(_codes(ZERO, ZERO, 0x8000));
        uint16[] memory padded = new uint16[](4);
        (padded[0], padded[1], padded[2], padded[3]) = (8, 8, 8, 8);
        _refuses(padded);
    }

    function test_revealScores_refusesAnotherMixtureThanCommitted() public {
        uint256[] memory words = _pack(good);
        for (uint256 i; i < 3; ++i) {
            _commitScores(round, verifierAt(i), words);
        }
        bytes32 committed = _scoreCommitment(round, verifierAt(0), words);
        for (uint256 place; place < mixture.length; ++place) {
            bytes memory other = bytes.concat(mixture);
            other[place] = bytes1(uint8(other[place]) ^ 1);
            bytes32 revealed = _voteCommitment(round, verifierAt(0), words, other, _salt(verifierAt(0)));
            vm.prank(verifierAt(0));
            vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.CommitmentMismatch.selector, committed, revealed));
            ledger.revealScores(taskId, round, words, other, keccak256("evidence"), _salt(verifierAt(0)));
        }
    }

    /// @notice Three updates and four movements: seven numbers of two bytes, neither none nor more.
    function test_revealScores_refusesMixturesOfAnotherLength() public {
        uint256[] memory words = _pack(good);
        for (uint256 i; i < 3; ++i) {
            _commitScores(round, verifierAt(i), words);
        }
        for (uint256 length; length < 20; ++length) {
            if (length == 14) continue;
            vm.prank(verifierAt(0));
            vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.WrongLength.selector, length, 14));
            ledger.revealScores(taskId, round, words, new bytes(length), keccak256("evidence"), bytes32(0));
        }
        _revealScores(round, verifierAt(0), words);
    }

    function _refuses(uint16[] memory codes) private {
        uint256[] memory words = _pack(codes);
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.InvalidScores.selector, 0, words[0]));
        _revealScores(round, verifierAt(0), words);
    }

    function test_revealScores_publishesTheVector() public {
        uint256[] memory words = _pack(good);
        for (uint256 i; i < 3; ++i) {
            _commitScores(round, verifierAt(i), words);
        }
        expectEvent(address(ledger));
        emit ScoresRevealed(taskId, round, verifierAt(1), words, mixture, keccak256("evidence"));
        _revealScores(round, verifierAt(1), words);
        assertEq(ledger.roundInfo(taskId, round).revealedWeight, 1, "weight");
    }

    // ---------------------------------------------------------------- settle

    function test_settle_revertsEarlyAndWithoutQuorum() public {
        _wrongPhase(Phase.ScoreCommit, Phase.Settle);
        ledger.settle(taskId, round, 0, new uint256[][](0), new bytes32[](0));
        _score(round, _votes(1));
        assertEq(uint256(ledger.phase(taskId, round)), uint256(Phase.Settle), "all who committed have revealed");
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.QuorumMissed.selector, 1, 3));
        ledger.settle(taskId, round, 0, new uint256[][](1), new bytes32[](1));
    }

    function test_settle_revertsOnWrongSlices() public {
        uint256[][] memory vectors = _score(round, _votes(3));
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.WrongLength.selector, 2, 3));
        ledger.settle(taskId, round, 0, new uint256[][](2), new bytes32[](3));
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.WrongLength.selector, 2, 3));
        ledger.settle(taskId, round, 0, vectors, new bytes32[](2));
        uint256[][] memory empty = new uint256[][](3);
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.BadSlices.selector, 0, 0, 1));
        ledger.settle(taskId, round, 0, empty, new bytes32[](3));
        uint256[][] memory long = new uint256[][](3);
        for (uint256 i; i < 3; ++i) {
            long[i] = new uint256[](2);
        }
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.BadSlices.selector, 0, 2, 1));
        ledger.settle(taskId, round, 0, long, new bytes32[](3));
        long[0] = vectors[0];
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.BadSlices.selector, 1, 2, 1));
        ledger.settle(taskId, round, 0, long, new bytes32[](3));
        bytes32 expected = _chainHash(vectors[0], 0);
        bytes32[] memory tails = new bytes32[](3);
        tails[0] = keccak256("tail");
        bytes32 got = keccak256(abi.encode(vectors[0][0], tails[0]));
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.ChainMismatch.selector, verifierAt(0), expected, got));
        ledger.settle(taskId, round, 0, vectors, tails);
    }

    function test_settle_rewardsSkillAndSlashesTheAbsent() public {
        uint16[][] memory votes = _votes(2);
        votes[1] = _codes(ZERO + 10, ZERO + 20, 8);
        uint256[][] memory vectors = _score(round, votes);
        // Half against half, the lesser score holds: 10 and 20 above no effect, and 8, which counts as 512 below. The best free
        // forecast is 10 for all.
        expectEvent(address(ledger));
        emit VerifierRewarded(taskId, round, verifierAt(0), 30 + 512, 10 + 522, 0);
        expectEvent(address(ledger));
        emit VerifierRewarded(taskId, round, verifierAt(1), 0, 10 + 522, uint256(VERIFIER_BUDGET) / 3);
        expectEvent(address(ledger));
        emit Slashed(taskId, round, verifierAt(2), 0, VERIFIER_STAKE / 10);
        _settle(round, vectors);
        Member memory absent = ledger.member(taskId, verifierAt(2));
        assertEq(absent.stake, VERIFIER_STAKE - VERIFIER_STAKE / 10, "stake");
        assertTrue(absent.suspended, "suspended");
        assertEq(ledger.totalVerifierWeight(taskId), 2, "and out of the weight");
        _assertConserved(3, 3);
        ledger.topUp(taskId, _rules(taskId), verifierAt(2), 0);
        assertTrue(ledger.member(taskId, verifierAt(2)).suspended, "topping up too little changes nothing");
        _purse(address(this));
        token.approve(address(ledger), type(uint256).max);
        ledger.topUp(taskId, _rules(taskId), verifierAt(2), VERIFIER_STAKE / 10);
        assertEq(ledger.totalVerifierWeight(taskId), 3, "back");
    }

    function test_settle_isFinal() public {
        uint256[][] memory vectors = _score(round, _votes(3));
        _settle(round, vectors);
        uint256 settled = ledger.medians(taskId, round, 0);
        uint256 paid = ledger.member(taskId, verifierAt(0)).balance;
        _settle(round, vectors);
        assertEq(ledger.medians(taskId, round, 0), settled, "a second call changes nothing");
        assertEq(ledger.member(taskId, verifierAt(0)).balance, paid, "and pays nobody");
    }

    function testFuzz_settle_doesNotDependOnTheVerifiersOrder(uint256 seed) public {
        uint16[][] memory votes = new uint16[][](3);
        for (uint256 i; i < 3; ++i) {
            votes[i] = _codes(_code(seed, i, 0), _code(seed, i, 1), _code(seed, i, 2));
        }
        _settle(round, _score(round, votes));
        uint256 settled = ledger.medians(taskId, round, 0);
        vm.warp(block.timestamp + 100);
        for (uint256 i; i < 3; ++i) {
            _claim(trainerAt(i), round);
            ledger.withdraw(taskId, trainerAt(i));
        }
        _createTask(_params(), _equalWeights(3), 3);
        round = _runUpdates(3);
        (votes[0], votes[1], votes[2]) = (votes[2], votes[0], votes[1]);
        _settle(round, _score(round, votes));
        assertEq(ledger.medians(taskId, round, 0), settled, "medians");
    }

    function _code(uint256 seed, uint256 i, uint256 j) private pure returns (uint16) {
        uint256 r = uint256(keccak256(abi.encode(seed, i, j)));
        return r % 3 == 0 ? uint16(1 + (r >> 8) % 5) : uint16(8 + (r >> 8) % 32_760);
    }

    /// @notice Colluders with less than half of the weight vote as they like: the median stays between honest votes.
    function testFuzz_settle_aMinorityMovesNothingOutOfTheHonestRange(uint256 seed, uint16 low, uint16 spread) public {
        uint16 least = uint16(bound(low, 8, 32_000));
        uint16 most = uint16(bound(spread, least, least + 700));
        uint16[][] memory votes = _votes(3);
        (votes[0], votes[1]) = (_codes(least, least, most), _codes(most, least, most));
        votes[2] = _codes(_code(seed, 0, 0), _code(seed, 0, 1), _code(seed, 0, 2));
        _settle(round, _score(round, votes));
        for (uint256 i; i < 3; ++i) {
            uint256 median = ledger.scoreOf(taskId, round, i);
            assertTrue(median >= least && median <= most, "within the honest votes, and never a conviction");
        }
    }

    /// @notice The numbers of the incentive: copying the crowd's usual score, withholding and lying all earn less.
    function test_settle_honestyPaysBest() public {
        uint16[] memory truth = _codes(ZERO + 9000, 1, ZERO + 5000);
        uint16[][] memory votes = new uint16[][](3);
        (votes[0], votes[1], votes[2]) = (truth, truth, _codes(ZERO, ZERO, ZERO));
        _settle(round, _score(round, votes));
        uint256 honest = ledger.member(taskId, verifierAt(0)).balance;
        uint256 lazy = ledger.member(taskId, verifierAt(2)).balance;
        assertEq(honest, uint256(VERIFIER_BUDGET) / 3, "full agreement");
        assertLe(lazy * 100, honest * 60, "a constant vector");
    }

    function test_scoreOf_revertsForUnknownUpdates() public {
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.UnknownUpdate.selector, 3, 3));
        ledger.scoreOf(taskId, round, 3);
    }

    // ------------------------------------------------------------- voidRound

    function test_voidRound_revertsWithQuorum() public {
        _score(round, _votes(2));
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.QuorumMet.selector, 2, 3));
        ledger.voidRound(taskId, round);
    }

    function test_voidRound_returnsBudgetsSlashesTheAbsentAndNoTrainer() public {
        _score(round, _votes(1));
        expectEvent(address(ledger));
        emit RoundVoided(taskId, round, 1, 3);
        ledger.voidRound(taskId, round);
        assertEq(ledger.task(taskId).escrow, ESCROW, "budgets");
        assertEq(ledger.task(taskId).forfeited, 2 * (VERIFIER_STAKE / 10), "slashes, to nobody yet");
        assertEq(ledger.member(taskId, verifierAt(0)).stake, VERIFIER_STAKE, "who revealed keeps its stake");
        assertEq(ledger.member(taskId, verifierAt(0)).balance, 0, "but earns nothing");
        for (uint256 i; i < 3; ++i) {
            assertEq(_claim(trainerAt(i), round), 0, "no reward");
            assertEq(ledger.member(taskId, trainerAt(i)).stake, STAKE, "no slash");
        }
        _assertConserved(3, 3);
        ledger.openRound(taskId);
    }

    function test_voidRound_endsARoundWithoutAnyVerifier() public {
        _createTask(_params(), new uint16[](0), 1);
        round = _runUpdates(1);
        ledger.voidRound(taskId, round);
        assertEq(uint256(ledger.phase(taskId, round)), uint256(Phase.Void), "void");
    }

    // ----------------------------------------------------------- attestModel

    function test_attestModel_revertsEarlyForOthersTwiceAndLate() public {
        _wrongPhase(Phase.ScoreCommit, Phase.Final);
        ledger.attestModel(taskId, round, 0, 0);
        _settle(round, _score(round, _votes(3)));
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.NotInCommittee.selector, address(this), round));
        ledger.attestModel(taskId, round, 0, 0);
        vm.startPrank(verifierAt(0));
        ledger.attestModel(taskId, round, keccak256("m"), 1);
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.AlreadyVoted.selector, verifierAt(0), round));
        ledger.attestModel(taskId, round, keccak256("m"), 1);
        vm.stopPrank();
        vm.warp(block.timestamp + 100);
        ledger.openRound(taskId);
        vm.prank(verifierAt(1));
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.RoundSuperseded.selector, round, round + 1));
        ledger.attestModel(taskId, round, keccak256("m"), 1);
    }

    function test_attestModel_fixesTheMajoritysModel() public {
        _settle(round, _score(round, _votes(3)));
        vm.prank(verifierAt(0));
        ledger.attestModel(taskId, round, keccak256("wrong"), 1);
        vm.prank(verifierAt(1));
        ledger.attestModel(taskId, round, keccak256("m"), 9);
        assertTrue(!ledger.task(taskId).baseAttested, "one of three is no majority");
        expectEvent(address(ledger));
        emit ModelAttested(taskId, round, verifierAt(2), keccak256("m"), 9);
        expectEvent(address(ledger));
        emit BaseModelFixed(taskId, round, keccak256("m"), 9);
        vm.prank(verifierAt(2));
        ledger.attestModel(taskId, round, keccak256("m"), 9);
        assertEq(ledger.task(taskId).baseDigest, keccak256("m"), "base");
        assertEq(ledger.task(taskId).baseSize, 9, "size");
        ledger.openRound(taskId);
    }
}
