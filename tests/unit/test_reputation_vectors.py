"""The exact engine against published vectors."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reputation import MeritRank, TrustGraph

VECTORS = Path(__file__).parents[1] / "vectors"
CASES = json.loads((VECTORS / "meritrank.json").read_text())["cases"]


def graph_of(case: dict[str, Any]) -> TrustGraph:
    return TrustGraph.from_edges(case["edges"], nodes=range(case["n"]))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"n={case['n']}")
def test_exact_scores_match(case: dict[str, Any]) -> None:
    engine = MeritRank(graph_of(case), alpha=case["alpha"])
    scores = engine.scores(case["ego"])
    visits = engine.visit_score(case["ego"])
    for node in range(case["n"]):
        assert scores[node] == pytest.approx(case["score"][node], abs=1e-9)
        assert scores.hit_probability[node] == pytest.approx(
            case["hit_probability"][node], abs=1e-9
        )
        assert visits[node] == pytest.approx(case["visit_score"][node], abs=1e-9)
    assert np.max(scores.stderr.array) < 1e-9


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"n={case['n']}")
def test_beta_decays_exactly_the_dominated_nodes(case: dict[str, Any]) -> None:
    scores = MeritRank(graph_of(case), alpha=case["alpha"], beta=0.25).scores(case["ego"])
    for node in range(case["n"]):
        kept = 0.75 if node in case["dominated"] else 1.0
        assert scores[node] == pytest.approx(kept * case["score"][node], abs=1e-9)
