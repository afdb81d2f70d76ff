"""What ``--json`` prints without a network is what its schema says, no field more or less."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from chain.store.cid import CID
from tests.cli.schemas import checked
from tests.ipfs.stub import running_stub

KARAT = [sys.executable, "-c", "import sys; from karat.cli.app import main; sys.exit(main())"]


def printed(folder: Path, *arguments: object) -> dict[str, Any]:
    done = subprocess.run(
        [*KARAT, *map(str, arguments), "--json"],
        capture_output=True, text=True, check=False, cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return checked(json.loads(done.stdout))


def test_store(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("karat")
    store = ["--store", f"local:{tmp_path / 'store'}"]
    cid = printed(tmp_path, "store", "add", "file", *store)["cid"]
    assert printed(tmp_path, "store", "get", cid, "-o", "back", *store)["size"] == 5
    assert printed(tmp_path, "store", "stat", cid, *store)["complete"] is True
    for command in (["pin", cid], ["unpin", cid], ["gc"], ["verify"]):
        printed(tmp_path, "store", *command, *store)


def test_store_pull_and_push(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KARAT_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "file").write_text("karat")
    one, other = (["--store", f"local:{tmp_path / name}"] for name in ("one", "other"))
    cid = printed(tmp_path, "store", "add", "file", *one)["cid"]
    pulled = printed(tmp_path, "store", "pull", cid, "--from", one[1], *other)
    assert (pulled["cid"], pulled["size"]) == (cid, 5)
    with running_stub() as node:
        node.answer = json.dumps({"ID": "a peer", "Pins": [cid]}).encode()
        node.blocks = {CID.parse(cid): b"karat"}
        pushed = printed(tmp_path, "store", "push", cid, "--to", f"ipfs:{node.url}", *one)
    assert (pushed["cid"], pushed["size"]) == (cid, 5)


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
    where = ["--out", "out", "--report", "report"]
    demo = printed(tmp_path, "demo", "--rounds", 1, "--node", "embedded", *where)
    assert demo["chain"]["kind"] == "embedded"
    assert demo["outputs"]["report"] == "report/index.html"
    page = (tmp_path / "report" / "index.html").read_text("utf-8")
    assert "--report report" in page
    assert all(one["cid"] in page for one in demo["rounds"][0]["updates"])
