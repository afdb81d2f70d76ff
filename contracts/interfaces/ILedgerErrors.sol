// SPDX-License-Identifier: Apache-2.0
pragma solidity >=0.8.24;

import {Phase, Role} from "./LedgerTypes.sol";

/// @title ILedgerErrors
/// @author Karat
/// @notice Every reason for which the ledger refuses a call, with the values that matter.
interface ILedgerErrors {
    // ------------------------------------------------------- tasks and money

    /// @notice No task has this id.
    error UnknownTask(uint256 taskId);
    /// @notice The caller agreed to other rules than the task's: it is not the task that the caller has read.
    error OtherRules(uint256 taskId, bytes32 agreed, bytes32 rules);
    /// @notice The task is closed.
    error TaskIsClosed(uint256 taskId);
    /// @notice Only the sponsor may do this.
    error NotSponsor(address caller, address sponsor);
    /// @notice The parameter `name` is out of range.
    error BadParameter(string name, uint256 value);
    /// @notice The token has no code.
    error TokenWithoutCode(address token);
    /// @notice The ledger got another amount than was sent: the token takes a fee or changes balances by itself.
    error InexactDeposit(address token, uint256 expected, uint256 received);
    /// @notice The ledger holds less of the token than it owes: the token changed balances by itself.
    error TokenShortfall(address token, uint256 held, uint256 booked);
    /// @notice The amount does not fit its field.
    error AmountTooLarge(uint256 amount, uint256 most);
    /// @notice The escrow does not cover the budgets of a round.
    error EscrowTooLow(uint256 escrow, uint256 needed);

    // --------------------------------------------------------------- members

    /// @notice The account is already a member of the task, or appointed as its verifier.
    error AlreadyMember(address account, Role role);
    /// @notice The account does not have the role that the call needs.
    error WrongRole(address account, Role role, Role needed);
    /// @notice The stake is below what the role requires.
    error StakeTooLow(uint256 stake, uint256 needed);
    /// @notice The account was not appointed as a verifier of this task.
    error NotAppointed(address account);
    /// @notice Verifiers of this task join by stake; the sponsor cannot appoint them.
    error VerifiersAreOpen(uint256 taskId);
    /// @notice The weight is zero or would bring the task's total to `total`, above `most`.
    error BadWeight(uint256 weight, uint256 total, uint256 most);
    /// @notice The task has as many trainers or verifiers as it may have.
    error TaskFull(uint256 members);
    /// @notice The trainer's place cannot be taken: it has committed since round `since`, or the task is not full.
    error PlaceInUse(address trainer, uint32 since);
    /// @notice The member has asked to leave and can no longer act.
    error Leaving(address account, uint40 leaveAt);
    /// @notice The member has not asked to leave.
    error NotLeaving(address account);
    /// @notice A message has at most `most` bytes.
    error MessageTooLong(uint256 length, uint256 most);
    /// @notice The cool-down ends at `leaveAt`.
    error CoolingDown(uint40 leaveAt);
    /// @notice Only the address that money for the account goes to may do this, or the account itself.
    error NotPayout(address caller, address payout);
    /// @notice A record of `round` is not processed yet: claim it first.
    error RecordPending(address trainer, uint32 round);
    /// @notice The verifier takes part in a round that is not over.
    error RoundPending(address verifier, uint32 round);

    // ---------------------------------------------------------------- rounds

    /// @notice The round is in another phase than the call needs.
    error WrongPhase(uint256 taskId, uint32 round, Phase current, Phase needed);
    /// @notice The task has had all its rounds.
    error NoRoundsLeft(uint32 maxRounds);
    /// @notice The next round waits for the base model until `deadline`.
    error AwaitingModel(uint32 round, uint256 deadline);
    /// @notice The trainer has committed in this round.
    error AlreadyCommitted(address trainer, uint32 round);
    /// @notice The trainer has no commitment for this round.
    error NotCommitted(address trainer, uint32 round);
    /// @notice What was revealed does not hash to the commitment.
    error CommitmentMismatch(bytes32 committed, bytes32 revealed);

    // --------------------------------------------------------------- scoring

    /// @notice The account is not in the committee of this round.
    error NotInCommittee(address account, uint32 round);
    /// @notice The verifier has already done this in this round.
    error AlreadyVoted(address verifier, uint32 round);
    /// @notice The verifier has not committed in this round.
    error NoVote(address verifier, uint32 round);
    /// @notice A score vector has `got` words instead of `expected`.
    error WrongLength(uint256 got, uint256 expected);
    /// @notice Word `index` of a vector holds a lane above 15 bits, a code 0, 6 or 7, or a non-zero padding lane.
    error InvalidScores(uint256 index, uint256 word);
    /// @notice Slices differ in length, are empty, or reach past the end of the vectors.
    error BadSlices(uint256 verifierIndex, uint256 length, uint256 expected);
    /// @notice A slice is not the next part of the verifier's vector.
    error ChainMismatch(address verifier, bytes32 expected, bytes32 got);
    /// @notice Less than two thirds of the committee's weight was revealed: the round can only be voided.
    error QuorumMissed(uint256 revealedWeight, uint256 committeeWeight);
    /// @notice Two thirds of the committee's weight were revealed: the round cannot be voided.
    error QuorumMet(uint256 revealedWeight, uint256 committeeWeight);
    /// @notice The chain gives no hash of a block that is young enough to have one: no seed can be drawn from it.
    error NoBlockHash(uint64 blockNumber);
    /// @notice The round is not the current one any more.
    error RoundSuperseded(uint32 round, uint32 currentRound);

    // --------------------------------------------------- permits and appeals

    /// @notice The permit's deadline has passed.
    error PermitExpired(uint256 deadline);
    /// @notice The signature is not the trainer's over this commit.
    error BadSignature(address trainer);
    /// @notice The relayer did not commit to this batch in this round.
    error UnknownBatch(address relayer, bytes32 batch);
    /// @notice The `length`, of the entries or of their number, does not fit the number of entries that was committed to.
    error BadBatch(bytes32 batch, uint256 length, uint256 count);
    /// @notice The appeal window closed at `finalAt`.
    error AppealWindowOver(uint40 finalAt);
    /// @notice This verdict has been appealed before.
    error AlreadyAppealed(uint32 round, uint256 index);
    /// @notice There is no open appeal against this verdict.
    error UnknownAppeal(uint32 round, uint256 index);
    /// @notice The account is not in the jury of this appeal.
    error NotInJury(address account, uint32 round, uint256 index);
    /// @notice The appeal's vote is in another phase: 0 commit, 1 reveal, 2 over.
    error WrongAppealPhase(uint256 index, uint8 current, uint8 needed);
    /// @notice A code that cannot be voted: 0, 6, 7 or above 15 bits.
    error InvalidVote(uint16 code);

    /// @notice No update has this index.
    error UnknownUpdate(uint256 index, uint256 count);
    /// @notice What was earned is known as of this day and the day before.
    error DayNotKept(uint32 day, uint32 today);
}
