"""What an ABI does not hold, read from the Solidity sources: constants and the members of enums."""

import ast
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_ENUM = re.compile(r"\benum\s+(\w+)\s*\{([^}]*)\}")
_SCOPE = re.compile(r"^(?:abstract\s+)?(?:contract|library)\s+(\w+)", re.MULTILINE)
_CONSTANT = re.compile(
    r"\bu?int(\d*)\s+(?:(?:private|internal|public)\s+)?constant\s+(\w+)\s*=\s*([^;]+);"
)
_TIME = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400, "weeks": 604800}
_LARGEST = 2**64  # what is larger is a mask, of no use outside the contracts
_OPERATORS: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
    ast.BitOr: operator.or_,
    ast.BitAnd: operator.and_,
}


@dataclass(frozen=True)
class Sources:
    """Enums and integer constants of a set of sources."""

    enums: Mapping[str, tuple[str, ...]]  # the members of each
    constants: Mapping[str, Mapping[str, int]]  # by contract or library, then by name

    @classmethod
    def read(cls, paths: Iterable[Path]) -> "Sources":
        """Read Solidity files.

        Raises:
            ValueError: a constant's value is no arithmetic of numbers and other constants.
        """
        enums: dict[str, tuple[str, ...]] = {}
        written: dict[str, dict[str, str]] = {}
        for path in paths:
            text = _COMMENT.sub("", path.read_text("utf-8"))
            for name, members in _ENUM.findall(text):
                enums[name] = tuple(part.strip() for part in members.split(",") if part.strip())
            for scope, name, value in _constants(text):
                written.setdefault(scope, {})[name] = value
        values = {
            scope: {name: _value(scope, name, written) for name in names}
            for scope, names in sorted(written.items())
        }
        return cls(enums, values)

    def small_constants(self) -> dict[str, dict[str, int]]:
        """The constants that are numbers, not masks; contracts without any are left out."""
        small = {
            scope: {name: value for name, value in constants.items() if value < _LARGEST}
            for scope, constants in self.constants.items()
        }
        return {scope: constants for scope, constants in small.items() if constants}


def _constants(text: str) -> Iterator[tuple[str, str, str]]:
    scopes = [(match.start(), match[1]) for match in _SCOPE.finditer(text)]
    for match in _CONSTANT.finditer(text):
        within = [name for start, name in scopes if start < match.start()]
        if within:
            yield within[-1], match[2], match[3]


def _value(scope: str, name: str, written: Mapping[str, Mapping[str, str]]) -> int:
    """The value of one constant, those it refers to included."""
    source = written[scope][name]
    units = "|".join(_TIME)
    text = re.sub(rf"(\d)\s+({units})\b", lambda m: f"{m[1]} * {_TIME[m[2]]}", source.strip())
    text = re.sub(r"type\(uint(\d+)\)\.max", lambda m: str(2 ** int(m[1]) - 1), text)

    def value(node: ast.AST) -> int:
        if isinstance(node, ast.Constant) and isinstance(node.value, int):
            return node.value
        if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
            return _OPERATORS[type(node.op)](value(node.left), value(node.right))
        if isinstance(node, ast.Name) and node.id in written[scope]:
            return _value(scope, node.id, written)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            other = node.value.id
            if node.attr in written.get(other, {}):
                return _value(other, node.attr, written)
        raise ValueError(f"{scope}.{name} = {source}: this is no arithmetic that is understood")

    return value(ast.parse(text, mode="eval").body)
