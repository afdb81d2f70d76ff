"""Epochs of edges: given as small integers, or as points in time that fall into epochs."""

import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from reputation.errors import EdgeFormatError, ParameterError
from reputation.files.numbers import number

Period = timedelta | int
"""How long an epoch is: a time, or a number of the file's own units (blocks, rounds)."""

DEFAULT = timedelta(days=30)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_LEAST_TIME = 1e8  # smaller numbers are epochs or blocks, larger ones times since 1970
# From here on a number counts milliseconds, microseconds, nanoseconds (of the years after 1973).
_SCALES = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3), (_LEAST_TIME, 1.0))
_MOST_EPOCHS = 10**6


def parse_period(text: str) -> Period:
    """``30d``, ``12h``, ``90m``, ``45s`` or ``2w`` as a time; a bare ``1000`` as a number of units.

    Raises:
        ParameterError: it is neither, or not positive.
    """
    found = re.fullmatch(r"([1-9]\d{0,8})([smhdw]?)", text.strip(), re.ASCII)
    if found is None:
        raise ParameterError(f"an epoch lasts 30d, 12h, 90m, 45s, 2w or 1000 units, not {text!r}")
    count = int(found[1])
    return timedelta(seconds=count * _UNITS[found[2]]) if found[2] else count


def epochs(
    lines: Sequence[int], texts: Sequence[str], period: Period | None
) -> tuple[list[int], list[float], str | None]:
    """Each row's epoch and exact time, and a note if these are points in time.

    Raises:
        EdgeFormatError: a field is neither an epoch nor a time, or fields are of several kinds.
    """
    values, dated = _values(lines, texts)
    present = [value for value in values if not math.isnan(value)]
    low, high = min(present), max(present)
    scale = next((scale for least, scale in _SCALES if high >= least), None)
    if dated or (scale is not None and low >= _LEAST_TIME):
        if len(present) < len(values):
            line = next(line for line, v in zip(lines, values, strict=True) if math.isnan(v))
            raise EdgeFormatError(f"line {line}: there is no time, where other rows have one")
        seconds = values if dated else _seconds(values, scale or 1.0)
        return _of_times(seconds, period)
    if scale is not None:
        raise EdgeFormatError(
            f"epochs from {low:g} to {high:g}: the larger are times, the smaller cannot be"
        )
    given = [0.0 if math.isnan(value) else value for value in values]
    return _of_numbers(lines, given, period), given, None


def _values(lines: Sequence[int], texts: Sequence[str]) -> tuple[list[float], bool]:
    """Numbers (NaN where a field is empty), or seconds since 1970 where these are dates."""
    values, dates = [], 0
    for line, text in zip(lines, texts, strict=True):
        try:
            values.append(number(text) if text else math.nan)
        except ValueError:
            values.append(_date(line, text))
            dates += 1
    if dates and dates < sum(bool(text) for text in texts):
        raise EdgeFormatError("some rows have dates and others numbers as times; write one kind")
    return values, dates > 0


def _date(line: int, text: str) -> float:
    shape = re.match(r"\d{4}-\d\d-\d\d", text, re.ASCII)
    try:
        moment = datetime.fromisoformat(text.removesuffix(" UTC")) if shape else None
    except ValueError:
        moment = None
    if moment is None:
        raise EdgeFormatError(
            f"line {line}: {text!r} is neither an epoch (an integer) nor a time (seconds since "
            "1970, or 2024-01-31T12:00:00Z)"
        )
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _seconds(values: list[float], scale: float) -> list[float]:
    low = min(values)
    if next(scale for least, scale in _SCALES if low >= least) != scale:
        raise EdgeFormatError(
            f"times from {low:g} to {max(values):g} cannot all be in the same unit"
        )
    return [value / scale for value in values]


def _of_times(seconds: list[float], period: Period | None) -> tuple[list[int], list[float], str]:
    if isinstance(period, int):
        raise EdgeFormatError(f"the file has times: say how long an epoch is as {period}d or so")
    length = (period or DEFAULT).total_seconds()
    found = [math.floor(value / length) for value in seconds]
    try:
        first, last = (datetime.fromtimestamp(f(seconds), UTC).date() for f in (min, max))
    except (OverflowError, ValueError, OSError):
        raise EdgeFormatError(f"{max(seconds):g} is not a time that a calendar has") from None
    days = length / 86400
    note = f"times from {first} to {last}: an epoch is {days:g} days"
    return found, seconds, note if period else f"{note} (choose with --epoch)"


def _of_numbers(lines: Sequence[int], values: list[float], period: Period | None) -> list[int]:
    if isinstance(period, timedelta):
        raise EdgeFormatError(
            f"the file has epochs or blocks, not times ({min(values):g} to {max(values):g}): say "
            "how many of them make an epoch, as a bare number"
        )
    for line, value in zip(lines, values, strict=True):
        if period is None and not value.is_integer():
            raise EdgeFormatError(f"line {line}: epoch {value} is not an integer")
    found = [math.floor(value / (period or 1)) for value in values]
    if max(found) - min(found) > _MOST_EPOCHS:
        raise EdgeFormatError(
            f"epochs from {min(found)} to {max(found)}: over a million. If these are blocks or the "
            "like, say how many make an epoch"
        )
    return found
