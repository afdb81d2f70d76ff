"""What the tasks are made of: data, models, training."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from learning import tasks
from learning.errors import DeviceError, TaskError, UnknownNameError
from learning.tasks import ScoringSpec, TaskSpec
from learning.tasks.data import divided, partition
from learning.training import (
    evaluate,
    flat_gradient,
    initial_model,
    layout_of,
    network_at,
    pick_device,
    train,
)

TASK = tasks.get("mlp-digits")


class TestTasks:
    def test_names(self) -> None:
        assert tasks.names() == ("cnn-digits", "gpt-text", "mlp-digits")
        with pytest.raises(UnknownNameError, match="mlp-digits"):
            tasks.get("nothing")

    @pytest.mark.parametrize("name", ["cnn-digits", "gpt-text", "mlp-digits"])
    def test_bytes_round_trip_and_the_digest_is_stable(self, name: str) -> None:
        spec = tasks.get(name)
        again = TaskSpec.from_bytes(spec.to_bytes())
        assert again == spec
        assert again.digest == spec.digest
        assert len(spec.digest) == 32

    def test_every_field_is_in_the_digest(self) -> None:
        other = TASK.model_copy(update={"scoring": ScoringSpec(batch=64)})
        assert other.digest != TASK.digest

    def test_parts_of_the_data_do_not_overlap(self) -> None:
        parts = divided(TASK)
        images = [x.tobytes() for p in (parts.train, parts.root, parts.test) for x in p.x]
        assert len(images) == 1797
        assert (len(parts.root), len(parts.test)) == (384, 360)

    def test_shards_are_disjoint_alike_in_size_and_repeatable(self) -> None:
        shards = partition(TASK, 12, seed=3)
        assert {len(s) for s in shards} == {1053 // 12}
        again = partition(TASK, 12, seed=3)
        assert all((a.x == b.x).all() for a, b in zip(shards, again, strict=True))
        with pytest.raises(TaskError):
            partition(TASK, 0, seed=0)

    def test_alpha_is_how_alike_trainers_are(self) -> None:
        def spread(alpha: float) -> float:
            mixes = [np.bincount(s.y, minlength=10) for s in partition(TASK, 8, 0, alpha)]
            return float(np.std(mixes, axis=0).mean())

        assert spread(0.1) > 2 * spread(100.0)

    def test_the_124m_model_has_124m_parameters(self) -> None:
        spec = tasks.gpt_text(layers=12, width=768, heads=12, time=1024, vocabulary=50304)
        assert 124e6 < layout_of(spec).total < 125e6

    @pytest.mark.parametrize("name", ["cnn-digits", "mlp-digits"])
    def test_training_learns(self, name: str) -> None:
        spec = tasks.get(name)
        base = initial_model(spec)
        delta = train(spec, base, divided(spec).train, 0, "cpu")
        after = type(base).from_float(base.layout, base.to_float() - delta)
        before, test = evaluate(spec, base, divided(spec).test, "cpu"), divided(spec).test
        assert evaluate(spec, after, test, "cpu")[0] < before[0]

    def test_training_text_learns(self) -> None:
        spec = tasks.gpt_text(layers=1, width=32, heads=2, time=32)
        base = initial_model(spec)
        shard = divided(spec).train.take(np.arange(500))
        delta = train(spec, base, shard, 0, "cpu")
        after = type(base).from_float(base.layout, base.to_float() - delta)
        some = divided(spec).root.take(np.arange(64))
        assert evaluate(spec, after, some, "cpu")[0] < evaluate(spec, base, some, "cpu")[0]

    def test_training_is_repeatable(self) -> None:
        base, shard = initial_model(TASK), partition(TASK, 4, 0)[0]
        first = train(TASK, base, shard, 9, "cpu")
        assert (first == train(TASK, base, shard, 9, "cpu")).all()
        assert (first != train(TASK, base, shard, 10, "cpu")).any()


def test_devices() -> None:
    assert pick_device("cpu").type == "cpu"
    with pytest.raises(DeviceError):
        pick_device("tpu")
    if not torch.cuda.is_available():
        assert pick_device("auto").type == "cpu"
        with pytest.raises(DeviceError, match="CUDA"):
            pick_device("cuda")


def test_flat_gradient_is_in_the_layouts_order() -> None:
    base = initial_model(TASK)
    network = network_at(TASK, base.to_float(), torch.device("cpu"))
    sum((p * (i + 1)).sum() for i, p in enumerate(network.parameters())).backward()  # type: ignore[union-attr]
    views = layout_of(TASK).views(flat_gradient(network))
    assert [float(v.reshape(-1)[0]) for v in views.values()] == [1.0, 2.0, 3.0, 4.0]


def test_the_digits_are_scikit_learns() -> None:
    x, y = load_digits(return_X_y=True)
    parts = divided(TASK)
    order = np.random.default_rng(TASK.data.split_seed).permutation(len(y))
    mine = np.concatenate([parts.root.x, parts.test.x, parts.train.x])
    assert (mine == ((x - 4.9) / 6.0).astype(np.float32)[order]).all()
    labels = np.concatenate([parts.root.y, parts.test.y, parts.train.y])
    assert (labels == y[order]).all()
