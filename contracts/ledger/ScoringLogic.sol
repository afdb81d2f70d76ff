// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILedgerErrors} from "../interfaces/ILedgerErrors.sol";
import {ILedgerEvents} from "../interfaces/ILedgerEvents.sol";
import {Phase, VoteState} from "../interfaces/LedgerTypes.sol";
import {Lanes} from "../libraries/Lanes.sol";
import {Scores} from "../libraries/Scores.sol";
import {Forecasts} from "./Forecasts.sol";
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
        bytes calldata mixture,
        bytes32 evidence,
        bytes32 salt
    ) external {
        Round storage state = task.roundIn(taskId, round, Phase.ScoreReveal);
        Seat storage seat = task.seatOf(msg.sender, round);
        if (seat.state == VoteState.None) revert ILedgerErrors.NoVote(msg.sender, round);
        if (seat.state == VoteState.Revealed) revert ILedgerErrors.AlreadyVoted(msg.sender, round);
        _requireValid(words, state.count);
        _requireLength(mixture, state.count);
        bytes32 vectorHash = Lanes.chainHash(words, bytes32(0));
        bytes32 commitment = _commitment(taskId, round, vectorHash, keccak256(mixture), evidence, salt);
        if (commitment != seat.head) revert ILedgerErrors.CommitmentMismatch(seat.head, commitment);
        seat.state = VoteState.Revealed;
        seat.head = vectorHash;
        ++state.revealed;
        state.revealedWeight += seat.weight;
        emit ILedgerEvents.ScoresRevealed(taskId, round, msg.sender, words, mixture, evidence);
    }

    /// @notice See {ILedger-settle}.
    function settle(
        Task storage task,
        uint256 taskId,
        uint32 round,
        uint256 first,
        uint256[][] calldata slices,
        bytes32[] calldata tails
    ) external {
        Round storage state = task.rounds[round];
        if (state.payouts.status == Status.Settled) return;
        // slither-disable-next-line unused-return
        task.roundIn(taskId, round, Phase.Settle);
        _requireQuorum(state, true);
        uint256 done = state.wordsSettled;
        uint256 words = State.wordCount(state.count);
        (uint256[][] memory vectors, uint256[] memory weights) = _take(task, state, first, slices, tails);
        if (vectors.length == 0) return;
        uint256[] memory settled = Lanes.medians(vectors, weights, state.revealedWeight);
        Payouts memory payouts = state.payouts;
        payouts.total += _store(state, settled, done, payouts.exponent);
        _addDistances(task, vectors, settled);
        emit ILedgerEvents.MediansSettled(taskId, round, done, settled);
        if (done + settled.length == words) {
            _payVerifiers(task, taskId, round);
            _finish(task, taskId, round, payouts);
        } else {
            (state.payouts.total, state.wordsSettled) = (payouts.total, uint16(done + settled.length));
        }
    }

    /// @notice See {ILedger-voidRound}.
    function voidRound(Task storage task, uint256 taskId, uint32 round) external {
        Round storage state = task.roundIn(taskId, round, Phase.Settle);
        _requireQuorum(state, false);
        // Where nobody could act, nobody is to blame.
        for (uint256 i; state.revealed != 0 && i < state.committeeSize; ++i) {
            Seat storage seat = task.seats[i];
            if (seat.state != VoteState.Revealed) _slashAbsent(task, taskId, round, seat.verifier);
        }
        task.endVoid(taskId, round);
    }

    /// @dev Requires that two thirds of the committee's weight were revealed, or that they were not.
    function _requireQuorum(Round storage state, bool met) private view {
        (uint16 revealed, uint16 all) = (state.revealedWeight, state.committeeWeight);
        bool reached = revealed != 0 && 3 * uint256(revealed) >= 2 * uint256(all);
        if (reached == met) return;
        if (met) revert ILedgerErrors.QuorumMissed(revealed, all);
        revert ILedgerErrors.QuorumMet(revealed, all);
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

    /// @dev Requires a mixture of the right length; what it holds concerns the next model, which is computed off chain.
    function _requireLength(bytes calldata mixture, uint256 count) private pure {
        uint256 expected = 2 * (count + Scores.MOVEMENTS);
        if (mixture.length != expected) revert ILedgerErrors.WrongLength(mixture.length, expected);
    }

    /// @dev What the caller must have committed to.
    function _commitment(
        uint256 taskId,
        uint32 round,
        bytes32 vectorHash,
        bytes32 mixtureHash,
        bytes32 evidence,
        bytes32 salt
    ) private view returns (bytes32) {
        return keccak256(
            abi.encode(block.chainid, address(this), taskId, round, msg.sender, vectorHash, mixtureHash, evidence, salt)
        );
    }

    /// @dev Checks that the slices are parts of the revealed vectors, leaves out what is settled already, and remembers what
    /// follows each.
    /// @return vectors What of the slices is not settled yet; none if that is nothing.
    /// @return weights The weights of those who revealed, in committee order.
    function _take(
        Task storage task,
        Round storage state,
        uint256 first,
        uint256[][] calldata slices,
        bytes32[] calldata tails
    ) private returns (uint256[][] memory vectors, uint256[] memory weights) {
        uint256 voters = state.revealed;
        uint256 done = state.wordsSettled;
        if (slices.length != voters) revert ILedgerErrors.WrongLength(slices.length, voters);
        if (tails.length != voters) revert ILedgerErrors.WrongLength(tails.length, voters);
        if (first > done) revert ILedgerErrors.BadSlices(0, first, done);
        _requireEqualSlices(slices, State.wordCount(state.count) - first);
        if (first + slices[0].length <= done) return (vectors, weights);
        (vectors, weights) = (new uint256[][](voters), new uint256[](voters));
        uint256 place;
        for (uint256 i; i < voters; ++i) {
            while (task.seats[place].state != VoteState.Revealed) ++place;
            Seat storage seat = task.seats[place++];
            uint256[] calldata slice = slices[i][done - first:];
            _follow(seat, done == 0 ? seat.head : seat.tail, slice, tails[i]);
            (vectors[i], weights[i]) = (slice, seat.weight);
        }
    }

    /// @dev Requires a slice to be what comes next of a verifier's vector.
    function _follow(Seat storage seat, bytes32 expected, uint256[] calldata slice, bytes32 tail) private {
        bytes32 head = Lanes.chainHash(slice, tail);
        if (head != expected) revert ILedgerErrors.ChainMismatch(seat.verifier, expected, head);
        if (tail != 0) seat.tail = tail;
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

    /// @dev Adds how far the votes lie from the next medians.
    function _addDistances(Task storage task, uint256[][] memory vectors, uint256[] memory settled) private {
        uint256 tolerance = task.params.tolerance;
        uint256 place;
        for (uint256 i; i < vectors.length; ++i) {
            while (task.seats[place].state != VoteState.Revealed) ++place;
            Seat storage seat = task.seats[place++];
            uint256 distance = Forecasts.distance(vectors[i], settled, tolerance);
            if (distance != 0) seat.distance += uint32(distance);
        }
    }

    /// @dev Pays every voter by its weight and its skill, and slashes the absent; what is not earned returns to the escrow.
    function _payVerifiers(Task storage task, uint256 taskId, uint32 round) private {
        Round storage state = task.rounds[round];
        uint256 forecast = Forecasts.best(state, State.wordCount(state.count), task.params.tolerance);
        uint256 seats = state.committeeSize;
        uint112 left = task.params.verifierBudget;
        for (uint256 i; i < seats; ++i) {
            Seat storage seat = task.seats[i];
            if (seat.state == VoteState.Revealed) left -= _payVerifier(task, taskId, round, seat, forecast);
            else _slashAbsent(task, taskId, round, seat.verifier);
        }
        if (left == 0) return;
        task.escrow += left;
        emit ILedgerEvents.EscrowReturned(taskId, round, left);
    }

    /// @dev Pays a voter for what its vote knew beyond the best free forecast, of which it must come within half.
    function _payVerifier(Task storage task, uint256 taskId, uint32 round, Seat storage seat, uint256 forecast)
        private
        returns (uint112 reward)
    {
        (address verifier, uint256 distance) = (seat.verifier, seat.distance);
        if (2 * distance < forecast) {
            uint256 share = task.params.verifierBudget * uint256(seat.weight) * (forecast - 2 * distance);
            reward = uint112(share / (forecast * task.rounds[round].committeeWeight));
            task.members[verifier].balance += reward;
        }
        emit ILedgerEvents.VerifierRewarded(taskId, round, verifier, distance, forecast, reward);
    }

    /// @dev Ends a round: what the trainers earned is owed, the rest of their budget goes back.
    function _finish(Task storage task, uint256 taskId, uint32 round, Payouts memory payouts) private {
        Round storage state = task.rounds[round];
        uint16 count = state.count;
        uint112 due = payouts.due(task.params.fullPayGain);
        task.owed += due;
        task.giveBack(taskId, round, 0, payouts.budget - due);
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
