"""Progress of a demo run, on stderr: a bar on a terminal, a line per step elsewhere."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

STEPS_PER_ROUND = 6


class DemoProgress:
    """Shows what the run is doing."""

    def __init__(self, console: Console, rounds: int) -> None:
        self._console = console
        self._live = console.is_terminal
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TimeElapsedColumn(),
            console=console,
            disable=not self._live,
            transient=True,
        )
        self._task = self._bar.add_task("starting", total=rounds * STEPS_PER_ROUND + 2)

    def step(self, what: str) -> None:
        """A further step begins."""
        self._bar.update(self._task, advance=1, description=what)
        if not self._live:
            self._console.print(what)

    def note(self, text: str) -> None:
        """A line that stays, such as a round's result."""
        self._console.print(text)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.stop()
