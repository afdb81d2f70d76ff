"""Members that stay members: stakes that are topped up, suspensions that are loud."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chain.ledger.bindings.enums import Phase, RecordKind
from karat.participants.membership import with_margin
from karat.protocol.rounds import due_calls
from tests.faults.world import PEOPLE, TRAINERS, VERIFIERS, Stakes, World, world

pytestmark = [pytest.mark.anvil, pytest.mark.timeout(600)]

TOKEN = 10**18
NEEDED = 8 * TOKEN  # of a verifier


@pytest.fixture(autouse=True)
def own_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KARAT_DATA_DIR", str(tmp_path / "data"))


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[World]:
    """Verifiers with just what they need at stake."""
    with world(tmp_path, rounds=3, stakes=Stakes(verifier=NEEDED)) as network:
        yield network


def to_scoring(network: World, number: int, silent: int | None = None) -> None:
    """Open a round and play it to its scoring phase; one trainer may miss its reveal."""
    network.verifiers[VERIFIERS[0]].step()
    assert network.ledger.task(1).current_round == number
    for index in TRAINERS:
        for _ in range(3):  # a full ring, a stake that is too low
            network.trainers[index].step()
        record = network.ledger.record(1, PEOPLE[index].address, number)
        assert record.kind is RecordKind.COMMITTED
    network.warp(network.info(number).commit_deadline)
    for index in TRAINERS:
        if index != silent:
            network.trainers[index].step()
    network.warp(network.info(number).reveal_deadline)
    move_on(network)


def move_on(network: World) -> None:
    """Take the steps that anyone may take now."""
    history = network.verifiers[VERIFIERS[0]].following.task().history
    for call in due_calls(network.ledger, history):
        network.senders[0].send(call)


def miss(network: World, number: int) -> None:
    """A round in which one verifier of three votes is void, and the other two are slashed."""
    to_scoring(network, number)
    for deadline in ("score_commit_deadline", "score_reveal_deadline"):
        network.verifiers[VERIFIERS[2]].step()
        network.warp(getattr(network.info(number), deadline))
    move_on(network)
    assert network.ledger.phase(1, number) is Phase.VOID


def vote(network: World, number: int) -> None:
    """Everybody votes, and the round is settled."""
    for deadline in ("score_commit_deadline", "score_reveal_deadline"):
        for index in VERIFIERS:
            network.verifiers[index].step()
        network.warp(getattr(network.info(number), deadline))
    move_on(network)
    assert network.ledger.phase(1, number) is Phase.FINAL


def said(network: World, index: int) -> list[str]:
    return [line["event"] for line in network.logs.entries if line["who"] == index]


def test_a_stake_is_topped_up_as_far_as_that_is_allowed(bare: World) -> None:
    allowed, poor = VERIFIERS[:2]
    bare.verifiers[allowed] = bare.verifier(allowed, most_top_up=3 * TOKEN)
    miss(bare, 1)
    slashed = bare.stake(allowed)
    assert slashed < NEEDED

    for index in (poor, allowed):
        bare.verifiers[index].step()
    assert bare.stake(poor) == slashed
    assert bare.stake(allowed) == with_margin(NEEDED)
    assert not bare.ledger.member(1, PEOPLE[allowed].address).suspended
    well, status = bare.verifiers[poor].outbox.metrics.health()
    assert (well, status["status"]) == (False, "suspended")
    assert bare.verifiers[allowed].outbox.metrics.health()[0]
    assert said(bare, poor).count("suspended: the stake is too low to act") == 1

    # The allowance is one for the whole task, whoever restarts.
    again = bare.verifier(allowed, most_top_up=3 * TOKEN)
    spent = again.following.task().history.account(PEOPLE[allowed].address).topped_up
    assert spent == with_margin(NEEDED) - slashed

    # Topped up by hand, the other is well again.
    lacking = NEEDED - slashed
    bare.top_up(poor, lacking)
    bare.verifiers[poor].standing.look_again()
    bare.verifiers[poor].step()
    assert bare.verifiers[poor].outbox.metrics.health()[0]


def test_an_allowance_that_is_used_up_is_not_exceeded(bare: World) -> None:
    index = VERIFIERS[0]
    bare.verifiers[index] = bare.verifier(index, most_top_up=NEEDED // 1_000)
    miss(bare, 1)
    slashed = bare.stake(index)
    bare.verifiers[index].step()
    assert bare.stake(index) == slashed


def test_no_round_is_opened_that_nobody_could_judge(bare: World) -> None:
    miss(bare, 1)
    bare.senders[VERIFIERS[2]].send(bare.ledger.request_leave(1))
    for _ in range(2):
        for index in VERIFIERS[:2]:
            bare.verifiers[index].step()
    assert bare.ledger.task(1).current_round == 1
    words = "no round is opened: every verifier of the task is suspended"
    assert [said(bare, index).count(words) for index in VERIFIERS[:2]] == [1, 1]


def test_a_network_whose_verifiers_were_away_for_three_windows_goes_on(tmp_path: Path) -> None:
    with world(tmp_path, rounds=3, stakes=Stakes(verifier=with_margin(NEEDED))) as network:
        to_scoring(network, 1)
        network.warp(network.info(1).score_commit_deadline + 3 * 3600)
        network.verifiers = {index: network.verifier(index) for index in VERIFIERS}
        for index in VERIFIERS:
            network.verifiers[index].step()
        assert network.ledger.phase(1, 1) is Phase.VOID
        to_scoring(network, 2)
        vote(network, 2)
        assert all(one.outbox.metrics.health()[0] for one in network.verifiers.values())


def test_verifiers_get_what_they_are_owed_when_the_task_is_over(tmp_path: Path) -> None:
    with world(tmp_path, rounds=1) as network:
        before = {index: network.token.balance_of(PEOPLE[index].address) for index in VERIFIERS}
        to_scoring(network, 1)
        vote(network, 1)
        working = dict(network.verifiers)
        for _ in range(6):
            working = {index: one for index, one in working.items() if one.step()}
            network.devnet.mine()
        assert not working
        for index in VERIFIERS:
            address = PEOPLE[index].address
            assert network.ledger.member(1, address).balance == 0
            assert network.token.balance_of(address) > before[index]


def test_a_trainer_whose_claims_would_suspend_it_claims_them_apart(tmp_path: Path) -> None:
    """A missed reveal costs stake when it is claimed: in the transaction of a later commit."""
    with world(tmp_path, rounds=7, stakes=Stakes(trainer=5 * TOKEN)) as network:
        late = TRAINERS[0]
        network.trainers[late] = network.trainer(late, most_top_up=2 * TOKEN)
        to_scoring(network, 1, silent=late)
        vote(network, 1)
        network.warp(network.devnet.timestamp + 3600)
        for number in range(2, 6):
            miss(network, number)
        assert network.stake(late) == 5 * TOKEN
        to_scoring(network, 6)
        assert network.stake(late) > 5 * TOKEN
        assert "topped the stake up" in said(network, late)
