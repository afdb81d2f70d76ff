"""The options that commands share, each declared once, and what makes a function a command.

``@verb("network", "json", prints=Status)`` gives a command the options it names, which are fields
of :class:`Options` (or of a class of more options); it gets a :class:`~karat.cli.terminal.Terminal`
with what was said, and shows documents of the types that it names.
"""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from karat.cli.terminal import Terminal
from karat.sdk.documents import Document


def _common(*names: str, help: str, **more: Any) -> Any:
    return typer.Option(*names, help=help, rich_help_panel="Common options", **more)


@dataclass(frozen=True)
class Options:
    """What the command line said; None where it said nothing."""

    network: Annotated[
        str | None,
        _common("--network", help="Network profile, or a node's URL (KARAT_NETWORK)."),
    ] = None
    ledger: Annotated[str | None, _common("--ledger", help="With a URL: the ledger's address.")] = (
        None
    )
    anchor: Annotated[
        str | None, _common("--anchor", help="With a URL: the reputation anchor's address.")
    ] = None
    from_block: Annotated[
        int | None,
        _common(
            "--from-block",
            min=0,
            help="With a URL: the block of the ledger's creation; looked for by default.",
        ),
    ] = None
    store: Annotated[
        str | None, _common("--store", help="local:PATH or ipfs:ADDRESS (KARAT_STORE).")
    ] = None
    account: Annotated[
        str | None,
        _common(
            "--account",
            help="Name or address of a stored account (KARAT_ACCOUNT); dev:N on a devnet.",
        ),
    ] = None
    password_file: Annotated[
        Path | None,
        _common(
            "--password-file",
            help="File whose first line opens the key; else KARAT_PASSWORD, or a prompt.",
        ),
    ] = None
    device: Annotated[str | None, _common("--device", help="auto, cpu or cuda (KARAT_DEVICE).")] = (
        None
    )
    dry_run: Annotated[
        bool, _common("--dry-run", help="Simulate and print the gas; send nothing.")
    ] = False
    yes: Annotated[bool, _common("--yes", "-y", help="Answer every question with yes.")] = False
    no_input: Annotated[
        bool, _common("--no-input", help="Never ask; fail where an answer is needed.")
    ] = False
    json: Annotated[bool, _common("--json", help="Print one JSON document on stdout.")] = False


NETWORK = ("network", "ledger", "anchor", "from_block")
LOOK = (*NETWORK, "store", "json")
KEYS = ("password_file", "no_input", "json")
SIGN = ("account", "password_file", "yes", "no_input", "dry_run")

Command = Callable[..., None]


def verb(
    *names: str,
    prints: type[Document] | Sequence[type[Document]],
    options: type[Options] = Options,
) -> Callable[[Command], Command]:
    """Make a function a command that takes the options it names.

    Args:
        names: fields of ``options``.
        prints: the documents that it may show.
        options: where the options are declared.
    """
    shown = (prints,) if isinstance(prints, type) else tuple(prints)
    declared = {f.name: (f.type, f.default) for f in fields(options) if f.name in names}
    if len(declared) < len(set(names)):
        raise TypeError(f"{sorted(set(names) - set(declared))} are no fields of {options}")

    def decorate(function: Command) -> Command:
        own = [p for p in inspect.signature(function).parameters.values() if p.name != "terminal"]
        added = [
            inspect.Parameter(
                name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default
            )
            for name, (annotation, default) in declared.items()
        ]

        @wraps(function)
        def command(**values: Any) -> None:
            chosen = options(**{name: values.pop(name) for name in declared})
            function(terminal=Terminal(chosen, shown), **values)

        signature = inspect.Signature([*own, *added])
        command.__annotations__ = {p.name: p.annotation for p in signature.parameters.values()}
        command.__signature__ = signature  # type: ignore[attr-defined]
        command.prints = shown  # type: ignore[attr-defined]
        return command

    return decorate
