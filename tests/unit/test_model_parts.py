"""What of a network is trained and travels, and what stays as the task gives it."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from learning import tasks
from learning.codec import Codec, SparseUpdate
from learning.judge.outputs import Evaluator
from learning.judge.valuation import value_updates
from learning.tasks import ModelSpec, TaskSpec, models
from learning.tasks.data import divided
from learning.training import (
    evaluate,
    flat_gradient,
    initial_model,
    layout_of,
    network_at,
    train,
)


class FrozenMiddle(nn.Module):
    """A layer in the middle is not trained."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Linear(64, 32)
        self.mid = nn.Linear(32, 32).requires_grad_(False)
        self.o = nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Logits [n, 10]."""
        out: Tensor = self.o(functional.relu(self.mid(functional.relu(self.a(x)))))
        return out


class Tied(nn.Module):
    """Two layers share their weights."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Linear(64, 64)
        self.b = nn.Linear(64, 64)
        self.b.weight = self.a.weight
        self.o = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Logits [n, 10]."""
        out: Tensor = self.o(functional.relu(self.b(functional.relu(self.a(x)))))
        return out


class Buffered(nn.Module):
    """A buffer that no state dict holds, and a parameter that takes no part."""

    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.o = nn.Linear(64, 10)
        self.idle = nn.Parameter(torch.ones(3))
        self.register_buffer("scale", torch.linspace(0.5, 2, 64), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Logits [n, 10]."""
        out: Tensor = self.o(x * self.scale)
        return out


KINDS: dict[str, type[nn.Module]] = {"frozen": FrozenMiddle, "tied": Tied, "buffered": Buffered}
TRAINED = {
    "frozen": 64 * 32 + 32 + 330,
    "tied": 64 * 64 + 64 + 64 + 650,
    "buffered": 650 + 3,
}


@pytest.fixture(params=sorted(KINDS))
def spec(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> TaskSpec:
    """A task on digits with one of the networks."""
    builders: dict[str, Callable[..., nn.Module]] = {**models._BUILDERS, **KINDS}
    monkeypatch.setattr(models, "_BUILDERS", builders)
    kind = ModelSpec(kind=request.param)
    return tasks.get("mlp-digits").model_copy(update={"name": request.param, "model": kind})


def test_layout_and_updates_hold_what_is_trained_and_nothing_else(spec: TaskSpec) -> None:
    assert layout_of(spec).total == TRAINED[spec.name]
    assert initial_model(spec).values.shape == (TRAINED[spec.name],)


def test_frozen_weights_and_buffers_are_the_same_at_each_call(spec: TaskSpec) -> None:
    flat, x = initial_model(spec).to_float(), torch.from_numpy(divided(spec).root.x[:8])
    device = torch.device("cpu")
    with torch.random.fork_rng():
        torch.manual_seed(spec.model.init_seed)
        original = models.build(spec.model.kind, {})
    for _ in range(3):
        torch.testing.assert_close(
            network_at(spec, flat, device)(x), original(x), atol=1e-5, rtol=1e-5
        )


def test_the_network_is_nobody_elses(spec: TaskSpec) -> None:
    flat, device = initial_model(spec).to_float(), torch.device("cpu")
    with torch.no_grad():
        for value in network_at(spec, flat, device).parameters():
            value.zero_()
    assert initial_model(spec).to_float().any()
    assert flat.any()


def test_gradient_has_an_entry_for_each_trained_value(spec: TaskSpec) -> None:
    network = network_at(spec, initial_model(spec).to_float(), torch.device("cpu"))
    data = divided(spec).root
    models.loss(network(torch.from_numpy(data.x)), torch.from_numpy(data.y)).backward()
    assert flat_gradient(network).shape == (layout_of(spec).total,)


def test_a_round_trains_scores_and_improves(spec: TaskSpec) -> None:
    base, data = initial_model(spec), divided(spec)
    shards = [data.train.take(np.arange(i * 300, i * 300 + 300)) for i in range(2)]
    codec = Codec(spec.codec, base.layout)
    updates: list[SparseUpdate] = [
        codec.decode(codec.encode(train(spec, base, shard, seed, "cpu")))
        for seed, shard in enumerate(shards)
    ]
    valued = value_updates(spec, base, updates, {}, data.root, seed=1, device="cpu")
    assert (valued.credits > 0).all()
    assert valued.next_loss < valued.loss
    evaluator = Evaluator(spec, base.to_float(), data.root, 0, "cpu")
    after = evaluator.after(updates[0], 1.0)
    moved = base.to_float() - updates[0].dense(base.layout.total)
    np.testing.assert_allclose(evaluator.at(moved), after, atol=1e-5)
    assert evaluate(spec, base, data.root, "cpu")[0] > 2.0
