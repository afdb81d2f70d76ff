"""Whom to hire: the walk over services against a plain solve, and what fake clients gain."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reputation import MeritRank, ParameterError, SelfLoopError, TrustGraph, UnknownNodeError
from reputation.recommend import recommend, salsa

SERVICES = st.dictionaries(
    st.tuples(st.sampled_from("abcd"), st.sampled_from("wxyz")), st.floats(0.1, 9), min_size=1
)


@settings(deadline=None, max_examples=60)
@given(
    services=SERVICES,
    trust=st.dictionaries(st.sampled_from("abcd"), st.floats(0.1, 9), min_size=1),
    alpha=st.floats(0.05, 0.9),
)
def test_salsa_is_the_plain_solve(
    services: dict[tuple[str, str], float], trust: dict[str, float], alpha: float
) -> None:
    found, given_by = salsa(services, trust, alpha)  # type: ignore[arg-type]
    begin = np.array([trust.get(c, 0.0) * any(p[0] == c for p in services) for c in "abcd"])
    if not begin.sum():
        assert found == {}
        return
    begin /= begin.sum()
    weight = np.array([[services.get((c, s), 0.0) for s in "wxyz"] for c in "abcd"])
    weight *= (begin > 0)[:, None]
    forth = weight / np.maximum(weight.sum(axis=1, keepdims=True), 1e-300)
    trusted = weight * begin[:, None]
    back = trusted / np.maximum(trusted.sum(axis=0, keepdims=True), 1e-300)
    at = alpha * begin @ np.linalg.inv(np.eye(4) - (1 - alpha) * forth @ back.T)
    expected = dict(zip("wxyz", (at @ forth).tolist(), strict=True))
    for server, value in expected.items():
        assert found.get(server, 0.0) == pytest.approx(value, abs=1e-9)  # type: ignore[call-overload]
    for server, clients in given_by.items():
        assert sum(clients.values()) == pytest.approx(found[server])


@pytest.fixture
def engine() -> MeritRank:
    """I trust ann and bob; ann trusts vic; nobody I trust knows the attacker, but bob a little."""
    edges = [("me", "ann", 5), ("me", "bob", 3), ("ann", "vic", 2), ("bob", "eve", 1)]
    edges += [("bob", "ann", 9), ("ann", "foe", -5)]
    return MeritRank(TrustGraph.from_edges(edges))


def test_clients_that_are_trusted_speak_for_a_server(engine: MeritRank) -> None:
    served = [("ann", "wim", 1.0), ("bob", "wim", 2.0), ("bob", "vic", 1.0), ("out", "zoe", 99.0)]
    found = recommend(engine, "me", served, ["vic", "wim", "zoe", "foe", "me"])
    assert [one.node for one in found] == ["vic", "wim"]
    vic, wim = found
    assert vic.paths[0].nodes == ["me", "ann", "vic"]
    assert wim.trust == 0.0
    assert wim.paths == []
    assert {client.node for client in wim.clients} == {"ann", "bob"}
    assert sum(client.share for client in wim.clients) == pytest.approx(1.0)
    assert sum(one.service for one in found) == pytest.approx(1.0)
    assert sum(one.score for one in found) == pytest.approx(1.0)


def test_ones_own_experience_counts_half(engine: MeritRank) -> None:
    served = [("me", "own", 1.0), ("ann", "wim", 1.0)]
    found = recommend(engine, "me", served, ["own", "wim"])
    assert [one.service for one in found] == pytest.approx([0.5, 0.5])
    alone = recommend(engine, "me", served[:1], ["own", "wim"])
    assert [one.node for one in alone] == ["own"]


@pytest.mark.parametrize("sybils", [1, 10, 300])
def test_fake_clients_gain_what_meritrank_lets_them(engine: MeritRank, sybils: int) -> None:
    """Eve's Sybils all praise her server; their number does not matter, only bob's trust in her."""
    graph = engine.graph.copy()
    fakes = [f"fake{i}" for i in range(sybils)]
    graph.add_edges([("eve", fake, 1) for fake in fakes])
    served = [("ann", "wim", 1.0), ("bob", "wim", 1.0), ("eve", "wim", 1.0)]
    served += [(client, "bad", 1e6) for client in ["eve", *fakes]]
    attacked = MeritRank(graph)
    found = {one.node: one for one in recommend(attacked, "me", served, ["wim", "bad"])}
    scores = attacked.scores("me")
    speak = scores["eve"] + sum(scores[fake] for fake in fakes)
    everyone = speak + scores["ann"] + scores["bob"]
    bound = speak / everyone
    assert 0.0 < found["bad"].service <= bound / 0.15
    assert speak / scores["eve"] <= 1 + 0.85 / 0.15
    assert found["wim"].score > found["bad"].score


def test_distrust_is_no_recommendation(engine: MeritRank) -> None:
    served = [("ann", "foe", 50.0), ("ann", "vic", 1.0)]
    found = recommend(engine, "me", served, ["foe", "vic"])
    assert [one.node for one in found] == ["vic"]


def test_bad_questions(engine: MeritRank) -> None:
    with pytest.raises(UnknownNodeError):
        recommend(engine, "nobody", [], ["vic"])
    with pytest.raises(ParameterError, match="count"):
        recommend(engine, "me", [], ["vic"], 0)
    with pytest.raises(ParameterError, match="more than nothing"):
        recommend(engine, "me", [("ann", "vic", -1.0)], ["vic"])
    with pytest.raises(SelfLoopError):
        recommend(engine, "me", [("ann", "ann", 1.0)], ["vic"])
    assert recommend(engine, "me", [], []) == []
