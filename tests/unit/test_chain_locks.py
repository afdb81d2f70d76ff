"""Locks between processes: waited for, given up by the dead, their holder named."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from chain.errors import LockBusy
from chain.folders import replacing, write_atomically
from chain.locks import locked

HOLD = (
    "import sys; from pathlib import Path; from chain.locks import locked\n"
    "with locked(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
)


def holder(path: Path) -> subprocess.Popen[str]:
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    return child


@pytest.mark.parametrize("exclusive", [True, False])
def test_whoever_holds_a_lock_is_named(tmp_path: Path, exclusive: bool) -> None:
    path = tmp_path / "lock"
    with holder(path) as child:
        with (
            pytest.raises(LockBusy, match=f"process {child.pid} has held"),
            locked(path, exclusive=exclusive, seconds=0),
        ):
            pass
        child.kill()
        child.wait()
        with locked(path, exclusive=exclusive):
            assert not exclusive or path.read_text() == str(os.getpid())


def test_readers_share_and_keep_writers_out(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with (
        locked(path, exclusive=False, seconds=0),
        locked(path, exclusive=False, seconds=0),
        pytest.raises(LockBusy, match="process"),
        locked(path, seconds=0),
    ):
        pass
    with locked(path, seconds=0):
        pass


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    write_atomically(path, "old")
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("old", 0o600)
    with pytest.raises(TypeError), replacing(path) as file:
        file.writelines([b"half", None])
    assert path.read_text() == "old"
    assert [one.name for one in path.parent.iterdir()] == ["file"]
