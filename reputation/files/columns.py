"""Which column holds what: by the names in a header, else by position."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from reputation.errors import EdgeFormatError

_SYNONYMS: dict[str, tuple[str, ...]] = {
    "source": (
        "src", "source", "from", "truster", "trustor", "rater", "reviewer", "voter", "sender",
        "client", "follower", "attester",
    ),
    "target": (
        "dst", "target", "to", "trustee", "ratee", "reviewee", "votee", "receiver", "recipient",
        "server", "followee", "subject", "dest", "destination", "agent",
    ),
    "weight": (
        "weight", "value", "w", "rating", "trust", "score", "strength", "level", "amount", "vote",
    ),
    "time": (
        "period", "epoch", "time", "timestamp", "date", "datetime", "round", "created", "createdat",
        "blocktime", "block", "blocknumber",
    ),
}  # fmt: skip
_PREFERRED = ("weight", "period", "epoch")  # where another column has a synonym
_OF_A_NODE = re.compile(r"(?<=.)(node|user|account|address|wallet|id)+$")
EXPECTED = (
    "name the columns in a first line, for instance src,dst,weight,period (also source, from or "
    "truster; target, to or trustee; value, rating or trust; time or date)"
)


@dataclass(frozen=True)
class Columns:
    """Positions of the columns; ``None`` for one that is not there."""

    source: int
    target: int
    weight: int | None
    time: int | None
    width: int | None = None
    """How many columns the header names; ``None`` without a header."""
    ignored: tuple[str, ...] = ()
    """Names of the columns that are not used."""


def named(fields: Sequence[str]) -> Columns | None:
    """The columns that a header names; ``None`` if these fields are no header.

    Raises:
        EdgeFormatError: two columns have names for the same thing.
    """
    places = {what: _place(fields, what) for what in _SYNONYMS}
    source, target = places["source"], places["target"]
    if source is None or target is None:
        return None
    used = set(places.values())
    ignored = tuple(name for at, name in enumerate(fields) if at not in used and name)
    return Columns(source, target, places["weight"], places["time"], len(fields), ignored)


def positional(width: int, separator: str) -> Columns:
    """The columns of a file without a header: source, target, weight, time.

    Raises:
        EdgeFormatError: there are fewer than two or more than four.
    """
    if not 2 <= width <= 4:
        shown = "tab" if separator == "\t" else repr(separator)
        raise EdgeFormatError(f"{width} columns (separated by {shown}) and no header: {EXPECTED}")
    return Columns(0, 1, 2 if width > 2 else None, 3 if width > 3 else None)


def is_weight(name: str) -> bool:
    """Whether an attribute of this name is an edge's weight."""
    return _plain(name) in _SYNONYMS["weight"]


def is_time(name: str) -> bool:
    """Whether an attribute of this name is an edge's epoch or time."""
    return _plain(name) in _SYNONYMS["time"]


def _place(fields: Sequence[str], what: str) -> int | None:
    names = _SYNONYMS[what]
    plain = [_plain(name) for name in fields]
    if what in ("source", "target"):
        plain = [_OF_A_NODE.sub("", name) for name in plain]
    for wanted in ([name for name in names if name in _PREFERRED], names):
        found = [at for at, name in enumerate(plain) if name in wanted]
        if len(found) > 1:
            both = " and ".join(repr(fields[at]) for at in found)
            raise EdgeFormatError(f"line 1: columns {both} are both a {what}; rename one")
        if found:
            return found[0]
    return None


def _plain(name: str) -> str:
    return re.sub("[^a-z0-9]", "", name.lower())
