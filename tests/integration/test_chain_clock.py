"""The chain's time: reading it moves nothing, and only a devnet is ever moved."""

import time

import pytest

from chain.devnet import start_devnet
from chain.devnet.clock import clock_of
from chain.ledger.profiles import Connection, Profile

LEDGER = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"


@pytest.mark.anvil
@pytest.mark.parametrize("kind", ["devnet", "live"])
def test_only_an_idle_devnet_is_moved(kind: str) -> None:
    behind = int(time.time()) - 100
    with start_devnet("anvil", timestamp=behind, mining="manual") as devnet:
        profile = Profile(
            name="test", kind=kind, rpc_url=devnet.rpc_url, chain_id=31337, ledger=LEDGER
        )
        clock = clock_of(Connection(profile, devnet.web3, None, None, None, None))
        devnet.mine(behind + 1)
        assert clock.now() == clock.now() == behind + 1
        assert devnet.web3.eth.block_number == 1
        clock.advance_if_idle()
        assert devnet.web3.eth.block_number == (2 if kind == "devnet" else 1)
