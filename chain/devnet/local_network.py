"""A network of one's own: a background devnet with the contracts on it, and its profile."""

from collections.abc import Sequence
from dataclasses import dataclass

from chain.devnet import CHAIN_ID, DEFAULT_BALANCE
from chain.devnet.accounts import dev_accounts
from chain.devnet.background import DEFAULT_PORT, BackgroundDevnet, down, up
from chain.devnet.keeper import BackgroundKind
from chain.errors import ContractError, ProfileError
from chain.evm.node import connect_node
from chain.evm.transactions import Sender
from chain.ledger.client import Ledger, ReputationAnchor, StandingAnchor, TaskInputs, Token
from chain.ledger.deployment import STANDING_RULES
from chain.ledger.profiles import (
    Connection,
    Profile,
    connect,
    delete_profile,
    load_profile,
    save_profile,
)

DEPLOYER_SEED = 0  # of the public development key that deploys, and can mint dev tokens
FUND_TOKENS = 100_000 * 10**18


@dataclass(frozen=True)
class LocalNetwork:
    """A running local network; ``is_new`` tells whether its contracts were deployed just now."""

    devnet: BackgroundDevnet
    connection: Connection
    is_new: bool


def start_network(
    name: str = "local",
    *,
    kind: BackgroundKind = "anvil",
    port: int = DEFAULT_PORT,
    block_time: int | None = None,
    fund: Sequence[str] = (),
    balance: int = DEFAULT_BALANCE,
) -> LocalNetwork:
    """Start or go on with a devnet, deploy what is missing, and write the network's profile.

    Args:
        name: of the devnet and of its profile.
        kind: ``anvil``, ``hardhat`` or ``embedded``.
        port: on loopback; 0 takes a free one.
        block_time: seconds between blocks; a block for each transaction if None.
        fund: accounts that get ``balance`` and dev tokens, if they have none yet.
        balance: in wei.

    Raises:
        NodeStartError: the node does not come up.
        ProfileError: the profile cannot be written.
    """
    [deployer] = dev_accounts(DEPLOYER_SEED, 1)
    devnet = up(
        name,
        kind=kind,
        port=port,
        block_time=block_time,
        accounts=[deployer.address, *fund],
        balance=balance,
    )
    url = str(devnet.rpc_url)
    sender = Sender(connect_node(url, chain_id=CHAIN_ID), deployer)
    connection = _existing(name, url)
    is_new = connection is None
    if connection is None:
        connection = connect(_deploy(name, url, sender))
    save_profile(connection.profile)
    _mint(sender, connection.token, fund)
    return LocalNetwork(devnet, connection, is_new)


def stop_network(name: str = "local", *, wipe: bool = False) -> bool:
    """End a local network; with ``wipe`` its chain and its profile are removed.

    Returns:
        Whether it was running.

    Raises:
        NodeError: it does not end.
    """
    was_running = down(name, wipe=wipe)
    if wipe:
        delete_profile(name)
    return was_running


def _existing(name: str, url: str) -> Connection | None:
    """The network as its profile describes it, if the contracts are still there."""
    try:
        profile = load_profile(name)
        here = {"rpc_url": url, "chain_id": CHAIN_ID, "kind": "devnet"}
        return connect(profile.model_copy(update=here))
    except (ProfileError, ContractError):
        return None  # none yet, a chain begun anew, or contracts of another version


def _deploy(name: str, url: str, sender: Sender) -> Profile:
    from_block = sender.web3.eth.block_number
    ledger = Ledger.deploy(sender)
    inputs = TaskInputs.deploy(sender, ledger.address)
    return Profile(
        name=name,
        kind="devnet",
        rpc_url=url,
        chain_id=CHAIN_ID,
        ledger=ledger.address,
        anchor=ReputationAnchor.deploy(sender, ledger.address).address,
        standings=StandingAnchor.deploy(sender, inputs.address, STANDING_RULES).address,
        token=Token.deploy(sender).address,
        from_block=from_block,
    )


def _mint(sender: Sender, token: Token | None, accounts: Sequence[str]) -> None:
    if token is None:
        return
    for account in accounts:
        if token.balance_of(account) == 0:
            sender.send(token.mint(account, FUND_TOKENS))
