"""One match: honest trainers and attackers against one defence, over some rounds.

All defences see the same thing: updates that went through the task's codec. Honest trainers keep
what the codec left out for the next round (error feedback). What attackers get to see of the
honest updates is what their attack's ``knowledge`` says, after the codec.

Attackers' data are drawn from the same classes as everyone's, independently of the honest
trainers' data, so that these stay the same for any number of attackers.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from learning import tasks
from learning.arena.attacks import Attack, Knowledge, Setting, View, attacks
from learning.arena.base import Entry
from learning.arena.defence import build_defence
from learning.arena.metrics import Tally
from learning.arena.seeds import hash_seed
from learning.arena.trainers import train_all
from learning.codec import Codec
from learning.errors import ArenaError, AttackError, PluginError
from learning.model_state import ModelState
from learning.registry import PLUGIN_MISTAKES, line_at_fault
from learning.tasks.data import Examples, assigned, divided, partition
from learning.tasks.spec import TaskSpec
from learning.training import evaluate, initial_model, layout_of


@dataclass(frozen=True)
class Match:
    """What is played: names as on the command line, numbers of trainers and rounds, the seed.

    ``alpha`` is the Dirichlet parameter of the classes' mix per trainer: small is heterogeneous.
    ``device`` (``auto``, ``cpu``, ``cuda``) is for training larger models and for scoring.
    """

    task: str
    attack: str
    defence: str
    honest: int
    attackers: int
    alpha: float
    rounds: int
    seed: int
    device: str = "cpu"

    def __post_init__(self) -> None:
        if self.honest < 1 or self.attackers < 0 or self.rounds < 1 or not self.alpha > 0:
            raise ArenaError(
                "a match needs at least one honest trainer and one round, attackers ≥ 0 and "
                f"alpha > 0; got honest={self.honest}, attackers={self.attackers}, "
                f"rounds={self.rounds}, alpha={self.alpha}"
            )


@dataclass(frozen=True)
class Row:
    """Result of a match; shares and rates are fractions, None where there is nothing to count.

    ``attack_success``: accuracy on the attackers' own goal. ``attacker_reward_share``: of all
    rewards in rounds in which they attacked. ``precision`` and ``recall``: of the updates that
    were flagged. ``honest_false_positive``: flagged ones among the honest updates.
    """

    attack: str
    defence: str
    honest: int
    attackers: int
    alpha: float
    seed: int
    rounds: int
    accuracy: float
    attack_success: float | None
    attacker_reward_share: float | None
    precision: float | None
    recall: float | None
    honest_false_positive: float

    def to_json(self) -> dict[str, Any]:
        """The row of a ``karat.arena/1`` document."""
        return asdict(self)


def play(match: Match) -> Row:
    """Play a match to the end. Deterministic given the match, on one machine.

    Raises :class:`ArenaError`, and :class:`PluginError`, which names the line, if a user's own
    attack or defence fails.
    """
    try:
        return _played(match)
    except PLUGIN_MISTAKES as error:
        for plugin in (match.attack, match.defence):
            where = line_at_fault(error, plugin)
            if where is not None:
                raise PluginError(f"{where}: {type(error).__name__}: {error}") from error
        raise


def _played(match: Match) -> Row:
    attack = attacks.get(match.attack)()
    if match.attack == "none":
        match = replace(match, attackers=0)
    spec = seeded(tasks.get(match.task), match.seed)
    ring = Ring(match, spec, attack)
    defence = build_defence(
        match.defence, spec, match.honest, match.attackers, match.seed, match.device
    )
    tally = Tally(match.honest)
    model = initial_model(spec)
    for number in range(match.rounds):
        entries = ring.entries(number, model)
        outcome = defence.round(number, model, entries)
        tally.count(entries, outcome, attack.active(number))
        model = outcome.model
    test = divided(spec).test
    goal = attack.goal(test, classes_of(spec))
    return Row(
        **{k: v for k, v in asdict(match).items() if k not in {"task", "device"}},
        accuracy=evaluate(spec, model, test, match.device)[1],
        attack_success=None if goal is None else evaluate(spec, model, goal, match.device)[1],
        **tally.result(),
    )


class Ring:
    """The trainers of a match, honest and otherwise: from the model to this round's updates."""

    def __init__(self, match: Match, spec: TaskSpec, attack: Attack) -> None:
        self.match, self.spec, self.attack = match, spec, attack
        self.codec = Codec(spec.codec, layout_of(spec))
        total = self.codec.layout.total
        seeds = np.random.SeedSequence([match.seed, 0x6B617261]).generate_state(2)
        self.honest_shards = partition(spec, match.honest, int(seeds[0]), match.alpha)
        self.attack_shards: list[Examples] = []
        if match.attackers:
            self.attack_shards = partition(spec, match.attackers, int(seeds[1]), match.alpha)
        self.residuals = np.zeros((match.honest, total), dtype=np.float32)
        self.past_honest: np.ndarray | None = None

    def entries(self, number: int, model: ModelState) -> list[Entry]:
        """The round's updates in order of commitment.

        Attackers who saw this round's honest updates come after them, others anywhere.
        """
        rng = np.random.default_rng([self.match.seed, number])
        honest = self._honest(number, model)
        dense = np.stack([entry.dense for entry in honest])
        sly = self._attackers(number, model, dense, rng)
        self.past_honest = dense
        both = honest + sly
        if self.attack.knowledge is Knowledge.CURRENT:
            return both
        return [both[i] for i in rng.permutation(len(both))]

    def _honest(self, number: int, model: ModelState) -> list[Entry]:
        seeds = [hash_seed(self.match.seed, number, i) for i in range(self.match.honest)]
        names = [f"honest-{i:03d}" for i in range(self.match.honest)]
        shards = self._data(self.honest_shards, names, model)
        deltas = train_all(self.spec, model, shards, seeds, self.match.device)
        return [
            self._entry(name, True, self.codec.encode(delta, residual))
            for name, delta, residual in zip(names, deltas, self.residuals, strict=True)
        ]

    def _attackers(
        self, number: int, model: ModelState, honest: np.ndarray, rng: np.random.Generator
    ) -> list[Entry]:
        count = self.match.attackers
        if not count:
            return []
        setting = Setting(number, classes_of(self.spec), rng)
        names = self.attack.names(count, number)
        own = np.zeros((count, self.codec.layout.total), dtype=np.float32)
        if self.attack.trains:
            shards = self.attack.poison(self._data(self.attack_shards, names, model), setting)
            seeds = [hash_seed(self.match.seed, number, 1000 + i) for i in range(count)]
            own = train_all(self.spec, model, shards, seeds, self.match.device)
        knows = self.attack.knowledge
        crafted = self.attack.craft(
            View(
                setting=setting,
                own=own,
                honest=honest if knows is Knowledge.CURRENT else None,
                past_honest=None if knows is Knowledge.OWN_DATA else self.past_honest,
            )
        )
        name = self.match.attack
        if crafted.shape != own.shape:
            raise AttackError(f"{name} made updates of shape {crafted.shape}, not {own.shape}")
        if not np.isfinite(crafted).all():
            raise AttackError(f"{name} made updates with NaN or infinity in them")
        return [
            self._entry(name, False, self.codec.encode(delta.astype(np.float32)))
            for name, delta in zip(names, crafted, strict=True)
        ]

    def _data(self, own: list[Examples], names: Sequence[str], model: ModelState) -> list[Examples]:
        """What they train on: what the task assigns to them, or else their own."""
        if self.spec.data.assigned is None:
            return own
        return [assigned(self.spec, model.digest, name) for name in names]

    def _entry(self, name: str, honest: bool, payload: bytes) -> Entry:
        update = self.codec.decode(payload)
        return Entry(name, honest, payload, update, update.dense(self.codec.layout.total))


def seeded(spec: TaskSpec, seed: int) -> TaskSpec:
    """The task with its initial model and its division of the data drawn from ``seed``."""
    return spec.model_copy(
        update={
            "model": spec.model.model_copy(update={"init_seed": seed}),
            "data": spec.data.model_copy(update={"split_seed": seed}),
        }
    )


def classes_of(spec: TaskSpec) -> int:
    """How many answers the task's model chooses from."""
    return spec.model.sizes.get("classes") or spec.model.sizes["vocabulary"]
