"""What a demo run found, as data: source of both the table and the ``karat.demo/1`` document."""

from dataclasses import asdict, dataclass, field
from typing import Any

ATTACKER_ROLES = frozenset({"label-flip", "copy", "sybil"})


@dataclass(frozen=True)
class UpdateResult:
    """One revealed update. ``scores`` maps verifier address to its 15-bit code."""

    index: int
    trainer: str
    role: str
    cid: str
    size: int
    scores: dict[str, int]
    median: int
    verdict: str
    weight: int


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


@dataclass(frozen=True)
class DemoResult:
    """Everything a run of the demo shows."""

    config: dict[str, Any]
    chain: dict[str, Any]
    store: dict[str, Any]
    token: dict[str, Any]
    rounds: list[RoundResult]
    participants: list[ParticipantResult]
    anchor: dict[str, Any]
    conservation: dict[str, int]
    gas: dict[str, GasUse]
    outputs: dict[str, str]
    seconds: float

    @property
    def attacker_reward_share(self) -> float:
        """Attackers' part of all trainers' rewards, in [0, 1]; 0 if nobody earned anything."""
        trainers = [p for p in self.participants if p.role not in {"sponsor", "verifier"}]
        total = sum(p.reward for p in trainers)
        taken = sum(p.reward for p in trainers if p.role in ATTACKER_ROLES)
        return taken / total if total else 0.0

    def document(self) -> dict[str, Any]:
        """The ``karat.demo/1`` document."""
        last = self.rounds[-1]
        document = asdict(self)
        document["final"] = {
            "accuracy": last.accuracy,
            "accuracy_plain_average": last.accuracy_plain_average,
            "model": last.model,
            "attacker_reward_share": self.attacker_reward_share,
        }
        return document
