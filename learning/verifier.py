"""A verifier's work in one round: from the revealed updates to a score vector with evidence.

Nothing is kept between rounds: a verdict is a function of the task, the base model, the revealed
updates, the round's seed and the earlier rounds' revealed updates with their on-chain medians,
so that anyone can repeat it.

The order matters: the intake gate first, then copies, and only then norms and scores, which
would otherwise be taken over by many copies of one update.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from learning import evidence
from learning.codec import Codec, SparseUpdate
from learning.detection.copies import duplicates, replays
from learning.detection.cosines import Cosines, unit_rows
from learning.detection.findings import Finding, Verdict
from learning.detection.harm import harmful, noise_level
from learning.errors import MalformedUpdate
from learning.model_state import ModelState
from learning.scoring import LOWEST_SCORE, ZERO_SCORE, Scorer, encode_score
from learning.tasks.data import divided
from learning.tasks.spec import TaskSpec
from learning.training import layout_of


@dataclass(frozen=True)
class SubmittedUpdate:
    """A revealed update as the chain lists it, with its bytes from the content store.

    ``digest``, ``size``: as revealed on chain; ``commit_order``: rank of its commitment in the
    round; ``payload``: None if the content store could not deliver it in time.
    """

    index: int
    trainer: str
    digest: bytes
    size: int
    commit_order: int
    payload: bytes | None


@dataclass(frozen=True)
class PastUpdate:
    """An earlier round's update that decoded well, with its settled on-chain ``median``."""

    trainer: str
    update: SparseUpdate
    median: int


@dataclass(frozen=True)
class PastRound:
    """An earlier round as verdicts look at it."""

    round: int
    updates: tuple[PastUpdate, ...]


@dataclass(frozen=True, eq=False)
class RoundScores:
    """``codes`` uint16 [n], in index order, and the evidence document behind them (JSON-able)."""

    codes: np.ndarray
    evidence: dict[str, Any]


def past_round(
    spec: TaskSpec, number: int, updates: Sequence[SubmittedUpdate], medians: Sequence[int]
) -> PastRound:
    """Keep of a settled round what later verdicts need; malformed and missing ones are left out."""
    codec = Codec(spec.codec, layout_of(spec))
    kept = []
    for submitted, median in zip(updates, medians, strict=True):
        decoded = _intake(codec, submitted)
        if isinstance(decoded, SparseUpdate):
            kept.append(PastUpdate(submitted.trainer, decoded, int(median)))
    return PastRound(number, tuple(kept))


def score_round(
    spec: TaskSpec,
    base: ModelState,
    updates: Sequence[SubmittedUpdate],
    seed: int,
    history: Sequence[PastRound] = (),
    device: str = "auto",
) -> RoundScores:
    """Score all updates of a round; never raises because of what an update holds.

    ``history``: earlier rounds, oldest first; only the last ``history_rounds`` are used.
    """
    codec = Codec(spec.codec, layout_of(spec))
    taken = [_intake(codec, submitted) for submitted in updates]
    sound = [i for i, item in enumerate(taken) if isinstance(item, SparseUpdate)]
    findings: dict[int, list[Finding]] = {
        i: [item] for i, item in enumerate(taken) if isinstance(item, Finding)
    }
    scorer = Scorer(spec, base, divided(spec).root, seed, device)
    window = list(history)[-spec.scoring.history_rounds :]
    judged = _Judged.of(
        spec,
        scorer,
        [item for item in taken if isinstance(item, SparseUpdate)],
        [updates[i].commit_order for i in sound],
        window,
    )
    judged.run(seed)
    codes = np.full(len(updates), LOWEST_SCORE, dtype=np.uint16)
    for i, found in findings.items():
        codes[i] = int(found[0].code or ZERO_SCORE)
    for k, i in enumerate(sound):
        codes[i] = judged.code(k)
        findings[i] = judged.findings[k]
    document = evidence.document(
        spec,
        base,
        scorer,
        seed,
        updates,
        codes,
        findings,
        dict(zip(sound, judged.rows(), strict=True)),
    )
    return RoundScores(codes, document)


def _intake(codec: Codec, submitted: SubmittedUpdate) -> SparseUpdate | Finding:
    """The gate: bytes there, as long as committed to, and well formed."""
    if submitted.payload is None:
        return Finding(Verdict.UNAVAILABLE, "the content store did not deliver it")
    if len(submitted.payload) != submitted.size:
        signals = {"bytes": (float(len(submitted.payload)), float(submitted.size))}
        return Finding(Verdict.MALFORMED, "size-mismatch", signals)
    try:
        return codec.decode(submitted.payload)
    except MalformedUpdate as error:
        return Finding(Verdict.MALFORMED, str(error))


class _Judged:
    """The updates that passed the gate, and what is found about each."""

    def __init__(
        self,
        spec: TaskSpec,
        scorer: Scorer,
        updates: list[SparseUpdate],
        commit_order: list[int],
        cosines: Cosines,
        progress: np.ndarray | None,
        past: list[SparseUpdate],
    ) -> None:
        self.spec = spec
        self.scorer = scorer
        self.updates = updates
        self.commit_order = commit_order
        self.cosines = cosines
        self.progress = progress  # float64 [n]: cosine with the recent progress
        self.past = past
        self.findings: list[list[Finding]] = [[] for _ in updates]
        self.exact: dict[int, tuple[float, float, float]] = {}
        self.clip = 0.0
        self.gains = np.zeros(len(updates))

    @classmethod
    def of(
        cls,
        spec: TaskSpec,
        scorer: Scorer,
        updates: list[SparseUpdate],
        commit_order: list[int],
        window: Sequence[PastRound],
    ) -> "_Judged":
        past = [item.update for past_round in window for item in past_round.updates]
        gradient = scorer.probe.gradient
        cosines = Cosines.of([*updates, *past], gradient)
        direction = _progress(window, len(gradient))
        progress = None
        if direction is not None:
            progress = unit_rows(updates, len(gradient)) @ direction
        return cls(spec, scorer, updates, commit_order, cosines, progress, past)

    def run(self, seed: int) -> None:
        """Copies first, then the clipping norm over what is left, then gains and audits."""
        settings = self.spec.scoring
        n = len(self.updates)
        copies = duplicates(self.updates, self.commit_order, self.cosines, settings)
        stale = replays([*self.updates, *self.past], n, self.cosines, settings)
        for k, finding in [*copies.items(), *stale.items()]:
            self.findings[k].append(finding)
        norms = [u.norm for k, u in enumerate(self.updates) if not self.findings[k]]
        self.clip = float(np.median(norms)) if norms else 0.0
        if self.clip == 0.0:
            return
        self.gains = self.scorer.gains(self.updates, self.clip)
        self._audit(seed)
        for k in range(n):
            exact = self.exact[k][0] if k in self.exact else None
            progress = None if self.progress is None else float(self.progress[k])
            harm = harmful(float(self.cosines.shared[k]), progress, exact, settings)
            if harm is not None:
                self.findings[k].append(harm)

    def _audit(self, seed: int) -> None:
        """Exact small steps: a random part, and every update that may be convicted of harm."""
        settings = self.spec.scoring
        n = len(self.updates)
        rng = np.random.default_rng([seed % 2**64, 1])
        chosen = set(rng.permutation(n)[: int(np.ceil(settings.audit_fraction * n))].tolist())
        suspects = np.flatnonzero(self.cosines.shared[:n] < -settings.harmful_cosine)
        for k in sorted(chosen | set(suspects.tolist())):
            self.exact[k] = self.scorer.exact_gain(self.updates[k], self.clip)

    def noise(self) -> float:
        """Gains up to this could be a random update's; they earn nothing."""
        probe = self.scorer.probe
        level = noise_level(self.clip, probe.gradient, probe.tempered)
        return self.spec.scoring.noise_sigmas * level

    def code(self, k: int) -> int:
        """The on-chain code: the worst verdict, or else the score."""
        verdicts = [finding.code for finding in self.findings[k] if finding.code is not None]
        if verdicts:
            return int(min(verdicts))
        gain = self.gains[k]
        if k in self.exact:
            gain = min(gain, self.exact[k][0]) if self.exact[k][0] <= 0 else gain
        if self.findings[k] or 0 < gain <= self.noise():
            return min(ZERO_SCORE, encode_score(gain))
        return encode_score(gain)

    def rows(self) -> list[dict[str, Any]]:
        """The evidence's numbers per update."""
        return [
            {
                "content_digest": update.digest.hex(),
                "norm": update.norm,
                "gain": float(self.gains[k]),
                "gradient_cosine": float(self.cosines.shared[k]),
                "progress_cosine": None if self.progress is None else float(self.progress[k]),
                "exact": None
                if k not in self.exact
                else dict(zip(("gain", "loss", "tempered_loss"), self.exact[k], strict=True)),
                "clip": self.clip,
                "noise_gain": self.noise(),
            }
            for k, update in enumerate(self.updates)
        ]


def _progress(window: Sequence[PastRound], total: int) -> np.ndarray | None:
    """Unit direction float64 [total] of what recent rounds accepted, or None in the first round."""
    direction = np.zeros(total)
    for past in window:
        for item in past.updates:
            if item.median > ZERO_SCORE and item.update.norm > 0:
                norm = float(np.linalg.norm(item.update.values.astype(np.float64)))
                direction[item.update.indices] += item.update.values / norm
    length = float(np.linalg.norm(direction))
    return direction / length if length > 0 else None
