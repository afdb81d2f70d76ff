"""The command reference, as Markdown, read off the Typer application."""

import re
from collections.abc import Iterator
from enum import Enum
from typing import Any, get_args

import typer

from karat.cli.app import app


def commands() -> Iterator[tuple[str, Any]]:
    """Every command and group with its full name, in the order of ``karat --help``."""
    yield from _walk("karat", typer.main.get_command(app))


def _walk(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    yield name, command
    for verb, child in getattr(command, "commands", {}).items():
        yield from _walk(f"{name} {verb}", child)


def options(command: Any) -> list[Any]:
    """A command's options, in the order in which its help shows them."""
    return [p for p in command.params if p.param_type_name == "option" and not p.hidden]


def arguments(command: Any) -> list[Any]:
    """A command's arguments."""
    return [p for p in command.params if p.param_type_name == "argument"]


def cli_page() -> str:
    """The whole reference page."""
    lines = [
        "# Commands and options",
        "",
        "Generated from the command line itself. How the commands work together, settings, JSON "
        "and the exit codes are on the page [The command line](../cli.md).",
        "",
        "`karat --version` prints the version; every command takes `--help`.",
    ]
    for name, command in commands():
        if name == "karat":
            continue
        level = "##" if name.count(" ") == 1 else "###"
        lines += ["", f"{level} {name}", "", _help(command)]
        if not getattr(command, "commands", None):
            lines += ["", "```text", _usage(name, command), "```", *_parameters(command)]
    return "\n".join(lines) + "\n"


def _help(command: Any) -> str:
    return re.sub(r"\n(?!\n)", "\n", (command.help or "").strip())


def _usage(name: str, command: Any) -> str:
    shown = []
    for one in arguments(command):
        metavar = one.metavar or one.name.upper()
        shown.append(metavar if one.required else f"[{metavar}]")
    return " ".join([name, *shown, *(["[OPTIONS]"] if options(command) else [])])


def _parameters(command: Any) -> Iterator[str]:
    if arguments(command):
        yield from ("", "| argument | | meaning |", "|---|---|---|")
        for one in arguments(command):
            needed = "required" if one.required else "optional"
            yield f"| `{one.metavar or one.name.upper()}` | {needed} | {_text(one.help)} |"
    if options(command):
        yield from ("", "| option | default | meaning |", "|---|---|---|")
        for one in options(command):
            yield f"| {_names(one)} | {_default(one)} | {_text(one.help)} |"


def _names(option: Any) -> str:
    value = "" if option.is_flag else f" {_metavar(option)}"
    names = [*option.opts, *option.secondary_opts]
    return ", ".join(f"`{name}{value}`" for name in names)


def _metavar(option: Any) -> str:
    kind = option.type_descriptor.annotation
    kind = next(iter(get_args(kind)), kind)  # list[str]: an option that may be repeated
    if isinstance(kind, type) and issubclass(kind, Enum):
        return "\\|".join(member.value for member in kind)
    words = {"str": "TEXT", "int": "NUMBER", "float": "NUMBER", "Path": "PATH"}
    return option.metavar or words[kind.__name__]


def _default(option: Any) -> str:
    if option.required:
        return "required"
    value = getattr(option.default, "value", option.default)
    if value is None or value in ((), []):
        return "–"
    if option.is_flag:
        return f"`{option.opts[0]}`" if value and option.secondary_opts else "off"
    return f"`{value}`"


def _text(text: str | None) -> str:
    return (text or "").replace("|", "\\|").replace("\n", " ")
