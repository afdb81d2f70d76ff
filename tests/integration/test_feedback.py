"""Feedback from outside on Anvil: ERC-8004 registries, and EAS itself."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import solcx
from eth_abi import encode
from web3 import Web3

from chain.devnet import start_devnet
from chain.devnet.accounts import dev_accounts
from chain.evm.abi import Call, encode_values
from chain.evm.node import rpc
from chain.evm.transactions import Sender
from chain.ledger.bindings.structs import Standing
from karat.errors import NotAvailable, ProtocolError
from karat.protocol.feedback import Feed
from karat.protocol.feedback_book import FeedbackBook
from karat.protocol.feedback_sources import (
    STANDING_SCHEMA,
    Eas,
    Erc8004,
    schema_uid,
    standing_data,
)
from karat.sdk.feedback import Feedback, Registry
from reputation import MeritRank
from tests.cli.home import Home
from tools import build

pytestmark = [pytest.mark.anvil, pytest.mark.node]

ROOT = Path(__file__).parents[2]
GENESIS = 1_700_000_000
ACCOUNTS = dev_accounts(8, 4)
EAS = ROOT / "node_modules/@ethereum-attestation-service/eas-contracts/artifacts/contracts"
_DOUBLE = "tests/solidity/utils/AgentRegistries.sol"
_SAID = "(uint256,int128,uint8,string,string)"


class World:
    """A devnet with four people on it."""

    def __init__(self, devnet: Any) -> None:
        self.devnet, self.web3 = devnet, devnet.web3
        self.people = [Sender(devnet.web3, one, mine=devnet.mine) for one in ACCOUNTS]

    def deploy(self, code: bytes) -> str:
        receipt = self.people[0].send(Call("deploy", None, code, bytes))
        return str(receipt["contractAddress"])

    def call(self, who: int, to: str, signature: str, shapes: Any, values: Any) -> Any:
        data = bytes(Web3.keccak(text=signature)[:4]) + encode_values(shapes, values)
        return self.people[who].send(Call(signature, to, data, lambda _: None))

    def say(
        self, who: int, to: str, agent: int, value: int, decimals: int = 0, tag: str = ""
    ) -> None:
        said = encode([_SAID], [(agent, value, decimals, tag, "ipfs://x")])
        data = bytes(Web3.keccak(text=f"giveFeedback({_SAID})")[:4]) + said
        self.people[who].send(Call("giveFeedback", to, data, bytes))


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    addresses = [one.address for one in ACCOUNTS]
    with start_devnet("anvil", accounts=addresses, timestamp=GENESIS) as devnet:
        yield World(devnet)


@pytest.fixture(scope="module")
def code() -> bytes:
    settings = build.SETTINGS | {"outputSelection": {"*": {"*": ["evm.bytecode"]}}}
    sources = {_DOUBLE: {"content": (ROOT / _DOUBLE).read_text()}}
    request = {"language": "Solidity", "sources": sources, "settings": settings}
    output = solcx.compile_standard(request, solc_binary=(ROOT / "tools/solc.js").resolve())
    contract = output["contracts"][_DOUBLE]["AgentRegistries"]
    return bytes.fromhex(contract["evm"]["bytecode"]["object"])


def edges(feed: Feed) -> dict[tuple[str, str], float]:
    return {(str(src), str(dst)): weight for src, dst, weight, _ in feed.graph().edges()}


def test_feedback_of_an_agent_registry(world: World, code: bytes) -> None:
    registry, identity = world.deploy(code), world.deploy(code)
    a, b, c, d = (one.address for one in world.people)
    world.call(2, identity, "register(uint256)", ["uint256"], [7])
    world.say(0, registry, 7, 90)
    world.say(0, registry, 7, 850, decimals=1, tag="starred")
    world.say(1, registry, 8, 40)
    world.say(2, registry, 7, 100)  # the owner praises itself
    world.say(1, registry, 7, 1500, tag="responseTime")  # milliseconds are no rating
    feed = Feed(world.web3, Erc8004(registry, identity))
    changed = feed.refresh()
    assert {edge[:3] for edge in changed} == {(a, c, 175.0), (b, "agent:8", 40.0)}
    assert edges(feed) == {(a, c): 175.0, (b, "agent:8"): 40.0}
    assert feed.refresh() == []
    # Followed: new feedback, a revocation, a new owner, and an engine kept up to date.
    engine = MeritRank(feed.graph())
    world.call(0, registry, "revokeFeedback(uint256,uint64)", ["uint256", "uint64"], [7, 1])
    world.call(2, identity, "transfer(uint256,address)", ["uint256", "address"], [7, d])
    world.say(0, registry, 7, 10)
    engine.update(feed.refresh())
    assert edges(feed) == {(a, c): 85.0, (a, d): 10.0, (b, "agent:8"): 40.0}
    fresh = MeritRank(feed.graph())
    assert engine.scores(a)[c] == pytest.approx(fresh.scores(a)[c])
    assert engine.scores(a)[c] > engine.scores(a)[d] > 0
    # Another reader, from the beginning, sees the same; one tag alone, and distrust below 50.
    again = Feed(world.web3, Erc8004(registry, identity))
    again.refresh()
    assert edges(again) == edges(feed)
    timed = Feed(world.web3, Erc8004(registry, identity, tag="responseTime"))
    timed.refresh()
    assert edges(timed) == {(b, c): 1500.0}
    neutral = Feed(world.web3, Erc8004(registry, neutral=50))
    neutral.refresh()
    assert edges(neutral)[b, "agent:8"] == -10.0
    assert feed.ignored == 0


def test_a_book_survives_restarts_and_reorganisations(
    world: World, code: bytes, tmp_path: Path
) -> None:
    registry, identity = world.deploy(code), world.deploy(code)
    a, b, c, d = (one.address for one in world.people)
    source = Erc8004(registry, identity)

    def refreshed() -> tuple[list[Any], FeedbackBook]:
        book = FeedbackBook(tmp_path / "agents.book")
        return Feed(world.web3, source, book=book, name="agents").refresh(), book

    world.call(2, identity, "register(uint256)", ["uint256"], [7])
    world.say(0, registry, 7, 90)
    assert [edge[:3] for edge in refreshed()[0]] == [(a, c, 90.0)]
    snapshot = rpc(world.web3, "evm_snapshot")
    world.say(0, registry, 7, 10)
    world.call(2, identity, "transfer(uint256,address)", ["uint256", "address"], [7, d])
    world.say(1, registry, 7, 40)
    world.call(0, registry, "revokeFeedback(uint256,uint64)", ["uint256", "uint64"], [7, 1])
    # The owner is known from the first run; what was revoked is taken back.
    changed, book = refreshed()
    assert {edge[:3] for edge in changed} == {(a, c, 10.0), (b, d, 40.0)}
    assert book.count == 2
    rpc(world.web3, "evm_revert", snapshot)
    world.say(1, registry, 7, 55)  # the transfer and the revocation never were
    changed, book = refreshed()
    assert {edge[:3] for edge in changed} == {(a, c, 90.0), (b, d, 0.0), (b, c, 55.0)}
    fresh = Feed(world.web3, source)
    fresh.refresh()
    assert sorted(book.graph().edges()) == sorted(fresh.graph().edges())


def test_a_book_of_another_chain_is_refused(world: World, code: bytes, tmp_path: Path) -> None:
    registry = world.deploy(code)
    world.say(0, registry, 8, 40)
    path = tmp_path / "agents.book"
    with Feedback(path) as feedback:
        feedback.add(Registry("erc8004", registry), world.web3)
    addresses = [one.address for one in ACCOUNTS]
    with start_devnet("anvil", accounts=addresses, timestamp=GENESIS + 5) as other:
        for _ in range(int(world.web3.eth.block_number)):
            other.mine()
        with Feedback(path) as feedback, pytest.raises((ProtocolError, NotAvailable)):
            feedback.follow(other.web3)
    with Feedback(path) as feedback:
        assert feedback.follow(world.web3)[1] == []
        assert feedback.followed().feedback == 1


def test_what_a_reader_was_killed_in_is_read_again(
    world: World, code: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    registry = world.deploy(code)
    for value in (10, 20, 30):
        world.say(0, registry, 8, value)
    book = FeedbackBook(tmp_path / "agents.book")
    feed = Feed(world.web3, Erc8004(registry), book=book)
    noted, real = [], book.note

    def note(*given: Any) -> Any:
        noted.append(given)
        if len(noted) == 2:
            raise KeyboardInterrupt
        return real(*given)

    monkeypatch.setattr(book, "note", note)
    with pytest.raises(KeyboardInterrupt):
        feed.refresh()
    book.close()
    again = FeedbackBook(tmp_path / "agents.book")
    Feed(world.web3, Erc8004(registry), book=again).refresh()
    assert [edge[2] for edge in again.graph().edges()] == [60.0]


def test_import_follow_and_rank_from_the_command_line(
    world: World, code: bytes, home: Home
) -> None:
    registry, identity = world.deploy(code), world.deploy(code)
    a, b, c, _ = (one.address for one in world.people)
    world.call(2, identity, "register(uint256)", ["uint256"], [7])
    world.say(0, registry, 7, 90)
    world.say(0, registry, 8, 30)
    node = ["--network", str(world.devnet.rpc_url)]
    words = ["import", f"erc8004:{registry}", "--book", "agents.book", "--identity", identity]
    done = home.json("reputation", *words, *node)
    assert (done["feedback"], done["edges"]) == (2, 2)
    assert done["source"]["chain_id"] == world.web3.eth.chain_id
    assert done["source"]["block"] == world.web3.eth.block_number
    world.say(1, registry, 7, 5)
    out, _ = home.run("reputation", "follow", "agents.book", "--once", *node)
    assert f"{b} → {c} 5" in out
    assert home.json("reputation", "follow", "agents.book", "--once", *node)["changed"] == 0
    graph = ["--graph", "agents.book", "--ego", a]
    top = home.json("reputation", "top", *graph)["top"]
    assert [(row["node"], row["score"]) for row in top] == [
        (c, pytest.approx(0.75)), ("agent:8", pytest.approx(0.25)),
    ]  # fmt: skip
    hired = home.json("reputation", "recommend", *graph)["recommended"]
    assert [one["node"] for one in hired] == [c, "agent:8"]
    assert hired[0]["clients"][0]["node"] == a
    (home.folder / "more.csv").write_text(f"from,to,weight\n{a},{b},40\n")
    assert home.json("reputation", "import", "more.csv", "--book", "agents.book")["edges"] == 4
    again = home.json("reputation", "import", "more.csv", "--book", "agents.book")
    assert again["edges"] == 4, "a file that is imported again takes its own place"
    assert home.json("reputation", "top", *graph)["top"][0]["node"] == c


@pytest.mark.parametrize(
    ("words", "code", "hint"),
    [
        (["import", "erc8004:0x12", "-b", "x.book"], 3, "0x12"),
        (["import", "nothing.csv", "-b", "x.book"], 2, "neither"),
        (["import", "eas:0x" + "11" * 20, "-b", "x.book"], 3, "which schema"),
        (["import", "more.csv", "-b", "text.book"], 3, "not a database"),
        (["import", "more.csv", "-b", "x.book", "--epoch", "7"], 3, "30d"),
        (["follow", "text.book", "--once"], 3, "not a database"),
        (["top", "--graph", "other.db", "--ego", "a"], 3, "no such table"),
        (["recommend", "--graph", "more.csv", "--ego", "a", "trainer"], 2, "knows no roles"),
        (["recommend"], 2, "say verifier or trainer"),
    ],
)
def test_bad_input_is_one_sentence(home: Home, words: list[str], code: int, hint: str) -> None:
    (home.folder / "more.csv").write_text("from,to\na,b\n")
    (home.folder / "text.book").write_text("no database" * 100)
    sqlite3.connect(home.folder / "other.db").execute("CREATE TABLE x (y)").connection.close()
    _, err = home.run("reputation", *words, code=code)
    assert hint in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(31),
        b"\xff" * 64,
        encode_values(
            ["uint64", "int128", "uint8", "string", "string", "string", "string", "bytes32"],
            [1, 5, 200, "", "", "", "", bytes(32)],
        ),
    ],
)
def test_nonsense_is_counted_and_not_believed(world: World, code: bytes, data: bytes) -> None:
    registry = world.deploy(code)
    world.call(0, registry, "nonsense(bytes)", ["bytes"], [data])
    world.say(0, registry, 8, 40)
    feed = Feed(world.web3, Erc8004(registry))
    feed.refresh()
    assert feed.ignored == 1
    assert feed.count == 1


def test_huge_values_are_left_out(world: World, code: bytes) -> None:
    registry = world.deploy(code)
    world.say(0, registry, 8, 2**126)
    world.say(0, registry, 8, -(2**127))
    world.say(0, registry, 8, 3)
    feed = Feed(world.web3, Erc8004(registry))
    feed.refresh()
    assert edges(feed) == {(world.people[0].address, "agent:8"): 3.0}


def test_an_address_without_a_contract_is_named(world: World) -> None:
    nobody = world.people[3].address
    with pytest.raises(NotAvailable, match="no contract"):
        Feed(world.web3, Erc8004(nobody)).refresh()
    with pytest.raises(NotAvailable, match="no attestation service"):
        Eas(world.web3, nobody, bytes(32))


def test_attestations_of_eas(world: World) -> None:
    def artifact(name: str) -> bytes:
        document = json.loads((EAS / f"{name}.sol/{name}.json").read_text())
        return bytes.fromhex(document["bytecode"][2:])

    registry = world.deploy(artifact("SchemaRegistry"))
    service = world.deploy(artifact("EAS") + encode_values(["address"], [registry]))
    nobody = "0x" + "0" * 40
    a, b, c, _ = (one.address for one in world.people)

    def register(text: str) -> bytes:
        shapes = ["string", "address", "bool"]
        world.call(0, registry, "register(string,address,bool)", shapes, [text, nobody, True])
        return schema_uid(text, nobody, revocable=True)

    def attest(who: int, schema: bytes, to: str, data: bytes) -> bytes:
        inner = "(bytes32,(address,uint64,bool,bytes32,bytes,uint256))"
        request = (schema, (to, 0, True, bytes(32), data, 0))
        selector = Web3.keccak(text=f"attest({inner})")[:4]
        call = Call("attest", service, bytes(selector) + encode([inner], [request]), bytes)
        receipt = world.people[who].send(call)
        return bytes(receipt["logs"][0]["data"])[:32]

    schema = register("uint8 rating, string comment")
    other = register(STANDING_SCHEMA)
    rating = encode_values(["uint8", "string"], [9, "good"])
    first = attest(0, schema, b, rating)
    attest(1, schema, c, encode_values(["uint8", "string"], [4, ""]))
    attest(1, schema, a, b"\x01")  # no rating at all
    attest(1, other, a, standing_data(1, Standing(2**39, 0, 0, 40, 2, 60)))
    feed = Feed(world.web3, Eas(world.web3, service, schema))
    feed.refresh()
    assert edges(feed) == {(a, b): 9.0, (b, c): 4.0}
    assert feed.ignored == 1
    standings = Feed(world.web3, Eas(world.web3, service, other))
    standings.refresh()
    assert edges(standings) == {(b, a): 500_000.0}
    inner = "(bytes32,(bytes32,uint256))"
    data = bytes(Web3.keccak(text=f"revoke({inner})")[:4])
    world.people[0].send(
        Call("revoke", service, data + encode([inner], [(schema, (first, 0))]), bytes)
    )
    assert feed.refresh() == [(a, b, 0.0, GENESIS // (30 * 86400))]
    assert edges(feed) == {(b, c): 4.0}
    with pytest.raises(NotAvailable, match="no single field"):
        Eas(world.web3, service, register("string words"))
    with pytest.raises(NotAvailable, match="no schema"):
        Eas(world.web3, service, b"\x07" * 32)
