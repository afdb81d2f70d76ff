"""Does what a page says, block after block, in a folder of its own."""

import ast
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Mapping
from contextlib import redirect_stdout, suppress
from dataclasses import fields
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import solcx

from chain.ledger.profiles import Profile
from karat.participants.sponsor.taskfile import TaskFile
from karat.sdk.documents import DOCUMENTS
from karat.web.names import read_names
from tests.docs.blocks import ROOT, Block
from tools.build import SETTINGS, _compiler

SERVER = Path(__file__).with_name("karat_server.py")
PLACEHOLDER = re.compile(r"0x[0-9a-fA-F]*…")
PORTS = ("8545", "8600", "9100")  # what the pages say; a test takes free ones in their place


class Reader:
    """Someone who follows a page to the letter."""

    def __init__(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, server: Path | None = None
    ) -> None:
        self.folder = folder / "here"
        self.folder.mkdir()
        for name in ("contracts", "examples", "node_modules", "tools"):
            (self.folder / name).symlink_to(ROOT / name)
        self.ports = {port: str(free_port()) for port in PORTS}
        self.printed = ""
        self.patience = 400.0  # seconds for one block
        self.seconds: dict[str, float] = {}  # by the heading that a block stands under
        self._names: dict[str, Any] = {"__name__": "__main__"}
        self._state, self._where, self._log = folder / "state.sh", folder / "where", folder / "log"
        self._groups: list[int] = []
        bin_folder = folder / "bin"
        bin_folder.mkdir()
        _write_karat(bin_folder / "karat", self.ports, server)
        for name in [n for n in os.environ if n.startswith("KARAT_")]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("KARAT_CONFIG_DIR", str(folder / "config"))
        monkeypatch.setenv("KARAT_DATA_DIR", str(folder / "data"))
        monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        monkeypatch.setenv("KARAT_PASSWORD", "a password for tests")
        monkeypatch.setenv("PYTHONPATH", str(ROOT))
        monkeypatch.setenv(
            "PATH", f"{bin_folder}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        )
        monkeypatch.chdir(self.folder)

    def do(self, block: Block) -> None:
        """Do what one block says; an AssertionError tells what is wrong with it."""
        started = time.monotonic()
        self._follow(block)
        self.seconds[block.heading] = (
            self.seconds.get(block.heading, 0) + time.monotonic() - started
        )

    def _follow(self, block: Block) -> None:
        text = block.text
        for said, free in self.ports.items():
            text = re.sub(rf"\b{said}\b", free, text)
        if block.file:
            Path(block.file).parent.mkdir(parents=True, exist_ok=True)
            Path(block.file).write_text(text, "utf-8")
        if block.hint == "output":
            assert like(block.text, self.printed), f"{block} shows another output:\n{self.printed}"
            return
        getattr(self, "_" + block.language)(text, block)

    def close(self) -> None:
        """End what the page started in the background."""
        for group in self._groups:
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)

    def _sh(self, text: str, block: Block) -> None:
        # What a block exports, and the folder it goes to, is there in the next one.
        script = f"[ ! -e '{self._state}' ] || . '{self._state}'\n{text}\n"
        script += f"export -p > '{self._state}'\npwd > '{self._where}'\n"
        with self._log.open("w") as log:
            shell = subprocess.Popen(
                ["bash", "-euo", "pipefail", "-c", script],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                code = shell.wait(self.patience)
            except subprocess.TimeoutExpired:
                os.killpg(shell.pid, signal.SIGKILL)
                code = shell.wait()
        with suppress(ProcessLookupError):  # nothing goes on in the background
            os.killpg(shell.pid, 0)
            self._groups.append(shell.pid)
        self.printed = self._log.read_text("utf-8")
        assert code == 0, f"{block} ended with {code}:\n{self.printed}"
        os.chdir(self._where.read_text("utf-8").rstrip("\n"))

    def _console(self, text: str, block: Block) -> None:
        for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            self._sh(command, block)
            assert like(output, self.printed), f"{block}: {command}:\n{self.printed}"

    def _python(self, text: str, block: Block) -> None:
        printed = StringIO()
        with redirect_stdout(printed):
            for statement in ast.parse(text).body:
                source = ast.unparse(statement)
                if not isinstance(statement, ast.Expr):
                    exec(compile(_at(text, statement), str(block), "exec"), self._names)  # noqa: S102
                    continue
                value = eval(source, self._names)  # noqa: S307 - our own pages
                shown = _shown(text.splitlines()[(statement.end_lineno or 1) - 1])
                if shown is not None:
                    assert _same(shown, value), f"{block}: {source} is {value!r}"
        self.printed = printed.getvalue()

    def _toml(self, text: str, block: Block) -> None:
        document = tomllib.loads(PLACEHOLDER.sub("0x" + "ab" * 20, text))
        if block.hint == "profile":
            Profile(name="shown", **document)
        elif block.file == "names.toml":
            assert read_names(Path(block.file))
        else:
            TaskFile(**document)

    def _json(self, text: str, block: Block) -> None:
        document = json.loads(text)
        known = {field.name for field in fields(DOCUMENTS[document["schema"]])}
        assert document.keys() <= {"schema", *known}, f"{block} has an unknown field"

    def _solidity(self, text: str, _block: Block) -> None:
        source = text if "pragma" in text else f"pragma solidity 0.8.28;\n{text}"
        document = {
            "language": "Solidity",
            "sources": {"page.sol": {"content": source}},
            "settings": SETTINGS | {"remappings": [], "outputSelection": {"*": {"*": ["abi"]}}},
        }
        solcx.compile_standard(document, solc_binary=_compiler(), base_path=ROOT)


def like(pattern: str, text: str) -> bool:
    """Whether ``text`` looks like ``pattern``, in which … stands for anything."""

    def squeeze(one: str) -> str:
        return "\n".join(" ".join(line.split()) for line in one.strip().splitlines())

    parts = map(re.escape, squeeze(pattern).split("…"))
    return re.fullmatch(".*?".join(parts), squeeze(text), re.DOTALL) is not None


def _same(shown: str, value: object) -> bool:
    """Whether a value is the one that a page shows: numbers to nine digits, others as printed."""
    if isinstance(value, float) and "…" not in shown:
        return value == pytest.approx(float(shown), rel=1e-9)
    return like(shown, repr(value))


def _at(text: str, statement: ast.stmt) -> str:
    """A statement's own source with its line numbers, so that a traceback points into the block."""
    lines = text.splitlines()
    first = min([statement.lineno, *(d.lineno for d in getattr(statement, "decorator_list", []))])
    return "\n" * (first - 1) + "\n".join(lines[first - 1 : statement.end_lineno])


def _shown(line: str) -> str | None:
    """The value in a comment behind an expression: ``2 + 2  # 4``; not what starts with a word."""
    match = re.search(r"  # ((?:b?['\"\[({\d-]|True|False|None).*)$", line)
    return match[1] if match else None


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _write_karat(path: Path, ports: Mapping[str, str], server: Path | None) -> None:
    """The command on the path: it takes free ports, and, with a server, starts at once."""
    command = f"'{Path(sys.executable).with_name('karat')}'"
    if server is not None:
        command = f"'{sys.executable}' -S -E '{SERVER}' run '{server}'"
    path.write_text(
        "#!/bin/sh\n"
        "case $1 in\n"
        f'  up) shift; set -- up --port {ports["8545"]} "$@" ;;\n'
        f'  serve) shift; set -- serve --port {ports["8600"]} "$@" ;;\n'
        "esac\n"
        f'exec {command} "$@"\n'
    )
    path.chmod(0o755)
