"""Reputations: who earned whose trust, over all tasks or in one, and what is anchored of it."""

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from chain.evm.addresses import checked_address
from chain.ledger.client import ReputationAnchor
from karat.errors import NotAvailable
from karat.sdk.documents import (
    AnchoredEpoch,
    AnchoredStatement,
    AnchorProof,
    ReputationEpochs,
    ReputationVerified,
)

if TYPE_CHECKING:
    from karat.protocol.anchored import AnchoredProof
    from karat.protocol.history import TaskHistory
    from karat.protocol.state import Attestations
    from karat.sdk.graph import Ranking
    from karat.sdk.network import Network
    from karat.sdk.standings import TaskStandings
    from karat.sdk.task import Task
    from reputation import Scores, TrustGraph
    from reputation.explain import Explanation
    from reputation.recommend import Recommendation, Served


class Reputation:
    """MeritRank of everybody who takes part in a ledger's tasks, and what is anchored of it.

    Called with a task's number it is about that task alone; with :meth:`over` about the tasks of
    other ledgers, too.
    """

    def __init__(
        self, network: "Network", task_id: int | None = None, others: "Sequence[Network]" = ()
    ) -> None:
        self._network = network
        self._task_id = task_id
        self._others = others

    def __call__(self, task_id: int) -> "Reputation":
        """The same for one task of this ledger."""
        return Reputation(self._network, task_id)

    def over(self, *others: "Network") -> "Reputation":
        """The same over all tasks of this ledger and of others: an account is one node, on
        whichever chain it worked, and who was convicted on any of them is not heard as a peer.

        What is anchored is still this ledger's.
        """
        return Reputation(self._network, None, (*self._others, *others))

    @property
    def task(self) -> "Task":
        """The task asked about, or the only one of the ledger. (Scores are over all tasks.)

        Raises:
            NotAvailable: there is none, or several, and none is named.
        """
        if self._task_id is not None:
            return self._network.task(self._task_id)
        count = self._network.ledger.task_count()
        if count == 0:
            raise NotAvailable("this ledger has no task yet")
        if count > 1:
            raise NotAvailable(f"this ledger has {count} tasks: say which, 1 to {count}")
        return self._network.task(count)

    @property
    def anchor(self) -> ReputationAnchor:
        """The contract that holds the anchored roots."""
        return self._network.anchor

    @property
    def standings(self) -> "TaskStandings":
        """The task's standings that need no trust; see :mod:`karat.sdk.standings`."""
        from karat.sdk.standings import TaskStandings  # noqa: PLC0415 - takes seconds to load

        return TaskStandings(self._network, self.task.id)

    def graph(self, ego: str | None = None) -> "tuple[TrustGraph, str]":
        """The trust graph, and whose view of it is asked: the sponsor's if None.

        Without a task it is that of all tasks, with days as epochs; see
        :mod:`karat.protocol.standing`.

        Raises:
            NotAvailable: there is no task, or several sponsors and no ego.
        """
        from karat.protocol.reputation import trust_graph  # noqa: PLC0415 - takes seconds to load

        seen_by = None if ego is None else checked_address(ego)
        if self._over_all:
            return self._standing(seen_by)
        history = self.task.history
        return trust_graph(history), seen_by or history.sponsor

    @property
    def _over_all(self) -> bool:
        if self._task_id is not None:
            return False
        return bool(self._others) or self._network.ledger.task_count() > 1

    @property
    def _histories(self) -> "list[tuple[Network, list[TaskHistory]]]":
        """Those asked about, by ledger."""
        if self._task_id is not None:
            return [(self._network, [self.task.history])]
        networks = (self._network, *self._others)
        return [(one, [task.history for task in one.tasks]) for one in networks]

    def _standing(self, ego: str | None) -> "tuple[TrustGraph, str]":
        from karat.protocol import standing  # noqa: PLC0415 - takes seconds to load

        by_ledger = self._histories
        histories = [history for _, some in by_ledger for history in some]
        if not histories:
            raise NotAvailable("there is no task yet")
        sponsors = sorted({history.sponsor for history in histories})
        if ego is None and len(sponsors) > 1:
            raise NotAvailable(
                f"these tasks have {len(sponsors)} sponsors: say whose view it is (an ego), or "
                "which task"
            )
        convicted = standing.convicts(histories)
        edges = [
            edge
            for network, some in by_ledger
            for edge in standing.standing_edges(
                some, standing.BlockTimes(network.ledger), convicted
            )
        ]
        graph = standing.standing_graph(edges, standing.accounts(histories))
        return graph, ego or sponsors[0]

    def recommend(
        self, role: str, ego: str | None = None, count: int = 10
    ) -> "list[Recommendation]":
        """Whom to appoint as ``verifier`` or invite as ``trainer``, best first, with reasons.

        Half by the ego's trust in them, half by whom they served; see
        :mod:`reputation.recommend`.

        Raises:
            reputation.errors.UnknownNodeError: ``ego`` takes no part in any task.
            NotAvailable: as :meth:`graph`.
        """
        from reputation.recommend import recommend  # noqa: PLC0415 - takes seconds to load

        ranking = self.ranking(ego)
        return recommend(ranking.engine, ranking.ego, *self.services(role), count)

    def services(self, role: str) -> "tuple[list[Served], list[str]]":
        """Who served whom as ``verifier`` or ``trainer``, and who there is to hire.

        Raises:
            ValueError: ``role`` is neither.
        """
        from karat.protocol.standing import services  # noqa: PLC0415 - takes seconds to load

        if role not in {"verifier", "trainer"}:
            raise ValueError(f"a role is verifier or trainer, not {role!r}")
        histories = [history for _, some in self._histories for history in some]
        members = {
            one
            for history in histories
            for one in (history.verifiers if role == "verifier" else history.trainers)
        }
        return services(histories, role), sorted(members)

    def ranking(self, ego: str | None = None, **decays: float) -> "Ranking":
        """The graph as seen by ``ego`` (the task's sponsor if None), to ask more than scores.

        ``decays`` are ``alpha``, ``beta``, ``gamma`` and ``beta_threshold``.

        Raises:
            reputation.errors.UnknownNodeError: ``ego`` takes no part in the task.
            reputation.errors.ParameterError: a decay is out of its range.
        """
        from karat.sdk.graph import Ranking  # noqa: PLC0415 - takes seconds to load

        graph, seen_by = self.graph(ego)
        return Ranking.of(graph, seen_by, self._names, **decays)

    @property
    def _names(self) -> dict[str, str]:
        """Names of this machine's accounts; none where the network was made by hand."""
        try:
            return self._network.accounts.names
        except NotAvailable:
            return {}

    def scores(
        self,
        ego: str | Mapping[str, float] | None = None,
        *,
        alpha: float = 0.15,
        beta: float = 0.0,
        gamma: float = 0.0,
    ) -> "Scores":
        """Scores of all participants as seen by ``ego`` (the sponsor if None), or by several
        accounts with a weight for each: one's customers, say, or all stakers.

        Raises:
            reputation.errors.UnknownNodeError: ``ego`` takes no part.
            reputation.errors.ParameterError: a weight is not above zero.
            NotAvailable: as :meth:`graph`.
        """
        if isinstance(ego, Mapping):
            weights: dict[Hashable, float] = {checked_address(one): ego[one] for one in ego}
            first = next(iter(ego), None)
            engine = self.ranking(first, alpha=alpha, beta=beta, gamma=gamma).engine
            return engine.scores(weights)
        ranking = self.ranking(ego, alpha=alpha, beta=beta, gamma=gamma)
        return ranking.engine.scores(ranking.ego)

    def of(self, address: str, ego: str | Mapping[str, float] | None = None) -> float:
        """One participant's score."""
        scores = self.scores(ego)
        return scores[checked_address(address)]

    def top(
        self, k: int = 10, ego: str | Mapping[str, float] | None = None
    ) -> list[tuple[str, float]]:
        """The ``k`` best, best first."""
        return [(str(node), score) for node, score in self.scores(ego).top(k)]

    def explain(self, address: str, ego: str | None = None, paths: int = 5) -> "Explanation":
        """Why a participant has its score: the main paths of trust, and what decays took.

        Raises:
            reputation.errors.UnknownNodeError: one of the two takes no part in the task.
        """
        ranking = self.ranking(ego)
        return ranking.engine.explain(ranking.ego, checked_address(address), paths)

    def to_records(self, ego: str | None = None) -> list[dict[str, Any]]:
        """One dictionary per participant, for ``pandas.DataFrame``."""
        return [{"address": node, "score": score} for node, score in self.scores(ego).items()]

    # --- what is anchored ----------------------------------------------------------------------

    def proof(self, address: str, epoch: int | None = None) -> "AnchoredProof":
        """The proof that an anchored epoch (the latest if None) holds a participant's score.

        Raises:
            NotAvailable: nothing is anchored.
            ProtocolError: what is anchored does not follow from the chain.
            reputation.errors.UnknownNodeError: the address took no part in the task then.
        """
        from karat.protocol.anchored import proof_of  # noqa: PLC0415 - takes seconds to load

        history = self.task.history
        return proof_of(self.anchor, history, checked_address(address), epoch)

    def verify(self, address: str) -> ReputationVerified:
        """Recompute the latest anchored epoch, and let the contract check a participant's proof.

        Raises as :meth:`proof`.
        """
        from karat.protocol.reputation import leaf  # noqa: PLC0415 - takes seconds to load

        anchored = self.proof(address)
        path, proof = anchored.proof.path, anchored.proof
        holds = self.anchor.verify(anchored.task_id, anchored.epoch, leaf(proof), path)
        return ReputationVerified(
            task=anchored.task_id,
            epoch=anchored.epoch,
            root="0x" + anchored.root.hex(),
            block=anchored.statement.to_block,
            document=str(anchored.document.cid),
            score=anchored.score,
            holds=holds,
            proof=AnchorProof(**proof.to_dict()),
        )

    def epochs(self) -> list["Attestations"]:
        """What verifiers attested of the task, oldest epoch first; the last may be undecided."""
        epochs = self.task.history.epochs
        return [epochs[number] for number in sorted(epochs)]

    def anchored_epochs(self) -> ReputationEpochs:
        """The same as a document."""
        task, names = self.task, self._names
        epochs = [_epoch(attested) for attested in self.epochs()]
        voters = {who for one in epochs for who in one.attested}
        return ReputationEpochs(
            task=task.id,
            names={who: names[who] for who in names if who in voters},
            epochs=epochs,
        )


def _epoch(attested: "Attestations") -> AnchoredEpoch:
    statement = attested.statement
    anchored = None
    if statement is not None:
        anchored = AnchoredStatement(
            statement="0x" + (attested.statement_hash or b"").hex(),
            root="0x" + statement.root.hex(),
            ego=statement.ego,
            nodes=statement.nodes,
            from_block=statement.from_block,
            to_block=statement.to_block,
            document_digest="0x" + statement.document_digest.hex(),
        )
    return AnchoredEpoch(
        epoch=attested.epoch,
        anchored=anchored,
        attested={who: "0x" + vote.hex() for who, vote in attested.votes.items()},
        dissenters=attested.dissenters,
    )
