"""The evidence document of a scored round: all that is needed to repeat and to dispute it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from learning.canonical import canonical_json
from learning.judge.findings import Finding
from learning.model_state import ModelState
from learning.score_codes import LOWEST_SCORE, ZERO_SCORE, Verdict
from learning.scores import GRID
from learning.tasks.spec import TaskSpec

if TYPE_CHECKING:
    from learning.judge.intake import SubmittedUpdate

SCHEMA = "karat.evidence/1"


def document(
    spec: TaskSpec,
    base: ModelState,
    seed: int,
    updates: Sequence["SubmittedUpdate"],
    codes: np.ndarray,
    findings: Mapping[int, Finding],
    rows: Mapping[int, Mapping[str, Any]],
) -> dict[str, Any]:
    """Assemble the document.

    Floats are rounded to 9 significant digits, about what float32 carries; two machines of one
    kind write the same bytes, others differ in the last digits only.
    """
    entries = []
    for i, submitted in enumerate(updates):
        code = int(codes[i])
        entries.append(
            {
                "index": submitted.index,
                "trainer": submitted.trainer,
                "digest": submitted.digest.hex(),
                "code": code,
                "verdict": "ok" if code >= LOWEST_SCORE else Verdict(code).name.lower(),
                "findings": [_finding(findings[i])] if i in findings else [],
                **rows.get(i, {}),
            }
        )
    content = {
        "schema": SCHEMA,
        "task": spec.digest.hex(),
        "base": base.digest.hex(),
        "seed": str(seed),
        "rules": {"grid": GRID, "zero_score": ZERO_SCORE, **spec.scoring.model_dump(mode="json")},
        "updates": entries,
    }
    return rounded(content)


def rounded(content: Mapping[str, Any]) -> dict[str, Any]:
    """A copy with its floats at 9 significant digits."""
    copy: dict[str, Any] = _round(dict(content))
    return copy


def to_bytes(content: Mapping[str, Any]) -> bytes:
    """Canonical JSON: sorted keys, no spaces, ASCII, no NaN."""
    return canonical_json(content)


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "verdict": None if finding.code is None else finding.code.name.lower(),
        "reason": finding.reason,
        "related": finding.related,
        "signals": {
            name: {"value": value, "threshold": threshold}
            for name, (value, threshold) in finding.signals.items()
        },
    }


def _round(value: Any) -> Any:
    """Copy of a JSON-able value with floats at 9 significant digits."""
    if isinstance(value, float):
        return float(f"{value:.9g}")
    if isinstance(value, dict):
        return {key: _round(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_round(item) for item in value]
    return value
