"""Claims of standings on chain: what was claimed, what was shown of it, and the document behind it.

A claim holds three roots and the digest of a document with all leaves. Whoever checks it computes
the right standings from the inputs; the document is only needed to point at what is wrong, and if
it cannot be had, the contract makes the proposer show the way to the first leaf that differs.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import starmap
from typing import Any

from eth_hash.auto import keccak
from eth_utils.address import to_checksum_address

from chain.evm.abi import Call
from chain.ledger.bindings import standing_anchor_events as happened
from chain.ledger.bindings import structs
from chain.ledger.bindings.enums import Tree as ChainTree
from chain.ledger.client import StandingAnchor
from karat.errors import ProtocolError
from reputation.anchoring.faults import NO_RANK, Fault, Neighbours, Proof, Published
from reputation.anchoring.positional import PositionalTree, depth
from reputation.anchoring.standings import (
    Decays,
    Edge,
    Leaf,
    Node,
    Rank,
    Standings,
    Tree,
    encode,
    fits,
    shared_ranks,
)

SCHEMA = "karat.standings/1"
LEVELS = 4
_KINDS: dict[Tree, type[Any]] = {Tree.NODES: Node, Tree.EDGES: Edge, Tree.RANKS: Rank}


@dataclass(frozen=True)
class Claimed:
    """A claim as it was proposed."""

    claim: structs.Claim
    number: int
    proposer: str
    claim_hash: bytes
    block: int = 0
    """Of the proposal; nothing about the claim happened before."""

    def count(self, tree: Tree) -> int:
        """How many leaves a tree is said to have."""
        return self.claim.edges if tree is Tree.EDGES else self.claim.nodes


def document(standings: Standings) -> bytes:
    """All leaves, for the content store: one list of standings, one byte string."""
    leaves = {tree.name.lower(): [list(leaf) for leaf in standings.leaves(tree)] for tree in Tree}
    whole = {"schema": SCHEMA, "total_gain": standings.total_gain, **leaves}
    return json.dumps(whole, sort_keys=True, separators=(",", ":")).encode()


def read_document(content: bytes) -> Standings:
    """What :func:`document` wrote.

    Raises:
        ProtocolError: it is malformed.
    """
    try:
        whole = json.loads(content)
        if whole["schema"] != SCHEMA:
            raise ValueError(f"schema is {whole['schema']!r}")
        trees = [list(starmap(_KINDS[tree], whole[tree.name.lower()])) for tree in Tree]
        standings = Standings(trees[0], trees[1], trees[2], whole["total_gain"])
        total = standings.total_gain
        sound = type(total) is int and 0 <= total < 2**128
        if not sound or not all(fits(leaf) for tree in trees for leaf in tree):
            raise ValueError("a field is no unsigned integer of its width")
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ProtocolError(f"malformed document of standings: {error}") from error
    return standings


def claim_of(standings: Standings, scope: int, day: int, digest: bytes) -> structs.Claim:
    """The claim that these are the standings as a day began."""
    return structs.Claim(
        scope=scope,
        day=day,
        nodes=len(standings.nodes),
        edges=len(standings.edges),
        total_gain=standings.total_gain,
        node_root=standings.node_tree.root,
        edge_root=standings.edge_tree.root,
        rank_root=standings.rank_tree.root,
        document_digest=digest,
    )


def same_standings(one: structs.Claim, other: structs.Claim) -> bool:
    """Whether two claims say the same, wherever their documents are."""
    names = [name for name in one.NAMES if name != "document_digest"]
    return all(getattr(one, name) == getattr(other, name) for name in names)


def final_claim(anchor: StandingAnchor, scope: int, from_block: int = 0) -> structs.Claim | None:
    """The last claim of a scope that became final; None if there is none.

    Raises:
        ProtocolError: the node does not show it.
    """
    node_root, _, day, _ = anchor.final_of(scope)
    if day == 0:
        return None
    proposed = {
        bytes(event.claim_hash): event.claim
        for event in anchor.events(happened.ClaimProposed, from_block=from_block)
        if (event.scope, event.day) == (scope, day)
    }
    for event in anchor.events(happened.ClaimFinal, from_block=from_block):
        if (event.scope, event.day) == (scope, day):
            claim = proposed.get(bytes(event.claim_hash))
            if claim is not None and claim.node_root == node_root:
                return claim
    raise ProtocolError(f"the node does not show the final claim of task {scope}: name another")


def disproof(anchor: StandingAnchor, claimed: Claimed, fault: Fault) -> Call[None]:
    """The call that shows a fault."""
    names = {
        "disproveInput": anchor.disprove_input,
        "disproveGainSum": anchor.disprove_gain_sum,
        "disproveOrder": anchor.disprove_order,
        "disproveEdgeSum": anchor.disprove_edge_sum,
        "disproveWeight": anchor.disprove_weight,
        "disproveOmission": anchor.disprove_omission,
        "disproveOutWeight": anchor.disprove_out_weight,
        "disproveFlow": anchor.disprove_flow,
        "disproveEdgesEnd": anchor.disprove_edges_end,
        "disproveScore": anchor.disprove_score,
        "disproveRankOrder": anchor.disprove_rank_order,
        "disproveRank": anchor.disprove_rank,
        "disproveRankOmission": anchor.disprove_rank_omission,
    }
    arguments = [_argument(value) for value in fault.arguments]
    call: Any = names[fault.function]
    found: Call[None] = call(claimed.claim, claimed.number, *arguments)
    return found


def node_proof(standings: Standings, index: int) -> structs.NodeProof:
    """The proof of a node that the anchor's ``prove`` takes, with :func:`range_proof`."""
    found: structs.NodeProof = _argument(Published(standings, standings).node(index))
    return found


def range_proof(standings: Standings, index: int) -> structs.RangeProof:
    """The proof of the ranks that a node shares with all of equal score."""
    ranks = shared_ranks(standings.ranks, standings.nodes[index].score)
    first, last, published = ranks[0], ranks[-1], Published(standings, standings)

    def proof(place: int) -> structs.RankProof:
        found: structs.RankProof = _argument(published.rank(place))
        return found

    alone: structs.RankProof = _argument(replace(NO_RANK, index=first))
    nobody: structs.RankProof = _argument(NO_RANK)
    return structs.RangeProof(
        before=proof(first - 1) if first else nobody,
        first=proof(first),
        last=alone if last == first else proof(last),
        behind=proof(last + 1) if last + 1 < len(standings.ranks) else nobody,
    )


def _argument(value: Any) -> Any:
    """A value as the bindings take it."""
    if isinstance(value, Neighbours):
        ranks = structs.Rank(*value.better), structs.Rank(*value.worse)
        return structs.NeighboursProof(value.index, *ranks, tuple(value.path))
    if not isinstance(value, Proof):
        return value
    path = tuple(value.path)
    leaf: Leaf = value.leaf
    if isinstance(leaf, Node):
        account = to_checksum_address(leaf.account.to_bytes(20, "big"))
        return structs.NodeProof(value.index, structs.Node(account, *leaf[1:]), path)
    if isinstance(leaf, Edge):
        return structs.EdgeProof(value.index, structs.Edge(*leaf), path)
    return structs.RankProof(value.index, structs.Rank(*leaf), path)


class NeedsLeafError(Exception):
    """Somebody has to make the proposer show the way to a leaf."""

    def __init__(self, tree: Tree, index: int | None) -> None:
        super().__init__(tree, index)
        self.tree = tree
        self.index = index
        """Which one; None for the first that differs."""


@dataclass
class Shown:
    """Claimed trees as far as they were disclosed; the rest, up to the first difference, is right.

    Asking for what is not known raises :class:`NeedsLeafError`.
    """

    claim: structs.Claim
    right: Standings
    decays: Decays
    hashes: dict[tuple[Tree, int, int], bytes] = field(default_factory=dict)
    """(tree, height, position) → hash that was disclosed."""
    leaves: dict[tuple[Tree, int], Leaf] = field(default_factory=dict)

    def take(self, tree: Tree, height: int, position: int, hashes: Sequence[bytes]) -> None:
        """Take in the hashes under a place, with all between."""
        level, at = list(hashes), height - min(height, LEVELS)
        first = position << (height - at)
        while True:
            for offset, one in enumerate(level):
                self.hashes[tree, at, first + offset] = one
            if len(level) == 1 and at == height:
                return
            pairs = [level[i : i + 2] for i in range(0, len(level), 2)]
            level = [keccak(b"".join(pair)) if len(pair) == 2 else pair[0] for pair in pairs]
            at, first = at + 1, first >> 1

    def take_leaf(self, tree: Tree, index: int, content: bytes) -> None:
        """Take in a leaf as the contract showed it."""
        words = (content[at : at + 32] for at in range(0, len(content), 32))
        self.leaves[tree, index] = _KINDS[tree](*(int.from_bytes(word, "big") for word in words))

    # --- what the search for a fault asks -------------------------------------------------------

    @property
    def edge_count(self) -> int:
        """How many edges there are said to be."""
        return self.claim.edges

    def node(self, index: int) -> Proof[Node]:
        """A node."""
        return self._proof(Tree.NODES, index)

    def edge(self, index: int) -> Proof[Edge]:
        """An edge."""
        return self._proof(Tree.EDGES, index)

    def rank(self, index: int) -> Proof[Rank]:
        """A rank."""
        return self._proof(Tree.RANKS, index)

    def first_difference(self, tree: Tree) -> int | None:
        """The first index at which a tree differs from the right one."""
        ours, claimed = len(self.right.leaves(tree)), self.count(tree)
        if claimed == 0:
            return 0 if ours else None
        height, position = depth(claimed), 0
        if self._known(tree, height, position) == self.right_hash(tree, height, position):
            return claimed if claimed < ours else None
        while height:
            height, position = height - 1, 2 * position
            left = self._known(tree, height, position)
            if left is None:
                raise NeedsLeafError(tree, None)
            if left == self.right_hash(tree, height, position):
                position += 1
        return position

    def count(self, tree: Tree) -> int:
        """How many leaves a tree is said to have."""
        return self.claim.edges if tree is Tree.EDGES else self.claim.nodes

    def right_hash(self, tree: Tree, height: int, position: int) -> bytes | None:
        """The hash at a place if all leaves were right; None where the right tree ends before."""
        claimed, ours = self.count(tree), len(self.right.leaves(tree))
        end = min((position + 1) << height, claimed)
        if end > ours:
            return None
        if claimed == ours:
            return self.right.tree(tree).hash_at(height, position)
        leaves = self.right.leaves(tree)[position << height : end]
        return PositionalTree([keccak(encode(leaf)) for leaf in leaves]).root

    def _known(self, tree: Tree, height: int, position: int) -> bytes | None:
        """The claimed hash at a place, if it was disclosed or is a root."""
        if height == depth(self.count(tree)):
            claim = self.claim
            return (claim.node_root, claim.edge_root, claim.rank_root)[tree]
        return self.hashes.get((tree, height, position))

    def _proof(self, tree: Tree, index: int) -> Proof[Any]:
        count, path = self.count(tree), []
        difference = self.first_difference(tree)
        is_right = difference is None or index < difference
        leaf = self.right.leaves(tree)[index] if is_right else self.leaves.get((tree, index))
        for height in range(depth(count)):
            sibling = (index >> height) ^ 1
            if sibling << height < count:
                known = self._known(tree, height, sibling)
                before = difference is None or (sibling + 1) << height <= difference
                if known is None and before:
                    known = self.right_hash(tree, height, sibling)
                if known is None:
                    raise NeedsLeafError(tree, index)
                path.append(known)
        if leaf is None:
            raise NeedsLeafError(tree, index)
        return Proof(index, leaf, path)


def next_step(
    shown: Shown, tree: Tree, height: int, position: int, hashes: Sequence[bytes], index: int | None
) -> int:
    """Under which of the disclosed hashes to go on: towards leaf ``index``, or the first that is
    not right.
    """
    below = height - min(height, LEVELS)
    first = position << (height - below)
    if index is not None:
        return (index >> below) - first
    for offset, one in enumerate(hashes):
        if one != shown.right_hash(tree, below, first + offset):
            return offset
    raise ProtocolError("the disclosed hashes are all right, their root is not")


def chain_tree(tree: Tree) -> ChainTree:
    """A tree as the contract numbers it."""
    return ChainTree(int(tree))
