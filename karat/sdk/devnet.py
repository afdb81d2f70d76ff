"""A network of one's own in the background."""

import importlib.util
from pathlib import Path
from typing import Literal, NamedTuple

from chain.devnet.accounts import dev_accounts
from chain.devnet.anvil import find_anvil
from chain.devnet.background import DEFAULT_PORT, BackgroundDevnet
from chain.devnet.background import status as background_status
from chain.devnet.local_network import DEPLOYER_SEED, start_network, stop_network
from chain.errors import NodeMissing
from chain.ledger.profiles import LOCAL
from karat.config import Settings, load_settings
from karat.sdk.documents import Down, NamedAddress, Up
from karat.sdk.network import Network
from karat.sdk.staff import Staff

Kind = Literal["anvil", "hardhat", "embedded"]

__all__ = ["DEFAULT_PORT", "LOCAL", "Crew", "background", "start", "stop"]


class Crew(NamedTuple):
    """A task file, and how many take part as trainers and verifiers."""

    spec: Path
    trainers: int
    verifiers: int


def background(name: str = LOCAL) -> BackgroundDevnet | None:
    """The devnet that :func:`start` made, running or not; None if there never was one."""
    return background_status(name)


def start(
    name: str = LOCAL,
    *,
    kind: Kind | None = None,
    port: int | None = None,
    block_time: int | None = None,
    fund: int = 10,
    crew: Crew | None = None,
    settings: Settings | None = None,
) -> Up:
    """Start, or go on with, a devnet in the background with the contracts on it.

    The daemons that it was stopped with go on as well.

    Args:
        name: of the devnet and of its profile.
        kind: as before if None, at first ``anvil``, or ``embedded`` where there is none.
        port: on loopback; 0 takes a free one; as before if None.
        block_time: seconds between blocks; as before if None, at first a block for each
            transaction.
        fund: how many development accounts, ``dev:1`` and on, get ether and dev tokens.
        crew: a task to create, with members whose daemons run in the background.
        settings: in place of the environment's and the files'.

    Raises:
        NodeStartError: it does not come up, or the one on disk is of another kind.
        ProfileError: its profile cannot be written.
    """
    before = background_status(name)
    if crew is not None:
        fund = max(fund, 1 + crew.trainers + crew.verifiers)
    accounts = dev_accounts(DEPLOYER_SEED, fund + 1)[1:]
    began = started_with(before, kind, port, block_time)
    started = start_network(
        name,
        kind=began[0],
        port=began[1],
        block_time=began[2],
        fund=[str(account.address) for account in accounts],
    )
    profile = started.connection.profile
    settings, staff = settings or load_settings(), Staff(name)
    network = Network.of(started.connection, settings.store)
    staff.resume(network)
    task = staff.hire(network, crew.spec, crew.trainers, crew.verifiers) if crew else None
    return Up(
        network=name,
        node=started.devnet.settings.kind,
        rpc_url=profile.rpc_url,
        chain_id=profile.chain_id,
        ledger=profile.ledger,
        anchor=profile.anchor,
        standings=profile.standings,
        token=profile.token,
        is_new=started.is_new,
        accounts=[
            NamedAddress(name=f"dev:{i}", address=str(account.address))
            for i, account in enumerate(accounts, 1)
        ],
        task=task,
        daemons=staff.running(),
    )


def started_with(
    before: BackgroundDevnet | None, kind: Kind | None, port: int | None, block_time: int | None
) -> tuple[Kind, int, int | None]:
    """Kind, port and block time: what is given, else as before, else what is usual."""
    if before is None:
        return kind or _available(), DEFAULT_PORT if port is None else port, block_time
    settings = before.settings
    port = settings.port if port is None else port
    return kind or settings.kind, port, block_time or settings.block_time


def _available() -> Kind:
    """Anvil, or, with Python alone, the embedded chain."""
    try:
        find_anvil()
    except NodeMissing:
        return "embedded" if importlib.util.find_spec("eth_tester") else "anvil"
    return "anvil"


def stop(name: str = LOCAL, *, wipe: bool = False) -> Down:
    """End a devnet and its daemons; with ``wipe`` its chain and its profile are removed.

    Raises:
        NodeError: it does not end.
    """
    Staff(name).stop()
    return Down(network=name, was_running=stop_network(name, wipe=wipe), wiped=wipe)
