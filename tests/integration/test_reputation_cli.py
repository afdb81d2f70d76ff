"""``karat reputation`` as a process: what it prints, where, and how it exits."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import networkx as nx
import pytest
from typer.testing import CliRunner

from karat.cli.app import app
from reputation import MeritRank, TrustGraph, sybil
from tests.cli.home import Home

MISTYPED = "0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
TASK = """
task = "mlp-digits"
rounds = 1
rewards = {trainers = 1, verifiers = 1}
stakes = {trainer = 1, verifier = 1}
windows = {commit = "1h", reveal = "1h", score_commit = "1h", score_reveal = "1h"}
verifiers = [{account = "dev:2"}]
"""
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
    ("bounds", "gains", "code", "verdict"),
    [
        (
            (2.0, 1.0),
            (1.2, 0.7),
            0,
            "holds in all 2 rows. The worst gain is 70.0% of its bound: r1",
        ),
        ((1.0, 1.0), (1.5, 0.5), 1, "is BROKEN in 1 of 2 rows. The worst gain is 150.0% of its b"),
        ((0.0, 0.0), (0.0, 0.0), 0, "holds in all 2 rows. The worst gain is 0.0% of its bound: r0"),
    ],
)
def test_audit_ends_with_its_verdict_and_the_worst_case(
    graph: str,
    monkeypatch: pytest.MonkeyPatch,
    bounds: tuple[float, float],
    gains: tuple[float, float],
    code: int,
    verdict: str,
) -> None:
    rows = [
        sybil.AuditRow(f"r{i}", 0.5, 0.0, "a", 5, 1.0, gain, bound)
        for i, (gain, bound) in enumerate(zip(gains, bounds, strict=True))
    ]
    monkeypatch.setattr(sybil, "audit", lambda *_, **__: rows)
    done = CliRunner().invoke(app, ["reputation", "audit", "--graph", graph, "--ego", "e"])
    assert done.exit_code == code
    last = done.output.splitlines()[-1]
    assert last.startswith(f"The bound {verdict}")
    assert last.endswith("α = 0.5, β = 0, attacker a, Sybils: 5, weight 1.")


def test_top_says_that_nobody_has_a_score(graph: str) -> None:
    done = karat("top", "--graph", graph, "--ego", "d")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "Nobody has a score yet: no walk from d reaches anyone.\n"
    assert document("top", "--graph", graph, "--ego", "d")["top"] == []


@pytest.mark.parametrize("verb", ["show", "explain", "verify"])
def test_a_mistyped_address_is_refused_before_the_network_is_asked(verb: str) -> None:
    done = karat(verb, MISTYPED)
    assert done.returncode == 3
    assert "is mistyped" in done.stderr


@pytest.mark.parametrize(("verb", "name"), [("show", MISTYPED), ("explain", "dev:2")])
def test_in_a_file_a_node_has_any_name(verb: str, name: str, tmp_path: Path) -> None:
    path = tmp_path / "edges.csv"
    path.write_text(f"src,dst,weight\n{MISTYPED},dev:2,1\ndev:2,{MISTYPED},1\n")
    ego = "dev:2" if name == MISTYPED else MISTYPED
    assert document(verb, name, "--graph", str(path), "--ego", ego)["node"] == name


def test_of_a_task_nodes_are_named_as_accounts(home: Home) -> None:
    (home.folder / "task.toml").write_text(TASK)
    home.run("up", "--port", 0, "--fund", 2)
    task = home.json("task", "create", "--spec", "task.toml", "--account", "dev:1")["task"]
    out, err = home.run("reputation", "top")
    assert out == ""
    assert re.search(r"Nobody has a score yet: .* sponsor trusts the verifiers that joined", err)

    home.run("verifier", "join", task, "--account", "dev:2")
    verifier = home.json("account", "export-address", "dev:2")["address"]
    stored = home.json("account", "new", "alice")["address"]
    for name in ("dev:2", verifier, verifier.lower()):
        assert home.json("reputation", "show", name, "--ego", "dev:1")["score"] == 1.0
    twice = home.json("reputation", "show", "dev:2", "--also", "local", "--ego", "dev:1")
    assert (twice["score"], twice["nodes"]) == (1.0, 2)
    _, refused = home.run("reputation", "top", "--also", "local", "--task", 1, code=2)
    assert "not with a file or a single task" in refused
    assert f"{verifier} (dev:2): score 1.0" in home.run("reputation", "explain", "dev:2")[0]
    audited = home.json("reputation", "audit", "--attacker", "dev:2", "--alpha", 0.5, "--beta", 0)
    assert {row["attacker"] for row in audited["rows"]} == {verifier}
    assert stored in home.run("reputation", "show", "alice", code=2)[1]
    assert "no key for 'bob'" in home.run("reputation", "show", "bob", code=3)[1]
    assert "is mistyped" in home.run("reputation", "top", "--ego", MISTYPED, code=3)[1]


def test_what_reading_decided_is_said_and_names_have_one_spelling(tmp_path: Path) -> None:
    path = tmp_path / "edges.csv"
    path.write_text(f"from,to,time\n{MISTYPED.lower()},jose\u0301,1289241912\n", encoding="utf-8")
    words = ["show", "josé", "--graph", str(path), "--ego", MISTYPED.lower(), "--epoch", "7d"]
    done = karat(*words)
    assert done.returncode == 0, done.stderr
    assert "every edge weighs 1" in done.stderr
    assert "an epoch is 7 days" in done.stderr
    assert "weighs" not in done.stdout


@pytest.mark.parametrize(
    ("text", "words", "hint"),
    [
        (EDGES, ["top", "--ego", "nobody"], "'nobody'"),
        (EDGES, ["top", "--ego", "e", "--alpha", "0"], "alpha"),
        (EDGES, ["top", "--ego", "e", "--method", "sample", "--walks", "-5"], "walks must be"),
        (EDGES, ["show", "x", "--ego", "e"], "'x'"),
        ("a,b,nan\n", ["top", "--ego", "a"], "line 1"),
        ("a,b,0,5\n", ["top", "--ego", "a"], "decimal comma"),
        ("a,b,1\n", ["top", "--ego", "a", "--epoch", "1y"], "30d"),
        ("a\n", ["top", "--ego", "a"], "line 1"),
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
