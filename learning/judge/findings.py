"""The reason for a verdict, or for no pay.

The judge gives the verdicts that anyone can prove from the bytes: ``MALFORMED``, ``UNAVAILABLE``,
and ``DUPLICATE`` for what somebody else revealed in an earlier round.
"""

from dataclasses import dataclass, field

from learning.score_codes import Verdict


@dataclass(frozen=True)
class Finding:
    """One reason against one update.

    ``code`` is the verdict, or None if the update only loses its pay. ``signals`` maps each
    signal's name to (measured value, threshold); ``related`` names the digest of the update that
    it is a copy of.
    """

    code: Verdict | None
    reason: str
    signals: dict[str, tuple[float, float]] = field(default_factory=dict)
    related: str | None = None
