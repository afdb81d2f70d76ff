"""Reputations for the page, computed in the background: numerics take seconds to load."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chain.errors import ChainError
from karat.protocol.history import TaskHistory
from karat.web import schemas
from karat.web.book import TaskBook
from karat.web.facts import Kept
from karat.web.follower import Follower

if TYPE_CHECKING:
    from reputation import MeritRank, TrustGraph
    from reputation.anchoring.anchored import AnchoredScores
    from reputation.anchoring.anchored import Proof as AnchorProof
    from reputation.explain import Explanation

ONE = 2**40  # the anchored scores' unit


@dataclass(frozen=True)
class Ranking:
    """A trust graph, a task's or that of all tasks, and everybody's score in it."""

    ego: str
    graph: "TrustGraph"
    engine: "MeritRank"
    scores: dict[str, float]


Key = int | str
"""A task's number; or, of all tasks, whose view it is."""


class Standings:
    """Rankings by task, and over all; one that is being computed shows as the last one, or as
    None.
    """

    def __init__(self, follower: Follower) -> None:
        self._follower = follower
        self._known = Kept(256)  # key: (version, ranking)
        self._asked: dict[Key, tuple[int, ...]] = {}
        self._anchored = Kept(64)
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="standings")

    def close(self) -> None:
        """End; what is being computed is waited for."""
        self._worker.shutdown(cancel_futures=True)

    def ranking(self, book: TaskBook) -> tuple[Ranking | None, bool]:
        """The ranking of a task, and whether a newer one is being computed."""
        return self._newest(book.task_id, [book], book.history.sponsor)

    def overall(self, books: Sequence[TaskBook], ego: str) -> tuple[Ranking | None, bool]:
        """The same over all tasks, as seen by ``ego``."""
        return self._newest(ego, books, ego)

    def _newest(self, key: Key, books: Sequence[TaskBook], ego: str) -> tuple[Ranking | None, bool]:
        version = tuple(book.settled for book in books)
        known: tuple[tuple[int, ...], Ranking] | None = self._known.get(key)
        if known is not None and known[0] == version:
            return known[1], False
        if self._asked.get(key) != version:
            self._asked[key] = version
            self._worker.submit(self._compute, key, books, ego)
        return (None if known is None else known[1]), True

    def _compute(self, key: Key, books: Sequence[TaskBook], ego: str) -> None:
        from karat.protocol import reputation  # noqa: PLC0415 numerics take seconds to load
        from reputation import MeritRank  # noqa: PLC0415

        with self._follower.lock:
            version = tuple(book.settled for book in books)
            histories = [book.history for book in books]
            graph = (
                reputation.trust_graph(histories[0]) if isinstance(key, int) else _joined(histories)
            )
        engine = MeritRank(graph, alpha=float(reputation.ALPHA))
        scores = {str(node): score for node, score in engine.scores(ego).items()}
        self._known.keep(key, (version, Ranking(ego, graph, engine, scores)))
        if self._asked.get(key) == version:
            del self._asked[key]  # what is forgotten can be asked for again

    def explanation(self, ranking: Ranking, address: str) -> "Explanation":
        """The main ways by which a participant gets its score."""
        return ranking.engine.explain(ranking.ego, address, 8)

    def proof(self, book: TaskBook, address: str) -> tuple[schemas.Proof | None, str | None]:
        """The proof of a participant's latest anchored score, or why there is none."""
        from reputation.errors import UnknownNodeError  # noqa: PLC0415

        anchored = book.history.anchored
        if not anchored:
            return None, "No reputation of this task is anchored on chain yet."
        number = max(anchored)
        statement = anchored[number]
        scored = self._scored(book.task_id, number, statement.to_block)
        if scored.root != statement.root:
            return None, (
                f"Epoch {number} anchors another root than blocks up to {statement.to_block} give: "
                "more than half of the verifiers attested something else."
            )
        try:
            proof = scored.proof(address)
        except UnknownNodeError:
            return None, f"Epoch {number} was anchored before this participant joined."
        holds, checked_by = self._check(book.task_id, number, statement.root, proof)
        shown = schemas.Proof(
            epoch=number,
            root="0x" + statement.root.hex(),
            to_block=statement.to_block,
            score=proof.score / ONE,
            index=proof.index,
            units=str(proof.score),
            out_weight=str(proof.out_weight),
            row_hash="0x" + proof.row_hash.hex(),
            leaf="0x" + proof.leaf.hex(),
            path=["0x" + item.hex() for item in proof.path],
            holds=holds,
            checked_by="contract" if checked_by else "page",
        )
        return shown, None

    def _scored(self, task_id: int, epoch: int, to_block: int) -> "AnchoredScores":
        """The scores of an epoch, recomputed from the chain's events."""
        from karat.protocol import reputation  # noqa: PLC0415

        key = (task_id, epoch, to_block)
        if key in self._anchored:
            known: AnchoredScores = self._anchored[key]
            return known
        history = TaskHistory(self._follower.network.ledger, task_id)
        history.apply(self._follower.events(task_id, to_block))
        return self._anchored.keep(key, reputation.anchored(history))

    def _check(
        self, task_id: int, epoch: int, root: bytes, proof: "AnchorProof"
    ) -> tuple[bool, bool]:
        """Whether a proof holds, and whether the contract itself said so."""
        from karat.protocol import reputation  # noqa: PLC0415
        from reputation.anchoring.anchored import verify  # noqa: PLC0415

        try:
            anchor = self._follower.network.anchor
            return anchor.verify(task_id, epoch, reputation.leaf(proof), proof.path), True
        except ChainError:
            return verify(root, proof), False


def _joined(histories: Sequence[TaskHistory]) -> "TrustGraph":
    """The graph over all tasks. Without epoch decay times do not matter: no block is asked for."""
    from karat.protocol import standing  # noqa: PLC0415

    edges = standing.standing_edges(histories, lambda _: 0)
    return standing.standing_graph(edges, standing.accounts(histories))
