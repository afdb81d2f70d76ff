"""The devnet of `karat up`: it survives down and up, and kills; and never signals strangers."""

import gzip
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from chain.devnet import CHAIN_ID, memory, start_devnet
from chain.devnet.accounts import dev_accounts
from chain.devnet.background import BackgroundDevnet, devnet_folder, down, status, up
from chain.devnet.keeper import RUNNING, BackgroundKind
from chain.devnet.memory import raw_transaction
from chain.errors import NodeError, NodeStartError, PortBusy
from chain.evm.node import connect_node, rpc
from chain.evm.transactions import Sender
from chain.folders import write_atomically
from chain.ledger.client import Token
from karat.cli.errors import sentence

KINDS: list[BackgroundKind] = ["anvil", "hardhat", "embedded"]
ACCOUNT, OTHER = dev_accounts(9, 2)


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("KARAT_DATA_DIR", str(tmp_path / "data"))
    yield
    down()


def start(kind: BackgroundKind) -> tuple[BackgroundDevnet, Sender]:
    devnet = up(kind=kind, port=0, accounts=[ACCOUNT.address])
    assert devnet.rpc_url is not None
    return devnet, Sender(connect_node(devnet.rpc_url, chain_id=CHAIN_ID), ACCOUNT)


def minted(sender: Sender, token: Token, times: int) -> int:
    for _ in range(times):
        sender.send(token.mint(ACCOUNT.address, 7))
    return token.balance_of(ACCOUNT.address)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def blocks_on_disk(kind: BackgroundKind) -> int:
    folder = devnet_folder("local")
    if kind != "anvil":
        return len((folder / f"{kind}-blocks.jsonl").read_text().splitlines())
    state = json.loads(gzip.decompress((folder / "anvil-state.gz").read_bytes()))
    dumped = int(str(state["best_block_number"]), 0)
    journal = folder / f"anvil-blocks-{dumped}.jsonl"
    return dumped + (len(journal.read_text().splitlines()) if journal.exists() else 0)


def nodes_of(devnet: BackgroundDevnet) -> list[psutil.Process]:
    """The watchdog and the node below the keeper."""
    assert devnet.pid is not None
    return psutil.Process(devnet.pid).children(recursive=True)


@pytest.mark.parametrize("kind", KINDS)
def test_state_survives_down_and_up(kind: BackgroundKind) -> None:
    devnet, sender = start(kind)
    token = Token.deploy(sender)
    minted(sender, token, 5)
    children = nodes_of(devnet)
    assert len(children) == 2
    assert down()
    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []
    stopped = status()
    assert stopped is not None
    assert not stopped.running
    devnet, sender = start(kind)
    token = Token.attach(sender.web3, token.address)
    assert token.balance_of(ACCOUNT.address) == 35
    assert len(list(token.events())) == 5
    assert minted(sender, token, 1) == 42
    assert abs(sender.web3.eth.get_block("latest")["timestamp"] - time.time()) < 30
    assert down()
    assert not down()


@pytest.mark.parametrize(
    ("kind", "victim"), [("anvil", "keeper"), ("hardhat", "node"), ("embedded", "keeper")]
)
def test_state_survives_a_kill(kind: BackgroundKind, victim: str) -> None:
    devnet, sender = start(kind)
    token = Token.deploy(sender)
    minted(sender, token, 3)
    minted(sender, token, 1)
    head = sender.web3.eth.block_number
    until(lambda: blocks_on_disk(kind) == head)
    children = nodes_of(devnet)
    assert devnet.pid is not None
    keeper = psutil.Process(devnet.pid)
    (keeper if victim == "keeper" else children[-1]).kill()
    _, alive = psutil.wait_procs([keeper, *children], timeout=20)
    assert alive == []
    again = status()
    assert again is not None
    assert not again.running
    _, sender = start(kind)
    token = Token.attach(sender.web3, token.address)
    assert minted(sender, token, 1) == 35


def test_up_again_returns_the_running_one_until_it_ends() -> None:
    devnet, _ = start("anvil")
    again, _ = start("anvil")
    assert (again.pid, again.rpc_url) == (devnet.pid, devnet.rpc_url)
    with pytest.raises(NodeStartError, match="is a chain of anvil"):
        up(kind="hardhat", port=0)
    assert devnet.pid is not None
    os.kill(devnet.pid, signal.SIGTERM)
    assert psutil.Process(devnet.pid).wait(20) in (0, None)


def test_new_accounts_get_funds_on_a_chain_that_goes_on() -> None:
    _, sender = start("anvil")
    sender.send(Token.deploy(sender).mint(OTHER.address, 1))
    spent = sender.web3.eth.get_balance(sender.web3.to_checksum_address(ACCOUNT.address))
    down()
    devnet = up(port=0, accounts=[OTHER.address])
    assert devnet.rpc_url is not None
    web3 = connect_node(devnet.rpc_url)
    assert web3.eth.get_balance(web3.to_checksum_address(OTHER.address)) == 10**22
    assert web3.eth.get_balance(web3.to_checksum_address(ACCOUNT.address)) == spent


def test_wipe_begins_anew_and_a_block_time_mines_by_itself() -> None:
    _, sender = start("anvil")
    Token.deploy(sender)
    assert down(wipe=True)
    assert status() is None
    with pytest.raises(NodeStartError, match="at least one second"):
        up(kind="hardhat", port=0, block_time=0)
    devnet = up(kind="hardhat", port=0, block_time=1)
    assert devnet.rpc_url is not None
    web3 = connect_node(devnet.rpc_url)
    assert web3.eth.get_transaction_count(web3.to_checksum_address(ACCOUNT.address)) == 0
    first = web3.eth.block_number
    until(lambda: web3.eth.block_number >= first + 2)


def test_a_process_that_is_not_ours_is_never_signalled() -> None:
    devnet, _ = start("anvil")
    folder = devnet.folder
    record = json.loads((folder / RUNNING).read_text())
    down()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        (folder / RUNNING).write_text(json.dumps(record | {"pid": stranger.pid}))
        found = status()
        assert found is not None
        assert not found.running
        assert not down()
        assert stranger.poll() is None
        assert stranger.stdin is not None
        stranger.stdin.close()


def test_a_busy_port_and_a_damaged_state_are_named() -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        with pytest.raises(PortBusy, match="choose another port"):
            up(port=busy.getsockname()[1])
    _, sender = start("anvil")
    Token.deploy(sender)
    down()
    (devnet_folder("local") / "anvil-state.gz").write_bytes(b"nonsense")
    with pytest.raises(NodeStartError, match=r"anvil-state\.gz") as damaged:
        up(port=0)
    assert "karat down --wipe" in sentence(damaged.value)
    (devnet_folder("local") / "settings.json").write_text("{}")
    with pytest.raises(NodeError, match="cannot read the devnet"):
        status()
    down(wipe=True)


def test_a_torn_journal_line_is_dropped_and_the_rest_kept() -> None:
    _, sender = start("hardhat")
    token = Token.deploy(sender)
    minted(sender, token, 2)
    block = sender.web3.eth.get_block("latest", full_transactions=True)
    [found] = block["transactions"]
    raw = raw_transaction(dict(found))  # type: ignore[call-overload]
    assert sender.web3.keccak(raw) == found["hash"]  # type: ignore[index]
    with pytest.raises(NodeError, match="cannot be kept"):
        raw_transaction({**dict(found), "value": 1})  # type: ignore[call-overload]
    down()
    journal = devnet_folder("local") / "hardhat-blocks.jsonl"
    whole = journal.read_bytes()
    last = whole.rstrip(b"\n").rfind(b"\n") + 1
    journal.write_bytes(whole[: last + 20])
    _, sender = start("hardhat")
    assert minted(sender, Token.attach(sender.web3, token.address), 1) == 14


def test_what_is_written_stays_a_small_multiple_of_the_chain(tmp_path: Path) -> None:
    written = []

    def counted(path: Path, content: bytes, **options: int) -> None:
        written.append(len(content))
        write_atomically(path, content, **options)

    with (
        pytest.MonkeyPatch.context() as patch,
        start_devnet("anvil", accounts=[ACCOUNT.address]) as node,
    ):
        patch.setattr(memory, "write_atomically", counted)
        patch.setattr(memory, "_LEAST_JOURNAL", 1024)
        kept = memory.StateFile(node, tmp_path)
        kept.restore()
        sender = Sender(node.web3, ACCOUNT)
        token = Token.deploy(sender)
        journalled = 0
        for number in range(40):
            sender.send(token.mint(ACCOUNT.address, number))
            before = kept._journal.size
            kept.save()
            journalled += max(0, kept._journal.size - before)
        kept.finish()
        state = (tmp_path / "anvil-state.gz").stat().st_size
        assert len(written) < 8
        assert sum(written) + journalled <= 4 * state
        assert [path.name for path in tmp_path.glob("anvil-*")] == ["anvil-state.gz"]


def test_a_journal_is_mined_again_after_its_dump(tmp_path: Path) -> None:
    """At the same times, whenever that is and however many blocks are of one second."""
    with start_devnet("anvil", accounts=[ACCOUNT.address]) as node:
        kept = memory.StateFile(node, tmp_path)
        kept.restore()
        kept.save()
        sender = Sender(node.web3, ACCOUNT)
        rpc(node.web3, "anvil_setBlockTimestampInterval", 0)
        token = Token.deploy(sender)
        for _ in range(3):
            sender.send(token.mint(ACCOUNT.address, 5))
            kept.save()
        head = node.web3.eth.get_block("latest")
    with start_devnet("anvil") as node:
        rpc(node.web3, "anvil_setTime", head["timestamp"] + 1000)
        again = memory.StateFile(node, tmp_path)
        again.restore()
        latest = node.web3.eth.get_block("latest")
        assert (latest["number"], latest["timestamp"]) == (head["number"], head["timestamp"])
        assert Token(node.web3, token.address).balance_of(ACCOUNT.address) == 15
        again.save()
