"""One standing over all tasks: time, several tasks, and what a hostile task can do to it."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from karat.errors import NotAvailable
from karat.protocol import reputation
from karat.protocol.history import TaskHistory
from karat.protocol.standing import accounts, services, standing_edges, standing_graph
from karat.sdk.reputation import Reputation
from learning.score_codes import ZERO_SCORE, Verdict
from reputation import MeritRank, ParameterError, UnknownNodeError
from reputation.recommend import recommend
from tests.trust.histories import SPONSOR, VERIFIERS, address, history, said

A, B, C, FOE = (address(name) for name in (11, 12, 13, 66))
DAY = 86400


def at(block: int) -> int:
    """A block a day."""
    return block * DAY


def task(number: int, block: int, gains: dict[str, int]) -> TaskHistory:
    told = history(list(gains), list(gains.values()))
    told.task_id, told.first_block = number, block
    told.rounds[1].decided_in = block + 1
    return told


def test_who_earned_in_any_task_has_a_standing() -> None:
    """After a second task was created, the best of the first is still there."""
    told = [task(1, 10, {A: 300, B: 100}), task(2, 20, {B: 50, C: 70})]
    graph = standing_graph(standing_edges(told, at), accounts(told))
    scores = MeritRank(graph).scores(SPONSOR)
    assert scores[A] > scores[B] > scores[C] > 0
    alone = reputation.scores(told[0])
    one = MeritRank(standing_graph(standing_edges(told[:1], at))).scores(SPONSOR)
    assert one[A] == pytest.approx(alone[A])
    assert one[B] == pytest.approx(alone[B])


def test_edges_carry_task_and_time_and_decay_with_it() -> None:
    told = [task(1, 10, {A: 100}), task(2, 40, {B: 100})]
    edges = standing_edges(told, at)
    assert [(edge.task, edge.time // DAY) for edge in edges if edge.target in {A, B}] == [
        (1, 11), (1, 11), (2, 41), (2, 41),
    ]  # fmt: skip
    graph = standing_graph(edges, epoch=timedelta(days=10))
    ageless, aged = MeritRank(graph).scores(SPONSOR), MeritRank(graph, gamma=0.5).scores(SPONSOR)
    assert ageless[A] == pytest.approx(ageless[B])
    assert aged[B] / aged[A] == pytest.approx(2**3)


def test_no_majority_speaks_for_a_verifier_that_others_trust() -> None:
    """The foe's own task: its majority makes the median, the trusted verifier votes the truth."""
    trusted, *_ = VERIFIERS
    honest = task(1, 10, {A: 300})
    hostile = task(2, 20, {FOE: 32000, B: Verdict.HARMFUL - ZERO_SCORE})
    hostile.sponsor = FOE
    hostile.rounds[1].votes[trusted] = [ZERO_SCORE + 5, ZERO_SCORE + 40]
    others = [verifier for verifier in VERIFIERS if verifier != trusted]
    for other in others:
        honest.appointed.pop(other)
    graph = standing_graph(standing_edges([honest, hostile], at))
    scores = MeritRank(graph).scores(SPONSOR)
    # Not quite, as the foe appointed the verifier, and a walk may come back over it.
    assert scores[FOE] / scores[A] == pytest.approx(5 / 300, rel=0.02)
    assert -scores[FOE] <= scores[B] <= 0.0  # the foe may speak, with what it earned


def test_a_verdict_counts_where_the_verifier_gave_it_too() -> None:
    told = task(1, 10, {A: 300, B: Verdict.HARMFUL - ZERO_SCORE})
    scores = MeritRank(standing_graph(standing_edges([told], at))).scores(SPONSOR)
    assert scores[B] < 0 < scores[A]


def test_a_convict_is_heard_nowhere() -> None:
    told = [task(1, 10, {A: Verdict.HARMFUL - ZERO_SCORE, B: 5}), task(2, 20, {A: 9, C: 9})]
    told[1].apply([said(A, [(C, 500)], task=2)])
    edges = standing_edges(told, at)
    assert not [edge for edge in edges if edge.source == A]
    assert [edge for edge in standing_edges(told[1:], at) if edge.source == A]


def test_open_statements_have_the_time_of_the_last_decision() -> None:
    told = task(1, 10, {A: 9, B: 9})
    told.apply([said(A, [(B, 5)], number=7)])
    edge = next(edge for edge in standing_edges([told], at) if edge.source == A)
    assert edge.time == 11 * DAY


def test_recommended_are_those_who_served_whom_one_trusts() -> None:
    told = [task(1, 10, {A: 300, B: 100}), task(2, 20, {C: 900})]
    told[1].sponsor = address(99)
    told[1].appointed = {address(98): 1}
    told[1].verifiers = [address(98)]
    told[1].rounds[1].votes = {address(98): told[1].rounds[1].medians}
    engine = MeritRank(standing_graph(standing_edges(told, at), accounts(told)))
    found = recommend(engine, SPONSOR, services(told, "trainer"), [A, B, C])
    assert [one.node for one in found] == [A, B]
    assert found[0].service == pytest.approx(0.75)
    found = recommend(engine, SPONSOR, services(told, "verifier"), [*VERIFIERS, address(98)])
    assert {one.node for one in found} == set(VERIFIERS)


def network(told: list[TaskHistory]) -> Any:
    """What the SDK's reputations ask of a network."""
    eth = SimpleNamespace(get_block=lambda block: {"timestamp": at(block)})
    ledger = SimpleNamespace(task_count=lambda: len(told), web3=SimpleNamespace(eth=eth))
    tasks = [SimpleNamespace(history=one) for one in told]
    accounts = SimpleNamespace(names={A: "ann"})
    return SimpleNamespace(
        ledger=ledger, tasks=tasks, task=lambda number: tasks[number - 1], accounts=accounts
    )


def test_net_reputation_is_over_all_tasks() -> None:
    told = [task(1, 10, {A: 300, B: 100}), task(2, 20, {B: 50, C: 70})]
    everywhere = Reputation(network(told))
    assert everywhere.of(A) > everywhere.of(B) > everywhere.of(C) > 0
    assert [one for one, _ in everywhere.top(3)] != [one for one, _ in everywhere(2).top(3)]
    assert everywhere.of(A, ego=VERIFIERS[0]) > 0
    with pytest.raises(UnknownNodeError):
        everywhere(2).of(A)
    alone = Reputation(network(told[:1]))
    assert alone.scores().to_dict() == reputation.scores(told[0]).to_dict()
    assert [one.node for one in everywhere.recommend("trainer", count=2)] == [A, B]
    assert {one.node for one in everywhere(2).recommend("verifier")} == set(VERIFIERS)


def test_several_sponsors_are_not_chosen_among_silently() -> None:
    told = [task(1, 10, {A: 300}), task(2, 20, {B: 50})]
    told[1].sponsor = address(99)
    everywhere = Reputation(network(told))
    with pytest.raises(NotAvailable, match="2 sponsors"):
        everywhere.of(A)
    assert everywhere.of(A, ego=SPONSOR) > 0


def test_an_account_is_one_node_on_all_ledgers_given() -> None:
    here, there = [task(1, 10, {A: 300, B: 100})], [task(1, 20, {B: 900, C: 70})]
    everywhere = Reputation(network(here)).over(network(there))
    scores = everywhere.scores()
    assert scores[B] > scores[A] > scores[C] > 0
    with pytest.raises(UnknownNodeError):
        everywhere(1).of(C)  # a task of this ledger's
    assert {one.node for one in everywhere.recommend("trainer")} == {A, B, C}
    with pytest.raises(NotAvailable, match="no task"):
        Reputation(network([])).over(network([])).scores()


def test_a_convict_of_one_ledger_is_heard_on_none() -> None:
    here = [task(1, 10, {A: 300, B: 100})]
    here[0].apply([said(A, [(B, 500)])])
    there = [task(1, 20, {A: Verdict.HARMFUL - ZERO_SCORE, C: 70})]
    alone, both = Reputation(network(here)), Reputation(network(here)).over(network(there))
    speaks = {
        name: any(edge[0] == A for edge in one.graph()[0].edges())
        for name, one in (("alone", alone), ("both", both))
    }
    assert speaks == {"alone": True, "both": False}


def test_a_set_of_accounts_sees_by_weight() -> None:
    told = [task(1, 10, {A: 300, B: 100}), task(2, 20, {B: 50, C: 70})]
    everywhere = Reputation(network(told))
    weights = {VERIFIERS[0]: 3.0, VERIFIERS[1].lower(): 1.0}
    seen = everywhere.scores(weights)
    alone = [everywhere.scores(one) for one in VERIFIERS[:2]]
    mean = 0.75 * alone[0].hit_probability[A] + 0.25 * alone[1].hit_probability[A]
    assert seen.hit_probability[A] == pytest.approx(mean)
    assert everywhere.of(A, weights) == seen[A]
    assert everywhere.top(1, weights) == seen.top(1)
    with pytest.raises(ParameterError):
        everywhere.scores({})
    with pytest.raises(ParameterError):
        everywhere.scores({A: -1.0})


def test_nothing_is_asked_of_the_latest_task_silently() -> None:
    told = [task(1, 10, {A: 300}), task(2, 20, {B: 50})]
    everywhere = Reputation(network(told))
    with pytest.raises(NotAvailable, match="2 tasks: say which"):
        _ = everywhere.task
    assert everywhere(1).task.history is told[0]
    assert Reputation(network(told[:1])).task.history is told[0]


def test_views_and_recommendations_name_this_machines_accounts() -> None:
    told = [task(1, 10, {A: 300, B: 100}), task(2, 20, {B: 50, C: 70})]
    everywhere = Reputation(network(told))
    assert everywhere.ranking().top(1).names == {A: "ann"}
    served, members = everywhere.services("trainer")
    found = everywhere.ranking().recommend(served, members, 2, "trainer")
    assert [one.node for one in found.recommended] == [A, B]
    assert found.names == {A: "ann"}
    best = found.recommended[0]
    assert best.score == pytest.approx((best.trust + best.service) / 2)
    assert best.paths[0].nodes[-1] == A
    assert best.clients[0].node == SPONSOR
    with pytest.raises(ValueError, match="'sponsor'"):
        everywhere.services("sponsor")
