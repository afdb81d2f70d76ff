"""A node that forgets a transaction and keeps a later one: the gap in the nonces is closed."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hexbytes import HexBytes
from web3 import Web3

from chain.devnet import Devnet, start_devnet
from chain.devnet.accounts import dev_accounts
from chain.devnet.memory import raw_transaction
from chain.errors import TransactionStuck
from chain.evm import outgoing
from chain.evm.abi import Call
from chain.evm.node import rpc
from chain.evm.transactions import Sender

ALICE, BOB = dev_accounts(1, 2)


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KARAT_DATA_DIR", str(tmp_path / "karat"))
    monkeypatch.setattr(outgoing, "_GAP_SECONDS", 0.5)


@pytest.fixture
def anvil() -> Iterator[Devnet]:
    with start_devnet("anvil", accounts=[ALICE.address], mining="manual") as devnet:
        yield devnet


def message(number: int) -> Call[bytes]:
    return Call("message", BOB.address, bytes([number]), bytes)


def leave_waiting(devnet: Devnet, *numbers: int) -> list[str]:
    """Messages whose senders gave up waiting; the hashes."""
    hashes = []
    for number in numbers:
        with pytest.raises(TransactionStuck) as stuck:
            Sender(devnet.web3, ALICE, deadline=0.05).send(message(number))
        hashes.append(stuck.value.transaction_hash)
    return hashes


def mined(devnet: Devnet) -> list[bytes]:
    """What the account's mined transactions hold, in the order of their nonces."""
    blocks: list[Any] = [
        devnet.web3.eth.get_block(number, full_transactions=True)
        for number in range(1, devnet.web3.eth.block_number + 1)
    ]
    found = [one for block in blocks for one in block["transactions"]]
    return [bytes(one["input"]) for one in sorted(found, key=lambda one: one["nonce"])]


def drop(devnet: Devnet, *hashes: str) -> None:
    """Forget transactions and keep those after them, which Anvil would forget, too."""
    content = rpc(devnet.web3, "txpool_content")["pending"]
    waiting: list[Any] = [one for account in content.values() for one in account.values()]
    raws = {one["hash"]: signed(devnet.web3, one["hash"]) for one in waiting}
    for one in hashes:
        rpc(devnet.web3, "anvil_dropTransaction", one)
    for one, raw in raws.items():
        if one not in hashes and rpc(devnet.web3, "eth_getTransactionByHash", one) is None:
            rpc(devnet.web3, "eth_sendRawTransaction", raw)


def signed(web3: Web3, transaction_hash: str) -> str:
    """A waiting transaction as it was signed."""
    return "0x" + raw_transaction(dict(web3.eth.get_transaction(HexBytes(transaction_hash)))).hex()


def another_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One with the same key, which has nothing of what this one signed."""
    monkeypatch.setenv("KARAT_DATA_DIR", str(tmp_path / "another"))


@pytest.mark.parametrize("dropped", [(0,), (1,), (0, 1), (0, 2), (3,), (2, 3)])
def test_what_a_node_drops_below_a_later_one_is_sent_again(
    anvil: Devnet, dropped: tuple[int, ...]
) -> None:
    hashes = leave_waiting(anvil, 0, 1, 2, 3)
    drop(anvil, *(hashes[index] for index in dropped))
    rpc(anvil.web3, "evm_setIntervalMining", 1)
    assert Sender(anvil.web3, ALICE, deadline=30).send(message(9))["status"] == 1
    # What has nothing after it was dropped for good, as far as anyone can see.
    left = 4 if 3 not in dropped else min(dropped)
    assert mined(anvil) == [bytes([number]) for number in (*range(left), 9)]


def test_a_gap_that_another_machine_left_is_used(
    anvil: Devnet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = leave_waiting(anvil, 0, 1)
    drop(anvil, first)
    another_machine(tmp_path, monkeypatch)
    rpc(anvil.web3, "evm_setIntervalMining", 1)
    for number in (7, 8):
        assert Sender(anvil.web3, ALICE, deadline=30).send(message(number))["status"] == 1
    assert mined(anvil) == [b"\x07", b"\x01", b"\x08"]


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_gap_below_one_that_is_waited_for_is_closed(
    anvil: Devnet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, elsewhere: bool
) -> None:
    [first] = leave_waiting(anvil, 0)
    if elsewhere:  # what is missing is not known here
        another_machine(tmp_path, monkeypatch)
    receipts: list[Any] = []
    sender = Sender(anvil.web3, ALICE, deadline=30)
    waiting = threading.Thread(target=lambda: receipts.append(sender.send(message(1))))
    waiting.start()
    while rpc(anvil.web3, "txpool_status")["pending"] != "0x2":
        assert waiting.is_alive()
    drop(anvil, first)
    rpc(anvil.web3, "evm_setIntervalMining", 1)
    waiting.join(30)
    assert [receipt["status"] for receipt in receipts] == [1]
    assert mined(anvil) == [b"" if elsewhere else b"\x00", b"\x01"]


def test_what_a_reorganisation_loses_below_a_later_one_is_sent_again(anvil: Devnet) -> None:
    sender = Sender(anvil.web3, ALICE, deadline=30)
    rpc(anvil.web3, "evm_setIntervalMining", 1)
    for number in (0, 1):
        sender.send(message(number))
    head = anvil.web3.eth.block_number
    rpc(anvil.web3, "evm_setIntervalMining", 0)
    leave_waiting(anvil, 2)
    while anvil.web3.eth.get_transaction_count(ALICE.address) == 2:
        rpc(anvil.web3, "anvil_rollback", 1)  # the mempool gets nothing back
    assert anvil.web3.eth.block_number < head
    rpc(anvil.web3, "evm_setIntervalMining", 1)
    sender.send(message(3))
    assert mined(anvil) == [bytes([number]) for number in range(4)]


def test_another_chain_with_the_same_id_gets_nothing_of_the_first(anvil: Devnet) -> None:
    rpc(anvil.web3, "evm_setIntervalMining", 1)
    sender = Sender(anvil.web3, ALICE, deadline=30)
    for number in range(3):
        sender.send(message(number))
    with start_devnet("anvil", accounts=[ALICE.address]) as other:
        again = Sender(other.web3, ALICE, deadline=30)
        for number in (5, 6, 7, 8):
            again.send(message(number))
        assert mined(other) == [bytes([number]) for number in (5, 6, 7, 8)]


@pytest.mark.parametrize(
    "content",
    [
        "", "null", "[]", '{"sent": 1}', '{"sent": [{}]}', '{"nonce": 5, "hash": "0x00"}',
        '{"sent": [{"nonce": 0, "hash": "0xzz", "raw": ""}]}',
        '{"sent": [{"nonce": 1e400, "hash": "0x00", "raw": "0x00"}]}',
        '{"sent": [{"nonce": 99999999999999999999, "hash": "0x00", "raw": "0x00"}]}',
        '{"sent": [{"nonce": 0, "hash": "0x00", "raw": null}]}',
    ],
)  # fmt: skip
def test_a_damaged_file_is_none(anvil: Devnet, tmp_path: Path, content: str) -> None:
    rpc(anvil.web3, "evm_setAutomine", True)
    sender = Sender(anvil.web3, ALICE, deadline=30)
    sender.send(message(0))
    [file] = (tmp_path / "karat" / "nonces").glob("*.json")
    file.write_text(content)
    sender.send(message(1))
    assert mined(anvil) == [b"\x00", b"\x01"]
