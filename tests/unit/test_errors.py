"""One tree of exceptions: every class has a documented exit code, every hint its command."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

import chain.errors
import chain.store.errors
import learning.errors
import reputation.errors
from chain.errors import BadCommitment, NodeUnreachable, RpcError, TransactionRejected
from chain.ledger.bindings.errors import ERRORS
from karat.cli.errors import _COMMANDS, exit_code, sentence
from karat.errors import Exit, Hint, KaratError, NotAvailable
from learning.errors import ModelStateError

ROOT = Path(__file__).parents[2]
BELOW = (
    "chain",
    "learning",
    "reputation",
    "karat/protocol",
    "karat/participants",
    "karat/sdk",
)
TREES = (chain.errors, chain.store.errors, learning.errors, reputation.errors)


def tree(cls: type[KaratError]) -> Iterator[type[KaratError]]:
    yield cls
    for below in cls.__subclasses__():
        yield from tree(below)


def documented() -> dict[int, str]:
    text = (ROOT / "docs" / "cli.md").read_text("utf-8")
    section = text.split("## JSON and exit codes")[1].split("\n## ")[0]
    return {
        int(code): meaning for code, meaning in re.findall(r"^\| (\d) \| (.+) \|$", section, re.M)
    }


def test_every_class_has_a_documented_exit_code() -> None:
    rows, classes = documented(), set(tree(KaratError))
    assert set(ERRORS.values()) < classes
    assert len(classes) > len(ERRORS) + 50
    for cls in classes:
        assert isinstance(cls.exit_code, Exit), cls
        assert cls.exit_code is not Exit.OK, cls
        assert rows[cls.exit_code].startswith(cls.exit_code.meaning.split(":")[0].split(",")[0])
    assert {code.value for code in Exit} == set(rows)


def test_everything_that_is_raised_on_purpose_is_in_the_tree() -> None:
    for module in TREES:
        names = re.findall(r"[│├└─ ]*\b([A-Z]\w+)", (module.__doc__ or "").split("::\n")[1])
        own = {
            name: value
            for name, value in vars(module).items()
            if isinstance(value, type) and value.__module__ == module.__name__
        }
        assert own.keys() <= set(names)
        assert all(issubclass(value, KaratError) for value in own.values())


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (TransactionRejected("no funds"), Exit.REVERTED),
        (BadCommitment("too large"), Exit.USAGE),
        (ModelStateError("torn"), Exit.REJECTED),
        (NodeUnreachable("silent"), Exit.UNREACHABLE),
        (RpcError("eth_call", 1, "no"), Exit.FAILURE),
        (ValueError("a mistake"), Exit.FAILURE),
    ],
)
def test_the_code_is_that_of_the_nearest_class(error: Exception, code: Exit) -> None:
    assert exit_code(error) is code


def test_a_hint_becomes_a_command_at_the_edge_only() -> None:
    error = NotAvailable("task 3 has had no round yet").with_hint(Hint.OPEN_ROUND, task=3)
    assert str(error) == "task 3 has had no round yet"
    assert sentence(error) == "task 3 has had no round yet; `karat round open 3` opens one"
    assert sentence(NotAvailable("not yet")) == "not yet"


def calls(source: Path) -> Iterator[tuple[str, set[str]]]:
    """Each hint that a file gives, and the values it gives with it."""
    for node in ast.walk(ast.parse(source.read_text("utf-8"))):
        is_hint = isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "with_hint"
        if is_hint and isinstance(node.args[0], ast.Attribute):  # else handed on as it came
            yield node.args[0].attr, {str(keyword.arg) for keyword in node.keywords}


def test_every_hint_is_worded_with_the_values_it_comes_with() -> None:
    assert set(_COMMANDS) == set(Hint)
    wanted = {
        hint.name: {name for _, name, _, _ in Formatter().parse(text) if name}
        for hint, text in _COMMANDS.items()
    }
    given = [
        pair for below in BELOW for path in (ROOT / below).rglob("*.py") for pair in calls(path)
    ]
    assert {name for name, _ in given} == set(wanted)
    for name, values in given:
        assert values == wanted[name], name


def messages(source: Path) -> Iterator[str]:
    """The string constants of a file that are no docstrings."""
    parsed = ast.parse(source.read_text("utf-8"))
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(parsed)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(parsed):
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if is_text and id(node) not in docstrings:
            yield node.value


def test_nothing_below_the_command_line_speaks_of_its_commands() -> None:
    for below in (*BELOW, "karat/config.py", "karat/errors.py"):
        path = ROOT / below
        for source in path.rglob("*.py") if path.is_dir() else [path]:
            if source.name == "doctor.py":  # its advice is the document that the verb prints
                continue
            for text in messages(source):
                assert "`karat " not in text, f"{source}: {text}"


def test_the_roots_stay_light() -> None:
    code = (
        "import sys, reputation.errors, chain.errors, learning.errors\n"
        "heavy = {'pydantic', 'torch', 'web3', 'typer'} & set(sys.modules)\n"
        "ours = {name for name in sys.modules if name.startswith('karat.')}\n"
        "sys.exit(f'{heavy} {ours}' if heavy or ours != {'karat.errors'} else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
