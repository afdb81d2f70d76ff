"""Defences by name: Karat's, the rules from the literature, ByzFL's own, a user's.

A rule from the literature only says how updates are combined. To compare rewards it is paid for
what it does: **an update's pay is its influence**, the weight it had in the aggregate (equal
shares among those that Multi-Krum selects, FoolsGold's and FLTrust's own weights, and for
coordinatewise rules the fraction of coordinates it supplied). It is **flagged** if that is less
than a tenth of an equal share.
"""

import inspect
from collections.abc import Sequence

import numpy as np
import torch

from learning.arena import byzfl
from learning.arena.aggregators import Aggregator, CenteredClipping, aggregators
from learning.arena.base import Defence, Entry, Outcome
from learning.arena.karat_defence import KaratDefence
from learning.arena.seeds import hash_seed
from learning.arena.trainers import train_all
from learning.errors import PluginError
from learning.model_state import ModelState
from learning.tasks.data import divided
from learning.tasks.spec import TaskSpec

FLAG_BELOW = 0.1


class RuleDefence(Defence):
    """An aggregation rule: model − aggregate."""

    def __init__(self, rule: Aggregator, spec: TaskSpec, seed: int, device: str = "cpu") -> None:
        super().__init__(spec, seed, device)
        self.rule = rule

    def round(self, number: int, base: ModelState, entries: Sequence[Entry]) -> Outcome:
        vectors = np.stack([entry.dense for entry in entries])
        self.rule.ids = [entry.name for entry in entries]
        if self.rule.needs_reference:
            self.rule.reference = torch.from_numpy(self._server_update(number, base))
        aggregate = self.rule.aggregate(torch.from_numpy(vectors))
        pay = aggregate.influence().numpy()
        step = aggregate.vector.double().numpy()
        model = ModelState.from_float(base.layout, base.to_float() - step)
        return Outcome(model, pay, pay < FLAG_BELOW / len(entries))

    def _server_update(self, number: int, base: ModelState) -> np.ndarray:
        """The server's own training on the verifiers' hold-out."""
        seed = hash_seed(self.seed, number, 9999)
        root = divided(self.spec).root
        update: np.ndarray = train_all(self.spec, base, [root], [seed], self.device)[0]
        return update


def defence_names() -> tuple[str, ...]:
    """Every defence that can be played here; ByzFL's own ones only where it is installed."""
    return ("karat", *aggregators.names(), *byzfl.names())


def build_defence(
    name: str, spec: TaskSpec, honest: int, attackers: int, seed: int, device: str = "cpu"
) -> Defence:
    """The defence of that name, or a user's ``FILE.py:NAME``.

    Rules are told the number of attackers, as their papers assume (at most what 2f < n admits). A
    user's own is an :class:`Aggregator` class, or a :class:`Defence` class that is built from
    ``(spec, seed, device)``. Raises :class:`UnknownNameError` and :class:`PluginError`.
    """
    f = min(attackers, (honest + attackers - 1) // 2)
    if name == "karat":
        return KaratDefence(spec, seed, device)
    if name in byzfl.names():
        return RuleDefence(byzfl.build(name, f), spec, seed, device)
    kind: object = aggregators.get(name)
    if not isinstance(kind, type) or not issubclass(kind, Aggregator | Defence):
        raise PluginError(f"{name} is neither an Aggregator nor a Defence class, but {kind!r}")
    if issubclass(kind, Defence):
        return kind(spec, seed, device)
    return RuleDefence(build_rule(kind, f, seed), spec, seed, device)


def build_rule(kind: type[Aggregator], f: int, seed: int) -> Aggregator:
    """A rule with the parameters it takes; centred clipping adapts its τ to the updates."""
    if kind is CenteredClipping:
        return CenteredClipping(L=3, tau=None)
    settings = {"f": f, "seed": seed}
    known = inspect.signature(kind).parameters
    return kind(**{key: value for key, value in settings.items() if key in known})
