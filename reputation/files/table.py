"""From rows to edges: what each field means, and notes on all that was decided on the way."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from reputation.edges import Edge
from reputation.errors import EdgeFormatError
from reputation.files import columns as headers
from reputation.files.columns import Columns
from reputation.files.names import is_address, node_name
from reputation.files.numbers import require_no_decimal_commas, weights
from reputation.files.text import Rows, rows, split_like
from reputation.files.times import Period, epochs

_ENDS_IN_NUMBER = re.compile(r"\S\s+[+-]?[\d.,]+$", re.ASCII)
_FRACTION = re.compile(r"(-?\d+)\.0+", re.ASCII)


@dataclass(frozen=True)
class EdgeFile:
    """What a file says."""

    edges: list[Edge]
    """(source, target, weight, epoch), each pair once per epoch."""
    nodes: list[str]
    """All nodes, in the order in which they come, those without edges too."""
    notes: tuple[str, ...]
    """What was decided in reading, for people: missing weights, loops left out, epochs made."""


@dataclass(frozen=True)
class Table:
    """Columns of text. ``weight`` and ``time`` are ``None`` where the file has no such column."""

    lines: list[int]
    source: list[str]
    target: list[str]
    weight: list[str] | None
    time: list[str] | None


def read_table(text: str, period: Period | None) -> EdgeFile:
    """The edges of a delimited text.

    Raises:
        EdgeFormatError, WeightError: naming the line, or what would have to be said in a header.
    """
    table, notes = _table(rows(text))
    return edges_of(table, period, notes, several_add=False)


def edges_of(
    table: Table, period: Period | None, notes: list[str], *, several_add: bool
) -> EdgeFile:
    """The edges of a table; ``several_add``: equal edges add up, else the last one stands.

    Of one pair those of different times within an epoch add up in any case.
    """
    if not table.lines:
        return EdgeFile([], [], tuple(notes))
    names = _names(table)
    if table.weight is None:
        weight = [1.0] * len(table.lines)
        notes.append("no weights: every edge weighs 1")
    else:
        weight = weights(table.lines, table.weight)
    epoch, moment = [0] * len(weight), [0.0] * len(weight)
    if table.time is not None and any(table.time):
        epoch, moment, note = epochs(table.lines, table.time, period)
        notes += [note] if note else []
    edges: dict[tuple[str, str, int], dict[float, float]] = {}
    loops = weightless = repeated = 0
    for at, (src, dst) in enumerate(zip(table.source, table.target, strict=True)):
        source, target = names[src], names[dst]
        if source == target:
            loops += 1
            continue
        weightless += weight[at] == 0.0
        of_epoch = edges.setdefault((source, target, epoch[at]), {})
        repeated += bool(of_epoch)
        before = of_epoch.get(moment[at], 0.0) if several_add else 0.0
        of_epoch[moment[at]] = before + weight[at]
    notes += _counted(loops, "lead from a node to itself and are left out")
    notes += _counted(weightless, "weigh 0 and are no edges")
    which = "add up" if several_add else "of the same time replace one another, others add up"
    notes += _counted(repeated, f"repeat an edge of the same epoch; these {which}")
    summed = [(*key, sum(parts.values())) for key, parts in edges.items()]
    found: list[Edge] = [(src, dst, total, at) for src, dst, at, total in summed]
    return EdgeFile(found, list(dict.fromkeys(names.values())), tuple(notes))


def _require_one_number(names: set[str]) -> None:
    """Refuse ids of which some were written as decimal fractions, as a table's missing values make
    of integers.
    """
    for name in names:
        whole = _FRACTION.fullmatch(name)
        if whole is not None and whole[1] in names:
            raise EdgeFormatError(f"are nodes {name} and {whole[1]} one? Write ids as integers")


def _counted(count: int, what: str) -> list[str]:
    return [f"{count} rows {what}"] if count else []


def _names(table: Table) -> dict[str, str]:
    """Each spelling's node."""
    names: dict[str, str] = {}
    for line, *ends in zip(table.lines, table.source, table.target, strict=True):
        for text in ends:
            if text not in names:
                try:
                    names[text] = node_name(text)
                except EdgeFormatError as error:
                    raise EdgeFormatError(f"line {line}: {error}") from None
    _require_one_spelling(set(names.values()))
    _require_one_number(set(names.values()))
    return names


def _require_one_spelling(names: set[str]) -> None:
    """Refuse an address with a wrong checksum beside the right one: which account is it?"""
    spelt: dict[str, str] = {}
    for name in names:
        if is_address(name):
            other = spelt.setdefault(name.lower(), name)
            if other != name:
                raise EdgeFormatError(
                    f"addresses {other} and {name} differ in case only, and one has a wrong "
                    "checksum; write one of them, or all addresses in lower case"
                )


def _table(found: Rows) -> tuple[Table, list[str]]:
    fields, lines = found.fields, found.lines
    notes: list[str] = []
    if not fields:
        return Table([], [], [], None, None), notes
    columns = headers.named(fields[0])
    if columns is not None:
        fields, lines = fields[1:], lines[1:]
    else:
        columns = _without_header(found)
    if columns.ignored:
        notes.append(f"columns not used: {', '.join(columns.ignored)}")
    _require_widths(lines, fields, columns)
    table = Table(
        lines,
        _column(fields, columns.source),
        _column(fields, columns.target),
        None if columns.weight is None else _column(fields, columns.weight),
        None if columns.time is None else _column(fields, columns.time),
    )
    headless = columns.width is None
    if headless and found.separator == "," and table.weight and table.time:
        require_no_decimal_commas(table.weight, table.time)
    if headless and table.weight is None and all(map(_ENDS_IN_NUMBER.search, table.target)):
        raise EdgeFormatError(
            f"line {lines[0]}: is {table.target[0]!r} a node, or a node and a weight? Use one "
            "separator; or name the columns in a first line"
        )
    return table, notes


def _without_header(found: Rows) -> Columns:
    """By the last comment, if that names the columns (as SNAP's do); else by position."""
    width = max(_width(fields) for fields in found.fields)
    if found.comments:
        words = split_like(found.comments[-1], found.separator)
        columns = headers.named(words) if len(words) == width else None
        if columns is not None:
            return columns
    return headers.positional(width, found.separator)


def _width(fields: Sequence[str]) -> int:
    """How many fields there are up to the last that is not empty."""
    return max((at + 1 for at, text in enumerate(fields) if text), default=0)


def _require_widths(lines: list[int], fields: list[list[str]], columns: Columns) -> None:
    """Every row has both ends, a weight where others have one, and no more than was announced."""
    least = 1 + max(columns.source, columns.target, columns.weight or 0)
    most = columns.width or 4
    for line, row in zip(lines, fields, strict=True):
        if len(row) < least or _width(row) > most:
            raise EdgeFormatError(
                f"line {line}: expected {least} to {most} columns, got {len(row)}: {row!r}; "
                + headers.EXPECTED
            )


def _column(fields: list[list[str]], at: int) -> list[str]:
    return [row[at] if at < len(row) else "" for row in fields]
