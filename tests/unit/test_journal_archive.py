"""A journal that moves: everything arrives, nothing is written over, nothing bad gets in."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chain.errors import LockBusy
from chain.store import cid_of
from karat.errors import ConfigError, KaratError, ProtocolError
from karat.participants.journal import Ballots, Slot, Updates, alone
from karat.participants.journal_archive import Owner, export_journal, import_journal
from karat.participants.verifier.calls import Ballot
from karat.protocol.content import Content

TRAINER = Owner(role="trainer", chain_id=1, ledger="0xA", task=3, account="0xB")
VERIFIER = TRAINER.model_copy(update={"role": "verifier"})
SEED = bytes(range(32))
SLOT = Slot(7, 1_000)


@pytest.fixture
def updates(tmp_path: Path) -> Path:
    """A trainer's journal of one round with two updates."""
    folder = tmp_path / "old"
    folder.mkdir()
    for value, payload in enumerate((b"first", b"second")):
        Updates(folder).save(SLOT, payload, np.full(4, value, dtype=np.float32))
    return folder


@pytest.fixture
def archive(updates: Path, tmp_path: Path) -> Path:
    path = tmp_path / "journal"
    export_journal(updates, TRAINER, path)
    return path


def save_ballot(folder: Path, word: int) -> Ballot:
    folder.mkdir(exist_ok=True)
    ballot = Ballot((word,), bytes(10), Content(cid_of(b"{}").digest, 2))
    Ballots(folder).save(SLOT, SEED, ballot, b"{}")
    return ballot


def content_of(folder: Path) -> dict[str, tuple[bytes, int]]:
    files = [one for one in folder.iterdir() if one.name != "daemon.lock"]
    return {one.name: (one.read_bytes(), one.stat().st_mtime_ns) for one in files}


def test_a_trainers_journal_arrives_as_it_was(updates: Path, archive: Path, tmp_path: Path) -> None:
    new = tmp_path / "new"
    assert archive.stat().st_mode & 0o777 == 0o600
    assert import_journal(new, TRAINER, archive) == 4
    assert content_of(new) == content_of(updates)
    assert Updates(new).load(SLOT) == b"second"  # the later one, by its time
    assert import_journal(new, TRAINER, archive) == 0


def test_an_import_adds_to_what_is_there(archive: Path, tmp_path: Path) -> None:
    new = tmp_path / "new"
    new.mkdir()
    Updates(new).save(Slot(9_000, 2_000), b"later", np.zeros(4, dtype=np.float32))
    assert import_journal(new, TRAINER, archive) == 4
    assert Updates(new).load(Slot(9_000, 2_000)) == b"later"


def test_another_ballot_for_the_same_round_is_refused_as_a_whole(tmp_path: Path) -> None:
    old, new, path = tmp_path / "old", tmp_path / "new", tmp_path / "journal"
    save_ballot(old, 16_384)
    Ballots(old).save(Slot(8, 2_000), SEED, Ballot((1,), bytes(10), Content(bytes(32), 2)), b"{}")
    export_journal(old, VERIFIER, path)
    mine = save_ballot(new, 16_385)
    before = content_of(new)
    with pytest.raises(ProtocolError, match="another content"):
        import_journal(new, VERIFIER, path)
    assert content_of(new) == before
    assert Ballots(new).load(SLOT, SEED, 1) == (mine, b"{}")


@pytest.mark.parametrize(
    "other", [{"account": "0xC"}, {"task": 4}, {"ledger": "0xC"}, {"chain_id": 2}]
)
def test_a_journal_of_another_is_refused(
    archive: Path, tmp_path: Path, other: dict[str, Any]
) -> None:
    with pytest.raises(ConfigError, match="is the journal of the trainer 0xB of task 3"):
        import_journal(tmp_path / "new", TRAINER.model_copy(update=other), archive)


def test_nothing_is_moved_while_a_daemon_works(
    updates: Path, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("karat.participants.journal._OVERLAP", 0.0)
    with alone(updates):
        with pytest.raises(LockBusy):
            export_journal(updates, TRAINER, tmp_path / "again")
        with pytest.raises(LockBusy):
            import_journal(updates, TRAINER, archive)


def test_an_export_neither_writes_over_a_file_nor_makes_an_empty_one(
    updates: Path, archive: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="already a file"):
        export_journal(updates, TRAINER, archive)
    with pytest.raises(ConfigError, match="is empty"):
        export_journal(tmp_path / "none", TRAINER, tmp_path / "more")
    assert not (tmp_path / "more").exists()


def changed(archive: Path, **fields: Any) -> bytes:
    """The archive with its first entry changed."""
    line, _, content = archive.read_bytes().partition(b"\n")
    manifest = json.loads(line)
    manifest["entries"][0] |= fields
    return json.dumps(manifest).encode() + b"\n" + content


def test_what_is_no_whole_archive_is_refused_and_changes_nothing(
    archive: Path, tmp_path: Path
) -> None:
    whole = archive.read_bytes()
    bad = {
        "empty": b"",
        "no JSON": b"\x00" * 4096,
        "an endless line": b"[" * (5 << 20),
        "cut": whole[:-1],
        "longer": whole + b"x",
        "flipped": whole[:-1] + bytes([whole[-1] ^ 1]),
        "out of the folder": changed(archive, name="../../round-1-1.update"),
        "another kind": changed(archive, name="round-1-1-aa.json"),
        "its lock": changed(archive, name="daemon.lock"),
        "a great size": changed(archive, size=1 << 60),
        "a negative size": changed(archive, size=-1),
        "a size too many": changed(archive, size=10**6),
        "a time that is none": changed(archive, modified=-5),
        "twice the same": changed(
            archive, name=json.loads(whole.split(b"\n")[0])["entries"][1]["name"]
        ),
        "another schema": whole.replace(b"karat.journal/1", b"karat.journal/2", 1),
    }
    new = tmp_path / "new"
    for what, content in bad.items():
        archive.write_bytes(content)
        with pytest.raises(KaratError) as refusal:
            import_journal(new, TRAINER, archive)
        assert str(archive) in str(refusal.value), what
        assert not content_of(new), what
