"""The key in a node's URL is on no page and in no answer, well or not."""

from pathlib import Path

import httpx
import pytest

from chain.evm.node import connect_node
from chain.ledger.client import Ledger, ReputationAnchor
from karat.sdk import Network
from tests.faults.node import Mode, faulty_node
from tests.web.networks import small
from tests.web.serving import api, served, wait_for

KEYS = ("HUNTER2", "APIKEY123", "TOKEN456")
ECHO = Mode(
    "echo", times=0, seconds=300.0,
    error={"code": -32000, "message": "APIKEY123 of HUNTER2 with TOKEN456 is unknown"},
)  # fmt: skip
PATHS = ("/", "/api/v1/status", "/api/v1/network", "/api/v1/tasks", "/tasks/1")


def test_the_page_and_its_log_show_no_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("chain.evm.node._PATIENCE", ())
    with small(tmp_path) as built, faulty_node(str(built.devnet.rpc_url)) as node:
        where = node.url.removeprefix("http://")
        web3 = connect_node(f"http://user:HUNTER2@{where}/v3/APIKEY123?token=TOKEN456")
        ledger = Ledger(web3, built.ledger.address)
        anchor = ReputationAnchor(web3, built.anchor.address)
        store = f"local:{tmp_path / 'store'}"
        with served(Network(web3, ledger, anchor, store, 0), store, tmp_path) as url:
            texts = [httpx.get(url + path).text for path in PATHS]
            node.arm(ECHO, "eth_blockNumber")
            wait_for(lambda: api(url, "/status")["trouble"], "the page to tell of the trouble")
            texts += [httpx.get(url + path).text for path in PATHS]
    assert "is unknown" in caplog.text  # the log has what the node answers
    texts.append(caplog.text)
    assert not [text for text in texts for key in KEYS if key in text]
