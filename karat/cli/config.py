"""``karat config``: the settings in force, and where each one comes from."""

import typer

from karat import sdk
from karat.cli.options import verb
from karat.cli.output import table
from karat.cli.terminal import Terminal
from karat.sdk import documents

config = typer.Typer(name="config", help="Show the settings in force.", no_args_is_help=True)


@config.command()
@verb(
    "network", "store", "account", "password_file", "device", "json",
    prints=documents.Configuration,
)  # fmt: skip
def show(terminal: Terminal) -> None:
    """Show every setting, its value and where it was set.

    Precedence: flag, environment (KARAT_*), karat.toml here, config.toml of the user, default.
    """
    settings = sdk.configuration(terminal.settings, terminal.given)
    rows = [
        (one.name, "-" if one.value is None else one.value, one.origin)
        for one in [*settings.settings, *sdk.folders()]
    ]
    terminal.show(settings, table(("setting", "value", "from"), rows))
