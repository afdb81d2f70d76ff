"""A trainer that vouches for its own Sybils gains no more than MeritRank allows."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chain.ledger.peers import MOST_EDGES, MOST_WEIGHT
from karat.protocol import reputation
from karat.protocol.history import TaskHistory
from karat.protocol.trust import anchored_edges
from reputation import MeritRank, TrustGraph
from reputation.sybil import bound
from tests.trust.histories import SPONSOR, address, history, said

ALPHA = float(reputation.ALPHA)
ATTACKER, *HONEST = (address(name) for name in (20, 21, 22, 23))
WEIGHTS = st.integers(1, MOST_WEIGHT)
Attack = tuple[TaskHistory, TaskHistory, list[str]]


@st.composite
def attacks(draw: st.DrawFn) -> Attack:
    """A task without and with what an attacker and its Sybils say, and the Sybils.

    They may say anything in favour of anybody; the others do among themselves and of the attacker.
    The Sybils joined with a stake, before or after the others, and earned nothing.
    """
    sybils = [address(100 + i) for i in range(draw(st.integers(1, MOST_EDGES)))]
    trainers = draw(st.permutations([ATTACKER, *HONEST, *sybils]))
    gains = [draw(st.integers(0, 500)) if one not in sybils else 0 for one in trainers]
    honest, attacked = history(trainers, gains), history(trainers, gains)
    among = st.lists(
        st.tuples(st.sampled_from(HONEST), st.sampled_from([ATTACKER, *HONEST]), WEIGHTS),
        max_size=8,
    )
    ring = [ATTACKER, *sybils]
    anything = st.lists(
        st.tuples(st.sampled_from(ring), st.sampled_from([*ring, *HONEST]), WEIGHTS), max_size=60
    )
    ordinary = [said(a, [(b, weight)]) for a, b, weight in draw(among) if a != b]
    honest.apply(ordinary)
    attacked.apply(ordinary)
    attacked.apply(said(ATTACKER, [(one, draw(WEIGHTS))]) for one in sybils)
    attacked.apply(said(a, [(b, weight)]) for a, b, weight in draw(anything) if a != b)
    return honest, attacked, sybils


@settings(deadline=None, max_examples=60)
@given(attacks())
def test_sybils_that_joined_gain_at_most_the_bound(attack: Attack) -> None:
    honest, attacked, sybils = attack
    before = reputation.scores(honest).hit_probability
    hits = reputation.scores(attacked).hit_probability
    assert sum(hits[one] for one in sybils) <= bound(ALPHA) * hits[ATTACKER] + 1e-9
    assert hits[ATTACKER] == pytest.approx(before[ATTACKER], abs=1e-9)


@settings(deadline=None, max_examples=60)
@given(attacks())
def test_the_same_holds_for_what_is_anchored(attack: Attack) -> None:
    honest, attacked, sybils = attack
    before, after = (reputation.anchored(one).scores for one in (honest, attacked))
    own = after[ATTACKER.lower()]
    assert own == before[ATTACKER.lower()]
    assert sum(after[one.lower()] for one in sybils) <= bound(ALPHA) * own
    # Visits, which are anchored, are hits as long as no trust goes in circles.
    graph = TrustGraph.from_edges(anchored_edges(attacked), nodes=[SPONSOR])
    hits = dict(MeritRank(graph, alpha=ALPHA).scores(SPONSOR).hit_probability)
    del hits[SPONSOR]
    for node, hit in hits.items():
        assert after[str(node).lower()] / 2**40 == pytest.approx(hit, abs=1e-9)
