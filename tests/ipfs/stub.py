"""A server that speaks a node's RPC and a gateway's HTTP, and misbehaves on request."""
# ruff: noqa: ARG002 - all modes of misbehaviour have one signature

import gzip
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from chain.store.cid import CID
from tests.ipfs.hostile import Blocks

NONSENSE = {
    "a list": b"[1, 2]",
    "null": b"null",
    "nothing": b"",
    "no JSON": b"<html>",
    "deep JSON": b"[" * 60_000,
    "two documents": b"{}{}",
    "much JSON": b'"' + b"x" * (1 << 20) + b'"',
    "no UTF-8": b"\xff\xfe",
}

BOMB = gzip.compress(bytes(50 << 20))


class Stub(ThreadingHTTPServer):
    """Serves ``blocks`` honestly until ``mode`` says otherwise."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.blocks: Blocks = {}
        self.car = b""
        self.mode = "honest"
        self.car_mode = "missing"
        self.block_mode = ""
        """Set to have blocks served in another mode than the rest."""
        self.answer = b"{}"
        self.busy = 0
        """How many requests to answer with 503 first."""
        self.requests: list[str] = []
        self.ending = threading.Event()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients hang up on a hostile server; that is the point."""


@contextmanager
def running_stub() -> Iterator[Stub]:
    """A stub on a free port."""
    stub = Stub()
    thread = threading.Thread(target=stub.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield stub
    finally:
        stub.ending.set()
        stub.shutdown()
        thread.join()
        stub.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Stub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Quiet."""

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                self.rfile.read(size + 2)
            self.rfile.readline()
        self._serve()

    def _serve(self) -> None:
        stub = self.server
        self.close_connection = True
        url = urlsplit(self.path)
        query = parse_qs(url.query)
        stub.requests.append(self.path)
        if stub.busy:
            stub.busy -= 1
            self._send(503, "text/plain", b"busy")
        elif url.path.endswith("dag/export") or query.get("format") == ["car"]:
            self._misbehave(stub.car_mode, "application/vnd.ipld.car", stub.car)
        elif url.path.endswith("block/get") or query.get("format") == ["raw"]:
            text = query["arg"][0] if "arg" in query else url.path.rpartition("/")[2]
            block = stub.blocks.get(CID.parse(text))
            mode = "missing" if block is None else stub.block_mode or stub.mode
            self._misbehave(mode, "application/vnd.ipld.raw", block or b"")
        else:
            self._misbehave(stub.mode, "application/json", stub.answer)

    def _send(self, status: int, kind: str, body: bytes, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def _chunked(self, kind: str, *chunks: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.send_header("Trailer", "X-Stream-Error")
        self.end_headers()
        for chunk in chunks:
            self.wfile.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")

    def _misbehave(self, mode: str, kind: str, body: bytes) -> None:
        with suppress(OSError):
            getattr(self, "_" + mode.replace(" ", "_"))(kind, body)

    # --- modes ---------------------------------------------------------------------------------

    def _honest(self, kind: str, body: bytes) -> None:
        self._chunked(kind, *([body] if body else []))
        self.wfile.write(b"0\r\n\r\n")

    def _missing(self, kind: str, body: bytes) -> None:
        if self.command == "POST":
            message = json.dumps({"Message": "merkledag: not found", "Code": 0, "Type": "error"})
            self._send(500, "application/json", message.encode())
        else:
            self._send(404, "text/plain", b"not here")

    def _lie(self, kind: str, body: bytes) -> None:
        self._honest(kind, body[:-1] + bytes((body[-1] ^ 1,)))

    def _truncate(self, kind: str, body: bytes) -> None:
        self._chunked(kind, body[: len(body) // 2])  # no last chunk: the connection just ends

    def _short(self, kind: str, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) + 10))
        self.end_headers()
        self.wfile.write(body)

    def _trailer(self, kind: str, body: bytes) -> None:
        self._chunked(kind, body[: len(body) // 2])
        self.wfile.write(b"0\r\nX-Stream-Error: context deadline exceeded\r\n\r\n")

    def _hang(self, kind: str, body: bytes) -> None:
        self.server.ending.wait(20)

    def _hang_midway(self, kind: str, body: bytes) -> None:
        self._chunked(kind, body[: len(body) // 2])
        self.server.ending.wait(20)

    def _drip_headers(self, kind: str, body: bytes) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        self._drip()

    def _drip_body(self, kind: str, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", "100000")
        self.end_headers()
        self._drip()

    def _drip(self) -> None:
        end = time.monotonic() + 20
        while time.monotonic() < end and not self.server.ending.wait(0.05):
            self.wfile.write(b"x")

    def _endless(self, kind: str, body: bytes) -> None:
        self._chunked(kind)
        chunk = b"10000\r\n" + bytes(65536) + b"\r\n"
        while not self.server.ending.is_set():
            self.wfile.write(chunk)

    def _one_chunk_of_a_terabyte(self, kind: str, body: bytes) -> None:
        self._chunked(kind)
        self.wfile.write(b"10000000000\r\n")
        while not self.server.ending.is_set():
            self.wfile.write(bytes(65536))

    def _a_terabyte(self, kind: str, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(1 << 40))
        self.end_headers()
        while not self.server.ending.is_set():
            self.wfile.write(bytes(65536))

    def _gzip_bomb(self, kind: str, body: bytes) -> None:
        self._send(200, kind, BOMB, Content_Encoding="gzip")

    def _gzip_error(self, kind: str, body: bytes) -> None:
        self._send(500, kind, BOMB, Content_Encoding="gzip")

    def _redirect(self, kind: str, body: bytes) -> None:
        self._send(302, kind, b"", Location=self.server.url + "/elsewhere")

    def _error(self, kind: str, body: bytes) -> None:
        self._send(500, kind, b"no disk left on this node")

    def _long_error(self, kind: str, body: bytes) -> None:
        self.send_response(500)
        self.send_header("Content-Type", "text/plain")
        self.end_headers()
        while not self.server.ending.is_set():
            self.wfile.write(b"sorry " * 10_000)

    def _hang_up(self, kind: str, body: bytes) -> None:
        self.connection.close()

    def _no_http(self, kind: str, body: bytes) -> None:
        self.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n")
