// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILedgerErrors} from "../interfaces/ILedgerErrors.sol";
import {ILedgerEvents} from "../interfaces/ILedgerEvents.sol";
import {Phase, VoteState} from "../interfaces/LedgerTypes.sol";
import {Lanes} from "../libraries/Lanes.sol";
import {Scores} from "../libraries/Scores.sol";
import {Payouts, Round, Seat, State, Status, Task} from "./State.sol";

/// @title ScoringLogic
/// @author Karat
/// @notice The committee's votes and their settlement: medians, payout weights, the verifiers' rewards and slashes.
library ScoringLogic {
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
        uint256 first = state.wordsSettled;
        uint256 words = State.wordCount(state.count);
        uint256[] memory weights = _take(task, state, slices, tails, words - first);
        uint256[][] memory vectors = slices;
        uint256[] memory settled = Lanes.medians(vectors, weights, state.revealedWeight);
        _store(task, state, settled, first);
        emit ILedgerEvents.MediansSettled(taskId, round, first, settled);
        (uint256[] memory sumMin, uint256[] memory sumMax) = _agreements(task, vectors, settled);
        if (first + settled.length == words) _finish(task, taskId, round, sumMin, sumMax);
        else _saveAgreements(task, sumMin, sumMax);
    }

    /// @notice See {ILedger-voidRound}.
    function voidRound(Task storage task, uint256 taskId, uint32 round) external {
        Round storage state = task.roundIn(taskId, round, Phase.Settle);
        if (2 * uint256(state.revealedWeight) > state.committeeWeight) {
            revert ILedgerErrors.QuorumMet(state.revealedWeight, state.committeeWeight);
        }
        state.payouts.status = Status.Void;
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

    /// @dev Checks that the slices are the next parts of the revealed vectors, and remembers what is left of each.
    /// @return weights The weights of those who revealed, in committee order.
    function _take(
        Task storage task,
        Round storage state,
        uint256[][] calldata slices,
        bytes32[] calldata tails,
        uint256 left
    ) private returns (uint256[] memory weights) {
        uint256 voters = state.revealed;
        bool fresh = state.wordsSettled == 0;
        if (slices.length != voters) revert ILedgerErrors.WrongLength(slices.length, voters);
        if (tails.length != voters) revert ILedgerErrors.WrongLength(tails.length, voters);
        _requireEqualSlices(slices, left);
        weights = new uint256[](voters);
        uint256 place;
        for (uint256 i; i < voters; ++i) {
            while (task.seats[place].state != VoteState.Revealed) ++place;
            Seat storage seat = task.seats[place++];
            bytes32 expected = fresh ? seat.head : seat.tail;
            bytes32 head = Lanes.chainHash(slices[i], tails[i]);
            if (head != expected) revert ILedgerErrors.ChainMismatch(seat.verifier, expected, head);
            if (tails[i] != 0) seat.tail = tails[i];
            weights[i] = seat.weight;
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

    /// @dev Stores the next medians and adds up their payout weights.
    function _store(Task storage task, Round storage state, uint256[] memory settled, uint256 first) private {
        uint256 exponent = task.params.payoutExponent;
        uint256 total = state.payouts.total;
        for (uint256 k; k < settled.length; ++k) {
            state.medians[first + k] = settled[k];
            total += Scores.payoutWeights(settled[k], exponent);
        }
        state.payouts.total = uint64(total);
        state.wordsSettled = uint16(first + settled.length);
    }

    /// @dev Every voter's agreement with all medians so far.
    function _agreements(Task storage task, uint256[][] memory vectors, uint256[] memory settled)
        private
        view
        returns (uint256[] memory sumMin, uint256[] memory sumMax)
    {
        sumMin = new uint256[](vectors.length);
        sumMax = new uint256[](vectors.length);
        uint256 place;
        for (uint256 i; i < vectors.length; ++i) {
            while (task.seats[place].state != VoteState.Revealed) ++place;
            Seat storage seat = task.seats[place++];
            (uint256 nextMin, uint256 nextMax) = Lanes.agreement(vectors[i], settled);
            (sumMin[i], sumMax[i]) = (seat.sumMin + nextMin, seat.sumMax + nextMax);
        }
    }

    /// @dev Keeps the agreements for the next call.
    function _saveAgreements(Task storage task, uint256[] memory sumMin, uint256[] memory sumMax) private {
        uint256 place;
        for (uint256 i; i < sumMin.length; ++i) {
            while (task.seats[place].state != VoteState.Revealed) ++place;
            Seat storage seat = task.seats[place++];
            (seat.sumMin, seat.sumMax) = (uint32(sumMin[i]), uint32(sumMax[i]));
        }
    }

    /// @dev Ends a round: reserves the trainers' budget, pays the verifiers, slashes the absent.
    function _finish(Task storage task, uint256 taskId, uint32 round, uint256[] memory sumMin, uint256[] memory sumMax)
        private
    {
        Round storage state = task.rounds[round];
        uint256 budget = task.params.verifierBudget;
        uint256 left = budget;
        uint256 voter;
        for (uint256 i; i < state.committeeSize; ++i) {
            Seat storage seat = task.seats[i];
            if (seat.state != VoteState.Revealed) {
                _slashAbsent(task, taskId, round, seat.verifier);
                continue;
            }
            uint256 reward = budget * seat.weight * sumMin[voter] / (sumMax[voter] * state.committeeWeight);
            left -= reward;
            task.members[seat.verifier].balance += uint128(reward);
            emit ILedgerEvents.VerifierRewarded(taskId, round, seat.verifier, sumMin[voter], sumMax[voter], reward);
            ++voter;
        }
        task.escrow += uint128(left);
        Payouts memory payouts = state.payouts;
        payouts.owed = task.params.trainerBudget;
        payouts.openRecords = state.count;
        payouts.finalAt = uint40(block.timestamp + task.params.appealWindow);
        payouts.status = Status.Settled;
        state.payouts = payouts;
        emit ILedgerEvents.RoundSettled(taskId, round, state.count, payouts.total, payouts.finalAt);
    }

    /// @dev Slashes a verifier that did not reveal.
    function _slashAbsent(Task storage task, uint256 taskId, uint32 round, address verifier) private {
        task.slash(taskId, round, verifier, 0, task.params.slashAbsent);
    }
}
