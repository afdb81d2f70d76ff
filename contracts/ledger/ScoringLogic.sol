// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILedgerErrors} from "../interfaces/ILedgerErrors.sol";
import {ILedgerEvents} from "../interfaces/ILedgerEvents.sol";
import {Phase, VoteState} from "../interfaces/LedgerTypes.sol";
import {Lanes} from "../libraries/Lanes.sol";
import {Scores} from "../libraries/Scores.sol";
import {Round, Seat, State, Status, Task} from "./State.sol";

/// @title ScoringLogic
/// @author Karat
/// @notice The committee's votes and their settlement: medians, payout weights, the verifiers' rewards and slashes.
library ScoringLogic {
    /// @dev The revealed vectors of a committee while words are being settled.
    struct Ballot {
        uint256[] seats;
        uint256[] weights;
        uint256[] votes;
        uint256[] sumMin;
        uint256[] sumMax;
        uint256 half;
        uint256 first;
        uint256 payoutTotal;
    }

    /// @notice See {ILedger-commitScores}.
    function commitScores(Task storage task, uint256 taskId, uint32 round, bytes32 commitment) external {
        Round storage state = task.roundIn(taskId, round, Phase.ScoreCommit);
        Seat storage seat = task.seatOf(msg.sender, round);
        if (seat.state != VoteState.None) revert ILedgerErrors.AlreadyVoted(msg.sender, round);
        seat.state = VoteState.Committed;
        seat.head = commitment;
        ++state.committed;
        emit ILedgerEvents.ScoresCommitted(taskId, round, msg.sender, commitment);
    }

    /// @notice See {ILedger-revealScores}.
    function revealScores(
        Task storage task,
        uint256 taskId,
        uint32 round,
        uint256[] calldata words,
        bytes32 evidence,
        bytes32 salt
    ) external {
        Round storage state = task.roundIn(taskId, round, Phase.ScoreReveal);
        Seat storage seat = task.seatOf(msg.sender, round);
        if (seat.state == VoteState.None) revert ILedgerErrors.NoVote(msg.sender, round);
        if (seat.state == VoteState.Revealed) revert ILedgerErrors.AlreadyVoted(msg.sender, round);
        _requireValid(words, state.count);
        bytes32 vectorHash = Lanes.chainHash(words, bytes32(0));
        bytes32 commitment =
            keccak256(abi.encode(block.chainid, address(this), taskId, round, msg.sender, vectorHash, evidence, salt));
        if (commitment != seat.head) revert ILedgerErrors.CommitmentMismatch(seat.head, commitment);
        seat.state = VoteState.Revealed;
        seat.head = vectorHash;
        ++state.revealed;
        state.revealedWeight += seat.weight;
        emit ILedgerEvents.ScoresRevealed(taskId, round, msg.sender, words, evidence);
    }

    /// @notice See {ILedger-settle}.
    function settle(
        Task storage task,
        uint256 taskId,
        uint32 round,
        uint256[][] calldata slices,
        bytes32[] calldata tails
    ) external {
        Round storage state = task.roundIn(taskId, round, Phase.Settle);
        if (2 * uint256(state.revealedWeight) <= state.committeeWeight) {
            revert ILedgerErrors.QuorumMissed(state.revealedWeight, state.committeeWeight);
        }
        Ballot memory ballot = _openBallot(task, state, slices, tails);
        uint256[] memory settled = _settleWords(task, state, ballot, slices);
        emit ILedgerEvents.MediansSettled(taskId, round, ballot.first, settled);
        _saveBallot(task, state, ballot, settled.length);
        if (state.wordsSettled == State.wordCount(state.count)) _finish(task, taskId, round, state);
    }

    /// @notice See {ILedger-voidRound}.
    function voidRound(Task storage task, uint256 taskId, uint32 round) external {
        Round storage state = task.roundIn(taskId, round, Phase.Settle);
        if (2 * uint256(state.revealedWeight) > state.committeeWeight) {
            revert ILedgerErrors.QuorumMet(state.revealedWeight, state.committeeWeight);
        }
        state.status = Status.Void;
        task.escrow += task.params.trainerBudget + task.params.verifierBudget;
        for (uint256 i; i < state.committeeSize; ++i) {
            Seat storage seat = task.seats[i];
            if (seat.state != VoteState.Revealed) _slashAbsent(task, taskId, round, seat.verifier);
        }
        emit ILedgerEvents.RoundVoided(taskId, round, state.revealedWeight, state.committeeWeight);
    }

    /// @dev Requires a vector of the right length, of codes that may be voted.
    function _requireValid(uint256[] calldata words, uint256 count) private pure {
        uint256 expected = State.wordCount(count);
        if (words.length != expected) revert ILedgerErrors.WrongLength(words.length, expected);
        uint256 used = Lanes.PER_WORD;
        for (uint256 i; i < expected; ++i) {
            if (i == expected - 1) used = count - i * Lanes.PER_WORD;
            if (!Lanes.valid(words[i], used)) revert ILedgerErrors.InvalidScores(i, words[i]);
        }
    }

    /// @dev Checks the slices against the vectors, remembers what is left of each, and collects weights.
    function _openBallot(Task storage task, Round storage state, uint256[][] calldata slices, bytes32[] calldata tails)
        private
        returns (Ballot memory ballot)
    {
        uint256 voters = state.revealed;
        if (slices.length != voters) revert ILedgerErrors.WrongLength(slices.length, voters);
        if (tails.length != voters) revert ILedgerErrors.WrongLength(tails.length, voters);
        ballot.seats = new uint256[](voters);
        ballot.weights = new uint256[](voters);
        ballot.votes = new uint256[](voters);
        ballot.sumMin = new uint256[](voters);
        ballot.sumMax = new uint256[](voters);
        ballot.half = (uint256(state.revealedWeight) + 1) / 2;
        ballot.first = state.wordsSettled;
        ballot.payoutTotal = state.payoutTotal;
        _requireEqualSlices(slices, State.wordCount(state.count) - ballot.first);
        uint256 place;
        for (uint256 i; i < voters; ++i) {
            while (task.seats[place].state != VoteState.Revealed) ++place;
            Seat storage seat = task.seats[place];
            bytes32 expected = ballot.first == 0 ? seat.head : seat.tail;
            bytes32 head = Lanes.chainHash(slices[i], tails[i]);
            if (head != expected) revert ILedgerErrors.ChainMismatch(seat.verifier, expected, head);
            if (tails[i] != 0) seat.tail = tails[i];
            ballot.seats[i] = place++;
            ballot.weights[i] = seat.weight;
        }
    }

    /// @dev Requires slices of one length, between one word and all that are left.
    function _requireEqualSlices(uint256[][] calldata slices, uint256 left) private pure {
        uint256 length = slices[0].length;
        if (length == 0 || length > left) revert ILedgerErrors.BadSlices(0, length, left);
        for (uint256 i = 1; i < slices.length; ++i) {
            if (slices[i].length != length) revert ILedgerErrors.BadSlices(i, slices[i].length, length);
        }
    }

    /// @dev Computes and stores the medians of the next words; sums payout weights and agreement in the ballot.
    function _settleWords(Task storage task, Round storage state, Ballot memory ballot, uint256[][] calldata slices)
        private
        returns (uint256[] memory settled)
    {
        uint256 exponent = task.params.payoutExponent;
        settled = new uint256[](slices[0].length);
        for (uint256 k; k < settled.length; ++k) {
            for (uint256 i; i < slices.length; ++i) {
                ballot.votes[i] = slices[i][k];
            }
            uint256 lanes = Lanes.median(ballot.votes, ballot.weights, ballot.half);
            settled[k] = lanes;
            state.medians[ballot.first + k] = lanes;
            ballot.payoutTotal += Scores.payoutWeights(lanes, exponent);
            _addAgreement(ballot, lanes);
        }
    }

    /// @dev Stores how far the round has been settled.
    function _saveBallot(Task storage task, Round storage state, Ballot memory ballot, uint256 settled) private {
        state.wordsSettled = uint16(ballot.first + settled);
        state.payoutTotal = uint64(ballot.payoutTotal);
        for (uint256 i; i < ballot.seats.length; ++i) {
            Seat storage seat = task.seats[ballot.seats[i]];
            seat.sumMin += uint32(ballot.sumMin[i]);
            seat.sumMax += uint32(ballot.sumMax[i]);
        }
    }

    /// @dev Adds, for every voter, the sums of the lesser and of the greater of vote and median.
    function _addAgreement(Ballot memory ballot, uint256 lanes) private pure {
        unchecked {
            uint256 sumOfMedians = Lanes.sum(lanes);
            for (uint256 i; i < ballot.votes.length; ++i) {
                uint256 vote = ballot.votes[i];
                uint256 sumMax = Lanes.sum(Lanes.max(vote, lanes));
                ballot.sumMax[i] += sumMax;
                ballot.sumMin[i] += Lanes.sum(vote) + sumOfMedians - sumMax;
            }
        }
    }

    /// @dev Ends a round: reserves the trainers' budget, pays the verifiers, slashes the absent.
    function _finish(Task storage task, uint256 taskId, uint32 round, Round storage state) private {
        uint256 budget = task.params.verifierBudget;
        uint256 paid;
        for (uint256 i; i < state.committeeSize; ++i) {
            Seat storage seat = task.seats[i];
            if (seat.state != VoteState.Revealed) {
                _slashAbsent(task, taskId, round, seat.verifier);
                continue;
            }
            uint256 reward = budget * seat.weight * seat.sumMin / (uint256(seat.sumMax) * state.committeeWeight);
            paid += reward;
            task.members[seat.verifier].balance += uint128(reward);
            emit ILedgerEvents.VerifierRewarded(taskId, round, seat.verifier, seat.sumMin, seat.sumMax, reward);
        }
        task.escrow += uint128(budget - paid);
        state.owed = task.params.trainerBudget;
        state.openRecords = state.count;
        uint40 finalAt = uint40(block.timestamp + task.params.appealWindow);
        state.status = Status.Settled;
        state.finalAt = finalAt;
        emit ILedgerEvents.RoundSettled(taskId, round, state.count, state.payoutTotal, finalAt);
    }

    /// @dev Slashes a verifier that did not reveal.
    function _slashAbsent(Task storage task, uint256 taskId, uint32 round, address verifier) private {
        task.slash(taskId, round, verifier, 0, task.params.slashAbsent);
    }
}
