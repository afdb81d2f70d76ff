"""``karat arena`` as a user runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

QUICK = ("--honest", "4", "--attackers", "2", "--rounds", "2", "--task", "mlp-digits")


def karat(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from karat.cli.app import main; main()", "arena", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
        env={**os.environ, "XDG_CACHE_HOME": str(home), "COLUMNS": "120", "NO_COLOR": "1"},
    )


def test_rows_as_json_over_processes_and_again_from_the_cache(tmp_path: Path) -> None:
    lists = ("--attack", "none,copy", "--defence", "karat,mean", "--seeds", "3-4", "--jobs", "2")
    first = karat(*QUICK, *lists, "--json", home=tmp_path)
    assert first.returncode == 0, first.stderr
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
    again = karat(*QUICK, *lists, "--json", home=tmp_path)
    assert json.loads(again.stdout) == document
    assert [file.stat().st_mtime_ns for file in files] == ages


def test_table_and_report(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    report = tmp_path / "report"
    lists = ("--attack", "alie", "--defence", "mean,krum", "--report", str(report))
    done = karat(*QUICK, *lists, home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "alie" in done.stdout
    assert "krum" in done.stdout
    page = (report / "index.html").read_text()
    assert "attackers&#x27; reward share" in page
    assert "--report" in page
    assert (report / "accuracy.png").read_bytes().startswith(b"\x89PNG")


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
def test_mistakes_are_usage_errors(
    arguments: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    done = karat(*arguments, home=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_the_list_of_names(tmp_path: Path) -> None:
    done = karat("--list", "--json", home=tmp_path)
    document = json.loads(done.stdout)
    assert {"name": "alie", "knowledge": "honest updates of this round"} in document["attacks"]
    assert "karat" in document["defences"]
