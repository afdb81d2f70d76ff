"""One standing over all tasks: the edges of every task of a ledger, or of several, in one graph.

Nodes are accounts. Edges are those of :mod:`karat.protocol.trust` with their task and the time of
the block that decided them; an epoch of the graph is a stretch of time, so that decay is per unit
of time whatever the pace of a task's rounds. Edges between the same two accounts add up within an
epoch.

Over many tasks two rules are stricter than within one, as anybody may create a task, appoint
others to it and hold the majority there:

- **A verifier vouches only for what it saw itself.** Its edge to a trainer is the lesser of the
  median and its own vote; it counts against a trainer only if both are verdicts. So a majority
  cannot put words into the mouth of a verifier that others trust.
- **Who was convicted in any of the tasks is not heard as a peer in any.** Distrust follows positive
  edges, so a convict could discredit others by praising them.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from chain.ledger.client import Ledger
from karat.protocol.history import TaskHistory
from karat.protocol.state import Outcome, Round
from karat.protocol.trust import SLASHABLE, TrustEdge, trust_edges
from learning.score_codes import ZERO_SCORE
from reputation import TrustGraph
from reputation.recommend import Served

Times = Callable[[int], int]
"""The time of a block, in seconds since 1970."""

DAY = timedelta(days=1)


@dataclass(frozen=True)
class StandingEdge:
    """``source`` vouches for ``target`` (or, negative, against it) in a task, at a time."""

    source: str
    target: str
    weight: int
    task: int
    time: int


class BlockTimes:
    """Times of blocks, each asked for once."""

    def __init__(self, ledger: Ledger) -> None:
        self._eth = ledger.web3.eth
        self._known: dict[int, int] = {}

    def __call__(self, block: int) -> int:
        """When a block was mined."""
        if block not in self._known:
            self._known[block] = int(self._eth.get_block(block)["timestamp"])
        return self._known[block]


def standing_edges(
    histories: Sequence[TaskHistory], times: Times, convicted: Collection[str] | None = None
) -> list[StandingEdge]:
    """The edges of several tasks of one ledger, oldest first.

    ``convicted`` are not heard as peers; by default who was convicted in one of these tasks. Over
    several ledgers it is who was in any of their tasks (:func:`convicts`).
    """
    if convicted is None:
        convicted = convicts(histories)
    found = []
    for history in histories:
        peers = set(history.trainers)
        for edge in trust_edges(history):
            if edge.source in peers and edge.source in convicted:
                continue
            weight = _heard(history, edge)
            if weight:
                time = times(_block(history, edge.epoch))
                found.append(StandingEdge(edge.source, edge.target, weight, history.task_id, time))
    return sorted(found, key=lambda edge: (edge.time, edge.task, edge.source, edge.target))


def standing_graph(
    edges: Iterable[StandingEdge], accounts: Iterable[str] = (), epoch: timedelta = DAY
) -> TrustGraph:
    """The graph of edges of one ledger or several, with epochs of this length.

    ``accounts`` are there even without edges.
    """
    length = int(epoch.total_seconds())
    total: dict[tuple[str, str, int], int] = {}
    for edge in edges:
        key = (edge.source, edge.target, edge.time // length)
        total[key] = total.get(key, 0) + edge.weight
    summed = ((src, dst, weight, at) for (src, dst, at), weight in total.items() if weight)
    return TrustGraph.from_edges(summed, nodes=accounts)


def accounts(histories: Iterable[TaskHistory]) -> list[str]:
    """Everyone who takes part in a task, each once."""
    members = (one for history in histories for one in history.nodes)
    return list(dict.fromkeys(members))


def convicts(histories: Iterable[TaskHistory]) -> set[str]:
    """Who was ever convicted in one of these tasks."""
    return {one for history in histories for one in _convicted(history)}


def services(histories: Iterable[TaskHistory], role: str) -> list[Served]:
    """Who served whom: in settled rounds, sponsors by verifiers that revealed (one a round), or by
    trainers whose updates gained (the gain). ``role`` is ``verifier`` or ``trainer``.
    """
    found: list[Served] = []
    for history in histories:
        for current in _settled(history):
            if role == "verifier":
                found += [(history.sponsor, verifier, 1.0) for verifier in current.votes]
                continue
            gains = zip(current.updates, current.medians, strict=True)
            found += [
                (history.sponsor, update.trainer, float(code - ZERO_SCORE))
                for update, code in gains
                if code > ZERO_SCORE
            ]
    return [service for service in found if service[0] != service[1]]


def _heard(history: TaskHistory, edge: TrustEdge) -> int:
    """The weight of an edge, as far as its source itself stands for it."""
    current = history.rounds.get(edge.epoch)
    if current is None or edge.source not in current.votes or edge.epoch == 0:
        return edge.weight
    own = {
        update.trainer: code
        for update, code in zip(current.updates, current.votes[edge.source], strict=True)
    }.get(edge.target)
    if own is None:
        return edge.weight
    if edge.weight < 0:
        return edge.weight if own in SLASHABLE else 0
    return max(0, min(edge.weight, own - ZERO_SCORE))


def _block(history: TaskHistory, number: int) -> int:
    """The block that decided a round; for what belongs to none that is decided, the latest."""
    current = history.rounds.get(number)
    if current is not None and current.decided_in:
        return current.decided_in
    earlier = [one.decided_in for one in history.rounds.values() if one.number <= number]
    return max([history.first_block, *earlier])


def _settled(history: TaskHistory) -> Iterable[Round]:
    return (one for one in history.rounds.values() if one.outcome is Outcome.SETTLED)


def _convicted(history: TaskHistory) -> set[str]:
    return {
        update.trainer
        for current in _settled(history)
        for update, code in zip(current.updates, current.medians, strict=True)
        if code in SLASHABLE
    }
