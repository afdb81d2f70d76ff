"""Documents about reputations: scores of a graph, why they are so, and what is anchored."""

from dataclasses import dataclass
from typing import ClassVar

from karat.sdk.documents.base import Document, Sent


@dataclass(frozen=True, kw_only=True)
class ScoredNode:
    """A node's score; ``stderr`` is a certified bound where the method is exact."""

    node: str
    score: float
    hit_probability: float
    stderr: float


@dataclass(frozen=True, kw_only=True)
class GraphView(Document):
    """Whose view of which graph; ``names`` of its nodes that are accounts of this machine."""

    ego: str
    names: dict[str, str]
    alpha: float
    beta: float
    gamma: float
    nodes: int
    edges: int


@dataclass(frozen=True, kw_only=True)
class ReputationTop(GraphView, schema="karat.reputation.top/1"):
    """``karat reputation top``."""

    method: str
    top: list[ScoredNode]


@dataclass(frozen=True, kw_only=True)
class ReputationOf(GraphView, schema="karat.reputation.show/1"):
    """``karat reputation show``; ``stderr`` as in ``top``."""

    method: str
    node: str
    score: float
    hit_probability: float
    stderr: float


@dataclass(frozen=True, kw_only=True)
class TrustPath:
    """A path that carries part of a score."""

    nodes: list[str]
    probability: float
    share: float
    survival: float
    distrust: bool


@dataclass(frozen=True, kw_only=True)
class ReputationExplained(GraphView, schema="karat.reputation.explain/1"):
    """``karat reputation explain``."""

    node: str
    score: float
    hit_probability: float
    trust: float
    distrust: float
    paths: list[TrustPath]
    dominator: str | None
    connectivity_decay: float
    epoch_decay: float


@dataclass(frozen=True, kw_only=True)
class ReputationExported(GraphView, schema="karat.reputation.export/1"):
    """``karat reputation export``; ``path`` where it was written to a file, else ``text``."""

    MAY_LACK: ClassVar[frozenset[str]] = frozenset({"text", "path"})

    format: str
    text: str | None = None
    path: str | None = None


@dataclass(frozen=True, kw_only=True)
class AuditRow:
    """The worst that one attack did."""

    attack: str
    alpha: float
    beta: float
    attacker: str
    sybils: int
    weight: float
    gain: float
    bound: float
    holds: bool

    @property
    def ratio(self) -> float:
        """Gain over bound; where the bound is 0 (β = 1), 0 if it holds, else infinite."""
        if self.bound == 0.0:
            return 0.0 if self.holds else float("inf")
        return self.gain / self.bound


@dataclass(frozen=True, kw_only=True)
class ReputationAudited(Document, schema="karat.reputation.audit/1"):
    """``karat reputation audit``; ``names`` as in ``top``."""

    ego: str
    names: dict[str, str]
    holds: bool
    rows: list[AuditRow]


@dataclass(frozen=True, kw_only=True)
class AnchorProof:
    """What the anchor's ``verify`` takes, in hexadecimal; ``score`` in units of 2**-40."""

    index: int
    node: str
    score: int
    outWeight: int  # noqa: N815 - the contract's name
    rowHash: str  # noqa: N815 - the contract's name
    path: list[str]


@dataclass(frozen=True, kw_only=True)
class ReputationVerified(Document, schema="karat.reputation.verify/1"):
    """``karat reputation verify``; ``block`` is the last that counts, ``document`` a CID.

    ``score`` is the anchored visit score, not the normalised one of ``karat reputation top``.
    """

    task: int
    epoch: int
    root: str
    block: int
    document: str
    score: float
    holds: bool
    proof: AnchorProof


@dataclass(frozen=True, kw_only=True)
class AnchoredStatement:
    """The statement that a majority stands behind."""

    statement: str
    root: str
    ego: str
    nodes: int
    from_block: int
    to_block: int
    document_digest: str


@dataclass(frozen=True, kw_only=True)
class AnchoredEpoch:
    """One epoch; ``attested`` maps verifiers to hashes of statements, ``anchored`` may be null."""

    epoch: int
    anchored: AnchoredStatement | None
    attested: dict[str, str]
    dissenters: list[str]


@dataclass(frozen=True, kw_only=True)
class ReputationEpochs(Document, schema="karat.reputation.epochs/1"):
    """``karat reputation epochs``; ``names`` of verifiers that are accounts of this machine."""

    task: int
    names: dict[str, str]
    epochs: list[AnchoredEpoch]


@dataclass(frozen=True, kw_only=True)
class RecommendedClient:
    """A client whose service speaks for a candidate; both shares are within 0 and 1."""

    node: str
    trust: float
    share: float


@dataclass(frozen=True, kw_only=True)
class Recommended:
    """A candidate; ``score`` is half its share of trust and half its share of service."""

    node: str
    score: float
    trust: float
    service: float
    paths: list[TrustPath]
    clients: list[RecommendedClient]


@dataclass(frozen=True, kw_only=True)
class ReputationRecommended(GraphView, schema="karat.reputation.recommend/1"):
    """``karat reputation recommend``; ``role`` is null where it is any, or the graph a file."""

    role: str | None
    recommended: list[Recommended]


@dataclass(frozen=True, kw_only=True)
class FeedbackSource:
    """Where a book's feedback is from; ``chain_id`` and ``block`` (the last read) of a registry.

    ``ignored`` counts logs that could not be read.
    """

    name: str
    chain_id: int | None
    block: int | None
    ignored: int


@dataclass(frozen=True, kw_only=True)
class FeedbackTotals(Document):
    """How much is in a book of feedback: what stands, and the edges that it makes."""

    book: str
    feedback: int
    edges: int


@dataclass(frozen=True, kw_only=True)
class ReputationImported(FeedbackTotals, schema="karat.reputation.import/1"):
    """``karat reputation import``."""

    source: FeedbackSource


@dataclass(frozen=True, kw_only=True)
class ReputationFollowed(FeedbackTotals, schema="karat.reputation.follow/1"):
    """``karat reputation follow``; ``changed`` counts edges since it began."""

    sources: list[FeedbackSource]
    changed: int


@dataclass(frozen=True, kw_only=True)
class ReputationStanding(Document, schema="karat.reputation.standing/1"):
    """``karat reputation standing``: of the last final claim; ``rank`` 0 is the best of ``nodes``.

    Who joined earlier comes first among equals, who share the ranks from ``best_rank`` to
    ``worst_rank``. ``day`` counts from 1970, ``age`` is how many seconds ago it began, ``score`` a
    share of all.
    """

    task: int
    day: int
    age: int
    address: str
    score: float
    rank: int
    best_rank: int
    worst_rank: int
    nodes: int


@dataclass(frozen=True, kw_only=True)
class StandingProven(Sent, schema="karat.reputation.prove/1"):
    """``karat reputation prove``."""

    task: int
    address: str


@dataclass(frozen=True, kw_only=True)
class RowStated(Sent, schema="karat.reputation.vouch/1"):
    """``karat reputation vouch``; ``row`` has weights by address."""

    task: int
    address: str
    row: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class StandingsKept(Document, schema="karat.reputation.keep/1"):
    """``karat reputation keep``, when it ends."""

    task: int
    account: str
