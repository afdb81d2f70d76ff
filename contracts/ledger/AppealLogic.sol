// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILedgerErrors} from "../interfaces/ILedgerErrors.sol";
import {ILedgerEvents} from "../interfaces/ILedgerEvents.sol";
import {Phase, TaskParams, VoteState} from "../interfaces/LedgerTypes.sol";
import {Lanes} from "../libraries/Lanes.sol";
import {Scores} from "../libraries/Scores.sol";
import {Appeal, JurorVote, Payouts, Round, Seat, State, Task, VerifierPlace} from "./State.sol";

/// @title AppealLogic
/// @author Karat
/// @notice Bonded challenges to one code, decided by the whole panel of the round. The bond's deposit is the caller's
/// part.
library AppealLogic {
    uint8 private constant COMMIT = 0;
    uint8 private constant REVEAL = 1;
    uint8 private constant OVER = 2;

    /// @dev The panel's votes on one code, 0 for those who have not revealed; `code` is the outcome.
    struct Ballots {
        uint256 taskId;
        uint32 round;
        uint256 index;
        uint16 code;
        uint16 tolerance;
        address[] voters;
        uint256[] weights;
        uint16[] codes;
        bool[] seated;
        uint256 total;
    }

    /// @dev Who voted too far from the outcome, and with what weight together.
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
        _callPanel(task, state, appeal, round);
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
        uint16 mixtureWeight,
        bytes32 evidence,
        bytes32 salt
    ) external {
        Appeal storage appeal = _appealIn(task, round, index, REVEAL);
        JurorVote storage vote = _voteOf(task, appeal, round, index);
        if (vote.commitment == 0) revert ILedgerErrors.NoVote(msg.sender, round);
        if (vote.code != 0) revert ILedgerErrors.AlreadyVoted(msg.sender, round);
        if (!Lanes.valid(code, 1)) revert ILedgerErrors.InvalidVote(code);
        bytes32 commitment = keccak256(
            abi.encode(
                block.chainid, address(this), taskId, round, index, msg.sender, code, mixtureWeight, evidence, salt
            )
        );
        if (commitment != vote.commitment) revert ILedgerErrors.CommitmentMismatch(vote.commitment, commitment);
        vote.code = code;
        ++appeal.revealed;
        uint16 weight = uint16(_weightOf(task, msg.sender, task.rounds[round].weightCap));
        emit ILedgerEvents.AppealVoteRevealed(taskId, round, index, msg.sender, weight, code, mixtureWeight, evidence);
    }

    /// @notice See {ILedger-resolveAppeal}.
    function resolve(Task storage task, uint256 taskId, uint32 round, uint256 index, uint256[][] calldata vectors)
        external
    {
        Ballots memory ballots = _close(task, taskId, round, index);
        uint16 oldCode = Lanes.lane(task.rounds[round].medians[index / Lanes.PER_WORD], index);
        ballots.code = _outcome(ballots, oldCode);
        bool upheld = _errs(ballots, oldCode);
        if (!upheld) ballots.code = oldCode;
        _slashAbsent(task, ballots);
        uint256 reward = _settleMoney(task, ballots, upheld, vectors);
        emit ILedgerEvents.AppealResolved(taskId, round, index, oldCode, ballots.code, upheld, reward);
    }

    /// @dev Fines those who erred, and pays challenger and jurors.
    /// @return reward What the challenger gets besides its bond.
    function _settleMoney(Task storage task, Ballots memory ballots, bool upheld, uint256[][] calldata vectors)
        private
        returns (uint256 reward)
    {
        Erring memory erring = _erringJurors(ballots);
        uint256 bond = task.params.appealBond;
        if (!upheld) {
            _payJurors(task, ballots, bond + _fine(task, ballots, erring));
            return 0;
        }
        Round storage state = task.rounds[ballots.round];
        _addCommittee(task, state, erring, ballots, vectors);
        _replace(task, ballots);
        uint256 fines = _fine(task, ballots, erring);
        reward = fines / 2;
        task.members[state.appeals[ballots.index].challenger].balance += uint128(bond + reward);
        _payJurors(task, ballots, fines - reward);
    }

    /// @dev Closes the vote and collects it.
    function _close(Task storage task, uint256 taskId, uint32 round, uint256 index)
        private
        returns (Ballots memory ballots)
    {
        Appeal storage appeal = _appealIn(task, round, index, OVER);
        Round storage state = task.rounds[round];
        appeal.resolved = true;
        --state.payouts.openAppeals;
        if (state.payouts.openAppeals == 0 && block.timestamp > state.payouts.finalAt) {
            state.payouts.finalAt = uint40(block.timestamp);
        }
        ballots = _ballots(task, state, appeal, round);
        (ballots.taskId, ballots.round, ballots.index) = (taskId, round, index);
        ballots.tolerance = task.params.tolerance;
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

    /// @dev Calls everybody on the round's panel: the committee, which may vote again, and all others, who must.
    function _callPanel(Task storage task, Round storage state, Appeal storage appeal, uint32 round) private {
        (uint256 openedAt, uint256 cap) = (task.openedAt(state), state.weightCap);
        (uint256 jury, uint256 weight, uint8 jurors) = (0, 0, 0);
        for (uint256 i; i < task.verifiers.length; ++i) {
            address verifier = task.verifiers[i];
            VerifierPlace memory place = task.places[verifier];
            bool seated = place.seatRound == round;
            if (!seated && !State.mayServe(place, openedAt)) continue;
            task.places[verifier].juryRound = round;
            jury |= 1 << i;
            weight += _weightOf(task, verifier, cap);
            ++jurors;
        }
        (appeal.jury, appeal.juryWeight, appeal.jurors) = (uint64(jury), uint16(weight), jurors);
    }

    /// @dev The weight of a verifier on a panel that nobody dominates.
    function _weightOf(Task storage task, address verifier, uint256 cap) private view returns (uint256 weight) {
        weight = task.places[verifier].granted;
        if (weight > cap) weight = cap;
    }

    /// @dev The votes of the whole panel.
    function _ballots(Task storage task, Round storage state, Appeal storage appeal, uint32 round)
        private
        view
        returns (Ballots memory ballots)
    {
        uint256 size = appeal.jurors;
        uint256 cap = state.weightCap;
        ballots.voters = new address[](size);
        ballots.weights = new uint256[](size);
        ballots.codes = new uint16[](size);
        ballots.seated = new bool[](size);
        ballots.total = appeal.juryWeight;
        uint256 next;
        for (uint256 i; next < size; ++i) {
            if ((uint256(appeal.jury) >> i) & 1 == 0) continue;
            address voter = task.verifiers[i];
            ballots.voters[next] = voter;
            ballots.weights[next] = _weightOf(task, voter, cap);
            ballots.codes[next] = appeal.votes[voter].code;
            ballots.seated[next++] = task.places[voter].seatRound == round;
        }
    }

    /// @dev The weighted median of the whole panel's votes, if more than half of its weight stands behind the change, and
    /// two thirds behind a more severe verdict; else the old code.
    function _outcome(Ballots memory ballots, uint16 oldCode) private pure returns (uint16 code) {
        uint256[] memory votes = new uint256[](ballots.voters.length);
        for (uint256 i; i < votes.length; ++i) {
            votes[i] = ballots.codes[i] == 0 ? oldCode : ballots.codes[i];
        }
        code = uint16(Lanes.median(votes, ballots.weights, (ballots.total + 1) / 2));
        uint256 behind;
        for (uint256 i; i < votes.length; ++i) {
            if (code > oldCode ? votes[i] >= code : votes[i] <= code) behind += ballots.weights[i];
        }
        bool harsher = Scores.verdict(code) < Scores.verdict(oldCode);
        if (2 * behind <= ballots.total || (harsher && 3 * behind < 2 * ballots.total)) return oldCode;
    }

    /// @dev Slashes the jurors outside the committee who did not reveal, once a round.
    function _slashAbsent(Task storage task, Ballots memory ballots) private {
        uint32 round = ballots.round;
        for (uint256 i; i < ballots.voters.length; ++i) {
            if (ballots.codes[i] != 0 || ballots.seated[i]) continue;
            VerifierPlace storage place = task.places[ballots.voters[i]];
            if (place.absentRound == round) continue;
            place.absentRound = round;
            task.slash(ballots.taskId, round, ballots.voters[i], 0, task.params.slashAbsent);
        }
    }

    /// @dev Puts the outcome in the place of the median, and what the trainers earn now in the place of what they earned.
    function _replace(Task storage task, Ballots memory ballots) private {
        Round storage state = task.rounds[ballots.round];
        Payouts memory payouts = state.payouts;
        uint256 full = task.params.fullPayGain;
        uint112 before = payouts.due(full);
        uint256 word = ballots.index / Lanes.PER_WORD;
        uint256 lanes = state.medians[word];
        uint256 lost = Scores.payoutWeight(Lanes.lane(lanes, ballots.index), payouts.exponent);
        state.medians[word] = Lanes.withLane(lanes, ballots.index, ballots.code);
        payouts.total = uint64(payouts.total - lost + Scores.payoutWeight(ballots.code, payouts.exponent));
        state.payouts.total = payouts.total;
        uint112 due = payouts.due(full);
        task.owed = task.owed + due - before;
        task.giveBack(ballots.taskId, ballots.round, payouts.budget - before, payouts.budget - due);
    }

    /// @dev The jurors whose votes lie too far from the outcome.
    function _erringJurors(Ballots memory ballots) private pure returns (Erring memory erring) {
        // Room for the committee, which may err a second time.
        erring.verifiers = new address[](2 * ballots.voters.length);
        erring.weights = new uint256[](2 * ballots.voters.length);
        for (uint256 i; i < ballots.voters.length; ++i) {
            if (ballots.codes[i] == 0 || !_errs(ballots, ballots.codes[i])) continue;
            _add(erring, ballots.voters[i], ballots.weights[i]);
        }
    }

    /// @dev Adds the committee members whose vectors, as revealed, lie too far from the outcome.
    function _addCommittee(
        Task storage task,
        Round storage state,
        Erring memory erring,
        Ballots memory ballots,
        uint256[][] calldata vectors
    ) private view {
        if (vectors.length != state.revealed) {
            revert ILedgerErrors.WrongLength(vectors.length, state.revealed);
        }
        uint256 place;
        for (uint256 i; i < vectors.length; ++i) {
            while (task.seats[place].state != VoteState.Revealed) ++place;
            Seat storage seat = task.seats[place++];
            bytes32 head = Lanes.chainHash(vectors[i], 0);
            if (head != seat.head) revert ILedgerErrors.ChainMismatch(seat.verifier, seat.head, head);
            uint16 vote = Lanes.lane(vectors[i][ballots.index / Lanes.PER_WORD], ballots.index);
            if (_errs(ballots, vote)) _add(erring, seat.verifier, seat.weight);
        }
    }

    /// @dev Whether a vote lies too far from the outcome.
    function _errs(Ballots memory ballots, uint16 vote) private pure returns (bool) {
        return Scores.apart(vote, ballots.code, ballots.tolerance);
    }

    /// @dev Adds one to those who erred.
    function _add(Erring memory erring, address verifier, uint256 weight) private pure {
        erring.verifiers[erring.count] = verifier;
        erring.weights[erring.count++] = weight;
        erring.total += weight;
    }

    /// @dev Takes twice the bond, by weight, from those who erred; no more than their stakes.
    function _fine(Task storage task, Ballots memory ballots, Erring memory erring) private returns (uint256 fines) {
        uint256 bonds = 2 * uint256(task.params.appealBond);
        for (uint256 i; i < erring.count; ++i) {
            address verifier = erring.verifiers[i];
            uint256 fine = task.takeStake(ballots.taskId, verifier, bonds * erring.weights[i] / erring.total);
            fines += fine;
            emit ILedgerEvents.VerifierFined(ballots.taskId, ballots.round, verifier, fine);
        }
    }

    /// @dev Shares an amount, by weight, among those who revealed a vote near the outcome; what remains is forfeited.
    function _payJurors(Task storage task, Ballots memory ballots, uint256 amount) private {
        uint256 weight;
        for (uint256 i; i < ballots.voters.length; ++i) {
            if (ballots.codes[i] == 0 || _errs(ballots, ballots.codes[i])) ballots.weights[i] = 0;
            weight += ballots.weights[i];
        }
        uint256 left = amount;
        for (uint256 i; i < ballots.voters.length; ++i) {
            if (ballots.weights[i] == 0) continue;
            (address juror, uint256 share) = (ballots.voters[i], amount * ballots.weights[i] / weight);
            left -= share;
            task.members[juror].balance += uint128(share);
            emit ILedgerEvents.JurorRewarded(ballots.taskId, ballots.round, ballots.index, juror, share);
        }
        task.forfeited += uint112(left);
    }
}
