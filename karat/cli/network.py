"""``karat up``, ``down``, ``status`` and ``doctor``: a network of one's own, and its health."""

from dataclasses import asdict
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
) -> None:
    """Start a network of your own in the background, with the contracts on it.

    What was on it is still there after `karat down` and `karat up`, or after a crash.
    """
    if node not in {None, "anvil", "hardhat", "embedded"}:
        raise typer.BadParameter(
            f"{node!r} is none of anvil, hardhat and embedded", param_hint="--node"
        )
    before = sdk.devnet.background(NAME)
    if before is not None and before.running and (port, block_time) != (None, None):
        terminal.note("It runs already: --port and --block-time count once `karat down` ended it.")
    kind = cast("Kind | None", node)
    started = sdk.devnet.start(NAME, kind=kind, port=port, block_time=block_time, fund=fund)
    fields = asdict(started)
    shown = {key: fields[key] for key in ("network", "node", "rpc_url", "ledger", "token")}
    if started.accounts:
        shown["accounts"] = f"dev:1 to dev:{fund}, funded (public keys, for this chain only)"
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
