"""The demo, played for real: chain, contracts, store, training, verdicts, money, reputation."""

import dataclasses
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from chain.errors import ProfileError
from chain.store.errors import StoreUnreachable
from karat.cli.errors import Exit
from karat.demo.config import DemoConfig
from karat.demo.progress import DemoProgress
from karat.demo.result import ATTACKER_ROLES, DemoResult
from karat.demo.run import Played, played
from karat.errors import ConfigError
from karat.sdk import connect
from karat.web.names import read_names
from learning.errors import UnknownNameError

KARAT = [str(Path(sys.executable).with_name("karat"))]
SEED = 11


def config(folder: Path, **changes: Any) -> DemoConfig:
    settings: dict[str, Any] = {
        "rounds": 5, "seed": SEED, "node": "anvil", "ipfs": None, "out": folder, "device": "cpu",
    }  # fmt: skip
    return DemoConfig.make(**(settings | changes))


def play(folder: Path, **changes: Any) -> DemoResult:
    settings = config(folder, **changes)
    with quiet(settings) as progress, played(settings, progress) as end:
        return end.result


def quiet(settings: DemoConfig) -> DemoProgress:
    return DemoProgress(Console(file=StringIO()), settings.rounds)


@pytest.fixture(scope="module")
def end(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """A default demo, its chain still running."""
    settings = config(tmp_path_factory.mktemp("demo") / "out")
    with quiet(settings) as progress, played(settings, progress) as finished:
        yield finished


def test_every_role_takes_part(end: Played) -> None:
    roles = [p.role for p in end.result.participants]
    assert {role: roles.count(role) for role in set(roles)} == {
        "sponsor": 1, "verifier": 3, "honest": 8, "label-flip": 1, "copy": 1, "sybil": 2,
        "past-masked": 1,
    }  # fmt: skip
    assert len({p.address for p in end.result.participants}) == len(roles)


def test_attackers_are_not_paid_and_nobody_honest_is_slashed(end: Played) -> None:
    assert end.result.attacker_reward_share <= 0.02
    for participant in end.result.participants:
        if participant.role in {"honest", "verifier"}:
            assert participant.slashed == 0
            assert participant.reward > 0
    attackers = [p for p in end.result.participants if p.role in ATTACKER_ROLES]
    assert any(p.slashed > 0 for p in attackers)


def test_who_knows_the_rules_and_has_no_data_earns_next_to_nothing(end: Played) -> None:
    insider = next(p for p in end.result.participants if p.role == "past-masked")
    sent = [u for r in end.result.rounds for u in r.updates if u.role == "past-masked"]
    assert len(sent) == len(end.result.rounds) - 1  # nothing is public in the first
    honest = [p.reward for p in end.result.participants if p.role == "honest"]
    assert insider.reward <= 0.02 * sum(honest) / len(honest)
    assert insider.slashed == 0


def test_another_task_and_another_number_of_honest_trainers(tmp_path: Path) -> None:
    result = play(tmp_path / "out", rounds=1, task="cnn-digits", honest=3, node="embedded")
    assert result.config["task"] == "cnn-digits"
    assert [p.role for p in result.participants].count("honest") == 3


def test_an_unknown_task_is_named_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="no task is called 'chess'"):
        config(tmp_path / "out", task="chess")
    assert not (tmp_path / "out").exists()


def test_the_model_is_better_than_plain_averaging(end: Played) -> None:
    last = end.result.rounds[-1]
    assert last.accuracy > last.accuracy_plain_average


def test_attackers_cost_less_than_a_point(end: Played, tmp_path: Path) -> None:
    alone = play(tmp_path / "out", attackers=False)
    assert {p.role for p in alone.participants} == {"sponsor", "verifier", "honest"}
    assert end.result.rounds[-1].accuracy >= alone.rounds[-1].accuracy - 0.01


def test_reputation_tells_attackers_from_honest_trainers(end: Played) -> None:
    """In five rounds one of eight honest trainers may have earned next to nothing by chance."""
    by_role: dict[str, list[float]] = {}
    for participant in end.result.participants:
        by_role.setdefault(participant.role, []).append(participant.reputation)
    honest = sorted(by_role["honest"])
    best_attacker = max(max(by_role[role]) for role in ATTACKER_ROLES)
    assert best_attacker < honest[1]
    assert best_attacker < 0.05 * sum(honest) / len(honest)


def test_money_is_conserved_on_chain(end: Played) -> None:
    token, ledger = end.stage.token, end.stage.ledger
    accounts = [p.address for p in end.result.participants]
    held = sum(token.balance_of(address) for address in [*accounts, ledger.address])
    assert token.total_supply() == held == end.result.conservation["paid_in"]
    assert ledger.booked(token.address) == token.balance_of(ledger.address)


def test_a_second_computation_from_chain_and_store_gives_the_same_models(end: Played) -> None:
    from karat.protocol.content import publish
    from karat.protocol.history import TaskHistory
    from karat.protocol.task import Task

    history = TaskHistory(end.stage.ledger, end.task.history.task_id)
    history.refresh()
    fresh = Task(history, end.task.store)
    for number, model in fresh.replay().items():
        content = publish(end.task.store, model.to_bytes(), owner="replay")
        assert str(content.cid) == end.result.rounds[number - 1].model
    on_chain = end.stage.ledger.task(history.task_id)
    assert on_chain.base_digest == content.digest
    assert on_chain.base_size == content.size


def test_the_medians_are_the_contracts(end: Played) -> None:
    ledger, task_id = end.stage.ledger, end.task.history.task_id
    for settled in end.result.rounds:
        for update in settled.updates:
            assert ledger.score_of(task_id, settled.round, update.index) == update.median
            assert sorted(update.scores.values())[1] == update.median


def test_a_score_is_anchored_and_its_proof_holds_on_chain(end: Played) -> None:
    assert end.result.anchor["proof_holds"] is True
    net = _connected(end)
    best = net.reputation.top(5)[0][0]
    proof = net.reputation.proof(best)
    anchor, leaf = end.stage.anchor, _leaf(proof.proof)
    assert anchor.verify(proof.task_id, proof.epoch, leaf, proof.proof.path)
    forged = dataclasses.replace(leaf, score=leaf.score + 1)
    assert not anchor.verify(proof.task_id, proof.epoch, forged, proof.proof.path)


def test_scripts_see_the_same_network(end: Played) -> None:
    net = _connected(end)
    task = net.task(end.task.history.task_id)
    shown = {p.address: p for p in end.result.participants if p.role != "sponsor"}
    for participant in task.participants:
        theirs = shown[participant.address]
        assert participant.reward == theirs.reward
        assert participant.stake == theirs.stake
        assert participant.slashed == theirs.slashed
        assert participant.reputation == pytest.approx(theirs.reputation)
        assert net.reputation.of(participant.address) == participant.reputation
    assert len(task.updates) == sum(len(r.updates) for r in end.result.rounds)
    scores = net.reputation.scores(ego=task.sponsor)
    assert net.reputation.top(3) == [(str(n), s) for n, s in scores.top(3)]


def test_the_page_knows_the_participants_names(end: Played) -> None:
    said = read_names(Path(end.result.outputs["names for the page"]))
    assert said == {p.address: p.name for p in end.result.participants}


@pytest.mark.parametrize("kind", ["embedded", "hardhat"])
def test_other_chains_give_the_same_verdicts(kind: str, tmp_path: Path) -> None:
    result = play(tmp_path / "out", node=kind, rounds=1)
    assert result.chain["kind"] == kind
    assert result.chain["chain_id"] == 31337
    verdicts = {p.role: p.verdicts for p in result.participants}
    assert verdicts["honest"] == {"ok": 1}


def test_a_seed_repeats_a_run_to_the_block_hash(tmp_path: Path) -> None:
    first, second = (play(tmp_path / name, rounds=2) for name in ("one", "two"))
    assert first.chain["head"] == second.chain["head"]
    assert first.rounds == second.rounds
    assert first.participants == second.participants


def test_participants_that_die_do_not_stop_the_round(tmp_path: Path) -> None:
    drops = ["honest-3@1:reveal", "verifier-2@1:score-reveal", "honest-5@2:commit"]
    result = play(tmp_path / "out", rounds=2, drops=drops)
    people = {p.name: p for p in result.participants}
    assert [r.outcome for r in result.rounds] == ["settled", "settled"]
    assert result.rounds[0].missing == [people["honest-3"].address]
    assert people["honest-3"].slashed > 0
    assert people["verifier-2"].slashed > 0
    assert people["verifier-2"].reward == 0
    assert people["honest-5"].slashed == 0
    assert people["honest-1"].reward > 0


def test_a_round_without_a_majority_of_verifiers_is_void(tmp_path: Path) -> None:
    drops = ["verifier-1@1:score-commit", "verifier-3@1:score-reveal"]
    result = play(tmp_path / "out", rounds=1, drops=drops)
    assert result.rounds[0].outcome == "void"
    assert all(p.reward == 0 for p in result.participants)
    assert all(p.slashed == 0 for p in result.participants if p.role != "verifier")


@pytest.mark.parametrize(
    ("flags", "code", "words"),
    [
        (["--node", "geth"], Exit.CONFIG, "unknown node 'geth'"),
        (["--ipfs", "http://127.0.0.1:9"], Exit.UNREACHABLE, "127.0.0.1"),
        (["--drop", "nobody"], Exit.CONFIG, "NAME@ROUND:STEP"),
        (["--drop", "nobody@1:commit"], Exit.CONFIG, "there is no 'nobody', only verifier-1"),
        (["--drop", "honest-1@9:commit"], Exit.CONFIG, "rounds 1 to 5"),
        (["--out", "/proc/karat"], Exit.CONFIG, "cannot write"),
        (["--rounds", "0"], Exit.USAGE, "rounds"),
        (["--report", "/proc/karat"], Exit.CONFIG, "cannot write a report"),
    ],
)
def test_bad_input_is_one_clear_sentence(
    flags: list[str], code: int, words: str, tmp_path: Path
) -> None:
    where = [] if "--out" in flags else ["--out", str(tmp_path / "out")]
    done = subprocess.run(
        [*KARAT, "demo", *where, *flags], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_without_anvil_the_embedded_chain_is_used(tmp_path: Path) -> None:
    code = """
from chain.devnet import anvil
from chain.errors import NodeMissing

def find_none():
    raise NodeMissing

anvil.find_anvil = find_none
from karat.cli.app import main
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", code, "demo", "--rounds", "1", "--json", "--out", "out"],
        capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Anvil was not found" in done.stderr
    assert json.loads(done.stdout)["chain"]["kind"] == "embedded"


def test_a_full_disk_is_one_clear_sentence(tmp_path: Path) -> None:
    def tiny_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    done = subprocess.run(
        [*KARAT, "demo", "--rounds", "1", "--node", "embedded", "--out", str(tmp_path / "out")],
        capture_output=True, text=True, check=False, preexec_fn=tiny_files,
    )  # fmt: skip
    assert done.returncode == Exit.UNREACHABLE
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert str(tmp_path / "out" / "store") in done.stderr


def test_a_node_that_dies_is_named(tmp_path: Path) -> None:
    demo = subprocess.Popen(
        [*KARAT, "demo", "--node", "anvil", "--out", str(tmp_path / "out")],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert demo.stderr is not None
    for line in demo.stderr:
        if "round 1: training" in line:
            break
    for child in _children(demo.pid):
        os.kill(child, signal.SIGKILL)
    output, errors = demo.communicate(timeout=120)
    assert demo.returncode == Exit.UNREACHABLE, errors
    assert "Traceback" not in errors
    assert "karat: anvil went away while in use" in errors
    assert output == ""


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_it_holds_over_seeds(tmp_path: Path) -> None:
    lost, taken = [], []
    for seed in range(20, 25):
        with_attackers = play(tmp_path / f"with-{seed}", seed=seed)
        alone = play(tmp_path / f"alone-{seed}", seed=seed, attackers=False)
        taken.append(with_attackers.attacker_reward_share)
        assert all(p.slashed == 0 for p in with_attackers.participants if p.role == "honest")
        last = with_attackers.rounds[-1]
        assert last.accuracy > last.accuracy_plain_average
        lost.append(alone.rounds[-1].accuracy - last.accuracy)
    # One of the 360 test examples is 0.28 points: which honest updates are paid in the last round
    # moves a single run by more than a point now and then, with or without attackers.
    assert max(lost) <= 0.02
    assert sum(lost) / len(lost) <= 0.01
    # Of five accounts of thirteen. Seeds 11 to 24: 0.46 % in the mean, 2.3 % at most, nearly all of
    # it one trainer's whose data are real and whose labels are wrong.
    assert max(taken) <= 0.03
    assert sum(taken) / len(taken) <= 0.01


def test_an_output_folder_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "keep.txt").write_text("mine")
    with pytest.raises(ConfigError, match="not empty"):
        config(tmp_path)


@pytest.mark.parametrize(("stop", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_kept_chain_is_a_network_until_it_is_ended(
    stop: signal.Signals, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KARAT_CONFIG_DIR", str(tmp_path / "config"))
    demo = subprocess.Popen(
        [*KARAT, "demo", "--keep", "--rounds", "1", "--json", "--out", str(tmp_path / "out")],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert demo.stderr is not None
    for line in demo.stderr:
        if "Ctrl-C ends it" in line:
            break
    children = _children(demo.pid)
    assert children, "the chain must be running"
    assert connect("demo").task(1).rounds[0].outcome == "settled"
    demo.send_signal(stop)
    output, errors = demo.communicate(timeout=60)
    assert demo.returncode == code
    assert "Traceback" not in errors
    assert json.loads(output)["schema"] == "karat.demo/1"
    assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]
    with pytest.raises(ProfileError):
        connect("demo")


def test_a_store_that_goes_away_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreUnreachable):
        play(tmp_path / "out", ipfs="http://127.0.0.1:9", rounds=1)


def _children(pid: int) -> list[int]:
    found = []
    for entry in (path.name for path in Path("/proc").iterdir()):
        if entry.isdigit():
            try:
                fields = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == pid and fields[0] != "Z":
                found.append(int(entry))
    return found


def _connected(end: Played) -> Any:
    url = end.stage.devnet.rpc_url
    assert url is not None
    return connect(url, ledger=end.stage.ledger.address, anchor=end.stage.anchor.address)


def _leaf(proof: Any) -> Any:
    from karat.protocol.reputation import leaf

    return leaf(proof)
