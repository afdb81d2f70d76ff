"""Whom to hire: trust in the candidates themselves, and the record with clients one trusts.

Two opinions, half each:

- *trust*: the candidate's MeritRank score from the ego.
- *service*: SALSA (Lempel and Moran 2001, *The stochastic approach for link-structure analysis*)
  over who served whom. A walk starts at a client, goes to one of those that served it, from there
  back to a client of that one, and so on; with probability α it begins anew. It begins at clients
  in proportion to the ego's trust in them (the ego's own experience counts as much as all theirs),
  and goes back to a client in proportion to service *times trust*. So clients that the ego does not
  trust weigh nothing, and fake ones no more than MeritRank lets them.

Joining the two is the idea of Web3Recommend (Chotkan and Pouwelse 2023) and G-Rank (Gujral 2022).
Whom the ego distrusts is not recommended.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

import numpy as np
from scipy.sparse import coo_array

from reputation.edges import checked
from reputation.errors import ParameterError
from reputation.explain import Path
from reputation.graph import Node
from reputation.meritrank import MeritRank
from reputation.rows import Floats

Served = tuple[Node, Node, float]
"""Client, server, and how much the service was worth."""

_TOLERANCE = 1e-12
_REASONS = 3


@dataclass(frozen=True)
class Client:
    """A client that speaks for a candidate."""

    node: Node
    trust: float
    """The ego's trust in the client, as a share of its trust in all clients."""
    share: float
    """Of the candidate's service score."""


@dataclass(frozen=True)
class Recommendation:
    """A candidate, with the reasons for it."""

    node: Node
    score: float
    """Half of each share below."""
    trust: float
    """Its share of the ego's trust in all candidates."""
    service: float
    """Its share of the service score of all candidates."""
    paths: list[Path] = field(default_factory=list)
    """The likeliest ways in which trust reaches it."""
    clients: list[Client] = field(default_factory=list)
    """Those whose service speaks for it most."""


def recommend(
    engine: MeritRank,
    ego: Node,
    served: Iterable[Served],
    candidates: Collection[Node],
    count: int = 10,
) -> list[Recommendation]:
    """The best of ``candidates`` in the eyes of ``ego``, best first.

    Raises:
        UnknownNodeError: ``ego`` is not in the engine's graph.
        ParameterError: ``count`` is below 1.
        GraphError: a service is not (client, server, positive weight).
    """
    if count < 1:
        raise ParameterError(f"count must be at least 1, not {count}")
    scores = engine.scores(ego, "auto")
    services = _services(served)
    trusted = {node: max(scores.get(node, 0.0), 0.0) for node, _ in services}
    everyone = sum(trusted.values())
    clients = {node: trust / everyone for node, trust in trusted.items() if trust > 0.0}
    own = ego in {client for client, _ in services}
    if own:
        clients = {node: 0.5 * trust for node, trust in clients.items()}
        clients[ego] = 0.5 if clients else 1.0
    authority, share = salsa(services, clients, engine.alpha)
    hired = [node for node in dict.fromkeys(candidates) if node != ego]
    hired = [node for node in hired if scores.get(node, 0.0) >= 0.0]
    trust = _shares({node: scores.get(node, 0.0) for node in hired})
    service = _shares({node: authority.get(node, 0.0) for node in hired})
    total = {node: 0.5 * (trust[node] + service[node]) for node in hired}
    ranked = sorted((node for node in hired if total[node] > 0), key=lambda n: (-total[n], str(n)))
    return [
        Recommendation(
            node,
            total[node],
            trust[node],
            service[node],
            engine.explain(ego, node, _REASONS).paths if trust[node] else [],
            _reasons(share.get(node, {}), clients),
        )
        for node in ranked[:count]
    ]


def salsa(
    services: dict[tuple[Node, Node], float], clients: dict[Node, float], alpha: float
) -> tuple[dict[Node, float], dict[Node, dict[Node, float]]]:
    """Stationary probabilities of the servers, and for each server how much each client gave it.

    ``clients`` are the probabilities to begin at, which also weigh the way back; both sides of
    ``services`` (client, server) → weight are followed in proportion to weight.
    """
    used = [(pair, weight) for pair, weight in services.items() if clients.get(pair[0], 0.0) > 0.0]
    if not used:
        return {}, {}
    froms = list(dict.fromkeys(client for (client, _), _ in used))
    tos = list(dict.fromkeys(server for (_, server), _ in used))
    row = {node: i for i, node in enumerate(froms)}
    column = {node: i for i, node in enumerate(tos)}
    i = np.array([row[client] for (client, _), _ in used])
    j = np.array([column[server] for (_, server), _ in used])
    weight = np.array([weight for _, weight in used])
    begin = np.array([clients[node] for node in froms])
    begin /= begin.sum()
    forth = weight / np.bincount(i, weight)[i]
    trusted = weight * begin[i]
    back = trusted / np.bincount(j, trusted)[j]
    onward = coo_array((forth, (j, i)), shape=(len(tos), len(froms))).tocsr()
    backward = coo_array((back, (i, j)), shape=(len(froms), len(tos))).tocsr()
    at = begin.copy()
    residual = begin
    while residual.sum() > _TOLERANCE:  # the series Σ (1−α)ᵏ (forth and back)ᵏ, times α
        residual = (1.0 - alpha) * (backward @ (onward @ residual))
        at += residual
    at *= alpha
    found: Floats = onward @ at
    given: dict[Node, dict[Node, float]] = defaultdict(dict)
    for e, ((client, server), _) in enumerate(used):
        given[server][client] = float(forth[e] * at[i[e]])
    return dict(zip(tos, found.tolist(), strict=True)), dict(given)


def _services(served: Iterable[Served]) -> dict[tuple[Node, Node], float]:
    total: dict[tuple[Node, Node], float] = {}
    for service in served:
        client, server, weight, _ = checked(service)
        if weight <= 0.0:
            raise ParameterError(f"service {service!r} must be worth more than nothing")
        total[client, server] = total.get((client, server), 0.0) + weight
    return total


def _shares(values: dict[Node, float]) -> dict[Node, float]:
    whole = sum(values.values())
    return {node: value / whole if whole else 0.0 for node, value in values.items()}


def _reasons(share: dict[Node, float], clients: dict[Node, float]) -> list[Client]:
    whole = sum(share.values())
    best = sorted(share, key=lambda node: (-share[node], str(node)))[:_REASONS]
    return [Client(node, clients[node], share[node] / whole) for node in best]
