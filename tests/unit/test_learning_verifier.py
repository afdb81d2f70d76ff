"""A round's codes: who is paid, who is convicted, and that all of it can be repeated."""

import hashlib
import json
import subprocess
import sys
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from learning.codec import UPDATE_BITS, Codec
from learning.errors import AggregationError, EvidenceError, TaskError
from learning.evidence import Evidence
from learning.judge import columns
from learning.judge.apply import apply
from learning.judge.codes import MOST_WEIGHT_CODE, PUBLIC_BITS, WEIGHT_BITS
from learning.judge.decoded import Room
from learning.judge.history import History, PastRound, PastUpdate, past_round
from learning.judge.intake import SubmittedUpdate
from learning.judge.own_data import advantages, unused
from learning.judge.verifier import RoundScores, score_round
from learning.model_state import ModelState
from learning.score_codes import LOWEST_SCORE, ZERO_SCORE, Verdict
from learning.scores import GRID, HIGHEST_SCORE, decode_score, encode_score
from learning.tasks import TaskSpec
from learning.tasks import get as get_task
from learning.tasks.data import Examples, assigned, divided, partition
from learning.training import evaluate, initial_model, layout_of, train

TASK = get_task("mlp-digits")
CODEC = Codec(TASK.codec, layout_of(TASK))
HONEST = 10
ROUNDS = 3


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
def honest_round(number: int) -> tuple[ModelState, tuple[bytes, ...], History]:
    """(base model, honest payloads, history) of a round in which nobody ever cheated."""
    if number == 0:
        base = initial_model(TASK)
        history = History(base)
    else:
        before, earlier, history = honest_round(number - 1)
        updates = submit(list(earlier))
        scores = score_round(TASK, before, updates, number - 1, history, "cpu")
        decoded = [CODEC.decode(payload) for payload in earlier]
        base = apply(before, decoded, scores.weights, history.models(), scores.public)
        settled = past_round(TASK, number - 1, before, updates, scores.codes.tolist())
        history = History(history.first, (*history.rounds, settled))
    payloads = tuple(CODEC.encode(delta(base, i, number)) for i in range(HONEST))
    return base, payloads, history


def scored(number: int, *extra: bytes | None) -> RoundScores:
    base, payloads, history = honest_round(number)
    return score_round(TASK, base, submit([*payloads, *extra]), 7, history, "cpu")


def pay(scores: RoundScores) -> np.ndarray:
    return np.maximum(scores.codes.astype(int) - ZERO_SCORE, 0)


@pytest.mark.seconds
def test_honest_trainers_are_paid_and_never_convicted() -> None:
    paid = []
    for number in range(ROUNDS):
        scores = scored(number)
        assert (scores.codes >= LOWEST_SCORE).all()
        paid.append(pay(scores))
    assert (np.sum(paid, axis=0) > 0).all()
    assert (paid[0] > 0).all()


def test_the_model_learns_and_no_more_is_paid_than_it_learnt() -> None:
    first, _, _ = honest_round(0)
    last, _, history = honest_round(ROUNDS)
    test = divided(TASK).test
    before, after = (evaluate(TASK, model, test, "cpu")[0] for model in (first, last))
    assert after < 0.35 * before
    bill = sum(max(0, u.median - ZERO_SCORE) for r in history.rounds for u in r.updates) / GRID
    assert 0.5 < bill <= 1.1 * (1 - after / before)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_label_flipper_is_neither_paid_nor_taken_nor_convicted(number: int) -> None:
    base, _, _ = honest_round(number)
    scores = scored(number, CODEC.encode(delta(base, 11, number, flip=True)))
    assert LOWEST_SCORE <= scores.codes[HONEST] <= ZERO_SCORE + 20
    assert scores.weights[HONEST] < 0.5 * np.median(scores.weights[:HONEST]) + 100
    assert (scores.codes[:HONEST] >= LOWEST_SCORE).all()


@pytest.mark.parametrize("number", [0, 2])
def test_a_reversed_update_is_worth_next_to_nothing(number: int) -> None:
    base, _, _ = honest_round(number)
    scores = scored(number, CODEC.encode(-3 * delta(base, 11, number)))
    assert pay(scores)[HONEST] <= 0.01 * pay(scores).sum()
    assert scores.weights[HONEST] <= 0.5 * np.median(scores.weights[:HONEST])


def test_what_is_public_already_earns_nothing() -> None:
    """The sum of what the last round sent, on a part of the coordinates."""
    _, earlier, _ = honest_round(1)
    known = np.sum([CODEC.decode(p).dense(CODEC.layout.total) for p in earlier], axis=0)
    half = known * (np.random.default_rng(0).random(len(known)) < 0.5) / 5
    scores = scored(2, CODEC.encode(half.astype(np.float32)))
    assert pay(scores)[HONEST] <= 0.02 * pay(scores).sum() + 2


def test_equal_updates_share_one_seat_and_nobody_is_convicted() -> None:
    base, _, _ = honest_round(0)
    own = CODEC.encode(delta(base, 11, 0))
    alone, together = scored(0, own), scored(0, own, own, own)
    codes = together.codes[HONEST:].astype(int) - ZERO_SCORE
    assert np.ptp(codes) == 0
    assert abs(3 * codes[0] - pay(alone)[HONEST]) <= 3
    assert abs(3 * int(together.weights[HONEST]) - int(alone.weights[HONEST])) <= 3


def test_the_order_of_commits_does_not_matter() -> None:
    base, payloads, history = honest_round(1)
    order = np.random.default_rng(0).permutation(HONEST)
    mixed = submit([payloads[i] for i in order], [f"trainer-{i}" for i in order])
    shuffled = score_round(TASK, base, mixed, 7, history, "cpu")
    assert (np.abs(shuffled.codes.astype(int) - scored(1).codes.astype(int)[order]) <= 1).all()


def test_bytes_that_another_revealed_are_a_duplicate_and_ones_own_are_not() -> None:
    base, payloads, history = honest_round(2)
    _, earlier, _ = honest_round(1)
    stolen = scored(2, earlier[3])
    assert stolen.codes[HONEST] == Verdict.DUPLICATE
    assert stolen.codes[3] >= LOWEST_SCORE
    again = [*payloads[:3], earlier[3], *payloads[4:]]
    scores = score_round(TASK, base, submit(list(again)), 7, history, "cpu")
    assert scores.codes[3] >= LOWEST_SCORE


def test_nobody_owns_an_empty_update() -> None:
    base, payloads, history = honest_round(1)
    empty = CODEC.decode(CODEC.encode(np.zeros(CODEC.layout.total, dtype=np.float32)))
    past = history.rounds[0]
    mine = PastUpdate("somebody", empty.digest, empty.norm, ZERO_SCORE - 1)
    known = History(history.first, (replace(past, updates=(*past.updates, mine)),))
    updates = submit([*payloads, CODEC.pack(empty)])
    assert score_round(TASK, base, updates, 7, known, "cpu").codes[HONEST] == ZERO_SCORE - 1


def test_nothing_tiny_or_empty_takes_over_a_round() -> None:
    """Fifteen beside ten: medians over accounts would be theirs."""
    rng = np.random.default_rng(2)
    tiny = [1e-5 * rng.standard_normal(CODEC.layout.total).astype(np.float32) for _ in range(15)]
    plain, beside = scored(0), scored(0, *[CODEC.encode(update) for update in tiny])
    assert (pay(beside)[HONEST:] == 0).all()
    np.testing.assert_allclose(pay(beside)[:HONEST], pay(plain), atol=2)


def test_noise_and_nothing_are_hardly_paid() -> None:
    noise = np.random.default_rng(1).standard_normal(CODEC.layout.total) * 0.02
    scores = scored(0, CODEC.encode(noise.astype(np.float32)), CODEC.encode(0 * noise))
    assert (scores.codes[HONEST:] >= LOWEST_SCORE).all()
    assert pay(scores)[HONEST:].sum() <= 0.03 * pay(scores).sum()


def test_boasting_does_not_pay() -> None:
    base, _, _ = honest_round(1)
    own = delta(base, 11, 1)
    plain, boasted = (pay(scored(1, CODEC.encode(own * s)))[HONEST] for s in (1, 50))
    assert boasted <= 1.5 * plain + 10


def test_breaking_and_mending_is_not_paid() -> None:
    """A model that was worse than a remembered one is brought back: nothing was learnt."""
    good, _, history = honest_round(2)
    broken = ModelState.from_float(good.layout, good.to_float() * 0.2)
    past = History(history.first, (*history.rounds, PastRound(2, good, ())))
    mend = CODEC.encode((broken.to_float() - good.to_float()).astype(np.float32))
    codes = score_round(TASK, broken, submit([mend]), 7, past, "cpu").codes.astype(int)
    assert codes[0] - ZERO_SCORE <= 0.02 * GRID


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
    assert not result.weights[HONEST:].any()
    reasons = [entry.findings[0].reason for entry in result.evidence.updates[HONEST:]]
    assert "not-zstd" in reasons[1]
    assert "size-mismatch" in reasons[2]


def test_a_round_of_junk_or_of_nothing_is_no_error() -> None:
    base = initial_model(TASK)
    fresh = History(base)
    assert score_round(TASK, base, [], 1, fresh, "cpu").codes.tolist() == []
    junk = score_round(TASK, base, submit([b"x", None]), 1, fresh, "cpu")
    assert junk.codes.tolist() == [2, 5]
    empty = CODEC.encode(np.zeros(CODEC.layout.total, dtype=np.float32))
    assert score_round(TASK, base, submit([empty]), 1, fresh, "cpu").codes[0] <= ZERO_SCORE


def test_scoring_again_gives_the_same_bytes() -> None:
    one, two = scored(2), scored(2)
    assert one.codes.tolist() == two.codes.tolist()
    assert one.weights.tolist() == two.weights.tolist()
    assert one.evidence.to_bytes() == two.evidence.to_bytes()


THREADS = """
import sys, torch
torch.set_num_threads(1)
from tests.unit.test_learning_verifier import honest_round, scored
honest_round(2)  # trained alike in both
torch.set_num_threads(int(sys.argv[1]))
scores = scored(2)
print(*scores.codes.tolist(), *scores.weights.tolist(), *scores.public.values())
print(scores.evidence.to_bytes().decode(), file=sys.stderr)
"""


@pytest.mark.seconds
def test_any_number_of_threads_gives_the_same_codes_to_a_grid_step() -> None:
    runs = [
        subprocess.run(
            [sys.executable, "-c", THREADS, str(count)], capture_output=True, text=True, check=True
        )
        for count in (1, 2)
    ]
    first, second = (np.array(run.stdout.split(), dtype=int) for run in runs)
    assert len(first) > 2 * HONEST
    assert np.abs(first - second).max() <= 1
    one, two = (json.loads(run.stderr.splitlines()[-1]) for run in runs)
    codes = {"code", "weight", "public"}  # may lie on either side of a grid step
    assert without(one, codes) == without(two, codes)


def without(document: Any, names: set[str]) -> Any:
    if isinstance(document, dict):
        return {k: without(v, names) for k, v in document.items() if k not in names}
    return [without(item, names) for item in document] if isinstance(document, list) else document


def test_evidence_has_one_text_and_takes_no_nan() -> None:
    scores = scored(2)
    data = scores.evidence.to_bytes()
    assert Evidence.from_bytes(data) == scores.evidence
    assert Evidence.from_bytes(data).to_bytes() == data
    for wrong in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="finite"):
            Evidence(loss=wrong, updates=())
    for bad in (b"", b"[]", data.replace(b"karat.evidence/1", b"karat.evidence/9"), data[:-1]):
        with pytest.raises(EvidenceError):
            Evidence.from_bytes(bad)


def test_the_evidence_holds_what_a_dispute_needs() -> None:
    base, _, _ = honest_round(2)
    scores = scored(2, CODEC.encode(-delta(base, 11, 2)))
    document = json.loads(scores.evidence.to_bytes())
    assert document["task"] == TASK.digest.hex()
    assert document["base"] == base.digest.hex()
    assert len(set(document["batch_ids"])) == TASK.scoring.batch
    assert document["next_loss"] <= document["loss"] < document["first_loss"]
    assert 0 <= document["paid_part"] <= 1
    entry = document["updates"][HONEST]
    assert entry["verdict"] == "ok"
    assert entry["weight"] == int(scores.weights[HONEST])
    assert entry["code"] == int(scores.codes[HONEST])
    assert entry["gain"] <= 1 / GRID


def test_only_the_window_of_the_history_matters() -> None:
    base, payloads, history = honest_round(2)
    old = (PastRound(-1, base, ()),) * 50
    padded = [PastRound(-1, history.first, ())] * 8
    ups = submit(list(payloads))
    short = score_round(TASK, base, ups, 3, replace(history, rounds=tuple(padded)), "cpu")
    long = score_round(TASK, base, ups, 3, replace(history, rounds=(*old, *padded)), "cpu")
    assert short.codes.tolist() == long.codes.tolist()


ASSIGNED = TASK.model_copy(update={"data": TASK.data.model_copy(update={"assigned": 128})})


def own_data_codes(task: TaskSpec) -> RoundScores:
    """Three of 13 train on data that were not assigned to them."""
    codec, base = Codec(task.codec, layout_of(task)), initial_model(task)
    names = [f"trainer-{i}" for i in range(HONEST + 3)]
    given = [assigned(task, base.digest, name) for name in names]
    given[HONEST:] = [assigned(task, base.digest, f"somebody-{i}") for i in range(3)]
    deltas = (train(task, base, shard, i, "cpu") for i, shard in enumerate(given))
    updates = submit([codec.encode(d) for d in deltas], names)
    return score_round(task, base, updates, 0, History(base), "cpu")


@pytest.mark.parametrize("name", ["mlp-digits", "cnn-digits"])
def test_who_does_not_use_the_assigned_data_is_not_paid(name: str) -> None:
    data = get_task(name).data.model_copy(update={"assigned": 128})
    scores = own_data_codes(get_task(name).model_copy(update={"data": data}))
    findings = [bool(entry.findings) for entry in scores.evidence.updates]
    assert sum(findings[HONEST:]) >= 2
    assert sum(findings[:HONEST]) <= 2
    assert (scores.codes[np.array(findings)] <= ZERO_SCORE).all()
    assert (scores.codes >= LOWEST_SCORE).all()


def test_the_advantage_is_that_of_ones_own_shard() -> None:
    rng = np.random.default_rng(6)
    cosines = 0.5 + 0.01 * rng.standard_normal((12, 12)) + 0.2 * rng.standard_normal(12)
    cosines[:9, :9] += 0.1 * np.eye(9)  # the last three did something else
    advantage = advantages(cosines)
    assert advantage[:9].min() > 4
    assert np.abs(advantage[9:]).max() < 4
    late = [k for k in range(12) if advantage[k] <= TASK.scoring.own_data_sigmas]
    assert sorted(unused(range(20, 32), advantage, TASK.scoring)) == [20 + k for k in late]


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


class TestTheNextModel:
    def test_it_is_the_weighted_sum(self) -> None:
        base, payloads, history = honest_round(2)
        updates = [CODEC.decode(payload) for payload in payloads]
        weights = np.arange(HONEST) * 1000
        moved = apply(base, updates, weights, history.models(), {1: 3000, 2: -500})
        expected = base.to_float().astype(np.float64)
        for age, code in ((1, 3000), (2, -500)):
            before = history.models()[age].to_float()
            expected = expected + code / 2**PUBLIC_BITS * (base.to_float() - before)
        for update, weight in zip(updates, weights, strict=True):
            expected[update.indices] -= weight / 2**WEIGHT_BITS * update.values * 2.0**-UPDATE_BITS
        np.testing.assert_allclose(moved.to_float(), expected, atol=2e-7)

    def test_the_order_of_the_updates_does_not_matter(self) -> None:
        base, payloads, _ = honest_round(0)
        updates = [CODEC.decode(payload) for payload in payloads]
        one = apply(base, updates, [777] * HONEST, {}, {})
        assert apply(base, updates[::-1], [777] * HONEST, {}, {}).digest == one.digest
        assert apply(base, updates, [0] * HONEST, {}, {1: 0}).digest == base.digest

    def test_codes_out_of_range_are_refused(self) -> None:
        base, payloads, history = honest_round(1)
        update = CODEC.decode(payloads[0])
        for weight in (-1, MOST_WEIGHT_CODE + 1):
            with pytest.raises(AggregationError, match="weight of"):
                apply(base, [update], [weight], {}, {})
        with pytest.raises(AggregationError, match="coefficient of"):
            apply(base, [update], [0], history.models(), {1: 1 << 20})
        with pytest.raises(AggregationError, match="4 rounds ago"):
            apply(base, [update], [0], {}, {4: 1})


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
    script = (
        "import sys, learning, learning.tasks, learning.codec, learning.arena.attacks; "
        "print('torch' in sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "False"


def test_no_code_depends_on_the_memory_for_decoded_updates(monkeypatch: pytest.MonkeyPatch) -> None:
    base, payloads, history = honest_round(1)
    updates = submit([*payloads, payloads[0], b"junk", None])
    plain = score_round(TASK, base, updates, 7, history, "cpu")
    assert all(update.decoded for update in updates)
    monkeypatch.setattr(columns, "MOST_VALUES", 20_000)  # two updates a block
    room = Room(3 * 12 * CODEC.max_values)
    tight = [replace(update, room=room, decoded={}) for update in updates]
    scores = score_round(TASK, base, tight, 7, history, "cpu")
    assert sum(bool(update.decoded) for update in tight) < 7
    assert scores.evidence.to_bytes() == plain.evidence.to_bytes()
    assert (scores.codes == plain.codes).all()
    assert (scores.weights == plain.weights).all()


def test_columns_in_blocks_are_those_of_one_block(monkeypatch: pytest.MonkeyPatch) -> None:
    base, payloads, history = honest_round(2)
    updates = [CODEC.decode(payload) for payload in payloads]
    factors = np.linspace(0.3, 1.0, len(updates))
    whole = columns.Columns.of(base, updates, factors, history.models())
    rows = np.stack([update.dense(CODEC.layout.total) for update in updates]).astype(np.float64)
    rows *= factors[:, None]
    gram, weights = whole.gram(), np.linspace(0.0, 1.0, len(updates) + len(whole.public))
    np.testing.assert_allclose(gram[: len(rows), : len(rows)], rows @ rows.T, rtol=1e-9)
    moved = whole.move(weights)
    monkeypatch.setattr(columns, "MOST_VALUES", 1)
    assert (whole.gram() == gram).all()
    assert (whole.move(weights) == moved).all()
    public = [
        c.factor * whole.movements[c.age] * w
        for c, w in zip(whole.public, weights[len(rows) :], strict=True)
    ]
    expected = sum(public, -(weights[: len(rows)] @ rows))
    np.testing.assert_allclose(moved, expected, atol=1e-9)
