"""The contract reference, as Markdown, from the compiler's NatSpec output."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import solcx

from tools.build import ROOT, SETTINGS, _compiler, interface, sources

CONTRACTS = {
    "Ledger": (
        "contracts/Ledger.sol",
        "contracts/interfaces/ILedgerCalls.sol",
        "contracts/interfaces/ILedgerViews.sol",
    ),
    "StandingAnchor": (
        "contracts/StandingAnchor.sol",
        "contracts/interfaces/IStandingAnchor.sol",
    ),
    "TaskInputs": (
        "contracts/TaskInputs.sol",
        "contracts/interfaces/ITaskInputs.sol",
        "contracts/interfaces/IReputationInputs.sol",
    ),
    "ReputationAnchor": (
        "contracts/ReputationAnchor.sol",
        "contracts/interfaces/IReputationAnchor.sol",
    ),
    "Royalties": ("contracts/Royalties.sol", "contracts/interfaces/IRoyalties.sol"),
    "DevToken": ("contracts/DevToken.sol", "contracts/DevToken.sol"),
}
FOREIGN = "From OpenZeppelin's contracts."
TYPES = "contracts/interfaces/LedgerTypes.sol"


@cache
def compiled() -> Mapping[str, Any]:
    """ABI, user and developer documentation of every contract, by source and name."""
    wanted = {"*": {"*": ["abi", "devdoc", "userdoc", "evm.methodIdentifiers"]}}
    document = {
        "language": "Solidity",
        "sources": {name: {"content": text} for name, text in sources().items()},
        "settings": SETTINGS | {"outputSelection": wanted},
    }
    found: Mapping[str, Any] = solcx.compile_standard(document, solc_binary=_compiler())
    return found["contracts"]


def contract_pages() -> dict[str, str]:
    """Each contract's page by file name."""
    output = compiled()
    pages = {f"{name}.md": contract_page(name, output) for name in CONTRACTS}
    return pages | {"types.md": types_page()}


def contract_page(name: str, output: Mapping[str, Any]) -> str:
    """One contract: functions, events, errors."""
    source, *interfaces = CONTRACTS[name]
    foreign = [one for path, found in output.items() if path[0] == "@" for one in found.values()]
    docs = _Docs(
        [output[source][name], *(entry for path in interfaces for entry in output[path].values())],
        foreign,
    )
    abi = interface(name, output)
    lines = [
        f"# {name}",
        "",
        f"Generated from the NatSpec of {' and '.join(f'`{path}`' for path in interfaces)}.",
        "",
        docs.title(),
    ]
    for kind, heading in (("function", "Functions"), ("event", "Events"), ("error", "Errors")):
        entries = sorted((e for e in abi if e["type"] == kind), key=lambda e: e["name"].lower())
        if entries:
            lines += ["", f"## {heading}"]
        for entry in entries:
            lines += ["", f"### {_heading(entry, entries)}", "", *_entry(entry, docs)]
    return "\n".join(lines) + "\n"


class _Docs:
    """What the compiler says of a contract, then, where it is silent, of its interface."""

    def __init__(
        self, outputs: Sequence[Mapping[str, Any]], foreign: Sequence[Mapping[str, Any]]
    ) -> None:
        self._outputs = outputs
        self._foreign = {(e["type"], e.get("name")) for one in foreign for e in one["abi"]}

    def is_foreign(self, entry: Mapping[str, Any]) -> bool:
        """Whether it comes from a library of others."""
        return (entry["type"], entry["name"]) in self._foreign

    def title(self) -> str:
        """The contract's own notice and remarks."""
        user = next((o["userdoc"]["notice"] for o in self._outputs if "notice" in o["userdoc"]), "")
        dev = next((o["devdoc"]["details"] for o in self._outputs if "details" in o["devdoc"]), "")
        return "\n\n".join(filter(None, (_text(user), _text(dev))))

    def of(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        """``notice``, ``details``, ``params`` and ``returns`` of a function, event or error."""
        key = signature(entry)
        section = {"function": "methods", "event": "events", "error": "errors"}[entry["type"]]
        merged: dict[str, Any] = {}
        for output in reversed(self._outputs):
            for side in ("devdoc", "userdoc"):
                found = output[side].get(section, {}).get(key, {})
                for each in found if isinstance(found, list) else [found]:
                    merged |= each
        return merged


def signature(entry: Mapping[str, Any]) -> str:
    """The canonical signature, such as ``fund(uint256,uint256)``."""
    return f"{entry['name']}({','.join(map(_canonical, entry['inputs']))})"


def _canonical(value: Mapping[str, Any]) -> str:
    if not value["type"].startswith("tuple"):
        return str(value["type"])
    inner = ",".join(map(_canonical, value["components"]))
    return f"({inner}){value['type'].removeprefix('tuple')}"


def _heading(entry: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]) -> str:
    overloaded = sum(e["name"] == entry["name"] for e in entries) > 1
    return signature(entry) if overloaded else str(entry["name"])


def _entry(entry: Mapping[str, Any], docs: _Docs) -> Iterator[str]:
    said = docs.of(entry)
    yield from ("```solidity", _declaration(entry), "```", "")
    paragraphs = [_text(said[part]) for part in ("notice", "details") if part in said]
    yield "\n\n".join(paragraphs or ([FOREIGN] if docs.is_foreign(entry) else []))
    named = [(f"`{name}`", text) for name, text in said.get("params", {}).items()]
    named += [
        ("returns" if name.startswith("_") else f"returns `{name}`", text)
        for name, text in said.get("returns", {}).items()
    ]
    if named:
        yield ""
        yield from (f"- {name}: {_text(text)}" for name, text in named)


def _declaration(entry: Mapping[str, Any]) -> str:
    inputs = ", ".join(map(_parameter, entry["inputs"]))
    line = f"{entry['type']} {entry['name']}({inputs})"
    if entry["type"] == "function":
        mutability = entry["stateMutability"]
        line += " external" + ("" if mutability == "nonpayable" else f" {mutability}")
        if entry["outputs"]:
            line += f" returns ({', '.join(map(_parameter, entry['outputs']))})"
    return line + ";"


def _parameter(value: Mapping[str, Any]) -> str:
    kind = str(value["internalType"]).split(" ")[-1].split(".")[-1]
    return " ".join(filter(None, (kind, "indexed" if value.get("indexed") else "", value["name"])))


def _text(text: str) -> str:
    # NatSpec is plain text; what looks like HTML or emphasis in it is none.
    return re.sub(r"(?<!`)([<*_])(?!`)", r"\\\1", text) if "`" not in text else text


_COMMENT = re.compile(r"^\s*///\s?(.*)$")
_DECLARATION = re.compile(r"^(struct|enum) (\w+) \{$")
_FIELD = re.compile(r"^\s+([\w\[\]]+) (\w+);$|^\s+(\w+),?$")


def types_page() -> str:
    """Structs and enums: the compiler's output leaves their comments out, so the source is read."""
    lines = [
        "# Types",
        "",
        f"Generated from `{TYPES}` and `contracts/interfaces/IReputationAnchor.sol`.",
    ]
    for name in (TYPES, "contracts/interfaces/IReputationAnchor.sol"):
        lines += _types((ROOT / name).read_text("utf-8").splitlines())
    return "\n".join(lines) + "\n"


def _types(source: list[str]) -> Iterator[str]:
    comment: list[str] = []
    inside = False
    for line in source:
        if match := _COMMENT.match(line):
            comment.append(match[1].removeprefix("@notice "))
            continue
        if match := _DECLARATION.match(line):
            inside = True
            yield from ("", f"## {match[2]}", "", _text(" ".join(comment)), "")
            if match[1] == "struct":
                yield from ("| field | type | meaning |", "|---|---|---|")
        elif inside and (match := _FIELD.match(line)):
            meaning = _text(" ".join(comment))
            if match[1]:
                yield f"| `{match[2]}` | `{match[1]}` | {meaning} |"
            else:
                yield f"- `{match[3]}`" + (f": {meaning}" if meaning else "")
        elif line == "}":
            inside = False
        comment = []
