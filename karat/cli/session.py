"""What a command works with: settings, network, store and account, each made when first used."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from karat.cli.output import print_json, say

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount
    from web3.types import TxReceipt

    from chain.evm.abi import Call
    from chain.evm.accounts import Keystore
    from chain.evm.clock import Clock
    from chain.evm.transactions import Sender
    from chain.ledger.bindings.structs import TaskParams
    from chain.ledger.client import Ledger, Token
    from chain.ledger.profiles import Connection, Profile
    from chain.store import Store
    from karat.config import Settings
    from karat.money import Money
    from karat.protocol.history import TaskHistory
    from karat.sdk import Network

PASSWORD_VARIABLE = "KARAT_PASSWORD"  # noqa: S105 - the variable's name
DEV_PREFIX = "dev:"


@dataclass(frozen=True)
class Options:
    """What the command line said; None where it said nothing."""

    network: str | None = None
    store: str | None = None
    account: str | None = None
    password_file: Path | None = None
    device: str | None = None
    dry_run: bool = False
    yes: bool = False
    no_input: bool = False
    json: bool = False


@dataclass
class Done:
    """Transactions that were sent, or (``dry_run``) would have been."""

    dry_run: bool
    receipts: list["TxReceipt"] = field(default_factory=list)
    transactions: list[dict[str, Any]] = field(default_factory=list)

    def add(self, more: "Done") -> None:
        """Take in what was done after it."""
        self.receipts += more.receipts
        self.transactions += more.transactions

    def document(self) -> dict[str, Any]:
        """For ``--json``."""
        return {"dry_run": self.dry_run, "transactions": self.transactions}

    def lines(self) -> list[str]:
        """For people: what a dry run found."""
        if not self.dry_run:
            return []
        return [
            f"would send {entry['operation']}: "
            + (f"{entry['gas']} gas" if entry["gas"] else "gas unknown until the calls before it")
            for entry in self.transactions
        ]


class Session:
    """One command's view of the world."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self._histories: dict[int, TaskHistory] = {}

    # --- settings ------------------------------------------------------------------------------

    @cached_property
    def settings(self) -> "Settings":
        """Flags, environment and files together; raises ConfigError."""
        from karat.config import load_settings

        options = self.options
        return load_settings(
            network=options.network,
            store=options.store,
            account=options.account,
            password_file=options.password_file,
            device=options.device,
        )

    @cached_property
    def profile(self) -> "Profile":
        """The network's profile; raises ProfileError."""
        from chain.ledger.profiles import load_profile

        return load_profile(self.settings.network)

    @cached_property
    def connection(self) -> "Connection":
        """The network's node and contracts; raises NodeUnreachable, WrongChain, ContractError."""
        from chain.ledger.profiles import connect

        return connect(self.profile)

    @cached_property
    def clock(self) -> "Clock":
        """The chain's time."""
        from chain.devnet.clock import clock_of

        return clock_of(self.connection)

    @property
    def ledger(self) -> "Ledger":
        """The network's ledger."""
        return self.connection.ledger

    @cached_property
    def store(self) -> "Store":
        """The content store."""
        from chain.store import open_store

        return open_store(self.settings.store)

    @cached_property
    def network(self) -> "Network":
        """The network as scripts see it."""
        from karat.sdk import Network

        return Network.of(self.connection, self.settings.store)

    def history(self, task_id: int) -> "TaskHistory":
        """What the chain says of a task, up to date; raises NotAvailable if there is none."""
        from karat.protocol.history import TaskHistory

        if task_id not in self._histories:
            self._histories[task_id] = TaskHistory(
                self.ledger,
                task_id,
                anchor=self.connection.anchor,
                from_block=self.profile.from_block,
            )
        history = self._histories[task_id]
        history.refresh()
        _ = history.params
        return history

    def params(self, task_id: int) -> "TaskParams":
        """A task's rules; raises NotAvailable if there is no such task."""
        from karat.errors import NotAvailable

        if not 1 <= task_id <= self.ledger.task_count():
            raise NotAvailable(f"there is no task {task_id} on the network {self.profile.name!r}")
        return self.ledger.task_params(task_id)

    def token(self, task_id: int) -> "Token":
        """The token of a task."""
        from chain.ledger.client import Token

        return Token(self.connection.web3, self.params(task_id).token)

    def money(self, task_id: int) -> "Money":
        """The unit of a task's token."""
        from karat.money import Money

        return Money.of(self.token(task_id))

    # --- account -------------------------------------------------------------------------------

    @cached_property
    def keystore(self) -> "Keystore":
        """The encrypted keys."""
        from chain.evm.accounts import Keystore

        return Keystore(self.settings.keystore)

    @cached_property
    def address(self) -> str:
        """The address of the chosen account; opens no key.

        Raises:
            ConfigError: none is chosen.
            UnknownAccount: there is no such account.
        """
        name = self._account_name
        if name.startswith(DEV_PREFIX):
            return str(self.dev_account(name).address)
        return self.keystore.find(name).address

    @cached_property
    def account(self) -> "LocalAccount":
        """The chosen account, unlocked.

        Raises:
            ConfigError: none is chosen, or there is no password.
            KeystoreError: the key cannot be opened.
        """
        name = self._account_name
        if name.startswith(DEV_PREFIX):
            return self.dev_account(name)
        stored = self.keystore.find(name)
        return self.keystore.unlock(name, self.password(f"Password of {stored.name}"))

    @cached_property
    def sender(self) -> "Sender":
        """Sends the chosen account's transactions."""
        from chain.evm.transactions import Sender

        return Sender(self.connection.web3, self.account, limits=self.settings.fee_limits)

    @property
    def _account_name(self) -> str:
        from karat.errors import ConfigError

        if self.settings.account is not None:
            return self.settings.account
        stored = list(self.keystore)
        if len(stored) == 1:
            return stored[0].name
        known = ", ".join(account.name for account in stored) or "none yet"
        raise ConfigError(
            f"which account? Name one with --account or KARAT_ACCOUNT (stored: {known}; "
            "`karat account new NAME` makes one)"
        )

    def dev_account(self, name: str) -> "LocalAccount":
        """The public development key ``dev:N``; raises KeystoreError off a devnet."""
        from chain.devnet.accounts import dev_accounts, require_devnet
        from chain.devnet.local_network import DEPLOYER_SEED
        from karat.errors import ConfigError

        digits = name.removeprefix(DEV_PREFIX)
        if not digits.isdigit() or int(digits) > 999:
            raise ConfigError(f"{name!r} is no development account: write dev:0 to dev:999")
        index = int(digits)
        require_devnet(self.profile)
        return dev_accounts(DEPLOYER_SEED, index + 1)[index]

    def address_of(self, name: str) -> str:
        """The address of an account that is named: stored here, ``dev:N``, or an address itself.

        Raises:
            BadAddress: it begins as an address, and is none or mistyped.
            UnknownAccount: there is no such account.
        """
        from chain.evm.addresses import checked_address

        if name.startswith(DEV_PREFIX):
            return str(self.dev_account(name).address)
        if name.startswith("0x"):
            return checked_address(name)
        return self.keystore.find(name).address

    def password(self, question: str, *, confirm: bool = False) -> str:
        """A password from the file, the environment, or a prompt.

        Raises:
            ConfigError: there is none, and nobody can be asked.
        """
        from karat.config import read_password_file
        from karat.errors import ConfigError

        path = self.settings.password_file
        if path is not None:
            return read_password_file(path)
        if PASSWORD_VARIABLE in os.environ:
            return os.environ[PASSWORD_VARIABLE]
        if not self.can_ask:
            raise ConfigError(
                f"a password is needed: give --password-file or {PASSWORD_VARIABLE}, or run this "
                "in a terminal"
            )
        return str(typer.prompt(question, hide_input=True, confirmation_prompt=confirm, err=True))

    @property
    def poll_seconds(self) -> float:
        """How often a daemon looks at the chain."""
        return 0.5 if self.profile.is_devnet else 4.0

    # --- acting --------------------------------------------------------------------------------

    @property
    def can_ask(self) -> bool:
        """Whether somebody is there to answer."""
        return not self.options.no_input and sys.stdin.isatty()

    def confirm(self, question: str) -> None:
        """Ask before money moves; nothing is asked on a development chain or in a dry run.

        Raises:
            typer.Abort: the answer is no.
            typer.BadParameter: nobody can be asked, and ``--yes`` is not given.
        """
        if self.options.yes or self.options.dry_run or self.profile.is_devnet:
            return
        self.insist(question)

    def insist(self, question: str) -> None:
        """Ask, whatever the chain; raises as :meth:`confirm`."""
        if self.options.yes:
            return
        if not self.can_ask:
            raise typer.BadParameter(f"{question} Confirm with --yes.", param_hint="--yes")
        typer.confirm(question, abort=True, err=True)

    def act(self, calls: Sequence["Call[Any]"]) -> Done:
        """Send calls one after the other, or simulate them.

        Raises:
            TransactionReverted: the contract refuses one; those before it were done.
        """
        from chain.errors import TransactionReverted

        done = Done(self.options.dry_run)
        for position, call in enumerate(calls):
            entry: dict[str, Any] = {"operation": call.operation, "hash": None, "gas": None}
            if not self.options.dry_run:
                receipt = self.sender.send(call)
                done.receipts.append(receipt)
                entry |= {
                    "hash": receipt["transactionHash"].to_0x_hex(),
                    "gas": receipt["gasUsed"],
                }
            else:
                try:
                    entry["gas"] = self.sender.dry_run(call).gas
                except TransactionReverted:
                    if position == 0:  # later ones may need what the first would do
                        raise
            done.transactions.append(entry)
        return done

    def deposit(self, token: "Token", amount: int) -> list["Call[Any]"]:
        """The approval that the ledger needs to take ``amount``; none if it has one.

        Raises:
            ConfigError: the account has not enough.
        """
        from karat.errors import ConfigError
        from karat.money import Money

        balance = token.balance_of(self.address)
        if balance < amount:
            money = Money.of(token)
            raise ConfigError(
                f"{self.address} has {money.show(balance)}, but {money.show(amount)} are needed"
            )
        if token.allowance(self.address, self.ledger.address) >= amount:
            return []
        return [token.approve(self.ledger.address, amount)]

    # --- telling -------------------------------------------------------------------------------

    def show(self, schema: str, document: Mapping[str, Any], lines: Sequence[str]) -> None:
        """Print a result: the document with ``--json``, else the lines."""
        if self.options.json:
            print_json(schema, document)
            return
        for line in lines:
            typer.echo(line)

    def note(self, message: str) -> None:
        """Tell people what goes on."""
        say(message)
