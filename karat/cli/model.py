"""``karat model``: what was paid for, delivered."""

from pathlib import Path
from typing import Annotated

import typer

from karat.cli.options import LOOK, verb
from karat.cli.output import table
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
    measured = ", ".join(
        f"{name} –" if value is None else f"{name} {value:.4f}"
        for name, value in done.metrics.items()
    )
    line = (
        f"Model of task {number} after round {done.round}: {done.parameters} parameters, "
        f"{measured}, in {done.path}."
    )
    terminal.show(done, [line])


@model.command()
@verb(*LOOK, prints=documents.ModelReceipts)
def receipts(terminal: Terminal, number: TaskArgument) -> None:
    """Say what each trainer added to the model, over all rounds, recomputed from the updates."""
    done = terminal.network.task(number).receipts()
    rows = [
        (
            one.trainer,
            one.rounds,
            _loss(one.direct + one.repeated),
            _loss(one.repeated),
            _loss(one.leave_one_out),
        )
        for one in sorted(done.trainers, key=lambda one: -(one.direct + one.repeated))
    ]
    head = ("trainer", "rounds", "loss removed", "of it repeated", "more loss without it")
    fallen = done.first_loss - done.last_loss
    terminal.show(
        done,
        [
            f"Over {len(done.rounds)} rounds the loss on the test data fell from "
            f"{_loss(done.first_loss)} to {_loss(done.last_loss)}, by {_loss(fallen)}; what each "
            f"removed adds up to it, but for {_loss(done.rest)} of rounding.",
            *table(head, rows),
        ],
    )


def _loss(millionths: int) -> str:
    return f"{millionths / 1e6:.6f}"


@model.command()
@verb(*LOOK, prints=documents.ModelWithout)
def without(
    terminal: Terminal,
    number: TaskArgument,
    address: Annotated[str, typer.Argument(help="Whose updates to leave out.")],
    output: OutFlag,
) -> None:
    """Write the model as if an account had sent nothing; others' updates are as they were sent."""
    done = terminal.network.task(number).model_without(address, output)
    shared = [str(step.round) for step in done.steps if step.same_bytes]
    lines = [
        f"Without {done.left_out} updates of {done.trainer}: model {done.model} in {done.path}. "
        "--json names every update that it follows from."
    ]
    if shared:
        lines.append(
            f"In round {', '.join(shared)} somebody else sent the same bytes; those are in it."
        )
    terminal.show(done, lines)
