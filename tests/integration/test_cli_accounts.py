"""``karat account``: a key's whole life, and what lies beside the keys."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.home import Home
from tests.cli.schemas import checked


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path)
    try:
        yield home
    finally:
        home.close()


def test_a_password_is_changed(home: Home) -> None:
    made = home.json("account", "new", "alice")
    (home.folder / "new").write_text("another\n")
    passwd = ("account", "passwd", "alice")
    assert "the new password is needed" in home.run(*passwd, code=3)[1]
    (home.folder / "empty").write_text("\n")
    assert "is empty" in home.run(*passwd, "--new-password-file", "empty", code=3)[1]
    changed = checked(home.json(*passwd, "--new-password-file", "new"))
    assert (changed["name"], changed["address"]) == ("alice", made["address"])
    assert Path(made["path"]).stat().st_mode & 0o777 == 0o600
    home.run(*passwd, "--new-password-file", "new", code=3)  # the old one opens it no longer
    home.run(*passwd, "--new-password-file", "new", "--password-file", "new")


def test_a_key_is_renamed_and_removed(home: Home) -> None:
    made = home.json("account", "new", "alice")
    home.run("account", "new", "bob")
    assert "already an account 'bob'" in home.run("account", "rename", "alice", "bob", code=3)[1]
    home.run("account", "rename", "alice", "../carol", code=3)
    home.run("account", "rename", "nobody", "carol", code=3)
    renamed = checked(home.json("account", "rename", made["address"], "carol"))
    assert (renamed["before"], renamed["name"]) == ("alice", "carol")
    assert home.json("account", "export-address", "carol")["address"] == made["address"]

    assert "--yes" in home.run("account", "remove", "carol", code=2)[1]
    (home.folder / "wrong").write_text("wrong")
    home.run("account", "remove", "carol", "--yes", "--password-file", "wrong", code=3)
    assert len(home.json("account", "list")["accounts"]) == 2
    gone = checked(home.json("account", "remove", "carol", "--yes"))
    assert gone["address"] == made["address"]
    assert not Path(gone["path"]).exists()
    assert [one["name"] for one in home.json("account", "list")["accounts"]] == ["bob"]


def test_the_copy_that_was_named_is_removed(home: Home) -> None:
    made = Path(home.json("account", "new", "b")["path"])
    made.with_name("a.json").write_bytes(made.read_bytes())
    assert checked(home.json("account", "remove", "b", "--yes"))["path"] == str(made)
    assert [one["name"] for one in home.json("account", "list")["accounts"]] == ["a"]


def test_the_list_warns_of_what_it_skipped(home: Home) -> None:
    stray = Path(home.json("account", "new", "alice")["path"]).with_name("notes.json")
    stray.write_text("{}")
    listed = checked(home.json("account", "list"))
    assert [one["name"] for one in listed["accounts"]] == ["alice"]
    assert [one["path"] for one in listed["skipped"]] == [str(stray)]
    out, err = home.run("account", "list")
    assert "notes" not in out
    assert "Skipped: " in err
    assert str(stray) in err
