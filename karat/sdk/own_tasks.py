"""Tasks of one's own: a class to begin with, and what it would become for everybody else."""

import re
import time
from decimal import Decimal
from math import isfinite, prod
from pathlib import Path
from typing import Final

import numpy as np

from karat.errors import ConfigError
from karat.participants.sponsor.authoring import Authored, authored
from karat.participants.sponsor.taskfile import Grant, Rewards, Stakes, TaskFile, Windows
from karat.sdk.costs import rehearse
from karat.sdk.documents import PlayedAttack, TaskChecked, TaskWritten
from learning import tasks
from learning.arena.attacks.composed import build_attack
from learning.arena.match import Match, PlayedMatch
from learning.codec import Codec
from learning.judge.valuation import value_updates
from learning.tasks.data import divided, partition
from learning.training import layout_of, measure, train

ATTACKS: Final = ("free-rider", "sign-flip")
HONEST, ATTACKERS, ROUNDS = 4, 2, 3
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,40}")
_SEED = 0

_CLASS = '''"""A task: its model, its loss and its examples. Only this machine runs it."""

from pathlib import Path

import numpy as np
from torch import Tensor, nn
from torch.nn import functional

import karat

DATA = Path(__file__).parent / "{file}.csv"  # a header; the last column is the class


class {name}(karat.Task):
    """What is to be learnt."""

    def examples(self) -> tuple[np.ndarray, np.ndarray]:
        table = np.loadtxt(DATA, delimiter=",", skiprows=1)
        return table[:, :-1], table[:, -1].astype(int)

    def model(self) -> nn.Module:
        x, y = self.examples()
        return nn.Sequential(nn.Linear(x.shape[1], 32), nn.ReLU(), nn.Linear(32, y.max() + 1))

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        return functional.cross_entropy(output, target, reduction="none")

    def metrics(self, output: Tensor, target: Tensor) -> dict[str, Tensor]:
        return {{"accuracy": (output.argmax(1) == target).float().mean()}}
'''
_FILE = """task = "{file}.py:{name}"
rounds = 5

[rewards]                  # tokens for one round
trainers = 1000
verifiers = 100

[stakes]
trainer = 100
verifier = 200

[windows]                  # seconds, or "10m", "2h", "1d"
commit = "10m"
reveal = "5m"
score_commit = "10m"
score_reveal = "5m"

[[verifiers]]              # three at least should judge; an address, or an account stored here
account = "dev:2"

[[verifiers]]
account = "dev:3"

[[verifiers]]
account = "dev:4"
"""


def write_task(name: str, folder: Path | str = ".") -> TaskWritten:
    """Write a class to fill in and a task file for it.

    Raises:
        ConfigError: the name is none of a class, a file is there already or cannot be written.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{name!r} is no name of a class: letters, digits and _")
    title, stem = name[0].upper() + name[1:], name.lower()
    texts = {f"{stem}.py": _CLASS, f"{stem}.toml": _FILE}
    for file, text in texts.items():
        path = Path(folder) / file
        try:
            with path.open("x", encoding="utf-8") as opened:
                opened.write(text.format(name=title, file=stem))
        except OSError as error:
            raise ConfigError(f"cannot write {path}: {error.strerror}") from error
    return TaskWritten(task=f"{stem}.py:{title}", files=list(texts))


def check_task(name: str) -> TaskChecked:
    """Export ``FILE.py:CLASS``, compare with the original, and play a few rounds with it.

    Raises:
        PluginError: the class fails; the message names the line.
        ConfigError, ProgramError: it cannot be a task; the message says why, and what helps.
    """
    if ":" not in name:
        raise ConfigError(f"{name!r} is no class of yours: write FILE.py:CLASS")
    spec = tasks.load(name)
    made = authored(spec)
    test = divided(spec).test
    frozen = sum(prod(one.shape) for one in made.program.frozen)
    honest = _played(name, "none", 0)
    return TaskChecked(
        task=name,
        parameters=made.program.parameters + frozen,
        trainable=made.program.parameters,
        program_bytes=len(made.program.to_bytes()),
        bytes=sum(map(len, made.files.values())) + len(made.model.to_bytes()),
        operators=made.program.operators(),
        parity=made.parity,
        metrics_before=_numbers(measure(spec, made.model, test, "cpu")),
        metrics_after=_numbers(measure(spec, honest.model, test, "cpu")),
        seconds_per_round=_seconds(made),
        gas_per_round=_gas(name),
        attacks=[_attacked(name, attack) for attack in ATTACKS],
    )


def _played(name: str, attack: str, attackers: int) -> PlayedMatch:
    match = Match(name, attack, "karat", HONEST, attackers, 100.0, ROUNDS, _SEED)
    return PlayedMatch(match, build_attack(attack))


def _attacked(name: str, attack: str) -> PlayedAttack:
    share = _played(name, attack, ATTACKERS).tally.result()["attacker_reward_share"]
    return PlayedAttack(
        attack=attack,
        reward_share=None if share is None else round(share, 6),
        trainer_share=round(ATTACKERS / (HONEST + ATTACKERS), 6),
    )


def _seconds(made: Authored) -> dict[str, float]:
    """What a round takes a trainer, and a verifier with `HONEST` updates."""
    spec, codec = made.spec, Codec(made.spec.codec, layout_of(made.spec))
    shards = partition(spec, HONEST, _SEED, alpha=100.0)
    start = time.monotonic()
    deltas = [train(spec, made.model, shard, i, "cpu") for i, shard in enumerate(shards)]
    trained = time.monotonic()
    residual = np.zeros(codec.layout.total, dtype=np.float32)
    updates = [codec.decode(codec.encode(delta, residual.copy())) for delta in deltas]
    root = divided(spec).root
    batch = root.take(np.arange(min(len(root), spec.scoring.batch)))
    begun = time.monotonic()
    value_updates(spec, made.model, updates, {}, batch, _SEED, device="cpu")
    return {
        "trainer": round((trained - start) / HONEST, 3),
        "verifier": round(time.monotonic() - begun, 3),
    }


def _gas(name: str) -> dict[str, int]:
    """Of a round with as many trainers and three verifiers, by party."""
    some, minutes = Decimal(1), {"commit": 600, "reveal": 600}
    file = TaskFile(
        task=name,
        rounds=5,
        rewards=Rewards(trainers=some, verifiers=some),
        stakes=Stakes(trainer=some, verifier=some),
        windows=Windows(**minutes, score_commit=600, score_reveal=600),
        verifiers=[Grant(account=f"dev:{i}") for i in range(3)],
    )
    return {party.party: party.round_gas for party in rehearse(file, trainers=HONEST).parties}


def _numbers(measured: dict[str, float]) -> dict[str, float | None]:
    return {name: round(v, 6) if isfinite(v) else None for name, v in measured.items()}
