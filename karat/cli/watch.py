"""``karat watch``: one line for each round of a task, as it ends."""

from typing import Annotated

import typer

from karat.cli.options import LOOK, verb
from karat.cli.task import TaskArgument
from karat.cli.terminal import Terminal
from karat.sdk import documents


@verb(*LOOK, prints=documents.Watched)
def watch(
    terminal: Terminal,
    number: TaskArgument,
    since: Annotated[
        int | None, typer.Option(min=1, help="First round; by default the current one.")
    ] = None,
) -> None:
    """Watch a task: a line for each round as it ends, until the task is over.

    Ends with Ctrl-C. With --json the document comes at the end, and the lines go to stderr.
    """
    seen = []
    for ended in terminal.network.task(number).watch(since=since):
        seen.append(ended)
        if terminal.options.json:
            terminal.note(ended.line)
        else:
            typer.echo(ended.line)
    terminal.show(documents.Watched(task=number, rounds=seen), [])
