"""The generated reference leaves nothing out, and the examples to check by hand are right."""

import re
from fractions import Fraction

import pytest

from reputation import MeritRank, TrustGraph
from tests.docs.blocks import ROOT
from tests.docs.generators import contract_pages, pages

MERITRANK = (ROOT / "docs" / "meritrank.md").read_text("utf-8")


@pytest.mark.parametrize("contract", ["Ledger", "ReputationAnchor", "StandingAnchor", "Royalties"])
def test_every_function_event_and_error_is_explained(contract: str) -> None:
    page = pages()[f"contracts/{contract}.md"]
    sections = re.findall(r"^### (\S+)\n\n```solidity\n(.*?)\n```\n\n(.*)$", page, re.MULTILINE)
    assert [name for name, _, said in sections if not said] == []
    abi = contract_pages.interface(contract, contract_pages.compiled())
    there = {name.split("(")[0] for name, _, _ in sections}
    assert there == {e["name"] for e in abi if e["type"] in {"function", "event", "error"}}


def test_the_first_example_by_hand() -> None:
    section = MERITRANK.split("### By hand")[1].split("\n## ")[0]
    shown = dict(re.findall(r"^\| (\d) \|.*?([\d.]+) \|$", section, re.MULTILINE))
    c = Fraction(85, 100)
    by_hand = {"1": c / 2, "2": c / 2 + c * c / 2, "3": c * (c / 2 + c * c / 2)}
    assert {node: Fraction(value) for node, value in shown.items()} == by_hand
    assert f"The sum is {float(sum(by_hand.values()))}" in section
    graph = TrustGraph.from_edges([(0, 1, 1), (0, 2, 1), (1, 2, 1), (2, 3, 1)])
    scores = MeritRank(graph, alpha=0.15).scores(0)
    said = "{:.4f}, {:.4f} and {:.4f}".format(*(scores[node] for node in (1, 2, 3)))
    assert f"the scores are {said}" in section
    for node, value in by_hand.items():
        assert scores.hit_probability[int(node)] == pytest.approx(float(value), abs=1e-12)
    decayed = MeritRank(graph, alpha=0.15, beta=0.5).scores(0)
    assert f"with β = ½ its score is {decayed[3]:.4f}" in MERITRANK


def test_the_example_with_a_cycle() -> None:
    assert "**With a cycle.** Edges 0→1, 1→2, 2→1, α = ½." in MERITRANK
    graph = TrustGraph.from_edges([(0, 1, 1), (1, 2, 1), (2, 1, 1)])
    scores = MeritRank(graph, alpha=0.5).scores(0)
    assert scores.hit_probability[1] == pytest.approx(1 / 2)
    assert scores.hit_probability[2] == pytest.approx(1 / 4)
    assert "The scores are ⅔ and ⅓." in MERITRANK
    assert [scores[1], scores[2]] == pytest.approx([2 / 3, 1 / 3])


def test_the_example_of_distrust() -> None:
    assert "e→a 3, e→b −1, a→b 1, b→c 1; α = ½" in MERITRANK
    graph = TrustGraph.from_edges([("e", "a", 3), ("e", "b", -1), ("a", "b", 1), ("b", "c", 1)])
    scores = MeritRank(graph, alpha=0.5).scores("e")
    said = "a {:.4f}, b {:.4f}, c {:.4f}".format(*(scores[node] for node in "abc"))
    assert said in MERITRANK
