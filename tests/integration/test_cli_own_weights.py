"""A loop of one's own: take the round's base, train it in plain PyTorch, send it, get the model."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional

from karat.sdk import connect
from learning.tasks.data import Examples, divided
from learning.tasks.models import Mlp
from learning.tasks.spec import TaskSpec
from tests.cli.home import Home, warp
from tests.cli.schemas import checked

TASK = """
task = "mlp-digits"
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


def own_loop(base: Path, trained: Path, data: Examples) -> None:
    """What a trainer does with a model that it has never seen the software of."""
    network = Mlp(inputs=64, hidden=64, classes=10)
    network.load_state_dict(load_file(base))
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3)
    x, y = torch.from_numpy(data.x), torch.from_numpy(data.y)
    for _ in range(40):
        optimiser.zero_grad()
        functional.cross_entropy(network(x), y).backward()
        optimiser.step()
    save_file(network.state_dict(), trained)


def accuracy(network: nn.Module, data: Examples) -> float:
    with torch.no_grad():
        guessed = network(torch.from_numpy(data.x)).argmax(1)
    return float((guessed == torch.from_numpy(data.y)).float().mean())


@pytest.mark.timeout(900)
def test_weights_of_ones_own_become_the_model_that_is_delivered(home: Home) -> None:
    (home.folder / "task.toml").write_text(TASK)
    home.json("up", "--port", 0, "--fund", 4)
    network = connect("local")
    home.json("task", "create", "--spec", "task.toml", "--account", "dev:1")
    home.json("verifier", "join", 1, "--account", "dev:2")
    home.json("trainer", "join", 1, "--account", "dev:3")
    home.json("round", "open", 1, "--account", "dev:1")
    spec: TaskSpec = network.task(1).content.spec
    parts = divided(spec)

    base, mine = home.folder / "base.safetensors", home.folder / "mine.safetensors"
    saved = checked(home.json("trainer", "base", 1, "-o", str(base), "--account", "dev:3"))
    assert (saved["round"], saved["size"]) == (1, base.stat().st_size)
    assert saved["parameters"] == sum(t.numel() for t in load_file(base).values())

    submit = ("trainer", "submit", 1, "--account", "dev:3", "--weights")
    _, err = home.run(*submit, str(base), code=6)
    assert "nothing to send" in err
    broken = home.folder / "broken.safetensors"
    weights = load_file(base)
    for change, why in (
        ({"out.bias": torch.zeros(9)}, "'out.bias' has shape [9], not [10]"),
        ({"out.bias": torch.zeros(10, dtype=torch.int32)}, "'out.bias' is int32"),
        ({"out.bias": torch.full((10,), torch.nan)}, "'out.bias' holds NaN"),
        ({"head.bias": torch.zeros(10)}, "no 'head.bias'"),
    ):
        save_file({**weights, **change}, broken)
        assert why in home.run(*submit, str(broken), code=6)[1]
    save_file({k: v for k, v in weights.items() if k != "out.bias"}, broken)
    assert "lack 'out.bias'" in home.run(*submit, str(broken), code=6)[1]
    broken.write_bytes(b"no weights at all")
    assert "not a safetensors file" in home.run(*submit, str(broken), code=6)[1]

    own_loop(base, mine, parts.train)
    done = checked(home.json(*submit, str(mine)))
    assert done["state"] == "committed"
    assert home.json(*submit, str(mine))["transactions"] == []
    warp(network, 1200)
    assert home.json("trainer", "submit", 1, "--account", "dev:3")["state"] == "revealed"
    _, err = home.run("model", "export", 1, "-o", "m.safetensors", "--round", 1, code=1)
    assert "has not ended" in err
    warp(network, 600)
    home.json("round", "settle", 1, "--account", "dev:1")
    for _ in ("commit", "reveal"):
        home.json("verifier", "run", 1, "--account", "dev:2", "--once")
    home.json("round", "settle", 1, "--account", "dev:1")

    exported = home.folder / "model.safetensors"
    told = checked(home.json("model", "export", 1, "-o", str(exported)))
    first = checked(home.json("model", "export", 1, "-o", "first.safetensors", "--round", 0))
    assert (told["round"], first["round"]) == (1, 0)
    assert told["loss"] < first["loss"]
    model = Mlp(inputs=64, hidden=64, classes=10)
    model.load_state_dict(load_file(exported))
    assert accuracy(model, parts.test) == pytest.approx(told["accuracy"], abs=1e-6)
    state = network.task(1).model().state_dict()
    assert all(torch.equal(state[name], value) for name, value in load_file(exported).items())
    # The file of exact integers is not taken for one of weights.
    fixed = home.folder / "model.karat"
    fixed.write_bytes(network.task(1).model().state.to_bytes())
    with pytest.raises(RuntimeError, match="Missing key"):
        model.load_state_dict(load_file(fixed))

    receipt = checked(home.json("model", "receipts", 1))
    (trainer,) = receipt["trainers"]
    fallen = receipt["first_loss"] - receipt["last_loss"]
    assert trainer["direct"] + receipt["rest"] == fallen
    assert trainer["leave_one_out"] == fallen
    assert receipt["last_loss"] / 1e6 == pytest.approx(told["loss"], abs=2e-6)
    left = checked(home.json("model", "without", 1, "dev:3", "-o", "without.safetensors"))
    assert left["trainer"] == trainer["trainer"]
    assert left["model"] == network.task(1).model(0).state.digest.hex() != receipt["model"]
    assert "took an update of" in home.run("model", "without", 1, "dev:5", "-o", "x", code=1)[1]
