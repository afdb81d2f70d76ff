"""Exit codes and JSON documents, as Markdown, read off the code."""

import dataclasses
import types
import typing
from collections.abc import Iterator
from inspect import cleandoc
from typing import Any

import karat.demo.result  # noqa: F401 - the demo's document
import reputation.errors  # noqa: F401 - the trees' classes
from karat.errors import Exit, KaratError
from karat.sdk.documents import DOCUMENTS


def exit_codes_page() -> str:
    """Exit codes, and the exceptions that lead to each."""
    lines = ["# Exit codes", "", "Generated from the `errors.py` of each package.", ""]
    lines += ["| code | meaning | exceptions |", "|---|---|---|"]
    deciding = [cls for cls in _tree(KaratError) if "exit_code" in vars(cls)]
    for code in Exit:
        names = [f"{cls.__module__}.{cls.__name__}" for cls in deciding if cls.exit_code is code]
        shown = ", ".join(f"`{name}`" for name in sorted(names)) or "–"
        lines.append(f"| {code.value} | {code.meaning} | {shown} |")
    lines += [
        "",
        "An exception has the code of the nearest of its base classes that is listed, and 1 if "
        "none is. Ctrl-C ends with 130.",
    ]
    return "\n".join(lines) + "\n"


def _tree(root: type[KaratError]) -> Iterator[type[KaratError]]:
    """A class and all below it, each once."""
    yield from dict.fromkeys([root, *(cls for sub in root.__subclasses__() for cls in _tree(sub))])


def documents_page() -> str:
    """The JSON documents that ``--json`` prints."""
    lines = [
        "# JSON documents",
        "",
        "Generated from `karat/sdk/documents`: what the Python functions return, and what "
        "`--json` prints. `karat.sdk.schemas.json_schema` gives a JSON Schema of each. Every "
        "document has its name and version in `schema`. Amounts are integers in base units of the "
        "task's token, times seconds since 1970, addresses checksummed. A document never loses a "
        "field within its version; it may gain some.",
    ]
    for schema, document in sorted(DOCUMENTS.items()):
        lines += ["", f"## {schema}", "", _rst_to_markdown(cleandoc(document.__doc__ or "")), ""]
        lines += ["| field | type |", "|---|---|"]
        for name, kind in _fields(document):
            lines.append(f"| `{name}` | {_json_type(kind)} |")
    return "\n".join(lines) + "\n"


_NAMES = {int: "integer", float: "number", str: "text", bool: "true or false", type(None): "null"}


def _json_type(kind: Any) -> str:
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is list:
        return f"list of {_json_type(inner[0])}"
    if origin is dict:
        return f"object of {_json_type(inner[1])}"
    if origin in (typing.Union, types.UnionType):
        return " or ".join(map(_json_type, inner))
    if dataclasses.is_dataclass(kind) or hasattr(kind, "__required_keys__"):  # or a TypedDict
        parts = [f"`{name}`: {_json_type(one)}" for name, one in _fields(kind)]
        return "{" + ", ".join(parts) + "}"
    return _NAMES.get(kind, "any")


def _fields(kind: Any) -> Iterator[tuple[str, Any]]:
    """Names and types of what a document holds, in order."""
    for name, hint in typing.get_type_hints(kind).items():
        if typing.get_origin(hint) is not typing.ClassVar:
            yield name, hint


def _rst_to_markdown(text: str) -> str:
    return text.replace("``", "`")
