"""A network of one's own in the background, and contracts on any chain."""

from typing import Literal

from eth_account.signers.local import LocalAccount

from chain.devnet.accounts import dev_accounts
from chain.devnet.background import DEFAULT_PORT, BackgroundDevnet
from chain.devnet.background import status as background_status
from chain.devnet.local_network import DEPLOYER_SEED, start_network, stop_network
from chain.evm.node import connect_node
from chain.evm.transactions import Sender
from chain.ledger.deployment import Deployer, record_path
from chain.ledger.profiles import LOCAL, Profile, save_profile
from karat.config import load_settings
from karat.sdk.accounts import Accounts
from karat.sdk.documents import Down, NamedAddress, Up

Kind = Literal["anvil", "hardhat"]

__all__ = ["DEFAULT_PORT", "LOCAL", "background", "deploy", "start", "stop"]


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
) -> Up:
    """Start, or go on with, a devnet in the background with the contracts on it.

    Args:
        name: of the devnet and of its profile.
        kind: as before if None, at first ``anvil``.
        port: on loopback; 0 takes a free one; as before if None.
        block_time: seconds between blocks; as before if None, at first a block for each
            transaction.
        fund: how many development accounts, ``dev:1`` and on, get ether and dev tokens.

    Raises:
        NodeStartError: it does not come up, or the one on disk is of another kind.
        ProfileError: its profile cannot be written.
    """
    before = background_status(name)
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
    return Up(
        network=name,
        node=started.devnet.settings.kind,
        rpc_url=profile.rpc_url,
        chain_id=profile.chain_id,
        ledger=profile.ledger,
        anchor=profile.anchor,
        token=profile.token,
        is_new=started.is_new,
        accounts=[
            NamedAddress(name=f"dev:{i}", address=str(account.address))
            for i, account in enumerate(accounts, 1)
        ],
    )


def started_with(
    before: BackgroundDevnet | None, kind: Kind | None, port: int | None, block_time: int | None
) -> tuple[Kind, int, int | None]:
    """Kind, port and block time: what is given, else as before, else what is usual."""
    if before is None:
        return kind or "anvil", DEFAULT_PORT if port is None else port, block_time
    settings = before.settings
    port = settings.port if port is None else port
    return kind or settings.kind, port, block_time or settings.block_time


def stop(name: str = LOCAL, *, wipe: bool = False) -> Down:
    """End a devnet; with ``wipe`` its chain and its profile are removed.

    Raises:
        NodeError: it does not end.
    """
    return Down(network=name, was_running=stop_network(name, wipe=wipe), wiped=wipe)


def deploy(
    name: str,
    rpc_url: str,
    *,
    account: str | LocalAccount | None = None,
    password: str | None = None,
    kind: Literal["devnet", "live"] = "live",
    token: str | None = None,
    dev_token: bool = False,
) -> Profile:
    """Deploy the contracts on a chain, and write the profile ``name`` of the new network.

    Sends a transaction for each library and contract, each after the one before; the addresses
    of the first are part of the last, so there is no plan to look at. One that was interrupted
    goes on where it stopped.

    Args:
        name: what to call the network.
        rpc_url: the chain's node.
        account: who pays: the name of a stored account, or an unlocked key.
        password: of a stored account.
        kind: ``devnet`` if nothing on it is anybody's money.
        token: an ERC-20 token to offer for rewards.
        dev_token: deploy one that anyone may mint, and offer it.

    Raises:
        NodeUnreachable: nothing answers.
        TransactionError: see :meth:`chain.evm.transactions.Sender.send`.
        ProfileError: the profile cannot be written.
    """
    web3 = connect_node(rpc_url)
    unlocked, named = (None, account) if isinstance(account, str | None) else (account, None)
    settings = load_settings(account=named)
    payer = Accounts(settings, account=unlocked, password=password).unlocked
    deployer = Deployer(Sender(web3, payer, limits=settings.fee_limits), record_path(name))
    profile = Profile(
        name=name,
        kind=kind,
        rpc_url=rpc_url,
        chain_id=int(web3.eth.chain_id),
        ledger=deployer.ledger(),
        anchor=deployer.anchor(),
        token=deployer.token() if dev_token else token,
        from_block=deployer.deployment.from_block,
    )
    save_profile(profile)
    return profile
