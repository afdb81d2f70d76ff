"""Generates ``chain/ledger/bindings`` from ``chain/artifacts``: ``python -m tools.bindgen``.

For each contract a typed client class, its events as frozen dataclasses, and once for all
contracts the structs and the custom errors as exceptions. Enums, constants and docstrings (the
``@notice`` lines) come from the Solidity sources, as does ``learning/score_codes.py``.
``--check`` writes nothing and fails if a file would change.
"""

import argparse
import json
import keyword
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from eth_utils.crypto import keccak

from tools.codegen import HEADER, constants_module, enums_module, score_codes_module
from tools.solidity import Sources

ROOT = Path(__file__).resolve().parent.parent
CONTRACTS = ("Ledger", "ReputationAnchor", "StandingAnchor", "TaskInputs", "Royalties", "DevToken")
ENUM_MODULE = "chain.ledger.bindings.enums"

_NOTICE = re.compile(
    r"((?:^[ \t]*///.*\n)+)[ \t]*(?:abstract\s+)?"
    r"(?:error|event|function|struct|enum|contract|interface)\s+(\w+)",
    re.MULTILINE,
)


def snake_case(name: str) -> str:
    """``baseDigest`` as ``base_digest``; a Python keyword gets a trailing underscore."""
    if name.isupper():
        name = name.lower()
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name.strip("_")).lower()
    return words + "_" if keyword.iskeyword(words) else words


def notices(sources: Iterable[Path]) -> dict[str, str]:
    """For each documented name the text of its ``@notice``."""
    found: dict[str, str] = {}
    for source in sources:
        for comment, name in _NOTICE.findall(source.read_text("utf-8")):
            lines = [line.strip().removeprefix("///").strip() for line in comment.splitlines()]
            text = " ".join(lines)
            match = re.search(r"@notice (.*?)(?= @\w+|$)", text)
            if match and name not in found:
                found[name] = match[1].replace("\\", "").replace('"', "'")
    return found


@dataclass(frozen=True)
class Value:
    """One parameter, field or result: its names and its types on both sides."""

    name: str
    shape: str  # a Python expression, see chain.evm.abi
    annotation: str
    argument: str  # the annotation as a function argument: any sequence will do for an array
    abi: Mapping[str, Any]


def value_of(entry: Mapping[str, Any], position: int) -> Value:
    """The Python side of one ABI parameter.

    Raises:
        ValueError: a type that no binding exists for (fixed arrays, nested dynamic tuples are
            fine; function types and ``fixed`` are not).
    """
    name = snake_case(entry["name"]) if entry.get("name") else f"value_{position}"
    shape, annotation, argument = _types(entry["type"], entry)
    return Value(name, shape, annotation, argument, entry)


def _types(kind: str, entry: Mapping[str, Any]) -> tuple[str, str, str]:
    if kind.endswith("[]"):
        shape, annotation, argument = _types(kind[:-2], entry)
        return f"[{shape}]", f"tuple[{annotation}, ...]", f"Sequence[{argument}]"
    declared = str(entry.get("internalType", "")).split("[", 1)[0]
    if kind == "tuple":
        name = declared.removeprefix("struct ").rsplit(".", 1)[-1]
        return name, name, name
    if declared.startswith("enum "):
        name = declared.removeprefix("enum ").rsplit(".", 1)[-1]
        return name, name, name
    for pattern, python in ((r"u?int\d+", "int"), (r"bytes\d*", "bytes")):
        if re.fullmatch(pattern, kind):
            return f'"{kind}"', python, python
    plain = {"address": "str", "bool": "bool", "string": "str"}
    if kind not in plain:
        raise ValueError(f"no binding for the Solidity type {kind}")
    return f'"{kind}"', plain[kind], plain[kind]


def values_of(entries: Sequence[Mapping[str, Any]]) -> list[Value]:
    """The Python side of a list of ABI parameters."""
    return [value_of(entry, position) for position, entry in enumerate(entries)]


def canonical(entry: Mapping[str, Any]) -> str:
    """The canonical signature, for selectors and topics."""

    def kind(parameter: Mapping[str, Any]) -> str:
        declared = str(parameter["type"])
        if not declared.startswith("tuple"):
            return declared
        inner = ",".join(kind(component) for component in parameter["components"])
        return f"({inner}){declared.removeprefix('tuple')}"

    return f"{entry['name']}({','.join(kind(parameter) for parameter in entry['inputs'])})"


def tuple_of(items: Iterable[str]) -> str:
    """Source of a tuple of the given expressions."""
    listed = list(items)
    return "(" + ", ".join(listed) + ("," if len(listed) == 1 else "") + ")"


def docstring(text: str, indent: str) -> str:
    """``text`` as a docstring, wrapped to the line length."""
    words, lines = text.split(), [""]
    for word in words:
        if len(lines[-1]) + len(word) + 1 + len(indent) > 94:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    body = f"\n{indent}".join(lines)
    closing = f"\n{indent}" if len(lines) > 1 else ""
    return f'{indent}"""{body}{closing}"""\n'


def structs_in(entries: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every struct used by these ABI parameters, inner ones first."""
    for entry in entries:
        if entry["type"].startswith("tuple"):
            yield from structs_in(entry["components"])
            yield value_of(entry, 0).shape.strip("[]"), entry


def enums_in(entries: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The enum of every ABI parameter that is one, those within structs included."""
    for entry in entries:
        declared = str(entry.get("internalType", "")).split("[", 1)[0]
        if declared.startswith("enum "):
            yield declared.removeprefix("enum ").rsplit(".", 1)[-1]
        yield from enums_in(entry.get("components", ()))


class Generator:
    """Source texts of all bindings, from ABIs and notices."""

    def __init__(
        self,
        abis: Mapping[str, list[dict[str, Any]]],
        libraries: Sequence[list[dict[str, Any]]],
        docs: Mapping[str, str],
    ) -> None:
        self._abis = abis
        self._libraries = libraries  # linked into a contract; they add errors
        self._docs = docs
        self.enums = sorted(
            {
                name
                for entry in chain.from_iterable([*abis.values(), *libraries])
                for name in enums_in([*entry.get("inputs", ()), *entry.get("outputs", ())])
            }
        )

    def files(self) -> dict[str, str]:
        """Each file's name and text."""
        texts = {
            "__init__.py": HEADER.format(title="Typed clients of the contracts."),
            "structs.py": self._structs(),
            "errors.py": self._errors(),
        }
        for name in self._abis:
            module = snake_case(name)
            texts[f"{module}.py"] = self._contract(name)
            if any(entry["type"] == "event" for entry in self._abis[name]):
                texts[f"{module}_events.py"] = self._events(name)
        return texts

    def _entries(self, kind: str, *names: str) -> list[dict[str, Any]]:
        abis = [self._abis[name] for name in names] or [*self._abis.values(), *self._libraries]
        unique: dict[str, dict[str, Any]] = {}
        for entry in chain.from_iterable(abis):
            if entry["type"] == kind:
                unique.setdefault(canonical(entry), entry)
        return sorted(unique.values(), key=lambda entry: str(entry["name"]))

    def _enum_imports(self, text: str) -> str:
        """Imports of the enums that a generated text names."""
        used = [name for name in self.enums if re.search(rf"\b{name}\b", text)]
        return imports(ENUM_MODULE, used)

    def _doc(self, name: str, fallback: str) -> str:
        return self._docs.get(name, fallback)

    def _structs(self) -> str:
        found: dict[str, Mapping[str, Any]] = {}
        for kind in ("function", "event"):
            for entry in self._entries(kind, *self._abis):
                for name, struct in structs_in([*entry["inputs"], *entry.get("outputs", [])]):
                    found.setdefault(name, struct)
        body = "".join(self._struct(name, entry) for name, entry in found.items())
        return (
            HEADER.format(title="The structs of the contracts.")
            + "\nfrom dataclasses import dataclass\nfrom typing import Any, ClassVar\n\n"
            + "from chain.evm.abi import Struct\n"
            + self._enum_imports(body)
            + body
        )

    def _struct(self, name: str, entry: Mapping[str, Any]) -> str:
        values = values_of(entry["components"])
        fields = "".join(f"    {value.name}: {value.annotation}\n" for value in values)
        return (
            f"\n\n@dataclass(frozen=True, slots=True)\nclass {name}(Struct):\n"
            + docstring(self._doc(name, f"The struct {name}."), "    ")
            + f"\n    NAMES: ClassVar[tuple[str, ...]] = {names_of(values)}\n"
            + f"    SHAPES: ClassVar[tuple[Any, ...]] = {shapes_of(values)}\n\n"
            + fields
        )

    def _errors(self) -> str:
        entries = self._entries("error")
        body = "".join(self._error(entry) for entry in entries)
        table = "".join(f"        {entry['name']},\n" for entry in entries)
        return (
            HEADER.format(title="The contracts' custom errors as exceptions.")
            + "\nfrom typing import Any, ClassVar\n\nfrom chain.evm.abi import CustomError\n"
            + self._enum_imports(body)
            + body
            + "\n\nERRORS: dict[bytes, type[CustomError]] = {\n    error.SELECTOR: error\n"
            + f"    for error in (\n{table}    )\n}}\n"
        )

    def _error(self, entry: Mapping[str, Any]) -> str:
        name, values = str(entry["name"]), values_of(entry["inputs"])
        words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).capitalize()
        sentence = self._doc(name, f"{words}.").rstrip(".")
        fields = "".join(f"    {value.name}: {value.annotation}\n" for value in values)
        selector = keccak(text=canonical(entry))[:4].hex()
        return (
            f"\n\nclass {name}(CustomError):\n"
            + docstring(sentence + ".", "    ")
            + f'\n    SELECTOR: ClassVar[bytes] = bytes.fromhex("{selector}")\n'
            + f"    NAMES: ClassVar[tuple[str, ...]] = {names_of(values)}\n"
            + f"    SHAPES: ClassVar[tuple[Any, ...]] = {shapes_of(values)}\n"
            + f"    SENTENCE: ClassVar[str] = (\n        {sentence!r}\n    )\n\n"
            + fields
        )

    def _events(self, contract: str) -> str:
        entries = self._entries("event", contract)
        body = "".join(self._event(entry) for entry in entries)
        used = sorted({name for entry in entries for name, _ in structs_in(entry["inputs"])})
        table = "".join(f"        {entry['name']},\n" for entry in entries)
        return (
            HEADER.format(title=f"The events of {contract}.")
            + "\nfrom dataclasses import dataclass\nfrom typing import Any, ClassVar\n\n"
            + "from chain.evm.abi import Event\n"
            + imports("chain.ledger.bindings.structs", used)
            + self._enum_imports(body)
            + body
            + "\n\nEVENTS: dict[bytes, type[Event]] = {\n    event.TOPIC: event\n"
            + f"    for event in (\n{table}    )\n}}\n"
        )

    def _event(self, entry: Mapping[str, Any]) -> str:
        name, values = str(entry["name"]), values_of(entry["inputs"])
        fields = "".join(f"    {value.name}: {value.annotation}\n" for value in values)
        indexed = tuple_of(str(bool(value.abi["indexed"])) for value in values)
        topic = keccak(text=canonical(entry)).hex()
        return (
            f"\n\n@dataclass(frozen=True, kw_only=True)\nclass {name}(Event):\n"
            + docstring(self._doc(name, f"The event {name}."), "    ")
            + f'\n    TOPIC: ClassVar[bytes] = bytes.fromhex(\n        "{topic}"\n    )\n'
            + f"    NAMES: ClassVar[tuple[str, ...]] = {names_of(values)}\n"
            + f"    SHAPES: ClassVar[tuple[Any, ...]] = {shapes_of(values)}\n"
            + f"    INDEXED: ClassVar[tuple[bool, ...]] = {indexed}\n\n"
            + fields
        )

    def _contract(self, name: str) -> str:
        functions = self._entries("function", name)
        twice = {e["name"] for e in functions if sum(f["name"] == e["name"] for f in functions) > 1}
        if twice:
            raise ValueError(f"{name} overloads {', '.join(sorted(twice))}; there is no binding")
        body = "".join(self._function(entry) for entry in functions)
        used = sorted(
            {
                struct
                for entry in functions
                for struct, _ in structs_in([*entry["inputs"], *entry["outputs"]])
            }
        )
        return (
            HEADER.format(title=f"The contract {name}.")
            + "\nfrom collections.abc import Sequence\n\n"
            + "from web3.types import BlockIdentifier\n\n"
            + "from chain.evm.abi import Call\n"
            + "from chain.evm.contract import Contract, Function\n"
            + "from chain.ledger.bindings.errors import ERRORS\n"
            + imports("chain.ledger.bindings.structs", used)
            + self._enum_imports(body)
            + "\n"
            + "".join(constant(entry) for entry in functions)
            + f"\n\nclass {name}Contract(Contract):\n"
            + docstring(self._doc(f"I{name}", self._doc(name, f"The contract {name}.")), "    ")
            + f'\n    NAME = "{name}"\n    ERRORS = ERRORS\n'
            + body
        )

    def _function(self, entry: Mapping[str, Any]) -> str:
        inputs, outputs = values_of(entry["inputs"]), values_of(entry["outputs"])
        is_view = entry["stateMutability"] in ("view", "pure")
        result = "None" if not outputs else outputs[0].annotation
        if len(outputs) > 1:
            result = f"tuple[{', '.join(value.annotation for value in outputs)}]"
        returned = result if is_view else f"Call[{result}]"
        operation = snake_case(entry["name"])
        given = ["self", *([arguments_of(inputs)] if inputs else [])]
        given += ["*", 'block: BlockIdentifier = "latest"'] if is_view else []
        verb, extra = ("_view", ", block") if is_view else ("_call", "")
        passed = f"_{operation.upper()}, {values_list(inputs)}{extra}"
        return (
            f"\n    def {operation}({', '.join(given)}) -> {returned}:\n"
            + docstring(self._doc(entry["name"], f"Calls {entry['name']}."), "        ")
            + f"        result: {returned} = self.{verb}({passed})\n"
            + "        return result\n"
        )


def constant(entry: Mapping[str, Any]) -> str:
    """The module constant that describes a function."""
    operation = snake_case(entry["name"])
    selector = keccak(text=canonical(entry))[:4].hex()
    shapes = [shapes_of(values_of(entry[side])) for side in ("inputs", "outputs")]
    return (
        f"_{operation.upper()} = Function(\n"
        f'    "{operation}",\n    "{selector}",\n    {shapes[0]},\n    {shapes[1]},\n)\n'
    )


def imports(module: str, names: Sequence[str]) -> str:
    """An import line, or nothing."""
    return f"from {module} import {', '.join(names)}\n" if names else ""


def names_of(values: Sequence[Value]) -> str:
    """Source of the tuple of names."""
    return tuple_of(f'"{value.name}"' for value in values)


def shapes_of(values: Sequence[Value]) -> str:
    """Source of the tuple of shapes."""
    return tuple_of(value.shape for value in values)


def arguments_of(values: Sequence[Value]) -> str:
    """Source of the parameters of a method."""
    return ", ".join(f"{value.name}: {value.argument}" for value in values)


def values_list(values: Sequence[Value]) -> str:
    """Source of the list of the parameters' values."""
    return f"[{', '.join(value.name for value in values)}]"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write ``chain/ledger/bindings``, or with ``--check`` say which files are stale."""
    parser = argparse.ArgumentParser(prog="python -m tools.bindgen", description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail if a file would change")
    check = parser.parse_args(arguments).check
    found = {
        path.stem: json.loads(path.read_text("utf-8"))["abi"]
        for path in sorted((ROOT / "chain" / "artifacts").glob("*.json"))
    }
    abis = {name: found.pop(name) for name in CONTRACTS}
    sources = sorted(
        (ROOT / "contracts").rglob("*.sol"),
        key=lambda path: ("interfaces" not in path.parts, str(path)),
    )
    generated = files(abis, list(found.values()), sources)
    stale = [name for name, text in generated.items() if not _holds(ROOT / name, text)]
    if check and stale:
        sys.stderr.write(f"generated files are stale ({', '.join(stale)}): run `make build`\n")
        return 1
    for name in stale:
        (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / name).write_text(generated[name], "utf-8")
    return 0


def files(
    abis: Mapping[str, list[dict[str, Any]]],
    libraries: Sequence[list[dict[str, Any]]],
    sources: Sequence[Path],
) -> dict[str, str]:
    """Every generated file's path in the repository, and its text."""
    docs, read = notices(sources), Sources.read(sources)
    generator = Generator(abis, libraries, docs)
    bindings = {
        **generator.files(),
        "constants.py": constants_module(read),
        "enums.py": enums_module(read, generator.enums, docs),
    }
    return {
        **{f"chain/ledger/bindings/{name}": text for name, text in bindings.items()},
        "learning/score_codes.py": score_codes_module(read),
    }


def _holds(path: Path, text: str) -> bool:
    return path.exists() and path.read_text("utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
