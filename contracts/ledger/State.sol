// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILedgerErrors} from "../interfaces/ILedgerErrors.sol";
import {ILedgerEvents} from "../interfaces/ILedgerEvents.sol";
import {Member, Phase, Role, TaskParams, VoteState} from "../interfaces/LedgerTypes.sol";
import {Lanes} from "../libraries/Lanes.sol";
import {Ring} from "../libraries/Rings.sol";
import {Earned, Joined} from "./Gains.sol";

/// @notice How far a round has come in storage; the finer phases follow from the clock.
enum Status {
    None,
    Open,
    Settled,
    Void
}

/// @notice What a claim needs of a round, in one slot, with the task's budget and exponent beside it.
struct Payouts {
    uint64 total;
    uint112 budget;
    uint8 exponent;
    uint40 finalAt;
    uint16 openAppeals;
    Status status;
}

/// @notice A round. The first slot is all that commit and reveal read. `forecasts` are the last medians of the trainers
/// whose updates were revealed, in the order of the updates.
struct Round {
    uint40 commitDeadline;
    uint40 revealDeadline;
    uint40 scoreCommitDeadline;
    uint40 scoreRevealDeadline;
    uint16 count;
    uint16 wordsSettled;
    uint16 committeeWeight;
    uint16 revealedWeight;
    uint8 committeeSize;
    uint8 committed;
    uint8 revealed;
    // ----
    Payouts payouts;
    // ----
    uint64 seedBlock;
    uint16 weightCap;
    // ----
    bytes32 seed;
    mapping(uint256 word => uint256 lanes) forecasts;
    mapping(uint256 word => uint256 lanes) medians;
    mapping(bytes32 model => uint256 weight) modelWeight;
    mapping(uint256 index => Appeal) appeals;
    mapping(address relayer => mapping(bytes32 entries => Batch)) batches;
}

/// @notice Signed updates that a relayer committed to together, and the bond that it has put up for them.
struct Batch {
    uint112 bond;
    uint16 count;
    bool ended;
}

/// @notice A place in the current committee. `head` is the commitment, then the hash of the whole vector; `tail`,
/// between two calls that settle a part each, the hash of the words still to come; `distance` how far the vote lies from the medians
/// that are settled so far.
struct Seat {
    address verifier;
    uint16 weight;
    VoteState state;
    bool attested;
    uint32 distance;
    // ----
    bytes32 head;
    bytes32 tail;
}

/// @notice Where a verifier stands in the list of verifiers and in the committee it last sat in, when it was last
/// called into a jury, since when and until when it was last active (0: not yet), and in which round it last lost stake
/// for being absent from a jury.
struct VerifierPlace {
    uint16 granted;
    uint8 index;
    uint8 seat;
    uint32 seatRound;
    uint32 juryRound;
    uint40 activeFrom;
    uint40 activeUntil;
    uint32 absentRound;
}

/// @notice A juror's vote in an appeal; `code` is 0 until it is revealed.
struct JurorVote {
    bytes32 commitment;
    uint16 code;
}

/// @notice A challenge to one code. Bit i of `jury` is the verifier of index i; the whole panel may vote, `juryWeight`
/// is its weight.
struct Appeal {
    address challenger;
    uint40 commitDeadline;
    uint40 revealDeadline;
    bool resolved;
    // ----
    uint64 jury;
    uint16 juryWeight;
    uint8 jurors;
    uint8 committed;
    uint8 revealed;
    mapping(address juror => JurorVote) votes;
}

/// @notice A trainer's records, in a struct so that a call looks their place up once.
struct Records {
    Ring ring;
}

using State for Task global;
using State for Round global;
using State for Payouts global;
using State for VerifierPlace global;

/// @notice A task with everything that belongs to it.
struct Task {
    address sponsor;
    uint32 currentRound;
    bool closed;
    bool baseAttested;
    uint16 trainers;
    uint16 verifierWeight;
    // ----
    uint112 escrow;
    uint112 owed;
    uint32 openRecords;
    // ----
    bytes32 baseDigest;
    // ----
    uint64 baseSize;
    uint112 forfeited;
    uint32 emptyRounds;
    // ----
    bytes32 rules;
    TaskParams params;
    address[] verifiers;
    mapping(address account => Member) members;
    mapping(address verifier => VerifierPlace) places;
    mapping(address trainer => Records) records;
    mapping(uint32 round => Round) rounds;
    mapping(uint256 seat => Seat) seats;
    Joined joined;
    mapping(uint256 place => address) accounts;
    mapping(address trainer => Earned) earned;
}

/// @notice All that the ledger stores, from its first storage slot on.
struct Books {
    uint256 taskCount;
    mapping(uint256 taskId => Task) tasks;
    mapping(address token => uint256 amount) booked;
    mapping(address account => Payee) payees;
}

/// @notice Who is paid for an account: `payout` (zero: the account itself), and from time `since` on `next`, if there is
/// one.
struct Payee {
    address payout;
    address next;
    uint40 since;
}

/// @notice The storage of the ledger; what inherits it must do so first, as the views look for it at slot 0.
abstract contract LedgerStorage {
    Books internal _books;
}

/// @title State
/// @author Karat
/// @notice What the parts of the ledger share: the clock, membership, slashing.
library State {
    uint256 internal constant BASIS_POINTS = 10_000;

    /// @notice The books of the contract that runs this code.
    function books() internal pure returns (Books storage result) {
        assembly ("memory-safe") {
            result.slot := 0
        }
    }

    // ------------------------------------------------------------------ clock

    /// @notice The phase of a round at this block's time.
    function phase(Round storage round) internal view returns (Phase) {
        Payouts memory payouts = round.payouts;
        if (payouts.status == Status.None) return Phase.None;
        if (payouts.status != Status.Open) return payouts.phase();
        if (block.timestamp < round.commitDeadline) return Phase.Commit;
        if (block.timestamp < round.revealDeadline) return Phase.Reveal;
        if (round.scoreCommitDeadline == 0) return Phase.Close;
        if (round.committed < round.committeeSize && block.timestamp < round.scoreCommitDeadline) {
            return Phase.ScoreCommit;
        }
        if (round.revealed < round.committed && block.timestamp < round.scoreRevealDeadline) return Phase.ScoreReveal;
        return Phase.Settle;
    }

    /// @notice The phase of a round that has ended.
    function phase(Payouts memory payouts) internal view returns (Phase) {
        if (payouts.status == Status.Void) return Phase.Void;
        return payouts.openAppeals == 0 && block.timestamp >= payouts.finalAt ? Phase.Final : Phase.Appeal;
    }

    /// @notice Requires a phase and returns the round.
    function roundIn(Task storage task, uint256 taskId, uint32 round, Phase needed)
        internal
        view
        returns (Round storage state)
    {
        state = task.rounds[round];
        Phase current = phase(state);
        if (current != needed) revert ILedgerErrors.WrongPhase(taskId, round, current, needed);
    }

    /// @notice Whether nothing about the round can change any more.
    function isOver(Round storage round) internal view returns (bool) {
        Phase current = phase(round);
        return current == Phase.Final || current == Phase.Void;
    }

    // ---------------------------------------------------------------- members

    /// @notice The least stake of a member; of a verifier whose weight its stake has bought, for all of that weight.
    function requiredStake(Task storage task, Member storage member) internal view returns (uint256 required) {
        if (member.role == Role.Trainer) return task.params.trainerStake;
        required = task.params.verifierStake;
        if (task.params.openVerifiers) required *= member.weight;
    }

    /// @notice The seat of a committee member of this round.
    function seatOf(Task storage task, address verifier, uint32 round) internal view returns (Seat storage) {
        VerifierPlace storage place = task.places[verifier];
        if (round == 0 || place.seatRound != round) revert ILedgerErrors.NotInCommittee(verifier, round);
        return task.seats[place.seat];
    }

    /// @notice Takes up to `rate` of a member's required stake, or of an equal share of a round's budget if that is more,
    /// rounded up. It goes to nobody who had a say.
    function slash(Task storage task, uint256 taskId, uint32 round, address account, uint16 code, uint256 rate)
        internal
    {
        Member storage member = task.members[account];
        uint256 base = requiredStake(task, member);
        uint256 share = member.role == Role.Trainer
            ? task.params.trainerBudget / task.params.maxTrainers
            : task.params.verifierBudget / task.params.committeeSize;
        if (share > base) base = share;
        uint256 amount = takeStake(task, taskId, account, (base * rate + BASIS_POINTS - 1) / BASIS_POINTS);
        task.forfeited += uint112(amount);
        emit ILedgerEvents.Slashed(taskId, round, account, code, amount);
    }

    /// @notice Takes up to `amount` of a member's stake and suspends a member that is left with less than it needs.
    function takeStake(Task storage task, uint256 taskId, address account, uint256 amount)
        internal
        returns (uint256 taken)
    {
        Member storage member = task.members[account];
        uint256 stake = member.stake;
        taken = amount < stake ? amount : stake;
        member.stake = uint128(stake - taken);
        if (stake - taken < requiredStake(task, member)) setSuspended(task, taskId, account, member, true);
    }

    /// @notice Takes a member out of play or back in: a trainer's ring is marked, a verifier's weight stops
    /// counting.
    function setSuspended(Task storage task, uint256 taskId, address account, Member storage member, bool suspended)
        internal
    {
        if (member.suspended == suspended) return;
        member.suspended = suspended;
        if (member.role == Role.Trainer) {
            Records storage records = task.records[account];
            records.ring = records.ring.withSuspension(suspended);
        } else if (suspended) {
            task.verifierWeight -= member.weight;
            task.places[account].activeUntil = uint40(block.timestamp);
            emit ILedgerEvents.VerifierWeightChanged(taskId, account, 0);
        } else {
            activate(task, taskId, account, member.weight);
        }
    }

    /// @notice Lets a verifier's weight count from now on.
    function activate(Task storage task, uint256 taskId, address verifier, uint16 weight) internal {
        task.verifierWeight += weight;
        VerifierPlace storage place = task.places[verifier];
        (place.activeFrom, place.activeUntil) = (uint40(block.timestamp), 0);
        emit ILedgerEvents.VerifierWeightChanged(taskId, verifier, weight);
    }

    /// @notice Whether a verifier may serve in a round: it was active in the block in which the round opened, before anyone
    /// committed to anything. Who joins, tops up or leaves later cannot choose committee or jury, and who commits knows the panel.
    function mayServe(VerifierPlace memory place, uint256 since) internal pure returns (bool) {
        bool joined = place.activeFrom != 0 && place.activeFrom <= since;
        return joined && (place.activeUntil == 0 || place.activeUntil >= since);
    }

    /// @notice When a round was opened.
    function openedAt(Task storage task, Round storage round) internal view returns (uint256) {
        return uint256(round.commitDeadline) - task.params.commitWindow;
    }

    // ---------------------------------------------------------------- amounts

    /// @notice Takes claimed rewards out of what a task owes; after the last update the dust goes to the escrow.
    function discharge(Task storage task, uint256 taskId, uint256 credited, uint256 updates) internal {
        (uint112 owed, uint32 openRecords) = (task.owed - uint112(credited), task.openRecords - uint32(updates));
        if (openRecords == 0 && owed != 0) {
            task.escrow += owed;
            emit ILedgerEvents.EscrowReturned(taskId, task.currentRound, owed);
            owed = 0;
        }
        (task.owed, task.openRecords) = (owed, openRecords);
    }

    /// @notice What a round's trainers earn together: all of the budget, or less in proportion where their payout weights
    /// together are below what earns all.
    function due(Payouts memory payouts, uint256 fullPayGain) internal pure returns (uint112) {
        if (payouts.total == 0 || payouts.total >= fullPayGain) return payouts.total == 0 ? 0 : payouts.budget;
        return uint112(uint256(payouts.budget) * payouts.total / fullPayGain);
    }

    /// @notice What of the trainers' budget is not due goes back where it came from: the part that members forfeited
    /// earlier to later rounds, the rest to the escrow. An appeal may change it, in both directions: nothing leaves escrow
    /// and forfeited amounts before the round is final.
    /// @param before What was not due until now.
    /// @param rest What is not due from now on.
    function giveBack(Task storage task, uint256 taskId, uint32 round, uint112 before, uint112 rest) internal {
        if (rest == before) return;
        uint256 budget = task.rounds[round].payouts.budget;
        uint256 bonus = budget - task.params.trainerBudget;
        uint112 bonusBefore = uint112(bonus * before / budget);
        uint112 bonusRest = uint112(bonus * rest / budget);
        task.forfeited = task.forfeited + bonusRest - bonusBefore;
        (before, rest) = (before - bonusBefore, rest - bonusRest);
        task.escrow = task.escrow + rest - before;
        if (rest > before) emit ILedgerEvents.EscrowReturned(taskId, round, rest - before);
    }

    /// @notice Ends a round without a result: its budgets go back, and it does not count as one of the task's.
    function endVoid(Task storage task, uint256 taskId, uint32 round) internal {
        Round storage state = task.rounds[round];
        state.payouts.status = Status.Void;
        ++task.emptyRounds;
        uint112 verifierBudget = task.params.verifierBudget;
        if (verifierBudget != 0) {
            task.escrow += verifierBudget;
            emit ILedgerEvents.EscrowReturned(taskId, round, verifierBudget);
        }
        giveBack(task, taskId, round, 0, state.payouts.budget);
        emit ILedgerEvents.RoundVoided(taskId, round, state.revealedWeight, state.committeeWeight);
    }

    /// @notice Where money for an account goes.
    function payoutOf(address account) internal view returns (address) {
        Payee storage payee = books().payees[account];
        address payout = payee.next;
        if (payout == address(0) || block.timestamp < payee.since) payout = payee.payout;
        return payout == address(0) ? account : payout;
    }

    /// @notice Requires that an amount fits 112 bits. All money in one token does, so no part of it can overflow.
    function toUint112(uint256 amount) internal pure returns (uint112) {
        if (amount > type(uint112).max) revert ILedgerErrors.AmountTooLarge(amount, type(uint112).max);
        return uint112(amount);
    }

    /// @notice Words of sixteen lanes that hold `count` codes.
    function wordCount(uint256 count) internal pure returns (uint256) {
        return (count + Lanes.PER_WORD - 1) / Lanes.PER_WORD;
    }
}
