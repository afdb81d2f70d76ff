// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILedgerErrors} from "../interfaces/ILedgerErrors.sol";
import {
    AppealView,
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
} from "../interfaces/LedgerTypes.sol";
import {Lanes} from "../libraries/Lanes.sol";
import {Ring, Rings} from "../libraries/Rings.sol";
import {Gains} from "./Gains.sol";
import {Appeal, Payee, Round, Seat, State, Status, Task} from "./State.sol";

/// @title LedgerViews
/// @author Karat
/// @notice Everything that can be read from the ledger: the code of {ILedgerViews}. The core's fallback runs it on the
/// core's storage, so that it takes no room there and the ledger is still one contract at one address.
library LedgerViews {
    using Gains for Task;

    /// @notice See {ILedgerViews-joined}.
    function joined(uint256 taskId) external view returns (uint32) {
        return _task(taskId).joined.count;
    }

    /// @notice See {ILedgerViews-joinedAt}.
    function joinedAt(uint256 taskId, uint32 day) external view returns (uint32) {
        return _task(taskId).joinedAt(day);
    }

    /// @notice See {ILedgerViews-accountAt}.
    function accountAt(uint256 taskId, uint32 index) external view returns (address) {
        return _task(taskId).accounts[index];
    }

    /// @notice See {ILedgerViews-placeOf}.
    function placeOf(uint256 taskId, address account) external view returns (uint32) {
        return _task(taskId).earned[account].place;
    }

    /// @notice See {ILedgerViews-gainAt}.
    function gainAt(uint256 taskId, uint32 day, address account) external view returns (uint64) {
        return _task(taskId).at(account, day);
    }

    /// @notice See {ILedgerViews-taskCount}.
    function taskCount() external view returns (uint256) {
        return State.books().taskCount;
    }

    /// @notice See {ILedgerViews-task}.
    function task(uint256 taskId) external view returns (TaskView memory) {
        Task storage state = _task(taskId);
        return TaskView({
            sponsor: state.sponsor,
            currentRound: state.currentRound,
            closed: state.closed,
            baseAttested: state.baseAttested,
            trainers: state.trainers,
            verifierWeight: state.verifierWeight,
            escrow: state.escrow,
            owed: state.owed,
            openRecords: state.openRecords,
            baseDigest: state.baseDigest,
            baseSize: state.baseSize,
            forfeited: state.forfeited,
            emptyRounds: state.emptyRounds
        });
    }

    /// @notice See {ILedgerViews-taskParams}.
    function taskParams(uint256 taskId) external view returns (TaskParams memory) {
        return _task(taskId).params;
    }

    /// @notice See {ILedgerViews-rulesHash}.
    function rulesHash(uint256 taskId) external view returns (bytes32) {
        return _task(taskId).rules;
    }

    /// @notice See {ILedgerViews-forecasts}.
    function forecasts(uint256 taskId, uint32 round, uint256 word) external view returns (uint256) {
        return _task(taskId).rounds[round].forecasts[word];
    }

    /// @notice See {ILedgerViews-roundInfo}.
    function roundInfo(uint256 taskId, uint32 round) external view returns (RoundView memory) {
        Round storage state = _task(taskId).rounds[round];
        bool settled = state.payouts.status == Status.Settled;
        return RoundView({
            commitDeadline: state.commitDeadline,
            revealDeadline: state.revealDeadline,
            scoreCommitDeadline: state.scoreCommitDeadline,
            scoreRevealDeadline: state.scoreRevealDeadline,
            count: state.count,
            wordsSettled: settled ? uint16(State.wordCount(state.count)) : state.wordsSettled,
            committeeWeight: state.committeeWeight,
            revealedWeight: state.revealedWeight,
            committeeSize: state.committeeSize,
            committed: state.committed,
            revealed: state.revealed,
            payoutTotal: state.payouts.total,
            finalAt: state.payouts.finalAt,
            openAppeals: state.payouts.openAppeals,
            budget: state.payouts.budget,
            seedBlock: state.seedBlock,
            weightCap: state.weightCap,
            seed: state.seed
        });
    }

    /// @notice See {ILedgerViews-phase}.
    function phase(uint256 taskId, uint32 round) external view returns (Phase) {
        return _task(taskId).rounds[round].phase();
    }

    /// @notice See {ILedgerViews-member}.
    function member(uint256 taskId, address account) external view returns (Member memory) {
        return _task(taskId).members[account];
    }

    /// @notice See {ILedgerViews-verifiers}.
    function verifiers(uint256 taskId) external view returns (VerifierGrant[] memory grants) {
        Task storage state = _task(taskId);
        grants = new VerifierGrant[](state.verifiers.length);
        for (uint256 i; i < grants.length; ++i) {
            address verifier = state.verifiers[i];
            grants[i] = VerifierGrant({verifier: verifier, weight: state.places[verifier].granted});
        }
    }

    /// @notice See {ILedgerViews-servingWeight}.
    function servingWeight(uint256 taskId, address verifier) external view returns (uint16) {
        Task storage state = _task(taskId);
        Member storage found = state.members[verifier];
        uint32 round = state.currentRound;
        if (round == 0 || found.suspended) return 0;
        return state.places[verifier].mayServe(state.openedAt(state.rounds[round])) ? found.weight : 0;
    }

    /// @notice See {ILedgerViews-verifierWeight}.
    function verifierWeight(uint256 taskId, address verifier) external view returns (uint16) {
        Member storage state = _task(taskId).members[verifier];
        return state.role == Role.Verifier && !state.suspended ? state.weight : 0;
    }

    /// @notice See {ILedgerViews-totalVerifierWeight}.
    function totalVerifierWeight(uint256 taskId) external view returns (uint16) {
        return _task(taskId).verifierWeight;
    }

    /// @notice See {ILedgerViews-committee}.
    function committee(uint256 taskId, uint32 round) external view returns (Committee memory seats) {
        Task storage state = _task(taskId);
        uint256 size = round == state.currentRound ? state.rounds[round].committeeSize : 0;
        seats.verifiers = new address[](size);
        seats.weights = new uint16[](size);
        seats.states = new VoteState[](size);
        for (uint256 i; i < size; ++i) {
            Seat storage seat = state.seats[i];
            (seats.verifiers[i], seats.weights[i], seats.states[i]) = (seat.verifier, seat.weight, seat.state);
        }
    }

    /// @notice See {ILedgerViews-record}.
    function record(uint256 taskId, address trainer, uint32 round) external view returns (RecordView memory) {
        Ring ring = _task(taskId).records[trainer].ring;
        uint256 lane = ring.lane(round);
        RecordKind kind = ring.isMember() ? RecordKind.Free : RecordKind.None;
        if (lane == Rings.COMMITTED) kind = RecordKind.Committed;
        if (lane >= Rings.REVEALED) kind = RecordKind.Revealed;
        return RecordView({
            kind: kind,
            suspended: ring.suspended(),
            index: lane < Rings.REVEALED ? 0 : uint16(lane - Rings.REVEALED),
            commitment: lane != 0 && ring.latest() == round ? ring.prefix() : bytes32(0)
        });
    }

    /// @notice See {ILedgerViews-pendingRounds}.
    function pendingRounds(uint256 taskId, address trainer) external view returns (uint32[] memory rounds) {
        Ring ring = _task(taskId).records[trainer].ring;
        rounds = new uint32[](Rings.ROUNDS);
        uint256 pending;
        for (uint32 round = ring.oldest(); round != 0 && round <= ring.latest(); ++round) {
            if (ring.lane(round) != 0) rounds[pending++] = round;
        }
        assembly ("memory-safe") {
            mstore(rounds, pending)
        }
    }

    /// @notice See {ILedgerViews-medians}.
    function medians(uint256 taskId, uint32 round, uint256 word) external view returns (uint256) {
        return _task(taskId).rounds[round].medians[word];
    }

    /// @notice See {ILedgerViews-scoreOf}.
    function scoreOf(uint256 taskId, uint32 round, uint256 index) external view returns (uint16) {
        Round storage state = _task(taskId).rounds[round];
        if (index >= state.count) revert ILedgerErrors.UnknownUpdate(index, state.count);
        return Lanes.lane(state.medians[index / Lanes.PER_WORD], index);
    }

    /// @notice See {ILedgerViews-appealInfo}.
    function appealInfo(uint256 taskId, uint32 round, uint256 index) external view returns (AppealView memory) {
        Appeal storage state = _task(taskId).rounds[round].appeals[index];
        return AppealView({
            challenger: state.challenger,
            commitDeadline: state.commitDeadline,
            revealDeadline: state.revealDeadline,
            resolved: state.resolved,
            juryWeight: state.juryWeight,
            jurors: state.jurors,
            committed: state.committed,
            revealed: state.revealed
        });
    }

    /// @notice See {ILedgerViews-booked}.
    function booked(address token) external view returns (uint256) {
        return State.books().booked[token];
    }

    /// @notice See {ILedgerViews-payoutOf}.
    function payoutOf(address account) external view returns (address payout, address next, uint40 since) {
        payout = State.payoutOf(account);
        Payee memory payee = State.books().payees[account];
        if (payee.since > block.timestamp) (next, since) = (payee.next, payee.since);
    }

    /// @dev A task that exists.
    function _task(uint256 taskId) private view returns (Task storage state) {
        state = State.books().tasks[taskId];
        if (state.sponsor == address(0)) revert ILedgerErrors.UnknownTask(taskId);
    }
}
