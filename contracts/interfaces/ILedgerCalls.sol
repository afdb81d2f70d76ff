// SPDX-License-Identifier: Apache-2.0
pragma solidity >=0.8.24;

import {ILedgerErrors} from "./ILedgerErrors.sol";
import {ILedgerEvents} from "./ILedgerEvents.sol";
import {TaskParams, VerifierGrant} from "./LedgerTypes.sol";

/// @title ILedgerCalls
/// @author Karat
/// @notice One contract that holds the money of every task and settles every round by itself: it computes the
/// stake-weighted median of the verifiers' scores, keeps it, and derives verdicts, payouts and slashes from it.
/// @dev Conservation, per token: balance = escrow + budgets of open rounds + unclaimed rewards + stakes + balances
/// + bonds + forfeited. Calls that bring money name the hash of the rules that the caller has read, keccak256(abi.encode(
/// sponsor, params)): after a reorganisation the same id may be another task. Calls that were made already succeed
/// without effect, so that nobody can undo a batch by sending a part of it first. Phases follow from block time and frozen windows; every missing step has a deadline, so a round always
/// ends, settled or void. There is no owner, no upgrade key and no pause. `multicall(bytes[])` batches any of these.
interface ILedgerCalls is ILedgerEvents, ILedgerErrors {
    // ------------------------------------------------------------------ tasks

    /// @notice Creates a task, takes its first escrow from the caller and appoints its first verifiers.
    /// @dev Access: anyone (becomes the sponsor). State: `params.token` approved for `escrow`.
    /// @param params The rules of the task, frozen from here on.
    /// @param escrow The amount to deposit, in token units; may be zero.
    /// @param verifiers Verifiers and their weights; each still has to call `joinVerifier`.
    /// @return taskId The id of the task, counted from 1.
    function createTask(TaskParams calldata params, uint256 escrow, VerifierGrant[] calldata verifiers)
        external
        returns (uint256 taskId);

    /// @notice Adds to a task's escrow.
    /// @dev Access: anyone. State: task not closed, with these rules; token approved.
    function fund(uint256 taskId, bytes32 rules, uint256 amount) external;

    /// @notice Appoints a verifier that may join with `weight`.
    /// @dev Access: sponsor. State: task not closed; appointed (not open) verifiers; not yet appointed.
    function appointVerifier(uint256 taskId, address verifier, uint16 weight) external;

    /// @notice Ends the task, pays the sponsor the escrow that nobody has earned, and burns what members forfeited. Call it
    /// again to collect what returns to the escrow later.
    /// @dev Access: sponsor. State: no round open, or the last round final.
    /// @return amount The amount paid, in token units.
    function closeTask(uint256 taskId) external returns (uint256 amount);

    // ---------------------------------------------------------------- members

    /// @notice Joins as a trainer with a stake.
    /// @dev Access: anyone that is not a member. State: task not closed, with these rules; a place free (see `lapse`);
    /// `amount` at least the trainer stake.
    function joinTrainer(uint256 taskId, bytes32 rules, uint256 amount) external;

    /// @notice Frees the place of a trainer that has not committed for eight rounds, in a task that is full. It can leave
    /// at once, with all it has.
    /// @dev Access: anyone. State: task not closed and full; the trainer idle and not leaving.
    function lapse(uint256 taskId, address trainer) external;

    /// @notice Joins as a verifier with a stake, as appointed or, in an open task, with weight by stake. It serves in
    /// the rounds that open later. In a full open task the largest stake counts: it takes the place of the smallest.
    /// @dev Access: an appointed verifier, or anyone in an open task. State: task not closed, with these rules; `amount` at
    /// least the verifier stake, and in a full task, between two rounds, more than the smallest.
    function joinVerifier(uint256 taskId, bytes32 rules, uint256 amount) external;

    /// @notice Adds to a member's stake; a member suspended for too small a stake may act again.
    /// @dev Access: anyone. State: task not closed, with these rules; `account` is a member that is not leaving.
    function topUp(uint256 taskId, bytes32 rules, address account, uint256 amount) external;

    /// @notice Posts a message of up to 256 bytes to an account, or to everybody (address zero): how verifiers of a task
    /// with a sealed hold-out ask for its keys, and are given them, encrypted.
    /// @dev Access: the sponsor, or a verifier of the task. State: any.
    function postMessage(uint256 taskId, address to, bytes calldata message) external;

    /// @notice Starts to leave: no new commits, and no service in rounds that open later; the cool-down
    /// begins.
    /// @dev Access: a member. State: not leaving yet.
    function requestLeave(uint256 taskId) external;

    /// @notice Ends the membership and pays out stake and balance.
    /// @dev Access: a member. State: cool-down over, or the task closed; a trainer's records all processed; a verifier in no
    /// open round.
    /// @return amount The amount paid, in token units.
    function leave(uint256 taskId) external returns (uint256 amount);

    /// @notice As `requestLeave`, for an account: what is left to do for whoever holds its money, not its key.
    /// @dev Access: the address that money for the account goes to. State: as `requestLeave`.
    function requestLeaveFor(uint256 taskId, address account) external;

    /// @notice As `leave`, for an account.
    /// @dev Access: the address that money for the account goes to. State: as `leave`.
    /// @return amount The amount paid, in token units.
    function leaveFor(uint256 taskId, address account) external returns (uint256 amount);

    /// @notice Sets where everything that the ledger pays to an account goes, in every task: so that the key with which a
    /// machine works cannot take what it stakes and earns. The address that is paid now changes this at once; the account's
    /// own key only after a week, in which that address may object by setting itself again.
    /// @dev Access: the address that money for the account goes to (the account itself until it names another), or the
    /// account. State: none.
    function setPayout(address account, address payout) external;

    /// @notice Hands an ERC-2612 permit of the caller's to its token, so that a deposit needs no transaction before it: the
    /// first call of a `multicall`. A permit that the token refuses changes nothing, as somebody else may have handed it
    /// over already.
    /// @dev Access: anyone, for oneself. State: none.
    /// @param vs The signature's `s`, with its `v` in the top bit, as EIP-2098 has it.
    function usePermit(address token, uint256 amount, uint256 deadline, bytes32 r, bytes32 vs) external;

    /// @notice Pays a member's whole balance of credited rewards to where its money goes, see `setPayout`.
    /// @dev Access: anyone. State: none.
    /// @return amount The amount paid, in token units (zero when there was nothing to pay).
    function withdraw(uint256 taskId, address account) external returns (uint256 amount);

    // ----------------------------------------------------------------- rounds

    /// @notice Opens the next round and reserves its budgets.
    /// @dev Access: anyone. State: task not closed; the round before is void, or final and its base model attested
    /// or its attestation deadline passed; escrow covers both budgets; rounds left.
    /// @return round The number of the round, counted from 1.
    function openRound(uint256 taskId) external returns (uint32 round);

    /// @notice Commits to an update.
    /// @dev Access: a trainer. State: commit phase; no record unprocessed that is five or more rounds old (the call
    /// reverts with that round: claim it first, nothing is ever forfeited). The top 160 bits of the commitment count.
    /// @param commitment keccak256(abi.encode(chainid, ledger, taskId, round, trainer, digest, size, salt)).
    function commit(uint256 taskId, uint32 round, bytes32 commitment) external;

    /// @notice Reveals an update that was committed and gives it the next index of the round.
    /// @dev Access: the trainer that committed. State: reveal phase.
    /// @param digest The sha2-256 digest of the root block of the update in IPFS.
    /// @param size The length of the update in bytes.
    /// @param salt The secret that made the commitment hiding.
    function reveal(uint256 taskId, uint32 round, bytes32 digest, uint64 size, bytes32 salt) external;

    /// @notice Commits for a trainer that signed the commit, so that a trainer needs no gas token.
    /// @dev Access: anyone with the trainer's EIP-712 signature (or EIP-1271, for contracts) over
    /// Commit(uint256 taskId,uint32 round,address trainer,bytes32 commitment,uint256 deadline). State: as `commit`. A
    /// permit cannot be used twice: the trainer has committed, and later the commit phase is over.
    function commitFor(
        uint256 taskId,
        uint32 round,
        address trainer,
        bytes32 commitment,
        uint256 deadline,
        bytes calldata signature
    ) external;

    /// @notice Reveals for a trainer; knowing the salt is authority enough.
    /// @dev Access: anyone. State: as `reveal`.
    function revealFor(uint256 taskId, uint32 round, address trainer, bytes32 digest, uint64 size, bytes32 salt)
        external;

    /// @notice Commits to many signed updates at once: `batch` is the keccak256 hash of what `revealBatch` takes, which nobody
    /// can guess for the signatures in it. Takes a bond from the caller: for each entry what a commit costs that is not
    /// revealed. The same batch of the same relayer again
    /// has no effect.
    /// @dev Access: anyone, as a relayer. State: commit phase; task with these rules; token approved for the bond.
    /// @param count How many entries the batch has.
    function commitBatch(uint256 taskId, bytes32 rules, uint32 round, bytes32 batch, uint16 count) external;

    /// @notice Reveals a batch: every entry whose signer may commit in this round gets the next index, in their order. The
    /// relayer's bond is credited to it, but for entries that nobody could take: no trainer's signature, one that is
    /// suspended, has an unprocessed record of five rounds ago, or has another update in this round already. A trainer
    /// that committed by itself, and is still to reveal, is passed over.
    /// @dev Access: anyone who has the entries. State: reveal phase.
    /// @param entries 100 bytes each: digest (32), size (4), and the trainer's EIP-712 signature over Update(uint256
    /// taskId,uint32 round,bytes32 digest,uint64 size) as EIP-2098 has it (64).
    function revealBatch(uint256 taskId, uint32 round, address relayer, bytes calldata entries) external;

    /// @notice Ends a batch that was not revealed: its bond is forfeited, or returned if in that round nobody revealed
    /// anything.
    /// @dev Access: anyone. State: the round is over.
    function endBatch(uint256 taskId, uint32 round, address relayer, bytes32 batch) external;

    /// @notice Closes the reveal phase in two steps. The first call names its own block, whose hash nobody can know yet; a
    /// call in a later block takes that hash as the seed from which verifiers draw their batches, and draws the
    /// committee from the panel: the verifiers that were active when the round opened, nobody with more than a third
    /// of the weight. A second call in the same block has no effect.
    /// @dev Access: anyone. State: reveal deadline passed; not closed yet. A round with too few updates is void at once.
    function closeReveal(uint256 taskId, uint32 round) external;

    // ---------------------------------------------------------------- scoring

    /// @notice Commits to two codes for each update of the round: what it is paid for, and how much of it the next model
    /// takes.
    /// @dev Access: a committee member. State: score-commit phase; not committed yet.
    /// @param commitment keccak256(abi.encode(chainid, ledger, taskId, round, verifier, vectorHash, keccak256(mixture),
    /// evidence, salt)), with vectorHash = H_0, H_n = 0, H_i = keccak256(abi.encode(words[i], H_{i+1})).
    function commitScores(uint256 taskId, uint32 round, bytes32 commitment) external;

    /// @notice Reveals committed scores and a committed mixture, and publishes both in the event. Scores are settled here;
    /// of the mixtures everybody computes the medians, and with them the next model, off chain.
    /// @dev Access: the verifier that committed. State: score-reveal phase.
    /// @param words ceil(count/16) words; lane i of a word is bits [16i, 16i+16); 15-bit codes in index order, none
    /// of them 0, 6 or 7; lanes past the last update are 0.
    /// @param mixture count + 4 big-endian numbers of 16 bits: how much of each update the next model takes, in units of
    /// 2**-14, and, in two's complement and units of 2**-13, how much of its own movement since 1, 2, 4 and 8 rounds ago.
    /// @param evidence The sha2-256 digest of the evidence document in IPFS.
    function revealScores(
        uint256 taskId,
        uint32 round,
        uint256[] calldata words,
        bytes calldata mixture,
        bytes32 evidence,
        bytes32 salt
    ) external;

    /// @notice Settles words of every revealed vector; the last call finishes the round: it pays the verifiers for what
    /// their votes knew beyond the best free forecast, slashes the absent, and starts the appeal window. What is
    /// settled already is passed over.
    /// @dev Access: anyone. State: scoring over, quorum met; or settled.
    /// @param first The place of the slices' first word in the vectors; not after the first word that is not settled.
    /// @param slices Words of each revealed vector, in committee order, equally many of each.
    /// @param tails The hash of what follows each slice (zero at the end of the vectors).
    function settle(uint256 taskId, uint32 round, uint256 first, uint256[][] calldata slices, bytes32[] calldata tails)
        external;

    /// @notice Ends a round of which less than two thirds of the committee's weight were revealed: budgets return, no
    /// update is paid or slashed, absent verifiers lose stake unless all were absent.
    /// @dev Access: anyone. State: scoring over, quorum missed.
    function voidRound(uint256 taskId, uint32 round) external;

    /// @notice Attests the base model that follows from a final round; the model with more than half of the
    /// committee's weight is fixed.
    /// @dev Access: a committee member of the round, once. State: round settled and final; next round not open.
    /// @param modelDigest The sha2-256 digest of the model's root block in IPFS.
    /// @param modelSize The model's length in bytes.
    function attestModel(uint256 taskId, uint32 round, bytes32 modelDigest, uint64 modelSize) external;

    // ---------------------------------------------------------------- appeals

    /// @notice Challenges one settled code, verdict or score, with a bond. Everybody on the round's panel is called: those
    /// outside the committee must vote, the committee may vote again.
    /// @dev Access: anyone. State: appeal window open; not appealed before; task with these rules; token approved for the
    /// bond.
    function appeal(uint256 taskId, bytes32 rules, uint32 round, uint256 index) external;

    /// @notice Commits to a vote on an appealed verdict.
    /// @dev Access: a juror. State: the appeal's commit phase; not committed yet; `commitment` is not zero.
    /// @param commitment keccak256(abi.encode(chainid, ledger, taskId, round, index, juror, code, mixtureWeight, evidence,
    /// salt)).
    function commitAppealVote(uint256 taskId, uint32 round, uint256 index, bytes32 commitment) external;

    /// @notice Reveals a vote on an appealed verdict.
    /// @dev Access: the juror that committed. State: the appeal's reveal phase.
    /// @param mixtureWeight How much of the update the next model should take, in units of 2**-14; it is published only.
    function revealAppealVote(
        uint256 taskId,
        uint32 round,
        uint256 index,
        uint16 code,
        uint16 mixtureWeight,
        bytes32 evidence,
        bytes32 salt
    ) external;

    /// @notice Ends an appeal. Its outcome is the weighted median of the whole panel's votes, the absent standing by the old
    /// code, if more than half of the panel's weight is behind the change, and two thirds behind a more severe
    /// verdict. It is upheld if the outcome is another verdict, or a score further away than the task's tolerance, and
    /// replaces the median then. Those whose votes lie that far from the outcome pay, by weight, twice the bond: half
    /// to the challenger, half to the jurors whose votes are near it. If the appeal fails, these jurors share the bond
    /// and what the others pay. Jurors outside the committee who did not reveal are slashed, once a round.
    /// @dev Access: anyone. State: the appeal's vote is over.
    /// @param vectors The vectors that the committee revealed, in committee order; may be empty if the appeal fails.
    function resolveAppeal(uint256 taskId, uint32 round, uint256 index, uint256[][] calldata vectors) external;

    // ----------------------------------------------------------------- claims

    /// @notice Processes a trainer's records: credits rewards to the trainer's balance and applies slashes.
    /// @dev Access: anyone, for the trainer. State: every named round void or final.
    /// @param rounds The rounds to process; of those without an unprocessed record nothing is done.
    /// @return credited The sum of the rewards, in token units.
    function claim(uint256 taskId, address trainer, uint32[] calldata rounds) external returns (uint256 credited);
}
