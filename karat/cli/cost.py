"""``karat cost``: what a task would cost its parties in gas and ether."""

from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated

import typer

from karat import sdk
from karat.cli.options import NETWORK, verb
from karat.cli.output import table
from karat.cli.terminal import Terminal
from karat.sdk import documents


@verb(*NETWORK, "json", prints=documents.TaskCost)
def cost(
    terminal: Terminal,
    spec: Annotated[Path, typer.Option("--spec", help="TOML file: see docs/cli.md.")],
    trainers: Annotated[int, typer.Option(min=1, help="Trainers in every round.")] = 10,
    gas_price: Annotated[
        str | None,
        typer.Option(metavar="GWEI", help="Price of gas; by default the network's now."),
    ] = None,
) -> None:
    """Show what a task would cost each party, in gas and ether, before it is created.

    Its rounds are rehearsed on a private chain. Rewards and stakes are the task file's.
    """
    price = None if gas_price is None else _gwei(gas_price)
    network = terminal.network if price is None else None
    told = sdk.costs.rehearse(spec, trainers=trainers, gas_price=price, network=network)
    terminal.show(told, _lines(told))


def _gwei(text: str) -> Decimal:
    try:
        price = Decimal(text)
    except InvalidOperation:
        price = Decimal(-1)
    if not 0 <= price < 10**9:
        raise typer.BadParameter(f"{text!r} is no price in gwei", param_hint="--gas-price")
    return price


def _lines(told: documents.TaskCost) -> list[str]:
    header = ("one of", "gas at first", "a round", "all rounds", "ether a round", "in all")
    rows = [
        (
            one.party,
            one.once_gas,
            one.round_gas,
            one.task_gas,
            one.round_ether or "-",
            one.task_ether or "-",
        )
        for one in told.parties
    ]
    title = (
        f"{told.task}: {told.rounds} rounds, {told.trainers} trainers, {told.verifiers} verifiers "
        "in a committee"
    )
    return [title, "", *table(header, rows)]
