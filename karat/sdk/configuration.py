"""The settings in force, and where each one comes from."""

import os
from collections.abc import Collection

from chain.folders import config_dir, data_dir
from chain.ledger.profiles import known_profiles
from chain.urls import shown, without_keys
from karat.config import Settings, load_settings, origins, read_password_file
from karat.sdk.documents import Configuration, Setting

__all__ = ["configuration", "folders", "load_settings", "read_password_file"]


def configuration(settings: Settings, given: Collection[str] = ()) -> Configuration:
    """Every setting with its origin; ``given`` are those that came as flags.

    Raises:
        ConfigError: a file of settings is not TOML.
    """
    values = settings.model_dump(mode="json")
    if "://" in settings.network:  # it may hold a key
        values["network"] = shown(settings.network)
    values["store"] = without_keys(settings.store)
    if settings.index is not None and "://" in settings.index:  # it may hold a password
        values["index"] = shown(settings.index)
    where = origins(given)
    return Configuration(
        settings=[
            Setting(name=name, value=value, origin=where[name]) for name, value in values.items()
        ],
        config_dir=str(config_dir()),
        data_dir=str(data_dir()),
        networks=known_profiles(),
    )


def folders() -> list[Setting]:
    """The two folders, and whether a variable names them."""
    named = (("config_dir", config_dir()), ("data_dir", data_dir()))
    return [
        Setting(
            name=name,
            value=str(folder),
            origin=f"KARAT_{name.upper()}"
            if os.environ.get(f"KARAT_{name.upper()}")
            else "default",
        )
        for name, folder in named
    ]
