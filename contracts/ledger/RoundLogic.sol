// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILedgerErrors} from "../interfaces/ILedgerErrors.sol";
import {ILedgerEvents} from "../interfaces/ILedgerEvents.sol";
import {Phase, TaskParams, VoteState} from "../interfaces/LedgerTypes.sol";
import {Rings} from "../libraries/Rings.sol";
import {Panels} from "./Panels.sol";
import {Round, Seat, State, Status, Task} from "./State.sol";

/// @title RoundLogic
/// @author Karat
/// @notice The opening of a round, and the close of its reveal phase with the drawing of the committee.
library RoundLogic {
    /// How many blocks back the EVM still has hashes.
    uint256 private constant HASHES_KEPT = 256;

    /// @notice See {ILedger-openRound}.
    function open(Task storage task, uint256 taskId) external returns (uint32 round) {
        TaskParams storage params = task.params;
        round = task.currentRound;
        if (round != 0) _requireSuccessor(task, taskId, round);
        if (round - task.emptyRounds >= params.maxRounds || round >= Rings.MAX_ROUND) {
            revert ILedgerErrors.NoRoundsLeft(params.maxRounds);
        }
        uint256 needed = uint256(params.trainerBudget) + params.verifierBudget;
        if (task.escrow < needed) revert ILedgerErrors.EscrowTooLow(task.escrow, needed);
        task.escrow -= uint112(needed);
        task.currentRound = ++round;
        task.baseAttested = false;
        Round storage state = task.rounds[round];
        (state.payouts.budget, state.payouts.exponent) = (params.trainerBudget + task.forfeited, params.payoutExponent);
        task.forfeited = 0;
        state.payouts.status = Status.Open;
        state.commitDeadline = uint40(block.timestamp + params.commitWindow);
        state.revealDeadline = state.commitDeadline + params.revealWindow;
        emit ILedgerEvents.RoundOpened(
            taskId,
            round,
            task.baseDigest,
            task.baseSize,
            state.commitDeadline,
            state.revealDeadline,
            state.payouts.budget
        );
    }

    /// @notice See {ILedger-closeReveal}.
    function closeReveal(Task storage task, uint256 taskId, uint32 round) external {
        Round storage state = task.roundIn(taskId, round, Phase.Close);
        if (state.count < task.params.minUpdates) {
            task.endVoid(taskId, round);
            return;
        }
        bytes32 seed = _seed(state, taskId, round);
        if (seed == 0) return;
        state.seed = seed;
        state.scoreCommitDeadline = uint40(block.timestamp + task.params.scoreCommitWindow);
        state.scoreRevealDeadline = state.scoreCommitDeadline + task.params.scoreRevealWindow;
        (address[] memory members, uint16[] memory weights) = _drawCommittee(task, state, round, uint256(seed));
        emit ILedgerEvents.RevealClosed(
            taskId, round, seed, state.count, members, weights, state.scoreCommitDeadline, state.scoreRevealDeadline
        );
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

    /// @dev The seed, in two steps: a first call names its own block, whose hash nobody knows yet, a later one takes the
    /// hash. Where that has been forgotten another block is named.
    function _seed(Round storage state, uint256 taskId, uint32 round) private returns (bytes32 seed) {
        uint64 named = state.seedBlock;
        if (named != 0 && block.number == named) return 0;
        if (named != 0 && block.number - named <= HASHES_KEPT) {
            seed = blockhash(named);
            if (seed == 0) revert ILedgerErrors.NoBlockHash(named);
            return seed;
        }
        state.seedBlock = uint64(block.number);
        emit ILedgerEvents.SeedFixed(taskId, round, uint64(block.number));
    }

    /// @dev Draws the committee by weight, without replacement, and writes it into the seats in index order.
    function _drawCommittee(Task storage task, Round storage state, uint32 round, uint256 seed)
        private
        returns (address[] memory members, uint16[] memory weights)
    {
        uint256 openedAt = task.openedAt(state);
        (members, weights) = Panels.members(task, openedAt, type(uint16).max);
        uint256 cap = Panels.weightCap(weights);
        for (uint256 i; i < weights.length; ++i) {
            if (weights[i] > cap) weights[i] = uint16(cap);
        }
        state.weightCap = uint16(cap);
        uint256 seats = task.params.committeeSize;
        if (members.length > seats) _sample(members, weights, seats, seed);
        uint256 total;
        for (uint256 i; i < members.length; ++i) {
            Seat storage seat = task.seats[i];
            (seat.verifier, seat.weight, seat.state, seat.attested) = (members[i], weights[i], VoteState.None, false);
            seat.distance = 0;
            task.places[members[i]].seat = uint8(i);
            task.places[members[i]].seatRound = round;
            total += weights[i];
        }
        state.committeeWeight = uint16(total);
        state.committeeSize = uint8(members.length);
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
        Panels.truncate(members, weights, kept);
    }
}
