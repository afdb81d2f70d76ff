"""The content store against real IPFS code: js-ipfs over RPC, Kubo as a library."""

import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from chain.store import CID, LocalStore, doctor
from chain.store.cid import RAW
from chain.store.errors import NodeRefused, NotFound, SizeMismatch
from chain.store.gateway import Gateway
from chain.store.ipfs import IpfsStore
from chain.store.several import Several
from chain.store.transfer import pull, push
from chain.store.unixfs import MAX_BLOCK, Link, encode_node
from tests.ipfs import nodes
from tests.ipfs.hostile import MIB, blocks_of, pattern

pytestmark = [pytest.mark.ipfs, pytest.mark.timeout(1200)]

SIZES = [0, 1, MIB, MIB + 1, 9 * MIB + 123]


@pytest.fixture
def local(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


# --- js-ipfs -----------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
def test_add_and_get(node: IpfsStore, local: LocalStore, size: int, tmp_path: Path) -> None:
    data = pattern(size, 1)
    cid = node.add(io.BytesIO(data), owner="me", round=3)
    assert cid == local.add(data)
    assert node.get(cid, max_bytes=size, size=size) == data
    assert node.stat(cid).size == size
    assert node.stat(cid).total == local.stat(cid).total
    assert node.has(cid)
    assert node.save(cid, tmp_path / "out") == size
    assert (tmp_path / "out").read_bytes() == data
    assert [(pin.owner, pin.round, pin.size) for pin in node.pins(cid)] == [("me", 3, size)]


def test_the_node_makes_the_same_cids(node: IpfsStore) -> None:
    for size in SIZES:
        data = pattern(size, 2)
        assert node.rpc.own_cid(data) == blocks_of(data)[0]


def test_push_and_pull(node: IpfsStore, local: LocalStore, tmp_path: Path) -> None:
    data = pattern(20 * MIB + 5, 3)
    cid = local.add(data)
    moved: list[int] = []
    assert push(local, node, cid, progress=moved.append) == len(data)
    assert sum(moved) == len(data)
    other = LocalStore(tmp_path / "other")
    assert pull(other, node, cid, max_bytes=len(data), size=len(data)) == len(data)
    assert other.get(cid, max_bytes=len(data)) == data
    with pytest.raises(SizeMismatch):
        pull(LocalStore(tmp_path / "third"), node, cid, max_bytes=len(data), size=5)


@pytest.mark.slow
def test_push_sends_only_what_is_missing(
    node: IpfsStore, local: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    cid = local.add(pattern(40 * MIB, 4))
    put_blocks = node.rpc.put_blocks
    sent: list[int] = []
    resuming = False

    def put(blocks: list[tuple[CID, bytes]], seconds: float) -> None:
        if len(sent) == 3 and not resuming:
            raise NodeRefused("the node stops here")
        sent.append(len(blocks))
        put_blocks(blocks, seconds)

    monkeypatch.setattr(node.rpc, "put_blocks", put)
    with pytest.raises(NodeRefused):
        push(local, node, cid)
    assert not node.pins(cid)
    first, resuming = sum(sent), True
    sent.clear()
    push(local, node, cid)
    assert first + sum(sent) == 41  # forty leaves and a root, none of them twice
    assert node.get(cid, max_bytes=40 * MIB) == pattern(40 * MIB, 4)


def test_pins_are_the_nodes_while_anyone_has_one(node: IpfsStore) -> None:
    cid = node.add(b"pinned for two", owner="a")
    node.pin(cid, owner="b", round=1)

    def on_node() -> bool:
        answer = node.rpc._client.pin.ls
        try:
            node.rpc._ask(lambda _: answer(str(cid), type="recursive"), 10)
        except (NotFound, NodeRefused):
            return False
        return True

    assert on_node()
    assert len(node.unpin(cid, owner="a")) == 1
    assert on_node()
    assert len(node.unpin(owner="b", round=1)) == 1
    assert not on_node()
    assert node.unpin(cid, owner="a") == []


def test_a_node_is_given_what_it_is_to_keep(node: IpfsStore, local: LocalStore) -> None:
    data = pattern(2 * MIB + 9, 11)
    cid = local.add(data)
    Several(node, [local]).keep(cid, max_bytes=len(data), size=len(data), owner="v", round=2)
    assert node.get(cid, max_bytes=len(data)) == data
    assert [(pin.owner, pin.round) for pin in node.pins(cid)] == [("v", 2)]


def test_what_nobody_has(node: IpfsStore) -> None:
    unknown = CID.of(RAW, b"nobody ever added this")
    assert not node.has(unknown)
    with pytest.raises(NotFound):
        node.block(unknown, 1.0)


def test_a_hostile_file_is_not_pinned(node: IpfsStore) -> None:
    leaf = b"x" * 1000
    link = Link(CID.of(RAW, leaf), 10, 10)
    root = encode_node([link, link])
    cid = CID.of(0x70, root)
    node.rpc.put_blocks([(cid, root), (link.cid, leaf)], 30)
    with pytest.raises(SizeMismatch):
        node.pin(cid)
    assert node.pins(cid) == []


def test_a_gateway_that_only_serves_files_is_refused(
    node: IpfsStore, js_ipfs: nodes.JsIpfs, local: LocalStore
) -> None:
    cid = node.add(pattern(2 * MIB, 5))
    with pytest.raises(NodeRefused, match="trustless"):
        pull(local, Gateway(js_ipfs.gateway), cid, max_bytes=3 * MIB)
    assert list(local.blocks) == []


def test_doctor(node: IpfsStore, local: LocalStore) -> None:
    for store in (node, local):
        checks = doctor.check(store)
        assert [(check.name, check.detail) for check in checks if not check.ok] == []
    names = [check.name for check in doctor.check(node)]
    assert "store CID equality" in names


@pytest.mark.slow
def test_command_line(js_ipfs: nodes.JsIpfs, tmp_path: Path) -> None:
    data = pattern(9 * MIB, 6)
    (tmp_path / "in").write_bytes(data)
    env = {**os.environ, "KARAT_STORE": f"local:{tmp_path / 's'}", "KARAT_DATA_DIR": str(tmp_path)}

    def karat(*args: object) -> dict[str, object]:
        program = "import sys; from karat.cli.app import main; sys.exit(main())"
        command = [sys.executable, "-c", program, "store", *map(str, args), "--json"]
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
        document = json.loads(done.stdout)
        assert isinstance(document, dict)
        return document

    cid = karat("add", tmp_path / "in")["cid"]
    address = f"ipfs:{js_ipfs.api}"
    assert karat("push", cid, "--to", address)["size"] == len(data)
    assert karat("get", cid, "-o", tmp_path / "out", "--store", address)["size"] == len(data)
    assert (tmp_path / "out").read_bytes() == data
    env["KARAT_STORE"] = f"local:{tmp_path / 't'}"
    assert karat("pull", cid, "--from", address, "--size", len(data))["size"] == len(data)
    assert karat("stat", cid)["complete"] is True


# --- Kubo --------------------------------------------------------------------------------------


def test_kubo_reads_our_folder(kubo_library: Path, local: LocalStore, tmp_path: Path) -> None:
    files = {local.add(pattern(size, 7)): pattern(size, 7) for size in SIZES}
    repo = tmp_path / "kubo"
    repo.mkdir()
    with nodes.running_kubo(kubo_library, repo):
        pass  # makes an empty repository
    shutil.copytree(local.path / "blocks", repo / "blocks", dirs_exist_ok=True)
    with nodes.running_kubo(kubo_library, repo) as kubo:
        for cid, data in files.items():
            out = tmp_path / str(cid)
            assert kubo.ask("download", str(cid), str(out)) == 0
            assert out.read_bytes() == data
            assert kubo.ask("pin", str(cid)) == 0


@pytest.mark.slow
def test_we_read_kubos_folder(kubo_library: Path, tmp_path: Path) -> None:
    data = pattern(3 * MIB + 7, 8)
    (tmp_path / "in").write_bytes(data)
    repo = tmp_path / "kubo"
    repo.mkdir()
    with nodes.running_kubo(kubo_library, repo) as kubo:
        cid = CID.parse(kubo.ask("add", str(tmp_path / "in")))
    store = LocalStore(tmp_path / "store")
    shutil.copytree(repo / "blocks", store.path / "blocks", dirs_exist_ok=True)
    assert store.get(cid, max_bytes=len(data), size=len(data)) == data
    store.pin(cid)
    assert store.verify().corrupt == ()
    assert all(len(store.block(CID(RAW, d), 0)) <= MAX_BLOCK for d, _ in store.blocks)


@pytest.mark.slow
def test_blocks_that_only_kubo_has_arrive_and_verify(
    kubo_library: Path, node: IpfsStore, local: LocalStore, tmp_path: Path
) -> None:
    data = pattern(7 * MIB, 9)
    cid = LocalStore(tmp_path / "ours").add(data)
    repo = tmp_path / "kubo"
    repo.mkdir()
    with nodes.running_kubo(kubo_library, repo):
        pass
    shutil.copytree(tmp_path / "ours" / "blocks", repo / "blocks", dirs_exist_ok=True)
    with nodes.running_kubo(kubo_library, repo) as kubo:
        (address, *_) = node.rpc._ask(lambda client: client.id()["Addresses"], 10)
        assert kubo.ask("connect", address) == 0
        pull(local, node, cid, max_bytes=len(data), size=len(data))  # js-ipfs asks Kubo
    assert local.get(cid, max_bytes=len(data)) == data
