"""``karat up``, ``down``, ``status`` and ``doctor``: a network of one's own, and its health."""

from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from karat.cli.options import LOOK, shared
from karat.cli.output import pairs
from karat.cli.session import Session

if TYPE_CHECKING:
    from chain.devnet.keeper import BackgroundKind

NAME = "local"


@shared("json")
def up(
    session: Session,
    node: Annotated[
        str | None, typer.Option(help="anvil or hardhat; by default as before, at first anvil.")
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
    from chain.devnet.accounts import dev_accounts
    from chain.devnet.background import DEFAULT_PORT, status
    from chain.devnet.local_network import DEPLOYER_SEED, start_network

    before = status(NAME)
    kind = node or (before.settings.kind if before else "anvil")
    if kind not in {"anvil", "hardhat"}:
        raise typer.BadParameter(f"{kind!r} is neither anvil nor hardhat", param_hint="--node")
    if before is not None and before.running and (port, block_time) != (None, None):
        session.note("It runs already: --port and --block-time count once `karat down` ended it.")
    accounts = dev_accounts(DEPLOYER_SEED, fund + 1)[1:]
    started = start_network(
        NAME,
        kind=cast("BackgroundKind", kind),
        port=_port(port, before.settings.port if before else DEFAULT_PORT),
        block_time=block_time or (before.settings.block_time if before else None),
        fund=[str(account.address) for account in accounts],
    )
    profile = started.connection.profile
    document = {
        "network": NAME,
        "node": started.devnet.settings.kind,
        "rpc_url": profile.rpc_url,
        "chain_id": profile.chain_id,
        "ledger": profile.ledger,
        "anchor": profile.anchor,
        "token": profile.token,
        "is_new": started.is_new,
        "accounts": [
            {"name": f"dev:{i}", "address": str(account.address)}
            for i, account in enumerate(accounts, 1)
        ],
    }
    shown = {key: document[key] for key in ("network", "node", "rpc_url", "ledger", "token")}
    if accounts:
        shown["accounts"] = f"dev:1 to dev:{fund}, funded (public keys, for this chain only)"
    session.show("karat.up/1", document, pairs(shown))


def _port(wanted: int | None, before: int) -> int:
    return before if wanted is None else wanted


@shared("yes", "no_input", "json")
def down(
    session: Session,
    wipe: Annotated[
        bool, typer.Option("--wipe", help="Also delete its chain and its profile.")
    ] = False,
) -> None:
    """Stop the network that `karat up` started; its chain is kept unless --wipe is given."""
    from chain.devnet.local_network import stop_network

    if wipe:
        session.insist(f"Delete the network {NAME!r} with everything on its chain?")
    was_running = stop_network(NAME, wipe=wipe)
    words = "Stopped" if was_running else "It was not running"
    session.show(
        "karat.down/1",
        {"network": NAME, "was_running": was_running, "wiped": wipe},
        [f"{words}{', deleted' if wipe else ''}."],
    )


@shared(*LOOK)
def status(session: Session) -> None:
    """Show the network: node, head, contracts, tasks."""
    from chain.devnet.background import status as devnet_status

    connection = session.connection
    profile, web3 = connection.profile, connection.web3
    head = web3.eth.get_block("latest")
    local = devnet_status(NAME) if profile.name == NAME else None
    document: dict[str, Any] = {
        **profile.model_dump(exclude={"kind", "more_rpc_urls"}),
        "rpc_url": profile.shown_url,
        "network": profile.name,
        "block": int(head["number"]),
        "timestamp": int(head["timestamp"]),
        "tasks": connection.ledger.task_count(),
        "node": local.settings.kind if local else None,
        "pid": local.pid if local else None,
    }
    document.pop("name")
    shown = ("network", "rpc_url", "chain_id", "block", "ledger", "anchor", "token", "tasks")
    session.show("karat.status/1", document, pairs({key: document[key] for key in shown}))


@shared(*LOOK)
def doctor(session: Session) -> None:
    """Check everything that Karat needs, each finding with its fix."""
    from karat.cli.doctor import examine

    checks = examine(session.settings)
    document = {
        "ok": all(check.status != "failed" for check in checks),
        "checks": [
            {"name": c.name, "status": c.status, "found": c.found, "fix": c.fix} for c in checks
        ],
    }
    mark = {"ok": "ok     ", "warning": "warning", "failed": "FAILED "}
    lines = []
    for check in checks:
        lines.append(f"{mark[check.status]}  {check.name}: {check.found}")
        if check.fix:
            lines.append(f"         fix: {check.fix}")
    session.show("karat.doctor/1", document, lines)
    if not document["ok"]:
        raise typer.Exit(1)
