"""Weights as they are written: ASCII digits with a decimal point, or throughout a decimal comma."""

import math
import re
from collections.abc import Sequence

from reputation.errors import EdgeFormatError, WeightError

_POINT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_COMMA = re.compile(r"[+-]?\d*,\d+", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)


def number(text: str) -> float:
    """The number that ``text`` writes; raises ``ValueError`` unless it is finite and plain."""
    if not _POINT.fullmatch(text):
        raise ValueError(f"{text!r} is not a number")
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text!r} is too large")
    if _INTEGER.fullmatch(text) and abs(int(text)) > 2**53:
        raise ValueError(f"{text!r} is not exact: integers are, within ±2**53; scale it")
    return value


def weights(lines: Sequence[int], texts: Sequence[str]) -> list[float]:
    """The weights of a column.

    Raises:
        WeightError: one is no number; or it cannot be told whether commas are decimal commas.
    """
    commas = [text for text in texts if "," in text]
    if commas:
        _require_decimal(lines, texts, commas)
        texts = [text.replace(",", ".") for text in texts]
    values = []
    for line, text in zip(lines, texts, strict=True):
        try:
            values.append(number(text))
        except ValueError as error:
            words = str(error) if text else "there is no weight"
            raise WeightError(f"line {line}: {words}") from None
    return values


def _require_decimal(lines: Sequence[int], texts: Sequence[str], commas: list[str]) -> None:
    """Refuse a column in which a comma may be anything but a decimal comma."""
    for line, text in zip(lines, texts, strict=True):
        if "," in text and not _COMMA.fullmatch(text):
            raise WeightError(f"line {line}: {text!r} is not a number")
        if "." in text:
            raise WeightError(f"line {line}: {text!r} has a point where other weights have a comma")
    if all(re.fullmatch(r"[+-]?[1-9]\d{0,2},\d{3}", text, re.ASCII) for text in commas):
        raise WeightError(
            f"is {commas[0]!r} a thousand or a decimal comma? Write weights with decimal points"
        )


def require_no_decimal_commas(weights: Sequence[str], fourth: Sequence[str]) -> None:
    """Refuse a comma-separated file without a header whose third and fourth columns may be one
    number with a decimal comma.

    Raises:
        EdgeFormatError: they may.
    """
    given = [text for text in fourth if text]
    digits = all(re.fullmatch(r"\d+", text, re.ASCII) for text in given)
    whole = all(re.fullmatch(r"[+-]?\d*", text, re.ASCII) for text in weights)
    times = all(len(text) >= 10 for text in given) and any(text.strip("+-0") for text in weights)
    if given and digits and whole and not times:
        at = next(at for at, text in enumerate(fourth) if text)
        raise EdgeFormatError(
            f"{weights[at]},{fourth[at]} may be weight {weights[at]} in epoch {fourth[at]}, or one "
            "weight with a decimal comma. For epochs put the line src,dst,weight,epoch first; else "
            "write decimal points"
        )
