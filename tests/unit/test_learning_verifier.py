"""A round's verdicts: who is caught, who is not, and that all of it can be repeated."""

import hashlib
import json
import subprocess
import sys
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from learning import evidence
from learning.aggregation import next_model
from learning.codec import Codec
from learning.errors import TaskError
from learning.judge.detection.cosines import Cosines
from learning.judge.verifier import PastRound, PastUpdate, SubmittedUpdate, past_round, score_round
from learning.model_state import ModelState
from learning.score_codes import LOWEST_SCORE, ZERO_SCORE, Verdict
from learning.scores import HIGHEST_SCORE, decode_score, encode_score
from learning.tasks import TaskSpec
from learning.tasks import get as get_task
from learning.tasks.data import Examples, assigned, partition
from learning.training import initial_model, layout_of, train

TASK = get_task("mlp-digits")
CODEC = Codec(TASK.codec, layout_of(TASK))
HONEST = 10


@cache
def shards() -> list[Examples]:
    return partition(TASK, 12, seed=5)


def submit(payloads: list[bytes | None], names: list[str] | None = None) -> list[SubmittedUpdate]:
    return [
        SubmittedUpdate(
            index=i,
            trainer=names[i] if names else f"trainer-{i}",
            digest=hashlib.sha256(payload or b"").digest(),
            size=len(payload or b""),
            commit_order=i,
            payload=payload,
        )
        for i, payload in enumerate(payloads)
    ]


def delta(base: ModelState, trainer: int, number: int, *, flip: bool = False) -> np.ndarray:
    shard = shards()[trainer]
    if flip:
        shard = Examples(shard.x, 9 - shard.y, shard.group)
    return train(TASK, base, shard, 1000 * number + trainer, "cpu")


@cache
def honest_round(number: int) -> tuple[ModelState, tuple[bytes, ...], tuple[PastRound, ...]]:
    """(base model, honest payloads, history) of a round in which nobody ever cheated."""
    if number == 0:
        base, history = initial_model(TASK), ()
    else:
        before, earlier, past = honest_round(number - 1)
        updates = submit(list(earlier))
        codes = score_round(TASK, before, updates, number - 1, past, "cpu").codes
        assert (codes >= LOWEST_SCORE).all()
        base = next_model(TASK, before, earlier, codes)
        history = (*past, past_round(TASK, number - 1, updates, codes.tolist()))
    payloads = tuple(CODEC.encode(delta(base, i, number)) for i in range(HONEST))
    return base, payloads, history


def codes_with(number: int, *extra: bytes | None) -> np.ndarray:
    base, payloads, history = honest_round(number)
    return score_round(TASK, base, submit([*payloads, *extra]), 7, history, "cpu").codes


def test_honest_trainers_are_paid_and_never_convicted() -> None:
    for number in range(3):
        codes = codes_with(number)
        assert (codes >= LOWEST_SCORE).all()
        assert (codes > ZERO_SCORE).sum() >= HONEST // 2


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_label_flipper_is_neither_paid_nor_aggregated(number: int) -> None:
    base, _, _ = honest_round(number)
    codes = codes_with(number, CODEC.encode(delta(base, 11, number, flip=True)))
    assert codes[HONEST] < ZERO_SCORE
    assert (codes[:HONEST] >= LOWEST_SCORE).all()


def one_as_seven(base: ModelState, number: int) -> bytes:
    shard = shards()[5]
    flipped = Examples(shard.x, np.where(shard.y == 1, 7, shard.y), shard.group)
    return CODEC.encode(train(TASK, base, flipped, 1000 * number + 99, "cpu"))


@pytest.mark.parametrize("number", [0, 1, 2])
def test_turning_one_class_into_another_is_not_paid_from_the_first_round_on(number: int) -> None:
    base, payloads, history = honest_round(number)
    updates = submit([*payloads, one_as_seven(base, number)])
    entry = score_round(TASK, base, updates, 7, history, "cpu").evidence["updates"][HONEST]
    assert entry["gain"] > 0  # as a whole it helps the young model
    assert entry["code"] < ZERO_SCORE
    signals = entry["findings"][0]["signals"]
    assert (signals["class"]["value"], signals["taken_for"]["value"]) == (1, 7)
    assert entry["confusion"] == signals["confusion"]["value"]


@pytest.mark.parametrize("before", [1, -1])
def test_only_a_lasting_habit_is_convicted(before: int) -> None:
    base, payloads, history = honest_round(2)
    past = []
    for earlier in history:
        update = CODEC.decode(CODEC.encode(before * delta(base, 10, earlier.round)))
        sent = PastUpdate(f"trainer-{HONEST}", update, ZERO_SCORE + 100 * before)
        past.append(PastRound(earlier.round, (*earlier.updates, sent)))
    updates = submit([*payloads, CODEC.encode(-delta(base, 10, 2))])
    codes = score_round(TASK, base, updates, 7, past, "cpu").codes
    if before == 1:
        assert LOWEST_SCORE <= codes[HONEST] < ZERO_SCORE  # a bad round is not paid
    else:
        assert codes[HONEST] == Verdict.HARMFUL
    assert (codes[:HONEST] >= LOWEST_SCORE).all()


@pytest.mark.parametrize("number", [0, 2])
def test_a_reversed_update_is_convicted_and_alone(number: int) -> None:
    base, _, _ = honest_round(number)
    codes = codes_with(number, CODEC.encode(-3 * delta(base, 11, number)))
    assert codes[HONEST] == Verdict.HARMFUL
    assert (codes[:HONEST] >= LOWEST_SCORE).all()


ASSIGNED = TASK.model_copy(update={"data": TASK.data.model_copy(update={"assigned": 128})})


def own_data_codes(task: TaskSpec, rounds: int) -> tuple[np.ndarray, list[list[float]]]:
    """Last codes and all advantages; three of 13 train on data that were not assigned to them."""
    codec, base, history = Codec(task.codec, layout_of(task)), initial_model(task), []
    names = [f"trainer-{i}" for i in range(HONEST + 3)]
    seen = []
    for number in range(rounds):
        given = [assigned(task, base.digest, name) for name in names]
        given[HONEST:] = [assigned(task, base.digest, f"somebody-{i}") for i in range(3)]
        deltas = (train(task, base, shard, 50 * number + i, "cpu") for i, shard in enumerate(given))
        payloads = [codec.encode(d) for d in deltas]
        result = score_round(task, base, submit(payloads, names), number, history, "cpu")
        seen.append([entry["own_data"] for entry in result.evidence["updates"]])
        history.append(past_round(task, number, submit(payloads, names), result.codes.tolist()))
        base = next_model(task, base, payloads, result.codes)
    return result.codes, seen


@pytest.mark.parametrize("name", ["mlp-digits", "cnn-digits"])
def test_who_does_not_use_the_assigned_data_is_not_paid(name: str) -> None:
    data = get_task(name).data.model_copy(update={"assigned": 128})
    task = get_task(name).model_copy(update={"data": data})
    codes, seen = own_data_codes(task, 3)
    known = np.array([row for row in seen if None not in row], dtype=np.float64)
    assert len(known) >= 2
    honest, others = known[:, :HONEST].ravel(), known[:, HONEST:].ravel()
    assert (honest[:, None] > others[None]).mean() > 0.9  # the area under the ROC curve
    assert np.median(others) < task.scoring.own_data_sigmas < np.median(honest) - 1
    last = np.array(seen[-1], dtype=np.float64)
    idle = np.nan_to_num(last, nan=9.0) <= task.scoring.own_data_sigmas
    assert (codes[idle] <= ZERO_SCORE).all()
    assert (codes >= LOWEST_SCORE).all()


def test_assigned_data_are_ones_own_for_one_round() -> None:
    first, second = (assigned(ASSIGNED, base, "0xAb") for base in (b"1" * 32, b"2" * 32))
    again = assigned(ASSIGNED, b"1" * 32, "0xaB")  # addresses are written in several ways
    other = assigned(ASSIGNED, b"1" * 32, "0xcd")
    assert len(first) == 128
    np.testing.assert_array_equal(first.x, again.x)
    assert not np.array_equal(first.x, second.x)
    assert not np.array_equal(first.x, other.x)
    with pytest.raises(TaskError, match="assigns None"):
        assigned(TASK, b"", "a")
    greedy = TASK.model_copy(update={"data": TASK.data.model_copy(update={"assigned": 10**6})})
    with pytest.raises(TaskError, match="1000000 of"):
        assigned(greedy, b"", "a")


def test_a_copy_is_a_duplicate_and_the_earliest_commit_wins() -> None:
    _, payloads, _ = honest_round(1)
    codes = codes_with(1, payloads[4])
    assert codes[HONEST] == Verdict.DUPLICATE
    assert codes[4] >= LOWEST_SCORE


def test_the_order_of_commits_decides_not_the_index() -> None:
    base, payloads, history = honest_round(0)
    updates = submit([*payloads, payloads[4]])
    updates[HONEST] = replace(updates[HONEST], commit_order=-1)
    codes = score_round(TASK, base, updates, 7, history, "cpu").codes
    assert codes[4] == Verdict.DUPLICATE
    assert codes[HONEST] >= LOWEST_SCORE


def test_a_noisy_copy_is_a_duplicate() -> None:
    base, _, _ = honest_round(1)
    original = delta(base, 4, 1)
    noise = np.random.default_rng(0).standard_normal(original.shape)
    noisy = original + noise * 0.2 * np.linalg.norm(original) / np.linalg.norm(noise)
    assert codes_with(1, CODEC.encode(noisy.astype(np.float32)))[HONEST] == Verdict.DUPLICATE


def test_a_ring_is_not_paid_at_all() -> None:
    base, _, _ = honest_round(1)
    ring = CODEC.encode(delta(base, 11, 1))
    codes = codes_with(1, ring, ring, ring)
    assert codes[HONEST + 1 :].tolist() == [Verdict.DUPLICATE] * 2
    assert LOWEST_SCORE <= codes[HONEST] < ZERO_SCORE


def test_a_replay_of_anothers_update_is_stale_and_its_victim_is_not() -> None:
    _, earlier, _ = honest_round(1)
    codes = codes_with(2, earlier[3])
    assert codes[HONEST] == Verdict.STALE
    assert codes[3] >= LOWEST_SCORE


def test_the_victim_of_an_early_committed_replay_is_not_a_duplicate() -> None:
    base, payloads, history = honest_round(2)
    updates = submit([*payloads, honest_round(1)[1][3]])
    updates[HONEST] = replace(updates[HONEST], commit_order=-1)
    codes = score_round(TASK, base, updates, 7, history, "cpu").codes
    assert codes[HONEST] == Verdict.STALE
    assert codes[3] >= LOWEST_SCORE


def test_the_victim_of_copies_convicted_for_worse_goes_on() -> None:
    base, _, _ = honest_round(2)
    before, now = (CODEC.encode(delta(base, 10, seed)) for seed in (7, 8))
    cosine = Cosines.of([CODEC.decode(now)], [CODEC.decode(before)], [True], np.zeros(4810))
    copies = [PastUpdate(f"copier-{i}", CODEC.decode(before), Verdict.HARMFUL) for i in range(6)]
    past = [PastRound(1, tuple(copies))]
    limits = TASK.scoring.model_copy(update={"copy_cosine": 0.3, "copy_partial": 0.1})
    task = TASK.model_copy(update={"scoring": limits})  # so that two honest updates look alike
    assert 0.3 < cosine.pairs[0, 1] < limits.own_cosine
    victim = submit([now], ["victim"])
    assert score_round(task, base, victim, 7, past, "cpu").codes[0] != Verdict.STALE
    paid = [PastUpdate("another", CODEC.decode(before), ZERO_SCORE + 1)]
    past = [PastRound(1, tuple(paid))]
    assert score_round(task, base, victim, 7, past, "cpu").codes[0] == Verdict.STALE


def test_a_mixture_of_others_updates_is_stale() -> None:
    base, _, _ = honest_round(1)
    mixture = np.mean([delta(base, i, 1) for i in (1, 4, 6)], axis=0)
    assert codes_with(1, CODEC.encode(mixture))[HONEST] == Verdict.STALE


def test_noise_and_nothing_are_not_paid() -> None:
    noise = np.random.default_rng(1).standard_normal(CODEC.layout.total) * 0.02
    codes = codes_with(1, CODEC.encode(noise.astype(np.float32)), CODEC.encode(0 * noise))
    assert (codes[HONEST:] >= LOWEST_SCORE).all()
    assert (codes[HONEST:] <= ZERO_SCORE).all()


def test_boasting_does_not_pay() -> None:
    base, _, _ = honest_round(1)
    own = delta(base, 11, 1)
    once, often = (codes_with(1, CODEC.encode(own * s))[HONEST] for s in (1, 50))
    assert often <= once * 1.05


def test_the_intake_gate() -> None:
    base, payloads, history = honest_round(0)
    updates = submit([*payloads, None, b"junk", payloads[0]])
    updates[HONEST + 2] = replace(updates[HONEST + 2], size=3)
    result = score_round(TASK, base, updates, 7, history, "cpu")
    assert result.codes[HONEST:].tolist() == [
        Verdict.UNAVAILABLE,
        Verdict.MALFORMED,
        Verdict.MALFORMED,
    ]
    reasons = [e["findings"][0]["reason"] for e in result.evidence["updates"][HONEST:]]
    assert "not-zstd" in reasons[1]
    assert "size-mismatch" in reasons[2]


def test_a_round_of_junk_or_of_nothing_is_no_error() -> None:
    base = initial_model(TASK)
    assert score_round(TASK, base, [], 1, (), "cpu").codes.tolist() == []
    assert score_round(TASK, base, submit([b"x", None]), 1, (), "cpu").codes.tolist() == [2, 5]
    empty = CODEC.encode(np.zeros(CODEC.layout.total, dtype=np.float32))
    assert score_round(TASK, base, submit([empty]), 1, (), "cpu").codes[0] <= ZERO_SCORE


def test_scoring_again_gives_the_same_bytes() -> None:
    base, payloads, history = honest_round(2)
    one, two = (
        score_round(TASK, base, submit(list(payloads)), 42, history, "cpu") for _ in range(2)
    )
    assert one.codes.tolist() == two.codes.tolist()
    assert evidence.to_bytes(one.evidence) == evidence.to_bytes(two.evidence)


def test_the_evidence_holds_what_a_penalty_needs() -> None:
    base, payloads, history = honest_round(2)
    bad = CODEC.encode(-3 * delta(base, 11, 2))
    document = score_round(TASK, base, submit([*payloads, bad]), 7, history, "cpu").evidence
    json.loads(evidence.to_bytes(document))
    assert document["task"] == TASK.digest.hex()
    assert document["base"] == base.digest.hex()
    assert len(set(document["batch_ids"])) == 192
    entry = document["updates"][HONEST]
    assert entry["verdict"] == "harmful"
    assert entry["exact"]["gain"] < 0
    for signal in entry["findings"][0]["signals"].values():
        assert signal["value"] < signal["threshold"]


def test_only_the_window_of_the_history_matters() -> None:
    base, payloads, history = honest_round(2)
    long = (*([PastRound(-1, ())] * 50), *history)
    ups = submit(list(payloads))
    short_codes = score_round(TASK, base, ups, 3, history, "cpu").codes
    assert score_round(TASK, base, ups, 3, long, "cpu").codes.tolist() == short_codes.tolist()


@pytest.mark.parametrize(
    ("gain", "code"),
    [
        (0.0, ZERO_SCORE),
        (1 / 16384, ZERO_SCORE + 1),
        (-1 / 16384, ZERO_SCORE - 1),
        (0.5, ZERO_SCORE + 8192),
        (5.0, HIGHEST_SCORE),
        (-5.0, LOWEST_SCORE),
    ],
)
def test_the_grid(gain: float, code: int) -> None:
    assert encode_score(gain) == code
    if abs(gain) < 1:
        assert decode_score(code) == gain


def test_importing_learning_and_its_tasks_loads_no_torch() -> None:
    script = "import sys, learning, learning.tasks, learning.codec; print('torch' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "False"
