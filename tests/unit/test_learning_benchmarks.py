"""The benchmarks run from end to end, at sizes at which their figures mean nothing."""

import importlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from learning import tasks

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(FOLDER)


@pytest.mark.seconds
def test_the_accelerators_path_runs_without_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    accelerator, file = importlib.import_module("accelerator"), tmp_path / "found.json"
    words = ["accelerator.py", "--device", "cpu", "--small", "--repeats", "1", "--json", str(file)]
    monkeypatch.setattr(sys, "argv", words)
    accelerator.main()
    found = json.loads(file.read_text())
    assert set(found) == {"device", "torch", "sizes", "ceilings", "rules", "large", "scoring"}
    assert {row["rule"] for row in found["rules"]} >= {"mean", "multi-krum", "centered-clip"}
    assert found["scoring"]["updates"] == 6
    assert found["scoring"]["credit"] > 0
    for figure in (found["large"]["of_bandwidth"], found["scoring"]["of_arithmetic"]):
        assert figure > 0


def test_a_judged_round_is_measured_beside_evaluations() -> None:
    verifier = importlib.import_module("verifier")
    row = verifier.measure_scoring(tasks.get("mlp-digits"), 12, 1, "cpu", rounds=2, trained=12)
    assert (row["updates"], row["parameters"]) == (12, 4810)
    assert row["examples"] == 512  # each with a probed copy
    assert row["credit"] > 0


def test_an_evaluation_applies_the_update() -> None:
    verifier = importlib.import_module("verifier")
    spec = tasks.get("cnn-digits")
    (base, _), updates = verifier.trained_updates(spec, 2, 1, "cpu")
    examples = verifier.divided(spec).root.take(np.arange(256))
    found = verifier.evaluations(spec, base, updates, examples, "cpu")()
    for update, loss in zip(updates, found, strict=True):
        moved = base.to_float() - update.dense(base.layout.total)
        model = verifier.ModelState.from_float(base.layout, moved)
        expected = importlib.import_module("learning.training").evaluate(
            spec, model, examples, "cpu"
        )[0]
        assert loss == pytest.approx(expected, rel=1e-4)


@pytest.mark.seconds
def test_each_way_to_vote_earns_what_it_knows(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pay = importlib.import_module("verifier_pay")
    words = ["--json", "--attacks", "none,label-flip", "--rounds", "3", "--seeds", "1"]
    monkeypatch.setattr(sys, "argv", ["verifier_pay.py", *words])
    pay.main()
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "karat.verifier-pay/1"
    percent = document["percent"]
    assert percent["honest"] >= 98
    assert percent["constant"] == percent["lazy_majority"] == 0
    assert percent["last_votes"] <= 5
    assert percent["moving_average"] <= 12
    assert percent["halved"] <= 20
    assert set(document["by_attack"]) == {"none", "label-flip"}
    assert percent["paying"] == 100  # the first rounds of a task, in which it learns
