"""Wires the verbs into one ``karat`` command and turns errors into exit codes."""

import os
import sys
from typing import Annotated

import typer

from karat import __version__
from karat.cli.account import account
from karat.cli.arena import arena
from karat.cli.config import config
from karat.cli.demo import demo
from karat.cli.errors import exit_code, sentence
from karat.cli.network import doctor, down, status, up
from karat.cli.output import say
from karat.cli.reputation import reputation
from karat.cli.round import round_
from karat.cli.serve import serve
from karat.cli.store import store
from karat.cli.task import task
from karat.cli.trainer import trainer
from karat.cli.verifier import verifier
from karat.errors import Exit

app = typer.Typer(
    name="karat",
    help="Incentives and reputation for collaborative machine learning.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"karat {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


app.command()(demo)
app.command()(arena)
app.command()(up)
app.command()(down)
app.command()(status)
app.command()(doctor)
app.command()(serve)
app.add_typer(account)
app.add_typer(task)
app.add_typer(trainer)
app.add_typer(verifier)
app.add_typer(round_)
app.add_typer(store)
app.add_typer(config)
app.add_typer(reputation)


def main() -> None:
    """Run the command line; never shows a traceback unless ``KARAT_DEBUG`` is set."""
    try:
        app()
    except KeyboardInterrupt:
        say("Interrupted.")
        sys.exit(130)
    except Exception as error:
        if os.environ.get("KARAT_DEBUG"):
            raise
        say(f"karat: {sentence(error)}")
        sys.exit(exit_code(error))
    sys.exit(Exit.OK)
