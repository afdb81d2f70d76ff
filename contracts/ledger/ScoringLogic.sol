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
        (uint256[][] memory vectors, uint256[] memory weights) = _take(task, state, slices, tails, words - first);
        uint256[] memory settled = Lanes.medians(vectors, weights, state.revealedWeight);
        Payouts memory payouts = state.payouts;
        payouts.total += _store(state, settled, first, payouts.exponent);
        emit ILedgerEvents.MediansSettled(taskId, round, first, settled);
        if (first + settled.length == words) {
            _payVerifiers(task, taskId, round, vectors, settled);
            _finish(task, taskId, round, payouts);
        } else {
            _keepAgreements(task, vectors, settled);
            (state.payouts.total, state.wordsSettled) = (payouts.total, uint16(first + settled.length));
        }
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
    /// @return vectors The slices.
    /// @return weights The weights of those who revealed, in committee order.
    function _take(
        Task storage task,
        Round storage state,
        uint256[][] calldata slices,
        bytes32[] calldata tails,
        uint256 left
    ) private returns (uint256[][] memory vectors, uint256[] memory weights) {
        uint256 voters = state.revealed;
        bool fresh = state.wordsSettled == 0;
        if (slices.length != voters) revert ILedgerErrors.WrongLength(slices.length, voters);
        if (tails.length != voters) revert ILedgerErrors.WrongLength(tails.length, voters);
        _requireEqualSlices(slices, left);
        (vectors, weights) = (new uint256[][](voters), new uint256[](voters));
        uint256 place;
        for (uint256 i; i < voters; ++i) {
            while (task.seats[place].state != VoteState.Revealed) ++place;
            Seat storage seat = task.seats[place++];
            bytes32 expected = fresh ? seat.head : seat.tail;
            bytes32 head = Lanes.chainHash(slices[i], tails[i]);
            if (head != expected) revert ILedgerErrors.ChainMismatch(seat.verifier, expected, head);
            if (tails[i] != 0) seat.tail = tails[i];
            (vectors[i], weights[i]) = (slices[i], seat.weight);
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

    /// @dev Stores the next medians.
    /// @return total The sum of their payout weights.
    function _store(Round storage state, uint256[] memory settled, uint256 first, uint256 exponent)
        private
        returns (uint64 total)
    {
        for (uint256 k; k < settled.length; ++k) {
            state.medians[first + k] = settled[k];
            total += uint64(Scores.payoutWeights(settled[k], exponent));
        }
    }

    /// @dev Keeps the voters' agreements with all medians so far for the next call.
    function _keepAgreements(Task storage task, uint256[][] memory vectors, uint256[] memory settled) private {
        uint256 place;
        for (uint256 i; i < vectors.length; ++i) {
            while (task.seats[place].state != VoteState.Revealed) ++place;
            Seat storage seat = task.seats[place++];
            (uint256 sumMin, uint256 sumMax) = _agreement(seat, vectors[i], settled);
            (seat.sumMin, seat.sumMax) = (uint32(sumMin), uint32(sumMax));
        }
    }

    /// @dev A voter's agreement with all medians so far.
    function _agreement(Seat storage seat, uint256[] memory vector, uint256[] memory settled)
        private
        view
        returns (uint256 sumMin, uint256 sumMax)
    {
        (uint256 nextMin, uint256 nextMax) = Lanes.agreement(vector, settled);
        (sumMin, sumMax) = (seat.sumMin + nextMin, seat.sumMax + nextMax);
    }

    /// @dev Pays every voter and slashes the absent; what is not earned returns to the escrow.
    function _payVerifiers(
        Task storage task,
        uint256 taskId,
        uint32 round,
        uint256[][] memory vectors,
        uint256[] memory settled
    ) private {
        uint256 seats = task.rounds[round].committeeSize;
        uint256 left = task.params.verifierBudget;
        uint256 voter;
        for (uint256 i; i < seats; ++i) {
            Seat storage seat = task.seats[i];
            if (seat.state == VoteState.Revealed) {
                left -= _payVerifier(task, taskId, round, seat, vectors[voter++], settled);
            } else {
                _slashAbsent(task, taskId, round, seat.verifier);
            }
        }
        task.escrow += uint112(left);
    }

    /// @dev Pays a voter by its weight and its agreement with all medians.
    function _payVerifier(
        Task storage task,
        uint256 taskId,
        uint32 round,
        Seat storage seat,
        uint256[] memory vector,
        uint256[] memory settled
    ) private returns (uint256 reward) {
        (address verifier, uint256 weight) = (seat.verifier, seat.weight);
        (uint256 sumMin, uint256 sumMax) = _agreement(seat, vector, settled);
        uint256 whole = sumMax * task.rounds[round].committeeWeight;
        reward = task.params.verifierBudget * weight * sumMin / whole;
        task.members[verifier].balance += uint128(reward);
        emit ILedgerEvents.VerifierRewarded(taskId, round, verifier, sumMin, sumMax, reward);
    }

    /// @dev Ends a round: the trainers' budget is owed, or back in the escrow if nobody gained.
    function _finish(Task storage task, uint256 taskId, uint32 round, Payouts memory payouts) private {
        Round storage state = task.rounds[round];
        uint16 count = state.count;
        if (payouts.total == 0) task.escrow += payouts.budget;
        else task.owed += payouts.budget;
        task.openRecords += count;
        payouts.finalAt = uint40(block.timestamp + task.params.appealWindow);
        payouts.status = Status.Settled;
        state.payouts = payouts;
        emit ILedgerEvents.RoundSettled(taskId, round, count, payouts.total, payouts.finalAt);
    }

    /// @dev Slashes a verifier that did not reveal.
    function _slashAbsent(Task storage task, uint256 taskId, uint32 round, address verifier) private {
        task.slash(taskId, round, verifier, 0, task.params.slashAbsent);
    }
}
