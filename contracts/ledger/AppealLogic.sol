// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILedgerErrors} from "../interfaces/ILedgerErrors.sol";
import {ILedgerEvents} from "../interfaces/ILedgerEvents.sol";
import {Phase, TaskParams, VoteState} from "../interfaces/LedgerTypes.sol";
import {Lanes} from "../libraries/Lanes.sol";
import {Scores} from "../libraries/Scores.sol";
import {Appeal, JurorVote, Round, Seat, State, Task, VerifierPlace} from "./State.sol";

/// @title AppealLogic
/// @author Karat
/// @notice Bonded challenges to one verdict, decided by the verifiers outside the committee. The bond's deposit is the
/// caller's part.
library AppealLogic {
    uint8 private constant COMMIT = 0;
    uint8 private constant REVEAL = 1;
    uint8 private constant OVER = 2;

    /// @dev Committee members who voted for an overturned verdict.
    struct Erring {
        address[] verifiers;
        uint256[] weights;
        uint256 count;
        uint256 total;
    }

    /// @notice See {ILedger-appeal}.
    function open(Task storage task, uint256 taskId, uint32 round, uint256 index) external {
        Round storage state = task.roundIn(taskId, round, Phase.Appeal);
        if (block.timestamp >= state.payouts.finalAt) revert ILedgerErrors.AppealWindowOver(state.payouts.finalAt);
        if (index >= state.count) revert ILedgerErrors.UnknownUpdate(index, state.count);
        Appeal storage appeal = state.appeals[index];
        if (appeal.challenger != address(0)) revert ILedgerErrors.AlreadyAppealed(round, index);
        TaskParams storage params = task.params;
        appeal.challenger = msg.sender;
        appeal.commitDeadline = uint40(block.timestamp + params.appealWindow);
        appeal.revealDeadline = appeal.commitDeadline + params.appealWindow;
        _callJury(task, state, appeal, round);
        if (appeal.juryWeight < state.revealedWeight) {
            revert ILedgerErrors.JuryTooSmall(appeal.juryWeight, state.revealedWeight);
        }
        ++state.payouts.openAppeals;
        emit ILedgerEvents.AppealOpened(
            taskId,
            round,
            index,
            msg.sender,
            params.appealBond,
            appeal.juryWeight,
            appeal.commitDeadline,
            appeal.revealDeadline
        );
    }

    /// @notice See {ILedger-commitAppealVote}.
    function commitVote(Task storage task, uint256 taskId, uint32 round, uint256 index, bytes32 commitment) external {
        Appeal storage appeal = _appealIn(task, round, index, COMMIT);
        JurorVote storage vote = _voteOf(task, appeal, round, index);
        if (vote.commitment != 0) revert ILedgerErrors.AlreadyVoted(msg.sender, round);
        // Zero stands for no commitment: a juror that committed to it could do so again, and count as several.
        if (commitment == 0) revert ILedgerErrors.NoVote(msg.sender, round);
        vote.commitment = commitment;
        ++appeal.committed;
        emit ILedgerEvents.AppealVoteCommitted(taskId, round, index, msg.sender, commitment);
    }

    /// @notice See {ILedger-revealAppealVote}.
    function revealVote(
        Task storage task,
        uint256 taskId,
        uint32 round,
        uint256 index,
        uint16 code,
        bytes32 evidence,
        bytes32 salt
    ) external {
        Appeal storage appeal = _appealIn(task, round, index, REVEAL);
        JurorVote storage vote = _voteOf(task, appeal, round, index);
        if (vote.commitment == 0) revert ILedgerErrors.NoVote(msg.sender, round);
        if (vote.code != 0) revert ILedgerErrors.AlreadyVoted(msg.sender, round);
        if (!Lanes.valid(code, 1)) revert ILedgerErrors.InvalidVote(code);
        bytes32 commitment =
            keccak256(abi.encode(block.chainid, address(this), taskId, round, index, msg.sender, code, evidence, salt));
        if (commitment != vote.commitment) revert ILedgerErrors.CommitmentMismatch(vote.commitment, commitment);
        vote.code = code;
        ++appeal.revealed;
        emit ILedgerEvents.AppealVoteRevealed(taskId, round, index, msg.sender, code, evidence);
    }

    /// @notice See {ILedger-resolveAppeal}.
    function resolve(Task storage task, uint256 taskId, uint32 round, uint256 index, uint256[][] calldata vectors)
        external
    {
        (uint16 oldCode, uint16 newCode) = _close(task, taskId, round, index);
        bool upheld = Scores.verdict(newCode) != Scores.verdict(oldCode);
        uint256 reward;
        if (upheld) {
            Round storage state = task.rounds[round];
            _replace(task, state, index, oldCode, newCode);
            reward = _fine(task, taskId, round, _erring(task, state, index, oldCode, vectors));
            task.members[state.appeals[index].challenger].balance += uint128(task.params.appealBond + reward);
        } else {
            task.escrow += task.params.appealBond;
        }
        emit ILedgerEvents.AppealResolved(taskId, round, index, oldCode, newCode, upheld, reward);
    }

    /// @dev Closes the vote: returns the old median and the outcome, and slashes absent jurors.
    function _close(Task storage task, uint256 taskId, uint32 round, uint256 index)
        private
        returns (uint16 oldCode, uint16 newCode)
    {
        Appeal storage appeal = _appealIn(task, round, index, OVER);
        Round storage state = task.rounds[round];
        appeal.resolved = true;
        --state.payouts.openAppeals;
        if (state.payouts.openAppeals == 0 && block.timestamp > state.payouts.finalAt) {
            state.payouts.finalAt = uint40(block.timestamp);
        }
        oldCode = Lanes.lane(state.medians[index / Lanes.PER_WORD], index);
        newCode = _outcome(task, appeal, oldCode, state.revealedWeight);
        _slashAbsent(task, appeal, taskId, round);
    }

    /// @dev Requires an open appeal, in a phase of its vote.
    function _appealIn(Task storage task, uint32 round, uint256 index, uint8 needed)
        private
        view
        returns (Appeal storage appeal)
    {
        appeal = task.rounds[round].appeals[index];
        if (appeal.challenger == address(0) || appeal.resolved) revert ILedgerErrors.UnknownAppeal(round, index);
        uint8 current = OVER;
        if (appeal.committed < appeal.jurors && block.timestamp < appeal.commitDeadline) current = COMMIT;
        else if (appeal.revealed < appeal.committed && block.timestamp < appeal.revealDeadline) current = REVEAL;
        if (current != needed) revert ILedgerErrors.WrongAppealPhase(index, current, needed);
    }

    /// @dev The caller's vote, if it is in the jury.
    function _voteOf(Task storage task, Appeal storage appeal, uint32 round, uint256 index)
        private
        view
        returns (JurorVote storage)
    {
        bool called = task.places[msg.sender].juryRound == round;
        if (!called || (appeal.jury >> task.places[msg.sender].index) & 1 == 0) {
            revert ILedgerErrors.NotInJury(msg.sender, round, index);
        }
        return appeal.votes[msg.sender];
    }

    /// @dev Calls all verifiers of the round outside its committee into the jury.
    function _callJury(Task storage task, Round storage state, Appeal storage appeal, uint32 round) private {
        (uint256 jury, uint256 weight, uint8 jurors) = (0, 0, 0);
        for (uint256 i; i < task.verifiers.length; ++i) {
            address verifier = task.verifiers[i];
            VerifierPlace memory place = task.places[verifier];
            if (place.seatRound == round || !place.mayServe(state)) continue;
            task.places[verifier].juryRound = round;
            jury |= 1 << i;
            weight += place.granted;
            ++jurors;
        }
        (appeal.jury, appeal.juryWeight, appeal.jurors) = (uint64(jury), uint16(weight), jurors);
    }

    /// @dev The weighted median of the jury's votes and the committee's median.
    function _outcome(Task storage task, Appeal storage appeal, uint16 oldCode, uint16 committeeWeight)
        private
        view
        returns (uint16)
    {
        uint256[][] memory votes = new uint256[][](uint256(appeal.revealed) + 1);
        uint256[] memory weights = new uint256[](votes.length);
        (votes[0], weights[0]) = (_word(oldCode), committeeWeight);
        uint256 total = committeeWeight;
        uint256 next = 1;
        for (uint256 i; next < votes.length; ++i) {
            address juror = task.verifiers[i];
            if (appeal.votes[juror].code == 0) continue;
            (votes[next], weights[next]) = (_word(appeal.votes[juror].code), task.members[juror].weight);
            total += weights[next++];
        }
        return uint16(Lanes.medians(votes, weights, total)[0]);
    }

    /// @dev A vector of one code.
    function _word(uint16 code) private pure returns (uint256[] memory vector) {
        vector = new uint256[](1);
        vector[0] = code;
    }

    /// @dev Slashes the jurors who did not reveal.
    function _slashAbsent(Task storage task, Appeal storage appeal, uint256 taskId, uint32 round) private {
        uint256 jury = appeal.jury;
        for (uint256 i; jury >> i != 0; ++i) {
            address juror = task.verifiers[i];
            if ((jury >> i) & 1 == 0 || appeal.votes[juror].code != 0) continue;
            task.slash(taskId, round, juror, 0, task.params.slashAbsent);
        }
    }

    /// @dev Puts the outcome in the place of the median.
    function _replace(Task storage task, Round storage state, uint256 index, uint16 oldCode, uint16 newCode) private {
        (uint256 exponent, uint256 before) = (state.payouts.exponent, state.payouts.total);
        uint256 word = index / Lanes.PER_WORD;
        state.medians[word] = Lanes.withLane(state.medians[word], index, newCode);
        uint256 total = before - Scores.payoutWeight(oldCode, exponent) + Scores.payoutWeight(newCode, exponent);
        state.payouts.total = uint64(total);
        // The escrow still has what the settlement returned: nothing leaves it before the round is final.
        uint112 budget = state.payouts.budget;
        if (before == 0 && total != 0) (task.escrow, task.owed) = (task.escrow - budget, task.owed + budget);
        if (before != 0 && total == 0) (task.escrow, task.owed) = (task.escrow + budget, task.owed - budget);
    }

    /// @dev Takes the bond's amount, by weight, from the committee members who voted for the old verdict.
    function _fine(Task storage task, uint256 taskId, uint32 round, Erring memory erring)
        private
        returns (uint256 reward)
    {
        uint256 bond = task.params.appealBond;
        for (uint256 i; i < erring.count; ++i) {
            uint256 fine = task.takeStake(erring.verifiers[i], bond * erring.weights[i] / erring.total);
            reward += fine;
            emit ILedgerEvents.VerifierFined(taskId, round, erring.verifiers[i], fine);
        }
    }

    /// @dev The committee members whose vector, as revealed, has the verdict of `oldCode` in one lane.
    function _erring(
        Task storage task,
        Round storage state,
        uint256 index,
        uint16 oldCode,
        uint256[][] calldata vectors
    ) private view returns (Erring memory erring) {
        if (vectors.length != state.revealed) {
            revert ILedgerErrors.WrongLength(vectors.length, state.revealed);
        }
        erring.verifiers = new address[](vectors.length);
        erring.weights = new uint256[](vectors.length);
        uint256 place;
        for (uint256 i; i < vectors.length; ++i) {
            while (task.seats[place].state != VoteState.Revealed) ++place;
            Seat storage seat = task.seats[place++];
            bytes32 head = Lanes.chainHash(vectors[i], 0);
            if (head != seat.head) revert ILedgerErrors.ChainMismatch(seat.verifier, seat.head, head);
            uint16 code = Lanes.lane(vectors[i][index / Lanes.PER_WORD], index);
            if (Scores.verdict(code) != Scores.verdict(oldCode)) continue;
            erring.verifiers[erring.count] = seat.verifier;
            erring.weights[erring.count++] = seat.weight;
            erring.total += seat.weight;
        }
    }
}
