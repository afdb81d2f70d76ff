"""A verifier's work in one round: from the revealed updates to two codes each, with evidence.

The *credit* code is what the ledger settles and pays: a verdict, or the part of the task's first
loss that the update removed. The *weight* is how much of it the next model takes. All of it is a
function of the task, the round's base model and seed, the revealed updates and the settled rounds
before, so that anyone can repeat it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from learning.codec import Codec
from learning.evidence import Evidence
from learning.judge.codes import MOST_PUBLIC_CODE, MOST_WEIGHT_CODE, PUBLIC_BITS, WEIGHT_BITS
from learning.judge.findings import Finding
from learning.judge.history import History
from learning.judge.intake import Intake, SubmittedUpdate, take_in
from learning.judge.own_data import advantages_of, unused
from learning.judge.report import evidence_of
from learning.judge.valuation import Valuation, value_updates
from learning.model_state import ModelState
from learning.score_codes import LOWEST_SCORE, ZERO_SCORE
from learning.scores import encode_score
from learning.tasks.data import Examples, divided
from learning.tasks.spec import TaskSpec
from learning.training import layout_of


@dataclass(frozen=True, eq=False)
class RoundScores:
    """What is voted on a round, in index order, and the evidence behind it.

    ``codes`` uint16 [n]: verdicts and credits; ``weights`` uint16 [n] in units of 2⁻¹⁴;
    ``public``: coefficients of the model's own movements, in units of 2⁻¹³, by age in rounds.
    """

    codes: np.ndarray
    weights: np.ndarray
    public: dict[int, int]
    evidence: Evidence


def score_round(
    spec: TaskSpec,
    base: ModelState,
    updates: Sequence[SubmittedUpdate],
    seed: int,
    history: History,
    device: str = "auto",
    sealed: Examples | None = None,
) -> RoundScores:
    """Score all updates of a round; never raises because of what an update holds.

    ``seed``: from the block that closes the reveal phase. ``sealed``: the round's batch; by
    default drawn from the task's hold-out by the seed.
    """
    codec = Codec(spec.codec, layout_of(spec))
    intake = take_in(codec, updates, history.revealed())
    batch, batch_ids = (sealed, []) if sealed is not None else _drawn(spec, seed)
    valued = value_updates(
        spec,
        base,
        intake.updates,
        history.models(),
        batch,
        seed,
        history.usual_norm(),
        device,
    )
    idle = _without_assigned_data(spec, base, intake, updates, device)
    findings = {**intake.findings, **idle}
    codes, weights = _codes(len(updates), intake, valued, findings)
    public = {age: _public_code(value) for age, value in valued.public.items()}
    evidence = evidence_of(
        spec, base, seed, updates, intake, valued, findings, codes, weights, public, batch_ids
    )
    return RoundScores(codes, weights, public, evidence)


def _drawn(spec: TaskSpec, seed: int) -> tuple[Examples, list[int]]:
    """The round's batch of the task's hold-out, and the positions it was drawn from."""
    root = divided(spec).root
    chosen = np.random.default_rng(seed).permutation(len(root))[: spec.scoring.batch]
    return root.take(chosen), chosen.tolist()


def _codes(
    count: int, intake: Intake, valued: Valuation, findings: dict[int, Finding]
) -> tuple[np.ndarray, np.ndarray]:
    """Credit and weight codes uint16 [count]; the senders of one update share its seat."""
    codes = np.full(count, LOWEST_SCORE, dtype=np.uint16)
    weights = np.zeros(count, dtype=np.uint16)
    for seat, credit, weight in zip(intake.seats, valued.credits, valued.weights, strict=True):
        many = len(seat.positions)
        for i in seat.positions:
            weights[i] = _grid(weight / many, WEIGHT_BITS, MOST_WEIGHT_CODE)
            codes[i] = _credit_code(credit / many, bool(weights[i]), i in findings)
    for i, finding in findings.items():
        if finding.code is not None:
            codes[i] = finding.code
    return codes, weights


def _credit_code(credit: float, taken: bool, unpaid: bool) -> int:
    """Above zero: paid. Zero: not paid, but part of the next model. Below: neither."""
    code = encode_score(min(credit, 0.0) if unpaid else credit)
    if code > ZERO_SCORE:
        return code
    return ZERO_SCORE if taken else min(code, ZERO_SCORE - 1)


def _grid(value: float, bits: int, most: int) -> int:
    return min(int(np.floor(value * 2**bits + 0.5)), most)


def _public_code(coefficient: float) -> int:
    return max(_grid(coefficient, PUBLIC_BITS, MOST_PUBLIC_CODE), -MOST_PUBLIC_CODE)


def _without_assigned_data(
    spec: TaskSpec,
    base: ModelState,
    intake: Intake,
    updates: Sequence[SubmittedUpdate],
    device: str,
) -> dict[int, Finding]:
    """Who did not use the data that the task assigned, where it assigns any."""
    if spec.data.assigned is None:
        return {}
    senders = [(i, own) for own, seat in enumerate(intake.seats) for i in seat.positions]
    names, own = [updates[i].trainer for i, _ in senders], [own for _, own in senders]
    advantage = advantages_of(spec, base, intake.updates, own, names, device)
    return unused([i for i, _ in senders], advantage, spec.scoring)
