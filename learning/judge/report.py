"""Fills the evidence of a judged round."""

from collections.abc import Mapping, Sequence

import numpy as np

from learning.evidence import Entry, Evidence, Reason, Signal
from learning.judge.findings import Finding
from learning.judge.intake import Intake, SubmittedUpdate
from learning.judge.valuation import Valuation
from learning.model_state import ModelState
from learning.score_codes import LOWEST_SCORE, ZERO_SCORE, Verdict
from learning.scores import GRID
from learning.tasks.spec import TaskSpec


def evidence_of(
    spec: TaskSpec,
    base: ModelState,
    seed: int,
    updates: Sequence[SubmittedUpdate],
    intake: Intake,
    valued: Valuation,
    findings: Mapping[int, Finding],
    codes: np.ndarray,
    weights: np.ndarray,
    public: Mapping[int, int],
    batch_ids: Sequence[int],
) -> Evidence:
    """All that was measured, and what follows from it; codes and weights in index order."""
    seats = {
        position: (seat, len(seat.positions), float(credit) / len(seat.positions))
        for seat, credit in zip(intake.seats, valued.credits, strict=True)
        for position in seat.positions
    }
    entries = []
    for i, submitted in enumerate(updates):
        update, seat, gain = seats.get(i, (None, None, None))
        entries.append(
            Entry(
                index=submitted.index,
                trainer=submitted.trainer,
                digest=submitted.digest.hex(),
                code=int(codes[i]),
                verdict=_verdict(int(codes[i])),
                findings=(_reason(findings[i]),) if i in findings else (),
                content_digest=None if update is None else update.digest.hex(),
                norm=None if update is None else update.norm,
                gain=gain,
                weight=None if update is None else int(weights[i]),
                seat=seat,
            )
        )
    return Evidence(
        task=spec.digest.hex(),
        base=base.digest.hex(),
        seed=str(seed),
        rules={"grid": GRID, "zero_score": ZERO_SCORE, **spec.scoring.model_dump(mode="json")},
        batch_ids=tuple(batch_ids),
        loss=valued.loss,
        next_loss=valued.next_loss,
        first_loss=valued.first_loss,
        least_loss=valued.mark,
        paid_part=valued.paid,
        clip=valued.limit,
        public={str(age): code for age, code in public.items()},
        updates=tuple(entries),
    )


def _verdict(code: int) -> str:
    return "ok" if code >= LOWEST_SCORE else Verdict(code).name.lower()


def _reason(finding: Finding) -> Reason:
    return Reason(
        verdict=None if finding.code is None else finding.code.name.lower(),
        reason=finding.reason,
        related=finding.related,
        signals={
            name: Signal(value=value, threshold=threshold)
            for name, (value, threshold) in finding.signals.items()
        },
    )
