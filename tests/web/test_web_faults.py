"""A node that limits, babbles or breaks off once does not stop the page: it goes on by itself."""

from pathlib import Path

import pytest

from chain.evm.node import connect_node
from chain.ledger.client import Ledger, ReputationAnchor
from karat.sdk import Network
from tests.faults.matrix import MODES
from tests.faults.node import Mode, faulty_node
from tests.web.networks import small
from tests.web.serving import api, served, wait_for

SOME = {"rate limit", "http 429", "null", "junk", "html", "reset"}


def test_the_page_follows_the_chain_after_each_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chain.evm.node._PATIENCE", ())  # every fault reaches the follower
    store = f"local:{tmp_path / 'store'}"
    with small(tmp_path) as built, faulty_node(str(built.devnet.rpc_url)) as node:
        web3 = connect_node(node.url)
        contracts = Ledger(web3, built.ledger.address), ReputationAnchor(web3, built.anchor.address)
        with served(Network(web3, *contracts, store, 0), store, tmp_path) as url:
            for mode in (one for one in Mode.load(MODES) if one.name in SOME):
                node.arm(mode, "eth_blockNumber")
                built.devnet.mine()
                head = built.devnet.web3.eth.block_number
                wait_for(
                    lambda head=head: node.hits and api(url, "/status")["indexed"] >= head,
                    f"block {head} after {mode.name}",
                )
                assert api(url, "/status")["trouble"] is None
