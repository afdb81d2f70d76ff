"""What fake identities gain: attacks, the bound, and a search for the worst.

A walk reaches Sybils only through their attacker. From its first visit there it takes (1−α)/α more
steps in the mean, so the Sybils' hitting probabilities sum to at most h(attacker)·(1−α)/α; and as
the attacker dominates them, connectivity decay leaves 1−β of that. The gain is this sum over the
attacker's hitting probability.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise, product
from typing import Any

from reputation.edges import Edge
from reputation.errors import ParameterError
from reputation.graph import Node, TrustGraph
from reputation.meritrank import MeritRank

Attack = Callable[[Node, Sequence[Node], float], list[Edge]]
"""From the attacker, the Sybils and a weight to the edges that the attacker adds."""


def parallel(attacker: Node, sybils: Sequence[Node], weight: float) -> list[Edge]:
    """The attacker vouches for every Sybil."""
    return [(attacker, sybil, weight) for sybil in sybils]


def path(attacker: Node, sybils: Sequence[Node], weight: float) -> list[Edge]:
    """The attacker vouches for the first Sybil, each Sybil for the next."""
    chain = [attacker, *sybils]
    return [(src, dst, weight) for src, dst in pairwise(chain)]


def cycle(attacker: Node, sybils: Sequence[Node], weight: float) -> list[Edge]:
    """The attacker and every Sybil vouch for each other."""
    return parallel(attacker, sybils, weight) + [(sybil, attacker, weight) for sybil in sybils]


def path_and_cycle(attacker: Node, sybils: Sequence[Node], weight: float) -> list[Edge]:
    """Both at once; the weights of the edge that both have add up."""
    return path(attacker, sybils, weight) + cycle(attacker, sybils, weight)


def ring(attacker: Node, sybils: Sequence[Node], weight: float) -> list[Edge]:
    """The attacker vouches for every Sybil, and the Sybils for each other around a ring.

    A walk that has entered never leaves and meets new Sybils all the way: of the attacks here this
    comes closest to the bound.
    """
    around = zip(sybils, [*sybils[1:], sybils[0]], strict=True)
    closed = [(src, dst, weight) for src, dst in around if src != dst]
    return parallel(attacker, sybils, weight) + closed


def clique(attacker: Node, sybils: Sequence[Node], weight: float) -> list[Edge]:
    """The attacker vouches for every Sybil, and every Sybil for every other."""
    pairs = [(src, dst, weight) for src, dst in product(sybils, sybils) if src != dst]
    return parallel(attacker, sybils, weight) + pairs


ATTACKS: dict[str, Attack] = {
    "parallel": parallel,
    "path": path,
    "cycle": cycle,
    "path+cycle": path_and_cycle,
    "ring": ring,
    "clique": clique,
}


def bound(alpha: float, beta: float = 0.0) -> float:
    """No attack gains more: (1−β)(1−α)/α."""
    return (1.0 - beta) * (1.0 - alpha) / alpha


def gain(
    graph: TrustGraph,
    ego: Node,
    attacker: Node,
    attack: str | Attack = "path",
    sybils: int = 10,
    *,
    alpha: float = 0.15,
    beta: float = 0.0,
    weight: float = 20.0,
) -> float:
    """The Sybils' hitting probabilities after connectivity decay, over the attacker's before it.

    Args:
        graph: not changed.
        ego: whose scores are attacked.
        attacker: who adds edges; must be reached by walks from the ego.
        attack: a name in :data:`ATTACKS`, or a function of your own.
        sybils: how many.
        alpha: transitivity decay.
        beta: connectivity decay (threshold 1).
        weight: of each edge that is added.

    Raises:
        ParameterError: no such attack, fewer than one Sybil, the attacker is the ego or out of its
            reach, or an attack of your own adds edges out of honest nodes.
        UnknownNodeError: ego or attacker are not in the graph.
    """
    attacked, fakes = _attacked(graph, ego, attacker, attack, sybils, weight)
    hit, kept = _hits(attacked, ego, attacker, fakes, alpha)
    return _gain(hit, kept, attacker, fakes, beta)


@dataclass(frozen=True)
class AuditRow:
    """The worst that one attack did, for one α and β."""

    attack: str
    alpha: float
    beta: float
    attacker: Node
    sybils: int
    weight: float
    gain: float
    bound: float

    @property
    def holds(self) -> bool:
        """Whether the gain is within the bound (and rounding)."""
        return self.gain <= self.bound + 1e-9

    @property
    def ratio(self) -> float:
        """Gain over bound; where the bound is 0 (β = 1), 0 if it holds, else infinite."""
        if self.bound == 0.0:
            return 0.0 if self.holds else float("inf")
        return self.gain / self.bound

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "holds": self.holds}


def audit(
    graph: TrustGraph,
    ego: Node,
    *,
    attackers: Iterable[Node] | None = None,
    attacks: Iterable[str] = tuple(ATTACKS),
    alphas: Sequence[float] = (0.05, 0.15, 0.4, 0.8),
    betas: Sequence[float] = (0.0, 0.5, 0.9),
    sybils: Sequence[int] = (1, 5, 10, 25, 50),
    weights: Sequence[float] = (1.0, 20.0, 1e6),
) -> list[AuditRow]:
    """Search attackers, numbers of Sybils and weights for the worst gain of each attack, α and β.

    ``attackers`` are by default the three with the most visits from the ego. Every gain is
    computed exactly on the attacked graph. Raises as :func:`gain`.
    """
    chosen = list(attackers) if attackers is not None else _most_visited(graph, ego, 3)
    worst: dict[tuple[str, float, float], AuditRow] = {}
    for attack, attacker, count, weight in product(attacks, chosen, sybils, weights):
        attacked, fakes = _attacked(graph, ego, attacker, attack, count, weight)
        for alpha in alphas:
            hit, kept = _hits(attacked, ego, attacker, fakes, alpha)
            for beta in betas:
                found = _gain(hit, kept, attacker, fakes, beta)
                key = (attack, alpha, beta)
                if key not in worst or found > worst[key].gain:
                    limit = bound(alpha, beta)
                    worst[key] = AuditRow(
                        attack, alpha, beta, attacker, count, weight, found, limit
                    )
    return list(worst.values())


def _most_visited(graph: TrustGraph, ego: Node, count: int) -> list[Node]:
    visits = MeritRank(graph).visit_score(ego).to_dict()
    ranked = sorted((node for node in visits if visits[node] > 0), key=lambda n: -visits[n])
    if not ranked:
        raise ParameterError(f"no walk from {ego!r} reaches anyone, so nobody can attack")
    return ranked[:count]


def _attacked(
    graph: TrustGraph, ego: Node, attacker: Node, attack: str | Attack, sybils: int, weight: float
) -> tuple[TrustGraph, list[Node]]:
    """A copy of the graph with the attack's edges, and the Sybils."""
    if isinstance(attack, str) and attack not in ATTACKS:
        raise ParameterError(f"no attack {attack!r}; there are {', '.join(ATTACKS)}")
    if sybils < 1 or graph.index(attacker) == graph.index(ego):
        raise ParameterError(
            "an attack needs at least one Sybil and an attacker who is not the ego"
        )
    add = ATTACKS[attack] if isinstance(attack, str) else attack
    fakes: list[Node] = [("sybil", i) for i in range(sybils)]
    weights: dict[tuple[Node, Node], float] = {}
    for src, dst, added, *_ in add(attacker, fakes, weight):
        if src != attacker and src not in fakes:
            raise ParameterError(f"the attack adds an edge out of {src!r}, who is not the attacker")
        weights[src, dst] = weights.get((src, dst), 0.0) + added
    attacked = graph.copy()
    attacked.add_edges((src, dst, total) for (src, dst), total in weights.items())
    return attacked, [fake for fake in fakes if fake in attacked]


def _hits(
    attacked: TrustGraph, ego: Node, attacker: Node, fakes: list[Node], alpha: float
) -> tuple[dict[Node, float], set[Node]]:
    """Hitting probabilities of attacker and Sybils, and who is dominated."""
    engine = MeritRank(attacked, alpha=alpha)
    hit = engine.hit_probability(ego, [attacker, *fakes])
    if hit[attacker] == 0.0:
        raise ParameterError(f"no walk from {ego!r} reaches the attacker {attacker!r}")
    return hit, set(engine.dominated(ego)).intersection(fakes)


def _gain(
    hit: dict[Node, float], dominated: set[Node], attacker: Node, fakes: list[Node], beta: float
) -> float:
    kept = sum(hit[fake] * (1.0 - beta if fake in dominated else 1.0) for fake in fakes)
    return kept / hit[attacker]
