// SPDX-License-Identifier: Apache-2.0
pragma solidity >=0.8.24;

/// @notice The rules of a task. Windows and the cool-down are in seconds, amounts in token units, rates in basis
/// points. Ordered so that what a claim reads lies in one storage slot.
struct TaskParams {
    /// The ERC-20 that rewards and stakes are paid in.
    address token;
    /// How long trainers may commit, counted from the opening of the round.
    uint32 commitWindow;
    /// How long they may reveal after that.
    uint32 revealWindow;
    /// How long verifiers may commit to their scores, counted from the closing of the reveal phase.
    uint32 scoreCommitWindow;
    /// The rewards of one round for all trainers.
    uint112 trainerBudget;
    /// Payout weight = (score above zero) to this power, 1 to 3.
    uint8 payoutExponent;
    /// How many verifiers are drawn per round, 1 to 15; all of them where there are no more.
    uint8 committeeSize;
    /// Slash rates: verdicts harmful, malformed and duplicate; a commit not revealed, which costs at least as much as
    /// the worst of these; a verifier that did not reveal. Of the required stake, or of an equal share of a round's
    /// budget where that is more.
    uint16 slashHarmful;
    uint16 slashMalformed;
    uint16 slashDuplicate;
    uint16 slashUnrevealed;
    uint16 slashAbsent;
    /// Whether anyone may join as a verifier, with weight by stake, or only those the sponsor appoints.
    bool openVerifiers;
    /// The sum of payout weights that earns a round's whole budget for trainers; less earns in proportion, and the rest
    /// stays in the escrow. 0: any gain shares all of it.
    uint40 fullPayGain;
    /// The rewards of one round for all verifiers.
    uint112 verifierBudget;
    /// How many trainers may be members at once; bounds the updates per round. At most 16,382, and with appeals no more
    /// than that the committee's vectors have 4,000 words: a successful appeal takes all of them in one transaction.
    uint16 maxTrainers;
    /// How long verifiers may reveal their scores after committing.
    uint32 scoreRevealWindow;
    /// How long a settled code may be appealed; also each of the two phases of an appeal's vote. 0: no appeals.
    uint32 appealWindow;
    /// How long the next round waits for the base model once the round is final.
    uint32 attestWindow;
    /// The fewest updates that a round is scored with; with fewer it is void.
    uint16 minUpdates;
    /// How far apart, in steps of the grid, two scores may lie without one of them being wrong.
    uint16 tolerance;
    /// The least stake of a trainer and of a verifier; with open verifiers, for each unit of its weight.
    uint112 trainerStake;
    uint112 verifierStake;
    /// How many rounds the task has.
    uint32 maxRounds;
    /// The bond of an appeal.
    uint112 appealBond;
    /// How long a member that leaves stays bound; at least as long as all windows of a round together.
    uint32 cooldown;
    /// The length of the first base model in bytes.
    uint64 modelSize;
    /// The sha2-256 digests of the task specification and of the first base model in the content store.
    bytes32 specDigest;
    bytes32 modelDigest;
}

/// @notice A verifier and its weight in the medians.
struct VerifierGrant {
    address verifier;
    uint16 weight;
}

/// @notice What somebody is to a task.
enum Role {
    None,
    Trainer,
    Verifier
}

/// @notice A member of a task. `leaveAt` is 0 until the member asks to leave, then the end of its cool-down.
/// `evicted`: its place went to somebody else. `suspended`: the stake is below what the role requires, so the member cannot act until it tops up.
struct Member {
    uint128 stake;
    uint128 balance;
    Role role;
    bool suspended;
    uint16 weight;
    uint40 leaveAt;
    bool evicted;
}

/// @notice Where a round stands. The first eight follow one another; a round ends as `Final` or `Void`.
enum Phase {
    None,
    Commit,
    Reveal,
    Close,
    ScoreCommit,
    ScoreReveal,
    Settle,
    Appeal,
    Final,
    Void
}

/// @notice What a trainer's ring holds for a round; `None` if it is no trainer.
enum RecordKind {
    None,
    Free,
    Committed,
    Revealed
}

/// @notice A trainer's record of one round. `index` is the update's once it is revealed. `commitment` holds the top
/// 160 bits of the commitment, zero for a round before the latest one that the trainer committed in.
struct RecordView {
    RecordKind kind;
    bool suspended;
    uint16 index;
    bytes32 commitment;
}

/// @notice A task's state. `escrow` is free; budgets of the open round and unclaimed rewards are not part of it. `owed`
/// is what trainers have still to claim, with the dust, for `openRecords` updates of all settled rounds. `forfeited` is
/// what members lost, which raises the trainers' budget of the next round and is burnt when the task is closed.
/// `emptyRounds` ended void, and do not count as rounds of the task.
struct TaskView {
    address sponsor;
    uint32 currentRound;
    bool closed;
    bool baseAttested;
    uint16 trainers;
    uint16 verifierWeight;
    uint128 escrow;
    uint128 owed;
    uint32 openRecords;
    bytes32 baseDigest;
    uint64 baseSize;
    uint112 forfeited;
    uint32 emptyRounds;
}

/// @notice A round's state. `payoutTotal` is the sum of all payout weights, `finalAt` the time from which claims open
/// (0: not settled; later while an appeal is open), `budget` what the trainers can earn. The hash of block `seedBlock`
/// becomes the seed. Nobody weighs more in committee or jury than `weightCap`.
struct RoundView {
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
    uint64 payoutTotal;
    uint40 finalAt;
    uint16 openAppeals;
    uint112 budget;
    uint64 seedBlock;
    uint16 weightCap;
    bytes32 seed;
}

/// @notice What a committee member has done.
enum VoteState {
    None,
    Committed,
    Revealed
}

/// @notice An appeal against one code, and how far its vote has come. `juryWeight` is the whole panel's.
struct AppealView {
    address challenger;
    uint40 commitDeadline;
    uint40 revealDeadline;
    bool resolved;
    uint16 juryWeight;
    uint8 jurors;
    uint8 committed;
    uint8 revealed;
}

/// @notice The current round's committee, in vector order: address, weight, and what each has done so far.
struct Committee {
    address[] verifiers;
    uint16[] weights;
    VoteState[] states;
}
