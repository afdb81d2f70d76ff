"""First-order scores against exact ones, and what the tasks are made of."""

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array
from scipy.stats import spearmanr

from learning import tasks
from learning.codec import Codec
from learning.errors import DeviceError, TaskError, UnknownNameError
from learning.judge.detection.alliances import Crowd, alliances, partial_likeness
from learning.judge.detection.cosines import unit_rows
from learning.judge.scoring import Scorer
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


def a_scorer(seed: int = 0) -> Scorer:
    return Scorer(TASK, initial_model(TASK), divided(TASK).root, seed, "cpu")


def test_first_order_gains_rank_as_exact_ones_do() -> None:
    base, codec = initial_model(TASK), Codec(TASK.codec, layout_of(TASK))
    shards = partition(TASK, 24, seed=1)
    deltas = [train(TASK, base, shard, i, "cpu") for i, shard in enumerate(shards)]
    updates = [codec.decode(codec.encode(d * s)) for d in deltas for s in (1.0, -0.5)]
    scorer = a_scorer()
    first = scorer.gains(updates, clip=1.0)
    exact = [scorer.exact_gain(update, clip=1.0)[0] for update in updates]
    assert spearmanr(first, exact).statistic >= 0.98


def test_the_gain_is_the_slope_of_the_tempered_loss() -> None:
    base, codec = initial_model(TASK), Codec(TASK.codec, layout_of(TASK))
    update = codec.decode(codec.encode(train(TASK, base, partition(TASK, 4, 0)[0], 0, "cpu")))
    root = divided(TASK).root
    scorer = a_scorer()
    x = torch.from_numpy(root.x[scorer.probe.batch_ids]).double()
    y = torch.from_numpy(root.y[scorer.probe.batch_ids])

    def loss(step: float) -> float:
        flat = base.to_float() - step * update.dense(codec.layout.total)
        network = network_at(TASK, flat.astype(np.float32), torch.device("cpu")).double()
        with torch.no_grad():
            return float(torch.nn.functional.cross_entropy(network(x) / 5.0, y))

    slope = (loss(0.0) - loss(1e-3)) / 1e-3 / loss(0.0)
    assert scorer.gains([update], clip=1e9)[0] == pytest.approx(slope, rel=0.02)


def test_clipping_bounds_the_gain() -> None:
    base, codec = initial_model(TASK), Codec(TASK.codec, layout_of(TASK))
    delta = train(TASK, base, partition(TASK, 4, 0)[0], 0, "cpu")
    small, large = (codec.decode(codec.encode(delta * s)) for s in (1, 8))
    gains = a_scorer().gains([small, large], clip=0.1)
    assert gains[0] == pytest.approx(gains[1], rel=0.02)


def test_batches_depend_on_the_seed_alone() -> None:
    assert a_scorer(1).probe.batch_ids.tolist() == a_scorer(1).probe.batch_ids.tolist()
    assert a_scorer(1).probe.batch_ids.tolist() != a_scorer(2).probe.batch_ids.tolist()


@pytest.mark.parametrize("name", ["mlp-digits", "cnn-digits"])
def test_class_effects_are_what_a_small_step_does_to_the_mean_logits(name: str) -> None:
    task = tasks.get(name)
    base, codec, root = initial_model(task), Codec(task.codec, layout_of(task)), divided(task).root
    deltas = [train(task, base, shard, 0, "cpu") for shard in partition(task, 2, 0)]
    updates = [codec.decode(codec.encode(delta)) for delta in deltas]
    scorer = Scorer(task, base, root, 0, "cpu")
    weights = csr_array(np.array([[0.5, 2.0]]))
    effects = scorer.class_effects(weights, unit_rows(updates, codec.layout.total))
    assert effects is not None
    assert effects.shape == (1, 10, 10)
    units = [u.dense(codec.layout.total).astype(np.float64) / u.norm for u in updates]
    x, y = (part[scorer.probe.batch_ids] for part in (root.x, root.y))

    def mean_logits(step: float) -> np.ndarray:
        flat = base.to_float() - step * (0.5 * units[0] + 2.0 * units[1])
        network = network_at(task, flat.astype(np.float32), torch.device("cpu")).double()
        with torch.no_grad():
            logits = network(torch.from_numpy(x).double()).numpy()
        return np.stack([logits[y == label].mean(axis=0) for label in range(10)])

    slope = (mean_logits(1e-3) - mean_logits(-1e-3)) / 2e-3
    np.testing.assert_allclose(effects[0], slope, rtol=0.02, atol=0.01)


def test_text_has_no_class_effects() -> None:
    text = tasks.gpt_text(layers=1, width=16, heads=2, time=16)
    scorer = Scorer(text, initial_model(text), divided(text).root, 0, "cpu")
    none = csr_array((0, 0))
    assert scorer.class_effects(none, none) is None


def test_partial_likeness_is_the_cosine_without_the_mean_of_the_others() -> None:
    rows = np.random.default_rng(0).standard_normal((6, 40)) + 0.3
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    likeness = partial_likeness(rows @ rows.T)
    for i in range(6):
        for j in range(i):
            mean = np.delete(rows, (i, j), axis=0).sum(axis=0)
            mean /= np.linalg.norm(mean)
            a, b = (rows[k] - (rows[k] @ mean) * mean for k in (i, j))
            expected = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
            assert likeness[i, j] == pytest.approx(expected)


def test_lasting_likeness_is_found_and_chance_is_not() -> None:
    rng = np.random.default_rng(0)
    crowds = []
    for _ in range(3):
        rows = rng.standard_normal((10, 500))
        rows[:3] += 2 * rng.standard_normal(500)  # the same three have something in common
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        crowds.append(Crowd([f"t{i}" for i in range(10)], rows @ rows.T))
    assert set(alliances(crowds, ScoringSpec())) == {"t0", "t1", "t2"}
    assert alliances(crowds[:1], ScoringSpec(alliance_rounds=3)) == {}
    assert alliances([], ScoringSpec()) == {}


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
        other = TASK.model_copy(update={"scoring": ScoringSpec(copy_cosine=0.91)})
        assert other.digest != TASK.digest

    def test_parts_of_the_data_do_not_overlap(self) -> None:
        parts = divided(TASK)
        images = [x.tobytes() for p in (parts.train, parts.root, parts.test) for x in p.x]
        assert len(images) == 1797
        assert len(parts.root), len(parts.test) == (256, 360)

    def test_shards_are_disjoint_alike_in_size_and_repeatable(self) -> None:
        shards = partition(TASK, 12, seed=3)
        assert {len(s) for s in shards} == {1181 // 12}
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
