"""Answers about the network and its tasks."""

from typing import Annotated, Literal

from pydantic import Field

from karat.web.schemas.base import Address, Amount, Answer, Cid, Phase, Place, Time, Token


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


class Amounts(Answer):
    """What a token's tasks add up to."""

    token: Token
    staked: Amount
    earned: Amount
    slashed: Amount


class Totals(Answer):
    """What all tasks add up to."""

    computing: Annotated[bool, Field(description="Whether tasks are still being read.")]
    tasks: int
    accounts: int
    rounds: Annotated[int, Field(description="Settled ones.")]
    updates: int
    amounts: list[Amounts]


class Happening(Answer):
    """Something that happened; ``what`` in words, done by ``who`` if that is one account."""

    task: int
    round: int | None
    what: str
    who: Address | None
    name: str | None
    place: Place
    time: Time | None


class Activity(Answer):
    """What happened last, newest first."""

    items: list[Happening]


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
    contract: Annotated[dict[str, str], Field(description="What data and updates must be like.")]
    created: Place
    latest: Annotated[int, Field(description="The last round with an attested model; 0 if none.")]
    note: Annotated[str | None, Field(description="Why the specification cannot be shown.")]
    staked: Amount
    earned: Amount
    slashed: Amount
    updates: int
    epochs: Annotated[int, Field(description="Reputation epochs that are anchored.")]


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
