"""The progress bar of long work: on stderr, and only if that is a terminal."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

Unit = Literal["bytes", "items"]


class Bar:
    """One bar."""

    def __init__(self, bars: Progress, task: TaskID) -> None:
        self._bars, self._task = bars, task

    def advance(self, done: int = 1) -> None:
        """So much more is done."""
        self._bars.advance(self._task, done)

    def set(self, done: int, total: int) -> None:
        """So much is done, of so much."""
        self._bars.update(self._task, completed=done, total=total)

    def describe(self, text: str) -> None:
        """What is being done now."""
        self._bars.update(self._task, description=text)


@contextmanager
def progress(what: str, total: int | None, unit: Unit = "items") -> Iterator[Bar]:
    """A bar for ``total`` bytes or items; None where nobody knows how many there are."""
    console = Console(stderr=True)
    figures: tuple[ProgressColumn, ...] = (MofNCompleteColumn(),)
    if unit == "bytes":
        figures = (DownloadColumn(binary_units=True), TransferSpeedColumn())
    columns = (TextColumn("{task.description}"), BarColumn(), *figures, TimeRemainingColumn())
    off = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=off) as bars:
        yield Bar(bars, bars.add_task(what, total=total))
