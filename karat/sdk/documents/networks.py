"""Documents about networks, this machine and its accounts."""

from dataclasses import dataclass
from typing import Any

from karat.sdk.documents.base import Document


@dataclass(frozen=True, kw_only=True)
class NamedAddress:
    """An account."""

    name: str
    address: str


@dataclass(frozen=True, kw_only=True)
class Daemon:
    """A member's daemon that runs in the background with a devnet."""

    role: str
    account: str
    pid: int
    log: str


@dataclass(frozen=True, kw_only=True)
class Up(Document, schema="karat.up/1"):
    """``karat up``; ``task`` is what ``--with`` created."""

    network: str
    node: str
    rpc_url: str
    chain_id: int
    ledger: str
    anchor: str | None
    standings: str | None
    token: str | None
    is_new: bool
    accounts: list[NamedAddress]
    task: int | None
    daemons: list[Daemon]


@dataclass(frozen=True, kw_only=True)
class Down(Document, schema="karat.down/1"):
    """``karat down``."""

    network: str
    was_running: bool
    wiped: bool


@dataclass(frozen=True, kw_only=True)
class Status(Document, schema="karat.status/1"):
    """``karat status``; ``node`` and ``pid`` are those of a devnet that ``karat up`` made."""

    rpc_url: str
    chain_id: int
    ledger: str
    anchor: str | None
    standings: str | None
    token: str | None
    from_block: int
    network: str
    block: int
    timestamp: int
    tasks: int
    node: str | None
    pid: int | None


@dataclass(frozen=True, kw_only=True)
class KnownNetwork:
    """A network's profile; its URL is shown without keys."""

    network: str
    kind: str
    rpc_url: str
    chain_id: int
    ledger: str
    anchor: str | None
    standings: str | None
    token: str | None
    from_block: int


@dataclass(frozen=True, kw_only=True)
class DeployedContract:
    """A contract or a library, and the transaction and block that created it."""

    name: str
    address: str
    transaction: str
    block: int


@dataclass(frozen=True, kw_only=True)
class NetworkDeployed(KnownNetwork, Document, schema="karat.deploy/1"):
    """``karat deploy``: the new network's profile, and all contracts of its deployment."""

    deployer: str
    contracts: list[DeployedContract]


@dataclass(frozen=True, kw_only=True)
class ContractGas:
    """A contract or a library that would be deployed, and its transaction's gas limit."""

    name: str
    gas: int


@dataclass(frozen=True, kw_only=True)
class DeploymentTried(Document, schema="karat.deploy.dry-run/1"):
    """``karat deploy --dry-run``; ``ether`` is for all of it at today's price of gas.

    ``balance`` is what the deployer has, in ether too.
    """

    network: str
    rpc_url: str
    chain_id: int
    deployer: str
    contracts: list[ContractGas]
    gas: int
    ether: str
    balance: str


@dataclass(frozen=True, kw_only=True)
class NetworkAdded(KnownNetwork, Document, schema="karat.network/1"):
    """``karat network add``."""

    path: str


@dataclass(frozen=True, kw_only=True)
class BadNetwork:
    """A profile that is not valid, and why."""

    network: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class NetworkList(Document, schema="karat.network.list/1"):
    """``karat network list``."""

    networks: list[KnownNetwork]
    bad: list[BadNetwork]


@dataclass(frozen=True, kw_only=True)
class NetworkRemoved(Document, schema="karat.network.remove/1"):
    """``karat network remove``."""

    network: str


@dataclass(frozen=True, kw_only=True)
class Check:
    """One check of ``karat doctor``; ``status`` is ok, warning or failed.

    ``fix`` says what to do and is empty where nothing is wrong.
    """

    name: str
    status: str
    found: str
    fix: str


@dataclass(frozen=True, kw_only=True)
class Doctor(Document, schema="karat.doctor/1"):
    """``karat doctor``."""

    ok: bool
    checks: list[Check]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One setting and where it comes from."""

    name: str
    value: Any
    origin: str


@dataclass(frozen=True, kw_only=True)
class Configuration(Document, schema="karat.config/1"):
    """``karat config show``."""

    settings: list[Setting]
    config_dir: str
    data_dir: str
    networks: list[str]


@dataclass(frozen=True, kw_only=True)
class NewAccount(Document, schema="karat.account/1"):
    """``karat account new`` and ``import``."""

    name: str
    address: str
    path: str
    funded: bool


@dataclass(frozen=True, kw_only=True)
class StoredAccount:
    """One entry of ``karat account list``."""

    name: str
    address: str
    path: str


@dataclass(frozen=True, kw_only=True)
class SkippedFile:
    """A file beside the keys that cannot be used as one, and why."""

    path: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class AccountList(Document, schema="karat.account.list/1"):
    """``karat account list``."""

    folder: str
    accounts: list[StoredAccount]
    skipped: list[SkippedFile]


@dataclass(frozen=True, kw_only=True)
class PasswordChanged(StoredAccount, Document, schema="karat.account.passwd/1"):
    """``karat account passwd``."""


@dataclass(frozen=True, kw_only=True)
class AccountRenamed(StoredAccount, Document, schema="karat.account.rename/1"):
    """``karat account rename``; ``before`` is what it was called."""

    before: str


@dataclass(frozen=True, kw_only=True)
class AccountRemoved(StoredAccount, Document, schema="karat.account.remove/1"):
    """``karat account remove``; ``path`` is where the key was."""


@dataclass(frozen=True, kw_only=True)
class AccountAddress(Document, schema="karat.account.address/1"):
    """``karat account export-address``."""

    name: str
    address: str


@dataclass(frozen=True, kw_only=True)
class AccountFunded(Document, schema="karat.account.fund/1"):
    """``karat account fund``."""

    address: str


@dataclass(frozen=True, kw_only=True)
class Serving(Document, schema="karat.serve/1"):
    """``karat serve``, once it answers."""

    url: str
    api: str
    network: str


@dataclass(frozen=True, kw_only=True)
class ContractInterface:
    """A contract's ABI, as compilers print it, and its address; None where it is not known."""

    contract: str
    address: str | None
    abi: list[dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Interfaces(Document, schema="karat.abi/1"):
    """``karat abi``; network and chain are None if none was begun on this machine."""

    network: str | None
    chain_id: int | None
    contracts: list[ContractInterface]
