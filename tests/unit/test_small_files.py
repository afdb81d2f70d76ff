"""Small text files as people and other programs write them: one reader, the same for all."""

import json
from pathlib import Path

import pytest

from chain.errors import ProfileError
from chain.folders import read_small_text
from chain.ledger.profiles import load_profile
from karat.config import load_settings, read_password_file
from karat.errors import ConfigError
from karat.participants.sponsor.taskfile import load_task_file
from karat.web.names import read_names

ADDRESS = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
WINDOWS = ["utf-8", "utf-8-sig", "utf-16"]


@pytest.mark.parametrize("encoding", WINDOWS)
def test_a_byte_order_mark_changes_nothing(
    encoding: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KARAT_CONFIG_DIR", str(tmp_path / "config"))
    (tmp_path / "password.txt").write_text("geheim\r\n", encoding=encoding, newline="")
    assert read_password_file(tmp_path / "password.txt") == "geheim"
    (tmp_path / "karat.toml").write_text('device = "cpu"\n', encoding=encoding)
    assert load_settings().device == "cpu"
    (tmp_path / "names.toml").write_text(f'"{ADDRESS}" = "Ada"\n', encoding=encoding)
    assert read_names(tmp_path / "names.toml") == {ADDRESS: "Ada"}
    profile = f'rpc_url = "http://127.0.0.1:1"\nchain_id = 5\nledger = "{ADDRESS}"\n'
    (tmp_path / "config" / "networks").mkdir(parents=True)
    (tmp_path / "config" / "networks" / "mine.toml").write_text(profile, encoding=encoding)
    assert load_profile("mine").ledger == ADDRESS
    task = f'task = "mlp-digits"\nrounds = 2\ntoken = "{ADDRESS}"\nunknown = 1\n'
    (tmp_path / "task.toml").write_text(task, encoding=encoding)
    with pytest.raises(ConfigError, match="unknown"):  # read as TOML, refused for its field
        load_task_file(tmp_path / "task.toml")


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", b"caf\xe9 = 1", b"x" * 101, b"\xff\xfe\x00\xd8"])
def test_what_is_no_small_text_is_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(data)
    with pytest.raises(ValueError, match=r"."):
        read_small_text(tmp_path / "file", 100)


def test_damaged_files_get_their_readers_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KARAT_CONFIG_DIR", str(tmp_path / "config"))
    bad = tmp_path / "bad"
    bad.write_bytes(b"caf\xe9 = 1")
    for read in (read_password_file, read_names, load_task_file):
        with pytest.raises(ConfigError, match="bad"):
            read(bad)
    (tmp_path / "config" / "networks").mkdir(parents=True)
    (tmp_path / "config" / "networks" / "bad.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ProfileError, match="not TOML"):
        load_profile("bad")
    (tmp_path / "karat.toml").write_text(json.dumps({"device": "cpu"}))
    with pytest.raises(ConfigError, match=r"karat\.toml is not TOML"):
        load_settings()
