"""A stranger's session: everything with the command line, everyone a process of their own."""

import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from chain.ledger.bindings.ledger_events import (
    ModelAttested,
    RoundOpened,
    RoundSettled,
    ScoresCommitted,
    ScoresRevealed,
    UpdateCommitted,
    UpdateRevealed,
)
from chain.ledger.bindings.reputation_anchor_events import StatementAttested
from karat.sdk import Network, connect
from tests.cli.home import WAIT_SECONDS, Home, wait_until, warp

TASK = """
task = "mlp-digits"
rounds = {rounds}
max_trainers = 8

[rewards]
trainers = 1000
verifiers = 100

[stakes]
trainer = 50
verifier = 80

[windows]
commit = "20m"
reveal = "20m"
score_commit = "20m"
score_reveal = "20m"
attest = "20m"

{verifiers}
"""
QUERY = """
from karat import connect

net = connect("local")
for address, score in net.reputation.top(3):
    print(address, round(score, 6))
"""


VERIFIERS = ("vera", "victor", "viola")


class Killer:
    """Kills a verifier with SIGKILL at random moments and starts it again."""

    def __init__(self, home: Home, *command: object, log: str, kills: int, seed: int) -> None:
        self.home, self.command, self.log = home, command, log
        self.random = random.Random(seed)
        self.left = kills
        self._start()

    def _start(self) -> None:
        self.process = self.home.start(*self.command, log=self.log)
        self.due = time.monotonic() + self.random.uniform(0.2, 5.0)

    def look(self) -> None:
        """Kill it if its time has come."""
        if self.left and time.monotonic() > self.due:
            self.process.kill()
            self.process.join()
            self.left -= 1
            self._start()


class Clock:
    """Moves the devnet's clock to the next deadline once everyone has done their part."""

    def __init__(self, network: Network, trainers: int, meanwhile: Callable[[], None]) -> None:
        self.network, self.trainers, self.meanwhile = network, trainers, meanwhile

    def play(self, rounds: int) -> None:
        """See all rounds through."""
        for number in range(1, rounds + 1):
            self._until(RoundOpened, number, 1)
            self._until(UpdateCommitted, number, self.trainers)
            self._pass(self.network.ledger.round_info(1, number).commit_deadline)
            self._until(UpdateRevealed, number, self.trainers)
            self._pass(self.network.ledger.round_info(1, number).reveal_deadline)
            self._until(RoundSettled, number, 1)

    def _until(self, kind: type[Any], number: int, count: int) -> None:
        def there() -> bool:
            self.meanwhile()
            return sum(event.round == number for event in self.network.events(kind)) >= count

        wait_until(there, f"round {number}: {count} × {kind.__name__}")

    def _pass(self, deadline: int) -> None:
        behind = deadline - int(self.network.web3.eth.get_block("latest")["timestamp"])
        warp(self.network, max(1, behind))


def _start_network(home: Home) -> Network:
    home.json("up", "--port", 0, "--block-time", 1, "--fund", 0)
    return connect("local")


def _no_double_posts(network: Network, rounds: int, verifiers: int, trainers: int) -> None:
    for kind, who, each in (
        (UpdateCommitted, "trainer", trainers),
        (UpdateRevealed, "trainer", trainers),
        (ScoresCommitted, "verifier", verifiers),
        (ScoresRevealed, "verifier", verifiers),
        (ModelAttested, "verifier", None),
    ):
        posts = Counter((event.round, getattr(event, who)) for event in network.events(kind))
        assert set(posts.values()) == {1}
        if each is not None:
            assert len(posts) == rounds * each
    attested = network.anchor.events(StatementAttested)
    said = Counter((one.epoch, one.verifier, one.statement_hash) for one in attested)
    assert set(said.values()) == {1}
    last = network.anchor.statement_of(1, network.anchor.last_epoch(1))
    assert last.to_block == network.task(1).history.round(rounds).decided_in
    # Not even a refused transaction was sent twice for one purpose by one account.
    head = network.web3.eth.block_number
    sent: Counter[tuple[str, bytes]] = Counter()
    for block in range(network.from_block, head + 1):
        for transaction in network.web3.eth.get_block(block, full_transactions=True)[
            "transactions"
        ]:
            sent[str(transaction["from"]), bytes(transaction["input"])] += 1
    commits = network.ledger.commit_scores(1, 1, bytes(32)).data[:4]
    reveals = network.ledger.reveal_scores(1, 1, [], b"", bytes(32), bytes(32)).data[:4]
    votes = {key: n for key, n in sent.items() if key[1][:4] in {commits, reveals}}
    assert len(votes) == 2 * rounds * verifiers
    assert set(votes.values()) == {1}


def _session(home: Home, *, rounds: int, kills: int, seed: int) -> Network:
    network = _start_network(home)
    names = ("sponsor", *VERIFIERS, "tom", "tina", "tess")
    home.all(*(("account", "new", name, "--fund") for name in names))
    grants = "".join(f'[[verifiers]]\naccount = "{name}"\n' for name in VERIFIERS)
    (home.folder / "task.toml").write_text(TASK.format(rounds=rounds, verifiers=grants))
    created = home.json("task", "create", "--spec", "task.toml", "--account", "sponsor")
    assert created["task"] == 1
    home.all(
        *(("trainer", "join", 1, "--account", name) for name in ("tom", "tina", "tess")),
        *(("verifier", "join", 1, "--account", name) for name in VERIFIERS),
    )
    trainers = [
        home.start("trainer", "run", 1, "--account", name, "--shard", f"{i}/3", log=f"{name}.log")
        for i, name in enumerate(("tom", "tina", "tess"), 1)
    ]
    killer = Killer(
        home, "verifier", "run", 1, "--account", "vera", log="vera.log", kills=kills, seed=seed
    )
    steady = [
        home.start("verifier", "run", 1, "--account", name, log=f"{name}.log")
        for name in VERIFIERS[1:]
    ]
    Clock(network, 3, killer.look).play(rounds)
    for process in (*trainers, killer.process, *steady):
        process.join(WAIT_SECONDS)
        assert process.exitcode == 0, process.name
    assert killer.left == 0
    _no_double_posts(network, rounds, len(VERIFIERS), 3)
    return network


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_verifier_is_killed_twenty_times(home: Home) -> None:
    _session(home, rounds=4, kills=20, seed=2)


@pytest.mark.timeout(900)
def test_a_strangers_session(home: Home) -> None:
    network = _session(home, rounds=1, kills=3, seed=1)
    history = network.task(1).history
    assert all(history.account(verifier).earned for verifier in history.verifiers)
    assert sum(history.account(trainer).earned for trainer in history.trainers) > 0
    # The daemons have claimed and withdrawn, and were paid in full.
    members = (*history.trainers, *history.verifiers)
    assert all(network.ledger.member(1, one).balance == 0 for one in members)
    assert home.json("verifier", "status", 1, "--account", "vera")["rewarded"] > 0
    query = subprocess.run(
        [sys.executable, "-c", QUERY],
        env=home.env,
        cwd=home.folder,
        capture_output=True,
        text=True,
        check=True,
        timeout=WAIT_SECONDS,
    )
    assert len(query.stdout.splitlines()) == 3
    best = network.reputation.top(1)[0][0]
    assert home.json("reputation", "verify", best)["holds"]
    home.run("down")
    home.run("status", code=4)
