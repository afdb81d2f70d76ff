"""Nothing new: copies within a round, replays of earlier rounds, mixtures of others' updates.

Under commit–reveal nobody can see another's update of this round before committing, so copies
within a round come from accounts that work together; the earliest keeps its record all the same.
"""

from collections.abc import Collection, Sequence

import numpy as np

from learning.codec import SparseUpdate
from learning.judge.detection.cosines import Cosines
from learning.judge.detection.findings import Finding
from learning.score_codes import Verdict
from learning.tasks.spec import ScoringSpec

_RIDGE = 1e-3  # keeps the fit stable when earlier commits are nearly dependent


def duplicates(
    updates: Sequence[SparseUpdate],
    commit_order: Sequence[int],
    replayed: Collection[int],
    cosines: Cosines,
    spec: ScoringSpec,
) -> dict[int, Finding]:
    """Copies of an update committed earlier in the same round, and the head of a larger ring.

    An update is compared with every earlier one that is not itself a copy: the same bytes, or a
    cosine above ``copy_cosine`` that stays above ``copy_partial`` without the shared direction.
    Trainers with data alike, at the same base model, stay below both. If one of the two is a
    replay of an earlier round (``replayed``) they must be nearer, since a victim's new update
    resembles its old one. Where ``ring_size`` accounts or more sent one update, the first of
    them is not paid either.
    """
    found: dict[int, Finding] = {}
    rings: dict[int, int] = {}
    for i in sorted(range(len(updates)), key=lambda i: commit_order[i]):
        if not len(updates[i].indices):
            continue  # empty ones are alike without being copies; they earn nothing anyway
        for j in rings:
            replay = i in replayed or j in replayed
            limit = spec.own_cosine if replay else spec.copy_cosine
            finding = _compare(updates, cosines, i, j, Verdict.DUPLICATE, limit, spec.copy_partial)
            if finding is not None:
                found[i] = finding
                rings[j] += 1
                break
        else:
            rings[i] = 1
    for i, size in rings.items():
        if size >= spec.ring_size:
            signals = {"ring_size": (float(size), float(spec.ring_size))}
            found[i] = Finding(None, "several accounts sent this update", signals)
    return found


def replays(
    updates: Sequence[SparseUpdate],
    trainers: Sequence[str],
    originals: Sequence[bool],
    current: int,
    cosines: Cosines,
    spec: ScoringSpec,
) -> dict[int, Finding]:
    """Updates (the first ``current``) that repeat one of an earlier round (those after).

    A trainer's own updates of consecutive rounds are alike by nature, so they must be nearer
    (``own_cosine``) than another trainer's (``copy_cosine``). The same holds for what was given a
    verdict (not ``originals``): it may have been a copy, convicted for worse, whose victim goes on
    sending updates of that kind.
    """
    found: dict[int, Finding] = {}
    for i in range(current):
        for j in (current + np.flatnonzero(cosines.pairs[i, current:] > spec.copy_cosine)).tolist():
            own = trainers[i] == trainers[j] or not originals[j]
            limit = spec.own_cosine if own else spec.copy_cosine
            finding = _compare(updates, cosines, i, j, Verdict.STALE, limit, spec.copy_partial)
            if finding is not None and len(updates[i].indices):
                found[i] = finding
                break
    return found


def mixtures(
    leaders: Sequence[int], commit_order: Sequence[int], cosines: Cosines, spec: ScoringSpec
) -> dict[int, Finding]:
    """Updates that are a combination of earlier commits, up to a little noise.

    The fraction explained is R² of a ridge regression on the earlier leaders (those that are no
    copies), which needs only their cosines.
    """
    found: dict[int, Finding] = {}
    ordered = sorted(leaders, key=lambda i: commit_order[i])
    for place, i in enumerate(ordered):
        earlier = ordered[:place]
        if len(earlier) < 2:
            continue
        gram = cosines.pairs[np.ix_(earlier, earlier)] + _RIDGE * np.eye(len(earlier))
        towards = cosines.pairs[i, earlier]
        fit = float(towards @ np.linalg.solve(gram, towards))
        if fit > spec.mixture_fit:
            signals = {"explained": (fit, spec.mixture_fit)}
            found[i] = Finding(Verdict.STALE, "a mixture of earlier commits", signals)
    return found


def _compare(
    updates: Sequence[SparseUpdate],
    cosines: Cosines,
    i: int,
    j: int,
    code: Verdict,
    limit: float,
    partial_limit: float,
) -> Finding | None:
    if updates[i].digest == updates[j].digest:
        return Finding(code, "same bytes", {}, updates[j].digest.hex())
    cosine, partial = float(cosines.pairs[i, j]), cosines.partial(i, j)
    if cosine > limit and partial > partial_limit:
        signals = {"cosine": (cosine, limit), "partial_cosine": (partial, partial_limit)}
        return Finding(code, "nearly the same direction", signals, updates[j].digest.hex())
    return None
