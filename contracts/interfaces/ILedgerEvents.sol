// SPDX-License-Identifier: Apache-2.0
pragma solidity >=0.8.24;

import {TaskParams} from "./LedgerTypes.sol";

/// @title ILedgerEvents
/// @author Karat
/// @notice Everything that happens in the ledger, rich enough to rebuild its state and every payout off chain.
interface ILedgerEvents {
    /// @notice A task was created.
    event TaskCreated(uint256 indexed taskId, address indexed sponsor, address indexed token, TaskParams params);

    /// @notice The escrow grew by a deposit of `from`.
    event EscrowToppedUp(uint256 indexed taskId, address indexed from, uint256 amount);

    /// @notice The sponsor ended the task or collected what had returned since; `amount` was paid to the sponsor.
    event TaskClosed(uint256 indexed taskId, address indexed sponsor, uint256 amount);

    /// @notice A verifier may join with `weight` (or did, by stake, in an open task).
    event VerifierAppointed(uint256 indexed taskId, address indexed verifier, uint16 weight);

    /// @notice A verifier joined with its stake; its weight counts from here on.
    event VerifierJoined(uint256 indexed taskId, address indexed verifier, uint256 stake);

    /// @notice A trainer joined with its stake.
    event TrainerJoined(uint256 indexed taskId, address indexed trainer, uint256 stake);

    /// @notice A member's stake grew.
    event StakeToppedUp(uint256 indexed taskId, address indexed account, uint256 amount);

    /// @notice A member stopped acting and may leave at `leaveAt`.
    event LeaveRequested(uint256 indexed taskId, address indexed account, uint40 leaveAt);

    /// @notice A member left with stake and balance.
    event Left(uint256 indexed taskId, address indexed account, uint256 amount);

    /// @notice A member's balance was paid out.
    event Withdrawn(uint256 indexed taskId, address indexed account, uint256 amount);

    /// @notice A round opened on top of a base model.
    event RoundOpened(
        uint256 indexed taskId,
        uint32 indexed round,
        bytes32 baseDigest,
        uint64 baseSize,
        uint40 commitDeadline,
        uint40 revealDeadline
    );

    /// @notice A trainer committed to an update. The earliest commit, by block and log index, wins over its copies.
    event UpdateCommitted(uint256 indexed taskId, address indexed trainer, uint32 round, bytes32 commitment);

    /// @notice A trainer revealed an update, which got the next index.
    event UpdateRevealed(
        uint256 indexed taskId, address indexed trainer, uint32 round, uint16 index, bytes32 digest, uint64 size
    );

    /// @notice The reveal phase closed with `count` updates; verifiers draw their batches from `seed`.
    event RevealClosed(
        uint256 indexed taskId,
        uint32 indexed round,
        bytes32 seed,
        uint16 count,
        address[] committee,
        uint16[] weights,
        uint40 scoreCommitDeadline,
        uint40 scoreRevealDeadline
    );

    /// @notice A verifier committed to its scores.
    event ScoresCommitted(uint256 indexed taskId, uint32 indexed round, address indexed verifier, bytes32 commitment);

    /// @notice A verifier revealed its scores.
    event ScoresRevealed(
        uint256 indexed taskId, uint32 indexed round, address indexed verifier, uint256[] words, bytes32 evidence
    );

    /// @notice The medians of words `firstWord` and following were settled.
    event MediansSettled(uint256 indexed taskId, uint32 indexed round, uint256 firstWord, uint256[] medians);

    /// @notice A round is settled; claims open at `finalAt` unless an appeal delays them.
    event RoundSettled(uint256 indexed taskId, uint32 indexed round, uint16 count, uint64 payoutTotal, uint40 finalAt);

    /// @notice A round ended without result: the revealed weight was not more than half of the committee's.
    event RoundVoided(uint256 indexed taskId, uint32 indexed round, uint16 revealedWeight, uint16 committeeWeight);

    /// @notice A verifier's agreement with the medians, `sumMin`/`sumMax`, earned it `reward`.
    event VerifierRewarded(
        uint256 indexed taskId,
        uint32 indexed round,
        address indexed verifier,
        uint256 sumMin,
        uint256 sumMax,
        uint256 reward
    );

    /// @notice A verdict was challenged with a bond; the verifiers outside the committee vote on it.
    event AppealOpened(
        uint256 indexed taskId,
        uint32 indexed round,
        uint256 indexed index,
        address challenger,
        uint256 bond,
        uint16 juryWeight,
        uint40 commitDeadline,
        uint40 revealDeadline
    );

    /// @notice A juror committed to its vote.
    event AppealVoteCommitted(
        uint256 indexed taskId, uint32 indexed round, uint256 indexed index, address juror, bytes32 commitment
    );

    /// @notice A juror revealed its vote.
    event AppealVoteRevealed(
        uint256 indexed taskId,
        uint32 indexed round,
        uint256 indexed index,
        address juror,
        uint16 code,
        bytes32 evidence
    );

    /// @notice An appeal ended. Upheld: `newCode` replaced `oldCode`, and the challenger was credited the bond with
    /// `reward`; otherwise the bond went to the escrow.
    event AppealResolved(
        uint256 indexed taskId,
        uint32 indexed round,
        uint256 indexed index,
        uint16 oldCode,
        uint16 newCode,
        bool upheld,
        uint256 reward
    );

    /// @notice A committee member whose vote an appeal overturned paid `amount` of its stake to the challenger.
    event VerifierFined(uint256 indexed taskId, uint32 indexed round, address indexed verifier, uint256 amount);

    /// @notice A member lost stake to the escrow. `code` is the verdict (1 harmful, 2 malformed, 3 duplicate) or 0
    /// for a commit that was not revealed, by a trainer or a verifier.
    event Slashed(uint256 indexed taskId, uint32 indexed round, address indexed account, uint16 code, uint256 amount);

    /// @notice A trainer's records were processed and `amounts` credited, in the order of `rounds`.
    event RewardsClaimed(uint256 indexed taskId, address indexed trainer, uint32[] rounds, uint256[] amounts);

    /// @notice A committee member attested the next base model.
    event ModelAttested(
        uint256 indexed taskId, uint32 indexed round, address indexed verifier, bytes32 modelDigest, uint64 modelSize
    );

    /// @notice More than half of the committee's weight attested this model: the next round builds on it.
    event BaseModelFixed(uint256 indexed taskId, uint32 indexed round, bytes32 modelDigest, uint64 modelSize);
}
