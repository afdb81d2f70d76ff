"""``karat account``: encrypted keys on this machine."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from karat import sdk
from karat.cli.options import KEYS, NETWORK, verb
from karat.cli.output import pairs, table
from karat.cli.terminal import Terminal
from karat.errors import ConfigError
from karat.sdk import documents

account = typer.Typer(
    name="account", help="Make, import and list encrypted keys.", no_args_is_help=True
)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="What to call the account.")]
StoredArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="Name or address of a stored account.")
]
FundFlag = Annotated[
    bool, typer.Option("--fund", help="On a devnet: give it ether and dev tokens to begin with.")
]


@account.command()
@verb(*NETWORK, *KEYS, prints=documents.NewAccount)
def new(terminal: Terminal, name: NameArgument, fund: FundFlag = False) -> None:
    """Make a new random key."""
    if fund:  # fail before a key is made, not after it, where it cannot be funded
        terminal.network.require_faucet()
    _created(terminal, terminal.accounts.new(name), fund)


@account.command(name="import")
@verb(*NETWORK, *KEYS, prints=documents.NewAccount)
def import_(
    terminal: Terminal,
    name: NameArgument,
    file: Annotated[
        Path | None, typer.Option(help="V3 keystore of another wallet; its password is asked for.")
    ] = None,
    file_password: Annotated[
        Path | None, typer.Option(help="File with the password of --file, to run unattended.")
    ] = None,
    fund: FundFlag = False,
) -> None:
    """Store a key from another wallet's V3 file, or a raw one from stdin.

    A raw key is read from standard input (a pipe, or a hidden prompt), never from the command
    line, where other users and the shell's history would see it.
    """
    if fund:
        terminal.network.require_faucet()
    if file is not None:
        theirs = _file_password(terminal, file, file_password)
        made = terminal.accounts.import_file(name, file, theirs)
    else:
        made = terminal.accounts.import_key(name, _raw_key(terminal))
    _created(terminal, made, fund)


@account.command(name="list")
@verb("json", prints=documents.AccountList)
def list_(terminal: Terminal) -> None:
    """List the stored accounts."""
    stored = terminal.accounts.stored()
    rows = [(one.name, one.address) for one in stored.accounts]
    if not rows:
        terminal.note("No account yet: `karat account new NAME` makes one.")
    for skipped in stored.skipped:
        terminal.note(f"Skipped: {skipped.reason}.")
    terminal.show(stored, table(("name", "address"), rows) if rows else [])


@account.command()
@verb(*NETWORK, "json", prints=documents.AccountAddress)
def export_address(
    terminal: Terminal,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Account, or dev:N on a devnet.")],
) -> None:
    """Print an account's address, for others to appoint or pay it."""
    address = terminal.accounts.address_of(name)
    terminal.show(documents.AccountAddress(name=name, address=address), [address])


@account.command()
@verb(*NETWORK, "json", prints=documents.AccountFunded)
def fund(
    terminal: Terminal,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Account, address, or dev:N.")],
) -> None:
    """On a devnet: give an account ether and dev tokens."""
    funded = terminal.network.fund(name)
    terminal.show(funded, [f"Funded {funded.address}."])


@account.command()
@verb(*KEYS, prints=documents.PasswordChanged)
def passwd(
    terminal: Terminal,
    name: StoredArgument,
    new_password_file: Annotated[
        Path | None,
        typer.Option(help="File whose first line is the new password, to run unattended."),
    ] = None,
) -> None:
    """Change the password of a key."""
    new = None if new_password_file is None else sdk.read_password_file(new_password_file)
    changed = terminal.accounts.change_password(name, new)
    terminal.show(changed, [f"The password of {changed.name!r} is changed."])


@account.command()
@verb("json", prints=documents.AccountRenamed)
def rename(
    terminal: Terminal,
    name: StoredArgument,
    to: Annotated[str, typer.Argument(metavar="NEW", help="What to call it.")],
) -> None:
    """Call an account otherwise."""
    renamed = terminal.accounts.rename(name, to)
    terminal.show(renamed, [f"{renamed.before!r} is called {renamed.name!r}."])


@account.command()
@verb(*KEYS, "yes", prints=documents.AccountRemoved)
def remove(terminal: Terminal, name: StoredArgument) -> None:
    """Delete a key for good; its password is needed."""
    terminal.insist(f"Delete the key of {name!r}, and whatever only it can reach?")
    gone = terminal.accounts.remove(name)
    terminal.show(gone, [f"The key of {gone.name!r} ({gone.address}) is deleted."])


def _created(terminal: Terminal, made: documents.NewAccount, fund: bool) -> None:
    if fund:
        terminal.network.fund(made.address)
    shown = {"account": made.name, "address": made.address, "keystore": made.path}
    terminal.show(replace(made, funded=fund), pairs(shown))


def _file_password(terminal: Terminal, file: Path, password_file: Path | None) -> str:
    if password_file is not None:
        return sdk.read_password_file(password_file)
    if not terminal.can_ask:
        raise ConfigError(f"the password of {file} is needed: give --file-password")
    return str(typer.prompt(f"Password of {file}", hide_input=True, err=True))


def _raw_key(terminal: Terminal) -> bytes:
    if terminal.can_ask:
        text = str(typer.prompt("Private key (64 hexadecimal digits)", hide_input=True, err=True))
    else:
        text = sys.stdin.readline(200)
    try:
        return bytes.fromhex(text.strip().removeprefix("0x"))
    except ValueError as error:
        raise ConfigError("this is no private key: it must be 64 hexadecimal digits") from error
