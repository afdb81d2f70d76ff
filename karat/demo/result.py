"""What a demo run found, as data: source of both the table and the ``karat.demo/1`` document."""

from dataclasses import dataclass, field
from typing import Any

from typing_extensions import TypedDict

from karat.sdk.documents import Document, Update

ATTACKER_ROLES = frozenset({"label-flip", "copy", "sybil", "past-masked"})


@dataclass(frozen=True, kw_only=True)
class UpdateResult(Update):
    """A revealed update of a settled round, with its trainer's role."""

    role: str


@dataclass(frozen=True)
class RoundResult:
    """One settled round. Accuracies are fractions of the private test set."""

    round: int
    outcome: str
    accuracy: float
    accuracy_plain_average: float
    model: str
    seed: str
    updates: list[UpdateResult]
    missing: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class ParticipantResult:
    """One account at the end, read from the chain. Amounts are in base units of the token.

    ``verdicts`` counts updates: ``ok`` were paid, ``unpaid`` broke no rule and were worth nothing.
    """

    address: str
    name: str
    role: str
    reward: int
    slashed: int
    stake: int
    reputation: float
    verdicts: dict[str, int] = field(default_factory=dict)
    mean_score: float | None = None  # relative improvement, over updates that got a score


@dataclass(frozen=True)
class GasUse:
    """Gas of one kind of transaction, from its receipts."""

    count: int
    mean: float
    max: int


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


@dataclass(frozen=True)
class DemoEnd:
    """How it ended."""

    accuracy: float
    accuracy_plain_average: float
    model: str
    attacker_reward_share: float


@dataclass(frozen=True, kw_only=True)
class DemoResult(Document, schema="karat.demo/1"):
    """``karat demo``; ``final`` follows from the last round and the rewards."""

    config: dict[str, Any]
    chain: DemoChain
    store: dict[str, Any]
    token: dict[str, Any]
    rounds: list[RoundResult]
    participants: list[ParticipantResult]
    anchor: dict[str, Any]
    conservation: dict[str, int]
    gas: dict[str, GasUse]
    outputs: dict[str, str]
    seconds: float

    final: DemoEnd | None = None

    def __post_init__(self) -> None:
        if self.rounds and self.final is None:
            last = self.rounds[-1]
            share = self.attacker_reward_share
            end = DemoEnd(last.accuracy, last.accuracy_plain_average, last.model, share)
            object.__setattr__(self, "final", end)

    @property
    def attacker_reward_share(self) -> float:
        """Attackers' part of all trainers' rewards, in [0, 1]; 0 if nobody earned anything."""
        trainers = [p for p in self.participants if p.role not in {"sponsor", "verifier"}]
        total = sum(p.reward for p in trainers)
        taken = sum(p.reward for p in trainers if p.role in ATTACKER_ROLES)
        return taken / total if total else 0.0
