"""The keys in a node's URL are in no error, whatever the node does, and however it is shown."""

import traceback
from dataclasses import replace
from pathlib import Path

import pytest

from chain.errors import ChainError
from chain.evm.node import connect_node, rpc
from chain.store import open_store
from chain.store.errors import StoreError
from chain.urls import keys_in, without_keys
from karat.config import load_settings
from karat.sdk import configuration
from tests.faults.node import Mode, faulty_node

KEYS = ("HUNTER2", "APIKEY123", "TOKEN456", "a%2Fb%2Fcdef", "a/b/cdef")
PATH = "/v3/APIKEY123/a%2Fb%2Fcdef?token=TOKEN456&x=1"
ECHO = "project APIKEY123 of user HUNTER2 at /v3/APIKEY123/a%2Fb%2Fcdef?token=TOKEN456 is unknown"
MODES = [
    Mode("rate limit", error={"code": -32005, "message": f"rate limit of {ECHO}"}),
    Mode("error", error={"code": -32000, "message": ECHO}),
    Mode("revert", error={"code": 3, "message": f"execution reverted: {ECHO}", "data": "0x"}),
    Mode("words in data", error={"code": -32000, "message": "no", "data": ECHO}),
    Mode("unauthorised", http=401, body=ECHO),
    Mode("limited", http=429, body=ECHO),
    Mode("redirect", http=302, headers={"Location": f"http://127.0.0.1:9{PATH}"}),
    Mode("out of order", http=503, body=ECHO),
    Mode("html", body=f"<html>{ECHO}</html>"),
    Mode("reset", reset=True),
    Mode("slow", delay=2.0, result='"0x1"'),
    Mode("junk", result='"0xzz"'),
]


def keyed(where: str) -> str:
    """A URL with a key in every part that may hold one."""
    return f"http://user:HUNTER2@{where}{PATH}"


def everything_shown(error: BaseException) -> str:
    """The message, and what a log with its trace would have."""
    return f"{error} {error!r} {''.join(traceback.format_exception(error))}"


def assert_no_key(text: str) -> None:
    assert not [key for key in KEYS if key in text], text


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_whatever_a_node_does(mode: Mode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chain.evm.node._PATIENCE", ())
    with faulty_node("http://127.0.0.1:9") as node:
        node.arm(replace(mode, times=0, seconds=60.0), "eth_chainId")
        with pytest.raises(ChainError) as failed:
            connect_node(keyed(node.url.removeprefix("http://")), timeout=1.0)
        assert node.hits
    assert_no_key(everything_shown(failed.value))


@pytest.mark.parametrize(
    "url",
    [
        keyed("127.0.0.1:9"),
        keyed("127.0.0.1:port"),
        keyed("[::1"),
        keyed("127.0.0.1:9").replace("http", "wss"),
        keyed("127.0.0.1:9").replace("http", "HTTP"),
        "http://user:HUNTER2@",
    ],
)
def test_urls_that_lead_nowhere(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chain.evm.node._PATIENCE", ())
    with pytest.raises(ChainError) as failed:
        rpc(connect_node(url), "eth_blockNumber")
    assert_no_key(everything_shown(failed.value))


@pytest.mark.parametrize(
    "url",
    [
        f"gateway:{keyed('127.0.0.1:9')}",
        f"ipfs:{keyed('127.0.0.1:9')}",
        "ipfs:http://127.0.0.1:9/APIKEY123",
        f"local:store,gateway:{keyed('127.0.0.1:9')}",
        f"{keyed('127.0.0.1:9')}",
    ],
)
def test_stores_are_named_without_keys(
    url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoreError) as failed:
        open_store(url).get(
            "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy", max_bytes=9
        )
    assert_no_key(str(failed.value))
    monkeypatch.setenv("KARAT_STORE", url)
    assert_no_key(repr(configuration(load_settings())))


def test_what_is_left_out_are_the_parts_that_may_be_keys() -> None:
    assert keys_in(keyed("node.example")) == [
        "a%2Fb%2Fcdef", "APIKEY123", "TOKEN456", "a/b/cdef", "HUNTER2", "user",
    ]  # fmt: skip
    assert keys_in("https://rpc.example/v1/mainnet") == []
    shown = without_keys(f"local:/x,gateway:{keyed('a.example')},ipfs:/ip4/127.0.0.1/tcp/5001")
    assert shown == "local:/x,gateway:http://a.example,ipfs:/ip4/127.0.0.1/tcp/5001"
