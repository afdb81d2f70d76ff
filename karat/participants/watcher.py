"""A watcher: proposes the right standings of a scope, and disproves what others claim wrongly.

It needs no document of a proposer's: from the inputs, which are on chain, it knows the right
trees. If a claim differs and its document shows where, one transaction ends it; if the document
cannot be had, the watcher challenges, and goes down to the first leaf that differs. What it does
follows from the chain, so a watcher that was restarted goes on.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from chain.evm.transactions import Sender
from chain.ledger.bindings import standing_anchor_events as happened
from chain.ledger.client import StandingAnchor
from karat.protocol.standing_claims import (
    Claimed,
    NeedsLeafError,
    Shown,
    chain_tree,
    claim_of,
    disproof,
    document,
    next_step,
    pending_claim,
    same_standings,
)
from reputation.anchoring.faults import Fault, Published, find_fault
from reputation.anchoring.standings import Decays, Inputs, Standings, Tree, compute

InputsOf = Callable[[int, int], Inputs]
"""The inputs of a scope after a round."""

Fetch = Callable[[bytes], Standings | None]
"""The standings in the document of a digest; None if it cannot be had or read."""

Publish = Callable[[bytes], bytes]
"""Stores a document; returns its digest."""


class Action(StrEnum):
    """What a step did."""

    NOTHING = "nothing"
    PROPOSED = "proposed"
    FINALIZED = "finalized"
    DISPROVED = "disproved"
    CHALLENGED = "challenged"
    DESCENDED = "descended"
    LAPSED = "lapsed"


@dataclass(frozen=True)
class _Challenge:
    """An open challenge of ours, and what was disclosed last."""

    id: int
    tree: Tree
    index: int | None
    deadline: int
    disclosed: happened.Disclosed | None


class Watcher:
    """Watches one scope. Call :meth:`step` as often as there are new blocks."""

    def __init__(
        self,
        anchor: StandingAnchor,
        sender: Sender,
        inputs_of: InputsOf,
        fetch: Fetch,
        publish: Publish,
        *,
        from_block: int = 0,
    ) -> None:
        self.anchor = anchor
        self._sender = sender
        self._inputs_of = inputs_of
        self._fetch = fetch
        self._publish = publish
        self._from_block = from_block
        rules = anchor.rules()
        self._bond = rules.bond
        self._decays = Decays(rules.alpha, rules.beta)
        self._wanted: dict[int, int | None] = {}  # challenge → leaf that it leads to

    def step(self, scope: int, settled: int) -> Action:
        """Do what is due; ``settled`` is the scope's last settled round.

        Raises:
            chain.errors.ChainError: the node cannot be reached, or somebody else was faster.
        """
        claimed = pending_claim(self.anchor, scope, self._from_block)
        if claimed is None:
            return self._propose(scope, settled)
        inputs = self._inputs_of(scope, claimed.claim.round)
        right = compute(inputs, self._decays)
        ours = claim_of(right, scope, claimed.claim.round, bytes(32))
        if same_standings(claimed.claim, ours):
            return self._finalize(claimed)
        published = self._fetch(claimed.claim.document_digest)
        if published is not None and self._is_behind(published, claimed):
            fault = find_fault(Published(published, right), right, inputs, self._decays)
            if fault is not None:
                return self._disprove(claimed, fault)
        return self._uncover(claimed, Shown(claimed.claim, right, self._decays), inputs)

    def _propose(self, scope: int, settled: int) -> Action:
        _, _, final, _, _ = self.anchor.final_of(scope)
        if settled == 0 or final >= settled:
            return Action.NOTHING
        standings = compute(self._inputs_of(scope, settled), self._decays)
        digest = self._publish(document(standings))
        claim = claim_of(standings, scope, settled, digest)
        self._sender.send(self.anchor.propose(claim).with_value(self._bond))
        return Action.PROPOSED

    def _finalize(self, claimed: Claimed) -> Action:
        _, _, window_end, hold_until, challenges = self.anchor.pending_of(claimed.claim.scope)
        if challenges or self._now() < max(window_end, hold_until):
            return Action.NOTHING
        self._sender.send(self.anchor.finalize(claimed.claim, claimed.number))
        return Action.FINALIZED

    @staticmethod
    def _is_behind(published: Standings, claimed: Claimed) -> bool:
        """Whether a document is the one that the claim's roots are over."""
        claim = claimed.claim
        return same_standings(claim, claim_of(published, claim.scope, claim.round, bytes(32)))

    def _disprove(self, claimed: Claimed, fault: Fault) -> Action:
        self._sender.send(disproof(self.anchor, claimed, fault))
        return Action.DISPROVED

    def _uncover(self, claimed: Claimed, shown: Shown, inputs: Inputs) -> Action:
        """Find the fault in what was disclosed, or have more of it disclosed."""
        challenges = self._challenges(claimed, shown)
        try:
            fault = find_fault(shown, shown.right, inputs, self._decays)
        except NeedsLeafError as needed:
            return self._ask(claimed, shown, challenges, needed)
        return Action.NOTHING if fault is None else self._disprove(claimed, fault)

    def _ask(
        self,
        claimed: Claimed,
        shown: Shown,
        challenges: list[_Challenge],
        needed: NeedsLeafError,
    ) -> Action:
        mine = next((one for one in challenges if one.tree is needed.tree), None)
        if mine is None:
            call = self.anchor.challenge(claimed.claim, claimed.number, chain_tree(needed.tree))
            receipt = self._sender.send(call.with_value(self._bond))
            [event] = self.anchor.events_in(receipt, happened.Challenged)
            self._wanted[event.id] = needed.index
            return Action.CHALLENGED
        if mine.disclosed is None:
            if self._now() <= mine.deadline:
                return Action.NOTHING
            self._sender.send(self.anchor.lapse(claimed.claim, claimed.number, mine.id))
            return Action.LAPSED
        last = mine.disclosed
        hashes = [bytes(one) for one in last.hashes]
        chosen = next_step(shown, mine.tree, last.height, last.position, hashes, mine.index)
        self._sender.send(
            self.anchor.descend(claimed.claim, claimed.number, mine.id, hashes, chosen)
        )
        return Action.DESCENDED

    def _challenges(self, claimed: Claimed, shown: Shown) -> list[_Challenge]:
        """Our open challenges; takes in all that was disclosed to anybody."""
        trees: dict[int, Tree] = {}
        mine: dict[int, _Challenge] = {}
        kinds = (
            happened.Challenged,
            happened.Disclosed,
            happened.Descended,
            happened.LeafDisclosed,
            happened.ChallengeDropped,
        )
        events: Iterator[Any] = self.anchor.events(*kinds, from_block=self._from_block)
        for event in events:
            if bytes(event.claim_hash) != claimed.claim_hash:
                continue
            if isinstance(event, happened.Challenged):
                trees[event.id] = Tree(int(event.tree))
                if event.challenger == self._sender.address:
                    wanted = self._wanted.get(event.id)
                    tree = trees[event.id]
                    mine[event.id] = _Challenge(event.id, tree, wanted, event.deadline, None)
            elif isinstance(event, happened.Disclosed):
                hashes = [bytes(one) for one in event.hashes]
                shown.take(trees[event.id], event.height, event.position, hashes)
                self._went_on(mine, event.id, event.deadline, event)
            elif isinstance(event, happened.Descended):
                self._went_on(mine, event.id, event.deadline, None)
            elif isinstance(event, happened.LeafDisclosed):
                shown.take_leaf(trees[event.id], event.index, event.leaf)
                mine.pop(event.id, None)
            else:
                mine.pop(event.id, None)
        return list(mine.values())

    @staticmethod
    def _went_on(
        mine: dict[int, _Challenge], id_: int, deadline: int, disclosed: happened.Disclosed | None
    ) -> None:
        if id_ in mine:
            one = mine[id_]
            mine[id_] = _Challenge(one.id, one.tree, one.index, deadline, disclosed)

    def _now(self) -> int:
        return int(self.anchor.web3.eth.get_block("latest")["timestamp"])
