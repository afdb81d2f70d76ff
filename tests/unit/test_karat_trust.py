"""What trainers say of one another: which of it counts, and that no statement can do harm."""

import dataclasses

import pytest

from karat.protocol import reputation
from karat.protocol.history import TaskHistory
from karat.protocol.state import Outcome
from karat.protocol.trust import TrustEdge, anchored_edges, net_edges, peers, trust_edges
from karat.web.book import TaskBook
from learning.score_codes import ZERO_SCORE, Verdict
from tests.trust.histories import SPONSOR, VERIFIERS, address, history, said

A, B, C, D = (address(name) for name in (11, 12, 13, 14))
CONVICTED = Verdict.DUPLICATE - ZERO_SCORE


@pytest.fixture
def told() -> TaskHistory:
    """A and B earned in round 1, C earned nothing, D did not take part."""
    return history([A, B, C, D], [300, 100, 0])


def stated(told: TaskHistory) -> list[TrustEdge]:
    """The edges that are not the sponsor's and not verifiers'."""
    return [edge for edge in trust_edges(told) if edge.source not in {SPONSOR, *VERIFIERS}]


def test_without_statements_all_positive_edges_are_anchored(told: TaskHistory) -> None:
    edges = trust_edges(told)
    assert {edge.source for edge in edges} == {SPONSOR, *VERIFIERS}
    assert anchored_edges(told) == [edge for edge in net_edges(edges) if edge[2] > 0]


def test_the_page_takes_statements_in(told: TaskHistory) -> None:
    book = TaskBook(told.ledger, 1)
    book.take([said(A, [(C, 5)])])
    assert book.history.peer_edges == {(A, C, 1): 5}
    assert book.settled == 1  # so that the ranking is computed anew


def test_trainers_edges_carry_their_round(told: TaskHistory) -> None:
    before = trust_edges(told)
    told.apply([said(A, [(C, 5), (B, -7)], number=2)])
    assert stated(told) == [TrustEdge(A, B, -7, 2), TrustEdge(A, C, 5, 2)]
    assert [edge for edge in trust_edges(told) if edge.source != A] == before


def test_statements_add_up_and_can_be_taken_back(told: TaskHistory) -> None:
    told.apply([said(A, [(C, 5), (C, 6)]), said(A, [(C, 7)], number=2), said(A, [(B, 4)])])
    told.apply([said(A, [(B, -4)])])
    assert stated(told) == [TrustEdge(A, C, 11, 1), TrustEdge(A, C, 7, 2)]
    told.apply([said(A, [(C, -18)], number=3)])
    assert anchored_edges(told) == anchored_edges(history([A, B, C, D], [300, 100, 0]))


@pytest.mark.parametrize("outsider", [SPONSOR, *VERIFIERS, address(99)])
def test_only_trainers_speak_and_are_spoken_of(told: TaskHistory, outsider: str) -> None:
    told.apply([said(A, [(outsider, 5)]), said(outsider, [(A, 5)])])
    assert stated(told) == []
    # Not even one that trained before it became a verifier, or while it was the sponsor.
    told.trainers.append(outsider)
    assert bool(stated(told)) == (outsider == address(99))
    assert (outsider in peers(told)) == (outsider == address(99))


@pytest.mark.parametrize("code", [Verdict.HARMFUL, Verdict.MALFORMED, Verdict.DUPLICATE])
def test_the_convicted_neither_speak_nor_are_spoken_of(code: Verdict) -> None:
    told = history([A, B, C, D], [300, code - ZERO_SCORE, 0])
    without = reputation.scores(told)
    told.apply([said(B, [(C, 5)]), said(A, [(B, 5)])])
    assert stated(told) == []
    # Praise from a convict would be a convict's kiss: distrust follows positive edges.
    assert reputation.scores(told)[C] == without[C] == 0
    told.rounds[1].outcome = Outcome.OPEN  # nothing is settled yet
    assert len(stated(told)) == 2


def test_what_costs_no_stake_silences_nobody() -> None:
    told = history([A, B], [Verdict.STALE - ZERO_SCORE, Verdict.UNAVAILABLE - ZERO_SCORE])
    told.apply([said(A, [(B, 5)])])
    assert stated(told) == [TrustEdge(A, B, 5, 1)]


@pytest.mark.parametrize(
    "nonsense",
    [
        b"",
        b"\x01",
        b"\x11" * 21,
        b"\x11" * 23,
        b"\x11" * 22 * 33,
        bytes.fromhex(A[2:]) + b"\x00\x05",  # itself
        bytes.fromhex(B[2:]) + b"\x00\x00",  # no weight
        bytes(20) + b"\x00\x05",
        b"\xff" * 22,
    ],
)
def test_nonsense_in_an_event_is_passed_over(told: TaskHistory, nonsense: bytes) -> None:
    scores, root = dict(reputation.scores(told).items()), reputation.anchored(told).root
    told.apply([said(A, nonsense), said(A, [(C, 5)], task=2)])
    assert stated(told) == []
    assert dict(reputation.scores(told).items()) == scores
    assert reputation.anchored(told).root == root
    told.apply([said(A, [(C, 5)])])  # and what is sound is taken in
    assert stated(told) == [TrustEdge(A, C, 5, 1)]


def test_the_most_negative_weight_is_a_number_like_others(told: TaskHistory) -> None:
    told.apply([said(A, bytes.fromhex(B[2:]) + b"\x80\x00")])
    assert stated(told) == [TrustEdge(A, B, -(2**15), 1)]
    assert reputation.scores(told)[B] < reputation.scores(told)[A]


def test_praise_lifts_those_who_joined_later(told: TaskHistory) -> None:
    before = reputation.anchored(told).scores
    told.apply([said(A, [(D, 1)]), said(B, [(A, 9)]), said(C, [(D, 9)])])
    after = reputation.anchored(told).scores
    assert before[D.lower()] == 0
    assert after[D.lower()] == before[A.lower()] * 17 // 20  # all that A passes on
    assert {n: s for n, s in after.items() if n != D.lower()} == {
        n: s for n, s in before.items() if n != D.lower()
    }
    # In scores that are asked for, both directions count.
    assert reputation.scores(told).hit_probability[A] > before[A.lower()] / 2**40


def test_distrust_counts_where_it_is_asked_for(told: TaskHistory) -> None:
    before = reputation.scores(told)
    root = reputation.anchored(told).root
    told.apply([said(A, [(B, -100)])])
    assert reputation.scores(told)[B] < before[B]
    assert reputation.anchored(told).root == root


def test_anchored_scores_do_not_depend_on_the_order_of_statements(told: TaskHistory) -> None:
    events = [said(A, [(B, 3), (C, -2)]), said(B, [(D, 8)]), said(A, [(C, 4)])]
    other = dataclasses.replace(events[0], edges=events[0].edges[22:] + events[0].edges[:22])
    again = history([A, B, C, D], [300, 100, 0])
    told.apply(events)
    again.apply([events[2], other, events[1]])
    assert reputation.anchored(told).to_dict() == reputation.anchored(again).to_dict()
