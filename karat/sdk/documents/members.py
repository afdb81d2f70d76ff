"""Documents about members of a task: what they stake, do and earn."""

from dataclasses import dataclass

from karat.sdk.documents.base import Document, Sent


@dataclass(frozen=True, kw_only=True)
class Joined(Sent):
    """Somebody has joined a task."""

    task: int
    role: str
    address: str
    stake: int


@dataclass(frozen=True, kw_only=True)
class TrainerJoined(Joined, schema="karat.trainer.join/1"):
    """``karat trainer join``."""


@dataclass(frozen=True, kw_only=True)
class VerifierJoined(Joined, schema="karat.verifier.join/1"):
    """``karat verifier join``."""


@dataclass(frozen=True, kw_only=True)
class StakeAdded(Sent):
    """A stake has grown; ``stake`` is what it is then."""

    task: int
    role: str
    address: str
    amount: int
    stake: int


@dataclass(frozen=True, kw_only=True)
class TrainerStakeAdded(StakeAdded, schema="karat.trainer.top-up/1"):
    """``karat trainer top-up``; ``stake`` is what it is then."""


@dataclass(frozen=True, kw_only=True)
class VerifierStakeAdded(StakeAdded, schema="karat.verifier.top-up/1"):
    """``karat verifier top-up``; ``stake`` is what it is then."""


@dataclass(frozen=True, kw_only=True)
class Leaving(Sent, schema="karat.leave/1"):
    """``karat trainer leave`` and ``karat verifier leave``; ``state`` is leaving or left."""

    task: int
    state: str
    leave_at: int


@dataclass(frozen=True, kw_only=True)
class Member(Document):
    """Where an account stands in a task; ``role`` is trainer, verifier or none."""

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


@dataclass(frozen=True, kw_only=True)
class VerifierStatus(Member, schema="karat.verifier.status/1"):
    """``karat verifier status``."""


@dataclass(frozen=True, kw_only=True)
class OwnUpdate:
    """An update of one's own."""

    round: int
    cid: str
    verdict: str | None
    weight: int


@dataclass(frozen=True, kw_only=True)
class TrainerStatus(Member, schema="karat.trainer.status/1"):
    """``karat trainer status``; ``claimable`` is what a claim would credit, in base units."""

    claimable: int
    updates: list[OwnUpdate]


@dataclass(frozen=True, kw_only=True)
class Trained(Document, schema="karat.trainer.train/1"):
    """``karat trainer train``; of how many examples, losses of the first and the last batch."""

    task: int
    round: int
    examples: int
    size: int
    loss_first: float
    loss_last: float


@dataclass(frozen=True, kw_only=True)
class ComparedPart:
    """An input or target: mean and standard deviation of one's own data, and of the sample."""

    name: str
    mean: float
    spread: float
    sample_mean: float
    sample_spread: float


@dataclass(frozen=True, kw_only=True)
class TrainerChecked(Document, schema="karat.trainer.check/1"):
    """``karat trainer check``: one's own data beside the task's sample; no warnings, all well.

    ``loss`` and ``sample_loss`` are the present model's; null where they are no numbers.
    """

    task: int
    examples: int
    parts: list[ComparedPart]
    loss: float | None
    sample_loss: float | None
    warnings: list[str]


@dataclass(frozen=True, kw_only=True)
class Submitted(Sent, schema="karat.trainer.submit/1"):
    """``karat trainer submit``; ``state`` is none, committed or revealed."""

    task: int
    round: int
    state: str


@dataclass(frozen=True, kw_only=True)
class Claimed(Sent, schema="karat.trainer.claim/1"):
    """``karat trainer claim``."""

    task: int
    rounds: list[int]
    rewards: int


@dataclass(frozen=True, kw_only=True)
class Withdrawn(Sent, schema="karat.verifier.claim/1"):
    """``karat verifier claim``."""

    task: int
    amount: int


@dataclass(frozen=True, kw_only=True)
class Ran(Document):
    """A daemon that has ended."""

    task: int
    account: str


@dataclass(frozen=True, kw_only=True)
class TrainerRan(Ran, schema="karat.trainer.run/1"):
    """``karat trainer run``, when it ends."""


@dataclass(frozen=True, kw_only=True)
class VerifierRan(Ran, schema="karat.verifier.run/1"):
    """``karat verifier run``, when it ends."""


@dataclass(frozen=True, kw_only=True)
class JournalMoved(Document):
    """A journal that was written to, or read from, the file ``path``."""

    task: int
    role: str
    account: str
    path: str


@dataclass(frozen=True, kw_only=True)
class JournalExported(JournalMoved, schema="karat.journal.export/1"):
    """``karat trainer journal export``, and a verifier's; ``size`` is in bytes."""

    entries: int
    size: int


@dataclass(frozen=True, kw_only=True)
class JournalImported(JournalMoved, schema="karat.journal.import/1"):
    """``karat trainer journal import``, and a verifier's; ``added`` files were not there yet."""

    added: int


@dataclass(frozen=True, kw_only=True)
class PeerEdge:
    """What a trainer states about another one."""

    to: str
    weight: int


@dataclass(frozen=True, kw_only=True)
class PeersAttested(Sent, schema="karat.reputation.attest/1"):
    """``karat reputation attest``; ``address`` stated the edges in ``round``."""

    task: int
    address: str
    round: int
    edges: list[PeerEdge]


@dataclass(frozen=True, kw_only=True)
class TrainerWhy(Document, schema="karat.trainer.why/1"):
    """``karat trainer why``: why an account was paid in a round what it was paid.

    ``case`` names what became of the update, ``answer`` says it in sentences, ``change`` what to do
    about it, ``numbers`` what they quote of the verifiers' evidence. ``index`` and ``code`` are
    null where nothing was revealed or settled.
    """

    task: int
    round: int
    trainer: str
    case: str
    index: int | None
    code: int | None
    reward: int
    slashed: int
    answer: list[str]
    change: str
    numbers: dict[str, float]
