"""Wires the verbs into one ``karat`` command and turns errors into exit codes.

A verb's module is imported when the verb is chosen; until then its place in :data:`VERBS` says
where it is and what it is for.
"""

import gc
import os
import sys
from collections.abc import MutableMapping
from importlib import import_module
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup

from karat import __version__
from karat.cli.errors import exit_code, sentence
from karat.errors import Exit


class Verb(NamedTuple):
    """Where a command or a group of commands is, and the line that ``karat --help`` shows."""

    module: str
    name: str
    help: str


VERBS = {
    "demo": Verb("demo", "demo", "Run honest trainers and attackers through real rounds."),
    "arena": Verb("arena", "arena", "Play attacks against defences and count who is paid."),
    "up": Verb("network", "up", "Start a network of your own in the background."),
    "down": Verb("network", "down", "Stop the network that `karat up` started."),
    "status": Verb("network", "status", "Show the network: node, head, contracts, tasks."),
    "doctor": Verb("network", "doctor", "Check everything that Karat needs."),
    "deploy": Verb("networks", "deploy", "Deploy the contracts on any chain."),
    "network": Verb("networks", "network", "Add, list and remove networks."),
    "serve": Verb("serve", "serve", "Show the network in a browser."),
    "account": Verb("account", "account", "Make, import and list encrypted keys."),
    "task": Verb("task", "task", "Create, fund and look at tasks."),
    "cost": Verb("cost", "cost", "Show what a task would cost each party."),
    "trainer": Verb("trainer", "trainer", "Train on your own data, submit updates, get paid."),
    "verifier": Verb("verifier", "verifier", "Score updates, vote, keep a task going."),
    "round": Verb("round", "round_", "Look at rounds and move them on."),
    "model": Verb("model", "model", "Get a task's model."),
    "watch": Verb("watch", "watch", "Watch a task: a line for each round as it ends."),
    "store": Verb("store", "store", "Add, fetch and keep files by their content."),
    "abi": Verb("abi", "abi", "Print contracts' interfaces as JSON."),
    "config": Verb("config", "config", "Show the settings in force."),
    "reputation": Verb("reputation", "reputation", "MeritRank reputation: who earned whose trust."),
}


class LazyCommands(MutableMapping[str, Any]):
    """The commands by name; one that is only listed is known by its help, not yet imported."""

    def __init__(self) -> None:
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded:
            verb = VERBS[name]
            declared = getattr(import_module(f"karat.cli.{verb.module}"), verb.name)
            if isinstance(declared, typer.Typer):
                self._loaded[name] = typer.main.get_group(declared)
            else:
                alone = typer.Typer(add_completion=False)
                alone.command(name=name)(declared)
                self._loaded[name] = typer.main.get_command(alone)
        return self._loaded[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        del self._loaded[name]

    def __iter__(self) -> Any:
        return iter(VERBS)

    def __len__(self) -> int:
        return len(VERBS)


class LazyGroup(TyperGroup):
    """A group whose commands are imported when they are chosen."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = LazyCommands()

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Show the verbs by their lines in :data:`VERBS`, importing none."""
        loaded = self.commands
        self.commands = {name: TyperCommand(name, help=verb.help) for name, verb in VERBS.items()}
        try:
            super().format_help(ctx, formatter)
        finally:
            self.commands = loaded


app = typer.Typer(
    name="karat",
    cls=LazyGroup,
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


def main() -> None:
    """Run the command line; never shows a traceback unless ``KARAT_DEBUG`` is set."""
    gc.set_threshold(50_000)  # importing makes much that lasts: half a second of a daemon's start
    try:
        app()
    except KeyboardInterrupt:
        typer.echo("Interrupted.", err=True)
        sys.exit(130)
    except Exception as error:
        if os.environ.get("KARAT_DEBUG"):
            raise
        typer.echo(f"karat: {sentence(error)}", err=True)
        sys.exit(exit_code(error))
    sys.exit(Exit.OK)
