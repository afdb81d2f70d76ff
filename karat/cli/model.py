"""``karat model``: what was paid for, delivered."""

from pathlib import Path
from typing import Annotated

import typer

from karat.cli.options import LOOK, verb
from karat.cli.task import TaskArgument
from karat.cli.terminal import Terminal
from karat.sdk import documents

model = typer.Typer(name="model", help="Get a task's model.", no_args_is_help=True)

OutFlag = Annotated[
    Path, typer.Option("--output", "-o", metavar="FILE", help="Where to write it (.safetensors).")
]


@model.command()
@verb(*LOOK, prints=documents.ModelExported)
def export(
    terminal: Terminal,
    number: TaskArgument,
    output: OutFlag,
    after: Annotated[
        int | None,
        typer.Option("--round", min=0, help="The model after this round; 0 is the first model."),
    ] = None,
) -> None:
    """Write the model as float32 safetensors that PyTorch loads, with its loss and accuracy."""
    done = terminal.network.task(number).model(after).save(output)
    line = (
        f"Model of task {number} after round {done.round}: {done.parameters} parameters, loss "
        f"{done.loss:.4f}, accuracy {done.accuracy:.1%}, in {done.path}."
    )
    terminal.show(done, [line])
