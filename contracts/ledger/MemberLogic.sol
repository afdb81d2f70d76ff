// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";

import {ILedgerErrors} from "../interfaces/ILedgerErrors.sol";
import {ILedgerEvents} from "../interfaces/ILedgerEvents.sol";
import {Member, Role, TaskParams} from "../interfaces/LedgerTypes.sol";
import {Ring, Rings} from "../libraries/Rings.sol";
import {Scores} from "../libraries/Scores.sol";
import {Gains} from "./Gains.sol";
import {Payee, State, Task, VerifierPlace} from "./State.sol";

/// @title MemberLogic
/// @author Karat
/// @notice Who takes part: verifiers' appointment, joining with a stake, leaving after a cool-down. Deposits and
/// payments are the caller's part.
library MemberLogic {
    using Gains for Task;

    uint256 private constant MAX_VERIFIERS = 64;
    /// The lanes of the medians hold sums of weights of 15 bits.
    uint256 private constant MAX_WEIGHT = 32_767;
    uint256 private constant MAX_OPEN_WEIGHT = MAX_WEIGHT / MAX_VERIFIERS;
    /// After so many rounds without a commit a trainer's place may go to somebody else.
    uint32 private constant IDLE_ROUNDS = 8;
    /// How long whoever an account's money goes to may object to what the account's key wants.
    uint40 private constant PAYOUT_DELAY = 7 days;
    uint256 private constant MOST_MESSAGE = 256;

    /// @notice See {ILedger-appointVerifier}.
    function appoint(Task storage task, uint256 taskId, address verifier, uint16 weight) external {
        if (msg.sender != task.sponsor) revert ILedgerErrors.NotSponsor(msg.sender, task.sponsor);
        if (task.params.openVerifiers) revert ILedgerErrors.VerifiersAreOpen(taskId);
        if (task.places[verifier].granted != 0) revert ILedgerErrors.AlreadyMember(verifier, Role.Verifier);
        if (task.members[verifier].role != Role.None) {
            revert ILedgerErrors.AlreadyMember(verifier, task.members[verifier].role);
        }
        _enlist(task, taskId, verifier, weight);
    }

    /// @notice See {ILedger-joinTrainer}.
    function joinTrainer(Task storage task, uint256 taskId, uint256 amount) external {
        if (task.trainers >= task.params.maxTrainers) revert ILedgerErrors.TaskFull(task.trainers);
        if (task.places[msg.sender].granted != 0 && task.members[msg.sender].role == Role.None) {
            // Appointed without having been asked: that keeps nobody out.
            _strike(task, msg.sender);
            emit ILedgerEvents.VerifierAppointed(taskId, msg.sender, 0);
        }
        ++task.trainers;
        _enter(task, Role.Trainer, task.params.trainerStake, amount);
        task.records[msg.sender].ring = Rings.joined(task.currentRound);
        task.enlist(msg.sender);
        emit ILedgerEvents.TrainerJoined(taskId, msg.sender, amount);
    }

    /// @notice See {ILedger-joinVerifier}.
    function joinVerifier(Task storage task, uint256 taskId, uint256 amount) external {
        Member storage member = _enter(task, Role.Verifier, task.params.verifierStake, amount);
        if (task.params.openVerifiers) {
            if (_isFull(task)) _evict(task, taskId, amount);
            _enlist(task, taskId, msg.sender, _weightByStake(task, amount));
        }
        uint16 weight = task.places[msg.sender].granted;
        if (weight == 0) revert ILedgerErrors.NotAppointed(msg.sender);
        member.weight = weight;
        task.activate(taskId, msg.sender, weight);
        emit ILedgerEvents.VerifierJoined(taskId, msg.sender, amount);
    }

    /// @notice See {ILedger-lapse}.
    function lapse(Task storage task, uint256 taskId, address trainer) external {
        Member storage member = task.members[trainer];
        if (member.role != Role.Trainer) revert ILedgerErrors.WrongRole(trainer, member.role, Role.Trainer);
        uint32 since = task.records[trainer].ring.latest();
        bool idle = task.currentRound >= since + IDLE_ROUNDS;
        if (!idle || member.leaveAt != 0 || task.trainers < task.params.maxTrainers) {
            revert ILedgerErrors.PlaceInUse(trainer, since);
        }
        --task.trainers;
        _release(task, taskId, trainer, member);
    }

    /// @notice See {ILedger-topUp}.
    function topUp(Task storage task, uint256 taskId, address account, uint256 amount) external {
        Member storage member = task.members[account];
        if (member.role == Role.None) revert ILedgerErrors.WrongRole(account, Role.None, Role.Trainer);
        if (member.leaveAt != 0) revert ILedgerErrors.Leaving(account, member.leaveAt);
        uint112 stake = State.toUint112(member.stake + amount);
        member.stake = stake;
        if (stake >= task.requiredStake(member)) task.setSuspended(taskId, account, member, false);
        emit ILedgerEvents.StakeToppedUp(taskId, account, amount);
    }

    /// @notice See {ILedger-postMessage}.
    function postMessage(Task storage task, uint256 taskId, address to, bytes calldata message) external {
        Role role = task.members[msg.sender].role;
        if (msg.sender != task.sponsor && role != Role.Verifier) {
            revert ILedgerErrors.WrongRole(msg.sender, role, Role.Verifier);
        }
        if (message.length > MOST_MESSAGE) revert ILedgerErrors.MessageTooLong(message.length, MOST_MESSAGE);
        emit ILedgerEvents.MessagePosted(taskId, msg.sender, to, message);
    }

    /// @notice See {ILedger-requestLeave}.
    function requestLeave(Task storage task, uint256 taskId, address account) external {
        _authorize(account);
        Member storage member = task.members[account];
        if (member.role == Role.None) revert ILedgerErrors.WrongRole(account, Role.None, Role.Trainer);
        if (member.leaveAt != 0) revert ILedgerErrors.Leaving(account, member.leaveAt);
        member.leaveAt = uint40(block.timestamp + task.params.cooldown);
        task.setSuspended(taskId, account, member, true);
        emit ILedgerEvents.LeaveRequested(taskId, account, member.leaveAt);
    }

    /// @notice See {ILedger-leave}.
    function leave(Task storage task, uint256 taskId, address account) external returns (uint256 amount) {
        _authorize(account);
        Member storage member = task.members[account];
        if (member.role == Role.None) revert ILedgerErrors.WrongRole(account, Role.None, Role.Trainer);
        // A closed task has no round to come, so nothing is left to bind anybody for.
        if (task.closed) task.setSuspended(taskId, account, member, true);
        else if (member.leaveAt == 0) revert ILedgerErrors.NotLeaving(account);
        else if (block.timestamp < member.leaveAt) revert ILedgerErrors.CoolingDown(member.leaveAt);
        if (member.role == Role.Trainer) _clearTrainer(task, account, member.evicted);
        else _clearVerifier(task, account, member.evicted);
        amount = uint256(member.stake) + member.balance;
        delete task.members[account];
        emit ILedgerEvents.Left(taskId, account, amount);
    }

    /// @notice See {ILedger-setPayout}.
    function setPayout(address account, address payout) external {
        if (payout == address(0) || payout == address(this)) {
            revert ILedgerErrors.BadParameter("payout", uint160(payout));
        }
        address current = State.payoutOf(account);
        uint40 since = uint40(block.timestamp);
        if (msg.sender == current) {
            State.books().payees[account] = Payee(payout, address(0), 0);
        } else {
            _authorize(account);
            since += PAYOUT_DELAY;
            State.books().payees[account] = Payee(current, payout, since);
        }
        emit ILedgerEvents.PayoutSet(account, payout, since);
    }

    /// @notice See {ILedger-usePermit}.
    function usePermit(address token, uint256 amount, uint256 deadline, bytes32 r, bytes32 vs) external {
        if (token.code.length == 0) revert ILedgerErrors.TokenWithoutCode(token);
        (uint8 v, bytes32 s) = (uint8((uint256(vs) >> 255) + 27), bytes32(uint256(vs) << 1 >> 1));
        try IERC20Permit(token).permit(msg.sender, address(this), amount, deadline, v, r, s) {} catch {}
    }

    /// @notice See {ILedger-withdraw}; the payment is the caller's part.
    function withdraw(Task storage task, uint256 taskId, address account) external returns (uint256 amount) {
        Member storage member = task.members[account];
        amount = member.balance;
        member.balance = 0;
        emit ILedgerEvents.Withdrawn(taskId, account, amount);
    }

    /// @notice Slashes a trainer for a verdict, or for a commit without a reveal (code 0).
    function slashTrainer(Task storage task, uint256 taskId, uint32 round, address trainer, uint16 code) external {
        TaskParams storage params = task.params;
        uint256 rate = params.slashUnrevealed;
        if (code == Scores.HARMFUL) rate = params.slashHarmful;
        else if (code == Scores.MALFORMED) rate = params.slashMalformed;
        else if (code == Scores.DUPLICATE) rate = params.slashDuplicate;
        task.slash(taskId, round, trainer, code, rate);
    }

    /// @notice Says why a trainer may not commit in a round.
    function refuseCommit(Task storage task, address trainer, uint32 round) external view {
        Ring ring = task.records[trainer].ring;
        Member storage member = task.members[trainer];
        if (member.role != Role.Trainer) revert ILedgerErrors.WrongRole(trainer, member.role, Role.Trainer);
        if (ring.latest() >= round) revert ILedgerErrors.AlreadyCommitted(trainer, round);
        if (member.leaveAt != 0) revert ILedgerErrors.Leaving(trainer, member.leaveAt);
        if (ring.suspended()) revert ILedgerErrors.StakeTooLow(member.stake, task.params.trainerStake);
        revert ILedgerErrors.RecordPending(trainer, ring.oldest());
    }

    /// @dev Gives a verifier its place in the list, a place left by another one if the list is full.
    function _enlist(Task storage task, uint256 taskId, address verifier, uint16 weight) private {
        if (verifier == address(0)) revert ILedgerErrors.NotAppointed(verifier);
        uint256 total = weight;
        uint256 index = task.verifiers.length;
        for (uint256 i; i < task.verifiers.length; ++i) {
            address other = task.verifiers[i];
            if (other == address(0)) index = i;
            else total += task.places[other].granted;
        }
        if (weight == 0 || total > MAX_WEIGHT) revert ILedgerErrors.BadWeight(weight, total, MAX_WEIGHT);
        if (index >= MAX_VERIFIERS) revert ILedgerErrors.TaskFull(index);
        if (index == task.verifiers.length) task.verifiers.push(verifier);
        else task.verifiers[index] = verifier;
        task.places[verifier].granted = weight;
        task.places[verifier].index = uint8(index);
        emit ILedgerEvents.VerifierAppointed(taskId, verifier, weight);
    }

    /// @dev Makes the caller a member with a stake.
    function _enter(Task storage task, Role role, uint256 required, uint256 amount)
        private
        returns (Member storage member)
    {
        member = task.members[msg.sender];
        if (member.role != Role.None) revert ILedgerErrors.AlreadyMember(msg.sender, member.role);
        if (amount < required) revert ILedgerErrors.StakeTooLow(amount, required);
        member.role = role;
        member.stake = State.toUint112(amount);
    }

    /// @dev In an open task a verifier weighs one per required stake, up to its part of what the lanes can hold.
    function _weightByStake(Task storage task, uint256 amount) private view returns (uint16) {
        uint256 weight = amount / task.params.verifierStake;
        return uint16(weight < MAX_OPEN_WEIGHT ? weight : MAX_OPEN_WEIGHT);
    }

    /// @dev Whether no place is left in the list of verifiers.
    function _isFull(Task storage task) private view returns (bool) {
        if (task.verifiers.length < MAX_VERIFIERS) return false;
        for (uint256 i; i < MAX_VERIFIERS; ++i) {
            if (task.verifiers[i] == address(0)) return false;
        }
        return true;
    }

    /// @dev Takes the place of the verifier with the smallest stake for a larger one; not while a round is open, whose
    /// panel is fixed.
    function _evict(Task storage task, uint256 taskId, uint256 amount) private {
        uint32 current = task.currentRound;
        if (current != 0 && !task.rounds[current].isOver()) revert ILedgerErrors.RoundPending(msg.sender, current);
        (address weakest, uint256 least) = (address(0), amount);
        for (uint256 i; i < MAX_VERIFIERS; ++i) {
            address verifier = task.verifiers[i];
            uint256 stake = task.members[verifier].stake;
            if (stake < least) (weakest, least) = (verifier, stake);
        }
        if (weakest == address(0)) revert ILedgerErrors.TaskFull(MAX_VERIFIERS);
        _release(task, taskId, weakest, task.members[weakest]);
        _strike(task, weakest);
    }

    /// @dev Ends a member's part without its doing: it may leave at once.
    function _release(Task storage task, uint256 taskId, address account, Member storage member) private {
        task.setSuspended(taskId, account, member, true);
        (member.leaveAt, member.evicted) = (uint40(block.timestamp), true);
        emit ILedgerEvents.PlaceLost(taskId, account);
    }

    /// @dev Whether the caller may act for an account: itself, or whoever its money goes to.
    function _authorize(address account) private view {
        if (msg.sender == account) return;
        address payout = State.payoutOf(account);
        if (msg.sender != payout) revert ILedgerErrors.NotPayout(msg.sender, payout);
    }

    /// @dev Empties a trainer's ring, once every record in it has been processed.
    function _clearTrainer(Task storage task, address account, bool evicted) private {
        uint32 pending = task.records[account].ring.oldest();
        if (pending != 0) revert ILedgerErrors.RecordPending(account, pending);
        delete task.records[account];
        if (!evicted) --task.trainers;
    }

    /// @dev Frees a verifier's place in the list, once the last round that it served in is over.
    function _clearVerifier(Task storage task, address account, bool evicted) private {
        if (evicted) return;
        VerifierPlace memory place = task.places[account];
        uint32 served = place.seatRound > place.juryRound ? place.seatRound : place.juryRound;
        if (served != 0 && !task.rounds[served].isOver()) revert ILedgerErrors.RoundPending(account, served);
        _strike(task, account);
    }

    /// @dev Takes a verifier off the list.
    function _strike(Task storage task, address verifier) private {
        delete task.verifiers[task.places[verifier].index];
        delete task.places[verifier];
    }
}
