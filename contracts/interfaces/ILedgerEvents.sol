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

    /// @notice Money of a round returned to the escrow: budget that nobody earned, or dust.
    event EscrowReturned(uint256 indexed taskId, uint32 indexed round, uint256 amount);

    /// @notice The sponsor ended the task or collected what had returned since; `amount` was paid to the sponsor, `burnt` is
    /// what members had forfeited.
    event TaskClosed(uint256 indexed taskId, address indexed sponsor, uint256 amount, uint256 burnt);

    /// @notice A verifier may join with `weight` (or did, by stake, in an open task).
    event VerifierAppointed(uint256 indexed taskId, address indexed verifier, uint16 weight);

    /// @notice A verifier joined with its stake; its weight counts from here on.
    event VerifierJoined(uint256 indexed taskId, address indexed verifier, uint256 stake);

    /// @notice A verifier's active weight is `weight` from here on.
    event VerifierWeightChanged(uint256 indexed taskId, address indexed verifier, uint16 weight);

    /// @notice A member's place went to somebody else: a verifier's in a full open task to a larger stake, a trainer's
    /// after rounds without a commit. It may leave at once.
    event PlaceLost(uint256 indexed taskId, address indexed account);

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

    /// @notice The sponsor or a verifier posted a few bytes to `to`; what they say is the members' affair.
    event MessagePosted(uint256 indexed taskId, address indexed from, address indexed to, bytes message);

    /// @notice What the ledger pays to `account` goes to `payout` from time `since` on: at once, if the address that was paid
    /// until then says so, else after a week in which it may object.
    event PayoutSet(address indexed account, address indexed payout, uint40 since);

    /// @notice A round opened on top of a base model; `budget` is what its trainers can earn.
    event RoundOpened(
        uint256 indexed taskId,
        uint32 indexed round,
        bytes32 baseDigest,
        uint64 baseSize,
        uint40 commitDeadline,
        uint40 revealDeadline,
        uint112 budget
    );

    /// @notice A trainer committed to an update. The earliest commit, by block and log index, wins over its copies.
    event UpdateCommitted(uint256 indexed taskId, address indexed trainer, uint32 indexed round, bytes32 commitment);

    /// @notice A trainer revealed an update, which got the next index.
    event UpdateRevealed(
        uint256 indexed taskId, address indexed trainer, uint32 indexed round, uint16 index, bytes32 digest, uint64 size
    );

    /// @notice A relayer committed to `count` signed updates, with a bond.
    event BatchCommitted(
        uint256 indexed taskId, uint32 indexed round, address indexed relayer, bytes32 batch, uint16 count, uint256 bond
    );

    /// @notice A batch was revealed: its updates got the indices from `first` on. `updates` has 56 bytes for each: trainer
    /// (20), size (4), digest (32). Of the relayer's bond `forfeited` was lost, the rest credited.
    event BatchRevealed(
        uint256 indexed taskId,
        uint32 indexed round,
        address indexed relayer,
        bytes32 batch,
        uint16 first,
        uint256 forfeited,
        bytes updates
    );

    /// @notice A batch was not revealed; `forfeited` of its bond was lost, the rest credited to the relayer.
    event BatchEnded(
        uint256 indexed taskId, uint32 indexed round, address indexed relayer, bytes32 batch, uint256 forfeited
    );

    /// @notice The seed of a round will be the hash of block `seedBlock`.
    event SeedFixed(uint256 indexed taskId, uint32 indexed round, uint64 seedBlock);

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

    /// @notice A verifier revealed its scores, and what the next model should be mixed of.
    event ScoresRevealed(
        uint256 indexed taskId,
        uint32 indexed round,
        address indexed verifier,
        uint256[] words,
        bytes mixture,
        bytes32 evidence
    );

    /// @notice The medians of words `firstWord` and following were settled.
    event MediansSettled(uint256 indexed taskId, uint32 indexed round, uint256 firstWord, uint256[] medians);

    /// @notice A round is settled; claims open at `finalAt` unless an appeal delays them.
    event RoundSettled(uint256 indexed taskId, uint32 indexed round, uint16 count, uint64 payoutTotal, uint40 finalAt);

    /// @notice A round ended without result: too few updates, or less than two thirds of the committee's weight revealed.
    event RoundVoided(uint256 indexed taskId, uint32 indexed round, uint16 revealedWeight, uint16 committeeWeight);

    /// @notice A vote that lies `distance` from the medians, beyond the task's tolerance, where the best free forecast lies
    /// `forecast` from them, earned its verifier `reward`.
    event VerifierRewarded(
        uint256 indexed taskId,
        uint32 indexed round,
        address indexed verifier,
        uint256 distance,
        uint256 forecast,
        uint256 reward
    );

    /// @notice A code was challenged with a bond; all verifiers of the round's panel may vote on it.
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

    /// @notice A juror of voting weight `weight` revealed its vote; `mixtureWeight` is how much of the update the next model
    /// should take.
    event AppealVoteRevealed(
        uint256 indexed taskId,
        uint32 indexed round,
        uint256 indexed index,
        address juror,
        uint16 weight,
        uint16 code,
        uint16 mixtureWeight,
        bytes32 evidence
    );

    /// @notice An appeal ended. Upheld: `newCode` replaced `oldCode`, and the challenger was credited the bond with
    /// `reward`; otherwise the bond went to the jurors.
    event AppealResolved(
        uint256 indexed taskId,
        uint32 indexed round,
        uint256 indexed index,
        uint16 oldCode,
        uint16 newCode,
        bool upheld,
        uint256 reward
    );

    /// @notice A verifier whose vote lies too far from an appeal's outcome paid `amount` of its stake.
    event VerifierFined(uint256 indexed taskId, uint32 indexed round, address indexed verifier, uint256 amount);

    /// @notice A juror whose vote agrees with an appeal's outcome was credited `amount`, from bonds and fines.
    event JurorRewarded(
        uint256 indexed taskId, uint32 indexed round, uint256 indexed index, address juror, uint256 amount
    );

    /// @notice A member lost stake, which later rounds' trainers can earn. `code` is the verdict (1 harmful, 2 malformed,
    /// 3 duplicate) or 0 for a commit that was not revealed, by a trainer or a verifier.
    event Slashed(uint256 indexed taskId, uint32 indexed round, address indexed account, uint16 code, uint256 amount);

    /// @notice A trainer's records of `rounds` were processed and `amounts` credited, in the same order.
    event RewardsClaimed(uint256 indexed taskId, address indexed trainer, uint32[] rounds, uint256[] amounts);

    /// @notice A committee member attested the next base model.
    event ModelAttested(
        uint256 indexed taskId, uint32 indexed round, address indexed verifier, bytes32 modelDigest, uint64 modelSize
    );

    /// @notice More than half of the committee's weight attested this model: the next round builds on it.
    event BaseModelFixed(uint256 indexed taskId, uint32 indexed round, bytes32 modelDigest, uint64 modelSize);
}
