"""What a detector reports."""

from dataclasses import dataclass, field

from learning.score_codes import Verdict


@dataclass(frozen=True)
class Finding:
    """One reason against one update.

    ``code`` is the verdict, or None if the update only loses its pay; then ``excludes`` says
    whether it stays out of the aggregate too. ``signals`` maps each
    signal's name to (measured value, threshold); ``related`` names the digest of the update that
    it is a copy of.
    """

    code: Verdict | None
    reason: str
    signals: dict[str, tuple[float, float]] = field(default_factory=dict)
    related: str | None = None
    excludes: bool = True
