"""A verifier's work in one round: from the revealed updates to a score vector with evidence.

Nothing is kept between rounds: a verdict is a function of the task, the base model, the revealed
updates, the round's seed and the earlier rounds' revealed updates with their on-chain medians,
so that anyone can repeat it.

The order matters: the intake gate first, then copies, and only then norms and scores, which
would otherwise be taken over by many copies of one update.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from learning import evidence
from learning.codec import Codec, SparseUpdate
from learning.errors import MalformedUpdate
from learning.judge.detection.alliances import (
    SMALLEST_CROWD,
    Crowd,
    alliances,
    crowd_followers,
    strangers,
)
from learning.judge.detection.confusion import confusions, targeted
from learning.judge.detection.copies import duplicates, mixtures, replays
from learning.judge.detection.cosines import Cosines, unit_rows
from learning.judge.detection.findings import Finding
from learning.judge.detection.habits import habits
from learning.judge.detection.harm import directions, harmful, noise_level
from learning.judge.detection.own_data import advantages, unused
from learning.judge.scoring import Scorer
from learning.model_state import ModelState
from learning.score_codes import LOWEST_SCORE, ZERO_SCORE, Verdict
from learning.scores import encode_score
from learning.tasks.data import assigned, divided
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


@dataclass(frozen=True, eq=False)
class PastRound:
    """An earlier round as verdicts look at it."""

    round: int
    updates: tuple[PastUpdate, ...]

    @cached_property
    def crowd(self) -> Crowd:
        """Cosines among the round's accepted updates."""
        kept = [item for item in self.updates if item.median >= ZERO_SCORE]
        total = 1 + max(
            (int(u.update.indices[-1]) for u in kept if len(u.update.indices)), default=0
        )
        rows = unit_rows([item.update for item in kept], total)
        return Crowd([item.trainer for item in kept], (rows @ rows.T).toarray())


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
    judged = _Judged(
        spec,
        scorer,
        [item for item in taken if isinstance(item, SparseUpdate)],
        [updates[i] for i in sound],
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
    document["clip"], document["noise_gain"] = judged.clip, judged.noise()
    document["median_of_signals"] = judged.middle
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
        submitted: list[SubmittedUpdate],
        window: Sequence[PastRound],
    ) -> None:
        self.spec = spec.scoring
        self.scorer = scorer
        self.updates = updates
        self.submitted = submitted
        self.window = window
        self.past = [item for earlier in window for item in earlier.updates]
        self.cosines = Cosines.of(
            updates,
            [item.update for item in self.past],
            [item.median > ZERO_SCORE for item in self.past],
            scorer.probe.gradient,
        )
        rows, n = self.cosines.rows, len(updates)
        ages = [len(window) - k for k, earlier in enumerate(window) for _ in earlier.updates]
        names = [*(s.trainer for s in submitted), *(item.trainer for item in self.past)]
        self.habits = habits(rows, names, [0] * n + ages, self.spec.habit_decay)
        towards = directions(rows, self.cosines)
        self.signals = towards[:n]
        self.lasting = self.habits @ towards
        self.findings: list[list[Finding]] = [[] for _ in updates]
        self.exact: dict[int, tuple[float, float, float]] = {}
        self.gains = np.zeros(n)
        self.confused: np.ndarray | None = None
        self.own_data: dict[int, float] = {}
        self.clip = 0.0
        self.middle = 0.0  # median over the leaders of the two signals' sum

    def run(self, seed: int) -> None:
        """Copies first, then the clipping norm over what is left, then gains, audits and harm."""
        self._find_copies()
        leaders = self._leaders()
        self.middle = _median_sum(self.signals[leaders])
        lasting_middle = _median_sum(self.lasting[leaders])
        self._find_company()
        norms = [u.norm for u, found in zip(self.updates, self.findings, strict=True) if not found]
        self.clip = float(np.median(norms)) if norms else 0.0
        if self.clip == 0.0:
            return
        self.gains = self.scorer.gains(self.updates, self.clip)
        self._audit(seed)
        gains = {k: values[0] for k, values in self.exact.items()}
        self._add(harmful(self.signals, self.lasting, lasting_middle, gains, self.spec))
        self._find_targeted()
        self._find_unused()

    def _find_copies(self) -> None:
        n = len(self.updates)
        self._add(
            replays(
                [*self.updates, *(item.update for item in self.past)],
                [*(s.trainer for s in self.submitted), *(item.trainer for item in self.past)],
                [True] * n + [item.median >= LOWEST_SCORE for item in self.past],
                n,
                self.cosines,
                self.spec,
            )
        )
        order = [submitted.commit_order for submitted in self.submitted]
        replayed = {k for k, found in enumerate(self.findings) if found}
        self._add(duplicates(self.updates, order, replayed, self.cosines, self.spec))
        self._add(mixtures(self._leaders(), order, self.cosines, self.spec))

    def _find_company(self) -> None:
        """Who follows the crowd, who acts as one with others, who is like nobody.

        Only among updates that pull the same way: with opponents among them, what honest
        trainers share would not show in the mean, and look like collusion.
        """
        crowd = [k for k in self._leaders() if not self._suspect(k)]
        self._add(crowd_followers(crowd, self.cosines, self.spec))
        self._add(strangers(self._leaders(), self.cosines, self.spec))
        names = [self.submitted[k].trainer for k in crowd]
        present = Crowd(names, self.cosines.pairs[np.ix_(crowd, crowd)])
        allied = alliances([*(earlier.crowd for earlier in self.window), present], self.spec)
        for k, name in zip(crowd, names, strict=True):
            if name in allied:
                self.findings[k].append(allied[name])

    def _find_targeted(self) -> None:
        """Who keeps turning one class into another, compared with those who pull the same way."""
        effects = self.scorer.class_effects(self.habits, self.cosines.rows)
        if effects is None:
            return
        crowd = [k for k in self._leaders() if not self._suspect(k)]
        among = crowd if len(crowd) >= SMALLEST_CROWD else []
        self.confused = confusions(effects, np.array(among, dtype=np.int64))
        self._add(targeted(self.confused, self.spec))

    def _find_unused(self) -> None:
        """Who did not use the data that the task assigned."""
        leaders = self._leaders()
        task = self.scorer.spec
        if task.data.assigned is None or len(leaders) < SMALLEST_CROWD:
            return
        names = [self.submitted[k].trainer for k in leaders]
        shards = [assigned(task, self.scorer.base.digest, name) for name in names]
        advantage = advantages(self.scorer.shard_cosines(self.cosines.rows[leaders], shards))
        self.own_data = dict(zip(leaders, advantage.tolist(), strict=True))
        self._add(unused(leaders, advantage, self.spec))

    def _leaders(self) -> list[int]:
        """Updates without findings so far."""
        return [k for k, found in enumerate(self.findings) if not found]

    def _add(self, found: Mapping[int, Finding]) -> None:
        for k, finding in found.items():
            self.findings[k].append(finding)

    def _audit(self, seed: int) -> None:
        """Exact small steps: a random part, and every update that may be convicted of harm."""
        n = len(self.updates)
        rng = np.random.default_rng([seed % 2**64, 1])
        count = int(np.ceil(self.spec.audit_fraction * n))
        suspects = np.flatnonzero(self.signals.max(axis=1) < -self.spec.harmful_cosine)
        for k in sorted({*rng.permutation(n)[:count].tolist(), *suspects.tolist()}):
            self.exact[k] = self.scorer.exact_gain(self.updates[k], self.clip)

    def noise(self) -> float:
        """Gains up to this could be a random update's; they earn nothing."""
        probe = self.scorer.probe
        level = noise_level(self.clip, probe.gradient, probe.tempered)
        return self.spec.noise_sigmas * level

    def code(self, k: int) -> int:
        """The on-chain code: the worst verdict, or else the score.

        A score above zero is paid and aggregated, zero is aggregated but not paid, less is
        neither. Zero is for what helps, but no more than noise might, or than copying the crowd
        would, or not in the direction of recent progress.
        """
        found = self.findings[k]
        verdicts = [finding.code for finding in found if finding.code is not None]
        if verdicts:
            return int(min(verdicts))
        score = encode_score(self.gains[k])
        audited_down = k in self.exact and self.exact[k][0] <= 0
        if self._suspect(k) or any(finding.excludes for finding in found):
            return min(score, ZERO_SCORE - 1)
        if audited_down or self.gains[k] <= 0:
            return min(score, ZERO_SCORE - 1)
        unpaid = found or self.gains[k] <= self.noise() or self.signals[k, 1] <= 0
        return ZERO_SCORE if unpaid else score

    def _suspect(self, k: int) -> bool:
        """Whether an update runs against both signals, or lies far below the others in them."""
        sums = self.signals.sum(axis=1)
        limit = self.middle - self.spec.suspect_distance
        return bool(self.signals[k].max() <= 0 or sums[k] < limit)

    def rows(self) -> list[dict[str, Any]]:
        """The evidence's numbers per update."""
        rows = []
        for k, update in enumerate(self.updates):
            exact = self.exact.get(k)
            names = ("gain", "loss", "tempered_loss")
            rows.append(
                {
                    "content_digest": update.digest.hex(),
                    "norm": update.norm,
                    "gain": float(self.gains[k]),
                    "gradient_cosine": float(self.signals[k, 0]),
                    "progress_cosine": float(self.signals[k, 1]),
                    "lasting_gradient_cosine": float(self.lasting[k, 0]),
                    "lasting_progress_cosine": float(self.lasting[k, 1]),
                    "confusion": None if self.confused is None else float(self.confused[k].max()),
                    "own_data": self.own_data.get(k),
                    "exact": None if exact is None else dict(zip(names, exact, strict=True)),
                }
            )
        return rows


def _median_sum(signals: np.ndarray) -> float:
    """Median over updates of the sum of their signals [n, 2]; 0 if there are none."""
    return float(np.median(signals.sum(axis=1))) if len(signals) else 0.0
