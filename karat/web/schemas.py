"""The answers of the JSON API, version 1. An answer may gain fields within its version."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Address = Annotated[str, Field(pattern="^0x[0-9a-fA-F]{40}$", description="Checksummed address.")]
Amount = Annotated[
    str, Field(pattern="^-?[0-9]+$", description="Base units of the token, in decimal.")
]
Hash = Annotated[str, Field(pattern="^0x[0-9a-f]{64}$", description="32 bytes.")]
Cid = Annotated[str, Field(pattern="^b[a-z2-7]+$", description="CIDv1, as IPFS names content.")]
Time = Annotated[int, Field(description="Seconds since 1970, in the chain's time.")]
Verdict = Literal["ok", "harmful", "malformed", "duplicate", "stale", "unavailable", "void"]
Phase = Literal[
    "none", "commit", "reveal", "close", "score-commit", "score-reveal", "settle", "appeal",
    "final", "void",
]  # fmt: skip


class Answer(BaseModel):
    """Base of all answers."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Problem(Answer):
    """Why there is no answer."""

    error: str


class Status(Answer):
    """The network, and how up to date this page is."""

    network: str
    chain_id: int
    ledger: Address
    anchor: Address | None
    store: Literal["local", "ipfs"]
    software: Annotated[str, Field(description="The version of Karat that answers.")]
    version: Annotated[str, Field(description="Another one with every new event.")]
    block: Annotated[int, Field(description="The chain's latest block.")]
    indexed: Annotated[int, Field(description="All events up to this block are known.")]
    time: Annotated[Time, Field(description="The latest block's time.")]
    now: Annotated[Time, Field(description="What the next block's time will be at least.")]
    tasks: int
    trouble: Annotated[str | None, Field(description="Why this may be out of date, if so.")]


class Token(Answer):
    """A token; one is 10**decimals base units."""

    address: Address
    symbol: str
    decimals: int


class TaskSummary(Answer):
    """A task in a list. ``phase`` and ``escrow`` are null until the node was asked."""

    task: int
    name: Annotated[str | None, Field(description="From its specification, if that is there.")]
    sponsor: Address
    sponsor_name: str | None
    state: Annotated[
        Literal["open", "over", "closed"],
        Field(description="over: all rounds were played; closed: ended by its sponsor."),
    ]
    round: Annotated[int, Field(description="The current round; 0 before the first.")]
    rounds: Annotated[int, Field(description="How many there may be.")]
    phase: Phase | None
    ends: Annotated[Time | None, Field(description="When the phase ends, if it has an end.")]
    escrow: Amount | None
    trainer_budget: Amount
    verifier_budget: Amount
    trainers: int
    verifiers: int
    token: Token
    computing: Annotated[bool, Field(description="Whether its name is still being fetched.")]


class TaskList(Answer):
    """Tasks, newest first."""

    total: int
    offset: int
    computing: Annotated[bool, Field(description="Whether names are still being fetched.")]
    items: list[TaskSummary]


class Rules(Answer):
    """A task's frozen rules. Windows in seconds, rates in basis points of the required stake."""

    commit_window: int
    reveal_window: int
    score_commit_window: int
    score_reveal_window: int
    attest_window: int
    appeal_window: int
    cooldown: int
    trainer_stake: Amount
    verifier_stake: Amount
    appeal_bond: Amount
    payout_exponent: int
    committee_size: int
    max_trainers: int
    open_verifiers: bool
    slash_harmful: int
    slash_malformed: int
    slash_duplicate: int
    slash_unrevealed: int
    slash_absent: int


class Task(TaskSummary):
    """A task. ``specification`` and ``first_model`` are content of the store."""

    rules: Rules
    specification: Cid
    first_model: Cid
    model: Annotated[str | None, Field(description="Kind of the model, from the specification.")]
    data: Annotated[str | None, Field(description="Kind of the data, from the specification.")]
    note: Annotated[str | None, Field(description="Why the specification cannot be shown.")]
    staked: Amount
    earned: Amount
    slashed: Amount
    updates: int
    epochs: Annotated[int, Field(description="Reputation epochs that are anchored.")]


class RoundSummary(Answer):
    """A round in a list. ``verdicts`` counts its updates, ``unpaid`` those without payout."""

    round: int
    outcome: Literal["open", "settled", "void"]
    phase: Phase
    committed: int
    revealed: int
    verdicts: dict[str, int]
    paid: int
    trainer_rewards: Amount
    verifier_rewards: Amount
    slashed: Amount


class RoundList(Answer):
    """Rounds, newest first."""

    total: int
    offset: int
    items: list[RoundSummary]


class Step(Answer):
    """A phase: when it began and when it ended or must end."""

    phase: Phase
    state: Literal["done", "now", "next"]
    begins: Time | None
    ends: Time | None


class CommitteeMember(Answer):
    """A verifier of the round. ``agreement`` is the likeness of its vote to the medians."""

    address: Address
    name: str | None
    weight: int
    state: Literal["silent", "committed", "revealed"]
    agreement: float | None
    reward: Amount
    slashed: Amount
    evidence: Cid | None
    model: Annotated[Cid | None, Field(description="The next model that it attested.")]


class Round(RoundSummary):
    """A round with its phases and committee."""

    steps: list[Step]
    committee: list[CommitteeMember]
    seed: Hash | None
    base_model: Cid
    next_model: Annotated[Cid | None, Field(description="The attested result, once it is fixed.")]
    missing: Annotated[list[Address], Field(description="Committed, and did not reveal.")]
    trainer_budget: Amount
    verifier_budget: Amount


class Vote(Answer):
    """One verifier's code: a verdict, or a score as relative improvement."""

    verifier: Address
    code: int
    verdict: Verdict
    score: float | None


class Update(Answer):
    """An update; ``verdict``, ``code`` and ``score`` are the settled medians."""

    index: Annotated[int | None, Field(description="Null until it is revealed.")]
    trainer: Address
    name: str | None
    cid: Cid | None
    size: Annotated[int | None, Field(description="Bytes.")]
    verdict: Verdict | None
    code: int | None
    score: float | None
    votes: list[Vote]
    reward: Amount
    claimed: Annotated[bool, Field(description="Whether the reward was credited already.")]
    slashed: Amount
    appealed: bool


class Voter(Answer):
    """A verifier that revealed its votes."""

    address: Address
    name: str | None


class UpdateList(Answer):
    """A round's updates: revealed ones by index, then the others by commitment."""

    total: int
    offset: int
    voters: list[Voter]
    items: list[Update]


class Check(Answer):
    """One measured signal beside its threshold."""

    name: str
    value: float
    threshold: float | None
    holds: Annotated[bool | None, Field(description="False: this counts against the update.")]
    meaning: str


class Finding(Answer):
    """One reason against the update; without ``verdict`` it only costs the pay."""

    verdict: str | None
    reason: str
    related: Annotated[str | None, Field(description="Digest of the update it is a copy of.")]
    related_index: int | None
    signals: list[Check]


class Report(Answer):
    """What one verifier's evidence says of an update; hostile text, cleaned and cut."""

    verifier: Address
    name: str | None
    evidence: Cid
    state: Literal["read", "missing", "unreachable", "malformed", "pending"]
    note: Annotated[str | None, Field(description="What is wrong with the evidence, if so.")]
    agrees: Annotated[bool | None, Field(description="Whether it supports the vote on chain.")]
    summary: str | None
    findings: list[Finding]
    checks: list[Check]


class Evidence(Answer):
    """An update with everything that led to its verdict."""

    update: Update
    reports: list[Report]


class GasStep(Answer):
    """The transactions of one kind; a transaction that did two things is its own kind."""

    step: str
    transactions: int
    known: Annotated[int, Field(description="How many receipts the node gave.")]
    total: int
    median: int | None
    most: int | None


class Gas(Answer):
    """Gas that a round used so far; ``more`` transactions were left out."""

    steps: list[GasStep]
    total: int
    more: int


class Point(Answer):
    """The model that a round started from; ``loss`` as verifiers measured it on drawn batches."""

    round: int
    loss: float | None
    accuracy: Annotated[float | None, Field(description="On the task's test data, 0 to 1.")]


class Progress(Answer):
    """How the model came along. ``note`` says why something is missing."""

    points: list[Point]
    final_accuracy: float | None
    computing: bool
    note: str | None


class Participant(Answer):
    """A member of a task. ``reputation`` is null while it is being computed."""

    address: Address
    name: str | None
    role: Literal["trainer", "verifier"]
    state: Literal["active", "suspended", "leaving", "left"]
    stake: Amount
    earned: Amount
    slashed: Amount
    unpaid: Annotated[Amount, Field(description="Earned and not withdrawn.")]
    updates: int
    weight: Annotated[int | None, Field(description="Of a verifier's vote.")]
    reputation: float | None


class ParticipantList(Answer):
    """Members in the order asked for."""

    total: int
    offset: int
    computing: Annotated[bool, Field(description="Whether reputations are still to come.")]
    items: list[Participant]


class Record(Answer):
    """What a member did in one round."""

    round: int
    did: str
    index: int | None
    verdict: Verdict | None
    score: float | None
    reward: Amount
    claimed: bool
    slashed: Amount


class Member(Participant):
    """A member with its record, newest round first."""

    records: list[Record]


class Node(Answer):
    """A node of the trust graph."""

    address: Address
    name: str | None
    role: Literal["sponsor", "trainer", "verifier"]
    score: float


class Edge(Answer):
    """The sum of what ``source`` said of ``target``; negative is distrust."""

    source: Address
    target: Address
    weight: int


class Epoch(Answer):
    """Reputations that verifiers anchored on chain."""

    epoch: int
    root: Hash
    nodes: int
    to_block: int


class Reputation(Answer):
    """The trust graph with MeritRank scores as the sponsor sees them; nodes best first."""

    computing: bool
    ego: Address
    alpha: float
    total: Annotated[int, Field(description="Nodes of the whole graph.")]
    nodes: list[Node]
    edges: list[Edge]
    left_out: Annotated[int, Field(description="Edges between shown nodes that are not shown.")]
    epoch: Epoch | None


class TrustPath(Answer):
    """One way from the sponsor to the node, and the share of its score that comes by it."""

    nodes: list[Address]
    share: float
    survival: Annotated[float, Field(description="What decay over distance leaves.")]
    distrust: bool


class Proof(Answer):
    """A leaf of an anchored epoch and its path to the root."""

    epoch: int
    root: Hash
    to_block: int
    score: Annotated[float, Field(description="The anchored visit score.")]
    index: int
    units: Annotated[Amount, Field(description="The score in units of 2**-40.")]
    out_weight: Amount
    row_hash: Hash
    leaf: Hash
    path: list[Hash]
    holds: bool
    checked_by: Literal["contract", "page"]


class Explanation(Answer):
    """What a score is made of."""

    score: float
    hit_probability: float
    trust: float
    distrust: float
    dominator: Annotated[Address | None, Field(description="All trust comes through it.")]
    paths: list[TrustPath]


class Standing(Answer):
    """Why a participant has its score; no explanation of the ego itself, which sees the others."""

    address: Address
    name: str | None
    ego: Address
    computing: bool
    explanation: Explanation | None
    proof: Proof | None
    note: Annotated[str | None, Field(description="Why there is no proof, if so.")]
