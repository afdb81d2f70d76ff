"""The three devnets: the same behaviour, repeatable blocks, and nothing left behind."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest
from eth_account import Account

from chain.devnet import CHAIN_ID, Devnet, start_devnet
from chain.devnet.base import Kind
from chain.devnet.http import HttpDevnet
from chain.errors import (
    NodeDied,
    NodeError,
    NodeMissing,
    NodeStartError,
    PortBusy,
    RpcError,
    TransactionRejected,
)

KINDS: list[Kind] = ["anvil", "hardhat", "embedded"]
GENESIS = 1_700_000_000
ACCOUNTS = [Account.from_key(bytes([byte]) * 32) for byte in (1, 2, 3)]
ADDRESSES = [account.address for account in ACCOUNTS]
RETURNS_TIMESTAMP = "0x4260005260206000f3"  # as init code: run by eth_call without `to`
REVERTS_WITH_DEADBEEF = "0x63deadbeef60e01b60005260046000fd"


def transfers(devnet: Devnet, each: int = 4) -> list[bytes]:
    """Some transfers of each account; their tips rise, so that sorting by fee would show."""
    signed = []
    for account in ACCOUNTS:
        nonce = devnet.web3.eth.get_transaction_count(account.address)
        for offset in range(each):
            transaction = {
                "to": ADDRESSES[0],
                "value": 1,
                "gas": 21_000,
                "nonce": nonce + offset,
                "chainId": CHAIN_ID,
                "maxFeePerGas": 3 * 10**9,
                "maxPriorityFeePerGas": 10**offset,
            }
            signed.append(bytes(account.sign_transaction(transaction).raw_transaction))
    return signed


def play(kind: Kind) -> list[str]:
    """A fixed game; the block hashes it gives."""
    with start_devnet(kind, accounts=ADDRESSES, timestamp=GENESIS, mining="manual") as devnet:
        for _ in range(3):
            receipts = devnet.send_batch(transfers(devnet), timestamp=devnet.timestamp + 10)
            assert [receipt["status"] for receipt in receipts] == [1] * 12
            assert [receipt["transactionIndex"] for receipt in receipts] == list(range(12))
        devnet.increase_time(100)
        devnet.warp_to(GENESIS + 1_000)
        assert devnet.timestamp == GENESIS + 1_000
        blocks = [devnet.web3.eth.get_block(number) for number in range(6)]
        assert [block["timestamp"] - GENESIS for block in blocks] == [0, 10, 20, 30, 130, 1_000]
        return [block["hash"].hex() for block in blocks]


@pytest.mark.parametrize("kind", KINDS)
def test_two_runs_give_the_same_block_hashes(kind: Kind) -> None:
    first = play(kind)
    started = int(time.time())
    while int(time.time()) == started:  # the wall clock must not matter
        time.sleep(0.05)
    assert play(kind) == first


@pytest.mark.parametrize("kind", KINDS)
def test_calls_see_the_time_of_the_latest_block_and_revert_with_data(kind: Kind) -> None:
    with start_devnet(kind, accounts=ADDRESSES, timestamp=GENESIS, mining="manual") as devnet:
        devnet.warp_to(GENESIS + 500)
        stranger = "0x" + "77" * 20
        seen = devnet.web3.eth.call({"data": RETURNS_TIMESTAMP, "from": stranger})
        assert int(seen.hex(), 16) == GENESIS + 500
        with pytest.raises(RpcError) as reverted:
            devnet.web3.eth.call({"data": REVERTS_WITH_DEADBEEF, "from": stranger})
        assert reverted.value.data == "0xdeadbeef"
        assert devnet.web3.eth.chain_id == CHAIN_ID


@pytest.mark.parametrize("kind", KINDS)
def test_automatic_mining_and_batches(kind: Kind) -> None:
    with start_devnet(kind, accounts=ADDRESSES) as devnet:
        first, *rest = transfers(devnet, each=2)
        sent = devnet.web3.eth.send_raw_transaction(first)
        assert devnet.web3.eth.wait_for_transaction_receipt(sent, timeout=20)["status"] == 1
        receipts = devnet.send_batch(rest)
        assert len({receipt["blockNumber"] for receipt in receipts}) == 1
        follow_up = transfers(devnet, each=1)[0]
        sent = devnet.web3.eth.send_raw_transaction(follow_up)
        assert devnet.web3.eth.wait_for_transaction_receipt(sent, timeout=20)["status"] == 1


@pytest.mark.parametrize("kind", ["anvil", "hardhat"])
def test_a_batch_does_not_end_interval_mining(kind: Kind) -> None:
    with start_devnet(kind, accounts=ADDRESSES, block_time=1) as devnet:
        devnet.send_batch(transfers(devnet))
        block = devnet.web3.eth.block_number
        deadline = time.monotonic() + 20
        while devnet.web3.eth.block_number < block + 2:  # empty blocks go on coming
            assert time.monotonic() < deadline
            time.sleep(0.05)


@pytest.mark.parametrize("kind", KINDS)
def test_snapshot_and_revert_take_blocks_back(kind: Kind) -> None:
    with start_devnet(kind, accounts=ADDRESSES, timestamp=GENESIS, mining="manual") as devnet:
        devnet.mine()
        snapshot = devnet.snapshot()
        devnet.send_batch(transfers(devnet, each=1))
        assert devnet.web3.eth.block_number == 2
        devnet.revert(snapshot)
        assert devnet.web3.eth.block_number == 1
        assert devnet.web3.eth.get_transaction_count(ADDRESSES[1]) == 0


@pytest.mark.parametrize("kind", KINDS)
def test_refusals_name_the_transaction(kind: Kind) -> None:
    with start_devnet(kind, accounts=ADDRESSES[:2], timestamp=GENESIS, mining="manual") as devnet:
        poor = transfers(devnet, each=1)[2]
        with pytest.raises(TransactionRejected, match="refused"):
            devnet.send_batch([poor])
        late = transfers(devnet, each=2)[1]
        with pytest.raises(TransactionRejected):
            devnet.send_batch([late])
        with pytest.raises(NodeError, match="only moves forward"):
            devnet.warp_to(GENESIS - 1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_beyond_the_block_gas_limit_takes_more_blocks(kind: Kind) -> None:
    with start_devnet(kind, accounts=ADDRESSES, mining="manual") as devnet:
        account = ACCOUNTS[0]
        raws = [
            account.sign_transaction(
                {
                    "to": ADDRESSES[0],
                    "value": 1,
                    "gas": 499_970_000,  # leaves room for one transfer before it
                    "nonce": nonce,
                    "chainId": CHAIN_ID,
                    "maxFeePerGas": 3 * 10**9,
                    "maxPriorityFeePerGas": 1,
                }
            ).raw_transaction
            for nonce in range(5)
        ]
        receipts = devnet.send_batch(raws)
        assert [receipt["status"] for receipt in receipts] == [1] * 5
        assert [receipt["blockNumber"] for receipt in receipts] == [1, 1, 2, 2, 3]


def test_a_busy_port_is_one_sentence() -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        with pytest.raises(PortBusy, match=f"port {port} .*choose another port"):
            start_devnet("anvil", port=port)


def test_a_start_that_fails_quotes_the_log(tmp_path: Path) -> None:
    broken = tmp_path / "state.json"
    broken.write_text("this is no state")
    with pytest.raises(NodeStartError, match="did not start") as failed:
        start_devnet("anvil", state=broken)
    assert "last words" in str(failed.value)


def test_a_missing_node_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(NodeMissing, match=r"Node\.js"):
        start_devnet("hardhat")


def test_nonsense_is_refused() -> None:
    with pytest.raises(NodeStartError, match="block_time"):
        start_devnet("anvil", block_time=1, mining="manual")
    with pytest.raises(NodeStartError, match="no state file"):
        start_devnet("hardhat", state=Path("x"))


def test_state_survives_a_restart(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    with start_devnet("anvil", accounts=ADDRESSES, state=state) as devnet:
        devnet.send_batch(transfers(devnet))
        before = devnet.web3.eth.get_block("latest")["hash"]
    with start_devnet("anvil", accounts=ADDRESSES, state=state) as devnet:
        assert devnet.web3.eth.get_block(1)["hash"] == before
        assert devnet.web3.eth.get_transaction_count(ADDRESSES[1]) == 4


def test_a_node_that_dies_is_named_with_its_log() -> None:
    with start_devnet("anvil") as devnet:
        assert isinstance(devnet, HttpDevnet)
        watchdog = psutil.Process(devnet._process._watchdog.pid)
        [node] = watchdog.children()
        node.kill()
        node.wait(10)
        with pytest.raises(NodeDied, match="anvil went away"):
            devnet.mine()


STARTER = """
    import sys, time
    from chain.devnet import start_devnet
    with start_devnet({kind!r}) as devnet:
        import psutil
        watchdog = psutil.Process(devnet._process._watchdog.pid)
        print(watchdog.pid, *(child.pid for child in watchdog.children()), flush=True)
        time.sleep(60)
"""


@pytest.mark.parametrize("kind", ["anvil", "hardhat"])
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_child_outlives_its_parent(kind: Kind, how: signal.Signals) -> None:
    script = textwrap.dedent(STARTER.format(kind=kind))
    parent = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).parents[2],
    )
    assert parent.stdout is not None
    with parent.stdout:
        pids = [int(word) for word in parent.stdout.readline().split()]
    assert len(pids) == 2
    children = [psutil.Process(pid) for pid in pids]
    os.kill(parent.pid, how)
    parent.wait(20)
    _, alive = psutil.wait_procs(children, timeout=20)
    assert alive == []
