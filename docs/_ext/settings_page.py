"""Settings and task files, as Markdown, read off the models that read them."""

import types
import typing
from collections.abc import Iterator
from typing import Any

from cli_page import commands, options
from pydantic import BaseModel, BeforeValidator
from pydantic.fields import FieldInfo

from karat.config import Settings
from karat.participants.sponsor.taskfile import TaskFile


def settings_page() -> str:
    """Every setting with its flag, variable, key and default."""
    flags = {name for _, command in commands() for o in options(command) for name in o.opts}
    lines = [
        "# Settings",
        "",
        "Generated from `karat/config.py`. A flag wins over the environment, that over "
        "`karat.toml` in the current folder, that over `config.toml` in the configuration folder; "
        "`karat config show` says which one won.",
        "",
        "| key in the files | flag | variable | value | default | meaning |",
        "|---|---|---|---|---|---|",
    ]
    for name, field in Settings.model_fields.items():
        flag = "--" + name.replace("_", "-")
        shown = f"`{flag}`" if flag in flags else "–"
        lines.append(
            f"| `{name}` | {shown} | `KARAT_{name.upper()}` | {_type(field)} | "
            f"{_setting_default(name, field)} | {field.description} |"
        )
    return "\n".join(lines) + "\n"


# Computed when the settings are loaded, from the folders.
_FOLDERS = {"store": "`local:DATA/store`", "keystore": "`CONFIG/keystore`"}


def _setting_default(name: str, field: FieldInfo) -> str:
    if field.default_factory is not None:
        return _FOLDERS[name]
    return "–" if field.default is None else f"`{field.default}`"


def task_file_page() -> str:
    """Every field of a task file with its type, bounds and default."""
    lines = [
        "# Task files",
        "",
        "Generated from `karat/participants/sponsor/taskfile.py`, which reads the file that "
        "`karat task create --spec` "
        "takes. What the fields mean is on the page [The command line](../cli.md#task-files).",
        "",
        "| field | value | default |",
        "|---|---|---|",
        *(f"| `{name}` | {kind} | {default} |" for name, kind, default in fields(TaskFile)),
    ]
    return "\n".join(lines) + "\n"


def fields(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """Dotted name, value and default of each field, depth first."""
    for name, field in model.model_fields.items():
        inner = _table_of(field.annotation)
        many = typing.get_origin(field.annotation) is list
        if inner is not None:
            yield from fields(inner, f"{prefix}{name}{'[]' if many else ''}.")
            continue
        default = "required" if field.is_required() else _show(field.default)
        yield prefix + name, _type(field), default


def _show(value: Any) -> str:
    if value is None:
        return "–"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _table_of(annotation: Any) -> type[BaseModel] | None:
    for one in (annotation, *typing.get_args(annotation)):
        if isinstance(one, type) and issubclass(one, BaseModel):
            return one
    return None


_WORDS = {"int": "integer", "str": "text", "Decimal": "amount", "bool": "true or false"}
_SIGNS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}


def _type(field: FieldInfo) -> str:
    bounds = [
        f"{sign} {value}"
        for mark in _marks(field.annotation, field.metadata)
        for name, sign in _SIGNS.items()
        if (value := getattr(mark, name, None)) is not None
    ]
    marks = _marks(field.annotation, field.metadata)
    duration = any(isinstance(mark, BeforeValidator) for mark in marks)
    word = 'seconds, or `"10m"`, `"2h"`, `"1d"`' if duration else _word(field.annotation)
    return ", ".join([word, *bounds])


def _marks(annotation: Any, metadata: list[Any]) -> Iterator[Any]:
    for one in [*metadata, *getattr(annotation, "__metadata__", ())]:
        yield from getattr(one, "metadata", None) or [one]
    for inner in typing.get_args(annotation):
        if hasattr(inner, "__metadata__"):
            yield from _marks(inner, [])


def _word(annotation: Any) -> str:
    if hasattr(annotation, "__metadata__"):
        return _word(annotation.__origin__)
    origin = typing.get_origin(annotation)
    if origin is typing.Literal:
        return ", ".join(f"`{value}`" for value in typing.get_args(annotation))
    if origin in (typing.Union, types.UnionType):
        inner = [one for one in typing.get_args(annotation) if one is not type(None)]
        return ", ".join(map(_word, inner))
    name = getattr(annotation, "__name__", str(annotation))
    return _WORDS.get(name, name.lower())
