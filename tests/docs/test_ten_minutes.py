"""A stranger's first ten minutes, as ``docs/ten_minutes.md`` says, with the time that they take."""

import os

import pytest

from tests.docs.blocks import ROOT, read_page
from tests.docs.reader import Reader

CLONE = os.environ.get("KARAT_TEN_MINUTES") == "clone"


@pytest.mark.slow
@pytest.mark.node
@pytest.mark.timeout(1800)
def test_ten_minutes(
    stranger: Reader, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = read_page(ROOT / "docs" / "ten_minutes.md")
    if CLONE:  # then everything that is run comes from the clone
        stranger.patience = 1500
        stranger.ports.clear()
        monkeypatch.setenv("REPOSITORY", str(ROOT))
        monkeypatch.delenv("PYTHONPATH")
        monkeypatch.setenv("PATH", os.environ["PATH"].split(":", 2)[2])
    for block in page.code:
        if CLONE or not block.skip:
            stranger.do(block)
    with capsys.disabled():
        print("\nA stranger's ten minutes:")
        for heading, seconds in stranger.seconds.items():
            print(f"  {heading:<20} {seconds:6.1f} s")
    assert CLONE or sum(stranger.seconds.values()) < 600  # a mirror may be slow
