"""The documents that ``--json`` prints, by their ``schema``.

Amounts are integers in base units of the task's token, times are seconds since 1970, addresses
are checksummed. A document never loses a field within its version; it may gain some.
"""

from typing import Any

from typing_extensions import TypedDict

from karat.cli.documents_network import NETWORK_DOCUMENTS


class Transaction(TypedDict):
    """One transaction; ``hash`` is null in a dry run, ``gas`` null where it cannot be known."""

    operation: str
    hash: str | None
    gas: int | None


class Sent(TypedDict):
    """What every command says that sends transactions."""

    schema: str
    dry_run: bool
    transactions: list[Transaction]


class TaskCreate(Sent):
    """``karat task create``; ``task`` is null in a dry run."""

    task: int | None
    name: str
    escrow: int
    verifiers: list[str]


class Token(TypedDict):
    """A token and its unit: one token is 10**decimals base units."""

    address: str
    symbol: str
    decimals: int


class Appointed(TypedDict):
    """An appointed verifier."""

    address: str
    weight: int
    joined: bool


class Task(TypedDict):
    """``karat task show``; ``spec`` and ``model`` are CIDs, ``params`` the ledger's rules."""

    schema: str
    task: int
    sponsor: str
    closed: bool
    round: int
    rounds: int
    escrow: int
    token: Token
    trainers: list[str]
    verifiers: list[Appointed]
    spec: str
    model: str
    params: dict[str, Any]


class TaskEntry(TypedDict):
    """One entry of ``karat task list``."""

    task: int
    sponsor: str
    closed: bool
    round: int
    rounds: int
    trainers: int
    escrow: int


class TaskList(TypedDict):
    """``karat task list``."""

    schema: str
    tasks: list[TaskEntry]


class TaskTopUp(Sent):
    """``karat task top-up``; ``escrow`` is what it holds afterwards."""

    task: int
    amount: int
    escrow: int


class TaskClose(Sent):
    """``karat task close``."""

    task: int
    amount: int


class Deadlines(TypedDict):
    """Ends of a round's phases; null where they are not fixed yet."""

    commit: int
    reveal: int
    score_commit: int | None
    score_reveal: int | None


class Update(TypedDict):
    """An update; ``scores`` by verifier, ``median``, ``verdict`` once settled."""

    index: int
    trainer: str
    cid: str
    size: int
    scores: dict[str, int]
    median: int | None
    verdict: str | None
    weight: int


class Appeal(TypedDict):
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


class Round(TypedDict):
    """``karat round show``."""

    schema: str
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


class RoundAppeal(Sent):
    """``karat round appeal``; jurors and deadlines (0 in a dry run) are the ledger's."""

    task: int
    round: int
    index: int
    bond: int
    jurors: int
    commit_deadline: int
    reveal_deadline: int


class RoundOpen(Sent):
    """``karat round open``."""

    task: int
    round: int


class RoundSettle(Sent):
    """``karat round settle``; ``phase`` is where the round stands afterwards."""

    task: int
    round: int
    phase: str


class Join(Sent):
    """``karat trainer join`` and ``karat verifier join``."""

    task: int
    role: str
    address: str
    stake: int


class StakeTopUp(Sent):
    """``karat trainer top-up`` and ``karat verifier top-up``; ``stake`` is what it is then."""

    task: int
    role: str
    address: str
    amount: int
    stake: int


class PeerEdge(TypedDict):
    """What a trainer states about another one."""

    to: str
    weight: int


class ReputationAttest(Sent):
    """``karat reputation attest``; ``address`` stated the edges in ``round``."""

    task: int
    address: str
    round: int
    edges: list[PeerEdge]


class Leave(Sent):
    """``karat trainer leave`` and ``karat verifier leave``; ``state`` is leaving or left."""

    task: int
    state: str
    leave_at: int


class Member(TypedDict):
    """``karat verifier status``."""

    schema: str
    task: int
    address: str
    role: str
    stake: int
    balance: int
    suspended: bool
    leave_at: int | None
    rewarded: int
    slashed: int
    round: int
    phase: str


class OwnUpdate(TypedDict):
    """An update of one's own."""

    round: int
    cid: str
    verdict: str | None
    weight: int


class TrainerStatus(Member):
    """``karat trainer status``; ``claimable`` is what a claim would credit, in base units."""

    claimable: int
    updates: list[OwnUpdate]


class Train(TypedDict):
    """``karat trainer train``; losses of the first and the last batch."""

    schema: str
    task: int
    round: int
    size: int
    loss_first: float
    loss_last: float


class Submit(Sent):
    """``karat trainer submit``; ``state`` is none, committed or revealed."""

    task: int
    round: int
    state: str


class Claim(Sent):
    """``karat trainer claim``."""

    task: int
    rounds: list[int]
    rewards: int


class VerifierClaim(Sent):
    """``karat verifier claim``."""

    task: int
    amount: int


class Run(TypedDict):
    """``karat trainer run`` and ``karat verifier run``, when they end."""

    schema: str
    task: int
    account: str


DOCUMENTS: dict[str, type] = {
    **NETWORK_DOCUMENTS,
    "karat.task/1": Task,
    "karat.task.create/1": TaskCreate,
    "karat.task.list/1": TaskList,
    "karat.task.top-up/1": TaskTopUp,
    "karat.task.close/1": TaskClose,
    "karat.round/1": Round,
    "karat.round.open/1": RoundOpen,
    "karat.round.appeal/1": RoundAppeal,
    "karat.round.settle/1": RoundSettle,
    "karat.trainer.join/1": Join,
    "karat.verifier.join/1": Join,
    "karat.trainer.top-up/1": StakeTopUp,
    "karat.verifier.top-up/1": StakeTopUp,
    "karat.leave/1": Leave,
    "karat.reputation.attest/1": ReputationAttest,
    "karat.trainer.status/1": TrainerStatus,
    "karat.verifier.status/1": Member,
    "karat.trainer.train/1": Train,
    "karat.trainer.submit/1": Submit,
    "karat.trainer.claim/1": Claim,
    "karat.verifier.claim/1": VerifierClaim,
    "karat.trainer.run/1": Run,
    "karat.verifier.run/1": Run,
}
