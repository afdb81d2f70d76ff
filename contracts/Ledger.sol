// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Multicall} from "@openzeppelin/contracts/utils/Multicall.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

import {ILedgerCalls} from "./interfaces/ILedgerCalls.sol";
import {Member, Phase, Role, TaskParams, VerifierGrant} from "./interfaces/LedgerTypes.sol";
import {AppealLogic} from "./ledger/AppealLogic.sol";
import {BatchLogic} from "./ledger/BatchLogic.sol";
import {Forecasts} from "./ledger/Forecasts.sol";
import {Gains} from "./ledger/Gains.sol";
import {LedgerViews} from "./ledger/LedgerViews.sol";
import {MemberLogic} from "./ledger/MemberLogic.sol";
import {RoundLogic} from "./ledger/RoundLogic.sol";
import {ScoringLogic} from "./ledger/ScoringLogic.sol";
import {LedgerStorage, Payouts, Records, Round, State, Status, Task} from "./ledger/State.sol";
import {TaskLogic} from "./ledger/TaskLogic.sol";
import {Lanes} from "./libraries/Lanes.sol";
import {Ring, Rings} from "./libraries/Rings.sol";
import {Scores} from "./libraries/Scores.sol";

/// @title Ledger
/// @author Karat
/// @notice The core: what every trainer calls in every round, and the only place where money comes in or goes out.
/// The rarer rules live in linked libraries that work on the same storage.
contract Ledger is LedgerStorage, ILedgerCalls, Multicall, ReentrancyGuardTransient, EIP712 {
    using SafeERC20 for IERC20;
    using AppealLogic for Task;
    using Gains for Task;
    using BatchLogic for Task;
    using MemberLogic for Task;
    using RoundLogic for Task;
    using ScoringLogic for Task;
    using TaskLogic for Task;

    /// @dev What a claim processed so far.
    struct Tally {
        uint32[] rounds;
        uint256[] amounts;
        uint256 count;
        uint256 credited;
        uint256 updates;
        uint256 gain;
        bool convicted;
    }

    bytes32 private constant COMMIT_TYPEHASH =
        keccak256("Commit(uint256 taskId,uint32 round,address trainer,bytes32 commitment,uint256 deadline)");

    /// @dev Where forfeited stakes go: nobody has the key of an address like this.
    address private constant BURNT = 0x000000000000000000000000000000000000dEaD;

    constructor() EIP712("Karat Ledger", "1") {}

    /// @notice Answers what can be read, see {ILedgerViews}: the code is a linked library's, which only reads.
    fallback() external {
        address views = address(LedgerViews);
        assembly ("memory-safe") {
            let input := mload(0x40)
            calldatacopy(input, 0, calldatasize())
            let success := delegatecall(gas(), views, input, calldatasize(), 0, 0)
            returndatacopy(input, 0, returndatasize())
            if iszero(success) { revert(input, returndatasize()) }
            return(input, returndatasize())
        }
    }

    // ------------------------------------------------------------------ tasks

    /// @inheritdoc ILedgerCalls
    function createTask(TaskParams calldata params, uint256 escrow, VerifierGrant[] calldata grants)
        external
        nonReentrant
        returns (uint256 taskId)
    {
        taskId = ++_books.taskCount;
        Task storage task = _books.tasks[taskId];
        task.create(taskId, params, escrow);
        for (uint256 i; i < grants.length; ++i) {
            task.appoint(taskId, grants[i].verifier, grants[i].weight);
        }
        _deposit(task, escrow);
    }

    /// @inheritdoc ILedgerCalls
    function fund(uint256 taskId, bytes32 rules, uint256 amount) external nonReentrant {
        Task storage task = _agreed(taskId, rules);
        task.fund(taskId, amount);
        _deposit(task, amount);
    }

    /// @inheritdoc ILedgerCalls
    function appointVerifier(uint256 taskId, address verifier, uint16 weight) external {
        _openTask(taskId).appoint(taskId, verifier, weight);
    }

    /// @inheritdoc ILedgerCalls
    function closeTask(uint256 taskId) external nonReentrant returns (uint256 amount) {
        Task storage task = _task(taskId);
        uint256 burnt;
        (amount, burnt) = task.close(taskId);
        _pay(task, msg.sender, amount);
        _pay(task, BURNT, burnt);
    }

    // ---------------------------------------------------------------- members

    /// @inheritdoc ILedgerCalls
    function joinTrainer(uint256 taskId, bytes32 rules, uint256 amount) external nonReentrant {
        Task storage task = _agreed(taskId, rules);
        task.joinTrainer(taskId, amount);
        _deposit(task, amount);
    }

    /// @inheritdoc ILedgerCalls
    function joinVerifier(uint256 taskId, bytes32 rules, uint256 amount) external nonReentrant {
        Task storage task = _agreed(taskId, rules);
        task.joinVerifier(taskId, amount);
        _deposit(task, amount);
    }

    /// @inheritdoc ILedgerCalls
    function topUp(uint256 taskId, bytes32 rules, address account, uint256 amount) external nonReentrant {
        Task storage task = _agreed(taskId, rules);
        task.topUp(taskId, account, amount);
        _deposit(task, amount);
    }

    /// @inheritdoc ILedgerCalls
    function lapse(uint256 taskId, address trainer) external {
        _openTask(taskId).lapse(taskId, trainer);
    }

    /// @inheritdoc ILedgerCalls
    function postMessage(uint256 taskId, address to, bytes calldata message) external {
        _task(taskId).postMessage(taskId, to, message);
    }

    /// @inheritdoc ILedgerCalls
    function requestLeave(uint256 taskId) external {
        requestLeaveFor(taskId, msg.sender);
    }

    /// @inheritdoc ILedgerCalls
    function requestLeaveFor(uint256 taskId, address account) public {
        _task(taskId).requestLeave(taskId, account);
    }

    /// @inheritdoc ILedgerCalls
    function leave(uint256 taskId) external returns (uint256 amount) {
        return leaveFor(taskId, msg.sender);
    }

    /// @inheritdoc ILedgerCalls
    function leaveFor(uint256 taskId, address account) public nonReentrant returns (uint256 amount) {
        Task storage task = _task(taskId);
        amount = task.leave(taskId, account);
        _pay(task, account, amount);
    }

    /// @inheritdoc ILedgerCalls
    function setPayout(address account, address payout) external {
        MemberLogic.setPayout(account, payout);
    }

    /// @inheritdoc ILedgerCalls
    function usePermit(address token, uint256 amount, uint256 deadline, bytes32 r, bytes32 vs) external {
        MemberLogic.usePermit(token, amount, deadline, r, vs);
    }

    /// @inheritdoc ILedgerCalls
    function withdraw(uint256 taskId, address account) external nonReentrant returns (uint256 amount) {
        Task storage task = _task(taskId);
        amount = task.withdraw(taskId, account);
        _pay(task, account, amount);
    }

    // ----------------------------------------------------------------- rounds

    /// @inheritdoc ILedgerCalls
    function openRound(uint256 taskId) external returns (uint32 round) {
        return _openTask(taskId).open(taskId);
    }

    /// @inheritdoc ILedgerCalls
    function closeReveal(uint256 taskId, uint32 round) external {
        _task(taskId).closeReveal(taskId, round);
    }

    /// @inheritdoc ILedgerCalls
    function commitScores(uint256 taskId, uint32 round, bytes32 commitment) external {
        _task(taskId).commitScores(taskId, round, commitment);
    }

    /// @inheritdoc ILedgerCalls
    function revealScores(
        uint256 taskId,
        uint32 round,
        uint256[] calldata words,
        bytes calldata mixture,
        bytes32 evidence,
        bytes32 salt
    ) external {
        _task(taskId).revealScores(taskId, round, words, mixture, evidence, salt);
    }

    /// @inheritdoc ILedgerCalls
    function settle(uint256 taskId, uint32 round, uint256 first, uint256[][] calldata slices, bytes32[] calldata tails)
        external
    {
        _books.tasks[taskId].settle(taskId, round, first, slices, tails);
    }

    /// @inheritdoc ILedgerCalls
    function voidRound(uint256 taskId, uint32 round) external {
        _task(taskId).voidRound(taskId, round);
    }

    /// @inheritdoc ILedgerCalls
    function attestModel(uint256 taskId, uint32 round, bytes32 modelDigest, uint64 modelSize) external {
        _task(taskId).attestModel(taskId, round, modelDigest, modelSize);
    }

    // ---------------------------------------------------------------- appeals

    /// @inheritdoc ILedgerCalls
    function appeal(uint256 taskId, bytes32 rules, uint32 round, uint256 index) external nonReentrant {
        Task storage task = _agreed(taskId, rules);
        task.open(taskId, round, index);
        _deposit(task, task.params.appealBond);
    }

    /// @inheritdoc ILedgerCalls
    function commitAppealVote(uint256 taskId, uint32 round, uint256 index, bytes32 commitment) external {
        _task(taskId).commitVote(taskId, round, index, commitment);
    }

    /// @inheritdoc ILedgerCalls
    function revealAppealVote(
        uint256 taskId,
        uint32 round,
        uint256 index,
        uint16 code,
        uint16 mixtureWeight,
        bytes32 evidence,
        bytes32 salt
    ) external {
        _task(taskId).revealVote(taskId, round, index, code, mixtureWeight, evidence, salt);
    }

    /// @inheritdoc ILedgerCalls
    function resolveAppeal(uint256 taskId, uint32 round, uint256 index, uint256[][] calldata vectors) external {
        _task(taskId).resolve(taskId, round, index, vectors);
    }

    // ---------------------------------------------------------------- updates

    /// @inheritdoc ILedgerCalls
    function commit(uint256 taskId, uint32 round, bytes32 commitment) external {
        _commit(taskId, round, msg.sender, commitment);
    }

    /// @inheritdoc ILedgerCalls
    function commitFor(
        uint256 taskId,
        uint32 round,
        address trainer,
        bytes32 commitment,
        uint256 deadline,
        bytes calldata signature
    ) external {
        if (block.timestamp > deadline) revert PermitExpired(deadline);
        bytes32 permit = keccak256(abi.encode(COMMIT_TYPEHASH, taskId, round, trainer, commitment, deadline));
        if (!SignatureChecker.isValidSignatureNow(trainer, _hashTypedDataV4(permit), signature)) {
            revert BadSignature(trainer);
        }
        _commit(taskId, round, trainer, commitment);
    }

    /// @inheritdoc ILedgerCalls
    function reveal(uint256 taskId, uint32 round, bytes32 digest, uint64 size, bytes32 salt) external {
        revealFor(taskId, round, msg.sender, digest, size, salt);
    }

    /// @inheritdoc ILedgerCalls
    function revealFor(uint256 taskId, uint32 round, address trainer, bytes32 digest, uint64 size, bytes32 salt)
        public
    {
        bytes32 commitment =
            keccak256(abi.encode(block.chainid, address(this), taskId, round, trainer, digest, size, salt));
        (bool isNew, uint256 index) = _reveal(taskId, round, trainer, commitment);
        if (isNew) emit UpdateRevealed(taskId, trainer, round, uint16(index), digest, size);
    }

    // ---------------------------------------------------------------- batches

    /// @inheritdoc ILedgerCalls
    function commitBatch(uint256 taskId, bytes32 rules, uint32 round, bytes32 batch, uint16 count)
        external
        nonReentrant
    {
        Task storage task = _agreed(taskId, rules);
        uint256 bond = task.commitBatch(taskId, round, batch, count);
        if (bond != 0) _deposit(task, bond);
    }

    /// @inheritdoc ILedgerCalls
    function revealBatch(uint256 taskId, uint32 round, address relayer, bytes calldata entries) external {
        _books.tasks[taskId].revealBatch(taskId, round, relayer, entries, _domainSeparatorV4());
    }

    /// @inheritdoc ILedgerCalls
    function endBatch(uint256 taskId, uint32 round, address relayer, bytes32 batch) external {
        _books.tasks[taskId].endBatch(taskId, round, relayer, batch);
    }

    // ----------------------------------------------------------------- claims

    /// @inheritdoc ILedgerCalls
    function claim(uint256 taskId, address trainer, uint32[] calldata rounds) external returns (uint256 credited) {
        Task storage task = _books.tasks[taskId];
        Tally memory tally = Tally(new uint32[](rounds.length), new uint256[](rounds.length), 0, 0, 0, 0, false);
        for (uint256 i; i < rounds.length; ++i) {
            _process(taskId, task, trainer, rounds[i], tally);
        }
        if (tally.count == 0) return 0;
        credited = tally.credited;
        if (tally.updates != 0) task.discharge(taskId, credited, tally.updates);
        if (tally.gain != 0 || tally.convicted) task.earn(trainer, tally.gain, tally.convicted);
        if (credited != 0) task.members[trainer].balance += uint128(credited);
        (uint32[] memory processed, uint256[] memory amounts, uint256 count) =
            (tally.rounds, tally.amounts, tally.count);
        assembly ("memory-safe") {
            mstore(processed, count)
            mstore(amounts, count)
        }
        emit RewardsClaimed(taskId, trainer, processed, amounts);
    }

    /// @dev Puts a commitment into the trainer's ring.
    function _commit(uint256 taskId, uint32 round, address trainer, bytes32 commitment) private {
        Task storage task = _books.tasks[taskId];
        if (block.timestamp >= task.rounds[round].commitDeadline) {
            task.refusePhase(taskId, round, Phase.Commit);
        }
        Records storage records = task.records[trainer];
        Ring before = records.ring;
        (bool accepted, Ring ring) = before.commit(commitment, round);
        if (!accepted) {
            if (before.awaits(round) && before.matches(commitment)) return;
            task.refuseCommit(trainer, round);
        }
        records.ring = ring;
        emit UpdateCommitted(taskId, trainer, round, commitment);
    }

    /// @dev Marks a commitment as revealed and gives it the next index of the round, unless that is done already: somebody
    /// else may have sent the same words before, for instance out of a batch.
    function _reveal(uint256 taskId, uint32 round, address trainer, bytes32 commitment)
        private
        returns (bool isNew, uint256 index)
    {
        Task storage task = _books.tasks[taskId];
        Round storage state = task.rounds[round];
        uint256 start;
        uint256 end;
        (start, end, index) = (state.commitDeadline, state.revealDeadline, state.count);
        if (block.timestamp < start || block.timestamp >= end) task.refusePhase(taskId, round, Phase.Reveal);
        Records storage records = task.records[trainer];
        Ring ring = records.ring;
        bool matches = ring.matches(commitment);
        if (!ring.awaits(round)) {
            if (matches && ring.lane(round) >= Rings.REVEALED) return (false, 0);
            revert NotCommitted(trainer, round);
        }
        if (!matches) revert CommitmentMismatch(ring.prefix(), commitment);
        state.count = uint16(index + 1);
        records.ring = ring.reveal(index);
        state.forecasts[index / Lanes.PER_WORD] |= Forecasts.lastMedian(task, ring) << (16 * (index % Lanes.PER_WORD));
        return (true, index);
    }

    /// @dev Marks one record in a trainer's ring as processed, applies what it lost, and tallies what it earned. Without a
    /// record nothing is done.
    function _process(uint256 taskId, Task storage task, address trainer, uint32 round, Tally memory tally) private {
        Records storage records = task.records[trainer];
        Ring ring = records.ring;
        uint256 lane = ring.lane(round);
        if (lane == 0) return;
        Round storage state = task.rounds[round];
        Payouts memory payouts = state.payouts;
        if (payouts.status < Status.Settled || payouts.phase() == Phase.Appeal) {
            task.refusePhase(taskId, round, Phase.Final);
        }
        records.ring = ring.process(round);
        tally.rounds[tally.count++] = round;
        uint16 code;
        if (payouts.status == Status.Void) {
            // Who held its update back while others revealed theirs pays all the same.
            if (lane == Rings.COMMITTED && state.count != 0) task.slashTrainer(taskId, round, trainer, code);
            return;
        }
        if (lane >= Rings.REVEALED) {
            uint256 reward;
            (code, reward) = _earned(state, payouts, lane - Rings.REVEALED, task.params.fullPayGain);
            tally.amounts[tally.count - 1] = reward;
            tally.credited += reward;
            ++tally.updates;
            if (code > Scores.ZERO_SCORE) tally.gain += code - Scores.ZERO_SCORE;
            else if (code < Scores.STALE) tally.convicted = true;
        }
        if (code < Scores.STALE) task.slashTrainer(taskId, round, trainer, code);
    }

    /// @dev An update's settled code, and its share of the round's budget.
    function _earned(Round storage state, Payouts memory payouts, uint256 index, uint256 fullPayGain)
        private
        view
        returns (uint16 code, uint256 reward)
    {
        unchecked {
            code = Lanes.lane(state.medians[index / Lanes.PER_WORD], index);
            uint256 weight = Scores.payoutWeight(code, payouts.exponent);
            uint256 all = payouts.total > fullPayGain ? payouts.total : fullPayGain;
            if (weight != 0) reward = payouts.budget * weight / all;
        }
    }

    // ------------------------------------------------------------------ money

    /// @dev A task that exists.
    function _task(uint256 taskId) private view returns (Task storage task) {
        task = _books.tasks[taskId];
        if (task.sponsor == address(0)) revert UnknownTask(taskId);
    }

    /// @dev A task that exists and is not closed.
    function _openTask(uint256 taskId) private view returns (Task storage task) {
        task = _task(taskId);
        if (task.closed) revert TaskIsClosed(taskId);
    }

    /// @dev A task that is not closed, and whose rules are those that the caller has read and agreed to.
    function _agreed(uint256 taskId, bytes32 rules) private view returns (Task storage task) {
        task = _openTask(taskId);
        if (task.rules != rules) revert OtherRules(taskId, rules, task.rules);
    }

    /// @dev Takes `amount` from the caller, after all effects; refuses tokens whose balances do not add up.
    function _deposit(Task storage task, uint256 amount) private {
        address token = task.params.token;
        uint256 owed = _books.booked[token];
        uint256 held = IERC20(token).balanceOf(address(this));
        if (held < owed) revert TokenShortfall(token, held, owed);
        _books.booked[token] = State.toUint112(owed + amount);
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        uint256 received = IERC20(token).balanceOf(address(this)) - held;
        if (received != amount) revert InexactDeposit(token, amount, received);
    }

    /// @dev Pays `amount` to where an account's money goes, after all effects.
    function _pay(Task storage task, address account, uint256 amount) private {
        if (amount == 0) return;
        address token = task.params.token;
        _books.booked[token] -= amount;
        IERC20(token).safeTransfer(State.payoutOf(account), amount);
    }
}
