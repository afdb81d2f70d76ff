"""What the events of a task add up to: rounds, appeals, members' money, attestations.

Plain data. :mod:`karat.protocol.reducer` says how each event changes it.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from chain.ledger.bindings.structs import Statement, TaskParams
from chain.ledger.commitments import rules_hash
from karat.errors import NotAvailable
from karat.protocol.mixture import Mixture


class Outcome(StrEnum):
    """How far a round has come."""

    OPEN = "open"
    SETTLED = "settled"
    VOID = "void"


@dataclass(frozen=True)
class Revealed:
    """One revealed update. ``commit_order`` is its commitment's rank in the round."""

    index: int
    trainer: str
    digest: bytes
    size: int
    commit_order: int


@dataclass
class Appeal:
    """A challenge to the verdict on update ``index``; ``bond`` in base units.

    ``committed`` maps the jurors that committed to their commitments, ``votes`` maps those that
    revealed to their codes, and ``mixture_votes`` has how much of the update each of them gives the
    next model, with its voting weight. ``upheld`` is None until the appeal is resolved; then
    ``old_code`` is the median before and ``new_code`` the outcome, which replaced it if the appeal
    was upheld.
    """

    index: int
    challenger: str
    bond: int
    jury_weight: int
    commit_deadline: int
    reveal_deadline: int
    committed: dict[str, bytes] = field(default_factory=dict)
    votes: dict[str, int] = field(default_factory=dict)
    mixture_votes: list[tuple[int, int]] = field(default_factory=list)
    upheld: bool | None = None
    old_code: int = 0
    new_code: int = 0
    reward: int = 0


@dataclass
class Batch:
    """Updates that a relayer committed to together, and its ``bond`` in base units.

    ``forfeited`` is the part of the bond that was lost, None while it is at risk.
    """

    count: int
    bond: int
    forfeited: int | None = None


@dataclass
class Round:
    """One round, as far as it has come. ``votes`` maps verifiers to their codes, index order, and
    ``mixtures`` to what they would mix the next model of; ``sealed`` those that committed to their
    commitments. ``voices`` are the voting weights of the committee, in its order.

    ``batches`` are what relayers committed to, by relayer and hash of the entries.

    ``budget`` is what its trainers can earn, in base units; ``seed_block`` is the block whose hash
    becomes the seed.

    ``medians`` are what counts: the outcome of an appeal replaces the committee's median.
    ``attested`` maps who attested the model that follows to its digest and size; ``decided_in`` is
    the block of the last event that settled, voided or, by an appeal, changed it. Amounts are base
    units by account: ``claimed`` what trainers were credited once their records were processed,
    ``verifier_rewards`` the committee's pay, ``slashes`` stakes lost. ``agreement`` is each
    verifier's share of its part of the budget, 0 to 1. A ``reduced`` round is long over: nothing is
    left of it but the updates that are still to be claimed for.
    """

    number: int
    base_digest: bytes
    base_size: int
    budget: int = 0
    commits: list[str] = field(default_factory=list)
    batches: dict[tuple[str, bytes], Batch] = field(default_factory=dict)
    sealed: dict[str, bytes] = field(default_factory=dict)
    updates: list[Revealed] = field(default_factory=list)
    seed_block: int = 0
    seed: bytes | None = None
    committee: tuple[str, ...] = ()
    voices: tuple[int, ...] = ()
    votes: dict[str, list[int]] = field(default_factory=dict)
    words: dict[str, tuple[int, ...]] = field(default_factory=dict)
    mixtures: dict[str, Mixture] = field(default_factory=dict)
    evidence: dict[str, bytes] = field(default_factory=dict)
    medians: list[int] = field(default_factory=list)
    outcome: Outcome = Outcome.OPEN
    appeals: dict[int, Appeal] = field(default_factory=dict)
    attested: dict[str, tuple[bytes, int]] = field(default_factory=dict)
    next_model: tuple[bytes, int] | None = None
    decided_in: int = 0
    claimed: dict[str, int] = field(default_factory=dict)
    verifier_rewards: dict[str, int] = field(default_factory=dict)
    slashes: dict[str, int] = field(default_factory=dict)
    agreement: dict[str, float] = field(default_factory=dict)
    reduced: bool = False

    @property
    def missing(self) -> list[str]:
        """Trainers that committed and did not reveal."""
        revealed = {update.trainer for update in self.updates}
        return [trainer for trainer in self.commits if trainer not in revealed]


@dataclass
class Account:
    """What one account has in a task, and what came and went over its life; base units.

    ``role`` is trainer or verifier, and empty for a challenger that is no member. ``earned`` holds
    rewards only: stakes and bonds that come back are no income. ``bonds`` is at risk in open
    appeals and batches, ``bonds_lost`` went with those that failed. ``topped_up`` was added to the
    stake since. ``evicted``: its place went to another.
    """

    address: str
    role: str = ""
    stake: int = 0
    balance: int = 0
    earned: int = 0
    slashed: int = 0
    withdrawn: int = 0
    bonds: int = 0
    bonds_lost: int = 0
    topped_up: int = 0
    updates: int = 0
    leave_at: int = 0
    left: bool = False
    evicted: bool = False


@dataclass(frozen=True)
class Message:
    """The last bytes that a member posted to an account, or to everybody, and in which block.

    ``count`` is how many it has posted there.
    """

    content: bytes
    block: int
    count: int = 1


@dataclass
class Attestations:
    """What verifiers attested for one epoch: each one's statement, by its hash.

    ``statement`` is the one that more than half of the weight stands behind; None before. It is
    ``contradicted`` once somebody has shown two rows for one node under its root: none counts then.
    """

    epoch: int
    statement: Statement | None = None
    statement_hash: bytes | None = None
    contradicted: bool = False
    votes: dict[str, bytes] = field(default_factory=dict)

    @property
    def dissenters(self) -> list[str]:
        """Verifiers that attested something else than what is anchored."""
        anchored = self.statement_hash
        return [who for who, vote in self.votes.items() if anchored and vote != anchored]


@dataclass
class PastTrust:
    """What the rounds that are no longer in memory add up to, for the graph of an epoch.

    ``verdicts`` and ``stated`` map (from, to) to the sum of the weights of verifiers' and peers'
    edges; ``convicted`` are the trainers with a slashable verdict.
    """

    verdicts: dict[tuple[str, str], int] = field(default_factory=dict)
    stated: dict[tuple[str, str], int] = field(default_factory=dict)
    convicted: set[str] = field(default_factory=set)


@dataclass
class TaskState:
    """One task. ``escrow`` is free, ``owed`` is what trainers have still to claim, ``forfeited``
    what members lost, which the next round's trainers can earn.

    ``accounts`` has everybody whose money was ever in the task, in the order of appearance;
    ``peer_edges`` maps (from, to, round) to the sum of the weights that a member stated about
    another account in that round; ``epochs`` what verifiers attested of the task's reputations.
    ``messages`` maps (from, to) to the last message, to the zero address for everybody.
    ``first_block`` is where the task was created. ``past`` is empty while all rounds are in memory.
    """

    task_id: int
    sponsor: str = ""
    first_block: int = 0
    closed: bool = False
    escrow: int = 0
    owed: int = 0
    forfeited: int = 0
    open_records: int = 0
    rounds: dict[int, Round] = field(default_factory=dict)
    appointed: dict[str, int] = field(default_factory=dict)
    verifiers: list[str] = field(default_factory=list)
    trainers: list[str] = field(default_factory=list)
    accounts: dict[str, Account] = field(default_factory=dict)
    peer_edges: dict[tuple[str, str, int], int] = field(default_factory=dict)
    epochs: dict[int, Attestations] = field(default_factory=dict)
    messages: dict[tuple[str, str], Message] = field(default_factory=dict)
    created: TaskParams | None = None
    past: PastTrust = field(default_factory=PastTrust)

    @property
    def params(self) -> TaskParams:
        """The task's frozen rules.

        Raises:
            NotAvailable: the chain has no such task.
        """
        if self.created is None:
            raise NotAvailable(f"task {self.task_id} does not exist on this ledger")
        return self.created

    @property
    def rules_hash(self) -> bytes:
        """The hash of sponsor and rules as they were read here: a call that brings money names it,
        so that it reaches this task and, after a reorganisation, no other of the same number.
        """
        return rules_hash(self.sponsor, self.params)

    def round(self, number: int) -> Round:
        """One round.

        Raises:
            NotAvailable: it has not been opened.
        """
        if number not in self.rounds:
            raise NotAvailable(f"round {number} of task {self.task_id} has not been opened")
        return self.rounds[number]

    def account(self, address: str) -> Account:
        """What an account has in the task; nothing, if it took no part."""
        return self.accounts.get(address, Account(address))

    @property
    def anchored(self) -> dict[int, Statement]:
        """What is anchored of the task's reputations and not contradicted, by epoch."""
        return {
            number: epoch.statement
            for number, epoch in self.epochs.items()
            if epoch.statement and not epoch.contradicted
        }

    @property
    def nodes(self) -> list[str]:
        """Everybody whose record is a reputation: sponsor, verifiers, trainers, as they joined."""
        return [self.sponsor, *self.verifiers, *self.trainers]

    @property
    def members(self) -> dict[str, Account]:
        """The accounts that are or were trainers or verifiers, in the order of appearance."""
        return {who: account for who, account in self.accounts.items() if account.role}
