"""Connecting: by the name of a network's profile, or by a node's URL and contracts' addresses."""

from dataclasses import dataclass

from eth_account.signers.local import LocalAccount
from web3 import Web3

from chain.evm.addresses import checked_address
from chain.evm.node import connect_node
from chain.ledger.deployment import creation_block
from chain.ledger.profiles import Profile, load_profile
from chain.ledger.profiles import connect as connect_profile
from chain.urls import shown
from karat.config import Settings, load_settings
from karat.errors import ConfigError
from karat.sdk.accounts import Accounts, Ask
from karat.sdk.network import Network


@dataclass(frozen=True)
class Contracts:
    """With a URL in place of a profile: where the contracts are; see :func:`connect`."""

    ledger: str | None = None
    anchor: str | None = None
    from_block: int | None = None


NOT_NAMED = Contracts()


def connect(
    network: str | None = None,
    *,
    ledger: str | None = None,
    anchor: str | None = None,
    store: str | None = None,
    from_block: int | None = None,
    account: str | LocalAccount | None = None,
    password: str | None = None,
    device: str | None = None,
) -> Network:
    """Connect to a network by the name of its profile, or by URL and address.

    What is None is taken from the settings (environment, ``karat.toml``, the user's file).

    Args:
        network: the name of a profile (``local`` after ``karat up``), or a node's JSON-RPC URL.
        ledger: with a URL: the ledger's address; its code is compared with the artifact.
        anchor: with a URL: the reputation anchor's address, if proofs are wanted, or scores
            that count what trainers say of one another.
        store: content store (``local:PATH`` or ``ipfs:URL``), if updates or models are wanted.
        from_block: with a URL: the block the ledger was deployed in; looked for if None.
        account: who acts: the name or address of a stored account, ``dev:N`` on a devnet, or an
            unlocked key. What only reads needs none, and a key is opened once it must sign.
        password: of a stored account.
        device: where tensors are computed: ``auto``, ``cpu`` or ``cuda``.

    Raises:
        chain.errors.ProfileError: there is no such profile.
        chain.errors.BadAddress: what is given as an address is none.
        chain.errors.NodeUnreachable: nothing answers.
        chain.errors.ContractError: there is no such contract, or another one.
        karat.errors.ConfigError: a URL without a ledger, or a ledger with a profile's name.
    """
    unlocked, name = (None, account) if isinstance(account, str | None) else (account, None)
    settings = load_settings(network=network, store=store, account=name, device=device)
    contracts = Contracts(ledger, anchor, from_block)
    chosen = store if is_url(settings.network) else settings.store
    return _network(settings, contracts, chosen, unlocked, password, None)


def open_network(
    settings: Settings, contracts: Contracts = NOT_NAMED, *, ask: Ask | None = None
) -> Network:
    """The network that the settings name; ``ask`` asks a person for a password.

    Raises as :func:`connect`.
    """
    return _network(settings, contracts, settings.store, None, None, ask)


def profile_of(settings: Settings, contracts: Contracts = NOT_NAMED) -> Profile:
    """The profile that the settings name, or one made of a URL and contracts.

    A URL's is called ``chain-ID`` after the id of its chain: it may hold a key.

    Raises as :func:`connect`; a profile that is only read asks no node.
    """
    if not is_url(settings.network):
        if contracts != NOT_NAMED:
            raise ConfigError(
                f"the profile of {settings.network!r} says where its contracts are; an address "
                "goes with a URL as the network"
            )
        return load_profile(settings.network)
    url, ledger, anchor = settings.network, contracts.ledger, contracts.anchor
    if ledger is None:
        raise ConfigError(
            f"which ledger at {shown(url)}? Name its address (--ledger, or from Python "
            'connect(…, ledger="0x…"))'
        )
    web3, address = connect_node(url), checked_address(ledger)
    chain_id, first = int(web3.eth.chain_id), contracts.from_block
    fields = {
        "rpc_url": url,
        "chain_id": chain_id,
        "ledger": address,
        "anchor": None if anchor is None else checked_address(anchor),
        "from_block": creation_block(web3, address) if first is None else first,
    }
    return Profile.of(f"chain-{chain_id}", fields)


def node_of(settings: Settings) -> Web3:
    """A node of the network that the settings name, by profile or by URL; no contract is asked.

    Raises:
        chain.errors.ProfileError: there is no such profile.
        chain.errors.NodeUnreachable: nothing answers.
        chain.errors.WrongChain: the node serves another chain than the profile says.
    """
    if is_url(settings.network):
        return connect_node(settings.network)
    profile = load_profile(settings.network)
    return connect_node(profile.rpc_url, *profile.more_rpc_urls, chain_id=profile.chain_id)


def is_url(network: str) -> bool:
    """Whether a network is named by a URL."""
    return "://" in network


def _network(
    settings: Settings,
    contracts: Contracts,
    store: str | None,
    unlocked: LocalAccount | None,
    password: str | None,
    ask: Ask | None,
) -> Network:
    profile = profile_of(settings, contracts)
    accounts = Accounts(settings, lambda: profile, account=unlocked, password=password, ask=ask)
    return Network.of(
        connect_profile(profile),
        store,
        accounts=accounts,
        device=settings.device,
        limits=settings.fee_limits,
        index=settings.index,
        memory=settings.memory << 20,
    )
