"""A network of processes, watched for a few rounds: what it asks and writes stays small."""

from pathlib import Path

import pytest

from tests.faults.soak import SCHEMA, play


@pytest.mark.slow
@pytest.mark.anvil
@pytest.mark.timeout(1200)
def test_a_network_of_processes_asks_and_writes_little(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("KARAT_CONFIG_DIR", "KARAT_DATA_DIR"):
        monkeypatch.setenv(name, "")  # what it sets is undone
    document = play(tmp_path, 0.0, seconds=(30, 20), least_rounds=2)
    assert document["schema"] == SCHEMA
    assert document["rounds"] >= 2
    assert document["written_bytes"] <= 3 * document["state_bytes"]
    for daemon in document["daemons"]:
        assert daemon["requests_per_round"] < 600, daemon  # by polling it was 900 and more
        assert daemon["descriptors"] < 40
