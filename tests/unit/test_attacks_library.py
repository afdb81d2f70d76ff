"""What each attack makes of data and updates."""

import numpy as np
import pytest

from learning.arena.attacks import (
    ALittleIsEnough,
    Attack,
    Backdoor,
    Copy,
    Dmpa,
    InnerProductManipulation,
    Knowledge,
    LabelFlip,
    Mimic,
    MinMax,
    MinSum,
    MixedCopy,
    NoiseFreeRider,
    NoisyCopy,
    Setting,
    SignFlip,
    Sleeper,
    SplitDataSybil,
    Stale,
    StealthSybil,
    SybilClones,
    TargetedFlip,
    View,
    Whitewash,
    ZeroFreeRider,
    attacks,
)
from learning.arena.public import PublicRecord
from learning.errors import PluginError, UnknownNameError
from learning.tasks import ModelSpec
from learning.tasks import get as get_task
from learning.tasks.data import Examples

HONEST, SLY = 8, 3
SIZE = 16 * 14 + 14 + 14 * 10 + 10  # of the model in SPEC


def setting(number: int = 0, seed: int = 0) -> Setting:
    return Setting(round=number, classes=10, rng=np.random.default_rng([seed, number]))


SPEC = get_task("mlp-digits").model_copy(
    update={"model": ModelSpec(kind="mlp", sizes={"inputs": 16, "hidden": 14, "classes": 10})}
)


def held() -> list[Examples]:
    rng = np.random.default_rng(3)
    labels = [rng.integers(0, 10, 40) for _ in range(SLY)]
    return [Examples(rng.random((40, 16), dtype=np.float32), y, y) for y in labels]


def record(number: int) -> PublicRecord:
    """As many rounds as there were before this one, of made-up updates."""
    rng = np.random.default_rng(8)
    models = [rng.standard_normal(SIZE).astype(np.float32) for _ in range(number + 1)]
    past = [
        [(f"honest-{i}", rng.standard_normal(SIZE).astype(np.float32), 17_000) for i in range(4)]
        for _ in range(number)
    ]
    burnt = [(shard.x, shard.y) for shard in held()[:number]]
    names = [f"attacker-{i:03d}" for i in range(SLY)]
    return PublicRecord(SPEC, number, models[-1], models[:-1], past, burnt, names)


def view(attack: Attack, number: int = 1, seed: int = 0) -> View:
    """As the arena shows it: no more than the attack's knowledge."""
    rng = np.random.default_rng(7)
    honest = (1 + rng.standard_normal((HONEST, SIZE))).astype(np.float32)
    past = (1 + rng.standard_normal((HONEST, SIZE))).astype(np.float32)
    own = (1 + rng.standard_normal((SLY, SIZE))).astype(np.float32)
    knows = attack.knowledge
    return View(
        setting=setting(number, seed),
        own=own,
        shards=held(),
        public=record(number),
        honest=honest if knows is Knowledge.CURRENT else None,
        past_honest=None if knows is Knowledge.OWN_DATA else past,
    )


@pytest.fixture
def shards() -> list[Examples]:
    rng = np.random.default_rng(0)
    labels = [rng.integers(0, 10, 40) for _ in range(SLY)]
    return [Examples(rng.random((40, 16), dtype=np.float32), y, y) for y in labels]


@pytest.mark.parametrize("name", attacks.names())
def test_repeats_from_its_seed_and_leaves_inputs_alone(name: str, shards: list[Examples]) -> None:
    sent = []
    for _ in range(2):
        attack = attacks.get(name)()
        seen = view(attack)
        kept = [a.copy() for a in (seen.own, seen.honest, seen.past_honest) if a is not None]
        labels = [shard.y.copy() for shard in shards]
        attack.poison(shards, setting())
        sent.append(attack.craft(seen))
        now = [a for a in (seen.own, seen.honest, seen.past_honest) if a is not None]
        assert all(np.array_equal(a, b) for a, b in zip(kept, now, strict=True))
        assert all(np.array_equal(a, s.y) for a, s in zip(labels, shards, strict=True))
    assert sent[0].shape == (SLY, SIZE)
    assert np.isfinite(sent[0]).all()
    np.testing.assert_array_equal(sent[0], sent[1])


@pytest.mark.parametrize("name", attacks.names())
def test_every_attack_names_its_source_and_knowledge(name: str) -> None:
    kind = attacks.get(name)
    assert kind.__doc__
    assert isinstance(kind.knowledge, Knowledge)
    assert len(set(kind().names(30, 5))) == 30


def test_label_flips(shards: list[Examples]) -> None:
    flipped = LabelFlip().poison(shards, setting())
    assert all((a.y + b.y == 9).all() for a, b in zip(shards, flipped, strict=True))
    targeted = TargetedFlip(1, 7).poison(shards, setting())
    for before, after in zip(shards, targeted, strict=True):
        assert (after.y[before.y == 1] == 7).all()
        assert (after.y[before.y != 1] == before.y[before.y != 1]).all()
    goal = TargetedFlip(1, 7).goal(shards[0], 10)
    assert len(goal) == (shards[0].y == 1).sum() > 0
    assert (goal.y == 7).all()


def test_backdoor_marks_half_and_asks_for_the_target(shards: list[Examples]) -> None:
    poisoned = Backdoor(target=7, pixels=4).poison(shards, setting())[0]
    marked = (poisoned.x[:, -4:] == shards[0].x.max()).all(axis=1)
    assert marked.sum() == 20
    assert (poisoned.y[marked] == 7).all()
    goal = Backdoor(target=7).goal(shards[0], 10)
    assert (goal.y == 7).all()
    assert len(goal) == (shards[0].y != 7).sum()


def test_sybils_share_one_update_or_one_data_set(shards: list[Examples]) -> None:
    clones = SybilClones().craft(view(SybilClones()))
    assert (clones == clones[0]).all()
    parts = SplitDataSybil().poison(shards, setting())
    assert sum(len(part) for part in parts) == sum(len(shard) for shard in shards)
    again = SplitDataSybil().poison(shards, setting(5))
    assert all(np.array_equal(a.x, b.x) for a, b in zip(parts, again, strict=True))
    stealth = StealthSybil(noise=0.6).craft(view(StealthSybil()))
    cosines = np.corrcoef(stealth)[np.triu_indices(SLY, 1)]
    assert (cosines < 0.95).all()


def test_copies_take_what_they_may_see() -> None:
    seen = view(Copy())
    assert seen.past_honest is not None
    np.testing.assert_array_equal(Copy().craft(seen), seen.past_honest[:SLY])
    first = View(setting(), np.zeros((SLY, SIZE), np.float32), held(), record(0))
    assert not Copy().craft(first).any()
    noisy, seen = NoisyCopy(noise=0.2).craft(view(NoisyCopy())), view(NoisyCopy())
    assert seen.honest is not None
    relative = np.linalg.norm(noisy - seen.honest[:SLY], axis=1) / np.linalg.norm(
        seen.honest[:SLY], axis=1
    )
    np.testing.assert_allclose(relative, 0.2, rtol=0.2)
    mixed = MixedCopy(parts=HONEST, noise=0).craft(view(MixedCopy()))
    np.testing.assert_allclose(mixed, np.repeat(seen.honest.mean(0)[None], SLY, 0), atol=1e-5)


def test_crafted_updates_follow_their_formulas() -> None:
    honest = view(ALittleIsEnough()).honest
    assert honest is not None
    mean, deviation = honest.mean(axis=0), honest.std(axis=0)
    alie = ALittleIsEnough(z=1.5).craft(view(ALittleIsEnough()))
    np.testing.assert_allclose(alie[0], mean - 1.5 * deviation, rtol=1e-5)
    ipm = InnerProductManipulation(0.5).craft(view(InnerProductManipulation()))
    np.testing.assert_allclose(ipm[0], -0.5 * mean, rtol=1e-5)
    own = view(SignFlip()).own
    np.testing.assert_allclose(SignFlip(3.0).craft(view(SignFlip())), -3 * own)


def test_min_max_and_min_sum_touch_their_bounds() -> None:
    honest = view(MinMax()).honest
    assert honest is not None
    pairs = ((honest[:, None] - honest[None]) ** 2).sum(axis=2)
    farthest = ((MinMax().craft(view(MinMax()))[0] - honest) ** 2).sum(axis=1).max()
    assert farthest == pytest.approx(pairs.max(), rel=1e-3)
    summed = ((MinSum().craft(view(MinSum()))[0] - honest) ** 2).sum()
    assert summed == pytest.approx(pairs.sum(axis=1).max(), rel=1e-3)


def test_mimic_sends_an_honest_update() -> None:
    attack = Mimic()
    seen = view(attack)
    assert seen.honest is not None
    sent = attack.craft(seen)
    assert (sent == sent[0]).all()
    assert any(np.array_equal(sent[0], update) for update in seen.honest)


def test_dmpa_turns_against_the_common_direction_at_equal_norm() -> None:
    seen = view(Dmpa())
    sent = Dmpa().craft(seen)
    assert sent[0] @ seen.own.mean(axis=0) < 0
    norms = np.linalg.norm(seen.own, axis=1)
    assert np.linalg.norm(sent[0]) == pytest.approx(norms.mean(), rel=1e-4)


def test_stale_sleeper_and_whitewash_follow_the_rounds(shards: list[Examples]) -> None:
    stale = Stale()
    first = stale.craft(view(stale, 0))
    later = View(setting(3), np.zeros((SLY, SIZE), np.float32), held(), record(3))
    np.testing.assert_array_equal(stale.craft(later), first)
    assert [stale.active(n) for n in range(3)] == [False, True, True]
    sleeper = Sleeper(rounds=2)
    assert sleeper.poison(shards, setting(1)) is shards
    assert (sleeper.poison(shards, setting(2))[0].y == 9 - shards[0].y).all()
    whitewash = Whitewash(stay=3)
    assert whitewash.names(2, 0) == whitewash.names(2, 2)
    assert not set(whitewash.names(2, 0)) & set(whitewash.names(2, 3))


def test_free_riders_send_nothing_or_noise() -> None:
    assert not ZeroFreeRider().craft(view(ZeroFreeRider())).any()
    seen = view(NoiseFreeRider())
    assert seen.past_honest is not None
    noise = NoiseFreeRider().craft(seen)
    assert noise.std() == pytest.approx(seen.past_honest.std(), rel=0.1)


def test_own_attacks_are_loaded_from_files(tmp_path: object) -> None:
    from pathlib import Path

    folder = Path(str(tmp_path))
    file = folder / "mine.py"
    file.write_text("from learning.arena.attacks import Attack\nclass Mine(Attack): pass\n")
    assert issubclass(attacks.get(f"{file}:Mine"), Attack)
    with pytest.raises(PluginError, match="defines no 'Other'"):
        attacks.get(f"{file}:Other")
    with pytest.raises(PluginError, match="no Python file"):
        attacks.get(f"{folder / 'absent.py'}:Mine")
    file.write_text("import nothing_of_that_name\n")
    with pytest.raises(PluginError, match="failed"):
        attacks.get(f"{file}:Mine")
    with pytest.raises(UnknownNameError, match="label-flip"):
        attacks.get("label-flop")


def test_a_backdoor_needs_no_example_of_its_source(shards: list[Examples]) -> None:
    attack = attacks.get("semantic-backdoor")()
    none_of_it = [shard.take(np.flatnonzero(shard.group != 4)) for shard in shards]
    poisoned = attack.poison(none_of_it, setting())
    assert [len(shard) for shard in poisoned] == [len(shard) for shard in none_of_it]
