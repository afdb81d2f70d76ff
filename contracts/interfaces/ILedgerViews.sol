// SPDX-License-Identifier: Apache-2.0
pragma solidity >=0.8.24;

import {
    AppealView,
    Committee,
    Member,
    Phase,
    RecordView,
    RoundView,
    TaskParams,
    TaskView,
    VerifierGrant
} from "./LedgerTypes.sol";

/// @title ILedgerViews
/// @author Karat
/// @notice Everything that can be read from the ledger.
interface ILedgerViews {
    /// @notice How many tasks exist; ids run from 1 to this.
    function taskCount() external view returns (uint256);

    /// @notice A task's sponsor, funds, progress and base model.
    function task(uint256 taskId) external view returns (TaskView memory);

    /// @notice A task's frozen rules.
    function taskParams(uint256 taskId) external view returns (TaskParams memory);

    /// @notice What calls that bring money must name: keccak256(abi.encode(sponsor, params)).
    function rulesHash(uint256 taskId) external view returns (bytes32);

    /// @notice The last medians of the trainers whose updates fill one word of a round, no effect where there is none.
    function forecasts(uint256 taskId, uint32 round, uint256 word) external view returns (uint256);

    /// @notice A round's deadlines, counts and totals.
    function roundInfo(uint256 taskId, uint32 round) external view returns (RoundView memory);

    /// @notice The phase a round is in at this block's time.
    function phase(uint256 taskId, uint32 round) external view returns (Phase);

    /// @notice A member's role, stake and balance.
    function member(uint256 taskId, address account) external view returns (Member memory);

    /// @notice All verifiers ever appointed or joined, in index order; members that left have weight zero.
    function verifiers(uint256 taskId) external view returns (VerifierGrant[] memory);

    /// @notice The active weight of one verifier, zero for anyone else.
    function verifierWeight(uint256 taskId, address verifier) external view returns (uint16);

    /// @notice The weight with which a verifier may serve in the current round: zero for anyone who was not active when it
    /// opened, and before there was one.
    function servingWeight(uint256 taskId, address verifier) external view returns (uint16);

    /// @notice The active weight of all verifiers together.
    function totalVerifierWeight(uint256 taskId) external view returns (uint16);

    /// @notice The committee of the current round, in the order in which `settle` wants the vectors; empty for any
    /// other round (older ones are in the `RevealClosed` events).
    function committee(uint256 taskId, uint32 round) external view returns (Committee memory);

    /// @notice A trainer's record of a round, `Free` where it never had one or it is processed.
    function record(uint256 taskId, address trainer, uint32 round) external view returns (RecordView memory);

    /// @notice The rounds of which a trainer has a record that is not processed, oldest first.
    function pendingRounds(uint256 taskId, address trainer) external view returns (uint32[] memory rounds);

    /// @notice The settled medians of one word of a round.
    function medians(uint256 taskId, uint32 round, uint256 word) external view returns (uint256);

    /// @notice The settled code of one update: a verdict (1–5) or a score (8–32767).
    function scoreOf(uint256 taskId, uint32 round, uint256 index) external view returns (uint16);

    /// @notice An appeal against one verdict.
    function appealInfo(uint256 taskId, uint32 round, uint256 index) external view returns (AppealView memory);

    /// @notice What the ledger owes in one token, over all tasks.
    function booked(address token) external view returns (uint256);

    /// @notice How many accounts have ever joined a task as trainers.
    function joined(uint256 taskId) external view returns (uint32);

    /// @notice How many of them had when a day (counted from 1970) began. Known of this day and the day before.
    function joinedAt(uint256 taskId, uint32 day) external view returns (uint32);

    /// @notice Where money for an account goes, and where it goes from time `since` on, if somebody has asked for
    /// another address (zero: nobody has).
    function payoutOf(address account) external view returns (address payout, address next, uint40 since);

    /// @notice The account that joined as number `index`, counted from 0; zero if there is none.
    function accountAt(uint256 taskId, uint32 index) external view returns (address);

    /// @notice The place of an account in the order of joining, counted from 1; 0 if it never was a trainer.
    function placeOf(uint256 taskId, address account) external view returns (uint32);

    /// @notice What a trainer had earned when a day (counted from 1970) began, as far as it was claimed: scores above
    /// zero, in steps of the grid; 0 for who was ever convicted. Known of this day and the day before.
    function gainAt(uint256 taskId, uint32 day, address account) external view returns (uint64);
}
