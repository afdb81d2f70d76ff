"""One match: honest trainers and attackers against one defence, over some rounds.

All defences see the same thing: updates that went through the task's codec. Honest trainers keep
what the codec left out for the next round (error feedback). What attackers get to see of the
honest updates is what their attack's ``knowledge`` says, after the codec.

Attackers' data are drawn from the same classes as everyone's, independently of the honest
trainers' data, so that these stay the same for any number of attackers.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from learning import tasks
from learning.arena.attacks import Attack, Knowledge, Setting, View, attacks
from learning.arena.attacks.composed import build_attack
from learning.arena.base import Entry, Outcome
from learning.arena.checks import HONEST_PREFIX, checked_names, checked_shards, checked_updates
from learning.arena.defence import build_defence
from learning.arena.metrics import Tally
from learning.arena.public import Record
from learning.arena.scenarios import HELD_CLASS, honest_shards
from learning.arena.sealed import SealedBatches
from learning.arena.seeds import hash_seed
from learning.arena.trainers import train_all
from learning.arena.value import PrivateValue
from learning.codec import Codec
from learning.errors import ArenaError, PluginError
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
    ``scenario`` divides the honest trainers' data, see `learning.arena.scenarios`.
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
    scenario: str = "dirichlet"

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

    ``honest_share``: what as many honest trainers in the attackers' place, with their data, would
    have been paid. ``honest_unpaid``: honest updates that earned nothing, rounds weighing by the
    loss that they removed on private data; ``honest_unpaid_late``: in the last third of the rounds.
    ``honest_slashed``: honest updates with a verdict that costs stake. ``accuracy_plain``: of a
    federation of its own, with the same attackers, under plain averaging.
    ``pay_value_correlation``: Spearman's, over the honest, of pay and leave-one-out value on
    private data. ``holder_pay`` (in equal shares) and ``holder_accuracy``: of the only holder of a
    class.
    """

    attack: str
    defence: str
    honest: int
    attackers: int
    alpha: float
    seed: int
    rounds: int
    scenario: str
    accuracy: float | None
    attack_success: float | None
    attacker_reward_share: float | None
    precision: float | None
    recall: float | None
    honest_false_positive: float
    honest_slashed: float
    honest_share: float | None
    honest_unpaid: float | None
    honest_unpaid_late: float | None
    accuracy_plain: float | None
    pay_value_correlation: float | None
    holder_pay: float | None
    holder_accuracy: float | None

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
    attack = build_attack(match.attack)
    if match.attack == "none":
        match = replace(match, attackers=0)
    played = PlayedMatch(match, attack)
    test = divided(played.spec).test
    goal = attack.goal(test, classes_of(played.spec))
    holder = match.scenario == "class-holder"
    held = test.take(np.flatnonzero(test.group == HELD_CLASS))
    plain = replace(match, defence="mean")
    return Row(
        **{k: v for k, v in asdict(match).items() if k not in {"task", "device"}},
        accuracy=played.accuracy(test),
        attack_success=None if goal is None else played.accuracy(goal),
        **played.tally.result(),
        honest_share=_control(replace(match, attack="control")) if match.attackers else None,
        honest_unpaid=played.value.unpaid(),
        honest_unpaid_late=played.value.unpaid(late=True),
        accuracy_plain=played.accuracy(test) if plain == match else _accuracy(plain),
        pay_value_correlation=played.value.correlation(_values(match)),
        holder_pay=played.value.pay_of("honest-000") if holder else None,
        holder_accuracy=played.accuracy(held) if holder else None,
    )


class PlayedMatch:
    """A match from its first round to its last."""

    def __init__(self, match: Match, attack: Attack, *, leave_out: bool = False) -> None:
        self.match = match
        self.spec = seeded(tasks.load(match.task), match.seed)
        sealed = SealedBatches(divided(self.spec).root, self.spec.scoring.batch, match.rounds)
        ring = Ring(match, self.spec, attack, sealed)
        counts = (match.honest, match.attackers, match.seed, match.device)
        defence = build_defence(match.defence, self.spec, *counts)
        defence.sealed = sealed
        self.tally = Tally(match.honest)
        self.model = initial_model(self.spec)
        test = divided(self.spec).test
        self.value = PrivateValue(self.spec, self.model, test, match.device)
        for number in range(match.rounds):
            base, entries = self.model, ring.entries(number, self.model)
            outcome = defence.round(number, base, entries)
            self.tally.count(entries, outcome, attack.active(number))
            ring.settle(base, entries, outcome)
            self.value.count(base, entries, outcome)
            if leave_out:
                self.value.leave_out(base, entries)
            self.model = outcome.model

    def accuracy(self, examples: Examples) -> float | None:
        """Of the last model; None if the task measures none."""
        accuracy = evaluate(self.spec, self.model, examples, self.match.device)[1]
        return None if np.isnan(accuracy) else accuracy


@lru_cache(maxsize=64)
def _control(match: Match) -> float | None:
    """The reward share of honest trainers in the attackers' place."""
    played = PlayedMatch(match, attacks.get("control")())
    return played.tally.result()["attacker_reward_share"]


@lru_cache(maxsize=64)
def _values(match: Match) -> dict[str, float]:
    """Leave-one-out values along plain averaging without attackers."""
    plain = replace(match, attack="none", attackers=0, defence="mean")
    return PlayedMatch(plain, attacks.get("none")(), leave_out=True).value.value


@lru_cache(maxsize=64)
def _accuracy(match: Match) -> float | None:
    played = PlayedMatch(match, build_attack(match.attack))
    return played.accuracy(divided(played.spec).test)


class Ring:
    """The trainers of a match, honest and otherwise: from the model to this round's updates."""

    def __init__(self, match: Match, spec: TaskSpec, attack: Attack, sealed: SealedBatches) -> None:
        self.match, self.spec, self.attack, self.sealed = match, spec, attack, sealed
        self.record = Record(spec)
        self.codec = Codec(spec.codec, layout_of(spec))
        total = self.codec.layout.total
        seeds = np.random.SeedSequence([match.seed, 0x6B617261]).generate_state(2)
        self.honest_shards = honest_shards(
            match.scenario, spec, match.honest, int(seeds[0]), match.alpha
        )
        self.attack_shards: list[Examples] = []
        if attack.holds_victims_data:
            victims = np.arange(match.attackers) % match.honest
            self.attack_shards = [self.honest_shards[i] for i in victims]
        elif match.attackers:
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

    def settle(self, base: ModelState, entries: Sequence[Entry], outcome: Outcome) -> None:
        """A round is over: what was revealed and settled in it is public."""
        codes = outcome.public_codes()
        pairs = zip(entries, codes, strict=True)
        self.record.add(base, [(entry.name, entry.dense, int(code)) for entry, code in pairs])

    def _honest(self, number: int, model: ModelState) -> list[Entry]:
        seeds = [hash_seed(self.match.seed, number, i) for i in range(self.match.honest)]
        names = [f"{HONEST_PREFIX}{i:03d}" for i in range(self.match.honest)]
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
        attack = self.match.attack
        names = checked_names(attack, self.attack.names(count, number), count)
        burnt = [(batch.x, batch.y) for batch in self.sealed.opened(number)]
        public = self.record.seen(number, model, burnt, names)
        self.attack.read(public)
        held = self._data(self.attack_shards, names, model)
        own = np.zeros((count, self.codec.layout.total), dtype=np.float32)
        if self.attack.trains:
            poisoned = self.attack.poison(list(held), setting)
            shards = checked_shards(attack, poisoned, held, setting.classes)
            seeds = [hash_seed(self.match.seed, number, 1000 + i) for i in range(count)]
            own = train_all(self.spec, model, shards, seeds, self.match.device)
        knows = self.attack.knowledge
        crafted = self.attack.craft(
            View(
                setting=setting,
                own=own,
                shards=held,
                public=public,
                honest=honest if knows is Knowledge.CURRENT else None,
                past_honest=None if knows is Knowledge.OWN_DATA else self.past_honest,
            )
        )
        updates = checked_updates(attack, crafted, own.shape)
        return [
            self._entry(name, False, self.codec.encode(update))
            for name, update in zip(names, updates, strict=True)
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
    """The task with its initial model and its division of the data drawn from ``seed``.

    A task of somebody's own has both fixed; trainers' data are drawn all the same.
    """
    if spec.bundle is not None:
        return spec
    return spec.model_copy(
        update={
            "model": spec.model.model_copy(update={"init_seed": seed}),
            "data": spec.data.model_copy(update={"split_seed": seed}),
        }
    )


def classes_of(spec: TaskSpec) -> int:
    """How many answers the task's model chooses from; 1 if it does not choose."""
    if spec.bundle is not None:
        parts = divided(spec)
        return int(max(part.group.max() for part in (parts.root, parts.train))) + 1
    return spec.model.sizes.get("classes") or spec.model.sizes["vocabulary"]
