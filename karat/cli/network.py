"""``karat up``, ``down``, ``status`` and ``doctor``: a network of one's own, and its health."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from karat import sdk
from karat.cli.options import LOOK, verb
from karat.cli.output import pairs
from karat.cli.terminal import Terminal
from karat.sdk import documents

if TYPE_CHECKING:
    from karat.sdk.devnet import Kind

NAME = "local"


@verb("json", prints=documents.Up)
def up(
    terminal: Terminal,
    node: Annotated[
        str | None,
        typer.Option(
            help="anvil, hardhat or embedded; as before, at first anvil, or embedded without."
        ),
    ] = None,
    block_time: Annotated[
        int | None,
        typer.Option(min=1, help="Seconds between blocks; by default one per transaction."),
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="On loopback; 0 takes a free one.")
    ] = None,
    fund: Annotated[
        int, typer.Option(min=0, max=999, help="Fund the development accounts dev:1 to dev:N.")
    ] = 10,
    with_: Annotated[
        Path | None,
        typer.Option("--with", metavar="FILE", help="A task file: create it, and run its members."),
    ] = None,
    trainers: Annotated[int, typer.Option(min=1, help="With --with: how many trainers.")] = 3,
    verifiers: Annotated[int, typer.Option(min=1, help="With --with: how many verifiers.")] = 3,
) -> None:
    """Start a network of your own in the background, with the contracts on it.

    What was on it is still there after `karat down` and `karat up`, or after a crash. With a task
    file the accounts dev:1 and on are its sponsor, verifiers and trainers, whose daemons run in
    the background until the task is over or `karat down`; `karat watch` tells how it goes.
    """
    if node not in {None, "anvil", "hardhat", "embedded"}:
        raise typer.BadParameter(
            f"{node!r} is none of anvil, hardhat and embedded", param_hint="--node"
        )
    before = sdk.devnet.background(NAME)
    if before is not None and before.running and (port, block_time) != (None, None):
        terminal.note("It runs already: --port and --block-time count once `karat down` ended it.")
    kind = cast("Kind | None", node)
    crew = None if with_ is None else sdk.devnet.Crew(with_, trainers, verifiers)
    started = sdk.devnet.start(
        NAME,
        kind=kind,
        port=port,
        block_time=block_time,
        fund=fund,
        crew=crew,
        settings=terminal.settings,
    )
    fields = asdict(started)
    shown = {key: fields[key] for key in ("network", "node", "rpc_url", "ledger", "token")}
    if started.accounts:
        last = len(started.accounts)
        shown["accounts"] = f"dev:1 to dev:{last}, funded (public keys, for this chain only)"
    if started.task is not None:
        shown["task"] = f"{started.task}; `karat watch {started.task}` tells how it goes"
    for one in started.daemons:
        shown[f"{one.role} {one.account}"] = f"runs, its log is {one.log}"
    terminal.show(started, pairs(shown))


@verb("yes", "no_input", "json", prints=documents.Down)
def down(
    terminal: Terminal,
    wipe: Annotated[
        bool, typer.Option("--wipe", help="Also delete its chain and its profile.")
    ] = False,
) -> None:
    """Stop the network that `karat up` started; its chain is kept unless --wipe is given."""
    if wipe:
        terminal.insist(f"Delete the network {NAME!r} with everything on its chain?")
    stopped = sdk.devnet.stop(NAME, wipe=wipe)
    words = "Stopped" if stopped.was_running else "It was not running"
    terminal.show(stopped, [f"{words}{', deleted' if wipe else ''}."])


@verb(*LOOK, prints=documents.Status)
def status(terminal: Terminal) -> None:
    """Show the network: node, head, contracts, tasks."""
    state = terminal.network.status()
    fields = asdict(state)
    contracts = ("ledger", "anchor", "standings", "token")
    shown = ("network", "rpc_url", "chain_id", "block", *contracts, "tasks")
    terminal.show(state, pairs({key: fields[key] for key in shown}))


@verb(*LOOK, prints=documents.Doctor)
def doctor(terminal: Terminal) -> None:
    """Check everything that Karat needs, each finding with its fix."""
    health = sdk.doctor.examine(terminal.settings, terminal.contracts)
    mark = {"ok": "ok     ", "warning": "warning", "failed": "FAILED "}
    lines = []
    for check in health.checks:
        lines.append(f"{mark[check.status]}  {check.name}: {check.found}")
        if check.fix:
            lines.append(f"         fix: {check.fix}")
    terminal.show(health, lines)
    if not health.ok:
        raise typer.Exit(1)
