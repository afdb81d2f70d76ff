"""What `karat up` and `karat down` do, as functions."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chain.devnet.accounts import dev_accounts
from chain.devnet.local_network import FUND_TOKENS, start_network, stop_network
from chain.errors import ProfileError
from chain.evm.transactions import Sender
from chain.ledger.profiles import connect, load_profile, save_profile

ALICE, BOB = dev_accounts(4, 2)


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("KARAT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("KARAT_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    yield
    stop_network()


def test_a_network_comes_up_goes_down_and_comes_back() -> None:
    first = start_network(port=0, fund=[ALICE.address])
    assert first.is_new
    connection = connect(load_profile("local"))
    assert connection.token is not None
    assert connection.token.balance_of(ALICE.address) == FUND_TOKENS
    alice = Sender(connection.web3, ALICE)
    alice.send(connection.token.transfer(BOB.address, FUND_TOKENS))
    assert stop_network()

    again = start_network(port=0, fund=[BOB.address])
    assert not again.is_new
    connection = connect(load_profile("local"))
    assert connection.ledger.address == first.connection.ledger.address
    assert connection.token is not None
    assert connection.token.balance_of(ALICE.address) == 0
    assert connection.token.balance_of(BOB.address) == FUND_TOKENS
    assert connection.web3.eth.get_balance(connection.web3.to_checksum_address(BOB.address)) > 0

    assert stop_network(wipe=True)
    with pytest.raises(ProfileError, match="no network 'local'"):
        load_profile("local")


def test_a_chain_begun_anew_gets_new_contracts_under_the_old_name() -> None:
    start_network(port=0, kind="hardhat")
    stop_network()
    profile = load_profile("local")
    stop_network(wipe=True)
    save_profile(profile)  # as if only the devnet's folder had been deleted
    network = start_network(port=0)
    assert network.is_new
    assert network.connection.ledger.task_count() == 0
