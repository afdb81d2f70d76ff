"""Rounds that the judge really judged, as a chain would tell of them, and what they answer."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from chain.ledger.bindings.structs import TaskParams
from karat.money import Money
from karat.protocol.state import Appeal, Outcome, Revealed, Round
from karat.protocol.why import Why, explain
from learning.codec import Codec
from learning.evidence import Evidence
from learning.judge.apply import apply
from learning.judge.history import History, past_round
from learning.judge.intake import SubmittedUpdate
from learning.judge.verifier import RoundScores, score_round
from learning.model_state import ModelState
from learning.score_codes import Verdict
from learning.tasks import TaskSpec
from learning.tasks import get as get_task
from learning.tasks.data import Examples, assigned, partition
from learning.training import initial_model, layout_of, train

TASK = get_task("mlp-digits")
CODEC = Codec(TASK.codec, layout_of(TASK))
VERIFIER = "0x00000000000000000000000000000000000000V1"
HONEST = 8
MONEY = Money("KDEV", 0)
PARAMS = TaskParams(
    **dict.fromkeys(TaskParams.NAMES, 0)  # type: ignore[arg-type]
    | {"trainer_budget": 1_000_000, "payout_exponent": 1}
)


def submitted(payloads: Sequence[bytes | None]) -> list[SubmittedUpdate]:
    """What trainers 0, 1, … revealed."""
    return [
        SubmittedUpdate(i, f"trainer-{i}", _digest(payload), len(payload or b""), i, payload)
        for i, payload in enumerate(payloads)
    ]


def _digest(payload: bytes | None) -> bytes:
    return hashlib.sha256(payload or b"").digest()


@cache
def _shards() -> list[Examples]:
    return partition(TASK, HONEST + 2, seed=5)


def trained(base: ModelState, trainer: int, number: int, *, flip: bool = False) -> np.ndarray:
    """What a trainer makes of its own data; with ``flip`` all of its labels are wrong."""
    shard = _shards()[trainer]
    if flip:
        shard = Examples(shard.x, 9 - shard.y, shard.group)
    return train(TASK, base, shard, 1000 * number + trainer, "cpu")


@cache
def honest(number: int) -> tuple[ModelState, tuple[bytes, ...], History]:
    """(base model, payloads, history) of round ``number``, the first being 0."""
    if number == 0:
        base = initial_model(TASK)
        history = History(base)
    else:
        before, earlier, history = honest(number - 1)
        updates = submitted(earlier)
        scores = score_round(TASK, before, updates, number - 1, history, "cpu")
        decoded = [CODEC.decode(payload) for payload in earlier]
        base = apply(before, decoded, scores.weights, history.models(), scores.public)
        settled = past_round(TASK, number - 1, before, updates, scores.codes.tolist())
        history = History(history.first, (*history.rounds, settled))
    return base, tuple(CODEC.encode(trained(base, i, number)) for i in range(HONEST)), history


@dataclass
class Judged:
    """A settled round and the evidence behind it."""

    current: Round
    evidence: Evidence | str

    def why(self, trainer: str) -> Why:
        """Why a trainer was paid what it was paid."""
        return explain(PARAMS, self.current, trainer, MONEY, lambda _: self.evidence)


def judged(number: int, *extra: bytes | None) -> Judged:
    """Round ``number`` with further updates beside the honest ones."""
    base, payloads, history = honest(number)
    updates = submitted([*payloads, *extra])
    return settled(number, updates, score_round(TASK, base, updates, 7, history, "cpu"))


def settled(number: int, updates: Sequence[SubmittedUpdate], scores: RoundScores) -> Judged:
    """The round as the chain tells of it, after one verifier's vote."""
    votes = scores.codes.tolist()
    current = Round(
        number + 1,
        bytes(32),
        9,
        commits=[one.trainer for one in updates],
        updates=[Revealed(u.index, u.trainer, u.digest, u.size, u.index) for u in updates],
        committee=(VERIFIER,),
        votes={VERIFIER: votes},
        medians=list(votes),
        outcome=Outcome.SETTLED,
        budget=PARAMS.trainer_budget,
    )
    return Judged(current, scores.evidence)


def with_assigned_data() -> Judged:
    """A round in which trainer 9 trained on somebody else's examples."""
    data = TASK.data.model_copy(update={"assigned": 128})
    task: TaskSpec = TASK.model_copy(update={"data": data})
    base = initial_model(task)
    names = [f"trainer-{i}" for i in range(9)] + ["somebody"]
    shards = [assigned(task, base.digest, name) for name in names]
    payloads = [CODEC.encode(train(task, base, one, i, "cpu")) for i, one in enumerate(shards)]
    updates = submitted(payloads)
    return settled(0, updates, score_round(task, base, updates, 7, History(base), "cpu"))


# --- cases, each from a real round -------------------------------------------------------------


def _last(made: Judged) -> Why:
    return made.why(made.current.updates[-1].trainer)


def _paid() -> Why:
    return judged(0).why("trainer-2")


def _flipped() -> Why:
    return _last(judged(0, CODEC.encode(trained(honest(0)[0], 9, 0, flip=True))))


def _shared() -> Why:
    own = CODEC.encode(trained(honest(0)[0], 9, 0))
    return _last(judged(0, own, own))


def _long() -> Why:
    return _last(judged(1, CODEC.encode(6 * trained(honest(1)[0], 9, 1))))


def _public() -> Why:
    """The sum of what the last round sent, on a part of the coordinates."""
    known = np.sum([CODEC.decode(p).dense(CODEC.layout.total) for p in honest(1)[1]], axis=0)
    half = known * (np.random.default_rng(0).random(len(known)) < 0.5) / 5
    return _last(judged(2, CODEC.encode(half.astype(np.float32))))


def _malformed() -> Why:
    return _last(judged(0, honest(0)[1][0][:-3]))


def _duplicate() -> Why:
    return _last(judged(1, honest(0)[1][0]))


def _unavailable() -> Why:
    return _last(judged(0, None))


def _unrevealed() -> Why:
    made = judged(0)
    made.current.commits.append("trainer-9")
    made.current.slashes["trainer-9"] = 10
    return made.why("trainer-9")


def _void() -> Why:
    made = judged(0)
    made.current.outcome, made.current.medians = Outcome.VOID, []
    made.current.committee, made.current.votes = (VERIFIER, "b", "c"), {VERIFIER: []}
    return made.why("trainer-1")


def _appealed() -> Why:
    made = judged(0)
    old, new = made.current.medians[0], int(Verdict.HARMFUL)
    appeal = Appeal(0, "somebody", 5, 3, 0, 0, upheld=True, old_code=old, new_code=new)
    made.current.appeals[0], made.current.medians[0] = appeal, new
    made.current.slashes["trainer-0"] = 50
    return made.why("trainer-0")


def _no_evidence() -> Why:
    made = judged(0, CODEC.encode(trained(honest(0)[0], 9, 0, flip=True)))
    return _last(replace(made, evidence="the content store does not have it"))


TYPICAL: dict[str, Callable[[], Why]] = {
    "An update that was paid": _paid,
    "Labels that are wrong": _flipped,
    "Two accounts, one update": _shared,
    "An update that is too long": _long,
    "What everybody could have sent": _public,
    "Examples that were not the account's": lambda: _last(with_assigned_data()),
    "Bytes that are no update": _malformed,
    "Somebody else's update of an earlier round": _duplicate,
    "Bytes that nobody can get": _unavailable,
    "A commitment without a reveal": _unrevealed,
    "Too few verifiers": _void,
    "An appeal that changed the verdict": _appealed,
    "Evidence that is missing": _no_evidence,
}


def page() -> str:
    """``docs/why.md``."""
    parts = [
        """# Why was I paid this?

`karat trainer why TASK [ROUND]` answers from the chain and from the evidence that the verifiers
published: what the update added, what stood against it, by how much it missed, what the others did,
and what to change. `task.why(round)` and `update.why()` give the same to a script, the web page
shows it beside each update. A code is a number of steps of 1/16384 of the first model's loss;
[scoring](scoring.md) says how it comes about. Where evidence is missing or does not match its
digest, that is said, and nothing is guessed.

These answers are from real rounds of `mlp-digits`, with a budget of 1,000,000 KDEV a round;
`python -m tests.answers.rounds` writes this page.
"""
    ]
    for title, ask in TYPICAL.items():
        why = ask()
        lines = [*why.answer, f"What to change: {why.change}"]
        parts.append(f"## {title}\n\n`{why.case}`\n\n" + "\n".join(f"> {x}" for x in lines) + "\n")
    return "\n".join(parts)


if __name__ == "__main__":
    (Path(__file__).resolve().parents[2] / "docs" / "why.md").write_text(page(), "utf-8")
