"""``karat up --with``: a task whose members run in the background, until ``karat down``."""

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from chain.ledger.bindings.enums import RecordKind
from karat.sdk import connect
from tests.cli.home import Home, home_with_network, wait_until
from tests.cli.schemas import checked

TASK = """
task = "mlp-digits"
rounds = 1
rewards = {trainers = 10, verifiers = 1}
stakes = {trainer = 5, verifier = 5}
windows = {commit = "20m", reveal = "10m", score_commit = "10m", score_reveal = "10m"}
verifiers = [{account = "dev:7"}]
"""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with pytest.MonkeyPatch.context() as patch, home_with_network(tmp_path, patch) as home:
        try:
            yield home
        finally:
            home.run("down", "--wipe", "--yes")


@pytest.mark.slow
@pytest.mark.anvil
@pytest.mark.timeout(900)
def test_a_task_is_played_by_daemons_that_go_down_and_up_with_the_network(home: Home) -> None:
    (home.folder / "task.toml").write_text(TASK)
    up = ("up", "--port", 0, "--with", "task.toml", "--trainers", 2, "--verifiers", 3)
    began = checked(home.json(*up))
    assert (began["task"], len(began["accounts"])) == (1, 10)
    assert [one["role"] for one in began["daemons"]] == ["verifier"] * 3 + ["trainer"] * 2
    first = [psutil.Process(one["pid"]) for one in began["daemons"]]
    network = connect("local")
    assert [one.joined for one in network.task(1).overview().verifiers] == [True] * 3
    workers = [one["address"] for one in began["accounts"][4:6]]
    wait_until(
        lambda: all(
            network.ledger.record(1, one, 1).kind is RecordKind.COMMITTED for one in workers
        ),
        "both to commit",
        600,
    )

    home.run("down")
    assert not any(one.is_running() for one in first)
    again = checked(home.json("up"))
    assert again["task"] is None
    assert [one["account"] for one in again["daemons"]] == [
        one["account"] for one in began["daemons"]
    ]
    second = [psutil.Process(one["pid"]) for one in again["daemons"]]
    assert not {one.pid for one in first} & {one.pid for one in second}
    home.run("down", "--wipe", "--yes")
    assert not any(one.is_running() for one in second)
