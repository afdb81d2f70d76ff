"""Parts of the page that need no network: strangers' strings, evidence, names, the chain's book."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from karat.errors import ConfigError
from karat.text import clean
from karat.web import evidence
from karat.web.facts import Kept
from karat.web.guard import host_name
from karat.web.names import read_names
from karat.web.server import listen
from learning.evidence import Entry, Evidence
from tests.web.networks import evidence as document


@given(st.text(), st.integers(min_value=1, max_value=300))
def test_clean_text_is_short_and_acts_on_nothing(text: str, limit: int) -> None:
    shown = clean(text, limit)
    assert shown.isprintable()
    assert len(shown) <= 10 * limit + 1
    assert not {"\u202e", "\u2066", "\u200b", "\ufeff", "\u0000", "\n"} & set(shown)


def test_clean_text_keeps_what_people_write() -> None:
    for text in ("mlp-digits", "Ωμέγα", "مرحبا", "模型 7", "é"):
        assert clean(text) == text
    assert clean("a\u202eb") == "a\\u202eb"
    assert clean("x" * 300) == "x" * 240 + "…"
    assert clean("e" + "\u0301" * 100) == "e" + "\u0301" * 4


@pytest.mark.parametrize(
    "data",
    [
        b"", b"null", b"[]", b"{}", b"[" * 10_000, b'{"schema": "karat.evidence/2", "updates": []}',
        document([{"index": 0}]), document([{"index": 0, "code": 1, "gain": float("inf")}]),
        document([{"index": 0, "code": 1, "findings": [{"reason": "x"}] * 65}]),
        document([{"index": 0, "code": 10**400}]), b"\xff\xfe",
    ],
)  # fmt: skip
def test_malformed_evidence_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        Evidence.from_bytes(data)
    assert "\n" not in str(refused.value)


def test_the_page_starts_without_torch() -> None:
    code = (
        "import sys, karat.web.server; sys.exit(any(n in sys.modules for n in ('torch', 'numba')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def entry(code: int, **signals: object) -> Entry:
    found = Evidence.from_bytes(document([{"index": 3, "code": code, **signals}])).entry(3)
    assert found is not None
    return found


def test_evidence_in_words() -> None:
    told = Evidence.from_bytes(document([]))
    failing = entry(16_383, gain=-0.005, weight=0)
    checks = evidence.checks(failing)
    assert [(check.name, check.holds) for check in checks] == [
        ("credit", False), ("weight", False),
    ]  # fmt: skip
    assert "fails on credit, weight" in evidence.summary(failing, checks)
    reason = {"verdict": "duplicate", "reason": "same bytes", "related": "ab"}
    copied = entry(3, findings=[reason])
    both = Evidence.from_bytes(document([{"index": 5, "code": 9, "content_digest": "ab"}]))
    assert evidence.findings(both, copied)[0].related_index == 5
    assert evidence.findings(told, copied)[0].related_index is None
    assert evidence.summary(copied, []) == "Found duplicate: same bytes."
    assert evidence.summary(entry(7), []) == "Found code 7."
    assert "paid in proportion" in evidence.summary(entry(20_000), [])


def test_names(tmp_path: Path) -> None:
    file = tmp_path / "names.toml"
    address = "0x" + "ab" * 20
    file.write_text(f'"{address}" = "Ada"\n')
    assert list(read_names(file).values()) == ["Ada"]
    for wrong in ('"0x12" = "Ada"', f'"{address}" = 7', "not toml", f'"{address}" = ["a"]'):
        file.write_text(wrong)
        with pytest.raises(ConfigError, match=re_escape(str(file))):
            read_names(file)


def re_escape(text: str) -> str:
    import re

    return re.escape(text)


def test_kept_forgets_the_oldest() -> None:
    kept = Kept(2)
    for number in range(3):
        kept.keep(number, str(number))
    assert list(kept) == [1, 2]


def test_hosts() -> None:
    assert host_name("LOCALHOST:80") == "localhost"
    assert host_name("[::1]:80") == "::1"
    assert host_name("127.0.0.1") == "127.0.0.1"
    assert host_name("") == ""


def test_a_taken_port_is_an_error_that_says_so() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"port {port} on 127.0.0.1 is taken"):
            listen("127.0.0.1", port)
    with pytest.raises(ConfigError, match="cannot serve on"):
        listen("203.0.113.1", 0)
