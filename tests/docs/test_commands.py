"""What is documented exists, and what exists is documented: commands, options, settings."""

import re
import shlex
from collections.abc import Iterator

import pytest

from karat.config import Settings
from karat.participants.sponsor.taskfile import TaskFile
from tests.docs.blocks import PAGES, ROOT, read_page
from tests.docs.generators import cli_page, pages, settings_page

COMMANDS = dict(cli_page.commands())
LEAVES = {name: one for name, one in COMMANDS.items() if not getattr(one, "commands", None)}
CLI = (ROOT / "docs" / "cli.md").read_text("utf-8")
STORE = (ROOT / "docs" / "store.md").read_text("utf-8")


def written() -> Iterator[tuple[str, str]]:
    """Every ``karat …`` in a code block or between backticks, with its page."""
    for path in PAGES:
        page = read_page(path)
        for block in page.blocks:
            if block.language in {"sh", "console"}:
                for line in block.text.replace("\\\n", " ").splitlines():
                    for found in re.findall(r"(?:^|[;(&|] *|\$ )(karat [^;|&#>)]*)", line):
                        yield str(block), found.strip()
        text = re.sub(r"```.*?```", "", path.read_text("utf-8"), flags=re.DOTALL)
        for found in re.findall(r"`(?:\.venv/bin/)?(karat [a-z][^`]*)`", text):
            yield page.name, found.strip()


WRITTEN = sorted(set(written()))


@pytest.mark.parametrize(("where", "line"), WRITTEN, ids=[line for _, line in WRITTEN])
def test_a_written_command_exists_with_its_options(where: str, line: str) -> None:
    words = shlex.split(re.sub(r"\$\(\(.*?\)\)|\$\w+|<[^>]*>", "1", line).replace("…", ""))
    name = words.pop(0)
    verbs = words[0].split("|") if words and "|" in words[0] else words[:1]
    for verb in verbs or [""]:
        known = f"{name} {verb}".strip()
        rest = words[1:] if verb else words
        if known in COMMANDS and known not in LEAVES and rest and rest[0][0] != "-":
            for second in rest.pop(0).split("|"):
                group = f"{known} {second}"
                inner = rest[:1] if group in COMMANDS and group not in LEAVES else []
                check(where, " ".join([group, *inner]), rest[len(inner) :])
        else:
            check(where, known, rest)


def check(where: str, command: str, words: list[str]) -> None:
    """That a command exists and takes the options among ``words``."""
    assert command in COMMANDS, f"{where}: there is no `{command}`"
    options = {name for one in cli_page.options(COMMANDS[command]) for name in one.opts}
    options |= {name for one in cli_page.options(COMMANDS[command]) for name in one.secondary_opts}
    options |= {"--help", "--version", "--install-completion"}
    for word in words:
        if re.match(r"--?[a-z]", word):
            assert word.split("=")[0] in options, f"{where}: `{command}` takes no {word}"


def test_the_reference_has_every_command_and_option() -> None:
    page = pages()["cli.md"]
    for name, command in COMMANDS.items():
        if name == "karat":
            continue
        section = page[re.search(rf"^##+ {name}$", page, re.MULTILINE).end() :]  # type: ignore[union-attr]
        section = section.split("\n#")[0]
        for option in cli_page.options(command):
            assert all(f"`{n}" in section for n in option.opts), f"{name} {option.opts}"
            assert option.help, f"{name} {option.opts[0]} has no help"


def test_every_command_is_explained_by_hand() -> None:
    # The table names a group's verbs after the group; store has a page of its own.
    table = CLI.split("## Commands")[1].split("\n**")[0]
    rows = [re.findall(r"`([a-z -]+)`", row.split("|")[1]) for row in table.splitlines()[4:]]
    named: set[str] = set()
    for row in rows:
        first, _, verb = row[0].partition(" ")
        named |= {first, *row[1:]} if not verb else {f"{first} {v}" for v in (verb, *row[1:])}
    named |= {
        f"store {verb}" for verb in re.findall(r"^\| `karat store (\w+)", STORE, re.MULTILINE)
    }
    exist = {name.removeprefix("karat ") for name in LEAVES}
    assert exist - named == set(), "docs/cli.md leaves these out"
    assert {n for n in named if n not in exist} <= {"arena", "store"}, "docs/cli.md invents these"


def test_every_setting_is_explained_by_hand() -> None:
    table = CLI.split("## Settings")[1]
    for name in Settings.model_fields:
        assert f"`KARAT_{name.upper()}`" in table


def test_every_field_of_a_task_file_is_explained_by_hand() -> None:
    table = CLI.split("## Task files")[1].split("\n## ")[0]
    prefix, named = "", set()
    for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE):
        prefix = ""
        for word in re.findall(r"`([^`]+)`", row):
            if word.startswith("[["):
                prefix = word.strip("[]") + "[]."
                continue
            if "." in word[1:]:
                prefix = word.rpartition(".")[0] + "."
            name = word.rpartition(".")[2]
            named.add(prefix + name)
    fields = {name for name, _, _ in settings_page.fields(TaskFile)}
    assert fields - named == set()
    assert named - fields == set()


def test_every_variable_is_documented() -> None:
    code = [
        path.read_text("utf-8")
        for folder in ("karat", "chain", "learning", "reputation", "tests")
        for path in (ROOT / folder).rglob("*.py")
        if path.name != "test_commands.py"
    ]
    # HARDHAT_NETWORK goes from the node's starter to its configuration and is nobody else's.
    text = "".join(code)
    constants = set(re.findall(r"^(KARAT_[A-Z_]*[A-Z]) =", text, re.MULTILINE))
    used = set(re.findall(r"KARAT_[A-Z_]*[A-Z]", text)) - constants - {"KARAT_HARDHAT_NETWORK"}
    documented = set(
        re.findall(
            r"KARAT_[A-Z_]*[A-Z]",
            (ROOT / "docs" / "environment.md").read_text("utf-8") + pages()["settings.md"],
        )
    )
    assert used - documented == set()
    assert documented - used - {f"KARAT_{name.upper()}" for name in Settings.model_fields} == set()


def test_every_exit_code_is_documented() -> None:
    from karat.cli.errors import Exit

    for code in Exit:
        assert re.search(rf"^\| {code.value} \| \S", CLI, re.MULTILINE), code


def test_every_benchmark_is_documented() -> None:
    page = (ROOT / "docs" / "benchmarks.md").read_text("utf-8")
    for path in (ROOT / "benchmarks").glob("*.py"):
        if "__main__" in path.read_text("utf-8"):
            assert f"python -m benchmarks.{path.stem} " in page


def test_every_example_is_shown() -> None:
    pages = "".join(path.read_text("utf-8") for path in PAGES)
    shown = pages + (ROOT / "Dockerfile").read_text("utf-8")
    for path in (ROOT / "examples").rglob("*.*"):
        if "__pycache__" not in path.parts:
            assert str(path.relative_to(ROOT)) in shown
