"""Challenges of a claim of standings: where each is, and the answer to it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from chain.evm.abi import Call
from chain.ledger.bindings import standing_anchor_events as happened
from chain.ledger.client import StandingAnchor
from karat.protocol.standing_claims import LEVELS, Claimed, Shown
from reputation.anchoring.positional import depth
from reputation.anchoring.standings import Standings, Tree, encode

READ_AGAIN = 64  # latest blocks, which may be reorganised


@dataclass(frozen=True)
class Challenge:
    """An open challenge: the place that is asked for, and what was disclosed there, if it was."""

    id: int
    tree: Tree
    challenger: str
    height: int
    position: int
    deadline: int
    disclosed: happened.Disclosed | None = None


def open_challenges(
    anchor: StandingAnchor, claimed: Claimed, shown: Shown | None = None
) -> list[Challenge]:
    """The open challenges of a claim; ``shown`` takes in all that was disclosed to anybody."""
    trees: dict[int, Tree] = {}
    found: dict[int, Challenge] = {}
    kinds = (
        happened.Challenged,
        happened.Disclosed,
        happened.Descended,
        happened.LeafDisclosed,
        happened.ChallengeDropped,
    )
    first = max(0, claimed.block - READ_AGAIN)
    events: Iterator[Any] = anchor.events(*kinds, from_block=first)
    for event in events:
        if bytes(event.claim_hash) != claimed.claim_hash:
            continue
        if isinstance(event, happened.Challenged):
            tree = trees[event.id] = Tree(int(event.tree))
            height = depth(claimed.count(tree))
            found[event.id] = Challenge(event.id, tree, event.challenger, height, 0, event.deadline)
        elif isinstance(event, happened.Disclosed):
            if shown is not None:
                hashes = [bytes(one) for one in event.hashes]
                shown.take(trees[event.id], event.height, event.position, hashes)
            found[event.id] = replace(found[event.id], deadline=event.deadline, disclosed=event)
        elif isinstance(event, happened.Descended):
            found[event.id] = replace(
                found[event.id],
                height=event.height,
                position=event.position,
                deadline=event.deadline,
                disclosed=None,
            )
        else:
            if shown is not None and isinstance(event, happened.LeafDisclosed):
                shown.take_leaf(trees[event.id], event.index, event.leaf)
            found.pop(event.id, None)
    return list(found.values())


def answer(
    anchor: StandingAnchor, claimed: Claimed, standings: Standings, asked: Challenge
) -> Call[None]:
    """The call that shows what a challenge asks for, of the standings that are behind the claim."""
    claim, number, tree = claimed.claim, claimed.number, asked.tree
    if asked.height == 0:
        leaf = encode(standings.leaves(tree)[asked.position])
        return anchor.disclose_leaf(claim, number, asked.id, leaf)
    below = max(0, asked.height - LEVELS)
    width = (claimed.count(tree) + (1 << below) - 1) >> below
    first = asked.position << (asked.height - below)
    last = min((asked.position + 1) << (asked.height - below), width)
    hashes = [standings.tree(tree).hash_at(below, place) for place in range(first, last)]
    return anchor.disclose(claim, number, asked.id, hashes)
