"""The terminal that a command runs in: what was said, who can be asked, and what is shown."""

import sys
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import typer
from typing_extensions import TypeVar as DefaultTypeVar

from karat import sdk
from karat.cli.output import print_json, say
from karat.sdk.documents import Document, Sent

if TYPE_CHECKING:
    from karat.cli.options import Options
    from karat.config import Settings
    from karat.sdk.accounts import Ask

O = DefaultTypeVar("O", bound="Options", default="Options")  # noqa: E741 - as in generics
S = TypeVar("S", bound=Sent)
_SETTINGS = ("network", "store", "account", "password_file", "device")


class Terminal(Generic[O]):
    """One command's terminal; the network behind it is connected to when it is first used."""

    def __init__(self, options: O, prints: Sequence[type[Document]]) -> None:
        self.options = options
        self._prints = tuple(prints)

    # --- what it works with --------------------------------------------------------------------

    @property
    def given(self) -> dict[str, Any]:
        """The settings that were given as flags."""
        values = {name: getattr(self.options, name) for name in _SETTINGS}
        return {name: value for name, value in values.items() if value is not None}

    @cached_property
    def settings(self) -> "Settings":
        """Flags, environment and files together; raises ConfigError."""
        return sdk.load_settings(**self.given)

    @cached_property
    def network(self) -> "sdk.Network":
        """The network, with the account that acts; raises as :func:`karat.connect`."""
        return sdk.open_network(self.settings, self.contracts, ask=self.ask)

    @property
    def contracts(self) -> "sdk.Contracts":
        """Where the contracts are, if the network is named by a URL."""
        options = self.options
        return sdk.Contracts(options.ledger, options.anchor, options.from_block)

    @cached_property
    def accounts(self) -> "sdk.Accounts":
        """The accounts of this machine; no network is asked."""
        settings, contracts = self.settings, self.contracts
        return sdk.Accounts(settings, lambda: sdk.profile_of(settings, contracts), ask=self.ask)

    # --- asking --------------------------------------------------------------------------------

    @property
    def can_ask(self) -> bool:
        """Whether somebody is there to answer."""
        return not self.options.no_input and sys.stdin.isatty()

    @property
    def ask(self) -> "Ask | None":
        """Asks for a password; None if nobody is there."""
        return self._ask if self.can_ask else None

    def confirm(self, purpose: str) -> None:
        """Ask before money moves; nothing is asked on a development chain or in a dry run.

        Raises:
            typer.Abort: the answer is no.
            typer.BadParameter: nobody can be asked, and ``--yes`` is not given.
        """
        if not (self.options.dry_run or self.network.is_devnet):
            self.insist(f"{purpose[0].upper()}{purpose[1:]}?")

    def insist(self, question: str) -> None:
        """Ask, whatever the chain; raises as :meth:`confirm`."""
        if self.options.yes:
            return
        if not self.can_ask:
            raise typer.BadParameter(f"{question} Confirm with --yes.", param_hint="--yes")
        typer.confirm(question, abort=True, err=True)

    def _ask(self, question: str, confirm: bool) -> str:
        return str(typer.prompt(question, hide_input=True, confirmation_prompt=confirm, err=True))

    # --- acting --------------------------------------------------------------------------------

    def carry_out(self, plan: "sdk.Plan[S]", *, confirm: bool = False) -> S:
        """Send a plan, or, with ``--dry-run``, try it; ``confirm`` asks before.

        Raises:
            TransactionReverted: the contract refuses a call; those before it were done.
        """
        if confirm:
            self.confirm(plan.purpose)
        return plan.dry_run() if self.options.dry_run else plan.send()

    # --- telling -------------------------------------------------------------------------------

    def show(self, document: Document, lines: Sequence[str]) -> None:
        """Print a result: the document with ``--json``, else the lines.

        Raises:
            TypeError: the command does not name such a document.
        """
        if not isinstance(document, self._prints):
            raise TypeError(f"this command does not print {type(document).__name__}")
        if self.options.json:
            print_json(document)
            return
        if isinstance(document, Sent) and document.dry_run:
            lines = [*_tried(document)]
        for line in lines:
            typer.echo(line)

    def show_aside(self, document: Document, lines: Sequence[str]) -> None:
        """Print a document with ``--json``, else the lines on stderr: stdout has nothing."""
        self.show(document, [])
        if not self.options.json:
            for line in lines:
                say(line)

    def note(self, message: str) -> None:
        """Tell people what goes on."""
        say(message)


def _tried(document: Sent) -> list[str]:
    """What a dry run found, for people."""
    return [
        f"would send {one.operation}: "
        + (f"{one.gas} gas" if one.gas else "gas unknown until the calls before it")
        for one in document.transactions
    ]
