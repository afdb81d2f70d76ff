"""What docs/trust.md says of deviations is shown by tests that exist."""

import re

from tests.docs.blocks import ROOT

_PARTY, _DEVIATION, _SHOWN = 0, 1, 3


def _table() -> list[list[str]]:
    """The rows of the table of deviations, without its head."""
    text = (ROOT / "docs" / "trust.md").read_text("utf-8")
    section = text.split("## The best that each party can do\n", 1)[1].split("\n## ", 1)[0]
    rows = [line[1:-1] for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.split("|")] for row in rows[2:]]


def _tests() -> set[str]:
    """The names of all tests, of the contracts' and of Python's."""
    tests = ROOT / "tests"
    names: set[str] = set()
    for path in sorted((tests / "solidity").rglob("*.t.sol")):
        names.update(
            re.findall(r"^    function (test\w+)\(", path.read_text("utf-8"), re.MULTILINE)
        )
    for path in sorted(tests.rglob("test_*.py")):
        names.update(re.findall(r"^def (test_\w+)\(", path.read_text("utf-8"), re.MULTILINE))
    return names


def test_every_deviation_names_tests_that_exist() -> None:
    there = _tests()
    for row in _table():
        assert len(row) == _SHOWN + 1, row
        assert all(row[_DEVIATION:]), row
        named = re.findall(r"`(test\w+)`", row[_SHOWN])
        assert named, f"nothing shows what comes of: {row[_DEVIATION]}"
        assert [name for name in named if name not in there] == []
        files = re.findall(r"`(\w+/[\w/.]+)`", row[_SHOWN])
        assert [name for name in files if not (ROOT / name).is_file()] == []


def test_every_party_has_a_row() -> None:
    parties = {row[_PARTY].split(",")[0] for row in _table()}
    assert {
        "verifier",
        "sponsor",
        "trainer",
        "juror",
        "relayer",
        "whoever closes the reveal phase",
    } <= parties
