"""Answers about rounds, updates, evidence and gas."""

from typing import Annotated, Literal

from pydantic import Field

from karat.web.schemas.base import Address, Amount, Answer, Cid, Hash, Phase, Place, Time, Verdict


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
    """A verifier of the round. ``agreement`` is what its vote knew beyond the best free forecast,
    from 0 to 1.
    """

    address: Address
    name: str | None
    weight: int
    state: Literal["silent", "committed", "revealed"]
    agreement: float | None
    reward: Amount
    slashed: Amount
    evidence: Cid | None
    model: Annotated[Cid | None, Field(description="The next model that it attested.")]
    voted: Annotated[Place | None, Field(description="Where it revealed its vote.")]


class Round(RoundSummary):
    """A round with its phases and committee."""

    steps: list[Step]
    committee: list[CommitteeMember]
    seed: Hash | None
    base_model: Cid
    next_model: Annotated[Cid | None, Field(description="The attested result, once it is fixed.")]
    opened: Place
    closed: Annotated[Place | None, Field(description="Where the committee was drawn.")]
    decided: Annotated[Place | None, Field(description="Where it was settled, or became void.")]
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
    committed: Annotated[Place | None, Field(description="Null if a relayer brought it.")]
    revealed: Place | None
    credited: Annotated[Place | None, Field(description="Where the reward was claimed.")]


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
    answer: Annotated[list[str], Field(description="Why it was paid what it was, in sentences.")]
    change: Annotated[str, Field(description="What its trainer could do about it.")]
    reports: list[Report]


class GasStep(Answer):
    """The transactions of one kind; a transaction that did two things is its own kind."""

    step: str
    transactions: int
    known: Annotated[int, Field(description="How many receipts the node gave.")]
    total: int
    median: int | None
    most: int | None
    cost: Annotated[Amount, Field(description="Of all that are known, in wei.")]


class Gas(Answer):
    """Gas that a round used so far; ``more`` transactions were left out."""

    steps: list[GasStep]
    total: int
    cost: Annotated[Amount, Field(description="In wei.")]
    more: int
