"""What an account may be made to pay, and what becomes of transactions behind bad nodes."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hexbytes import HexBytes
from web3.types import RPCEndpoint

from chain.devnet import Devnet, start_devnet
from chain.devnet.accounts import dev_accounts
from chain.errors import FeeTooHigh, TransactionReplaced, TransactionStuck
from chain.evm.abi import Call
from chain.evm.fees import current_fees
from chain.evm.limits import ETHER, GWEI, FeeLimits
from chain.evm.node import NodeProvider, rpc
from chain.evm.transactions import Sender
from karat.cli.errors import sentence

ALICE, BOB = dev_accounts(21, 2)
TRANSFER: Call[bytes] = Call("pay", BOB.address, b"", bytes)
Lie = Callable[[Any], Any]


@pytest.fixture
def devnet(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Devnet]:
    monkeypatch.setenv("KARAT_DATA_DIR", str(tmp_path_factory.mktemp("data")))
    with start_devnet("anvil", accounts=[ALICE.address]) as chain:
        yield chain


def lie(monkeypatch: pytest.MonkeyPatch, lies: dict[str, Lie]) -> None:
    """Have the node lie: each method's true result goes through a function."""
    true = NodeProvider._make_request

    def answered(self: NodeProvider, method: RPCEndpoint, data: bytes) -> bytes:
        answer = true(self, method, data)
        if method in lies:
            document: Any = self.decode_rpc_response(answer)
            document["result"] = lies[method](document.get("result"))
            document.pop("error", None)
            answer = json.dumps(document).encode()
        return answer

    monkeypatch.setattr(NodeProvider, "_make_request", answered)


def paid(devnet: Devnet, send: Callable[[], Any]) -> int:
    before = devnet.web3.eth.get_balance(ALICE.address)
    send()
    return before - devnet.web3.eth.get_balance(ALICE.address)


def test_a_tip_far_above_what_is_usual_is_not_paid(
    devnet: Devnet, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender = Sender(devnet.web3, ALICE)
    honest = paid(devnet, lambda: sender.send(TRANSFER))
    lie(monkeypatch, {"eth_maxPriorityFeePerGas": lambda _: hex(10**15)})
    assert paid(devnet, lambda: sender.send(TRANSFER)) < 10 * honest


@pytest.mark.parametrize("tip", [200 * GWEI, 10**15, 2**200])
def test_a_tip_above_the_limit_is_refused(
    devnet: Devnet, monkeypatch: pytest.MonkeyPatch, tip: int
) -> None:
    sender = Sender(devnet.web3, ALICE)
    history = {"oldestBlock": "0x0", "reward": [[hex(tip)]] * 20, "baseFeePerGas": ["0x1"] * 21}
    history["gasUsedRatio"] = [0.5] * 20
    lies: dict[str, Lie] = {
        "eth_maxPriorityFeePerGas": lambda _: hex(tip),
        "eth_feeHistory": lambda _: history,
    }
    lie(monkeypatch, lies)
    with pytest.raises(FeeTooHigh, match=r"asks for a tip of .* gwei, above the limit") as refused:
        sender.send(TRANSFER)
    assert "KARAT_MAX_TIP" in sentence(refused.value)
    assert devnet.web3.eth.get_transaction_count(ALICE.address) == 0


@pytest.mark.parametrize("gas", [300_000_000, 2**60])
def test_gas_above_the_limit_is_refused(
    devnet: Devnet, monkeypatch: pytest.MonkeyPatch, gas: int
) -> None:
    lie(monkeypatch, {"eth_estimateGas": lambda _: hex(gas)})
    with pytest.raises(FeeTooHigh, match="above the limit of 16,777,216 gas"):
        Sender(devnet.web3, ALICE).send(TRANSFER)
    assert devnet.web3.eth.get_transaction_count(ALICE.address) == 0


def test_a_fee_above_the_limit_is_refused_and_one_near_it_is_cut(
    devnet: Devnet, monkeypatch: pytest.MonkeyPatch
) -> None:
    rpc(devnet.web3, "anvil_setNextBlockBaseFeePerGas", hex(1000 * GWEI))
    devnet.mine()
    cut = Sender(devnet.web3, ALICE, limits=FeeLimits(fee=ETHER // 30))
    receipt = cut.send(TRANSFER)
    sent = devnet.web3.eth.get_transaction(receipt["transactionHash"])
    assert sent["gas"] * sent["maxFeePerGas"] <= ETHER // 30
    with pytest.raises(FeeTooHigh, match=r"pay would cost 0\.0\d+ ether now, above the limit"):
        Sender(devnet.web3, ALICE, limits=FeeLimits(fee=ETHER // 100)).send(TRANSFER)


def test_a_node_without_a_method_for_tips_is_taken(
    devnet: Devnet, monkeypatch: pytest.MonkeyPatch
) -> None:
    true = NodeProvider._make_request

    def unknown(self: NodeProvider, method: RPCEndpoint, data: bytes) -> bytes:
        if method in {"eth_maxPriorityFeePerGas", "eth_feeHistory"}:
            return b'{"jsonrpc": "2.0", "id": 1, "error": {"code": -32601, "message": "no such"}}'
        return true(self, method, data)

    monkeypatch.setattr(NodeProvider, "_make_request", unknown)
    assert current_fees(devnet.web3)["maxPriorityFeePerGas"] == GWEI


@pytest.mark.parametrize(
    "hides",
    [("eth_getTransactionReceipt",), ("eth_getTransactionReceipt", "eth_getTransactionByHash")],
)
def test_a_mined_transaction_without_a_receipt_yet_is_never_called_replaced(
    devnet: Devnet, monkeypatch: pytest.MonkeyPatch, hides: tuple[str, ...]
) -> None:
    until = time.monotonic() + 8

    def hide(result: Any) -> Any:
        return None if time.monotonic() < until else result

    lie(monkeypatch, dict.fromkeys(hides, hide))
    assert Sender(devnet.web3, ALICE, deadline=60).send(TRANSFER)["status"] == 1
    assert devnet.web3.eth.get_transaction_count(ALICE.address) == 1


def test_a_receipt_that_never_comes_is_stuck_and_says_so(
    devnet: Devnet, monkeypatch: pytest.MonkeyPatch
) -> None:
    lie(monkeypatch, {"eth_getTransactionReceipt": lambda _: None})
    with pytest.raises(TransactionStuck, match="it may still be: look again") as stuck:
        Sender(devnet.web3, ALICE, deadline=5).send(TRANSFER)
    monkeypatch.undo()
    receipt = devnet.web3.eth.get_transaction_receipt(HexBytes(stuck.value.transaction_hash))
    assert receipt["status"] == 1


@pytest.mark.parametrize("method", ["eth_getTransactionReceipt", "eth_getTransactionCount"])
def test_a_node_that_is_busy_while_waiting_ends_nothing(
    devnet: Devnet, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    true, until = NodeProvider._make_request, [0.0]

    def limited(self: NodeProvider, name: RPCEndpoint, data: bytes) -> bytes:
        if name == "eth_sendRawTransaction":
            until[0] = time.monotonic() + 12
        if name == method and time.monotonic() < until[0]:
            return b'{"jsonrpc": "2.0", "id": 1, "error": {"code": 429, "message": "slow down"}}'
        return true(self, name, data)

    monkeypatch.setattr(NodeProvider, "_make_request", limited)
    assert Sender(devnet.web3, ALICE, deadline=60).send(TRANSFER)["status"] == 1


def test_an_answer_to_a_sending_that_is_lost_sends_nothing_twice(
    devnet: Devnet, monkeypatch: pytest.MonkeyPatch
) -> None:
    lie(monkeypatch, {"eth_sendRawTransaction": lambda _: "0x"})
    assert Sender(devnet.web3, ALICE, deadline=60).send(TRANSFER)["status"] == 1
    assert devnet.web3.eth.get_transaction_count(ALICE.address) == 1


def test_another_machine_with_the_key_is_named(
    devnet: Devnet, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    Sender(devnet.web3, ALICE).send(TRANSFER)
    monkeypatch.setenv("KARAT_DATA_DIR", str(tmp_path))
    lie(monkeypatch, {"eth_getTransactionCount": lambda result: "0x0" if counted() else result})
    calls: list[int] = []

    def counted() -> bool:
        calls.append(1)
        return len(calls) <= 2  # the replica that is asked for the nonce lags behind

    with pytest.raises(TransactionReplaced, match=r"took nonce 0 \(0x[0-9a-f]{64} in block 1\)"):
        Sender(devnet.web3, ALICE, deadline=60).send(Call("other", BOB.address, b"\\x01", bytes))


def test_what_a_killed_process_left_waiting_is_replaced(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KARAT_DATA_DIR", str(tmp_path))
    with start_devnet("anvil", accounts=[ALICE.address], mining="manual") as devnet:
        sender = Sender(devnet.web3, ALICE, deadline=0.3)
        for data in (b"\x01", b"\x02"):
            with pytest.raises(TransactionStuck):
                sender.send(Call("left", BOB.address, data, bytes))
        assert sender.cancel_waiting() == 2
        devnet.mine()
        assert devnet.web3.eth.get_transaction_count(ALICE.address) == 2
        block: Any = devnet.web3.eth.get_block("latest", True)
        assert [bytes(one["input"]) for one in block["transactions"]] == [b"", b""]
        assert sender.cancel_waiting() == 0
