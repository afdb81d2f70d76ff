"""The documents of the commands that need no network: demo, arena, store, reputation.

See :mod:`karat.cli.documents` for the others, and for what holds for all of them.
"""

from typing import Any, NotRequired

from typing_extensions import TypedDict


class DemoChain(TypedDict):
    """The chain the demo ran on; ``head`` is its last block's hash."""

    kind: str
    chain_id: int
    rpc_url: str | None
    ledger: str
    anchor: str
    task_id: int
    blocks: int
    head: str


class DemoUpdate(TypedDict):
    """One revealed update; ``scores`` maps verifiers to codes, ``median`` is the contract's."""

    index: int
    trainer: str
    role: str
    cid: str
    size: int
    scores: dict[str, int]
    median: int
    verdict: str
    weight: int


class DemoRound(TypedDict):
    """One round; ``missing`` lists who committed and did not reveal."""

    round: int
    outcome: str
    accuracy: float
    accuracy_plain_average: float
    model: str
    seed: str
    updates: list[DemoUpdate]
    missing: list[str]


class DemoParticipant(TypedDict):
    """One account at the end, as the chain has it."""

    address: str
    name: str
    role: str
    reward: int
    slashed: int
    stake: int
    reputation: float
    verdicts: dict[str, int]
    mean_score: float | None


class DemoFinal(TypedDict):
    """How it ended."""

    accuracy: float
    accuracy_plain_average: float
    model: str
    attacker_reward_share: float


class GasUse(TypedDict):
    """Gas of one operation."""

    count: int
    mean: float
    max: int


class Demo(TypedDict):
    """``karat demo``."""

    schema: str
    config: dict[str, Any]
    chain: DemoChain
    store: dict[str, str]
    token: dict[str, Any]
    rounds: list[DemoRound]
    participants: list[DemoParticipant]
    anchor: dict[str, Any]
    conservation: dict[str, int]
    gas: dict[str, GasUse]
    outputs: dict[str, str]
    seconds: float
    final: DemoFinal


class ArenaRow(TypedDict):
    """One match; fractions in [0, 1], null where they mean nothing."""

    task: NotRequired[str]
    attack: str
    defence: str
    honest: int
    attackers: int
    alpha: float
    seed: int
    rounds: int
    scenario: str
    accuracy: float
    attack_success: float | None
    attacker_reward_share: float | None
    precision: float | None
    recall: float | None
    honest_false_positive: float | None
    honest_slashed: float
    honest_share: float | None
    honest_unpaid: float | None
    honest_unpaid_late: float | None
    accuracy_plain: float
    pay_value_correlation: float | None
    holder_pay: float | None
    holder_accuracy: float | None


class Arena(TypedDict):
    """``karat arena``."""

    schema: str
    task: str
    rows: list[ArenaRow]


class ArenaAttack(TypedDict):
    """An attack and what it may look at."""

    name: str
    knowledge: str


class ArenaList(TypedDict):
    """``karat arena --list``."""

    schema: str
    attacks: list[ArenaAttack]
    defences: list[str]


class StoreFile(TypedDict):
    """``karat store add``, ``pull`` and ``push``."""

    schema: str
    cid: str
    size: int


class StoreGet(StoreFile):
    """``karat store get``."""

    path: str


class StorePin(TypedDict):
    """A pin; ``round`` is null where none was given."""

    cid: str
    owner: str
    round: int | None
    size: int


class StorePins(TypedDict):
    """``karat store pin`` and ``unpin``."""

    schema: str
    pins: list[StorePin]


class StoreStat(StoreFile):
    """``karat store stat``; ``total`` counts the bytes of all blocks."""

    total: int
    complete: bool
    pins: list[StorePin]


class StoreGc(TypedDict):
    """``karat store gc``; ``freed`` and ``kept`` in bytes."""

    schema: str
    blocks: int
    freed: int
    kept: int


class StoreVerify(TypedDict):
    """``karat store verify``."""

    schema: str
    blocks: int
    size: int
    corrupt: list[str]
    incomplete: list[str]


class ScoredNode(TypedDict):
    """A node's score; ``stderr`` is a certified bound where the method is exact."""

    node: str
    score: float
    hit_probability: float
    stderr: float


class GraphView(TypedDict):
    """Whose view of which graph."""

    schema: str
    ego: str
    alpha: float
    beta: float
    gamma: float
    nodes: int
    edges: int


class ReputationTop(GraphView):
    """``karat reputation top``."""

    method: str
    top: list[ScoredNode]


class ReputationShow(GraphView, ScoredNode):
    """``karat reputation show``."""

    method: str


class TrustPath(TypedDict):
    """A path that carries part of a score."""

    nodes: list[str]
    probability: float
    share: float
    survival: float
    distrust: bool


class ReputationExplain(GraphView):
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


class ReputationExport(GraphView):
    """``karat reputation export``; ``path`` where it was written to a file, else ``text``."""

    format: str
    text: NotRequired[str]
    path: NotRequired[str]


class AuditRow(TypedDict):
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


class ReputationAudit(TypedDict):
    """``karat reputation audit``."""

    schema: str
    ego: str
    holds: bool
    rows: list[AuditRow]


class AnchorProof(TypedDict):
    """What the anchor's ``verify`` takes, in hexadecimal; ``score`` in units of 2**-40."""

    index: int
    node: str
    score: int
    outWeight: int
    rowHash: str
    path: list[str]


class ReputationVerify(TypedDict):
    """``karat reputation verify``; ``block`` is the last that counts, ``document`` a CID.

    ``score`` is the anchored visit score, not the normalised one of ``karat reputation top``.
    """

    schema: str
    task: int
    epoch: int
    root: str
    block: int
    document: str
    score: float
    holds: bool
    proof: AnchorProof


class AnchoredEpoch(TypedDict):
    """The statement that a majority stands behind."""

    statement: str
    root: str
    ego: str
    nodes: int
    from_block: int
    to_block: int
    document_digest: str


class EpochEntry(TypedDict):
    """One epoch; ``attested`` maps verifiers to hashes of statements, ``anchored`` may be null."""

    epoch: int
    anchored: AnchoredEpoch | None
    attested: dict[str, str]
    dissenters: list[str]


class ReputationEpochs(TypedDict):
    """``karat reputation epochs``."""

    schema: str
    task: int
    epochs: list[EpochEntry]


OFFLINE_DOCUMENTS: dict[str, Any] = {
    "karat.demo/1": Demo,
    "karat.arena/1": Arena,
    "karat.arena-list/1": ArenaList,
    "karat.store.add/1": StoreFile,
    "karat.store.get/1": StoreGet,
    "karat.store.stat/1": StoreStat,
    "karat.store.pin/1": StorePins,
    "karat.store.unpin/1": StorePins,
    "karat.store.gc/1": StoreGc,
    "karat.store.verify/1": StoreVerify,
    "karat.store.pull/1": StoreFile,
    "karat.store.push/1": StoreFile,
    "karat.reputation.top/1": ReputationTop,
    "karat.reputation.show/1": ReputationShow,
    "karat.reputation.explain/1": ReputationExplain,
    "karat.reputation.export/1": ReputationExport,
    "karat.reputation.audit/1": ReputationAudit,
    "karat.reputation.verify/1": ReputationVerify,
    "karat.reputation.epochs/1": ReputationEpochs,
}
