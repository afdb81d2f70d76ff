"""``karat reputation keep``, ``standing`` and ``prove``: standings that need no trust."""

from typing import Annotated

import typer

from karat.cli.members import MetricsFlag, OnceFlag
from karat.cli.options import LOOK, SIGN, verb
from karat.cli.output import pairs
from karat.cli.task import TaskArgument
from karat.cli.terminal import Terminal
from karat.sdk import documents

_ROW = "ACCOUNT=WEIGHT"
AccountArgument = Annotated[
    str, typer.Argument(metavar="NODE", help="An address, a stored account or dev:N.")
]


@verb(*LOOK, "account", "password_file", "no_input", prints=documents.StandingsKept)
def keep(
    terminal: Terminal, number: TaskArgument, metrics: MetricsFlag = None, once: OnceFlag = False
) -> None:
    """Keep a task's standings right: propose them day by day, disprove what others claim wrongly.

    Puts up the anchor's bond, which comes back unless it is wrong. Ends with Ctrl-C.
    """
    standings = terminal.network.reputation(number).standings
    terminal.show(standings.keep(metrics=metrics, once=once), [])


@verb(*LOOK, prints=documents.ReputationStanding)
def standing(terminal: Terminal, number: TaskArgument, node: AccountArgument) -> None:
    """Show the rank and score of NODE in a task's last final standings."""
    address = terminal.accounts.address_of(node)
    found = terminal.network.reputation(number).standings.of(address)
    shown = {
        "account": found.address,
        "rank": f"{_ranks(found)} of {found.nodes}",
        "score": f"{found.score:.6f}",
        "age": f"{found.age} s",
    }
    terminal.show(found, pairs(shown))


def _ranks(found: documents.ReputationStanding) -> str:
    """The rank, or all that it shares with its equals, counted from 1."""
    best, worst = found.best_rank + 1, found.worst_rank + 1
    return str(best) if best == worst else f"{best} to {worst}"


@verb(*LOOK, *SIGN, prints=documents.RowStated)
def vouch(
    terminal: Terminal,
    number: TaskArgument,
    row: Annotated[
        list[str] | None,
        typer.Argument(metavar=_ROW, help="A trainer who joined later, and a weight to 65535."),
    ] = None,
) -> None:
    """State, as a trainer, whom you vouch for in a task's standings, in place of what you stated.

    It counts from the next day on, and can be replaced two days later. Only proportions matter;
    without an ADDRESS everything is taken back.
    """
    weights = {}
    for word in row or []:
        who, _, weight = word.partition("=")
        if not weight.isascii() or not weight.isdigit() or who in weights:
            raise typer.BadParameter(f"{word!r} is not {_ROW}, once each", param_hint=_ROW)
        weights[who] = int(weight)
    done = terminal.carry_out(terminal.network.reputation(number).standings.vouch(weights))
    lines = [f"{done.address} vouches for {who}: {weight}." for who, weight in done.row.items()]
    terminal.show(done, lines or [f"{done.address} vouches for nobody."])


@verb(*LOOK, *SIGN, prints=documents.StandingProven)
def prove(terminal: Terminal, number: TaskArgument, node: AccountArgument) -> None:
    """Prove NODE's last final standing to the contract, for other contracts to read."""
    address = terminal.accounts.address_of(node)
    done = terminal.carry_out(terminal.network.reputation(number).standings.prove(address))
    terminal.show(done, [f"The standing of {done.address} in task {number} can be read on chain."])
