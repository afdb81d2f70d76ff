"""A node that misbehaves on purpose: it stands before a real one and spoils chosen answers.

What a mode does is data (:class:`Mode`), so that others can be tried without code; see README.md.
"""

import json
import threading
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from fnmatch import fnmatch
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import requests


@dataclass(frozen=True)
class Mode:
    """One way to misbehave. Everything that is not set stays as the real node has it."""

    name: str
    methods: tuple[str, ...] = ("*",)  # patterns of the methods that it can spoil
    times: int = 1  # how many answers in a row; 0: for `seconds`
    seconds: float = 0.0
    http: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: str | None = None  # instead of JSON
    error: dict[str, Any] | None = None  # of JSON-RPC
    result: str | None = None  # the JSON text of the result
    remove: tuple[str, ...] = ()  # fields taken out of the result
    change: dict[str, Any] = field(default_factory=dict)  # fields set in the result
    blocks_behind: int = 0  # answers as a replica that lags
    logs_dropped: int = 0  # from the end of the list
    delay: float = 0.0  # seconds
    reset: bool = False  # the connection breaks before the request is handed on
    lost: bool = False  # ... and after

    @classmethod
    def load(cls, path: Path) -> list["Mode"]:
        """The modes of a TOML file, one table ``[[mode]]`` each."""
        known = {one.name for one in fields(cls)}
        modes = []
        for table in tomllib.loads(path.read_text("utf-8"))["mode"]:
            if unknown := set(table) - known:
                raise ValueError(f"{path}: a mode has no {sorted(unknown)[0]!r}")
            lists = {key: tuple(table[key]) for key in ("methods", "remove") if key in table}
            modes.append(cls(**{**table, **lists}))
        return modes

    def suits(self, method: str) -> bool:
        """Whether it can spoil this method's answers."""
        return any(fnmatch(method, pattern) for pattern in self.methods)


class FaultyNode:
    """A proxy on loopback; :meth:`arm` says which answer to spoil, ``calls`` what was asked."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self._session = requests.Session()
        self._lock = threading.Lock()
        self._mode: Mode | None = None
        self._at: tuple[str, int] = ("", 0)
        self._left = 0
        self._until = 0.0
        self._seen = 0
        self.calls: list[str] = []
        self.hits = 0
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def arm(self, mode: Mode | None, method: str = "", occurrence: int = 0) -> None:
        """Spoil the answer to the ``occurrence``-th call (from 0) of a method from now on."""
        with self._lock:
            self._mode, self._at, self._seen = mode, (method, occurrence), 0
            self._left, self._until = (mode.times if mode else 0), 0.0
            self.calls, self.hits = [], 0

    def _spoiled(self, method: str) -> Mode | None:
        with self._lock:
            self.calls.append(method)
            mode = self._mode
            if mode is None or method != self._at[0]:
                return None
            self._seen += 1
            if self._seen <= self._at[1]:
                return None
            if mode.times == 0:
                self._until = self._until or time.monotonic() + mode.seconds
                if time.monotonic() > self._until:
                    return None
            elif self._left == 0:
                return None
            else:
                self._left -= 1
            self.hits += 1
            return mode

    def _forward(self, request: Any) -> Any:
        with self._lock:
            return self._session.post(self._upstream, json=request, timeout=60).json()

    def _head(self) -> int:
        request = {"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []}
        return int(self._forward(request)["result"], 16)

    def _behind(self, request: dict[str, Any], blocks: int) -> Any:
        """The answer of a replica that is some blocks behind."""
        method, params, head = request["method"], list(request["params"]), self._head() - blocks
        if method == "eth_blockNumber":
            return {"jsonrpc": "2.0", "id": request["id"], "result": hex(max(0, head))}
        if method == "eth_getLogs":
            answer = self._forward(request)
            known = [log for log in answer["result"] if int(log["blockNumber"], 16) <= head]
            return {**answer, "result": known}
        if method == "eth_getTransactionReceipt":
            return {"jsonrpc": "2.0", "id": request["id"], "result": None}
        place = {"eth_call": 1, "eth_getTransactionCount": 1, "eth_getBlockByNumber": 0}
        if method in place and len(params) > place[method]:
            params[place[method]] = hex(max(0, head))
        return self._forward({**request, "params": params})

    def _answer(self, request: dict[str, Any], mode: Mode) -> Any:
        if mode.error is not None:
            return {"jsonrpc": "2.0", "id": request["id"], "error": mode.error}
        if mode.result is not None:
            return {"jsonrpc": "2.0", "id": request["id"], "result": json.loads(mode.result)}
        if mode.blocks_behind:
            return self._behind(request, mode.blocks_behind)
        answer = self._forward(request)
        result = answer.get("result")
        if mode.logs_dropped and isinstance(result, list):
            answer["result"] = result[: -mode.logs_dropped]
        if isinstance(result, dict):
            kept = {key: value for key, value in result.items() if key not in mode.remove}
            answer["result"] = {**kept, **mode.change}
        return answer

    def _handler(node) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - `self` is the request's
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if isinstance(request, list):
                    node.calls += [one["method"] for one in request]
                mode = None if isinstance(request, list) else node._spoiled(request["method"])
                if mode is None:
                    self.reply(200, json.dumps(node._forward(request)).encode(), {})
                    return
                time.sleep(mode.delay)
                if mode.lost:
                    node._forward(request)
                if mode.lost or mode.reset:
                    self.close_connection = True
                    self.connection.close()
                    return
                body = mode.body
                if body is None and mode.http == 200:
                    body = json.dumps(node._answer(request, mode))
                self.reply(mode.http, (body or "").encode(), mode.headers)

            def reply(self, code: int, body: bytes, headers: dict[str, str]) -> None:
                self.send_response(code)
                for key, value in headers.items():
                    self.send_header(key, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments: object) -> None:
                """Nothing is logged."""

        return Handler


@contextmanager
def faulty_node(upstream: str) -> Iterator[FaultyNode]:
    """A misbehaving node before a real one, until the block ends."""
    node = FaultyNode(upstream)
    thread = threading.Thread(target=node.server.serve_forever)
    thread.start()
    try:
        yield node
    finally:
        node.server.shutdown()
        node.server.server_close()
        node._session.close()
        thread.join()
