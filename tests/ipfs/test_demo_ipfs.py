"""The demo with a real IPFS node as its content store."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from chain.store import CID
from chain.store.ipfs import IpfsStore
from tests.ipfs import nodes

pytestmark = [pytest.mark.ipfs, pytest.mark.slow, pytest.mark.timeout(1200)]

KARAT = [sys.executable, "-c", "import sys; from karat.cli.app import main; sys.exit(main())"]


def test_the_demo_keeps_its_updates_on_the_node(
    js_ipfs: nodes.JsIpfs, node: IpfsStore, tmp_path: Path
) -> None:
    flags = ["--rounds", "1", "--json", "--ipfs", js_ipfs.api, "--out", str(tmp_path / "out")]
    done = subprocess.run(
        [*KARAT, "demo", *flags],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"KARAT_DATA_DIR": str(tmp_path / "data")},
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["store"]["kind"] == "ipfs"
    assert not (tmp_path / "out" / "store").exists()
    updates = document["rounds"][0]["updates"]
    assert len(updates) == 11
    for update in updates:
        data = node.get(CID.parse(update["cid"]), max_bytes=1 << 20, size=update["size"])
        assert len(data) == update["size"]
