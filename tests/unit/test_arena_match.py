"""Matches: training at once, counting, pay by influence, repeatability."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from learning import tasks
from learning.arena.aggregators import TrMean
from learning.arena.attacks import Knowledge, attacks
from learning.arena.base import Entry, Outcome
from learning.arena.defence import RuleDefence, build_defence, defence_names
from learning.arena.match import Match, Ring, Row, play, seeded
from learning.arena.metrics import Tally
from learning.arena.sealed import SealedBatches
from learning.arena.seeds import hash_seed
from learning.arena.summary import percent, summarise
from learning.arena.tournament import Results, Tournament, run
from learning.arena.trainers import train_all
from learning.errors import ArenaError, AttackError, PluginError, UnknownNameError
from learning.tasks import TaskSpec
from learning.tasks.data import assigned, divided, partition
from learning.training import initial_model, train

SHORT = Match("mlp-digits", "label-flip", "mean", 5, 2, 0.5, 2, 1)


def test_training_at_once_equals_training_one_by_one() -> None:
    spec = tasks.get("mlp-digits")
    base, shards = initial_model(spec), partition(spec, 4, 0)
    together = train_all(spec, base, shards, [1, 2, 3, 4])
    for shard, seed, delta in zip(shards, [1, 2, 3, 4], together, strict=True):
        np.testing.assert_allclose(delta, train(spec, base, shard, seed, "cpu"), atol=2e-5)


def test_other_models_train_too() -> None:
    spec = tasks.get("cnn-digits")
    deltas = train_all(spec, initial_model(spec), partition(spec, 2, 0), [1, 2])
    assert deltas.shape[0] == 2
    assert np.abs(deltas).max() > 0


def test_a_match_repeats_exactly() -> None:
    assert play(SHORT) == play(SHORT)
    assert play(SHORT) != play(dataclasses.replace(SHORT, seed=2))


def test_a_row_has_the_documented_fields() -> None:
    row = play(SHORT).to_json()
    assert list(row) == [
        "attack", "defence", "honest", "attackers", "alpha", "seed", "rounds", "scenario",
        "accuracy", "attack_success", "attacker_reward_share", "precision", "recall",
        "honest_false_positive", "honest_slashed", "honest_share", "honest_unpaid",
        "honest_unpaid_late", "accuracy_plain", "pay_value_correlation", "holder_pay",
        "holder_accuracy",
    ]  # fmt: skip
    assert row["attacker_reward_share"] == pytest.approx(2 / 7)  # the mean pays all alike


def test_without_attack_nobody_attacks() -> None:
    row = play(dataclasses.replace(SHORT, attack="none"))
    assert (row.attackers, row.attacker_reward_share, row.recall) == (0, None, None)


@pytest.mark.parametrize("defence", [d for d in defence_names() if not d.startswith("byzfl")])
def test_every_defence_plays(defence: str) -> None:
    row = play(dataclasses.replace(SHORT, defence=defence, attack="sign-flip"))
    assert 0 <= row.accuracy <= 1
    assert 0 <= (row.attacker_reward_share or 0) <= 1


@pytest.mark.parametrize("attack", attacks.names())
def test_every_attack_plays(attack: str) -> None:
    row = play(dataclasses.replace(SHORT, attack=attack))
    assert 0 <= row.accuracy <= 1


@pytest.mark.seconds
def test_karat_keeps_label_flippers_from_the_payroll() -> None:
    match = Match("mlp-digits", "label-flip", "karat", 8, 3, 0.5, 8, 1)
    karat, mean = play(match), play(dataclasses.replace(match, defence="mean"))
    assert karat.attacker_reward_share is not None
    assert karat.attacker_reward_share < 0.05
    assert karat.accuracy > mean.accuracy - 0.02


def sealed(spec: TaskSpec) -> SealedBatches:
    return SealedBatches(divided(spec).root, spec.scoring.batch, SHORT.rounds)


def test_attackers_who_see_this_rounds_updates_come_last() -> None:
    spec = seeded(tasks.get("mlp-digits"), 0)
    match = dataclasses.replace(SHORT, attack="mimic")
    ring = Ring(match, spec, attacks.get("mimic")(), sealed(spec))
    assert ring.attack.knowledge is Knowledge.CURRENT
    honest = [entry.honest for entry in ring.entries(0, initial_model(spec))]
    assert honest == [True] * 5 + [False] * 2


def test_all_train_on_what_the_task_assigns() -> None:
    spec = seeded(tasks.get("mlp-digits"), 0)
    spec = spec.model_copy(update={"data": spec.data.model_copy(update={"assigned": 64})})
    ring = Ring(SHORT, spec, attacks.get("label-flip")(), sealed(spec))
    model = initial_model(spec)
    mine, own = (
        {e.name: e for e in ring.entries(0, model)},
        assigned(spec, model.digest, "honest-003"),
    )
    delta = train(spec, model, own, hash_seed(SHORT.seed, 0, 3), "cpu")
    sent = mine["honest-003"].dense
    assert np.linalg.norm(sent - delta) < 0.5 * np.linalg.norm(delta)
    assert len(mine) == SHORT.honest + SHORT.attackers


def test_attackers_that_send_nonsense_are_reported(tmp_path: Path) -> None:
    file = tmp_path / "bad.py"
    file.write_text(
        "from learning.attacks import Attack\n"
        "class Bad(Attack):\n    def craft(self, view): return view.own[:1]\n"
    )
    with pytest.raises(AttackError, match="Bad made updates of shape"):
        play(dataclasses.replace(SHORT, attack=f"{file}:Bad"))


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ("craft(self, view): return None", "no array of numbers, but a NoneType"),
        ("craft(self, view): return list(view.own)", "no array of numbers, but a list"),
        ("craft(self, view): return view.own * 1j", "no array of numbers"),
        ("craft(self, view): return view.own.astype(object)", "no array of numbers"),
        ("craft(self, view): return view.own + np.nan", "NaN or infinity"),
        ("craft(self, view): return view.own.astype(float) + 1e300", "NaN or infinity"),
        ("names(self, count, number): return ['a'] * count", "the same name twice"),
        ("names(self, count, number): return ['a']", "a list of 2 is needed"),
        ("names(self, count, number): return None", "None as names"),
        ("names(self, count, number): return [1, 2]", "the name 1;"),
        ("names(self, count, number): return ['honest-000', 'b']", "the name 'honest-000';"),
        ("poison(self, shards, setting): return None", "no list of 2 shards"),
        ("poison(self, shards, setting): return shards[:1]", "no list of 2 shards"),
        ("poison(self, shards, setting): return [1, 2]", "a int of a shard"),
        ("poison(self, shards, setting): return [s.take([]) for s in shards]", "shard of 0 inputs"),
        (
            "poison(self, shards, setting): return [dataclasses.replace(s, y=s.y + 9) "
            "for s in shards]",
            "no numbers from 0 to 9",
        ),
        (
            "poison(self, shards, setting): return [dataclasses.replace(s, x=s.x[:, 1:]) "
            "for s in shards]",
            "another shape",
        ),
        ("poison(self, shards, setting): return open('nowhere')", "line 5: FileNotFoundError"),
    ],
)
def test_whatever_an_attack_hands_back_is_named(method: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "bad.py"
    file.write_text(
        "import dataclasses\nimport numpy as np\nfrom learning.arena.attacks import Attack\n"
        f"class Bad(Attack):\n    def {method}\n"
    )
    with pytest.raises((AttackError, PluginError), match=message) as raised:
        play(dataclasses.replace(SHORT, attack=f"{file}:Bad", attackers=2))
    assert str(file) in str(raised.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Bad = 5", "no Attack class, but 5"),
        ("class Bad: pass", "no Attack class"),
        ("from learning.arena.attacks import Attack\nclass Bad(Attack):\n"
         "    def __init__(self, need): pass", "made without arguments"),
        ("open('nowhere')", "running .* failed"),
    ],
)  # fmt: skip
def test_a_file_without_an_attack_is_named(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "bad.py"
    file.write_text(text)
    with pytest.raises(PluginError, match=message):
        play(dataclasses.replace(SHORT, attack=f"{file}:Bad"))


def test_own_defences_are_loaded_from_files(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "from learning.aggregators import TrMean as Rule\n"
        "from learning.arena.base import Defence, Outcome\n"
        "import numpy as np\n"
        "class Lazy(Defence):\n"
        "    def round(self, number, base, entries):\n"
        "        return Outcome(base, np.ones(len(entries)), np.zeros(len(entries), bool))\n"
        "number = 5\n"
    )
    spec = tasks.get("mlp-digits")
    rule = build_defence(f"{file}:Rule", spec, 5, 2, 0)
    assert isinstance(rule, RuleDefence)
    assert isinstance(rule.rule, TrMean)
    assert rule.rule.f == 2
    assert play(dataclasses.replace(SHORT, defence=f"{file}:Lazy")).accuracy < 0.3
    with pytest.raises(PluginError, match="neither"):
        build_defence(f"{file}:number", spec, 5, 2, 0)


def test_rules_are_told_no_more_attackers_than_they_take() -> None:
    defence = build_defence("trimmed-mean", tasks.get("mlp-digits"), 14, 28, 0)
    assert isinstance(defence, RuleDefence)
    assert isinstance(defence.rule, TrMean)
    assert defence.rule.f == 20


def entry(honest: bool) -> Entry:
    return Entry("x", honest, b"", None, np.zeros(1))  # type: ignore[arg-type]


def test_counting_by_hand() -> None:
    tally = Tally(honest=2)
    entries = [entry(True), entry(False), entry(True), entry(False)]

    def outcome(pay: list[float], flagged: list[bool]) -> Outcome:
        return Outcome(None, np.array(pay), np.array(flagged))  # type: ignore[arg-type]

    tally.count(entries, outcome([3, 1, 0, 0], [False, False, True, True]), attacking=True)
    tally.count(entries, outcome([1, 0, 1, 0], [False, True, False, True]), attacking=True)
    tally.count(entries, outcome([1, 9, 1, 9], [False, False, False, False]), attacking=False)
    tally.count(entries, outcome([0, 0, 0, 0], [False, False, False, False]), attacking=True)
    assert tally.result() == {
        "attacker_reward_share": pytest.approx(1 / 6),
        "precision": pytest.approx(3 / 4),
        "recall": pytest.approx(3 / 6),
        "honest_false_positive": pytest.approx(1 / 8),
        "honest_slashed": pytest.approx(1 / 8),
    }


def test_a_tournament_combines_its_lists_and_checks_its_names() -> None:
    cup = Tournament(["none", "alie"], ["mean", "krum"], attackers=(1, 2), seeds=(0, 1, 2))
    assert len(cup.matches()) == 2 * 3 + 2 * 2 * 3
    with pytest.raises(UnknownNameError, match="no defence 'nothing'"):
        Tournament(["none"], ["nothing"]).matches()
    with pytest.raises(UnknownNameError):
        Tournament(["nothing"], ["mean"]).matches()
    with pytest.raises(ArenaError, match="0 matches"):
        Tournament([], ["mean"]).matches()
    with pytest.raises(ArenaError, match="possible"):
        Tournament(["alie"], ["mean"], seeds=range(200_000)).matches()
    with pytest.raises(ArenaError, match="rounds=0"):
        Tournament(["alie"], ["mean"], rounds=(0,)).matches()


def test_an_interrupted_tournament_goes_on(tmp_path: Path) -> None:
    results = Results(tmp_path / "results")
    one = SHORT
    two = dataclasses.replace(SHORT, attack="sign-flip")
    first = run([one], results, jobs=1)
    marked = dataclasses.replace(first[0], accuracy=0.125)
    results.put(one, marked)
    seen: list[int] = []
    rows = run([one, two], results, jobs=1, on_row=lambda: seen.append(1))
    assert rows[0] == marked  # not played again
    assert rows[1].attack == "sign-flip"
    assert len(seen) == 2
    for file in results.folder.iterdir():
        file.write_text(json.dumps({"accuracy": 1}))
    assert run([one], results, jobs=1) == first  # damaged results are played again
    with pytest.raises(ArenaError, match="job"):
        run([one], results, jobs=0)


def test_means_over_seeds() -> None:
    row = play(dataclasses.replace(SHORT, attack="none"))
    other = dataclasses.replace(row, seed=9, accuracy=0.0)
    cells = summarise([row, other])
    assert len(cells) == 1
    assert cells[0].seeds == 2
    assert cells[0].means["accuracy"] == pytest.approx(row.accuracy / 2)
    assert cells[0].means["recall"] is None
    assert (percent(None), percent(0.123)) == ("–", "12.3")
    assert isinstance(row, Row)


def test_the_documentation_lists_every_attack() -> None:
    page = (Path(__file__).parents[2] / "docs" / "arena.md").read_text(encoding="utf-8")
    section = page.split("## Attacks")[1].split("## ")[0]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    names = {name.strip(" `") for cell in cells for name in cell.split(",")}
    assert names == set(attacks.names()) - {"none"}
