"""``karat reputation attest``: what a trainer states of other trainers, as edges of the graph."""

from typing import Annotated

import typer

from karat import sdk
from karat.cli.options import KEYS, NETWORK, verb
from karat.cli.task import TaskArgument
from karat.cli.terminal import Terminal
from karat.sdk import documents

_EDGES = "ADDRESS=WEIGHT"


@verb(*NETWORK, "account", *KEYS, "dry_run", prints=documents.PeersAttested)
def attest(
    terminal: Terminal,
    number: TaskArgument,
    edges: Annotated[
        list[str],
        typer.Argument(
            metavar=_EDGES,
            help="A fellow trainer, and how much you trust it: 1 to 32767, or negative.",
        ),
    ],
) -> None:
    """State on chain, as a trainer, how much you trust other trainers of a task.

    What you state adds up, so the opposite weight takes a statement back; only the proportions
    matter. Anchored scores follow trust from those who joined earlier to those who joined later.
    """
    try:
        weights = sdk.peer_weights(edges)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=_EDGES) from error
    own = terminal.network.address
    if own in weights:
        raise typer.BadParameter(f"{own} is your own account", param_hint=_EDGES)
    done = terminal.carry_out(terminal.network.task(number).attest(weights))
    terminal.show(done, [f"{own} states {one.weight:+} about {one.to}." for one in done.edges])
