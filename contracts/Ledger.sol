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
    using MemberLogic for Task;
    using RoundLogic for Task;
    using ScoringLogic for Task;
    using TaskLogic for Task;

    bytes32 private constant COMMIT_TYPEHASH =
        keccak256("Commit(uint256 taskId,uint32 round,address trainer,bytes32 commitment,uint256 deadline)");

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
        _deposit(params.token, escrow);
    }

    /// @inheritdoc ILedgerCalls
    function fund(uint256 taskId, uint256 amount) external nonReentrant {
        Task storage task = _openTask(taskId);
        task.fund(taskId, amount);
        _deposit(task.params.token, amount);
    }

    /// @inheritdoc ILedgerCalls
    function appointVerifier(uint256 taskId, address verifier, uint16 weight) external {
        _openTask(taskId).appoint(taskId, verifier, weight);
    }

    /// @inheritdoc ILedgerCalls
    function closeTask(uint256 taskId) external nonReentrant returns (uint256 amount) {
        Task storage task = _task(taskId);
        amount = task.close(taskId);
        _pay(task.params.token, msg.sender, amount);
    }

    // ---------------------------------------------------------------- members

    /// @inheritdoc ILedgerCalls
    function joinTrainer(uint256 taskId, uint256 amount) external nonReentrant {
        Task storage task = _openTask(taskId);
        task.joinTrainer(taskId, amount);
        _deposit(task.params.token, amount);
    }

    /// @inheritdoc ILedgerCalls
    function joinVerifier(uint256 taskId, uint256 amount) external nonReentrant {
        Task storage task = _openTask(taskId);
        task.joinVerifier(taskId, amount);
        _deposit(task.params.token, amount);
    }

    /// @inheritdoc ILedgerCalls
    function topUp(uint256 taskId, address account, uint256 amount) external nonReentrant {
        Task storage task = _task(taskId);
        task.topUp(taskId, account, amount);
        _deposit(task.params.token, amount);
    }

    /// @inheritdoc ILedgerCalls
    function requestLeave(uint256 taskId) external {
        _task(taskId).requestLeave(taskId);
    }

    /// @inheritdoc ILedgerCalls
    function leave(uint256 taskId) external nonReentrant returns (uint256 amount) {
        Task storage task = _task(taskId);
        amount = task.leave(taskId);
        _pay(task.params.token, msg.sender, amount);
    }

    /// @inheritdoc ILedgerCalls
    function withdraw(uint256 taskId, address account) external nonReentrant returns (uint256 amount) {
        Task storage task = _task(taskId);
        amount = task.withdraw(taskId, account);
        _pay(task.params.token, account, amount);
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
    function revealScores(uint256 taskId, uint32 round, uint256[] calldata words, bytes32 evidence, bytes32 salt)
        external
    {
        _task(taskId).revealScores(taskId, round, words, evidence, salt);
    }

    /// @inheritdoc ILedgerCalls
    function settle(uint256 taskId, uint32 round, uint256[][] calldata slices, bytes32[] calldata tails) external {
        _books.tasks[taskId].settle(taskId, round, slices, tails);
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
    function appeal(uint256 taskId, uint32 round, uint256 index) external nonReentrant {
        Task storage task = _task(taskId);
        task.open(taskId, round, index);
        _deposit(task.params.token, task.params.appealBond);
    }

    /// @inheritdoc ILedgerCalls
    function commitAppealVote(uint256 taskId, uint32 round, uint256 index, bytes32 commitment) external {
        _task(taskId).commitVote(taskId, round, index, commitment);
    }

    /// @inheritdoc ILedgerCalls
    function revealAppealVote(uint256 taskId, uint32 round, uint256 index, uint16 code, bytes32 evidence, bytes32 salt)
        external
    {
        _task(taskId).revealVote(taskId, round, index, code, evidence, salt);
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
        Task storage task = _books.tasks[taskId];
        Round storage state = task.rounds[round];
        (uint256 start, uint256 end, uint256 index) = (state.commitDeadline, state.revealDeadline, state.count);
        if (block.timestamp < start || block.timestamp >= end) task.refusePhase(taskId, round, Phase.Reveal);
        bytes32 commitment =
            keccak256(abi.encode(block.chainid, address(this), taskId, round, trainer, digest, size, salt));
        Records storage records = task.records[trainer];
        Ring ring = records.ring;
        if (!ring.awaits(round)) revert NotCommitted(trainer, round);
        if (!ring.matches(commitment)) revert CommitmentMismatch(ring.prefix(), commitment);
        state.count = uint16(index + 1);
        records.ring = ring.reveal(index);
        emit UpdateRevealed(taskId, trainer, round, uint16(index), digest, size);
    }

    // ----------------------------------------------------------------- claims

    /// @inheritdoc ILedgerCalls
    function claim(uint256 taskId, address trainer, uint32[] calldata rounds) external returns (uint256 credited) {
        Task storage task = _books.tasks[taskId];
        Records storage records = task.records[trainer];
        uint256[] memory amounts = new uint256[](rounds.length);
        uint256 updates;
        for (uint256 i; i < amounts.length; ++i) {
            (uint256 reward, uint256 settled) = _process(taskId, task, records, trainer, rounds[i]);
            amounts[i] = reward;
            credited += reward;
            updates += settled;
        }
        if (updates != 0) task.discharge(credited, updates);
        if (credited != 0) task.members[trainer].balance += uint128(credited);
        emit RewardsClaimed(taskId, trainer, rounds, amounts);
    }

    /// @dev Puts a commitment into the trainer's ring.
    function _commit(uint256 taskId, uint32 round, address trainer, bytes32 commitment) private {
        Task storage task = _books.tasks[taskId];
        if (block.timestamp >= task.rounds[round].commitDeadline) {
            task.refusePhase(taskId, round, Phase.Commit);
        }
        Records storage records = task.records[trainer];
        (bool accepted, Ring ring) = records.ring.commit(commitment, round);
        if (!accepted) task.refuseCommit(trainer, round);
        records.ring = ring;
        emit UpdateCommitted(taskId, trainer, round, commitment);
    }

    /// @dev Takes one record out of a trainer's ring and applies what it lost.
    /// @return reward What it earned.
    /// @return settled 1 for an update that the round settled, else 0.
    function _process(uint256 taskId, Task storage task, Records storage records, address trainer, uint32 round)
        private
        returns (uint256 reward, uint256 settled)
    {
        Ring ring = records.ring;
        uint256 lane = ring.lane(round);
        if (lane == 0) revert NotCommitted(trainer, round);
        Round storage state = task.rounds[round];
        Payouts memory payouts = state.payouts;
        if (payouts.status < Status.Settled || payouts.phase() == Phase.Appeal) {
            task.refusePhase(taskId, round, Phase.Final);
        }
        records.ring = ring.remove(round);
        if (payouts.status == Status.Void) return (0, 0);
        uint16 code;
        if (lane >= Rings.REVEALED) {
            settled = 1;
            (code, reward) = _earned(state, payouts, lane - Rings.REVEALED);
        }
        if (code < Scores.STALE) task.slashTrainer(taskId, round, trainer, code);
    }

    /// @dev An update's settled code, and its share of the round's budget.
    function _earned(Round storage state, Payouts memory payouts, uint256 index)
        private
        view
        returns (uint16 code, uint256 reward)
    {
        unchecked {
            code = Lanes.lane(state.medians[index / Lanes.PER_WORD], index);
            uint256 weight = Scores.payoutWeight(code, payouts.exponent);
            if (weight != 0) reward = payouts.budget * weight / payouts.total;
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

    /// @dev Takes `amount` from the caller, after all effects; refuses tokens whose balances do not add up.
    function _deposit(address token, uint256 amount) private {
        uint256 owed = _books.booked[token];
        uint256 held = IERC20(token).balanceOf(address(this));
        if (held < owed) revert TokenShortfall(token, held, owed);
        _books.booked[token] = State.toUint112(owed + amount);
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        uint256 received = IERC20(token).balanceOf(address(this)) - held;
        if (received != amount) revert InexactDeposit(token, amount, received);
    }

    /// @dev Pays `amount` to an account, after all effects.
    function _pay(address token, address to, uint256 amount) private {
        if (amount == 0) return;
        _books.booked[token] -= amount;
        IERC20(token).safeTransfer(to, amount);
    }
}
