"""A node that lies, babbles or breaks off: one clear error, whatever it says."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from chain.errors import ChainError, ContractError, NodeUnreachable, RpcError, TransactionReverted
from chain.evm.node import connect_node, rpc, rpc_batch
from chain.ledger.bindings import ledger_events as happened
from chain.ledger.client import Ledger
from chain.ledger.index import EventIndex

LEDGER = "0x" + "11" * 20
STRANGER = "0x" + "22" * 20
Answer = Callable[[str, list[Any]], Any]


@contextmanager
def node(answer: Answer, *, raw: bytes | None = None, code: int = 200) -> Iterator[str]:
    """A node that answers each method as told, or with ``raw`` bytes whatever was asked."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            body = raw if raw is not None else json.dumps(self.reply(asked)).encode()
            self.send_response(code)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def reply(self, asked: Any) -> Any:
            if isinstance(asked, list):
                return [self.reply(one) for one in asked][:-1]  # one too few
            result = answer(asked["method"], asked["params"])
            reply = {"jsonrpc": "2.0", "id": asked["id"]}
            return {**reply, **(result if isinstance(result, dict) else {"result": result})}

        def log_message(self, *_arguments: object) -> None:
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def chain(logs: Any = (), call: Any = "0x", head: int = 5) -> Answer:
    """A plausible chain, apart from its logs and calls."""

    def answer(method: str, params: list[Any]) -> Any:
        block = {"number": hex(head), "hash": "0x" + "ab" * 32, "timestamp": "0x1"}
        return {
            "eth_chainId": "0x7a69",
            "eth_blockNumber": hex(head),
            "eth_getBlockByNumber": {"result": block},
            "eth_getLogs": logs,
            "eth_call": call,
            "eth_getCode": "0x6001",
        }[method]

    return answer


def log(**changes: Any) -> dict[str, Any]:
    """A well-formed log of the ledger, changed."""
    topics = [happened.Withdrawn.TOPIC.hex(), "00" * 31 + "01", "00" * 12 + "33" * 20]
    return {
        "address": LEDGER,
        "topics": ["0x" + topic for topic in topics],
        "data": "0x" + "00" * 32,
        "blockNumber": "0x2",
        "logIndex": "0x0",
        "blockHash": "0x" + "ab" * 32,
        "transactionHash": "0x" + "cd" * 32,
        "transactionIndex": "0x0",
        **changes,
    }


@pytest.mark.parametrize(
    ("raw", "code", "words"),
    [
        (b"<html>", 200, "not JSON-RPC"),
        (b"", 200, "not JSON-RPC"),
        (b"{}", 502, "HTTP 502"),
    ],
)
@pytest.mark.seconds
def test_babble_is_no_node(raw: bytes, code: int, words: str) -> None:
    with node(chain(), raw=raw, code=code) as url, pytest.raises(NodeUnreachable, match=words):
        connect_node(url)


def test_errors_and_short_batches_are_named() -> None:
    refused = {"error": {"code": -5, "message": "no"}}
    with node(lambda method, _: "0x1" if method == "eth_chainId" else refused) as url:
        web3 = connect_node(url)
        with pytest.raises(RpcError, match=r"refused evm_mine: no \(code -5\)"):
            rpc(web3, "evm_mine")
        with pytest.raises(RpcError, match="1 answers to a batch of 2"):
            rpc_batch(web3, "eth_getLogs", [[], []])


def test_a_good_log_is_taken() -> None:
    with node(chain([log()])) as url:
        ledger = Ledger(connect_node(url), LEDGER)
        [event] = ledger.events(happened.Withdrawn)
        assert (event.task_id, event.amount) == (1, 0)


@pytest.mark.parametrize(
    "changes",
    [
        {"address": STRANGER},
        {"blockNumber": "0x99"},
        {"blockNumber": 7},
        {"blockNumber": None},
        {"topics": []},
        {"topics": ["0x" + "77" * 32]},
        {"topics": ["0x" + happened.Withdrawn.TOPIC.hex()]},
        {"topics": "0x"},
        {"data": "0x12"},
        {"data": "0xzz"},
        {"data": None},
        {"logIndex": "many"},
    ],
)
def test_a_bad_log_is_refused_by_client_and_index(changes: dict[str, Any]) -> None:
    with node(chain([log(**changes)])) as url:
        web3 = connect_node(url)
        with pytest.raises(ContractError):
            list(Ledger(web3, LEDGER).events(happened.Withdrawn))
        index = EventIndex("sqlite://", web3, ledger=LEDGER)
        with pytest.raises(ChainError):
            index.sync()
        assert list(index.events()) == []
        index.close()


def test_an_array_that_claims_to_be_huge_takes_no_memory() -> None:
    huge = (2**40).to_bytes(32, "big").hex()
    data = "0x" + (64).to_bytes(32, "big").hex() + "00" * 32 + huge
    topics = [happened.ScoresRevealed.TOPIC.hex(), "00" * 32, "00" * 32, "00" * 32]
    bad = log(topics=["0x" + topic for topic in topics], data=data)
    with node(chain([bad])) as url:
        ledger = Ledger(connect_node(url), LEDGER)
        with pytest.raises(ContractError, match="right address"):
            list(ledger.events(happened.ScoresRevealed))


@pytest.mark.parametrize("answer", ["0x", "0x12", "0x" + "ff" * 31])
def test_an_answer_of_the_wrong_length_is_refused(answer: str) -> None:
    with (
        node(chain(call=answer)) as url,
        pytest.raises(ContractError, match="is this the right address"),
    ):
        Ledger(connect_node(url), LEDGER).task_count()


def test_an_enum_value_that_does_not_exist_is_refused() -> None:
    with node(chain(call="0x" + "00" * 31 + "63")) as url, pytest.raises(ContractError):
        Ledger(connect_node(url), LEDGER).phase(1, 1)


OFFCHAIN_LOOKUP = "0x556f1830"  # EIP-3668: web3.py would go to the URLs in it
UNKNOWN_PANIC = "0x4e487b71" + "00" * 31 + "99"


@pytest.mark.parametrize(
    "data",
    ["0x", "0x12345678", "0x08c379a0", "0x" + "ff" * 5000, None, OFFCHAIN_LOOKUP, UNKNOWN_PANIC],
)
def test_any_revert_data_becomes_a_refusal(data: str | None) -> None:
    error = {"code": 3, "message": "execution reverted", "data": data}
    with (
        node(chain(call={"error": error})) as url,
        pytest.raises(TransactionReverted, match="task_count was refused"),
    ):
        Ledger(connect_node(url), LEDGER).task_count()


def test_other_code_is_not_attached_to() -> None:
    with node(chain()) as url, pytest.raises(ContractError, match="is not the Ledger"):
        Ledger.attach(connect_node(url), LEDGER)


def test_a_deeply_nested_document_crashes_no_parser() -> None:
    code = (
        "import json, chain.evm.node\n"
        "try: json.loads(b'[' * 1_000_000)\n"
        "except RecursionError: print('refused')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "refused\n")
