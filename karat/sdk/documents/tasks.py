"""Documents about tasks and their rounds."""

from dataclasses import dataclass
from typing import Any

from karat.sdk.documents.base import Document, Sent


@dataclass(frozen=True, kw_only=True)
class TaskCreated(Sent, schema="karat.task.create/1"):
    """``karat task create``; ``task`` is null in a dry run."""

    task: int | None
    name: str
    escrow: int
    verifiers: list[str]


@dataclass(frozen=True, kw_only=True)
class TokenUnit:
    """A token and its unit: one token is 10**decimals base units."""

    address: str
    symbol: str
    decimals: int


@dataclass(frozen=True, kw_only=True)
class Appointed:
    """An appointed verifier."""

    address: str
    weight: int
    joined: bool


@dataclass(frozen=True, kw_only=True)
class TaskOverview(Document, schema="karat.task/1"):
    """``karat task show``; ``spec`` and ``model`` are CIDs, ``params`` the ledger's rules."""

    task: int
    sponsor: str
    closed: bool
    round: int
    rounds: int
    escrow: int
    token: TokenUnit
    trainers: list[str]
    verifiers: list[Appointed]
    spec: str
    model: str
    params: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class TaskEntry:
    """One entry of ``karat task list``."""

    task: int
    sponsor: str
    closed: bool
    round: int
    rounds: int
    trainers: int
    escrow: int


@dataclass(frozen=True, kw_only=True)
class TaskList(Document, schema="karat.task.list/1"):
    """``karat task list``."""

    tasks: list[TaskEntry]


@dataclass(frozen=True, kw_only=True)
class TaskFunded(Sent, schema="karat.task.top-up/1"):
    """``karat task top-up``; ``escrow`` is what it holds afterwards."""

    task: int
    amount: int
    escrow: int


@dataclass(frozen=True, kw_only=True)
class TaskClosed(Sent, schema="karat.task.close/1"):
    """``karat task close``."""

    task: int
    amount: int


@dataclass(frozen=True, kw_only=True)
class Deadlines:
    """Ends of a round's phases; null where they are not fixed yet."""

    commit: int
    reveal: int
    score_commit: int | None
    score_reveal: int | None


@dataclass(frozen=True, kw_only=True)
class Update:
    """A revealed update; ``median`` and ``verdict`` are null until the round is settled.

    ``weight`` is the score above zero that the payout follows from, in units of 2**-14 relative
    improvement; ``scores`` maps each verifier that revealed to its code.
    """

    index: int
    trainer: str
    cid: str
    size: int
    scores: dict[str, int]
    median: int | None
    verdict: str | None
    weight: int


@dataclass(frozen=True, kw_only=True)
class Appeal:
    """An appeal; ``stage`` is commit, reveal, due or resolved, ``votes`` maps jurors to codes.

    ``outcome`` is upheld or rejected; it, the verdicts and ``reward`` are null before the end.
    """

    index: int
    challenger: str
    bond: int
    stage: str
    commit_deadline: int
    reveal_deadline: int
    jurors: int
    jury_weight: int
    committed: int
    votes: dict[str, int]
    outcome: str | None
    old_verdict: str | None
    new_verdict: str | None
    reward: int | None


@dataclass(frozen=True, kw_only=True)
class RoundOverview(Document, schema="karat.round/1"):
    """``karat round show``."""

    task: int
    round: int
    phase: str
    outcome: str
    deadlines: Deadlines
    committed: list[str]
    committee: list[str]
    voted: list[str]
    seed: str | None
    updates: list[Update]
    appeals: list[Appeal]


@dataclass(frozen=True, kw_only=True)
class RoundOpened(Sent, schema="karat.round.open/1"):
    """``karat round open``."""

    task: int
    round: int


@dataclass(frozen=True, kw_only=True)
class RoundAdvanced(Sent, schema="karat.round.settle/1"):
    """``karat round settle``; ``phase`` is where the round stands afterwards."""

    task: int
    round: int
    phase: str


@dataclass(frozen=True, kw_only=True)
class Appealed(Sent, schema="karat.round.appeal/1"):
    """``karat round appeal``; jurors and deadlines (0 in a dry run) are the ledger's."""

    task: int
    round: int
    index: int
    bond: int
    jurors: int
    commit_deadline: int
    reveal_deadline: int


@dataclass(frozen=True, kw_only=True)
class RoundEnded:
    """A round that has ended, and the line that says so; ``outcome`` is ok or void.

    ``verdicts`` counts the updates by verdict; ``weight`` is the sum of their scores above zero.
    """

    round: int
    outcome: str
    committed: int
    revealed: int
    verdicts: dict[str, int]
    weight: int
    trainer_rewards: int
    verifier_rewards: int
    slashed: int
    line: str


@dataclass(frozen=True, kw_only=True)
class Watched(Document, schema="karat.watch/1"):
    """``karat watch``, once the task is over."""

    task: int
    rounds: list[RoundEnded]


@dataclass(frozen=True, kw_only=True)
class OperationCost:
    """A transaction: its mean gas, and how often one member sends it, once or in a round."""

    operation: str
    gas: int
    times: float


@dataclass(frozen=True, kw_only=True)
class PartyCost:
    """What one member of a party pays: to begin with, in each round, and in the whole task.

    ``party`` is sponsor, trainer, verifier, or anyone: who opens, closes and settles rounds. The
    ether is null where no price of gas is known.
    """

    party: str
    once: list[OperationCost]
    round: list[OperationCost]
    once_gas: int
    round_gas: int
    task_gas: int
    round_ether: str | None
    task_ether: str | None


@dataclass(frozen=True, kw_only=True)
class TaskCost(Document, schema="karat.cost/1"):
    """``karat cost``; ``verifiers`` sit in each committee, ``gas_price`` is in wei."""

    task: str
    rounds: int
    trainers: int
    verifiers: int
    gas_price: int | None
    parties: list[PartyCost]
