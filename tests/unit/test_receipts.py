"""Receipts: leave-one-out is the replay without a trainer, and contributions add up."""

import hashlib
import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from karat.errors import NotAvailable
from karat.protocol.mixture import Mixture
from karat.protocol.receipts import steps_of
from karat.protocol.state import Outcome, Revealed, Round
from karat.protocol.task import Task
from karat.sdk.receipts import model_without, receipts_of
from learning.codec import Codec, SparseUpdate
from learning.errors import AggregationError
from learning.judge.apply import apply
from learning.judge.codes import AGES, MOST_PUBLIC_CODE
from learning.judge.intake import SubmittedUpdate
from learning.model_state import ModelState
from learning.receipts import UNIT, Step, left_out, receipts, replay, without
from learning.score_codes import ZERO_SCORE
from learning.tasks import get as get_task
from learning.tasks.data import divided, partition
from learning.training import evaluate, initial_model, layout_of, train

TASK = get_task("mlp-digits")
TOTAL = layout_of(TASK).total
ONE = 1 << 14  # a weight of 1
VOTER = "verifier"


def noise(seed: int, size: float) -> SparseUpdate:
    rng = np.random.default_rng(seed)
    indices = np.sort(rng.choice(TOTAL, 500, replace=False))
    values = (rng.standard_normal(500) * size * 2**26).astype(np.int32)
    return SparseUpdate(indices, values, hashlib.sha256(values.tobytes()).digest())


def random_steps() -> list[Step]:
    """Rounds with many members, one, none; movements of all ages and signs; more than they keep."""
    rng = np.random.default_rng(3)
    steps = []
    for number in range(1, 13):
        members = [who for who in "abcde" if rng.random() < 0.6] if number != 4 else []
        public = {age: int(rng.integers(-3000, 3000)) for age in AGES if rng.random() < 0.6}
        steps.append(
            Step(
                number,
                tuple(members),
                tuple(noise(int(rng.integers(1 << 30)), 3.0) for _ in members),
                tuple(int(rng.integers(1, 2 * ONE)) for _ in members),
                public,
            )
        )
    return steps


def replayed_by_the_rule(first: ModelState, steps: list[Step], without_whom: str) -> ModelState:
    """One model after another, as verifiers compute them."""
    model, bases = first, list[ModelState]()
    for step in steps:
        past = {age: bases[-age] for age in AGES if age <= len(bases)}
        public = {age: code for age, code in step.public.items() if age in past}
        bases.append(model)
        weights = [
            0 if who == without_whom else weight
            for who, weight in zip(step.trainers, step.weights, strict=True)
        ]
        model = apply(model, step.updates, weights, past, public)
    return model


def test_leave_one_out_is_the_replay_without_a_trainer_to_the_bit() -> None:
    first, steps = initial_model(TASK), random_steps()
    trainers = [*"abcde", "nobody", *(f"{i}" for i in range(70))]  # more than one block
    for who, values in zip(trainers, left_out(first, steps, trainers), strict=True):
        if len(who) > 1 or not who.isdigit():
            model = replayed_by_the_rule(first, steps, who)
            assert np.array_equal(values, model.values), who
            assert np.array_equal(model.values, replay(first, without(steps, who))[-1].values)
        assert all(who not in step.trainers for step in without(steps, who))


def test_a_model_that_saturates_is_replayed_like_any_other() -> None:
    step = Step(1, ("a", "b"), (noise(1, 3.0), noise(2, 3.0)), (2 * ONE, 2 * ONE), {})
    repeated = Step(2, (), (), (), {1: MOST_PUBLIC_CODE})
    steps = [step, *[repeated] * 12]
    first = initial_model(TASK)
    assert np.abs(replayed_by_the_rule(first, steps, "a").values).max() == 2**31 - 1
    (values,) = left_out(first, steps, ["a"])
    assert np.array_equal(values, replayed_by_the_rule(first, steps, "a").values)


def trained_steps(first: ModelState) -> list[Step]:
    codec = Codec(TASK.codec, layout_of(TASK))
    shards, steps = partition(TASK, 4, 3), list[Step]()
    for number in (1, 2, 3, 4):
        base = replay(first, steps)[-1]
        made = [codec.decode(codec.encode(train(TASK, base, s, number, "cpu"))) for s in shards]
        public = {1: 3000, 2: -500} if number > 2 else {}
        names = tuple(f"t{i}" for i in range(4))
        steps.append(Step(number, names, tuple(made), (ONE // 3,) * 3 + (ONE // 9,), public))
    return steps


@pytest.mark.seconds
def test_contributions_add_up_to_the_loss_that_fell() -> None:
    first = initial_model(TASK)
    steps = trained_steps(first)
    whole = receipts(TASK, first, steps)
    last, test = replay(first, steps)[-1], divided(TASK).test
    assert whole.first_loss / UNIT == pytest.approx(evaluate(TASK, first, test, "cpu")[0], abs=2e-6)
    assert whole.last_loss / UNIT == pytest.approx(evaluate(TASK, last, test, "cpu")[0], abs=2e-6)
    fallen = whole.first_loss - whole.last_loss
    explained = sum(one.direct + one.repeated for one in whole.contributions)
    assert explained + whole.rest == fallen > UNIT
    assert abs(whole.rest) < fallen / 1000
    assert all(one.repeated for one in whole.contributions)
    for one in whole.contributions:
        model = replay(first, without(steps, one.trainer))[-1]
        loss = evaluate(TASK, model, test, "cpu")[0]
        assert one.leave_one_out / UNIT == pytest.approx(loss - whole.last_loss / UNIT, abs=3e-6)


def test_what_a_movement_repeats_belongs_to_whoever_made_it() -> None:
    first = initial_model(TASK)
    alone = [Step(1, ("a",), (noise(1, 0.3),), (ONE,), {}), Step(2, (), (), (), {1: 1 << 13})]
    (one,) = receipts(TASK, first, alone).contributions
    chain = [replay(first, alone)[i] for i in range(3)]
    losses = [evaluate(TASK, model, divided(TASK).test, "cpu")[0] * UNIT for model in chain]
    assert one.direct == pytest.approx(losses[0] - losses[1], abs=30)
    assert one.repeated == pytest.approx(losses[1] - losses[2], abs=30)


@pytest.mark.seconds
def test_a_second_process_gets_the_same_bytes() -> None:
    here = json.dumps(asdict(receipts(TASK, initial_model(TASK), random_steps())))
    there = subprocess.run(
        [sys.executable, "-m", "tests.unit.test_receipts"],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).resolve().parents[2],
    )
    assert there.stdout.strip() == here


def task_of(rounds: list[tuple[list[bytes | None], list[int], list[int]]]) -> Any:
    """A task after rounds of (payloads, medians, weights), with what receipts ask of it."""
    submitted, known = {}, {}
    for number, (payloads, medians, weights) in enumerate(rounds, 1):
        digests = [hashlib.sha256(payload or b"").digest() for payload in payloads]
        sizes = [len(payload or b"") for payload in payloads]
        everyone = [f"trainer-{i}" for i in range(len(payloads))]
        submitted[number] = [
            SubmittedUpdate(i, who, digest, size, i, payload)
            for i, (who, digest, size, payload) in enumerate(
                zip(everyone, digests, sizes, payloads, strict=True)
            )
        ]
        known[number] = Round(
            number,
            bytes(32),
            9,
            updates=[
                Revealed(i, *one, i)
                for i, one in enumerate(zip(everyone, digests, sizes, strict=True))
            ],
            committee=(VOTER,),
            voices=(1,),
            mixtures={VOTER: Mixture(tuple(weights))},
            medians=medians,
            outcome=Outcome.SETTLED,
        )
    known[len(rounds) + 1] = Round(len(rounds) + 1, bytes(32), 9, outcome=Outcome.VOID)
    task = Task(
        SimpleNamespace(task_id=7, rounds=known),  # type: ignore[arg-type]
        SimpleNamespace(),  # type: ignore[arg-type]
    )
    task.__dict__ |= {
        "spec": TASK,
        "first": initial_model(TASK),
        "submissions": lambda current: submitted[current.number],
    }
    return task


def encoded(count: int) -> list[bytes]:
    codec, rng = Codec(TASK.codec, layout_of(TASK)), np.random.default_rng(0)
    return [codec.encode(rng.standard_normal(TOTAL).astype(np.float32) / 99) for _ in range(count)]


def test_the_model_without_a_trainer_names_every_update_that_is_in_it(tmp_path: Path) -> None:
    codec, made = Codec(TASK.codec, layout_of(TASK)), encoded(4)
    digests = [codec.decode(one).digest.hex() for one in made]
    codes = [ZERO_SCORE] * 4 + [5, 2, ZERO_SCORE - 1]
    rounds = [
        ([*made[:3], made[0], None, b"junk", made[3]], codes, [ONE, 2, 3, 4, 5, 6, 7]),
        ([made[3]], [ZERO_SCORE + 9], [ONE]),
    ]
    task = task_of(rounds)
    first, second = steps_of(task)
    assert first.trainers == tuple(f"trainer-{i}" for i in range(4))
    assert second.trainers == ("trainer-0",)
    told = model_without(task, "trainer-1", tmp_path / "m.safetensors")
    assert [[one.digest for one in step.updates] for step in told.steps] == [
        [digests[0], digests[2], digests[0]],
        [digests[3]],
    ]
    assert [one.weight for one in told.steps[0].updates] == [ONE, 3, 4]
    assert told.left_out == 1
    assert not told.steps[0].same_bytes
    assert told.steps[0].next == told.steps[1].base
    assert told.model == told.steps[1].next
    clone = model_without(task, "trainer-3", tmp_path / "m.safetensors")
    assert [step.same_bytes for step in clone.steps] == [True, False]
    with pytest.raises(NotAvailable, match="took an update of trainer-5"):
        model_without(task, "trainer-5", tmp_path / "m.safetensors")


def test_every_byte_of_the_others_and_none_of_the_trainers_moves_the_model_without_it(
    tmp_path: Path,
) -> None:
    made = encoded(4)

    def model(*payloads: bytes) -> str:
        codes, weights = [ZERO_SCORE + 1] * 3, [ONE, ONE, ONE]
        task = task_of([(list(payloads), codes, weights)])
        return model_without(task, "trainer-2", tmp_path / "m.safetensors").model

    assert model(made[0], made[1], made[2]) == model(made[0], made[1], made[3])
    assert model(made[0], made[1], made[2]) != model(made[0], made[3], made[2])


def test_receipts_say_what_is_missing() -> None:
    with pytest.raises(AggregationError, match="update 0 of round 1, but its bytes are missing"):
        receipts_of(task_of([([None], [ZERO_SCORE], [ONE])]))
    with pytest.raises(NotAvailable, match="no round of task 7 has been settled"):
        receipts_of(task_of([]))


if __name__ == "__main__":
    print(json.dumps(asdict(receipts(TASK, initial_model(TASK), random_steps()))))
