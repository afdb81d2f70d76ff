"""From a file's bytes to rows of fields: encoding, comments and the separator between columns."""

import codecs
import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from reputation.errors import EdgeFormatError

_SAMPLE = 50  # lines that decide what separates columns
_NAMES = {"\t": "tab", ";": "semicolon", ",": "comma", "|": "bar", " ": "space"}
_NUMBER = re.compile(r"[+-]?[\d.,]+", re.ASCII)
_ENCODINGS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True)
class Rows:
    """The fields of each row, stripped; rows without any are left out."""

    lines: list[int]  # each row's line number, from 1
    fields: list[list[str]]
    separator: str
    comments: list[str] = field(default_factory=list)
    """Lines that begin with ``#`` or ``%``, without that sign."""


def decoded(content: bytes) -> str:
    """A file's text: UTF-8, or what its byte order mark says.

    Raises:
        EdgeFormatError: the bytes are no text of that encoding.
    """
    found = (name for mark, name in _ENCODINGS if content.startswith(mark))
    encoding = next(found, "utf-8")
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise EdgeFormatError(f"the file is not {encoding} text: {error}") from error


def rows(text: str) -> Rows:
    """The rows of a delimited text.

    Raises:
        EdgeFormatError: no separator makes two columns, several do, a quote is not closed, or
            there is a NUL.
    """
    if text.lstrip("\ufeff").startswith("%%MatrixMarket"):
        raise EdgeFormatError(
            "line 1: a MatrixMarket file, whose first row of numbers is its size; take out all "
            "lines up to that"
        )
    lines, numbers, comments = [], [], []
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        start = line.lstrip()
        if "\0" in line:
            raise EdgeFormatError(
                f"line {number} has the character U+0000; if the file is UTF-16, save it as UTF-8"
            )
        if start.startswith(("#", "%")):
            comments.append(start[1:].strip())
        elif start:
            lines.append(line)
            numbers.append(number)
    if not lines:
        return Rows([], [], ",", comments)
    separator = _separator(lines[:_SAMPLE], numbers[0])
    if separator == " ":
        split = [line.split() for line in lines]
    else:
        split = _separated(lines, numbers, separator)
    kept = [at for at, fields in enumerate(split) if any(fields)]
    return Rows([numbers[at] for at in kept], [split[at] for at in kept], separator, comments)


def split_like(line: str, separator: str) -> list[str]:
    """The fields of one line, for instance of a comment that names the columns."""
    return line.split() if separator == " " else [part.strip() for part in line.split(separator)]


def _separator(lines: Sequence[str], first: int) -> str:
    """What all of ``lines`` have; of several the one that makes more columns."""
    columns = {
        mark: least
        for mark in ("\t", ";", ",", "|")
        if (least := min(line.count(mark) for line in lines))
    }
    words = min(len(line.split()) for line in lines) - 1
    if not columns:
        if words < 1:
            raise EdgeFormatError(
                f"line {first}: expected src,dst,weight with commas, semicolons, tabs or spaces "
                f"between them, got {lines[0]!r}"
            )
        return " "
    best = max(columns, key=lambda mark: columns[mark])
    if [*columns.values()].count(columns[best]) > 1:
        several = " or ".join(_NAMES[mark] for mark in columns)
        raise EdgeFormatError(f"line {first}: is it {several} that separates columns? Use one")
    spaced = words > 1 and all(_NUMBER.fullmatch(line.split()[-1]) for line in lines[1:] or lines)
    if best == "," and columns[best] == 1 and spaced:
        raise EdgeFormatError(
            f"line {first}: {lines[0]!r} may be columns with spaces between them and a decimal "
            "comma, or two columns with a comma between them; write decimal points"
        )
    return best


def _separated(lines: list[str], numbers: list[int], separator: str) -> list[list[str]]:
    after_quote = re.compile(rf'" +(?={re.escape(separator)}|$)')
    tidy = (after_quote.sub('"', line) for line in lines)
    reader = csv.reader(tidy, delimiter=separator, skipinitialspace=True, strict=True)
    split = []
    try:
        for fields in reader:
            split.append([part.strip() for part in fields])
            if reader.line_num != len(split):
                raise EdgeFormatError(f"line {numbers[len(split) - 1]}: a quote is not closed")
    except csv.Error as error:
        raise EdgeFormatError(f"line {numbers[min(len(split), len(lines) - 1)]}: {error}") from None
    return split
