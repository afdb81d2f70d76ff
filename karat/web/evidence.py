"""A verifier's evidence in words that people can judge; it comes from a stranger."""

from karat.protocol.rules import verdict_name
from karat.text import clean
from karat.web import schemas
from learning.evidence import Entry, Evidence
from learning.score_codes import LOWEST_SCORE, ZERO_SCORE

WEIGHT_UNIT = 1 << 14


def findings(document: Evidence, entry: Entry) -> list[schemas.Finding]:
    """The reasons against an update, and which other one of the round they name."""
    others = {other.content_digest: other.index for other in document.updates}
    return [
        schemas.Finding(
            verdict=None if found.verdict is None else clean(found.verdict, 40),
            reason=clean(found.reason),
            related=None if found.related is None else clean(found.related, 80),
            related_index=None if found.related is None else others.get(found.related),
            signals=[
                schemas.Check(
                    name=clean(name, 40),
                    value=signal.value,
                    threshold=signal.threshold,
                    holds=None,
                    meaning="",
                )
                for name, signal in found.signals.items()
            ],
        )
        for found in entry.findings
    ]


def checks(entry: Entry) -> list[schemas.Check]:
    """What an update has to pass to be paid, as far as it was measured."""
    found: list[schemas.Check] = []

    def add(name: str, value: float | None, threshold: float | None, meaning: str) -> None:
        if value is not None and threshold is not None:
            check = schemas.Check(
                name=name,
                value=value,
                threshold=threshold,
                holds=value > threshold,
                meaning=meaning,
            )
            found.append(check)

    add(
        "credit", entry.gain, 0.0,
        "Part of the first model's loss that it removed, in the company of the others and beyond "
        "what was public.",
    )  # fmt: skip
    add(
        "weight", None if entry.weight is None else entry.weight / WEIGHT_UNIT, 0.0,
        "How much of it the next model takes.",
    )  # fmt: skip
    return found


def summary(entry: Entry, shown: list[schemas.Check]) -> str:
    """Why the update got what it got, in one sentence."""
    reasons = "; ".join(clean(found.reason, 80) for found in entry.findings[:3])
    if 0 < entry.code < LOWEST_SCORE:
        name = _verdict(entry.code)
        return f"Found {name}: {reasons}." if reasons else f"Found {name}."
    if entry.code > ZERO_SCORE:
        return "Sound and useful: paid in proportion to its score."
    if reasons:
        return f"Not paid: {reasons}."
    failed = [check.name for check in shown if check.holds is False]
    if failed:
        return f"Sound, but not paid: it fails on {', '.join(failed)}."
    return "Sound, but its score is not above zero, so it is not paid."


def _verdict(code: int) -> str:
    try:
        return verdict_name(code)
    except ValueError:
        return f"code {code}"
