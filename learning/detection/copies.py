"""Copies within a round (the earliest commit wins) and replays of earlier rounds."""

from collections.abc import Sequence

from learning.codec import SparseUpdate
from learning.detection.cosines import Cosines
from learning.detection.findings import Finding, Verdict
from learning.tasks.spec import ScoringSpec


def duplicates(
    updates: Sequence[SparseUpdate],
    commit_order: Sequence[int],
    cosines: Cosines,
    spec: ScoringSpec,
) -> dict[int, Finding]:
    """Copies of an update committed earlier in the same round.

    An update is compared with every earlier one that is not itself a copy: the same bytes, or a
    cosine above ``copy_cosine`` that stays above ``copy_partial`` without the shared direction.
    Trainers with data alike, at the same base model, stay below both.
    """
    found: dict[int, Finding] = {}
    originals: list[int] = []
    for i in sorted(range(len(updates)), key=lambda i: commit_order[i]):
        if not len(updates[i].indices):
            continue  # empty ones are alike without being copies; they earn nothing anyway
        for j in originals:
            finding = _compare(updates, cosines, i, j, Verdict.DUPLICATE, spec)
            if finding is not None:
                found[i] = finding
                break
        else:
            originals.append(i)
    return found


def replays(
    updates: Sequence[SparseUpdate], current: int, cosines: Cosines, spec: ScoringSpec
) -> dict[int, Finding]:
    """Updates (the first ``current``) that repeat one of an earlier round (those after)."""
    found: dict[int, Finding] = {}
    for i in range(current):
        for j in range(current, len(updates)):
            finding = _compare(updates, cosines, i, j, Verdict.STALE, spec)
            if finding is not None and len(updates[i].indices):
                found[i] = finding
                break
    return found


def _compare(
    updates: Sequence[SparseUpdate],
    cosines: Cosines,
    i: int,
    j: int,
    code: Verdict,
    spec: ScoringSpec,
) -> Finding | None:
    if updates[i].digest == updates[j].digest:
        return Finding(code, "same bytes", {}, updates[j].digest.hex())
    cosine, partial = float(cosines.pairs[i, j]), cosines.partial(i, j)
    if cosine > spec.copy_cosine and partial > spec.copy_partial:
        signals = {
            "cosine": (cosine, spec.copy_cosine),
            "partial_cosine": (partial, spec.copy_partial),
        }
        return Finding(code, "nearly the same direction", signals, updates[j].digest.hex())
    return None
