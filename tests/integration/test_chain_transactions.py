"""Sending: nonces across processes, fees, deadlines, and refusals in words, on real nodes."""

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from eth_abi import encode
from eth_account import Account
from hexbytes import HexBytes

from chain.devnet import Devnet, start_devnet
from chain.devnet.accounts import dev_accounts
from chain.devnet.base import Kind
from chain.devnet.batch import send_batch
from chain.errors import (
    NodeUnreachable,
    TransactionRejected,
    TransactionReplaced,
    TransactionReverted,
    TransactionStuck,
    WrongChain,
)
from chain.evm.abi import Call
from chain.evm.fees import current_fees
from chain.evm.node import connect_node, rpc
from chain.evm.transactions import GasLog, Sender
from chain.ledger.bindings import errors
from chain.ledger.bindings.errors import ERRORS
from karat.cli.errors import Exit, exit_code

KINDS: list[Kind] = ["anvil", "hardhat", "embedded"]
ACCOUNTS = dev_accounts(1, 3)
ADDRESSES = [account.address for account in ACCOUNTS]
ROOT = Path(__file__).parents[2]

# A contract that adds one to slot 0 when called without data, and otherwise reverts with the data
# of the call, so that a test can have it refuse with any error.
COUNT_OR_REVERT = bytes.fromhex(
    "6019600c60003960196000f3" + "36600e57" + "600054600101600055" + "00" + "5b366000600037366000fd"
)


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KARAT_DATA_DIR", str(tmp_path / "karat"))


@pytest.fixture
def anvil() -> Iterator[Devnet]:
    with start_devnet("anvil", accounts=ADDRESSES) as devnet:
        yield devnet


def call(
    to: str | None, data: bytes, *, gas: int | None = None, name: str = "count"
) -> Call[bytes]:
    return Call(name, to, data, bytes, gas, errors=ERRORS)


def deploy(sender: Sender) -> str:
    receipt = sender.send(call(None, COUNT_OR_REVERT, name="deploy"))
    assert receipt["contractAddress"] is not None
    return str(receipt["contractAddress"])


def escrow_too_low(escrow: int, needed: int) -> bytes:
    return errors.EscrowTooLow.SELECTOR + encode(["uint256", "uint256"], [escrow, needed])


@pytest.mark.parametrize("kind", KINDS)
def test_a_refusal_becomes_the_contracts_error_with_its_arguments(kind: Kind) -> None:
    with start_devnet(kind, accounts=ADDRESSES) as devnet:
        sender = Sender(devnet.web3, ACCOUNTS[0], mine=None)
        contract = deploy(sender)
        refused = call(contract, escrow_too_low(5, 10), name="open_round")
        with pytest.raises(errors.EscrowTooLow, match="escrow = 5, needed = 10") as found:
            sender.send(refused)
        assert (found.value.escrow, found.value.needed) == (5, 10)
        assert found.value.transaction_hash is None  # found before sending: it cost nothing
        assert exit_code(found.value) == Exit.REVERTED
        with pytest.raises(errors.EscrowTooLow):
            sender.simulate(refused)
        # With a gas limit of its own nothing is estimated, so the transaction is mined.
        with pytest.raises(errors.EscrowTooLow) as mined:
            sender.send(refused.with_gas(100_000))
        assert mined.value.transaction_hash is not None


@pytest.mark.parametrize("kind", KINDS)
def test_batches_are_one_block_in_order_and_name_the_refusal(kind: Kind) -> None:
    with start_devnet(kind, accounts=ADDRESSES, timestamp=1_700_000_000, mining="manual") as devnet:
        log = GasLog()
        senders = [Sender(devnet.web3, one, gas_log=log, mine=devnet.mine) for one in ACCOUNTS]
        contract = deploy(senders[0])
        calls = [(sender, call(contract, b"")) for sender in senders for _ in range(3)]
        receipts = send_batch(devnet, calls, timestamp=1_700_000_100)
        assert {receipt["blockNumber"] for receipt in receipts} == {2}
        assert devnet.timestamp == 1_700_000_100
        assert log.summary()["count"]["count"] == 9
        first, *others = (receipt["gasUsed"] for receipt in receipts)
        assert first > max(others)  # a fresh slot costs more
        assert log.summary()["count"]["max"] == first
        bad = (senders[1], call(contract, escrow_too_low(1, 2), name="open_round"))
        with pytest.raises(errors.EscrowTooLow, match="open_round was refused"):
            send_batch(devnet, [(senders[0], call(contract, b"")), bad])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (bytes.fromhex("08c379a0") + encode(["string"], ["too late"]), "too late"),
        (bytes.fromhex("4e487b71") + encode(["uint256"], [0x11]), "overflowed"),
        (bytes.fromhex("4e487b71") + encode(["uint256"], [0x12]), "division by zero"),
        (b"\xde\xad\xbe\xef" + bytes(5), "0xdeadbeef"),
        (errors.EscrowTooLow.SELECTOR, "not of these contracts"),  # its arguments are missing
    ],
)
def test_other_refusals_are_told_too(anvil: Devnet, data: bytes, words: str) -> None:
    sender = Sender(anvil.web3, ACCOUNTS[0])
    contract = deploy(sender)
    with pytest.raises(TransactionReverted, match=words):
        sender.simulate(call(contract, data))


def test_running_out_of_gas_is_said(anvil: Devnet) -> None:
    sender = Sender(anvil.web3, ACCOUNTS[0])
    contract = deploy(sender)
    with pytest.raises(TransactionReverted, match=r"out of gas|OutOfGas"):
        sender.send(call(contract, b"", gas=22_000))


def test_a_dry_run_prices_and_sends_nothing(anvil: Devnet) -> None:
    sender = Sender(anvil.web3, ACCOUNTS[0])
    contract = deploy(sender)
    plan = sender.dry_run(call(contract, b""))
    assert 43_000 < plan.gas < 60_000
    assert plan.fee >= plan.gas * anvil.web3.eth.get_block("latest")["baseFeePerGas"]
    assert anvil.web3.eth.get_transaction_count(ADDRESSES[0]) == 1


def test_an_account_without_funds_is_refused(anvil: Devnet) -> None:
    sender = Sender(anvil.web3, Account.create())
    with pytest.raises(TransactionRejected, match=r"(?i)fund"):
        sender.send(call(None, COUNT_OR_REVERT, gas=200_000))


HAMMER = """
    import sys
    from chain.evm.abi import Call
    from chain.devnet.accounts import dev_accounts
    from chain.evm.node import connect_node
    from chain.evm.transactions import Sender
    url, contract = sys.argv[1:]
    sender = Sender(connect_node(url), dev_accounts(1, 1)[0])
    for _ in range(15):
        sender.send(Call("count", contract, b"", bytes))
"""


@pytest.mark.parametrize("block_time", [None, 0.3])
def test_processes_that_share_an_account_lose_no_nonce(block_time: float | None) -> None:
    with start_devnet("anvil", accounts=ADDRESSES, block_time=block_time) as devnet:
        sender = Sender(devnet.web3, ACCOUNTS[0])
        contract = deploy(sender)
        assert devnet.rpc_url is not None
        command = [sys.executable, "-c", textwrap.dedent(HAMMER), devnet.rpc_url, contract]
        running = [
            subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) for _ in range(4)
        ]
        said = [process.communicate(timeout=120)[1] for process in running]
        assert [process.returncode for process in running] == [0] * 4, said
        stored = devnet.web3.eth.get_storage_at(devnet.web3.to_checksum_address(contract), 0)
        assert int(stored.hex(), 16) == 60
        assert devnet.web3.eth.get_transaction_count(ADDRESSES[0]) == 61


def test_a_transaction_that_is_not_mined_is_stuck_not_lost() -> None:
    with start_devnet("anvil", accounts=ADDRESSES, mining="manual") as devnet:
        sender = Sender(devnet.web3, ACCOUNTS[0], deadline=0.5)
        with pytest.raises(TransactionStuck, match="nonce 0") as stuck:
            sender.send(call(None, COUNT_OR_REVERT))
        devnet.mine()
        receipt = devnet.web3.eth.get_transaction_receipt(HexBytes(stuck.value.transaction_hash))
        assert receipt["status"] == 1
        # The next one takes the next nonce.
        with pytest.raises(TransactionStuck, match="nonce 1"):
            sender.send(call(None, COUNT_OR_REVERT))


def test_a_fee_that_became_too_low_is_raised() -> None:
    with start_devnet("anvil", accounts=ADDRESSES, mining="manual") as devnet:
        rpc(devnet.web3, "anvil_setNextBlockBaseFeePerGas", hex(10**6))
        devnet.mine()

        def raise_base_fee() -> None:
            rpc(devnet.web3, "anvil_setNextBlockBaseFeePerGas", hex(500 * 10**9))
            devnet.mine()
            rpc(devnet.web3, "evm_setIntervalMining", 1)

        sender = Sender(devnet.web3, ACCOUNTS[0], deadline=6, mine=raise_base_fee)
        receipt = sender.send(call(None, COUNT_OR_REVERT))
        assert receipt["effectiveGasPrice"] > 10**10
        assert devnet.web3.eth.get_transaction_count(ADDRESSES[0]) == 1


def test_a_transaction_that_the_node_forgot_is_sent_again() -> None:
    with start_devnet("anvil", accounts=ADDRESSES, mining="manual") as devnet:

        def forget() -> None:
            rpc(devnet.web3, "anvil_dropAllTransactions")
            rpc(devnet.web3, "evm_setIntervalMining", 1)

        receipt = Sender(devnet.web3, ACCOUNTS[0], deadline=30, mine=forget).send(
            call(None, COUNT_OR_REVERT)
        )
        assert receipt["status"] == 1
        assert devnet.web3.eth.get_transaction_count(ADDRESSES[0]) == 1


def test_a_replaced_transaction_is_named() -> None:
    with start_devnet("anvil", accounts=ADDRESSES, mining="manual") as devnet:

        def outbid() -> None:
            fees = current_fees(devnet.web3)
            richer = {
                **fees,
                "maxFeePerGas": 10 * int(fees["maxFeePerGas"]),
                "maxPriorityFeePerGas": 5 * int(fees["maxPriorityFeePerGas"]),
            }
            other = Sender(devnet.web3, ACCOUNTS[0])
            devnet.web3.eth.send_raw_transaction(
                other.sign(call(ADDRESSES[1], b""), 0, 50_000, richer)
            )
            devnet.mine()

        sender = Sender(devnet.web3, ACCOUNTS[0], mine=outbid)
        with pytest.raises(TransactionReplaced, match="took nonce 0"):
            sender.send(call(None, COUNT_OR_REVERT))


def test_a_silent_node_and_a_wrong_chain_are_named(anvil: Devnet) -> None:
    assert anvil.rpc_url is not None
    with pytest.raises(WrongChain, match="serves chain id 31337, but 1 was expected") as wrong:
        connect_node(anvil.rpc_url, chain_id=1)
    assert exit_code(wrong.value) == Exit.CONFIG
    anvil.close()
    with pytest.raises(NodeUnreachable, match="nothing listens there") as silent:
        connect_node(anvil.rpc_url)
    assert exit_code(silent.value) == Exit.UNREACHABLE
    with pytest.raises(NodeUnreachable, match="no node URL"):
        connect_node("localhost:8545")
