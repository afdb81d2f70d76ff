"""``karat store`` from outside: documents, exit codes, signals."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chain.store import LocalStore
from tests.ipfs.hostile import MIB, blocks_of, pattern
from tests.ipfs.stub import Stub, running_stub

KARAT = [sys.executable, "-c", "import sys; from karat.cli.app import main; sys.exit(main())"]
UNKNOWN = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {
        **os.environ,
        "PWD": str(tmp_path),
        "KARAT_STORE": f"local:{tmp_path / 'store'}",
        "KARAT_DATA_DIR": str(tmp_path / "data"),
        "KARAT_CONFIG_DIR": str(tmp_path / "config"),
    }


@pytest.fixture
def stub() -> Iterator[Stub]:
    with running_stub() as server:
        yield server


def karat(
    env: dict[str, str], *args: object, code: int = 0, stdin: bytes = b""
) -> tuple[bytes, str]:
    command = [*KARAT, "store", *map(str, args)]
    done = subprocess.run(
        command, env=env, cwd=env["PWD"], input=stdin, capture_output=True, check=False
    )
    error = done.stderr.decode()
    assert done.returncode == code, error
    assert "Traceback" not in error
    return done.stdout, error


def document(env: dict[str, str], *args: object, code: int = 0) -> dict[str, object]:
    out, _ = karat(env, *args, "--json", code=code)
    found = json.loads(out)
    assert isinstance(found, dict)
    return found


def test_a_file_there_and_back(env: dict[str, str], tmp_path: Path) -> None:
    data = pattern(2 * MIB + 3)
    source, out = tmp_path / "in", tmp_path / "out"
    source.write_bytes(data)
    cid = str(blocks_of(data)[0])
    assert document(env, "add", source, "--owner", "me", "--round", 4) == {
        "schema": "karat.store.add/1",
        "cid": cid,
        "size": len(data),
    }
    assert karat(env, "add", "-", stdin=data)[0].decode().split() == [cid]
    assert document(env, "get", cid, "-o", out, "--size", len(data))["size"] == len(data)
    assert out.read_bytes() == data
    assert karat(env, "get", cid, "-o", "-")[0] == data
    stat = document(env, "stat", cid)
    assert (stat["size"], stat["complete"]) == (len(data), True)
    pins = document(env, "pin")["pins"]
    assert pins == [
        {"cid": cid, "owner": "me", "round": 4, "size": len(data)},
        {"cid": cid, "owner": "user", "round": None, "size": len(data)},
    ]
    assert document(env, "unpin", cid)["pins"] == pins[1:]
    assert document(env, "gc")["blocks"] == 0
    document(env, "unpin", cid, "--owner", "me")
    assert document(env, "gc") == {
        "schema": "karat.store.gc/1",
        "blocks": 4,
        "freed": stat["total"],
        "kept": 0,
    }
    assert karat(env, "stat", cid, code=1)[1].startswith(f"karat: block {cid} is not in the store")


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        (["get", "nonsense", "-o", "out"], 2, "not a CID"),
        (["get", UNKNOWN, "-o", "out"], 1, "not in the store"),
        (["stat", UNKNOWN, "--store", "s3:bucket"], 2, "not a store"),
        (["stat", UNKNOWN, "--store", "ipfs:nowhere"], 2, "not the address of a node"),
        (["stat", UNKNOWN, "--store", "ipfs:/ip4/127.0.0.1/tcp/9"], 4, "cannot be reached"),
        (["add", "nosuchfile"], 2, "not a file"),
        (["gc", "--store", "ipfs:/ip4/127.0.0.1/tcp/9"], 2, "local store"),
        (["pull", UNKNOWN, "--from", "gateway:http://127.0.0.1:9"], 4, "cannot be reached"),
        (["pull", UNKNOWN, "--from", "gateway:ftp://host"], 2, "not the URL of a gateway"),
        (["push", UNKNOWN, "--to", "local:elsewhere"], 2, "not a node"),
        (["get", UNKNOWN, "-o", "out", "--max-bytes", "lots"], 2, "not a size"),
        (["unpin", UNKNOWN], 1, "no such pin"),
    ],
)
def test_errors_are_one_sentence(
    env: dict[str, str], args: list[str], code: int, says: str, tmp_path: Path
) -> None:
    out, error = karat(env, *args, code=code)
    assert out == b""
    assert says in " ".join(error.split())
    assert not (tmp_path / "out").exists()


def test_a_file_that_cannot_be_opened_as_a_store(env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    karat(env, "pin", "--store", f"local:{tmp_path / 'file'}", code=4)


def test_corruption_is_exit_1_and_writes_nothing(env: dict[str, str], tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store")
    cid = store.add(b"precious")
    store.blocks.path(cid.digest).write_bytes(b"tampered")
    assert "do not hash to it" in karat(env, "get", cid, "-o", tmp_path / "out", code=1)[1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["store"]
    found = document(env, "verify", code=1)
    assert found["corrupt"] == [store.blocks.path(cid.digest).name]
    assert found["incomplete"] == [str(cid)]


def test_pull_from_a_gateway(env: dict[str, str], stub: Stub) -> None:
    data = pattern(2 * MIB)
    root, stub.blocks = blocks_of(data)
    source = f"gateway:{stub.url}"
    assert document(env, "pull", root, "--from", source, "--size", len(data))["size"] == len(data)
    assert document(env, "pin")["pins"] == [
        {"cid": str(root), "owner": "user", "round": None, "size": len(data)}
    ]
    stub.mode = "lie"
    other, stub.blocks = blocks_of(pattern(MIB, 1))
    assert "do not hash" in karat(env, "pull", other, "--from", source, code=1)[1]


def test_quota_in_the_stores_name(env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(pattern(2 * MIB))
    name = f"local:{tmp_path / 'small'}?quota=1M"
    assert "quota of 1048576" in karat(env, "add", tmp_path / "in", "--store", name, code=1)[1]


def test_an_interrupt_leaves_nothing(env: dict[str, str], tmp_path: Path) -> None:
    command = [*KARAT, "store", "add", "-"]
    process = subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(pattern(20 * MIB))  # and then nothing: it waits for more
    process.stdin.flush()
    store = LocalStore(tmp_path / "store")
    end = time.monotonic() + 60
    while len(list(store.blocks)) < 4:
        assert time.monotonic() < end
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode in {1, 130}
    assert b"Traceback" not in error
    assert list(store.blocks) == []
    assert (store.used, store.pins()) == (0, [])
    assert list((store.path / "tmp").iterdir()) == []
