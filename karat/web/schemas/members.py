"""Answers about participants and their reputation."""

from typing import Annotated, Literal

from pydantic import Field

from karat.web.schemas.base import Address, Amount, Answer, Hash, Place, Token, Verdict


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
    place: Annotated[Place | None, Field(description="Where it did that, as far as known.")]


class Membership(Answer):
    """What an account is to a task. ``name`` is the task's."""

    task: int
    name: str | None
    role: Literal["sponsor", "trainer", "verifier"]
    state: Literal["active", "suspended", "leaving", "left"]
    stake: Amount
    earned: Amount
    slashed: Amount
    unpaid: Amount
    updates: int
    token: Token


class AccountSummary(Answer):
    """An account of the network, and in how many tasks it is."""

    address: Address
    name: str | None
    sponsored: int
    trained: int
    verified: int
    updates: int


class AccountList(Answer):
    """Accounts, those in most tasks first."""

    total: int
    offset: int
    computing: Annotated[bool, Field(description="Whether tasks are still being read.")]
    items: list[AccountSummary]


class AccountDetails(AccountSummary):
    """An account over all tasks, newest first; at most 200 of them."""

    computing: bool
    memberships: list[Membership]


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
    """The trust graph, of a task or over all, with MeritRank scores as a sponsor sees them; nodes
    best first.
    """

    computing: bool
    task: Annotated[int | None, Field(description="Null: over all tasks.")]
    ego: Address
    sponsors: Annotated[list[Address], Field(description="Whose view can be asked for.")]
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
