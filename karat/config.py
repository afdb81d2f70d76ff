"""Settings. Precedence: flag > environment (``KARAT_*``) > project ``karat.toml`` > user config."""

import os
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from karat.errors import ConfigError

PROJECT_FILE = "karat.toml"


def user_config_dir() -> Path:
    """Where the user's ``config.toml`` and network profiles live (``KARAT_CONFIG_DIR``)."""
    chosen = os.environ.get("KARAT_CONFIG_DIR")
    if chosen:
        return Path(chosen)
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "karat"


def user_data_dir() -> Path:
    """Where state lives: devnet, content store, daemons' journals (``KARAT_DATA_DIR``)."""
    chosen = os.environ.get("KARAT_DATA_DIR")
    if chosen:
        return Path(chosen)
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "karat"


class Settings(BaseSettings):
    """Everything that can be set outside a command's own flags."""

    model_config = SettingsConfigDict(
        env_prefix="KARAT_", extra="ignore", frozen=True, hide_input_in_errors=True
    )

    network: str = Field(default="local", description="Name of the network profile.")
    store: str = Field(
        default_factory=lambda: f"local:{user_data_dir() / 'store'}",
        description="Content store: local:PATH or ipfs:URL.",
    )
    keystore: Path = Field(
        default_factory=lambda: user_config_dir() / "keystore",
        description="Folder of encrypted keystores.",
    )
    account: str | None = Field(default=None, description="Name or address of the account to use.")
    password_file: Path | None = Field(
        default=None, description="File whose first line is the keystore's password."
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", description="Where tensors are computed."
    )

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
            TomlConfigSettingsSource(settings_cls, Path(PROJECT_FILE)),
            TomlConfigSettingsSource(settings_cls, user_config_dir() / "config.toml"),
        )


def load_settings(**flags: Any) -> Settings:
    """Settings with ``flags`` on top; a flag that is None does not count.

    Raises:
        ConfigError: a value is not of its kind, or a file is not TOML.
    """
    try:
        return Settings(**{name: value for name, value in flags.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise ConfigError(
            f"setting {name!r} is wrong: {first['msg']} "
            f"(look at the flag, KARAT_{name.upper()}, {PROJECT_FILE} and "
            f"{user_config_dir() / 'config.toml'})"
        ) from error
    except ValueError as error:  # tomllib.TOMLDecodeError
        raise ConfigError(
            f"{PROJECT_FILE} or {user_config_dir() / 'config.toml'} is not TOML: {error}"
        ) from error
