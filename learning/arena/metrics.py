"""Counting: who was paid, who was flagged."""

from collections.abc import Sequence
from typing import TypedDict

import numpy as np

from learning.arena.base import Entry, Outcome
from learning.score_codes import Verdict

SLASHABLE = (Verdict.HARMFUL, Verdict.MALFORMED, Verdict.DUPLICATE)


class Result(TypedDict):
    """The counted fields of a row."""

    attacker_reward_share: float | None
    precision: float | None
    recall: float | None
    honest_false_positive: float
    honest_slashed: float


class Tally:
    """Sums over the rounds of a match, of pay in the defence's unit."""

    def __init__(self, honest: int) -> None:
        self.honest = honest
        self._paid_attackers = 0.0
        self._paid_all = 0.0
        self._flagged_attackers = 0
        self._attackers = 0
        self._flagged_honest_in_attack = 0
        self._flagged_honest = 0
        self._slashed_honest = 0
        self._rounds = 0

    def count(self, entries: Sequence[Entry], outcome: Outcome, attacking: bool) -> None:
        """Add a round; ``attacking``: whether the attackers cheated in it."""
        honest = np.array([e.honest for e in entries])
        flagged = outcome.flagged
        self._rounds += 1
        self._flagged_honest += int(flagged[honest].sum())
        slashed = flagged if outcome.codes is None else np.isin(outcome.codes, SLASHABLE)
        self._slashed_honest += int(slashed[honest].sum())
        if not attacking or honest.all():
            return
        self._paid_attackers += float(outcome.pay[~honest].sum())
        self._paid_all += float(outcome.pay.sum())
        self._attackers += int((~honest).sum())
        self._flagged_attackers += int(flagged[~honest].sum())
        self._flagged_honest_in_attack += int(flagged[honest].sum())

    def result(self) -> Result:
        """The rates; None where the denominator is zero."""
        flagged = self._flagged_attackers + self._flagged_honest_in_attack
        return Result(
            attacker_reward_share=_ratio(self._paid_attackers, self._paid_all),
            precision=_ratio(self._flagged_attackers, flagged if self._attackers else 0),
            recall=_ratio(self._flagged_attackers, self._attackers),
            honest_false_positive=self._flagged_honest / (self.honest * self._rounds),
            honest_slashed=self._slashed_honest / (self.honest * self._rounds),
        )


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None
