"""What attacks may read, sealed batches, scenarios, composed attacks and the search for one."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from learning import tasks
from learning.arena.attacks import Attack, View, attacks
from learning.arena.attacks.composed import BOUNDS, Composed, build_attack, composed_name
from learning.arena.match import Match, PlayedMatch, play
from learning.arena.scenarios import HELD_CLASS, honest_shards
from learning.arena.sealed import SealedBatches
from learning.arena.search import search
from learning.errors import ArenaError, AttackError, UnknownNameError
from learning.score_codes import ZERO_SCORE
from learning.tasks.data import Examples, divided
from learning.training import initial_model, train

SHORT = Match("mlp-digits", "none", "karat", 5, 2, 0.5, 3, 1)


class Reader(Attack):
    """Keeps what it is shown."""

    def __init__(self) -> None:
        self.seen: list[View] = []

    def craft(self, view: View) -> np.ndarray:
        self.seen.append(view)
        return view.own


def test_attacks_are_shown_what_the_protocol_publishes() -> None:
    reader = Reader()
    played = PlayedMatch(SHORT, reader)
    size = played.model.layout.total
    for number, view in enumerate(reader.seen):
        public = view.public
        assert public.spec == played.spec
        assert public.round == number == len(public.models) == len(public.past)
        assert (public.model.dtype, public.model.shape) == (np.float32, (size,))
        assert public.own_names == ["attacker-000", "attacker-001"]
        assert len(view.shards) == 2
        for past in public.past:
            names = [name for name, _, _ in past]
            assert sorted(set(names) - {"attacker-000", "attacker-001"})[0] == "honest-000"
            for _, update, code in past:
                assert (update.dtype, update.shape) == (np.float32, (size,))
                assert isinstance(code, int)
            assert any(code > ZERO_SCORE for _, _, code in past)
        with pytest.raises(ValueError, match="read-only"):
            public.model[0] = 1
    first, second = reader.seen[0].public, reader.seen[1].public
    np.testing.assert_array_equal(second.models[0], first.model)
    assert (first.burnt, len(second.burnt)) == ([], 1)


def test_the_records_gradient_is_what_training_descends() -> None:
    reader = Reader()
    played = PlayedMatch(dataclasses.replace(SHORT, rounds=1), reader)
    public, shard = reader.seen[0].public, reader.seen[0].shards[0]
    one = played.spec.training.model_copy(update={"steps": 1, "batch": 4000, "lr": 1.0})
    spec = played.spec.model_copy(update={"training": one})
    step = train(spec, initial_model(spec), shard, 0, "cpu")
    gradient = public.gradient(shard.x, shard.y)
    cosine = step @ gradient / np.linalg.norm(step) / np.linalg.norm(gradient)
    assert cosine > 0.98  # the batch is drawn with replacement
    other = public.gradient(shard.x, shard.y, 5.0, model=0 * public.model)
    assert gradient.dtype == np.float64
    assert not np.allclose(other, gradient)


def examples(count: int) -> Examples:
    y = np.arange(count)
    return Examples(y[:, None].astype(np.float32), y, y)


def test_where_there_is_enough_every_round_has_a_fresh_batch() -> None:
    batches = SealedBatches(examples(100), 20, 5)
    judged = [set(batches.batch(number).y.tolist()) for number in range(5)]
    assert len(set.union(*judged)) == 100
    assert batches.opened(0) == []
    for number in range(1, 5):
        opened = [set(batch.y.tolist()) for batch in batches.opened(number)]
        assert opened == judged[:number]  # used once, public afterwards


def test_where_there_is_not_what_is_judged_on_is_never_shown() -> None:
    batches = SealedBatches(examples(100), 60, 30)
    shown = [set(batch.y.tolist()) for batch in batches.opened(30)]
    assert len(set.union(*shown)) == 40
    for number in range(30):
        judged = set(batches.batch(number).y.tolist())
        assert len(judged) == 60
        assert not any(judged & part for part in shown)
    assert batches.opened(0) == []
    assert len(batches.opened(1)) == 1


def test_scenarios() -> None:
    spec = tasks.get("mlp-digits")
    total = len(divided(spec).train)
    held = honest_shards("class-holder", spec, 6, 0, 0.5)
    assert set(held[0].group.tolist()) == {HELD_CLASS}
    assert all(HELD_CLASS not in shard.group for shard in held[1:])
    assert sum(len(shard) for shard in held) == total
    same = honest_shards("equal-data", spec, 4, 0, 0.5)
    assert all((shard.x == same[0].x).all() for shard in same)
    with pytest.raises(UnknownNameError, match="class-holder"):
        honest_shards("nothing", spec, 4, 0, 0.5)


def test_the_only_holder_of_a_class_is_paid_and_its_class_is_learnt() -> None:
    row = play(dataclasses.replace(SHORT, honest=10, rounds=6, scenario="class-holder"))
    assert row.holder_pay is not None
    assert row.holder_pay > 0.1
    assert row.holder_accuracy is not None
    assert row.holder_accuracy > 0.6


@pytest.mark.seconds
def test_who_knows_all_that_is_public_earns_next_to_nothing() -> None:
    match = dataclasses.replace(SHORT, honest=8, attackers=4, rounds=5, seed=3)
    for attack in ("past-masked", "undo", "pebbles", "free-rider-zero"):
        row = play(dataclasses.replace(match, attack=attack))
        assert row.attacker_reward_share is not None
        assert row.attacker_reward_share < 0.01
        assert row.honest_slashed == 0
        assert row.honest_share is not None
        assert row.honest_share > 0.2


def test_framing_by_data_convicts_nobody() -> None:
    row = play(dataclasses.replace(SHORT, attack="framing", attackers=5))
    assert (row.honest_false_positive, row.honest_slashed) == (0, 0)


class TestComposed:
    def test_names_play_again(self) -> None:
        parts = {"own": 0.5, "past": -0.25, "start": 2.0}
        attack = build_attack(composed_name(parts))
        assert isinstance(attack, Composed)
        assert {name: attack.parts[name] for name in parts} == parts
        assert isinstance(build_attack("label-flip"), attacks.get("label-flip"))
        for wrong in ("composed(own=x)", "composed(nothing=1)", "composed(own=7)"):
            with pytest.raises(AttackError):
                build_attack(wrong)

    def test_by_default_they_work_honestly(self) -> None:
        match = dataclasses.replace(SHORT, rounds=2)
        control = play(dataclasses.replace(match, attack="control"))
        composed = play(dataclasses.replace(match, attack="composed()"))
        share, other = control.attacker_reward_share, composed.attacker_reward_share
        assert share == pytest.approx(other, abs=0.01)

    @pytest.mark.seconds
    def test_every_part_at_its_ends_can_be_sent(self) -> None:
        for name, ends in BOUNDS.items():
            for value in ends:
                attack = composed_name({name: value, "masks": 0.5, "dilute": 0.5})
                row = play(dataclasses.replace(SHORT, attack=attack, defence="mean", rounds=2))
                assert 0 <= row.accuracy <= 1


@pytest.mark.seconds
def test_the_search_finds_pay_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    pytest.importorskip("cma")
    match = dataclasses.replace(SHORT, rounds=1)
    seen: list[int] = []
    found = search(match, [1], 13, tmp_path, 1, lambda: seen.append(1))
    assert found.tried == len(seen) == 13
    assert found.value > 0.1
    ages = {file: file.stat().st_mtime_ns for file in tmp_path.iterdir()}
    assert search(match, [1], 13, tmp_path, 1) == found
    assert {file: file.stat().st_mtime_ns for file in tmp_path.iterdir()} == ages
    assert isinstance(build_attack(found.attack), Composed)
    with pytest.raises(ArenaError, match="budget"):
        search(match, [1], 0, tmp_path, 1)
