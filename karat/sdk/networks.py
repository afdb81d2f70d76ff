"""The networks that this machine knows: contracts on any chain, and the profiles that name them."""

from collections.abc import Callable
from typing import Any, Literal

from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address
from web3 import Web3

from chain.errors import ContractError, ProfileError, TransactionReverted
from chain.evm.addresses import checked_address
from chain.evm.fees import price_now
from chain.evm.limits import in_ether
from chain.evm.node import connect_node
from chain.evm.transactions import Sender
from chain.ledger.client import Token
from chain.ledger.deployment import (
    LEDGER,
    Deployer,
    creation_block,
    load_deployment,
    record_path,
)
from chain.ledger.profiles import (
    Profile,
    check_name,
    connect,
    delete_profile,
    known_profiles,
    load_profile,
    save_profile,
)
from chain.urls import shown
from karat.config import Settings, load_settings
from karat.errors import ConfigError
from karat.money import Money
from karat.sdk.accounts import Accounts, Ask
from karat.sdk.documents import (
    BadNetwork,
    ContractGas,
    DeployedContract,
    DeploymentTried,
    KnownNetwork,
    NetworkAdded,
    NetworkDeployed,
    NetworkList,
    NetworkRemoved,
)

__all__ = ["Kind", "add", "deploy", "known", "remove", "shown", "try_deploying"]

Kind = Literal["devnet", "live"]
OnDeployed = Callable[[DeployedContract], None]
_UNKNOWN = "0x" + "00" * 20  # where a ledger will be is known once it is there


def deploy(
    rpc_url: str,
    name: str | None = None,
    *,
    account: str | LocalAccount | None = None,
    password: str | None = None,
    kind: Kind = "live",
    token: str | None = None,
    dev_token: bool = False,
    settings: Settings | None = None,
    ask: Ask | None = None,
    on_deployed: OnDeployed | None = None,
) -> NetworkDeployed:
    """Deploy the contracts on a chain, and write the profile of the new network.

    Sends a transaction for each library and contract, each after the one before; the addresses
    of the first are part of the last, so there is no plan to look at. One that was interrupted
    goes on where it stopped, and pays for nothing twice.

    Args:
        rpc_url: the chain's node.
        name: what to call the network; ``chain-ID`` after the chain's id if None.
        account: who pays: the name of a stored account, or an unlocked key.
        password: of a stored account.
        kind: ``devnet`` if nothing on it is anybody's money.
        token: an ERC-20 token to offer for rewards.
        dev_token: deploy one that anyone may mint, and offer it.
        settings: in place of the environment's and the files'.
        ask: asks a person for a password.
        on_deployed: called after each contract that this run created.

    Raises:
        ConfigError: two tokens are asked for, or what is named is none.
        NodeUnreachable: nothing answers.
        ProfileError: the name is taken by another network, or cannot be one's.
        TransactionError: see :meth:`chain.evm.transactions.Sender.send`.
    """
    draft, sender = _begin(rpc_url, name, account, password, kind, settings, ask)
    offered = _offered(sender.web3, token, dev_token=dev_token)
    deployer = Deployer(
        sender,
        record_path(draft.name),
        None
        if on_deployed is None
        else lambda contract, made: on_deployed(
            DeployedContract(name=contract, **made.model_dump())
        ),
    )
    contracts = {
        "ledger": deployer.ledger(),
        "anchor": deployer.anchor(),
        "standings": deployer.standing_anchor(),
        "token": deployer.token() if dev_token else offered,
    }
    from_block = deployer.deployment.from_block
    profile = draft.model_copy(update={**contracts, "from_block": from_block})
    save_profile(profile)
    return NetworkDeployed(
        **_shown(profile),
        deployer=sender.address,
        contracts=[
            DeployedContract(name=contract, **made.model_dump())
            for contract, made in deployer.deployment.contracts.items()
        ],
    )


def try_deploying(
    rpc_url: str,
    name: str | None = None,
    *,
    account: str | LocalAccount | None = None,
    password: str | None = None,
    dev_token: bool = False,
    settings: Settings | None = None,
    ask: Ask | None = None,
) -> DeploymentTried:
    """What :func:`deploy` would send now, and what that would cost; nothing is sent.

    Takes the same arguments, and raises as it does.
    """
    draft, sender = _begin(rpc_url, name, account, password, "live", settings, ask)
    deployer = Deployer(sender, record_path(draft.name), dry_run=True)
    deployer.anchor()
    deployer.standing_anchor()
    if dev_token:
        deployer.token()
    total, web3 = sum(deployer.gas.values()), sender.web3
    return DeploymentTried(
        network=draft.name,
        rpc_url=draft.shown_url,
        chain_id=draft.chain_id,
        deployer=sender.address,
        contracts=[ContractGas(name=one, gas=gas) for one, gas in deployer.gas.items()],
        gas=total,
        ether=in_ether(total * price_now(web3)),
        balance=in_ether(web3.eth.get_balance(to_checksum_address(sender.address))),
    )


def add(
    name: str,
    rpc_url: str,
    ledger: str,
    *,
    anchor: str | None = None,
    standings: str | None = None,
    token: str | None = None,
    from_block: int | None = None,
    kind: Kind = "live",
) -> NetworkAdded:
    """Write the profile of a network that somebody has deployed, once its contracts were compared.

    Args:
        name: what to call the network.
        rpc_url: the chain's node.
        ledger: its address.
        anchor: the reputation anchor's address.
        standings: the standing anchor's address.
        token: an ERC-20 token to offer for rewards.
        from_block: the block of the ledger's deployment; looked for if None.
        kind: ``devnet`` if nothing on it is anybody's money.

    Raises:
        BadAddress: what is given as an address is none.
        ConfigError: there is no such token.
        ContractError: an address holds no contract, or another one.
        NodeUnreachable: nothing answers.
        ProfileError: the name is taken, or cannot be one's.
    """
    check_name(name)
    if name in known_profiles():
        raise ProfileError(f"there is already a network {name!r}; choose another name")
    web3, address = connect_node(rpc_url), checked_address(ledger)
    fields = {
        "kind": kind,
        "rpc_url": rpc_url,
        "chain_id": int(web3.eth.chain_id),
        "ledger": address,
        "anchor": None if anchor is None else checked_address(anchor),
        "standings": None if standings is None else checked_address(standings),
        "token": _offered(web3, token),
        "from_block": from_block or 0,
    }
    profile = Profile.of(name, fields)
    connect(profile)
    if from_block is None:
        found = creation_block(web3, address)
        profile = profile.model_copy(update={"from_block": found})
    path = save_profile(profile)
    return NetworkAdded(**_shown(profile), path=str(path))


def known() -> NetworkList:
    """The networks that have a profile; none of them is asked."""
    networks, bad = [], []
    for name in known_profiles():
        try:
            networks.append(KnownNetwork(**_shown(load_profile(name))))
        except ProfileError as error:
            bad.append(BadNetwork(network=name, reason=str(error)))
    return NetworkList(networks=networks, bad=bad)


def remove(name: str) -> NetworkRemoved:
    """Forget a network: its profile goes, its contracts and their record stay.

    Raises:
        ProfileError: there is no such profile, or it is a table of the project's ``karat.toml``.
    """
    if not delete_profile(name):
        load_profile(name)  # says which there are
        raise ProfileError(f"the network {name!r} is a table of karat.toml; take it out there")
    return NetworkRemoved(network=name)


def _begin(
    rpc_url: str,
    name: str | None,
    account: str | LocalAccount | None,
    password: str | None,
    kind: Kind,
    settings: Settings | None,
    ask: Ask | None,
) -> tuple[Profile, Sender]:
    """The profile of a network that is to be deployed, without its contracts, and who pays."""
    unlocked, named = (None, account) if isinstance(account, str | None) else (account, None)
    settings = load_settings(account=named) if settings is None else settings
    web3 = connect_node(rpc_url)
    chain_id = int(web3.eth.chain_id)
    draft = Profile.of(
        name or f"chain-{chain_id}",
        {"kind": kind, "rpc_url": rpc_url, "chain_id": chain_id, "ledger": _UNKNOWN},
    )
    payer = Accounts(settings, lambda: draft, account=unlocked, password=password, ask=ask)
    _require_own(draft, payer.address)
    return draft, Sender(web3, payer.unlocked, limits=settings.fee_limits)


def _offered(web3: Web3, token: str | None, *, dev_token: bool = False) -> str | None:
    """The token to offer, which must be one: a mistyped one would show when money is to move."""
    if token is None:
        return None
    if dev_token:
        raise ConfigError("either a token of one's own or a dev token, not both")
    address = checked_address(token)
    try:
        Money.of(Token(web3, address))
    except (ContractError, TransactionReverted) as error:
        raise ConfigError(f"there is no ERC-20 token at {address}") from error
    return address


def _require_own(draft: Profile, payer: str) -> None:
    """Check that a name is free, or this deployment's: nothing that was paid for is forgotten."""
    name, record = draft.name, record_path(draft.name)
    begun = load_deployment(record) if record.is_file() else None
    if begun is not None and (begun.chain_id, begun.deployer) != (draft.chain_id, payer):
        raise ProfileError(
            f"{record} records a deployment of {name!r} by {begun.deployer} on chain "
            f"{begun.chain_id}, which {payer} cannot go on with on chain {draft.chain_id}; choose "
            "another name"
        )
    if name not in known_profiles():
        return
    ledger = begun.contracts.get(LEDGER) if begun is not None else None
    if ledger is None or load_profile(name).ledger != ledger.address:
        raise ProfileError(f"there is already another network {name!r}; choose another name")


def _shown(profile: Profile) -> dict[str, Any]:
    fields = profile.model_dump(exclude={"name", "rpc_url", "more_rpc_urls"})
    return {"network": profile.name, "rpc_url": profile.shown_url, **fields}
