"""A stranger's session: a class and numbers of one's own, to a model that was paid for."""

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from sklearn.datasets import load_wine

from karat.sdk import connect
from learning.tasks.data import divided
from tests.cli.home import Home, warp
from tests.cli.schemas import checked

RULES = """task = "wine.py:Wine"
rounds = 1
rewards = { trainers = 10, verifiers = 1 }
stakes = { trainer = 5, verifier = 5 }
verifiers = [{ account = "dev:2" }]

[windows]
commit = "20m"
reveal = "10m"
score_commit = "10m"
score_reveal = "10m"
"""


def tables(folder: Path) -> tuple[Path, Path]:
    """Half of the wines for the sponsor, half for a trainer."""
    x, y = load_wine(return_X_y=True)
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    order = np.random.default_rng(0).permutation(len(x))
    files = folder / "wine.csv", folder / "mine.csv"
    names = [f"measure{i}" for i in range(x.shape[1])]
    for file, part in zip(files, np.array_split(order, 2), strict=True):
        rows = [",".join([*names, "y"])]
        rows += [",".join(map(str, [*x[i].round(4), y[i]])) for i in part]
        file.write_text("\n".join(rows), encoding="utf-8")
    return files


def module_of(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location("stranger", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.timeout(900)
def test_a_class_of_ones_own_becomes_a_task_that_strangers_train_and_judge(home: Home) -> None:
    _, mine = tables(home.folder)
    (home.folder / "elsewhere").mkdir()
    others = Home(home.folder / "elsewhere")
    others.env = home.env

    home.json("up", "--port", 0, "--fund", 4)
    network = connect("local")
    written = checked(home.json("task", "new", "Wine"))
    assert written["task"] == "wine.py:Wine"
    assert "exists" in home.run("task", "new", "Wine", code=3)[1]
    (home.folder / "wine.toml").write_text(RULES)
    created = checked(home.json("task", "create", "--spec", "wine.toml", "--account", "dev:1"))
    assert created["name"] == "Wine"

    # Nobody else has the class, nor a name of its file.
    others.json("verifier", "join", 1, "--account", "dev:2")
    others.json("trainer", "join", 1, "--account", "dev:3")
    home.json("round", "open", 1, "--account", "dev:1")
    assert checked(others.json("trainer", "check", 1, "--data", str(mine)))["warnings"] == []
    bad = mine.with_name("bad.csv")
    bad.write_text("a,b,y\n1,2,3\n")
    submit = ("trainer", "submit", 1, "--account", "dev:3", "--data")
    assert "needs 13 columns" in others.run(*submit, str(bad), code=3)[1]
    assert others.json(*submit, str(mine))["state"] == "committed"
    warp(network, 1200)
    assert others.json("trainer", "submit", 1, "--account", "dev:3")["state"] == "revealed"
    warp(network, 600)
    others.json("round", "settle", 1, "--account", "dev:2")
    for _ in ("commit", "reveal"):
        others.json("verifier", "run", 1, "--account", "dev:2", "--once")
    others.json("round", "settle", 1, "--account", "dev:2")
    assert others.json("trainer", "claim", 1, "--account", "dev:3")["rewards"] > 0

    told = checked(others.json("model", "export", 1, "-o", str(home.folder / "m.safetensors")))
    first = checked(others.json("model", "export", 1, "-o", "first.safetensors", "--round", 0))
    assert told["metrics"]["loss"] < first["metrics"]["loss"]
    # The author's own network, with the weights that were delivered, is as good as it says.
    task = module_of(home.folder / "wine.py").Wine()
    model = task.model()
    model.load_state_dict(load_file(home.folder / "m.safetensors"))
    holdout = network.task(1).content

    root = divided(holdout.spec).root
    with torch.no_grad():
        output, target = model(torch.from_numpy(root.x)), torch.from_numpy(root.y)
        assert float(task.loss(output, target).mean()) == pytest.approx(told["loss"], abs=1e-5)
        accuracy = float(task.metrics(output, target)["accuracy"])
    assert accuracy == pytest.approx(told["accuracy"], abs=1e-6)
    assert accuracy > first["accuracy"]
