// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILedgerErrors} from "../interfaces/ILedgerErrors.sol";
import {ILedgerEvents} from "../interfaces/ILedgerEvents.sol";
import {Phase, TaskParams} from "../interfaces/LedgerTypes.sol";
import {Lanes} from "../libraries/Lanes.sol";
import {Ring, Rings} from "../libraries/Rings.sol";
import {Forecasts} from "./Forecasts.sol";
import {Batch, Round, State, Status, Task} from "./State.sol";

/// @title BatchLogic
/// @author Karat
/// @notice Many signed updates in two transactions of a relayer. The commitment is one hash over all entries, hidden by
/// the signatures in them; the reveal checks every signature. The relayer's bond makes it pay for what it holds
/// back as its trainers would. Its deposit is the caller's part.
library BatchLogic {
    /// An entry: digest (32 bytes), size (4), and the trainer's signature in the short form of EIP-2098 (64).
    uint256 private constant ENTRY_BYTES = 100;
    /// What the event has of an update: trainer (20), size (4), digest (32).
    uint256 private constant UPDATE_BYTES = 56;
    bytes32 private constant UPDATE_TYPEHASH =
        keccak256("Update(uint256 taskId,uint32 round,bytes32 digest,uint64 size)");

    /// @dev A batch while it is revealed: `updates` is the event's text, `word` the forecasts that are not stored yet.
    struct Work {
        uint256 taskId;
        uint32 round;
        bytes32 domain;
        uint256 index;
        uint256 missed;
        uint256 word;
        bytes updates;
    }

    /// @notice See {ILedgerCalls-commitBatch}.
    /// @return bond What the caller has to deposit; 0 if this batch is committed already.
    function commitBatch(Task storage task, uint256 taskId, uint32 round, bytes32 batch, uint16 count)
        external
        returns (uint256 bond)
    {
        Round storage state = task.rounds[round];
        if (block.timestamp >= state.commitDeadline) {
            revert ILedgerErrors.WrongPhase(taskId, round, state.phase(), Phase.Commit);
        }
        // By relayer: or whoever copies the call could take its place, with another number of entries.
        Batch storage entry = state.batches[msg.sender][batch];
        if (count == 0 || entry.count != 0 && entry.count != count) {
            revert ILedgerErrors.BadBatch(batch, count, entry.count);
        }
        if (entry.count != 0) return 0;
        bond = count * _price(task.params);
        (entry.count, entry.bond) = (count, State.toUint112(bond));
        emit ILedgerEvents.BatchCommitted(taskId, round, msg.sender, batch, count, bond);
    }

    /// @notice See {ILedgerCalls-revealBatch}.
    /// @param domain The ledger's EIP-712 domain separator.
    function revealBatch(
        Task storage task,
        uint256 taskId,
        uint32 round,
        address relayer,
        bytes calldata entries,
        bytes32 domain
    ) external {
        Round storage state = task.rounds[round];
        if (block.timestamp < state.commitDeadline || block.timestamp >= state.revealDeadline) {
            revert ILedgerErrors.WrongPhase(taskId, round, state.phase(), Phase.Reveal);
        }
        bytes32 batch = keccak256(entries);
        Batch storage entry = state.batches[relayer][batch];
        if (_isEnded(entry, relayer, batch)) return;
        uint256 count = entry.count;
        if (entries.length != count * ENTRY_BYTES) revert ILedgerErrors.BadBatch(batch, entries.length, count);
        Work memory work = Work(taskId, round, domain, state.count, 0, 0, new bytes(count * UPDATE_BYTES));
        uint16 first = uint16(work.index);
        _take(task, state, entries, work);
        state.count = uint16(work.index);
        uint112 forfeited = uint112(uint256(entry.bond) * work.missed / count);
        _end(task, entry, relayer, forfeited);
        emit ILedgerEvents.BatchRevealed(taskId, round, relayer, batch, first, forfeited, work.updates);
    }

    /// @notice See {ILedgerCalls-endBatch}.
    function endBatch(Task storage task, uint256 taskId, uint32 round, address relayer, bytes32 batch) external {
        Round storage state = task.rounds[round];
        Batch storage entry = state.batches[relayer][batch];
        if (_isEnded(entry, relayer, batch)) return;
        if (!state.isOver()) revert ILedgerErrors.WrongPhase(taskId, round, state.phase(), Phase.Final);
        // Where nobody could reveal, nobody is to blame.
        bool outage = state.payouts.status == Status.Void && state.count == 0;
        uint112 forfeited = outage ? 0 : entry.bond;
        _end(task, entry, relayer, forfeited);
        emit ILedgerEvents.BatchEnded(taskId, round, relayer, batch, forfeited);
    }

    /// @dev What each entry puts at stake: what a commit that is not revealed costs a trainer.
    function _price(TaskParams storage params) private view returns (uint256) {
        uint256 base = params.trainerStake;
        uint256 share = params.trainerBudget / params.maxTrainers;
        if (share > base) base = share;
        return (base * params.slashUnrevealed + State.BASIS_POINTS - 1) / State.BASIS_POINTS;
    }

    /// @dev Whether a batch, which somebody has committed to, has had its end.
    function _isEnded(Batch storage entry, address relayer, bytes32 batch) private view returns (bool) {
        if (entry.count == 0) revert ILedgerErrors.UnknownBatch(relayer, batch);
        return entry.ended;
    }

    /// @dev Credits the bond to the relayer, but for what is forfeited.
    function _end(Task storage task, Batch storage entry, address relayer, uint112 forfeited) private {
        entry.ended = true;
        task.members[relayer].balance += entry.bond - forfeited;
        task.forfeited += forfeited;
    }

    /// @dev Reveals every entry whose signer may commit in this round.
    function _take(Task storage task, Round storage state, bytes calldata entries, Work memory work) private {
        uint256 taken;
        if (work.index % Lanes.PER_WORD != 0) work.word = state.forecasts[work.index / Lanes.PER_WORD];
        for (uint256 at; at < entries.length; at += ENTRY_BYTES) {
            bytes calldata entry = entries[at:at + ENTRY_BYTES];
            (address trainer, bytes32 hash) = _signer(entry, work);
            Ring before = task.records[trainer].ring;
            (bool accepted, Ring ring) = before.commit(hash, work.round);
            if (!accepted) {
                // No fault of the relayer's: the trainer has committed by itself since it signed, and reveals by itself; or the
                // very same update came in another batch.
                bool same = before.latest() == work.round && before.matches(hash);
                if (!same && !before.awaits(work.round)) ++work.missed;
                continue;
            }
            task.records[trainer].ring = ring.reveal(work.index);
            _forecast(task, state, ring, work);
            _note(work.updates, taken++, trainer, entry);
        }
        if (work.index % Lanes.PER_WORD != 0) state.forecasts[work.index / Lanes.PER_WORD] = work.word;
        bytes memory updates = work.updates;
        assembly ("memory-safe") {
            mstore(updates, mul(taken, UPDATE_BYTES))
        }
    }

    /// @dev Who signed an entry, and what was signed; zero for nobody.
    function _signer(bytes calldata entry, Work memory work) private pure returns (address signer, bytes32 hash) {
        bytes32 update = keccak256(
            abi.encode(UPDATE_TYPEHASH, work.taskId, work.round, bytes32(entry), uint256(uint32(bytes4(entry[32:]))))
        );
        hash = keccak256(abi.encodePacked(hex"1901", work.domain, update));
        uint256 short = uint256(bytes32(entry[68:]));
        signer = ecrecover(hash, uint8(27 + (short >> 255)), bytes32(entry[36:]), bytes32((short << 1) >> 1));
    }

    /// @dev Keeps the trainer's last median beside its update, word by word, and goes on to the next index.
    function _forecast(Task storage task, Round storage state, Ring ring, Work memory work) private {
        uint256 index = work.index++;
        work.word |= Forecasts.lastMedian(task, ring) << (16 * (index % Lanes.PER_WORD));
        if (work.index % Lanes.PER_WORD != 0) return;
        state.forecasts[index / Lanes.PER_WORD] = work.word;
        work.word = 0;
    }

    /// @dev Writes an update into the event's text.
    function _note(bytes memory updates, uint256 place, address trainer, bytes calldata entry) private pure {
        assembly ("memory-safe") {
            let to := add(add(updates, 32), mul(place, UPDATE_BYTES))
            // The size first: its word reaches over what follows, which is written after it.
            let size := shr(224, calldataload(add(entry.offset, 32)))
            mstore(to, or(shl(96, trainer), shl(64, size)))
            mstore(add(to, 24), calldataload(entry.offset))
        }
    }
}
