"""What nodes and providers answer, one word for it each; and what is waited out."""

import json
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain.errors import (
    AnswerTooLarge,
    MalformedAnswer,
    NodeBehind,
    NodeBusy,
    NodeError,
    NodeUnreachable,
    RpcError,
    WrongChain,
)
from chain.evm.answers import checked, error_of
from chain.evm.logs import fetch_logs
from chain.evm.node import NodeProvider, connect_node, rpc
from chain.evm.reverts import decode_revert, is_revert, revert_data
from chain.evm.wire import MOST_BYTES, Wire
from chain.urls import shown

ROOT = Path(__file__).resolve().parents[2]
CHUNKED = ("Transfer-Encoding", "chunked")
BLOCK = {"number": "0x5", "hash": "0x" + "ab" * 32, "timestamp": "0x1", "transactions": []}
RECEIPT = {
    "blockNumber": "0x5",
    "status": "0x1",
    "gasUsed": "0x1",
    "blockHash": "0x" + "ab" * 32,
    "transactionHash": "0x" + "cd" * 32,
    "logs": [],
}
RATE = "daily request count exceeded, request rate limited"
Reply = Callable[[Any, int], tuple[int, dict[str, str], bytes]]


def result(value: Any) -> tuple[int, dict[str, str], bytes]:
    return 200, {}, json.dumps({"jsonrpc": "2.0", "id": 0, "result": value}).encode()


def refusal(code: int, message: str, data: Any = None) -> tuple[int, dict[str, str], bytes]:
    error = {"code": code, "message": message} | ({} if data is None else {"data": data})
    return 200, {}, json.dumps({"jsonrpc": "2.0", "id": 0, "error": error}).encode()


class Node:
    """A node on loopback that answers as ``reply`` says; counts what it is asked."""

    def __init__(self, reply: Reply) -> None:
        self.asked: list[str] = []
        node = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                node.asked.append(request["method"])
                code, headers, body = reply(request, len(node.asked))
                if request["method"] == "eth_chainId":
                    code, headers, body = result("0x7a69")
                self.send_response(code)
                for key, value in headers.items():
                    self.send_header(key, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments: object) -> None:
                """Keep the test's output clean."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@contextmanager
def node(reply: Reply) -> Iterator[Node]:
    served = Node(reply)
    thread = threading.Thread(target=served.server.serve_forever)
    thread.start()
    try:
        yield served
    finally:
        served.server.shutdown()
        served.server.server_close()
        thread.join()


@pytest.mark.parametrize(
    "fault",
    [
        (429, {"Retry-After": "0.2"}, b"rate limited"),
        (429, {}, b'{"jsonrpc": "2.0", "error": {"code": 429, "message": "Too Many Requests"}}'),
        (503, {}, b"<html>Service Unavailable</html>"),
        (502, {}, b"<html>bad gateway</html>"),
        (504, {}, b""),
        (522, {}, b""),
        (200, {}, b"<html>cloudflare</html>"),
        (200, {}, b""),
        (200, {}, b"{}"),
        (200, {}, b"[[]]"),
        (200, {}, b"[" * 100_000),
        refusal(-32005, RATE),
        refusal(429, "Your app has exceeded its compute units per second capacity."),
        refusal(-32005, "limit exceeded", "Too many requests, retry in 10s"),
        refusal(-32000, "header not found"),
        result(None),
        result("0x"),
        result("0xzz"),
        result([[]]),
        result({}),
        result(7),
    ],
)
def test_one_fault_is_waited_out(fault: tuple[int, dict[str, str], bytes]) -> None:
    with node(lambda _request, n: fault if n == 2 else result("0x9")) as served:
        web3 = connect_node(served.url)
        assert web3.eth.block_number == 9
        assert served.asked == ["eth_chainId", "eth_blockNumber", "eth_blockNumber"]


@pytest.mark.seconds
def test_a_limit_is_obeyed_for_as_long_as_the_node_says() -> None:
    limited = (429, {"Retry-After": "1"}, b"")
    with node(lambda _request, n: limited if n == 2 else result("0x9")) as served:
        web3 = connect_node(served.url)
        started = time.monotonic()
        assert web3.eth.block_number == 9
        assert time.monotonic() - started >= 1


@pytest.mark.seconds
def test_a_limit_that_does_not_end_is_called_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    with node(lambda _request, _n: (429, {"Retry-After": "600"}, b"")) as served:
        web3 = connect_node(served.url)
        with pytest.raises(NodeBusy, match="limits how often it may be asked"):
            _ = web3.eth.block_number
        assert served.asked.count("eth_blockNumber") == 1  # ten minutes are not waited
    with node(lambda _request, _n: refusal(-32005, RATE)) as served:
        web3 = connect_node(served.url)
        with pytest.raises(NodeBusy, match="the node limits requests: daily"):
            _ = web3.eth.block_number
        assert 2 < served.asked.count("eth_blockNumber") <= 12


def test_what_must_not_happen_twice_is_not_repeated() -> None:
    with node(lambda _request, _n: (503, {}, b"")) as served:
        web3 = connect_node(served.url)
        with pytest.raises(NodeBusy):
            rpc(web3, "evm_mine")
        assert served.asked == ["eth_chainId", "evm_mine"]


def test_the_chain_id_is_asked_once() -> None:
    with node(lambda _request, _n: result("0x" + "00" * 32)) as served:
        web3 = connect_node(served.url)
        for _ in range(3):
            web3.eth.call({"to": "0x" + "11" * 20, "data": "0x"})
            assert web3.eth.chain_id == 31337
        assert served.asked.count("eth_chainId") == 1


def test_another_node_is_turned_to() -> None:
    def broken(request: Any, number: int) -> tuple[int, dict[str, str], bytes]:
        return (500, {}, b"") if number > 1 else result("0x1")

    with node(broken) as first, node(lambda _request, _n: result("0x9")) as second:
        web3 = connect_node(first.url, second.url, chain_id=31337)
        assert web3.eth.block_number == 9
        assert web3.eth.block_number == 9
        assert first.asked == ["eth_chainId", "eth_blockNumber"]
        provider = web3.provider
        assert isinstance(provider, NodeProvider)
        assert provider.opinions("eth_blockNumber", []) == ["0x9"]


def test_a_node_of_another_chain_is_not_turned_to() -> None:
    with node(lambda _request, _n: result("0x1")) as served:
        with pytest.raises(WrongChain, match=r"http://127\.0\.0\.1:\d+ serves"):
            connect_node(served.url, chain_id=1)
        provider = NodeProvider("http://127.0.0.1:9", served.url)
        provider._chain_id = {"jsonrpc": "2.0", "id": 0, "result": "0x1"}
        assert not provider.turn()


@pytest.mark.parametrize(
    ("error", "kind", "revert"),
    [
        ({"code": 3, "message": "execution reverted", "data": "0x1234"}, RpcError, b"\x12\x34"),
        (
            {"code": -32015, "message": "VM execution error.", "data": "Reverted 0x12"},
            RpcError,
            b"\x12",
        ),
        ({"code": -32015, "message": "VM execution error.", "data": "0x12"}, RpcError, b"\x12"),
        ({"code": -32603, "message": "Error", "data": {"data": "0x12"}}, RpcError, b"\x12"),
        ({"code": -32000, "message": "revert", "data": {"result": "0x12"}}, RpcError, b"\x12"),
        ({"code": -32000, "message": "x", "data": {"0xaa": {"return": "0x12"}}}, RpcError, b"\x12"),
        ({"code": 3, "message": "execution reverted: custom error 0x"}, RpcError, b""),
        ({"code": -32000, "message": "execution reverted: quota used"}, RpcError, b""),
        ({"code": -32000, "message": "insufficient funds", "data": "0x"}, RpcError, None),
        ({"code": -32601, "message": "the method does not exist"}, RpcError, None),
        ({"code": -32005, "message": "query returned more than 10000 results"}, RpcError, None),
        ({"code": -32005, "message": "limit exceeded", "data": "Too many"}, NodeBusy, None),
        ({"code": -32029, "message": "no"}, NodeBusy, None),
        ({"code": -32000, "message": "unknown block"}, NodeBehind, None),
        ({"code": -32000, "message": "One of the blocks cannot be found."}, NodeBehind, None),
        ("no", RpcError, None),
        ({"code": "3", "message": None}, RpcError, None),
    ],
)
def test_every_wording_of_a_refusal(
    error: Any, kind: type[NodeError], revert: bytes | None
) -> None:
    meant = error_of("eth_call", error)
    assert type(meant) is kind
    if isinstance(meant, RpcError):
        assert is_revert(meant) == (revert is not None)
        assert revert_data(meant) == (revert or b"")


def test_the_words_of_a_refusal_are_kept_where_the_data_say_nothing() -> None:
    said = decode_revert(b"", operation="pay", reason="execution reverted: not today")
    assert str(said) == "pay was refused: not today"
    assert str(decode_revert(b"", operation="pay", reason="execution reverted")).endswith(
        "pay was refused without a reason"
    )


@pytest.mark.parametrize(
    "receipt",
    [
        None,
        RECEIPT | {"blockNumber": None, "blockHash": None},
        {key: value for key, value in RECEIPT.items() if key != "status"},
    ],
)
def test_a_receipt_that_is_not_whole_is_none_yet(receipt: Any) -> None:
    answer = checked("eth_getTransactionReceipt", ["0x"], {"result": receipt})
    assert answer["result"] is None


def test_a_receipt_that_is_being_indexed_is_none_yet() -> None:
    error = {"code": -32000, "message": "transaction indexing is in progress"}
    assert checked("eth_getTransactionReceipt", ["0x"], {"error": error})["result"] is None
    with pytest.raises(RpcError):
        checked("eth_call", [], {"error": error})


def test_blocks_of_proof_of_authority_chains_are_taken() -> None:
    block = BLOCK | {"extraData": "0x" + "ab" * 97}
    with node(lambda _request, _n: result(block)) as served:
        web3 = connect_node(served.url)
        assert web3.eth.get_block("latest")["timestamp"] == 1


METHODS = [
    "eth_blockNumber",
    "eth_call",
    "eth_feeHistory",
    "eth_getBlockByNumber",
    "eth_getLogs",
    "eth_getTransactionByHash",
    "eth_getTransactionReceipt",
    "eth_sendRawTransaction",
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just("0x1"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*RECEIPT, *BLOCK, "result", "error", "code"]), inner, max_size=4
        )
    ),
    max_leaves=8,
)


@given(st.sampled_from(METHODS), st.dictionaries(st.sampled_from(["result", "error"]), JSON) | JSON)
def test_any_answer_is_a_result_of_its_form_or_a_node_error(method: str, response: Any) -> None:
    try:
        answer = checked(method, ["latest"], response)
    except NodeError:
        return
    value = answer["result"]
    if method == "eth_blockNumber":
        assert int(value, 16) >= 0
    if method == "eth_getTransactionReceipt" and value is not None:
        assert int(value["status"], 16) >= 0


def test_an_answer_is_bounded_in_bytes_and_in_time() -> None:
    with (
        node(lambda _request, _n: (200, {}, b"x" * 5000)) as served,
        pytest.raises(AnswerTooLarge, match="more than 1000 bytes"),
    ):
        Wire(served.url, seconds=10, max_bytes=1000).post(b'{"method": "any"}')
    stop = threading.Event()

    def drip(request: Any, number: int) -> tuple[int, dict[str, str], bytes]:
        stop.wait(30)
        return result("0x1")

    with node(drip) as served:
        started = time.monotonic()
        with pytest.raises(NodeUnreachable, match="did not answer within 0 s"):
            Wire(served.url, seconds=0.3).post(b'{"method": "any"}')
        assert time.monotonic() - started < 15
        stop.set()


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("http://user:hunter2@127.0.0.1:1/v3/0123?key=4#5", "http://127.0.0.1:1"),
        ("https://[::1]:8545/abc", "https://[::1]:8545"),
        ("https://node.example", "https://node.example"),
        ("http://host:port/key", "(a URL that cannot be read)"),
    ],
)
def test_a_url_is_shown_without_its_keys(url: str, text: str) -> None:
    assert shown(url) == text
    with pytest.raises(NodeUnreachable) as unreachable:
        Wire(url.replace("node.example", "127.0.0.1:9"), seconds=5).post(b"{}")
    for secret in ("hunter2", "0123", "key", "abc"):
        assert secret not in str(unreachable.value)


def test_malformed_is_no_rpc_error() -> None:
    with pytest.raises(MalformedAnswer, match="neither a result nor an error"):
        checked("eth_call", [], {})


class Capped:
    """A node that gives the logs of ``cap`` blocks at once, and says so or not."""

    def __init__(self, cap: int, words: str) -> None:
        self.eth, self.provider = self, self
        self.cap, self.words, self.requests = cap, words, 0

    def get_logs(self, query: dict[str, Any]) -> list[Any]:
        self.requests += 1
        if query["toBlock"] - query["fromBlock"] + 1 > self.cap:
            raise RpcError("eth_getLogs", -32600, self.words.format(cap=self.cap))
        return []


@pytest.mark.parametrize("cap", [1, 2, 10, 37, 100, 500, 800, 999, 1000, 2000, 3000, 5000, 10000])
@pytest.mark.parametrize(
    "words",
    [
        "up to a {cap} block range",
        "block range is too wide (maximum {cap})",
        "exceed maximum block range: {cap}",
        "no",
    ],
)
def test_a_cap_on_ranges_of_logs_is_learned(cap: int, words: str) -> None:
    capped: Any = Capped(cap, words)
    asked = [end for end, _ in fetch_logs(capped, ["0x" + "00" * 20], [], 1, 300 * cap)]
    assert asked[-1] == 300 * cap
    assert capped.requests <= 330


@pytest.mark.seconds
def test_what_was_learned_of_a_node_is_kept() -> None:
    def reply(request: Any, _number: int) -> tuple[int, dict[str, str], bytes]:
        query = dict(*request["params"]) or {"fromBlock": "0x0", "toBlock": "0x0"}
        blocks = int(query["toBlock"], 16) - int(query["fromBlock"], 16) + 1
        return result([]) if blocks <= 100 else refusal(-32600, "no")

    with node(reply) as served:
        web3 = connect_node(served.url)
        for _ in range(2):
            before = len(served.asked)
            list(fetch_logs(web3, ["0x" + "00" * 20], [], 1, 10_000))
        assert len(served.asked) - before <= 110


GIANT = """
    import resource, sys
    from chain.errors import AnswerTooLarge
    from chain.evm.node import connect_node, rpc
    web3 = connect_node(sys.argv[1])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for method in sys.argv[2:]:
        try:
            rpc(web3, method, {})
        except AnswerTooLarge as error:
            print(error)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.seconds
def test_an_answer_of_gigabytes_takes_a_few_megabytes(chunked: bool) -> None:
    sent = 0

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            nonlocal sent
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            giant = request["method"] != "eth_chainId"
            body = b'{"jsonrpc": "2.0", "id": 0, "result": "0x7a69' + (b"" if giant else b'"}')
            size = 2_500_000_000 if giant else len(body)
            self.send_response(200)
            self.send_header(*CHUNKED if chunked and giant else ("Content-Length", str(size)))
            self.end_headers()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(body), body) if chunked and giant else body)
            piece = b"00" * (1 << 19)
            framed = b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece
            with suppress(OSError):  # the client hangs up
                while giant and sent < size:
                    self.wfile.write(framed)
                    sent += len(piece)
            self.close_connection = giant

        def log_message(self, *_arguments: object) -> None:
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}"
        command = [sys.executable, "-c", textwrap.dedent(GIANT), url, "eth_call", "eth_getLogs"]
        ended = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True
        )
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    *errors, kilobytes = ended.stdout.splitlines()
    assert errors == [f"{url} sent more than {MOST_BYTES} bytes"] * 2
    assert int(kilobytes) < 3 * MOST_BYTES // 1024
    assert sent < 4 * MOST_BYTES  # of two answers, with what the kernel holds
