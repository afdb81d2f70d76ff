"""A sample of the matrix of faults: none ends a daemon, loses a round or costs a stake."""

from pathlib import Path

import pytest

from tests.faults.matrix import MODES, SCHEMA, play, summary
from tests.faults.node import Mode


@pytest.fixture(autouse=True)
def own_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KARAT_DATA_DIR", "")
    monkeypatch.setattr("chain.evm.node._FIRST_PAUSE", 0.1)
    monkeypatch.setattr("karat.participants.daemon.loop._FIRST_PAUSE", 1.0)


@pytest.mark.slow
@pytest.mark.anvil
@pytest.mark.timeout(1200)
def test_no_single_fault_does_harm(tmp_path: Path) -> None:
    document = summary(play(tmp_path, Mode.load(MODES), set(), sample=23))
    assert document["schema"] == SCHEMA
    assert document["faults"] > 50
    assert {row["step"] for row in document["rows"]} >= {"commit", "vote", "settle", "attest"}
    assert (document["fatal"], document["rounds_lost"], document["honest_slashed"]) == (0, 0, 0)


def test_a_mode_of_ones_own_is_read_and_mistakes_are_named(tmp_path: Path) -> None:
    file = tmp_path / "modes.toml"
    file.write_text('[[mode]]\nname = "late"\nmethods = ["eth_get*"]\ndelay = 0.5\n')
    [mode] = Mode.load(file)
    assert (mode.name, mode.delay) == ("late", 0.5)
    assert mode.suits("eth_getLogs")
    assert not mode.suits("eth_call")
    file.write_text('[[mode]]\nname = "late"\ndelays = 0.5\n')
    with pytest.raises(ValueError, match="no 'delays'"):
        Mode.load(file)
