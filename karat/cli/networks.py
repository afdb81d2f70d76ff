"""``karat deploy`` and ``karat network``: contracts on any chain, and the networks known here."""

from dataclasses import asdict
from enum import StrEnum
from typing import Annotated

import typer

from karat import sdk
from karat.cli.options import verb
from karat.cli.output import pairs, table
from karat.cli.terminal import Terminal
from karat.sdk import documents

network = typer.Typer(name="network", help="Add, list and remove networks.", no_args_is_help=True)


class Kind(StrEnum):
    """What a network is."""

    live = "live"
    devnet = "devnet"


NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="What to call the network.")]
RpcOption = Annotated[str, typer.Option("--rpc", help="JSON-RPC URL of a node of the chain.")]
TokenOption = Annotated[
    str | None, typer.Option(help="Address of an ERC-20 token to offer for rewards.")
]
KindOption = Annotated[
    Kind,
    typer.Option(help="devnet, if nothing on it is anybody's money: its clock may be moved."),
]


@verb(
    *("account", "password_file", "yes", "no_input", "dry_run", "json"),
    prints=[documents.NetworkDeployed, documents.DeploymentTried],
)
def deploy(
    terminal: Terminal,
    rpc: RpcOption,
    name: Annotated[
        str | None,
        typer.Option(help="What to call the network; by default chain-ID, after the chain's id."),
    ] = None,
    token: TokenOption = None,
    dev_token: Annotated[
        bool, typer.Option("--dev-token", help="Deploy a token that anyone may mint, as well.")
    ] = False,
    kind: KindOption = Kind.live,
) -> None:
    """Deploy the contracts on any chain, paid by an account, and write the network's profile.

    What was interrupted goes on where it stopped, and nothing is paid for twice.
    """
    if terminal.options.dry_run:
        tried = sdk.networks.try_deploying(
            rpc, name, dev_token=dev_token, settings=terminal.settings, ask=terminal.ask
        )
        terminal.show(tried, _tried(tried))
        return
    if kind is Kind.live:
        terminal.insist(f"Deploy Karat's contracts on the chain at {sdk.networks.shown(rpc)}?")
    done = sdk.networks.deploy(
        rpc,
        name,
        token=token,
        dev_token=dev_token,
        kind=kind.value,
        settings=terminal.settings,
        ask=terminal.ask,
        on_deployed=lambda one: terminal.note(f"{one.name} is at {one.address}."),
    )
    terminal.show(done, _lines(done))


@network.command()
@verb("json", prints=documents.NetworkAdded)
def add(
    terminal: Terminal,
    name: NameArgument,
    rpc: RpcOption,
    ledger: Annotated[str, typer.Option(help="The ledger's address.")],
    anchor: Annotated[str | None, typer.Option(help="The reputation anchor's address.")] = None,
    standings: Annotated[str | None, typer.Option(help="The standing anchor's address.")] = None,
    token: TokenOption = None,
    from_block: Annotated[
        int | None,
        typer.Option(min=0, help="Block of the ledger's deployment; looked for by default."),
    ] = None,
    kind: KindOption = Kind.live,
) -> None:
    """Add a network that somebody has deployed; its contracts are compared with Karat's."""
    added = sdk.networks.add(
        name,
        rpc,
        ledger,
        anchor=anchor,
        standings=standings,
        token=token,
        from_block=from_block,
        kind=kind.value,
    )
    terminal.show(added, _lines(added))


@network.command(name="list")
@verb("json", prints=documents.NetworkList)
def list_(terminal: Terminal) -> None:
    """List the networks that have a profile; none of them is asked."""
    known = sdk.networks.known()
    for one in known.bad:
        terminal.note(f"{one.reason}.")
    if not (known.networks or known.bad):
        terminal.note("No network yet: `karat up` starts one, `karat network add` names one.")
    rows = [(one.network, one.kind, one.chain_id, one.rpc_url) for one in known.networks]
    header = ("network", "kind", "chain", "node")
    terminal.show(known, table(header, rows) if rows else [])


@network.command()
@verb("yes", "no_input", "json", prints=documents.NetworkRemoved)
def remove(terminal: Terminal, name: NameArgument) -> None:
    """Forget a network; its contracts stay on their chain."""
    terminal.insist(f"Forget the network {name!r}?")
    terminal.show(sdk.networks.remove(name), [f"The network {name!r} is forgotten."])


def _tried(one: documents.DeploymentTried) -> list[str]:
    would = [f"would deploy {each.name}: {each.gas} gas" for each in one.contracts]
    whole = f"in all {one.gas} gas, {one.ether} ether now; {one.deployer} has {one.balance}"
    return [*would, whole]


def _lines(one: documents.KnownNetwork) -> list[str]:
    fields = asdict(one)
    contracts = ("ledger", "anchor", "standings", "token")
    shown = ("network", "kind", "rpc_url", "chain_id", *contracts, "from_block")
    return pairs({key: fields[key] for key in shown if fields[key] is not None})
