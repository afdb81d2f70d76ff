"""``karat reputation`` as a process: what it prints, where, and how it exits."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import networkx as nx
import pytest

from reputation import MeritRank, TrustGraph

EDGES = "src,dst,weight,epoch\ne,a,3\na,b,1\ne,c,1\nc,b,-1\nb,d,1,2\nb,a,1,1\n"


@pytest.fixture
def graph(tmp_path: Path) -> str:
    path = tmp_path / "edges.csv"
    path.write_text(EDGES)
    return str(path)


def karat(*words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", "from karat.cli.app import main; main()", "reputation", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def document(*words: str) -> dict[str, Any]:
    done = karat(*words, "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_top_is_what_the_library_says(graph: str) -> None:
    options = ["--alpha", "0.3", "--beta", "0.2", "--gamma", "0.1"]
    found = document("top", "--graph", graph, "--ego", "e", *options, "-k", "3")
    engine = MeritRank(TrustGraph.from_csv(graph), alpha=0.3, beta=0.2, gamma=0.1)
    expected = engine.scores("e").top(3)
    assert found["schema"] == "karat.reputation.top/1"
    assert [(row["node"], row["score"]) for row in found["top"]] == expected


def test_sampled_show_repeats_under_its_seed(graph: str) -> None:
    words = ["show", "b", "--graph", graph, "--ego", "e", "--method", "sample", "--seed", "5"]
    one = document(*words, "--threads", "1")
    assert one == document(*words, "--threads", "2")
    expected = MeritRank(TrustGraph.from_csv(graph)).scores("e", method="sample", seed=5)
    assert one["score"] == expected["b"]


def test_explain_names_paths_and_dominator(graph: str) -> None:
    found = document("explain", "b", "--graph", graph, "--ego", "e", "--beta", "0.3")
    assert found["paths"][0]["nodes"] == ["e", "a", "b"]
    assert found["dominator"] == "a"
    assert sum(path["share"] for path in found["paths"]) == pytest.approx(1.0)
    text = karat("explain", "b", "--graph", graph, "--ego", "e").stdout
    assert "distrust: e → c → b" in text


def test_export_writes_all_formats(graph: str, tmp_path: Path) -> None:
    scores = MeritRank(TrustGraph.from_csv(graph)).scores("e")
    path = tmp_path / "out.graphml"
    assert karat("export", "--graph", graph, "--ego", "e", "-o", str(path)).returncode == 0
    read = nx.read_graphml(path)
    assert read.nodes["b"]["score"] == pytest.approx(scores["b"])
    table = karat("export", "--graph", graph, "--ego", "e", "--format", "csv").stdout.splitlines()
    assert table[0] == "node,score,hit_probability,stderr"
    assert [line.split(",")[0] for line in table[1:]] == ["a", "b", "d", "c", "e"]
    dot = karat("export", "--graph", graph, "--ego", "e", "--format", "dot").stdout
    assert dot.startswith("digraph trust {")
    assert '"c" -> "b" [label="-1", color=red' in dot


def test_audit_finds_every_attack_bounded(graph: str) -> None:
    found = document("audit", "--graph", graph, "--ego", "e", "--alpha", "0.15", "--beta", "0")
    assert found["holds"] is True
    assert {row["attack"] for row in found["rows"]} >= {"parallel", "path", "cycle", "path+cycle"}
    assert all(row["gain"] <= row["bound"] == 0.85 / 0.15 for row in found["rows"])


@pytest.mark.parametrize(
    ("text", "words", "hint"),
    [
        (EDGES, ["top", "--ego", "nobody"], "'nobody'"),
        (EDGES, ["top", "--ego", "e", "--alpha", "0"], "alpha"),
        (EDGES, ["top", "--ego", "e", "--method", "sample", "--walks", "-5"], "walks must be"),
        (EDGES, ["show", "x", "--ego", "e"], "'x'"),
        ("a,b,nan\n", ["top", "--ego", "a"], "line 1"),
        ("a,a,1\n", ["top", "--ego", "a"], "itself"),
        ("a,b\n", ["top", "--ego", "a"], "line 1"),
        ("\x00\xff", ["top", "--ego", "a"], "line 1"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_2(
    tmp_path: Path, text: str, words: list[str], hint: str
) -> None:
    path = tmp_path / "edges.csv"
    path.write_text(text)
    done = karat(*words, "--graph", str(path), "--json")
    assert done.returncode == 2
    assert done.stdout == ""
    assert hint in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_file_is_a_usage_error(tmp_path: Path) -> None:
    done = karat("top", "--ego", "a", "--graph", str(tmp_path / "none.csv"))
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
