// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {DevToken} from "../../../contracts/DevToken.sol";
import {Ledger} from "../../../contracts/Ledger.sol";
import {ILedger} from "../../../contracts/interfaces/ILedger.sol";
import {ILedgerErrors} from "../../../contracts/interfaces/ILedgerErrors.sol";
import {ILedgerEvents} from "../../../contracts/interfaces/ILedgerEvents.sol";
import {
    Committee,
    Member,
    Phase,
    RecordKind,
    RecordView,
    Role,
    RoundView,
    TaskParams,
    TaskView,
    VerifierGrant,
    VoteState
} from "../../../contracts/interfaces/LedgerTypes.sol";
import {Lanes} from "../../../contracts/libraries/Lanes.sol";
import {Test} from "./Test.sol";

/// @notice A ledger, a token, a sponsor, trainers and verifiers, and every step of a round as one call.
abstract contract LedgerTest is Test, ILedgerEvents {
    uint112 internal constant TRAINER_BUDGET = 1000e18;
    uint112 internal constant VERIFIER_BUDGET = 100e18;
    uint112 internal constant STAKE = 50e18;
    uint112 internal constant VERIFIER_STAKE = 200e18;
    uint128 internal constant ESCROW = 10_000e18;
    uint16 internal constant ZERO = 16384;

    ILedger internal ledger;
    DevToken internal token;
    address internal sponsor = address(0x5707);
    uint256 internal taskId;

    function setUp() public virtual {
        vm.warp(1_700_000_000);
        vm.roll(1000);
        ledger = ILedger(address(new Ledger()));
        token = new DevToken();
        _purse(sponsor);
    }

    // ---------------------------------------------------------------- actors

    function trainerAt(uint256 i) internal pure returns (address) {
        return address(uint160(0x7000_0000 + i));
    }

    function verifierAt(uint256 i) internal pure returns (address) {
        return address(uint160(0x9000_0000 + i));
    }

    function _purse(address account) internal {
        token.mint(account, 1_000_000e18);
        vm.prank(account);
        token.approve(address(ledger), type(uint256).max);
    }

    // ----------------------------------------------------------------- tasks

    function _params() internal view virtual returns (TaskParams memory params) {
        params.token = address(token);
        (params.commitWindow, params.revealWindow) = (100, 100);
        (params.scoreCommitWindow, params.scoreRevealWindow, params.attestWindow) = (100, 100, 100);
        (params.cooldown, params.maxRounds, params.maxTrainers) = (1000, 1000, 16_000);
        (params.trainerBudget, params.verifierBudget) = (TRAINER_BUDGET, VERIFIER_BUDGET);
        (params.trainerStake, params.verifierStake) = (STAKE, VERIFIER_STAKE);
        (params.payoutExponent, params.committeeSize) = (2, 15);
        (params.slashHarmful, params.slashMalformed, params.slashDuplicate) = (5000, 2000, 3000);
        (params.slashUnrevealed, params.slashAbsent) = (5000, 1000);
        (params.minUpdates, params.tolerance) = (1, 2);
        (params.specDigest, params.modelDigest, params.modelSize) = (keccak256("spec"), keccak256("model"), 4096);
    }

    /// @notice A task with verifiers of the given weights, all joined, and `trainers` joined trainers.
    function _createTask(TaskParams memory params, uint16[] memory weights, uint256 trainers) internal {
        VerifierGrant[] memory grants = new VerifierGrant[](params.openVerifiers ? 0 : weights.length);
        for (uint256 i; i < grants.length; ++i) {
            grants[i] = VerifierGrant(verifierAt(i), weights[i]);
        }
        vm.prank(sponsor);
        taskId = ledger.createTask(params, ESCROW, grants);
        for (uint256 i; i < weights.length; ++i) {
            _purse(verifierAt(i));
            vm.prank(verifierAt(i));
            ledger.joinVerifier(taskId, _rules(taskId), VERIFIER_STAKE);
        }
        for (uint256 i; i < trainers; ++i) {
            _purse(trainerAt(i));
            vm.prank(trainerAt(i));
            ledger.joinTrainer(taskId, _rules(taskId), STAKE);
        }
        // The panel of a round are those who joined before it opened.
        vm.warp(block.timestamp + 1);
    }

    /// @notice The hash of a task's rules. Not by the view: that call would use up a prank.
    function _rules(uint256 id) internal view returns (bytes32) {
        uint256 task = uint256(keccak256(abi.encode(id, 1)));
        return vm.load(address(ledger), bytes32(task + 4));
    }

    function _equalWeights(uint256 n) internal pure returns (uint16[] memory weights) {
        weights = new uint16[](n);
        for (uint256 i; i < n; ++i) {
            weights[i] = 1;
        }
    }

    // ---------------------------------------------------------------- rounds

    function _digest(uint32 round, address trainer) internal pure returns (bytes32) {
        return keccak256(abi.encode("update", round, trainer));
    }

    function _salt(address account) internal pure returns (bytes32) {
        return keccak256(abi.encode("salt", account));
    }

    function _updateCommitment(uint32 round, address trainer) internal view returns (bytes32) {
        return keccak256(
            abi.encode(
                block.chainid,
                address(ledger),
                taskId,
                round,
                trainer,
                _digest(round, trainer),
                uint64(777),
                _salt(trainer)
            )
        );
    }

    function _commit(uint32 round, address trainer) internal {
        bytes32 commitment = _updateCommitment(round, trainer);
        vm.prank(trainer);
        ledger.commit(taskId, round, commitment);
    }

    function _reveal(uint32 round, address trainer) internal {
        bytes32 digest = _digest(round, trainer);
        bytes32 salt = _salt(trainer);
        vm.prank(trainer);
        ledger.reveal(taskId, round, digest, 777, salt);
    }

    /// @notice Opens a round in which the first `n` trainers commit and reveal, and closes the reveal phase.
    function _runUpdates(uint256 n) internal returns (uint32 round) {
        round = ledger.openRound(taskId);
        for (uint256 i; i < n; ++i) {
            _commit(round, trainerAt(i));
        }
        vm.warp(ledger.roundInfo(taskId, round).commitDeadline);
        for (uint256 i; i < n; ++i) {
            _reveal(round, trainerAt(i));
        }
        vm.warp(ledger.roundInfo(taskId, round).revealDeadline);
        _closeReveal(round);
    }

    /// @notice Both steps of the close.
    function _closeReveal(uint32 round) internal {
        ledger.closeReveal(taskId, round);
        vm.roll(block.number + 1);
        ledger.closeReveal(taskId, round);
    }

    // --------------------------------------------------------------- scoring

    function _pack(uint16[] memory codes) internal pure returns (uint256[] memory words) {
        words = new uint256[]((codes.length + 15) / 16);
        for (uint256 i; i < codes.length; ++i) {
            words[i / 16] |= uint256(codes[i]) << (16 * (i % 16));
        }
    }

    function _chainHash(uint256[] memory words, uint256 from) internal pure returns (bytes32 head) {
        for (uint256 i = words.length; i > from; --i) {
            head = keccak256(abi.encode(words[i - 1], head));
        }
    }

    /// @notice What all verifiers would mix the next model of, for the round of the last vote that was made.
    bytes internal mixture;

    /// @notice Takes the whole of every update.
    function _mixAll(uint32 round) internal {
        delete mixture;
        for (uint256 i; i < ledger.roundInfo(taskId, round).count; ++i) {
            mixture = bytes.concat(mixture, bytes2(0x4000));
        }
        mixture = bytes.concat(mixture, bytes8(0));
    }

    function _scoreCommitment(uint32 round, address verifier, uint256[] memory words) internal view returns (bytes32) {
        return _voteCommitment(round, verifier, words, mixture, _salt(verifier));
    }

    function _voteCommitment(uint32 round, address verifier, uint256[] memory words, bytes memory mixed, bytes32 salt)
        internal
        view
        returns (bytes32)
    {
        bytes32 vector = _chainHash(words, 0);
        bytes32 evidence = keccak256("evidence");
        return keccak256(
            abi.encode(
                block.chainid, address(ledger), taskId, round, verifier, vector, keccak256(mixed), evidence, salt
            )
        );
    }

    function _commitScores(uint32 round, address verifier, uint256[] memory words) internal {
        _mixAll(round);
        bytes32 commitment = _scoreCommitment(round, verifier, words);
        vm.prank(verifier);
        ledger.commitScores(taskId, round, commitment);
    }

    function _revealScores(uint32 round, address verifier, uint256[] memory words) internal {
        bytes32 salt = _salt(verifier);
        vm.prank(verifier);
        ledger.revealScores(taskId, round, words, mixture, keccak256("evidence"), salt);
    }

    /// @notice All committee members commit and reveal; `votes[i]` are the codes of the i-th.
    function _score(uint32 round, uint16[][] memory votes) internal returns (uint256[][] memory vectors) {
        address[] memory members = ledger.committee(taskId, round).verifiers;
        vectors = new uint256[][](votes.length);
        for (uint256 i; i < votes.length; ++i) {
            vectors[i] = _pack(votes[i]);
            _commitScores(round, members[i], vectors[i]);
        }
        if (votes.length < members.length) vm.warp(ledger.roundInfo(taskId, round).scoreCommitDeadline);
        for (uint256 i; i < votes.length; ++i) {
            _revealScores(round, members[i], vectors[i]);
        }
    }

    function _settle(uint32 round, uint256[][] memory vectors) internal {
        ledger.settle(taskId, round, 0, vectors, new bytes32[](vectors.length));
    }

    /// @notice A whole round up to its settlement, in which every verifier gives `codes`.
    function _runRound(uint16[] memory codes) internal returns (uint32 round) {
        round = _runUpdates(codes.length);
        uint256 members = ledger.committee(taskId, round).verifiers.length;
        uint16[][] memory votes = new uint16[][](members);
        for (uint256 i; i < members; ++i) {
            votes[i] = codes;
        }
        _settle(round, _score(round, votes));
    }

    function _claim(address trainer, uint32 round) internal returns (uint256) {
        return ledger.claim(taskId, trainer, _rounds(round));
    }

    function _rounds(uint32 round) internal pure returns (uint32[] memory rounds) {
        rounds = new uint32[](1);
        rounds[0] = round;
    }

    function _codes(uint16 a, uint16 b, uint16 c) internal pure returns (uint16[] memory codes) {
        codes = new uint16[](3);
        (codes[0], codes[1], codes[2]) = (a, b, c);
    }

    // ------------------------------------------------------------ invariants

    /// @notice The money of the task adds up to what the ledger holds.
    function _assertConserved(uint256 trainers, uint256 verifiers) internal view {
        TaskView memory task = ledger.task(taskId);
        uint256 total = uint256(task.escrow) + task.owed + task.forfeited;
        for (uint32 round = 1; round <= task.currentRound; ++round) {
            Phase phase = ledger.phase(taskId, round);
            if (phase != Phase.Appeal && phase != Phase.Final && phase != Phase.Void) {
                total += uint256(ledger.roundInfo(taskId, round).budget) + ledger.taskParams(taskId).verifierBudget;
            }
        }
        for (uint256 i; i < trainers; ++i) {
            Member memory member = ledger.member(taskId, trainerAt(i));
            total += uint256(member.stake) + member.balance;
        }
        for (uint256 i; i < verifiers; ++i) {
            Member memory member = ledger.member(taskId, verifierAt(i));
            total += uint256(member.stake) + member.balance;
        }
        assertEq(total, ledger.booked(address(token)), "booked = escrow + budgets + owed + stakes + balances");
        assertEq(token.balanceOf(address(ledger)), ledger.booked(address(token)), "balance = booked");
    }
}
