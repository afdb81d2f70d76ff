"""``karat arena`` as a user runs it."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from karat.cli.app import main

QUICK = ("--honest", "4", "--attackers", "2", "--rounds", "2", "--task", "mlp-digits")


class Run(NamedTuple):
    """What a user sees of a command."""

    code: int
    stdout: str
    stderr: str


Karat = Callable[..., Run]


@pytest.fixture
def karat(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Karat:
    """Runs ``karat arena`` in this process, with a cache folder of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("NO_COLOR", "1")

    def run(*arguments: str) -> Run:
        monkeypatch.setattr(sys, "argv", ["karat", "arena", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        seen = capsys.readouterr()
        return Run(int(ended.value.code or 0), seen.out, seen.err)

    return run


def test_rows_as_json_over_processes_and_again_from_the_cache(karat: Karat, tmp_path: Path) -> None:
    lists = ("--attack", "none,copy", "--defence", "karat,mean", "--seeds", "3-4", "--jobs", "2")
    first = karat(*QUICK, *lists, "--json")
    assert first.code == 0, first.stderr
    document = json.loads(first.stdout)
    assert document["schema"] == "karat.arena/1"
    assert [(r["attack"], r["defence"], r["seed"]) for r in document["rows"]] == [
        (attack, defence, seed)
        for attack in ("none", "copy")
        for defence in ("karat", "mean")
        for seed in (3, 4)
    ]
    files = sorted((tmp_path / "karat" / "arena").iterdir())
    assert len(files) == 8
    ages = [file.stat().st_mtime_ns for file in files]
    again = karat(*QUICK, *lists, "--json")
    assert json.loads(again.stdout) == document
    assert [file.stat().st_mtime_ns for file in files] == ages


def test_table_and_report(karat: Karat, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    report = tmp_path / "report"
    lists = ("--attack", "alie", "--defence", "mean,krum", "--report", str(report))
    done = karat(*QUICK, *lists)
    assert done.code == 0, done.stderr
    assert "alie" in done.stdout
    assert "krum" in done.stdout
    page = (report / "index.html").read_text()
    assert "attackers&#x27; reward share" in page
    assert "--report" in page
    assert (report / "accuracy.png").read_bytes().startswith(b"\x89PNG")


def test_figures_in_a_heatmap_stand_out() -> None:
    report = pytest.importorskip("learning.arena.report")
    for colour, ink in (
        ((0.65, 0.0, 0.15, 1.0), "white"),  # both ends of the map are dark
        ((0.0, 0.41, 0.22, 1.0), "white"),
        ((1.0, 1.0, 0.75, 1.0), "black"),
        ((0.0, 0.0, 0.0, 0.0), "black"),  # nothing to count
    ):
        assert report.ink_on(colour) == ink


def test_the_longest_names_fit_into_eighty_columns(
    karat: Karat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    done = karat(*QUICK, "--attack", "targeted-flip", "--defence", "nnm-trimmed-mean")
    header, _, row, *_ = done.stdout.splitlines()
    names = ["attack", "defence", "accuracy", "goal", "share", "prec.", "recall", "flagged"]
    assert header.split() == names
    assert row.split()[:2] == ["targeted-flip", "nnm-trimmed-mean"]


BROKEN = """
import numpy as np
from learning.arena.attacks import Attack

class Shape(Attack):
    def craft(self, view):
        return np.zeros((1, 3))

class Infinite(Attack):
    def craft(self, view):
        return view.own + np.inf

class Mistaken(Attack):
    def craft(self, view):
        return view.nothing
"""


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Shape", "made updates of shape (1, 3), not (2, 4810)"),
        ("Infinite", "with NaN or infinity"),
        ("Mistaken", "own.py, line 15: AttributeError: 'View' object has no attribute 'nothing'"),
    ],
)
def test_a_mistake_in_an_attack_of_ones_own_is_named(
    name: str, message: str, karat: Karat, tmp_path: Path
) -> None:
    file = tmp_path / "own.py"
    file.write_text(BROKEN)
    done = karat(*QUICK, "--attack", f"{file}:{name}", "--defence", "mean")
    assert done.code == 2
    assert message in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--attack", "nonsense"), "no attack 'nonsense'"),
        (("--defence", "nonsense"), "no defence 'nonsense'"),
        (("--attack", "missing.py:Mine"), "no Python file"),
        (("--seeds", "a"), "--seeds takes numbers"),
        (("--seeds", "5-1"), "range"),
        (("--alpha", "x"), "--alpha takes numbers"),
        (("--alpha", "0"), "alpha"),
        (("--rounds", "0"), "rounds=0"),
        (("--task", "nonsense"), "nonsense"),
    ],
)
def test_mistakes_are_usage_errors(arguments: tuple[str, ...], message: str, karat: Karat) -> None:
    done = karat(*arguments)
    assert done.code == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_the_list_of_names(karat: Karat) -> None:
    done = karat("--list", "--json")
    document = json.loads(done.stdout)
    assert {"name": "alie", "knowledge": "honest updates of this round"} in document["attacks"]
    assert "karat" in document["defences"]
