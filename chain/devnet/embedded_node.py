"""The embedded EVM as a node with an URL: for machines without Node.js, in the background.

``python -m chain.devnet.embedded_node PORT TIMESTAMP`` serves JSON-RPC on loopback, with the
methods that devnets share (``evm_mine``, ``evm_setNextBlockTimestamp`` and so on).
"""

import json
import sys
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from web3 import Web3
from web3.types import RPCEndpoint

from chain.devnet.base import Options
from chain.devnet.http import HttpDevnet
from chain.errors import ChainError, RpcError
from chain.evm.node import result_of

_BLOCK = RPCEndpoint("eth_getBlockByNumber")
_SEND = RPCEndpoint("eth_sendRawTransaction")
_TRANSACTION = RPCEndpoint("eth_getTransactionByHash")
_MOST_BYTES = 64 << 20  # of a request: a batch of large transactions
_PATIENCE = 60.0  # seconds for a client to send one
_INVALID, _INTERNAL, _REFUSED = -32600, -32603, -32000


class EmbeddedNode(HttpDevnet):
    """The embedded EVM in a process of its own; memory only, about 60 transactions a second."""

    set_balance_method = "evm_setAccountBalance"

    def __init__(self, options: Options) -> None:
        command = [sys.executable, "-m", __name__, str(options.port), str(options.start)]
        super().__init__("embedded", command, options)


class _Node:
    """What the methods do; one request at a time."""

    def __init__(self, start: int) -> None:
        from chain.devnet.embedded import Embedded  # noqa: PLC0415 - an extra

        self._chain = Embedded(Options(timestamp=start, mining="manual"))
        # With the forms that eth-tester wants, and nothing else of web3.py's.
        bare = Web3(self._chain.web3.provider, middleware=[])
        self._ask = self._chain.web3.provider.request_func(bare, bare.middleware_onion)
        self._lock = threading.RLock()
        self._offset = start - time.time()  # of the chain's clock
        self._next: int | None = None  # the next block's timestamp, if it was set
        self._mines_each = True
        self._interval = threading.Event()
        self._own: Mapping[str, Callable[..., Any]] = {
            "eth_getBlockByNumber": self._block,
            "eth_sendRawTransaction": self._send,
            "evm_increaseTime": self._increase_time,
            "evm_mine": self._mine,
            "evm_setAccountBalance": self._set_balance,
            "evm_setAutomine": self._set_automine,
            "evm_setIntervalMining": self._set_interval,
            "evm_setNextBlockTimestamp": self._set_next,
        }

    def answer(self, request: Any) -> dict[str, Any]:
        """The answer to one request."""
        if not isinstance(request, dict) or not isinstance(request.get("method"), str):
            return _failed(None, _INVALID, "that is no JSON-RPC request")
        identity, params = request.get("id"), request.get("params") or []
        try:
            with self._lock:
                result = self._result(request["method"], params)
        except RpcError as error:
            return _failed(identity, error.code, error.reason, error.data)
        except ChainError as error:
            return _failed(identity, _REFUSED, str(error))
        except (ValueError, TypeError, KeyError, NotImplementedError) as error:
            return _failed(identity, _INTERNAL, f"{type(error).__name__}: {error}")
        return {"jsonrpc": "2.0", "id": identity, "result": result}

    def _result(self, method: str, params: list[Any]) -> Any:
        if method in self._own:
            return self._own[method](*params)
        return _as_json(result_of(method, self._ask(RPCEndpoint(method), params)))

    def _block(self, number: str, full: bool) -> Any:
        """A block; eth-tester words its transactions in other names than a transaction."""
        block = result_of(_BLOCK, self._ask(_BLOCK, [number, False]))
        if not full or block is None:
            return _as_json(block)
        found = [
            result_of(_TRANSACTION, self._ask(_TRANSACTION, [one])) for one in block["transactions"]
        ]
        return _as_json({**block, "transactions": found})

    def _send(self, raw: str) -> str:
        taken = result_of("eth_sendRawTransaction", self._ask(_SEND, [raw]))
        if self._mines_each:
            self._mine()
        return str(taken)

    def _mine(self, timestamp: Any = None) -> str:
        wanted = self._next if timestamp is None else _number(timestamp)
        if wanted is None:
            wanted = max(self._chain.timestamp + 1, int(time.time() + self._offset))
        else:
            self._offset = wanted - time.time()
        self._next = None
        self._chain.mine(wanted)
        return "0x0"

    def _increase_time(self, seconds: Any) -> str:
        self._offset += _number(seconds)
        return hex(_number(seconds))

    def _set_next(self, timestamp: Any) -> None:
        wanted, latest = _number(timestamp), self._chain.timestamp
        if wanted <= latest:
            raise ValueError(f"the latest block has {latest}, and time only moves forward")
        self._next = wanted

    def _set_balance(self, address: str, wei: Any) -> bool:
        self._chain.set_balance(address, _number(wei))
        return True

    def _set_automine(self, on: bool) -> None:
        self._mines_each = on

    def _set_interval(self, seconds: Any) -> None:
        self._interval.set()
        self._interval = stop = threading.Event()

        def mine() -> None:
            while not stop.wait(_number(seconds)):
                with self._lock:
                    self._mine()

        if _number(seconds):
            threading.Thread(target=mine, daemon=True).start()


def _failed(identity: Any, code: int, message: str, data: Any = None) -> dict[str, Any]:
    error = {"code": code, "message": message} | ({} if data is None else {"data": data})
    return {"jsonrpc": "2.0", "id": identity, "error": error}


def _number(value: Any) -> int:
    return int(value, 16) if isinstance(value, str) else int(value)


def _as_json(value: Any) -> Any:
    """A result of eth-tester's in the forms of JSON-RPC: quantities and bytes in hex."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return hex(value)
    if isinstance(value, bytes | bytearray):
        return "0x" + bytes(value).hex()
    if isinstance(value, Mapping):
        return {key: _as_json(one) for key, one in value.items()}
    return [_as_json(one) for one in value]


def _handler(node: _Node) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = _PATIENCE

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            if not 0 < length <= _MOST_BYTES:
                self.send_error(413)
                return
            try:
                request = json.loads(self.rfile.read(length))
            except (ValueError, RecursionError):
                request = None
            many = isinstance(request, list)
            answers = [node.answer(one) for one in (request if many else [request])]
            body = json.dumps(answers if many else answers[0]).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Requests are not logged."""

    return Handler


def main() -> None:
    """Serve until the process is ended."""
    port, start = int(sys.argv[1]), int(sys.argv[2])
    server = ThreadingHTTPServer(("127.0.0.1", port), _handler(_Node(start)))
    server.daemon_threads = True
    sys.stdout.write(f"Listening on 127.0.0.1:{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
