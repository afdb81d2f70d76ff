"""``karat round``: look at a round; take the steps that are due and that anyone may take."""

from typing import Annotated

import typer

from karat.cli.options import LOOK, SIGN, verb
from karat.cli.output import pairs, table
from karat.cli.task import TaskArgument
from karat.cli.terminal import Terminal
from karat.sdk import documents

round_ = typer.Typer(name="round", help="Look at rounds and move them on.", no_args_is_help=True)


@round_.command()
@verb(*LOOK, prints=documents.RoundOverview)
def show(
    terminal: Terminal,
    number: TaskArgument,
    which: Annotated[
        int | None, typer.Argument(metavar="ROUND", min=1, help="By default the current one.")
    ] = None,
) -> None:
    """Show a round: phase, deadlines, updates with their scores and verdicts."""
    overview = terminal.network.task(number).round(which)
    lines = pairs(
        {
            "task": number,
            "round": overview.round,
            "phase": overview.phase,
            "commits": f"{len(overview.committed)}, {len(overview.updates)} revealed",
            "committee": f"{len(overview.committee)}, {len(overview.voted)} revealed their scores",
        }
    )
    rows = [
        (u.index, u.trainer, u.size, u.verdict or "-", u.weight if u.verdict else "-")
        for u in overview.updates
    ]
    if rows:
        lines += ["", *table(("index", "trainer", "bytes", "verdict", "weight"), rows)]
    lines += [
        f"appeal against the verdict on {one.index} by {one.challenger}: "
        + (one.outcome or f"{one.stage}, {one.committed} of {one.jurors} committed")
        for one in overview.appeals
    ]
    terminal.show(overview, lines)


@round_.command()
@verb(*LOOK, *SIGN, prints=documents.Appealed)
def appeal(
    terminal: Terminal,
    number: TaskArgument,
    which: Annotated[int, typer.Argument(metavar="ROUND", min=1, help="Number of the round.")],
    index: Annotated[int, typer.Argument(metavar="INDEX", min=0, help="Index of the update.")],
) -> None:
    """Challenge the code of one update, verdict or score, with a bond; anyone may, in the appeal
    phase.

    All verifiers of the round may vote. If most of their weight changes the code by more than the
    task's tolerance, the bond comes back with as much again from those who erred; if not, the
    jurors share it.
    """
    plan = terminal.network.task(number).appeal(which, index)
    done = terminal.carry_out(plan, confirm=True)
    look = f"`karat round show {number} {which}`"
    terminal.show(done, [f"{done.jurors} verifiers vote on update {index}; {look}."])


@round_.command(name="open")
@verb(*LOOK, *SIGN, prints=documents.RoundOpened)
def open_(terminal: Terminal, number: TaskArgument) -> None:
    """Open the next round; anyone may, once the one before is over."""
    done = terminal.carry_out(terminal.network.task(number).open_round())
    terminal.show(done, [f"Round {done.round} of task {number} is open."])


@round_.command()
@verb(*LOOK, *SIGN, prints=documents.RoundAdvanced)
def settle(terminal: Terminal, number: TaskArgument) -> None:
    """Take the step that is due in the current round: close its reveals, settle it, or void it."""
    done = terminal.carry_out(terminal.network.task(number).advance())
    steps = ", ".join(one.operation for one in done.transactions) or "nothing was due"
    terminal.show(
        done, [f"Round {done.round} of task {number}: {steps}; now in phase {done.phase}."]
    )
