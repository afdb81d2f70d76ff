"""What ``--json`` prints without a network is what its schema says, no field more or less."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ConfigDict, TypeAdapter
from typing_extensions import is_typeddict

from karat.cli import documents_offline
from karat.cli.documents import DOCUMENTS
from karat.cli.documents_offline import OFFLINE_DOCUMENTS

KARAT = [sys.executable, "-c", "import sys; from karat.cli.app import main; sys.exit(main())"]

for kind in vars(documents_offline).values():
    if is_typeddict(kind):
        kind.__pydantic_config__ = ConfigDict(extra="forbid")


def printed(folder: Path, *arguments: object) -> dict[str, Any]:
    done = subprocess.run(
        [*KARAT, *map(str, arguments), "--json"],
        capture_output=True, text=True, check=False, cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    TypeAdapter(OFFLINE_DOCUMENTS[document["schema"]]).validate_python(document, strict=True)
    return document


def test_no_schema_is_defined_twice() -> None:
    assert not set(DOCUMENTS) & set(OFFLINE_DOCUMENTS)


def test_store(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("karat")
    store = ["--store", f"local:{tmp_path / 'store'}"]
    cid = printed(tmp_path, "store", "add", "file", *store)["cid"]
    assert printed(tmp_path, "store", "get", cid, "-o", "back", *store)["size"] == 5
    assert printed(tmp_path, "store", "stat", cid, *store)["complete"] is True
    for command in (["pin", cid], ["unpin", cid], ["gc"], ["verify"]):
        printed(tmp_path, "store", *command, *store)


@pytest.mark.parametrize(
    "command",
    [["top"], ["show", "d"], ["explain", "d"], ["export"], ["export", "-o", "out"], ["audit"]],
    ids=" ".join,
)
def test_reputation(command: list[str], tmp_path: Path) -> None:
    (tmp_path / "edges.csv").write_text("src,dst,weight\na,b,1\na,c,1\nb,c,1\nc,d,1\nb,d,-1\n")
    verb, *rest = command
    printed(tmp_path, "reputation", verb, *rest, "--graph", "edges.csv", "--ego", "a")


def test_arena(tmp_path: Path) -> None:
    printed(tmp_path, "arena", "--list")
    match = ["--attack", "sign-flip", "--defence", "mean", "--honest", 3, "--attackers", 1]
    rows = printed(tmp_path, "arena", *match, "--rounds", 1, "--seeds", 0)["rows"]
    assert rows[0]["attack"] == "sign-flip"


def test_demo(tmp_path: Path) -> None:
    demo = printed(tmp_path, "demo", "--rounds", 1, "--node", "embedded", "--out", "out")
    assert demo["chain"]["kind"] == "embedded"
