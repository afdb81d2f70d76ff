"""``karat config``: the settings in force, and where each one comes from."""

import os

import typer

from karat.cli.options import shared
from karat.cli.output import table
from karat.cli.session import Session

config = typer.Typer(name="config", help="Show the settings in force.", no_args_is_help=True)


@config.command()
@shared("network", "store", "account", "password_file", "device", "json")
def show(session: Session) -> None:
    """Show every setting, its value and where it was set.

    Precedence: flag, environment (KARAT_*), karat.toml here, config.toml of the user, default.
    """
    from chain.folders import config_dir, data_dir
    from chain.ledger.profiles import known_profiles
    from karat.config import origins

    values = session.settings.model_dump(mode="json")
    given = [name for name in values if getattr(session.options, name, None) is not None]
    where = origins(given)
    document = {
        "settings": [
            {"name": name, "value": value, "origin": where[name]} for name, value in values.items()
        ],
        "config_dir": str(config_dir()),
        "data_dir": str(data_dir()),
        "networks": known_profiles(),
    }
    rows = [(name, "-" if v is None else v, where[name]) for name, v in values.items()]
    for name, folder in (("config_dir", config_dir()), ("data_dir", data_dir())):
        variable = f"KARAT_{name.upper()}"
        rows.append((name, folder, variable if os.environ.get(variable) else "default"))
    session.show("karat.config/1", document, table(("setting", "value", "from"), rows))
