"""The demo's report: one file that stands alone, whatever the names in it are."""

import re
from base64 import b64decode
from html import unescape
from io import StringIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from rich.console import Console

from karat.demo.report import write_report
from karat.demo.result import (
    DemoResult,
    GasUse,
    ParticipantResult,
    RoundResult,
    UpdateResult,
)
from karat.demo.table import show
from karat.errors import ConfigError

HOSTILE = "<script>alert('$x$')</script>\"&"
SPONSOR, VERIFIER, HONEST, SYBIL = (f"0x{i:040x}" for i in range(1, 5))
EDGES = [(SPONSOR, VERIFIER, 100), (VERIFIER, HONEST, 900), (VERIFIER, SYBIL, -900)]


def result(name: str = "honest-1", **changes: Any) -> DemoResult:
    update = UpdateResult(
        index=0,
        trainer=HONEST,
        role="honest",
        cid="bafk",
        size=10,
        scores={VERIFIER: 17000},
        median=17000,
        verdict="ok",
        weight=616,
    )
    settings: dict[str, Any] = {
        "config": {"rounds": 1, "seed": 0, "task": name},
        "chain": {"kind": "anvil", "chain_id": 31337},
        "store": {"kind": "local", "url": name},
        "token": {"address": SPONSOR, "decimals": 18},
        "rounds": [RoundResult(1, "settled", 0.9, 0.5, "bafk", "0x00", [update])],
        "participants": [
            ParticipantResult(SPONSOR, "sponsor", "sponsor", 0, 0, 0, 0.0),
            ParticipantResult(VERIFIER, "verifier-1", "verifier", 10**18, 0, 10**18, 0.5),
            ParticipantResult(HONEST, name, "honest", 10**19, 0, 10**18, 0.4, {"ok": 1}, 0.03),
            ParticipantResult(SYBIL, "sybil-1", "sybil", 0, 10**17, 10**18, -0.1, {"harmful": 1}),
        ],
        "anchor": {"root": "0x11", "document": "bafk", "proof_holds": True},
        "conservation": {"paid_in": 10**20},
        "gas": {"commit": GasUse(3, 32_000.5, 32_100), "deploy Ledger": GasUse(1, 5e6, 5_000_000)},
        "outputs": {},
        "seconds": 1.0,
    }
    return DemoResult(**(settings | changes))


def drawings(page: str) -> list[str]:
    """The SVG documents within a page."""
    found = re.findall(r'src="data:image/svg\+xml;base64,([^"]*)"', page)
    return [b64decode(one).decode() for one in found]


def test_the_page_stands_alone(tmp_path: Path) -> None:
    page = write_report(result(), EDGES, tmp_path / "a" / "b", "karat demo").read_text("utf-8")
    assert not re.search(r"<script|<link|@import|url\(|javascript:", page)
    assert all(src.startswith("data:") for src in re.findall(r'src="([^"]*)"', page))
    assert len(re.findall(r"<img ", page)) == len(drawings(page)) == 4
    for drawing in drawings(page):
        assert "<script" not in drawing
        assert not re.search(r'(?:href|src)="(?!#)', drawing)
        assert "currentColor" in drawing  # follows the page in the dark
    assert "prefers-color-scheme: dark" in page
    pngs = sorted(path.name for path in (tmp_path / "a" / "b").glob("*.png"))
    assert pngs == ["accuracy.png", "gas.png", "graph.png", "rewards.png"]
    assert all(path.read_bytes()[:4] == b"\x89PNG" for path in (tmp_path / "a" / "b").glob("*.png"))


def test_names_and_commands_are_text(tmp_path: Path) -> None:
    page = write_report(result(HOSTILE), EDGES, tmp_path, f"karat {HOSTILE}").read_text("utf-8")
    assert "<script" not in page
    assert page.count(HOSTILE) == 0
    assert unescape(page).count(HOSTILE) >= 4  # command, participant, store, task
    for drawing in drawings(page):
        ElementTree.fromstring(drawing)  # noqa: S314 - our own
        assert "<script" not in drawing
    assert sum("alert('$x$')" in unescape(drawing) for drawing in drawings(page)) == 2


def test_the_same_result_gives_the_same_page(tmp_path: Path) -> None:
    first, second = (
        write_report(result(), EDGES, tmp_path / name, "karat demo").read_bytes() for name in "ab"
    )
    assert first == second


def test_what_nobody_earned_is_drawn_too(tmp_path: Path) -> None:
    nobody = [ParticipantResult(SPONSOR, "sponsor", "sponsor", 0, 0, 0, 0.0)]
    nobody += [ParticipantResult(HONEST, "honest-1", "honest", 0, 0, 0, 0.0)]
    void = [RoundResult(1, "void", 0.1, 0.1, "bafk", "", [], [HONEST])]
    page = write_report(result(participants=nobody, rounds=void), [], tmp_path, "karat demo")
    assert "Round 1: void" in page.read_text("utf-8")


def test_the_table_fits_into_eighty_columns() -> None:
    verdicts = {"ok": 2, "unpaid": 3}
    rows = [ParticipantResult(HONEST, "verifier-1", "label-flip", 10**21, 0, 1, 0.4, verdicts, 0.0)]
    console = Console(width=80, file=StringIO())
    show(result(participants=rows), console)
    assert isinstance(console.file, StringIO)
    assert "2 ok, 3 unpaid  +0.000  1,000.00" in console.file.getvalue()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="file"):
        write_report(result(), EDGES, tmp_path / "file", "karat demo")
