"""The event index in a real PostgreSQL, which may go away and come back."""

from collections.abc import Iterator

import pytest

from chain.devnet import start_devnet
from chain.errors import EventIndexError
from chain.evm.node import rpc
from chain.ledger.index import EventIndex
from tests.chain.network import ACCOUNTS, GENESIS, UNIT, Network
from tests.chain.postgres import Postgres, postgres

pytest.importorskip("pgserver", reason="no PostgreSQL in a package for this Python or machine")

CODES = [20_000, 18_000, 1, 16_384]


@pytest.fixture
def server() -> Iterator[Postgres]:
    with postgres() as running:
        yield running


@pytest.fixture
def network() -> Iterator[Network]:
    addresses = [one.address for one in ACCOUNTS]
    with start_devnet("anvil", accounts=addresses, timestamp=GENESIS, mining="manual") as devnet:
        built = Network(devnet)
        built.open_task()
        yield built


def opened(network: Network, server: Postgres, ledger: str | None = None) -> EventIndex:
    return EventIndex(
        server.url,
        network.devnet.web3,
        ledger=ledger or network.ledger.address,
        anchor=network.anchor.address,
    )


def test_the_index_tells_what_the_chain_tells(network: Network, server: Postgres) -> None:
    with opened(network, server) as index:
        network.play_round(CODES)
        index.sync()
        rpc(network.devnet.web3, "anvil_reorg", 2, [])
        network.everyone(
            (network.sponsor, network.ledger.fund(1, network.ledger.rules_hash(1), 7 * UNIT))
        )
        assert index.sync(task_id=1).rolled_back_to is not None
        assert list(index.events(task_id=1)) == list(network.ledger.events(task_id=1))
    with opened(network, server) as again:
        assert again.sync(task_id=1).added == 0
    with pytest.raises(EventIndexError, match="has ledger"):
        opened(network, server, ledger=network.anchor.address)


def test_a_server_that_goes_away_is_used_again_once_it_is_back(
    network: Network, server: Postgres
) -> None:
    with opened(network, server) as index:
        index.sync()
        before = list(index.events())
        network.play_round(CODES)
        server.stop()
        with pytest.raises(EventIndexError, match="wait until the database is back"):
            index.sync()
        with pytest.raises(EventIndexError):
            list(index.events())
        server.start()
        assert list(index.events()) == before
        index.sync()
        assert list(index.events()) == list(network.ledger.events())


def test_a_password_is_not_shown(network: Network) -> None:
    url = "postgresql://karat:hunter2@127.0.0.1:9/karat"
    with pytest.raises(EventIndexError, match="cannot use the index") as caught:
        EventIndex(url, network.devnet.web3, ledger=network.ledger.address)
    assert "hunter2" not in str(caught.value)
