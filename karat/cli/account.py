"""``karat account``: encrypted keys on this machine."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from karat.cli.options import KEYS, shared
from karat.cli.output import pairs, table
from karat.cli.session import DEV_PREFIX, Session

account = typer.Typer(
    name="account", help="Make, import and list encrypted keys.", no_args_is_help=True
)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="What to call the account.")]
FundFlag = Annotated[
    bool, typer.Option("--fund", help="On a devnet: give it ether and dev tokens to begin with.")
]


@account.command()
@shared("network", *KEYS)
def new(session: Session, name: NameArgument, fund: FundFlag = False) -> None:
    """Make a new random key."""
    _check_funding(session, fund)
    password = session.password(f"New password for {name}", confirm=True)
    stored = session.keystore.new(name, password)
    _created(session, stored.name, stored.address, stored.path, fund)


@account.command(name="import")
@shared("network", *KEYS)
def import_(
    session: Session,
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
    _check_funding(session, fund)
    if file is not None:
        theirs = _file_password(session, file, file_password)
        password = session.password(f"New password for {name}", confirm=True)
        stored = session.keystore.import_file(name, file, theirs, password)
    else:
        key = _raw_key(session)
        password = session.password(f"New password for {name}", confirm=True)
        stored = session.keystore.import_key(name, key, password)
    _created(session, stored.name, stored.address, stored.path, fund)


@account.command(name="list")
@shared("json")
def list_(session: Session) -> None:
    """List the stored accounts."""
    stored = [(one.name, one.address, str(one.path)) for one in session.keystore]
    document = {
        "folder": str(session.keystore.folder),
        "accounts": [{"name": n, "address": a, "path": p} for n, a, p in stored],
    }
    lines = table(("name", "address"), [(n, a) for n, a, _ in stored]) if stored else []
    if not stored:
        session.note("No account yet: `karat account new NAME` makes one.")
    session.show("karat.account.list/1", document, lines)


@account.command()
@shared("network", "json")
def export_address(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Account, or dev:N on a devnet.")],
) -> None:
    """Print an account's address, for others to appoint or pay it."""
    if name.startswith(DEV_PREFIX):
        address = str(session.dev_account(name).address)
    else:
        address = session.keystore.find(name).address
    session.show("karat.account.address/1", {"name": name, "address": address}, [address])


@account.command()
@shared("network", "json")
def fund(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Account, address, or dev:N.")],
) -> None:
    """On a devnet: give an account ether and dev tokens."""
    from chain.devnet.faucet import fund

    address = session.address_of(name)
    fund(session.connection, [address])
    session.show("karat.account.fund/1", {"address": address}, [f"Funded {address}."])


def _check_funding(session: Session, wanted: bool) -> None:
    """Fail before a key is made, not after it, where it cannot be funded."""
    if wanted:
        from chain.devnet.faucet import bank_of

        bank_of(session.connection)


def _created(session: Session, name: str, address: str, path: Path, funded: bool) -> None:
    if funded:
        from chain.devnet.faucet import fund

        fund(session.connection, [address])
    document: dict[str, Any] = {
        "name": name,
        "address": address,
        "path": str(path),
        "funded": funded,
    }
    session.show(
        "karat.account/1",
        document,
        pairs({"account": name, "address": address, "keystore": path}),
    )


def _file_password(session: Session, file: Path, password_file: Path | None) -> str:
    from karat.config import read_password_file
    from karat.errors import ConfigError

    if password_file is not None:
        return read_password_file(password_file)
    if not session.can_ask:
        raise ConfigError(f"the password of {file} is needed: give --file-password")
    return str(typer.prompt(f"Password of {file}", hide_input=True, err=True))


def _raw_key(session: Session) -> bytes:
    from karat.errors import ConfigError

    if session.can_ask:
        text = str(typer.prompt("Private key (64 hexadecimal digits)", hide_input=True, err=True))
    else:
        text = sys.stdin.readline(200)
    try:
        return bytes.fromhex(text.strip().removeprefix("0x"))
    except ValueError as error:
        raise ConfigError("this is no private key: it must be 64 hexadecimal digits") from error
