"""The options that commands share, declared once; a command takes what they say as ``session``."""

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from karat.cli.session import Options, Session

_PANEL = "Common options"


def _option(*names: str, help: str, **more: Any) -> Any:
    return typer.Option(*names, help=help, rich_help_panel=_PANEL, **more)


_DECLARED: dict[str, tuple[Any, Any]] = {
    "network": (
        Annotated[str | None, _option("--network", help="Network profile (KARAT_NETWORK).")],
        None,
    ),
    "store": (
        Annotated[str | None, _option("--store", help="local:PATH or ipfs:ADDRESS (KARAT_STORE).")],
        None,
    ),
    "account": (
        Annotated[
            str | None,
            _option(
                "--account",
                help="Name or address of a stored account (KARAT_ACCOUNT); dev:N on a devnet.",
            ),
        ],
        None,
    ),
    "password_file": (
        Annotated[
            Path | None,
            _option(
                "--password-file",
                help="File whose first line opens the key; else KARAT_PASSWORD, or a prompt.",
            ),
        ],
        None,
    ),
    "device": (
        Annotated[str | None, _option("--device", help="auto, cpu or cuda (KARAT_DEVICE).")],
        None,
    ),
    "dry_run": (
        Annotated[bool, _option("--dry-run", help="Simulate and print the gas; send nothing.")],
        False,
    ),
    "yes": (Annotated[bool, _option("--yes", "-y", help="Answer every question with yes.")], False),
    "no_input": (
        Annotated[bool, _option("--no-input", help="Never ask; fail where an answer is needed.")],
        False,
    ),
    "json": (
        Annotated[bool, _option("--json", help="Print one JSON document on stdout.")],
        False,
    ),
}

LOOK = ("network", "store", "json")
KEYS = ("password_file", "no_input", "json")
SIGN = ("account", "password_file", "yes", "no_input", "dry_run")


def shared(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add shared options to a command, which gets one ``session`` in their place."""
    declared = {name: _DECLARED[name] for name in names}
    return gathered("session", declared, lambda chosen: Session(Options(**chosen)))


def gathered(
    parameter: str,
    declared: Mapping[str, tuple[Any, Any]],
    gather: Callable[[dict[str, Any]], Any],
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add options to a command, which gets what ``gather`` makes of them as ``parameter``.

    ``declared`` maps each option's name to its annotation and its default.
    """

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        own = [p for p in inspect.signature(function).parameters.values() if p.name != parameter]
        added = [
            inspect.Parameter(
                name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default
            )
            for name, (annotation, default) in declared.items()
        ]

        @wraps(function)
        def command(**values: Any) -> None:
            chosen = {name: values.pop(name) for name in declared}
            function(**{parameter: gather(chosen)}, **values)

        signature = inspect.Signature([*own, *added])
        command.__annotations__ = {p.name: p.annotation for p in signature.parameters.values()}
        command.__signature__ = signature  # type: ignore[attr-defined]
        return command

    return decorate
