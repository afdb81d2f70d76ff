"""Reading a file of edges of whatever kind."""

from os import PathLike
from pathlib import Path

from reputation.errors import GraphError
from reputation.files.networks import kind_of, read_network
from reputation.files.table import EdgeFile, read_table
from reputation.files.text import decoded
from reputation.files.times import Period


def read_edges(path: str | PathLike[str], period: Period | None = None) -> EdgeFile:
    """The edges of a file, with notes on what was decided.

    Args:
        path: delimited text, GraphML or GEXF; the content tells which.
        period: how long an epoch is, where edges have times; by default 30 days.

    Raises:
        OSError: the file cannot be read.
        EdgeFormatError, WeightError: it is not understood for certain; the message names the line
            and what to change.
    """
    content = Path(path).read_bytes()
    try:
        text = decoded(content)
        kind = kind_of(text)
        return read_table(text, period) if kind is None else read_network(kind, content, period)
    except GraphError as error:
        raise type(error)(f"{path}: {error}") from error
