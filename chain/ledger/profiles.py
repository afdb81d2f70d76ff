"""Network profiles: where a network's node is and where its contracts are.

A profile is a TOML file ``networks/NAME.toml`` in the user's configuration, or a table
``[networks.NAME]`` in the project's ``karat.toml``, which wins.
"""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import tomli_w
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from web3 import Web3

from chain.errors import ContractError, Hint, NodeUnreachable, ProfileError
from chain.evm.addresses import checked_address
from chain.evm.node import connect_node
from chain.folders import config_dir, read_small_text, write_atomically
from chain.ledger.client import Ledger, ReputationAnchor, StandingAnchor, TaskInputs, Token
from chain.urls import shown

LOCAL = "local"  # the network on this machine's own devnet
PROJECT_FILE = Path("karat.toml")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_MOST_BYTES = 1024 * 1024
_DEVNETS_BEFORE = 31337  # the chain id that alone told a devnet, before profiles named their kind


class Profile(BaseModel):
    """One network."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: str = Field(description="What `--network` calls it.")
    kind: Literal["devnet", "live"] = Field(
        description="A devnet is nobody's money: its clock may be moved, its keys are public."
    )
    rpc_url: str = Field(description="The node's JSON-RPC URL, http or https.")
    more_rpc_urls: tuple[str, ...] = Field(
        default=(), max_length=8, description="More nodes of the same chain, to fall back on."
    )
    chain_id: int = Field(gt=0, description="The chain id the node must serve.")
    ledger: str = Field(description="The ledger's address.")
    anchor: str | None = Field(default=None, description="The reputation anchor's address.")
    standings: str | None = Field(default=None, description="The standing anchor's address.")
    token: str | None = Field(default=None, description="A token to offer for rewards.")
    from_block: int = Field(default=0, ge=0, description="The block of the ledger's deployment.")

    @model_validator(mode="before")
    @classmethod
    def _kind_of_old(cls, fields: Any) -> Any:
        if isinstance(fields, dict) and "kind" not in fields:
            is_devnet = fields.get("chain_id") == _DEVNETS_BEFORE
            return {**fields, "kind": "devnet" if is_devnet else "live"}
        return fields

    @classmethod
    def of(cls, name: str, fields: dict[str, Any]) -> "Profile":
        """A profile of fields that a person gave.

        Raises:
            ProfileError: a field is not valid, or the name cannot be a file name.
        """
        check_name(name)
        return _validated(name, fields, "what was given")

    @property
    def is_devnet(self) -> bool:
        """Whether it is a devnet, not a live network."""
        return self.kind == "devnet"

    @field_validator("rpc_url", "more_rpc_urls")
    @classmethod
    def _is_http(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        for url in (value,) if isinstance(value, str) else value:
            if not url.startswith(("http://", "https://")):
                raise ValueError("it must start with http:// or https://")
        return value

    @property
    def shown_url(self) -> str:
        """The node's URL without keys, for messages."""
        return shown(self.rpc_url)

    @field_validator("ledger", "anchor", "standings", "token")
    @classmethod
    def _is_address(cls, address: str | None) -> str | None:
        return None if address is None else checked_address(address)


@dataclass(frozen=True)
class Connection:
    """A network's node, and its contracts, whose code was compared with the artifacts."""

    profile: Profile
    web3: Web3
    ledger: Ledger
    anchor: ReputationAnchor | None
    standings: StandingAnchor | None
    token: Token | None


def load_profile(
    name: str, *, project_file: Path = PROJECT_FILE, folder: Path | None = None
) -> Profile:
    """The profile ``name``.

    Args:
        name: as in ``--network``.
        project_file: the project's ``karat.toml``; it need not exist.
        folder: of the profiles; ``networks`` in the user's configuration if None.

    Raises:
        ProfileError: there is none of this name (the message lists those there are), or it is
            not valid (the message names the field).
    """
    in_project = _project_tables(project_file)
    if name in in_project:
        return _validated(name, in_project[name], f"[networks.{name}] in {project_file}")
    path = _path(name, folder)
    if path is None or not path.is_file():
        known = ", ".join(known_profiles(project_file=project_file, folder=folder)) or "none yet"
        raise ProfileError(
            f"there is no network {name!r} (known: {known}); networks are files in "
            f"{_folder(folder)}"
        ).with_hint(Hint.START_NETWORK)
    return _validated(name, _read(path), str(path))


def known_profiles(*, project_file: Path = PROJECT_FILE, folder: Path | None = None) -> list[str]:
    """The names of all profiles, sorted; whether they are valid shows when they are loaded."""
    files = _folder(folder).glob("*.toml") if _folder(folder).is_dir() else ()
    return sorted({path.stem for path in files} | set(_project_tables(project_file)))


def check_name(name: str) -> None:
    """Check that a network may be called so; raises ProfileError."""
    if not _NAME.fullmatch(name):
        raise ProfileError(
            f"{name!r} cannot name a network: use up to 64 letters, digits, '_' or '-'"
        )


def save_profile(profile: Profile, *, folder: Path | None = None) -> Path:
    """Write a profile to the user's configuration; its path.

    Raises:
        ProfileError: the name cannot be a file name, or the disk refuses.
    """
    check_name(profile.name)
    path = _folder(folder) / f"{profile.name}.toml"
    fields = profile.model_dump(mode="json", exclude={"name"}, exclude_none=True)
    if not profile.more_rpc_urls:
        del fields["more_rpc_urls"]
    try:
        write_atomically(path, tomli_w.dumps(fields), mode=0o600)
    except OSError as error:
        raise ProfileError(f"cannot write {path}: {error.strerror}") from error
    return path


def delete_profile(name: str, *, folder: Path | None = None) -> bool:
    """Remove a profile from the user's configuration; whether there was one."""
    path = _path(name, folder)
    if path is None or not path.is_file():
        return False
    path.unlink(missing_ok=True)
    return True


def connect(profile: Profile) -> Connection:
    """Connect to a network and check that it is the one the profile means.

    Raises:
        NodeUnreachable: nothing answers at its URL.
        WrongChain: the node serves another chain id.
        ContractError: an address holds no contract, or another one.
    """
    try:
        web3 = connect_node(profile.rpc_url, *profile.more_rpc_urls, chain_id=profile.chain_id)
    except NodeUnreachable as error:
        if profile.name == LOCAL:
            error.with_hint(Hint.START_NETWORK)
        raise
    ledger = Ledger.attach(web3, profile.ledger)
    anchor = ReputationAnchor.attach(web3, profile.anchor) if profile.anchor else None
    if anchor is not None and anchor.ledger() != ledger.address:
        raise ContractError(
            f"the anchor of network {profile.name!r} belongs to the ledger {anchor.ledger()}, not "
            f"to {ledger.address}; correct one of them"
        )
    # Any ERC-20 may be offered, so its code is not compared.
    token = Token(web3, profile.token) if profile.token else None
    standings = None
    if profile.standings:
        standings = StandingAnchor.attach(web3, profile.standings)
        inputs = TaskInputs.attach(web3, standings.inputs())
        if inputs.ledger() != ledger.address:
            raise ContractError(
                f"the standings of network {profile.name!r} are of the ledger {inputs.ledger()}, "
                f"not of {ledger.address}; correct one of them"
            )
    return Connection(profile, web3, ledger, anchor, standings, token)


def _validated(name: str, fields: dict[str, Any], where: str) -> Profile:
    try:
        return Profile(**{**fields, "name": name})
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise ProfileError(
            f"the network {name!r} is not valid: {field}: {first['msg']}; correct {where}"
        ) from error


def _folder(folder: Path | None) -> Path:
    return config_dir() / "networks" if folder is None else folder


def _path(name: str, folder: Path | None) -> Path | None:
    return _folder(folder) / f"{name}.toml" if _NAME.fullmatch(name) else None


def _project_tables(project_file: Path) -> dict[str, dict[str, Any]]:
    if not project_file.is_file():
        return {}
    tables = _read(project_file).get("networks", {})
    if not isinstance(tables, dict) or not all(isinstance(one, dict) for one in tables.values()):
        raise ProfileError(f"`networks` in {project_file} must be tables, as [networks.NAME]")
    return tables


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(read_small_text(path, _MOST_BYTES))
    except OSError as error:
        raise ProfileError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:  # tomllib.TOMLDecodeError, or not UTF-8
        raise ProfileError(f"{path} is not TOML: {error}") from error
