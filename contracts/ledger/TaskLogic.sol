// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILedgerErrors} from "../interfaces/ILedgerErrors.sol";
import {ILedgerEvents} from "../interfaces/ILedgerEvents.sol";
import {Phase, TaskParams} from "../interfaces/LedgerTypes.sol";
import {Lanes} from "../libraries/Lanes.sol";
import {Rings} from "../libraries/Rings.sol";
import {Scores} from "../libraries/Scores.sol";
import {Round, State, Task} from "./State.sol";

/// @title TaskLogic
/// @author Karat
/// @notice The creation of tasks and the limits of their rules.
library TaskLogic {
    uint256 private constant MAX_COMMITTEE = 15;
    /// Every trainer has at most one update per round, and a ring holds no larger index.
    uint256 private constant MAX_TRAINERS = Rings.MAX_INDEX + 1;
    uint256 private constant MAX_WINDOW = 365 days;
    /// Shorter windows are over before anybody can act in them.
    uint256 private constant MIN_WINDOW = 2;
    uint256 private constant MIN_APPEAL_WINDOW = 10;
    /// An appeal that succeeds takes all of the committee's vectors in one transaction, and nodes relay up to 128 KiB.
    uint256 private constant MAX_APPEAL_WORDS = 4000;

    /// @notice See {ILedger-createTask}; the deposit is the caller's part.
    function create(Task storage task, uint256 taskId, TaskParams calldata params, uint256 escrow) external {
        _validate(params);
        task.sponsor = msg.sender;
        task.params = params;
        task.rules = keccak256(abi.encode(msg.sender, params));
        task.escrow = State.toUint112(escrow);
        task.baseDigest = params.modelDigest;
        task.baseSize = params.modelSize;
        emit ILedgerEvents.TaskCreated(taskId, msg.sender, params.token, params);
        emit ILedgerEvents.EscrowToppedUp(taskId, msg.sender, escrow);
    }

    /// @notice See {ILedger-fund}; the deposit is the caller's part.
    function fund(Task storage task, uint256 taskId, uint256 amount) external {
        task.escrow = State.toUint112(task.escrow + amount);
        emit ILedgerEvents.EscrowToppedUp(taskId, msg.sender, amount);
    }

    /// @notice See {ILedger-closeTask}; the payment is the caller's part.
    function close(Task storage task, uint256 taskId) external returns (uint256 amount, uint256 burnt) {
        if (msg.sender != task.sponsor) revert ILedgerErrors.NotSponsor(msg.sender, task.sponsor);
        uint32 last = task.currentRound;
        Round storage round = task.rounds[last];
        if (last != 0 && !round.isOver()) revert ILedgerErrors.WrongPhase(taskId, last, round.phase(), Phase.Final);
        (amount, burnt) = (task.escrow, task.forfeited);
        task.closed = true;
        (task.escrow, task.forfeited) = (0, 0);
        emit ILedgerEvents.TaskClosed(taskId, msg.sender, amount, burnt);
    }

    /// @dev Refuses rules under which a round could not run or money could be lost.
    function _validate(TaskParams calldata params) private view {
        if (params.token.code.length == 0) revert ILedgerErrors.TokenWithoutCode(params.token);
        _require("commitWindow", params.commitWindow, MIN_WINDOW, MAX_WINDOW);
        _require("revealWindow", params.revealWindow, MIN_WINDOW, MAX_WINDOW);
        _require("scoreCommitWindow", params.scoreCommitWindow, MIN_WINDOW, MAX_WINDOW);
        _require("scoreRevealWindow", params.scoreRevealWindow, MIN_WINDOW, MAX_WINDOW);
        if (params.appealWindow != 0) _require("appealWindow", params.appealWindow, MIN_APPEAL_WINDOW, MAX_WINDOW);
        _require("attestWindow", params.attestWindow, 0, MAX_WINDOW);
        uint256 bound = uint256(params.commitWindow) + params.revealWindow + params.scoreCommitWindow
            + params.scoreRevealWindow + 3 * uint256(params.appealWindow);
        _require("cooldown", params.cooldown, bound, 20 * MAX_WINDOW);
        _require("payoutExponent", params.payoutExponent, 1, 3);
        _require("committeeSize", params.committeeSize, 1, MAX_COMMITTEE);
        _require("maxTrainers", params.maxTrainers, 1, _mostTrainers(params));
        _require("maxRounds", params.maxRounds, 1, Rings.MAX_ROUND);
        _require("trainerStake", params.trainerStake, 1, type(uint112).max);
        _require("verifierStake", params.verifierStake, 1, type(uint112).max);
        _require("slashHarmful", params.slashHarmful, 0, State.BASIS_POINTS);
        _require("slashMalformed", params.slashMalformed, 0, State.BASIS_POINTS);
        _require("slashDuplicate", params.slashDuplicate, 0, State.BASIS_POINTS);
        _require("slashUnrevealed", params.slashUnrevealed, _worstVerdict(params), State.BASIS_POINTS);
        _require("slashAbsent", params.slashAbsent, 0, State.BASIS_POINTS);
        _require("appealBond", params.appealBond, _leastBond(params), type(uint112).max);
        _require("minUpdates", params.minUpdates, 1, params.maxTrainers);
        _require("tolerance", params.tolerance, 0, Scores.ZERO_SCORE);
        _require("specDigest", uint256(params.specDigest), 1, type(uint256).max);
        _require("modelDigest", uint256(params.modelDigest), 1, type(uint256).max);
    }

    /// @dev How many trainers the task may have: fewer if their updates may be appealed.
    function _mostTrainers(TaskParams calldata params) private pure returns (uint256 most) {
        most = Lanes.PER_WORD * (MAX_APPEAL_WORDS / params.committeeSize);
        if (params.appealWindow == 0 || most > MAX_TRAINERS) most = MAX_TRAINERS;
    }

    /// @dev A commit that is not revealed costs at least what the worst verdict costs, or it would be an insurance.
    function _worstVerdict(TaskParams calldata params) private pure returns (uint256 worst) {
        worst = params.slashHarmful > params.slashMalformed ? params.slashHarmful : params.slashMalformed;
        if (params.slashDuplicate > worst) worst = params.slashDuplicate;
    }

    /// @dev Jurors are paid from the bond: it is at least what a seat of the largest committee earns in a round.
    function _leastBond(TaskParams calldata params) private pure returns (uint256) {
        if (params.appealWindow == 0) return 0;
        uint256 pay = params.verifierBudget / MAX_COMMITTEE;
        return pay == 0 ? 1 : pay;
    }

    /// @dev Requires a parameter to be within bounds.
    function _require(string memory name, uint256 value, uint256 least, uint256 most) private pure {
        if (value < least || value > most) revert ILedgerErrors.BadParameter(name, value);
    }
}
