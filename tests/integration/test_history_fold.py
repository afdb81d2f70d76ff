"""The fold of the events beside the contract's own books, for histories with everything in them."""

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chain.devnet import start_devnet
from chain.errors import TransactionReverted
from chain.evm.abi import Call
from chain.evm.transactions import Sender
from chain.ledger.bindings.constants import Scores
from chain.ledger.bindings.enums import Phase
from chain.ledger.bindings.errors import NotInJury, UnknownAppeal, WrongAppealPhase
from chain.ledger.commitments import (
    appeal_commitment,
    pack_scores,
    score_commitment,
    unpack_scores,
    update_commitment,
    vector_hash,
)
from chain.ledger.peers import pack_edges
from karat.errors import NotAvailable
from karat.protocol.history import TaskHistory
from karat.protocol.mixture import Mixture
from karat.protocol.reducer import HANDLED, IGNORED
from karat.protocol.rounds import opening, resolve_call, settle_calls
from karat.protocol.rules import (
    AppealStage,
    appeal_stage,
    earned,
    quorum_met,
    required_stake,
    settled_mixture,
)
from karat.protocol.selfcheck import main, missing
from karat.protocol.state import Outcome
from tests.chain.network import ACCOUNTS, GENESIS, SALT, UNIT, Network

CODES = [20_000, 18_000, 1, 16_384]
EVIDENCE = b"\x08" * 32
TAKEN = 1 << 14
RULES = {
    "committee_size": 1,
    "appeal_window": 60,
    "appeal_bond": UNIT,
    "cooldown": 6000,
    "attest_window": 0,
}


@pytest.fixture
def network() -> Iterator[Network]:
    addresses = [account.address for account in ACCOUNTS]
    with start_devnet("embedded", accounts=addresses, timestamp=GENESIS, mining="manual") as devnet:
        yield Network(devnet, **RULES)


def mixed(votes: list[int]) -> bytes:
    """A mixture of updates with these codes; what convicts an update does not take it."""
    weights = tuple(0 if code < Scores.ZERO_SCORE else code - Scores.ZERO_SCORE for code in votes)
    return Mixture(weights, (len(votes), -1, 0, 0)).to_bytes()


def folded(network: Network) -> TaskHistory:
    history = TaskHistory(network.ledger, 1, anchor=network.anchor)
    history.refresh()
    return history


def assert_books_agree(network: Network) -> TaskHistory:
    """Every stake, balance and sum that the events add up to is what the ledger's views say."""
    history, ledger = folded(network), network.ledger
    for address in network.senders:
        view, account = ledger.member(1, address), history.account(address)
        assert (account.stake, account.balance) == (view.stake, view.balance), address
        assert account.balance == account.earned + returned(history, address) - account.withdrawn
    task = ledger.task(1)
    assert (history.escrow, history.owed) == (task.escrow, task.owed)
    assert history.forfeited == task.forfeited
    assert (history.open_records, history.closed) == (task.open_records, task.closed)
    for number, current in history.rounds.items():
        for index, code in enumerate(current.medians):
            assert code == ledger.score_of(1, number, index)
        committee = ledger.committee(1, number)
        if number == task.current_round:
            assert (current.committee, current.voices) == (committee.verifiers, committee.weights)
    held = network.token.balance_of(ledger.address)
    stakes = sum(account.stake + account.balance for account in history.accounts.values())
    bonds = sum(account.bonds for account in history.accounts.values())
    budgets = 0
    for current in history.rounds.values():
        if current.outcome is Outcome.OPEN:
            budgets += current.budget + history.params.verifier_budget
    assert held == stakes + bonds + budgets + history.escrow + history.owed + history.forfeited
    return history


def assert_rules_agree(network: Network) -> None:
    """What Python says by the ledger's rules is what the ledger does."""
    ledger, history = network.ledger, folded(network)
    params, now = history.params, network.devnet.timestamp + 1
    for address, account in history.members.items():
        if account.left:
            continue
        view = ledger.member(1, address)
        needed = required_stake(params, account.role, history.appointed.get(address, 1))
        leaving = bool(account.leave_at) or account.evicted
        assert view.suspended == (account.stake < needed or leaving), address
    for current in history.rounds.values():
        codes = {
            update.trainer: current.medians[update.index : update.index + 1]
            for update in current.updates
        }
        for trainer, amount in current.claimed.items():
            code = codes.get(trainer) or [None]
            assert amount == earned(params, current, code[0])
        for appeal in current.appeals.values():
            stage = appeal_stage(ledger.appeal_info(1, current.number, appeal.index), now)
            assert stage is stage_on_chain(network, current.number, appeal.index)
    number = ledger.task(1).current_round
    if ledger.phase(1, number) is Phase.SETTLE:
        info = ledger.round_info(1, number)
        refused = is_refused(network.sponsor, ledger.void_round(1, number))
        assert quorum_met(info.revealed_weight, info.committee_weight) == refused
    try:
        call = opening(ledger, 1, now)
    except NotAvailable:
        assert is_refused(network.sponsor, ledger.open_round(1))
    else:
        assert not is_refused(network.sponsor, call)


def is_refused(sender: Sender, call: Call[Any]) -> bool:
    try:
        sender.simulate(call)
    except TransactionReverted:
        return True
    return False


def stage_on_chain(network: Network, number: int, index: int) -> AppealStage:
    """How the contract itself names the stage when it refuses a vote."""
    stages = [AppealStage.COMMIT, AppealStage.REVEAL, AppealStage.DUE]
    try:
        network.sponsor.simulate(network.ledger.commit_appeal_vote(1, number, index, SALT))
    except WrongAppealPhase as error:
        return stages[error.arguments["current"]]
    except UnknownAppeal:
        return AppealStage.RESOLVED
    except NotInJury:
        return AppealStage.COMMIT
    raise AssertionError("the sponsor is no juror")


def returned(history: TaskHistory, address: str) -> int:
    """The bonds that came back to an account."""
    appeals = (appeal for past in history.rounds.values() for appeal in past.appeals.values())
    return sum(a.bond for a in appeals if a.challenger == address and a.upheld)


def test_every_event_class_has_a_meaning(capsys: pytest.CaptureFixture[str]) -> None:
    assert missing() == []
    assert not HANDLED.keys() & IGNORED.keys()
    assert main() == 0
    assert capsys.readouterr().out.endswith("missing: 0\n")


def test_a_settled_round_and_its_claims(network: Network) -> None:
    network.open_task()
    network.play_round(CODES)
    network.devnet.warp_to(network.ledger.round_info(1, 1).final_at)
    ledger = network.ledger
    [seated] = ledger.committee(1, 1).verifiers
    network.everyone(
        *((network.sponsor, ledger.claim(1, one.address, [1])) for one in network.trainers),
        (network.senders[seated], ledger.attest_model(1, 1, b"\x07" * 32, 1234)),
        (network.verifiers[0], ledger.withdraw(1, network.trainers[0].address)),
    )
    history = assert_books_agree(network)
    past = history.round(1)
    assert past.medians == CODES
    assert past.next_model == (b"\x07" * 32, 1234)
    assert past.attested == {seated: (b"\x07" * 32, 1234)}
    assert past.claimed.keys() == {one.address for one in network.trainers}
    assert history.account(network.trainers[0].address).withdrawn > 0
    assert history.account(network.trainers[2].address).slashed > 0


def appealed(network: Network, jury_code: int) -> tuple[Sender, str]:
    """A settled round whose third verdict was appealed, with one code from all jurors."""
    ledger, key = network.ledger, network.ledger.round_key(1, 1)
    judged = network.trainers[2]  # whose verdict is "harmful"
    network.everyone((judged, ledger.appeal(1, ledger.rules_hash(1), 1, 2)))
    [seated] = ledger.committee(1, 1).verifiers
    jury = [one for one in network.verifiers if one.address != seated]
    for one in jury:
        sealed = appeal_commitment(key, one.address, 2, jury_code, TAKEN, EVIDENCE, SALT)
        network.everyone((one, ledger.commit_appeal_vote(1, 1, 2, sealed)))
    network.devnet.warp_to(ledger.appeal_info(1, 1, 2).commit_deadline)
    network.everyone(
        *(
            (one, ledger.reveal_appeal_vote(1, 1, 2, jury_code, TAKEN, EVIDENCE, SALT))
            for one in jury
        )
    )
    network.devnet.warp_to(ledger.appeal_info(1, 1, 2).reveal_deadline)
    current = folded(network).round(1)
    network.everyone((judged, resolve_call(ledger, 1, current, 2)))
    return judged, seated


def test_an_upheld_appeal_fines_the_verifier_and_the_bond_is_no_income(network: Network) -> None:
    network.open_task()
    network.play_round(CODES)
    judged, seated = appealed(network, 17_000)
    history = assert_books_agree(network)
    appeal = history.round(1).appeals[2]
    assert appeal.upheld
    assert settled_mixture(history.round(1)).weights == (0, 0, TAKEN, 0)  # all that jurors decided
    assert appeal.reward > 0
    assert history.round(1).medians[2] == 17_000
    assert history.account(seated).slashed == 2 * appeal.reward  # the other half is the jurors'
    assert history.account(judged.address).earned == appeal.reward
    assert history.account(judged.address).balance == appeal.reward + appeal.bond
    assert history.account(judged.address).bonds == 0


def test_a_lost_appeal_costs_the_bond(network: Network) -> None:
    network.open_task()
    network.play_round(CODES)
    judged, seated = appealed(network, 1)
    history = assert_books_agree(network)
    assert history.round(1).appeals[2].upheld is False
    assert history.account(judged.address).bonds_lost == UNIT
    assert history.account(judged.address).earned == 0
    assert history.account(seated).slashed == 0


def test_peers_and_unrevealed_commits(network: Network) -> None:
    network.open_task()
    first, second, third = network.trainers[:3]
    stated = [(second.address, 7), (third.address, -32_767)]
    network.everyone(
        (first, network.anchor.attest_peers(1, pack_edges(stated))),
        (first, network.ledger.commit(1, 1, b"\x05" * 32)),
    )
    history = assert_books_agree(network)
    assert history.peer_edges == {(first.address, to, 1): weight for to, weight in stated}
    assert history.round(1).missing == [first.address]
    assert history.epochs == {}


class Players:
    """Random moves of everybody in one task; what the ledger refuses is not made."""

    def __init__(self, network: Network, source: random.Random) -> None:
        self.network, self.source = network, source
        self.rules = network.ledger.rules_hash(1)
        self.votes: dict[tuple[int, str], list[int]] = {}
        self.made: set[str] = set()

    def someone(self) -> Sender:
        return self.source.choice(list(self.network.senders.values()))

    def move(self) -> None:
        moves: list[Callable[[], None]] = [
            self.play, self.play, self.play, self.play, self.claim, self.withdraw, self.appeal,
            self.top_up, self.leave, self.join, self.attest, self.fund, self.peers, self.close,
        ]  # fmt: skip
        self.source.choice(moves)()

    def try_(self, sender: Sender, call: Call[Any]) -> None:
        try:
            sender.simulate(call)
        except TransactionReverted:
            return
        sender.send(call)
        self.made.add(call.operation)

    def play(self) -> None:
        """Everybody, or all but a few, do what the phase asks for; then the clock moves on."""
        ledger = self.network.ledger
        number = ledger.task(1).current_round
        phase, info = ledger.phase(1, number), ledger.round_info(1, number)
        if phase is Phase.COMMIT:
            self._each_trainer(lambda one: self._commit(one, number))
            self.network.devnet.warp_to(info.commit_deadline)
        elif phase is Phase.REVEAL:
            self._each_trainer(lambda one: self._reveal(one, number))
            self.network.devnet.warp_to(info.reveal_deadline)
        elif phase is Phase.CLOSE:
            for _ in range(self.source.choice([1, 2])):  # names a block, draws from its hash
                self.try_(self.someone(), ledger.close_reveal(1, number))
        elif phase is Phase.SCORE_COMMIT:
            self._score(number, info.count)
            self.network.devnet.warp_to(info.score_commit_deadline)
        elif phase is Phase.SCORE_REVEAL:
            self._reveal_scores(number)
            self.network.devnet.warp_to(info.score_reveal_deadline)
        elif phase is Phase.SETTLE:
            for call in settle_calls(ledger, 1, folded(self.network).round(number)):
                self.try_(self.someone(), call)
            self.try_(self.someone(), ledger.void_round(1, number))
        elif phase is Phase.APPEAL:
            self._judge(number)
        else:
            self.try_(self.someone(), ledger.open_round(1))

    def _each_trainer(self, act: Callable[[Sender], None]) -> None:
        for one in self.network.trainers:
            if self.source.random() < 0.85:
                act(one)

    def _commit(self, one: Sender, number: int) -> None:
        key, digest = self.network.ledger.round_key(1, number), one.address.encode()[:32]
        sealed = update_commitment(key, one.address, digest, 9, SALT)
        self.try_(one, self.network.ledger.commit(1, number, sealed))

    def _reveal(self, one: Sender, number: int) -> None:
        digest = one.address.encode()[:32]
        self.try_(one, self.network.ledger.reveal(1, number, digest, 9, SALT))

    def _score(self, number: int, count: int) -> None:
        ledger, key = self.network.ledger, self.network.ledger.round_key(1, number)
        truth = [self.source.choice([1, 2, 3, 16_384, 17_000, 21_000]) for _ in range(count)]
        for one in self.network.verifiers:
            if self.source.random() < 0.85:
                votes = truth if self.source.random() < 0.7 else truth[::-1]
                self.votes[number, one.address] = votes
                digest, mixture = vector_hash(pack_scores(votes)), mixed(votes)
                sealed = score_commitment(key, one.address, digest, mixture, EVIDENCE, SALT)
                self.try_(one, ledger.commit_scores(1, number, sealed))

    def _reveal_scores(self, number: int) -> None:
        for one in self.network.verifiers:
            votes = self.votes.get((number, one.address))
            if votes is not None and self.source.random() < 0.9:
                words, ledger = pack_scores(votes), self.network.ledger
                call = ledger.reveal_scores(1, number, words, mixed(votes), EVIDENCE, SALT)
                self.try_(one, call)

    def _judge(self, number: int) -> None:
        """Jurors vote on open appeals; without any, the clock moves on."""
        ledger, key = self.network.ledger, self.network.ledger.round_key(1, number)
        current = folded(self.network).round(number)
        open_appeals = [a for a in current.appeals.values() if a.upheld is None]
        for appeal in open_appeals:
            index, code = appeal.index, self.source.choice([1, 17_000])
            vote = (code, code, EVIDENCE, SALT)
            for one in self.network.verifiers:
                if self.source.random() < 0.8:
                    sealed = appeal_commitment(key, one.address, index, *vote)
                    self.try_(one, ledger.commit_appeal_vote(1, number, index, sealed))
            self._warp(appeal.commit_deadline)
            for one in self.network.verifiers:
                self.try_(one, ledger.reveal_appeal_vote(1, number, index, *vote))
            self._warp(appeal.reveal_deadline)
            self.try_(self.someone(), resolve_call(ledger, 1, current, index))
        if not open_appeals:
            self._warp(ledger.round_info(1, number).final_at)

    def _warp(self, moment: int) -> None:
        if moment > self.network.devnet.timestamp:
            self.network.devnet.warp_to(moment)

    def claim(self) -> None:
        one = self.source.choice(self.network.trainers)
        rounds = self.network.ledger.pending_rounds(1, one.address)
        self.try_(self.someone(), self.network.ledger.claim(1, one.address, rounds))

    def withdraw(self) -> None:
        self.try_(self.someone(), self.network.ledger.withdraw(1, self.someone().address))

    def appeal(self) -> None:
        number = self.network.ledger.task(1).current_round
        index = self.source.randrange(4)
        self.try_(self.someone(), self.network.ledger.appeal(1, self.rules, number, index))

    def top_up(self) -> None:
        account = self.someone().address
        self.try_(self.someone(), self.network.ledger.top_up(1, self.rules, account, UNIT // 3))

    def leave(self) -> None:
        one = self.someone()
        if self.source.random() < 0.3:
            self.try_(one, self.network.ledger.request_leave(1))
        self._warp(self.network.devnet.timestamp + self.source.choice([1, 1, 7000]))
        self.try_(one, self.network.ledger.leave(1))

    def join(self) -> None:
        one = self.someone()
        self.try_(one, self.network.ledger.join_trainer(1, self.rules, 10 * UNIT))
        self.try_(one, self.network.ledger.join_verifier(1, self.rules, 20 * UNIT))

    def attest(self) -> None:
        number = self.network.ledger.task(1).current_round
        self.try_(self.someone(), self.network.ledger.attest_model(1, number, b"\x01" * 32, 5))

    def fund(self) -> None:
        self.try_(self.someone(), self.network.ledger.fund(1, self.rules, 3 * UNIT))

    def peers(self) -> None:
        edges = pack_edges([(self.someone().address, 5)])
        self.try_(self.someone(), self.network.anchor.attest_peers(1, edges))

    def close(self) -> None:
        if self.source.random() < 0.05:
            self.try_(self.network.sponsor, self.network.ledger.close_task(1))


@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(
    seed=st.integers(0, 2**32),
    committee=st.sampled_from([1, 3]),
    exponent=st.integers(1, 3),
    full_pay_gain=st.sampled_from([0, 12_000, 2**32]),
    min_updates=st.sampled_from([1, 3]),
)
def test_random_histories_add_up(
    seed: int, committee: int, exponent: int, full_pay_gain: int, min_updates: int
) -> None:
    addresses = [account.address for account in ACCOUNTS]
    with start_devnet("embedded", accounts=addresses, timestamp=GENESIS, mining="manual") as devnet:
        rules = RULES | {
            "committee_size": committee,
            "payout_exponent": exponent,
            "full_pay_gain": full_pay_gain,
            "min_updates": min_updates,
        }
        network = Network(devnet, **rules)
        network.open_task()
        players = Players(network, random.Random(seed))
        for step in range(45):
            players.move()
            if step % 3 == 2:
                assert_rules_agree(network)
            if step % 15 == 14:
                assert_books_agree(network)
        assert {"commit", "reveal", "settle"} & players.made
        for past in folded(network).rounds.values():
            for verifier, words in past.words.items():
                votes = unpack_scores(words, len(past.updates))
                assert past.votes[verifier] == votes
                assert past.mixtures[verifier].to_bytes() == mixed(votes)
            if past.outcome is Outcome.SETTLED:
                settled = settled_mixture(past)
                for weight, code in zip(settled.weights, past.medians, strict=True):
                    assert weight == 0 or code >= Scores.ZERO_SCORE
                assert settled.public == {1: len(past.updates), 2: -1}
