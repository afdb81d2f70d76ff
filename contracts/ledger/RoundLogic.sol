// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILedgerErrors} from "../interfaces/ILedgerErrors.sol";
import {ILedgerEvents} from "../interfaces/ILedgerEvents.sol";
import {Phase, TaskParams, VoteState} from "../interfaces/LedgerTypes.sol";
import {Round, Seat, State, Status, Task, VerifierPlace} from "./State.sol";

/// @title RoundLogic
/// @author Karat
/// @notice The opening of a round, and the close of its reveal phase with the drawing of the committee.
library RoundLogic {
    /// @notice See {ILedger-openRound}.
    function open(Task storage task, uint256 taskId) external returns (uint32 round) {
        TaskParams storage params = task.params;
        round = task.currentRound;
        if (round != 0) _requireSuccessor(task, taskId, round);
        if (round >= params.maxRounds) revert ILedgerErrors.NoRoundsLeft(params.maxRounds);
        uint256 needed = uint256(params.trainerBudget) + params.verifierBudget;
        if (task.escrow < needed) revert ILedgerErrors.EscrowTooLow(task.escrow, needed);
        task.escrow -= uint112(needed);
        task.currentRound = ++round;
        task.baseAttested = false;
        Round storage state = task.rounds[round];
        (state.payouts.budget, state.payouts.exponent) = (params.trainerBudget, params.payoutExponent);
        state.payouts.status = Status.Open;
        state.commitDeadline = uint40(block.timestamp + params.commitWindow);
        state.revealDeadline = state.commitDeadline + params.revealWindow;
        emit ILedgerEvents.RoundOpened(
            taskId, round, task.baseDigest, task.baseSize, state.commitDeadline, state.revealDeadline
        );
    }

    /// @notice See {ILedger-closeReveal}.
    function closeReveal(Task storage task, uint256 taskId, uint32 round) external {
        Round storage state = task.roundIn(taskId, round, Phase.Close);
        bytes32 seed = blockhash(block.number - 1);
        state.seed = seed;
        state.scoreCommitDeadline = uint40(block.timestamp + task.params.scoreCommitWindow);
        state.scoreRevealDeadline = state.scoreCommitDeadline + task.params.scoreRevealWindow;
        (address[] memory members, uint16[] memory weights) = (new address[](0), new uint16[](0));
        if (state.count != 0) (members, weights) = _drawCommittee(task, state, round, uint256(seed));
        emit ILedgerEvents.RevealClosed(
            taskId, round, seed, state.count, members, weights, state.scoreCommitDeadline, state.scoreRevealDeadline
        );
        if (state.count == 0) _finishEmpty(task, taskId, round, state);
    }

    /// @notice See {ILedger-attestModel}.
    function attestModel(Task storage task, uint256 taskId, uint32 round, bytes32 modelDigest, uint64 modelSize)
        external
    {
        Round storage state = task.roundIn(taskId, round, Phase.Final);
        if (round != task.currentRound) revert ILedgerErrors.RoundSuperseded(round, task.currentRound);
        Seat storage seat = task.seatOf(msg.sender, round);
        if (seat.attested) revert ILedgerErrors.AlreadyVoted(msg.sender, round);
        seat.attested = true;
        bytes32 model = keccak256(abi.encode(modelDigest, modelSize));
        uint256 weight = state.modelWeight[model] + seat.weight;
        state.modelWeight[model] = weight;
        emit ILedgerEvents.ModelAttested(taskId, round, msg.sender, modelDigest, modelSize);
        if (2 * weight <= state.committeeWeight || task.baseAttested) return;
        task.baseAttested = true;
        task.baseDigest = modelDigest;
        task.baseSize = modelSize;
        emit ILedgerEvents.BaseModelFixed(taskId, round, modelDigest, modelSize);
    }

    /// @notice Says in which phase a round is in place of the one that a call needs.
    function refusePhase(Task storage task, uint256 taskId, uint32 round, Phase needed) external view {
        revert ILedgerErrors.WrongPhase(taskId, round, task.rounds[round].phase(), needed);
    }

    /// @dev Requires that the round before is over and its base model fixed, or no longer waited for.
    function _requireSuccessor(Task storage task, uint256 taskId, uint32 last) private view {
        Round storage state = task.rounds[last];
        if (!state.isOver()) revert ILedgerErrors.WrongPhase(taskId, last, state.phase(), Phase.Final);
        if (state.payouts.status == Status.Void || state.payouts.total == 0 || task.baseAttested) return;
        uint256 deadline = uint256(state.payouts.finalAt) + task.params.attestWindow;
        if (block.timestamp < deadline) revert ILedgerErrors.AwaitingModel(last, deadline);
    }

    /// @dev Draws the committee by weight, without replacement, and writes it into the seats in index order.
    function _drawCommittee(Task storage task, Round storage state, uint32 round, uint256 seed)
        private
        returns (address[] memory members, uint16[] memory weights)
    {
        (members, weights) = _panel(task, state);
        uint256 seats = task.params.committeeSize;
        if (members.length > seats) _sample(members, weights, seats, seed);
        uint256 total;
        for (uint256 i; i < members.length; ++i) {
            Seat storage seat = task.seats[i];
            (seat.verifier, seat.weight, seat.state, seat.attested) = (members[i], weights[i], VoteState.None, false);
            (seat.sumMin, seat.sumMax) = (0, 0);
            task.places[members[i]].seat = uint8(i);
            task.places[members[i]].seatRound = round;
            total += weights[i];
        }
        state.committeeWeight = uint16(total);
        state.committeeSize = uint8(members.length);
    }

    /// @dev The verifiers that may serve in the round, with their weights, in index order.
    function _panel(Task storage task, Round storage state)
        private
        view
        returns (address[] memory members, uint16[] memory weights)
    {
        uint256 listed = task.verifiers.length;
        (members, weights) = (new address[](listed), new uint16[](listed));
        uint256 found;
        for (uint256 i; i < listed; ++i) {
            address verifier = task.verifiers[i];
            VerifierPlace memory place = task.places[verifier];
            if (!place.mayServe(state)) continue;
            (members[found], weights[found]) = (verifier, place.granted);
            ++found;
        }
        _truncate(members, weights, found);
    }

    /// @dev Keeps `seats` of the members, drawn by weight without replacement, in their order.
    function _sample(address[] memory members, uint16[] memory weights, uint256 seats, uint256 seed) private pure {
        uint256 left;
        for (uint256 i; i < weights.length; ++i) {
            left += weights[i];
        }
        bool[] memory drawn = new bool[](members.length);
        for (uint256 pick; pick < seats; ++pick) {
            uint256 ticket = uint256(keccak256(abi.encode(seed, pick))) % left;
            uint256 i;
            while (drawn[i] || ticket >= weights[i]) {
                if (!drawn[i]) ticket -= weights[i];
                ++i;
            }
            drawn[i] = true;
            left -= weights[i];
        }
        uint256 kept;
        for (uint256 i; i < members.length; ++i) {
            if (!drawn[i]) continue;
            (members[kept], weights[kept]) = (members[i], weights[i]);
            ++kept;
        }
        _truncate(members, weights, kept);
    }

    /// @dev Cuts both arrays to `length` entries, in place.
    function _truncate(address[] memory members, uint16[] memory weights, uint256 length) private pure {
        assembly ("memory-safe") {
            mstore(members, length)
            mstore(weights, length)
        }
    }

    /// @dev Ends a round that has no updates: both budgets return to the escrow.
    function _finishEmpty(Task storage task, uint256 taskId, uint32 round, Round storage state) private {
        task.escrow += task.params.trainerBudget + task.params.verifierBudget;
        state.payouts.status = Status.Settled;
        state.payouts.finalAt = uint40(block.timestamp);
        emit ILedgerEvents.RoundSettled(taskId, round, 0, 0, uint40(block.timestamp));
    }
}
