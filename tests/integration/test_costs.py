"""What a task costs: two EVMs agree, and the figures add up."""

from decimal import Decimal
from pathlib import Path

import pytest

from chain.errors import NodeMissing
from karat.errors import ConfigError
from karat.sdk import costs
from karat.sdk.documents import TaskCost
from tests.cli.schemas import checked

SPEC = """
task = "mlp-digits"
rounds = 10
max_trainers = 20
rewards = {trainers = 10, verifiers = 1}
stakes = {trainer = 5, verifier = 5}
windows = {commit = "20m", reveal = "10m", score_commit = "10m", score_reveal = "10m"}
verifiers = [{account = "nobody"}, {account = "knows"}, {account = "them"}]
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "task.toml"
    path.write_text(SPEC)
    return path


@pytest.fixture
def told(spec: Path) -> TaskCost:
    return costs.rehearse(spec, trainers=17, gas_price=Decimal("1.5"))


@pytest.mark.anvil
def test_each_partys_gas_adds_up(told: TaskCost) -> None:
    checked(told.to_json())
    assert [one.party for one in told.parties] == ["sponsor", "trainer", "verifier", "anyone"]
    for one in told.parties:
        each = sum(operation.gas * operation.times for operation in one.round)
        assert one.round_gas == pytest.approx(each, abs=1)
        assert one.task_gas == one.once_gas + 10 * one.round_gas
        assert Decimal(one.task_ether or "") == pytest.approx(
            Decimal(one.task_gas) * Decimal("1.5e-9"), rel=Decimal("1e-3")
        )
    trainer = {one.operation: one.times for one in told.parties[1].round}
    assert trainer == {"claim+withdraw+commit": 0.2, "commit": 0.8, "reveal": 1.0}
    anyone = {one.operation for one in told.parties[3].round}
    assert anyone == {"open_round", "close_reveal", "settle"}


@pytest.mark.anvil
def test_without_anvil_the_embedded_chain_says_the_same(
    told: TaskCost, spec: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> Path:
        raise NodeMissing("no Anvil")

    monkeypatch.setattr("chain.devnet.anvil.find_anvil", missing)
    assert costs.rehearse(spec, trainers=17, gas_price=Decimal("1.5")) == told


def test_no_more_trainers_than_the_task_takes(spec: Path) -> None:
    with pytest.raises(ConfigError, match="1 to 20 trainers, not 21"):
        costs.rehearse(spec, trainers=21)


@pytest.mark.anvil
def test_without_a_price_there_is_no_ether(spec: Path) -> None:
    text = SPEC.replace('score_reveal = "10m"}', 'score_reveal = "10m", appeal = "1h"}')
    spec.write_text(text.replace("verifier = 5}", "verifier = 5, appeal_bond = 3}"))
    told = costs.rehearse(spec, trainers=1)
    assert {one.task_ether for one in told.parties} == {None}
    assert told.parties[2].round_gas > 0
