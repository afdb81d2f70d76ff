"""Reputation of a task's participants: MeritRank over the edges that its events define."""

from dataclasses import dataclass
from fractions import Fraction

from eth_hash.auto import keccak

from chain.errors import NodeInconsistent
from chain.evm.abi import encode_values
from chain.ledger.bindings.structs import Leaf, Statement
from chain.ledger.client import Ledger, ReputationAnchor
from karat.protocol.content import Content
from karat.protocol.history import RecentHistory, TaskHistory
from karat.protocol.indexed import Indexed
from karat.protocol.state import Outcome
from karat.protocol.trust import anchored_edges, trust_edges
from reputation import MeritRank, Scores, TrustGraph
from reputation.anchoring.anchored import AnchoredScores, Proof, build_exact, canonical_json

ALPHA = Fraction(3, 20)  # MeritRank's usual 0.15


def trust_graph(history: TaskHistory) -> TrustGraph:
    """The feedback graph of a task, signed, with rounds as epochs; all members are nodes."""
    edges = [(e.source, e.target, e.weight, e.epoch) for e in trust_edges(history)]
    members = history.nodes
    return TrustGraph.from_edges(edges, nodes=members)


def scores(
    history: TaskHistory,
    ego: str | None = None,
    *,
    alpha: float = float(ALPHA),
    beta: float = 0.0,
    gamma: float = 0.0,
) -> Scores:
    """MeritRank as seen by ``ego`` (the task's sponsor if None).

    Raises:
        reputation.errors.UnknownNodeError: ``ego`` takes no part in the task.
    """
    rank = MeritRank(trust_graph(history), alpha=alpha, beta=beta, gamma=gamma)
    return rank.scores(history.sponsor if ego is None else ego)


def anchored(history: TaskHistory) -> AnchoredScores:
    """The integer scores that go on chain, from the sponsor over :func:`anchored_edges`."""
    nodes = dict.fromkeys(history.nodes)  # somebody may have been several things
    return build_exact(nodes, anchored_edges(history), history.sponsor, ALPHA)


@dataclass(frozen=True)
class Epoch:
    """A task's scores after a round, as verifiers publish and attest them.

    All of it follows from the chain up to ``statement.to_block``: two verifiers, on whatever
    machine, get the same bytes.
    """

    scored: AnchoredScores
    document: bytes
    statement: Statement


def epoch_at(
    ledger: Ledger, anchor: ReputationAnchor, task_id: int, block: int, *, from_block: int = 0
) -> Epoch:
    """The scores that a task's events up to ``block`` give.

    Args:
        ledger: where the task is.
        anchor: where its members attest one another.
        task_id: the task.
        block: the last block that counts.
        from_block: any block up to the task's creation; saves time.

    Raises:
        NotAvailable: the task did not exist then.
    """
    history = TaskHistory(ledger, task_id, anchor=anchor, from_block=from_block)
    history.refresh(to_block=block)
    return _epoch(history, block)


class Epochs:
    """The epochs of one task, each made of the last one and what came since.

    So that an epoch takes no longer however many rounds the task has had.
    """

    def __init__(
        self,
        ledger: Ledger,
        anchor: ReputationAnchor,
        task_id: int,
        *,
        from_block: int = 0,
        index: Indexed | None = None,
    ) -> None:
        self._ledger, self._anchor = ledger, anchor
        self._task_id, self._from_block, self._index = task_id, from_block, index
        self._history = self._fresh()
        self._seen: tuple[int, bytes] | None = None  # the block that the history goes up to
        self._last: Epoch | None = None

    def at(self, block: int) -> Epoch:
        """The scores that the task's events up to ``block`` give, on the chain as it is now.

        Raises:
            NotAvailable: the task did not exist then.
            NodeInconsistent: the chain was reorganised meanwhile.
            NodeError: the node does not answer.
        """
        now = block, self._hash(block)
        if self._last is not None and self._seen == now:
            return self._last
        if (
            self._seen is None
            or block < self._seen[0]
            or self._hash(self._seen[0]) != self._seen[1]
        ):
            self._history = self._fresh()
        self._seen, self._last = None, None  # until all is taken in
        self._history.refresh(to_block=block)
        if self._hash(block) != now[1]:
            raise NodeInconsistent(f"block {block} is another one now: ask again")
        epoch = _epoch(self._history, block)
        self._seen, self._last = now, epoch
        return epoch

    def _fresh(self) -> RecentHistory:
        return RecentHistory(
            self._ledger,
            self._task_id,
            anchor=self._anchor,
            from_block=self._from_block,
            index=self._index,
        )

    def _hash(self, block: int) -> bytes:
        return bytes(self._ledger.web3.eth.get_block(block)["hash"])


def _epoch(history: TaskHistory, block: int) -> Epoch:
    _ = history.params
    scored = anchored(history)
    document = canonical_json(scored.to_dict())
    statement = Statement(
        root=scored.root,
        graph_digest=scored.graph_digest,
        document_digest=Content.of(document).digest,
        ego=history.sponsor,
        alpha_numerator=scored.alpha.numerator,
        alpha_denominator=scored.alpha.denominator,
        nodes=len(scored.nodes),
        from_block=history.first_block,
        to_block=block,
    )
    return Epoch(scored, document, statement)


def settled_block(history: TaskHistory, ended: int) -> int | None:
    """The block that an epoch is due for: where the latest final round was decided for good.

    That is where it was settled, or its last appeal resolved. None if there is no such round.

    Args:
        history: the task.
        ended: the latest round that is final or void.
    """
    settled = [
        current
        for current in history.rounds.values()
        if current.outcome is Outcome.SETTLED and current.number <= ended
    ]
    return max(settled, key=lambda current: current.number).decided_in if settled else None


def statement_hash(task_id: int, epoch: int, statement: Statement) -> bytes:
    """What the anchor's events call a statement by; 32 bytes."""
    return keccak(encode_values(["uint256", "uint64", Statement], [task_id, epoch, statement]))


def difference(ours: Statement, theirs: Statement) -> str | None:
    """The first field in which two statements differ; None if they are the same."""
    fields = (name for name in ours.NAMES if getattr(ours, name) != getattr(theirs, name))
    return next(fields, None)


def leaf(proof: Proof) -> Leaf:
    """A proof's leaf as the anchor contract takes it."""
    return Leaf(proof.index, proof.node, proof.score, proof.out_weight, proof.row_hash)
