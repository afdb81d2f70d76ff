"""The documents about networks, this machine and its accounts.

See :mod:`karat.cli.documents` for the others, and for what holds for all of them.
"""

from typing import Any

from typing_extensions import TypedDict


class NamedAddress(TypedDict):
    """An account."""

    name: str
    address: str


class Up(TypedDict):
    """``karat up``."""

    schema: str
    network: str
    node: str
    rpc_url: str
    chain_id: int
    ledger: str
    anchor: str | None
    token: str | None
    is_new: bool
    accounts: list[NamedAddress]


class Down(TypedDict):
    """``karat down``."""

    schema: str
    network: str
    was_running: bool
    wiped: bool


class Status(TypedDict):
    """``karat status``."""

    schema: str
    network: str
    rpc_url: str
    chain_id: int
    ledger: str
    anchor: str | None
    token: str | None
    from_block: int
    block: int
    timestamp: int
    tasks: int
    node: str | None
    pid: int | None


class Finding(TypedDict):
    """One check of ``karat doctor``; ``status`` is ok, warning or failed."""

    name: str
    status: str
    found: str
    fix: str


class Doctor(TypedDict):
    """``karat doctor``."""

    schema: str
    ok: bool
    checks: list[Finding]


class Setting(TypedDict):
    """One setting and where it comes from."""

    name: str
    value: Any
    origin: str


class Config(TypedDict):
    """``karat config show``."""

    schema: str
    settings: list[Setting]
    config_dir: str
    data_dir: str
    networks: list[str]


class Account(TypedDict):
    """``karat account new`` and ``import``."""

    schema: str
    name: str
    address: str
    path: str
    funded: bool


class StoredAccount(TypedDict):
    """One entry of ``karat account list``."""

    name: str
    address: str
    path: str


class AccountList(TypedDict):
    """``karat account list``."""

    schema: str
    folder: str
    accounts: list[StoredAccount]


class AccountAddress(TypedDict):
    """``karat account export-address``."""

    schema: str
    name: str
    address: str


class AccountFund(TypedDict):
    """``karat account fund``."""

    schema: str
    address: str


class Serve(TypedDict):
    """``karat serve``, once it answers."""

    schema: str
    url: str
    api: str
    network: str


NETWORK_DOCUMENTS: dict[str, type] = {
    "karat.up/1": Up,
    "karat.down/1": Down,
    "karat.status/1": Status,
    "karat.doctor/1": Doctor,
    "karat.config/1": Config,
    "karat.account/1": Account,
    "karat.account.list/1": AccountList,
    "karat.account.address/1": AccountAddress,
    "karat.account.fund/1": AccountFund,
    "karat.serve/1": Serve,
}
