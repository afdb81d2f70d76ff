"""Settings. Precedence: flag > environment (``KARAT_*``) > project ``karat.toml`` > user config."""

import os
import tomllib
from collections.abc import Collection
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from chain.evm.limits import DEFAULT_LIMITS, ETHER, GWEI, FeeLimits
from chain.folders import config_dir, data_dir, read_small_text
from karat.errors import ConfigError

PROJECT_FILE = "karat.toml"
MEMORY = 512  # MiB that decoded updates may take
_MOST_BYTES = 1024 * 1024


class Settings(BaseSettings):
    """Everything that can be set outside a command's own flags."""

    model_config = SettingsConfigDict(
        env_prefix="KARAT_", extra="ignore", frozen=True, hide_input_in_errors=True
    )

    network: str = Field(
        default="local", description="Name of the network profile, or a node's URL."
    )
    store: str = Field(
        default_factory=lambda: f"local:{data_dir() / 'store'}",
        description="Content store: local:PATH or ipfs:URL.",
    )
    index: str | None = Field(
        default=None,
        description="Event index: a file, or a URL of PostgreSQL; by default a file for each "
        "ledger in the data folder.",
    )
    keystore: Path = Field(
        default_factory=lambda: config_dir() / "keystore",
        description="Folder of encrypted keystores.",
    )
    account: str | None = Field(default=None, description="Name or address of the account to use.")
    password_file: Path | None = Field(
        default=None, description="File whose first line is the keystore's password."
    )
    max_fee: Decimal = Field(
        default=Decimal(DEFAULT_LIMITS.fee) / ETHER,
        gt=0,
        lt=10**6,
        description="The most that one transaction may cost, in ether.",
    )
    max_tip: Decimal = Field(
        default=Decimal(DEFAULT_LIMITS.tip) / GWEI,
        gt=0,
        lt=10**9,
        description="The highest tip per gas that is paid, in gwei.",
    )
    memory: int = Field(
        default=MEMORY,
        ge=0,
        lt=2**20,
        description="MiB that a daemon keeps decoded updates in.",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", description="Where tensors are computed."
    )

    @property
    def fee_limits(self) -> FeeLimits:
        """The limits in wei."""
        return FeeLimits(fee=int(self.max_fee * ETHER), tip=int(self.max_tip * GWEI))

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags, then the environment, then the project's file, then the user's."""
        del dotenv_settings, file_secret_settings
        return (
            init_settings,
            env_settings,
            InitSettingsSource(settings_cls, _document(Path(PROJECT_FILE))),
            InitSettingsSource(settings_cls, _document(config_dir() / "config.toml")),
        )


def load_settings(**flags: Any) -> Settings:
    """Settings with ``flags`` on top; a flag that is None does not count.

    Raises:
        ConfigError: a value is not of its kind, or a file is not TOML or has another name in it.
    """
    try:
        settings = Settings(**{name: value for name, value in flags.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise ConfigError(
            f"setting {name!r} is wrong: {first['msg']} "
            f"(look at the flag, KARAT_{name.upper()}, {PROJECT_FILE} and "
            f"{config_dir() / 'config.toml'})"
        ) from error
    _refuse_unknown(Path(PROJECT_FILE), {"networks"})
    _refuse_unknown(config_dir() / "config.toml", set())
    return settings


def _refuse_unknown(file: Path, tables: set[str]) -> None:
    """A mistyped name would leave a setting at its default, unnoticed."""
    unknown = sorted(_keys(file) - set(Settings.model_fields) - tables)
    if unknown:
        known = ", ".join(Settings.model_fields)
        raise ConfigError(f"{file}: there is no setting {unknown[0]!r}; there are {known}")


def origins(flags: Collection[str]) -> dict[str, str]:
    """Where each setting's value comes from.

    Args:
        flags: the settings that were given on the command line.

    Raises:
        ConfigError: a file is not TOML.
    """
    user_file = config_dir() / "config.toml"
    in_project, in_user = _keys(Path(PROJECT_FILE)), _keys(user_file)

    def origin(name: str) -> str:
        variable = f"KARAT_{name.upper()}"
        if name in flags:
            return "--" + name.replace("_", "-")
        if variable in os.environ:
            return variable
        if name in in_project:
            return PROJECT_FILE
        return str(user_file) if name in in_user else "default"

    return {name: origin(name) for name in Settings.model_fields}


def read_password_file(path: Path) -> str:
    """The first line of a file, as a password.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        return read_small_text(path, _MOST_BYTES).split("\n", 1)[0].rstrip("\r")
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot read the password file {path}: {error}") from error


def _keys(path: Path) -> set[str]:
    return set(_document(path))


def _document(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(read_small_text(path, _MOST_BYTES)) if path.is_file() else {}
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:  # no text, or tomllib.TOMLDecodeError
        raise ConfigError(f"{path} is not TOML: {error}") from error
