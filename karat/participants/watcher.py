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

from web3.exceptions import BlockNotFound

from chain.evm.transactions import Sender
from chain.ledger.bindings import standing_anchor_events as happened
from chain.ledger.bindings import structs
from chain.ledger.client import StandingAnchor
from karat.errors import ProtocolError
from karat.protocol.standing_challenges import READ_AGAIN, Challenge, answer, open_challenges
from karat.protocol.standing_claims import (
    Claimed,
    NeedsLeafError,
    Shown,
    chain_tree,
    claim_of,
    disproof,
    document,
    next_step,
    same_standings,
)
from reputation.anchoring.faults import Fault, Published, find_fault
from reputation.anchoring.standings import Decays, Inputs, Standings, compute

_ANSWERS_AT_ONCE = 100
_GAS_AN_ANSWER = 100_000  # `disclose` of 16 hashes takes 74,400 with its transaction

InputsOf = Callable[[int, int], Inputs]
"""The inputs of a scope, as a day began."""

Fetch = Callable[[structs.Claim], Standings | None]
"""The standings in a claim's document; None if it cannot be had or read."""

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
    ANSWERED = "answered"
    LAPSED = "lapsed"
    SETTLED = "settled"
    WITHDREW = "withdrew"


@dataclass(frozen=True)
class _Computed:
    """The standings of (scope, day), and the block at which they were computed."""

    of: tuple[int, int]
    block: int
    block_hash: bytes | None
    inputs: Inputs
    right: Standings


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
        self._next = from_block
        rules = anchor.rules()
        self._bond = rules.bond
        self._decays = Decays(rules.alpha, rules.beta)
        self._wanted: dict[int, int | None] = {}  # challenge → leaf that it leads to
        self._claims: dict[bytes, Claimed] = {}
        self._mine: dict[int, bytes] = {}  # challenges whose bonds are out → claim
        self._computed: _Computed | None = None
        self._false: tuple[Standings, int, Standings] | None = (
            None  # right, wrong total, what follows
        )

    def step(self, scope: int, latest: int) -> Action:
        """Do what is due; ``latest`` is the day whose standings can be claimed now.

        Raises:
            chain.errors.ChainError: the node cannot be reached, or somebody else was faster.
        """
        self._read_events()
        claimed = self._pending(scope)
        if claimed is None:
            return self._propose(scope, latest)
        inputs, right = self._right(scope, claimed.claim.day)
        ours = claim_of(right, scope, claimed.claim.day, bytes(32))
        if same_standings(claimed.claim, ours):
            return self._stand_by(claimed, right)
        right = self._supposed(inputs, right, claimed.claim.total_gain)
        published = self._fetch(claimed.claim)
        if published is not None and self._is_behind(published, claimed):
            fault = find_fault(Published(published, right), right, inputs, self._decays)
            if fault is not None:
                return self._disprove(claimed, fault)
        return self._uncover(claimed, Shown(claimed.claim, right, self._decays), inputs)

    def collect(self) -> Action:
        """Get back the bond of a challenge whose claim has ended, or all that is owed.

        Raises as :meth:`step`.
        """
        self._read_events()
        for id_, claim_hash in self._mine.items():
            claimed = self._claims.get(claim_hash)
            if claimed is not None and self._pending(claimed.claim.scope) != claimed:
                self._sender.send(
                    self.anchor.settle_challenge(
                        claimed.claim, claimed.proposer, claimed.number, id_
                    )
                )
                return Action.SETTLED
        if self.anchor.owed(self._sender.address) == 0:
            return Action.NOTHING
        self._sender.send(self.anchor.withdraw())
        return Action.WITHDREW

    # --- what is known -------------------------------------------------------------------------

    def _read_events(self) -> None:
        """Take in new claims, and which challenges of ours are open."""
        head = int(self.anchor.web3.eth.block_number)
        kinds = (
            happened.ClaimProposed,
            happened.Challenged,
            happened.ChallengeDropped,
            happened.ChallengeSettled,
        )
        events: Iterator[Any] = self.anchor.events(*kinds, from_block=self._next, to_block=head)
        for event in events:
            claim_hash = bytes(event.claim_hash)
            if isinstance(event, happened.ClaimProposed):
                self._claims[claim_hash] = Claimed(
                    event.claim, event.number, event.proposer, claim_hash, event.at.block_number
                )
            elif not isinstance(event, happened.Challenged):
                self._mine.pop(event.id, None)
            elif event.challenger == self._sender.address:
                self._mine[event.id] = claim_hash
        self._next = max(self._next, head - READ_AGAIN)

    def _pending(self, scope: int) -> Claimed | None:
        claim_hash = bytes(self.anchor.pending_of(scope)[0])
        if not any(claim_hash):
            return None
        if claim_hash not in self._claims:
            raise ProtocolError(
                f"the node does not show the claim 0x{claim_hash.hex()}: name another node, or an "
                "earlier first block"
            )
        return self._claims[claim_hash]

    def _right(self, scope: int, day: int) -> tuple[Inputs, Standings]:
        """The inputs of a day and what follows from them; computed once, unless the chain was
        reorganised since.
        """
        known = self._computed
        same = known is not None and known.of == (scope, day)
        if known is not None and same and self._hash(known.block) == known.block_hash:
            return known.inputs, known.right
        head = int(self.anchor.web3.eth.block_number)
        block_hash = self._hash(head)
        inputs = self._inputs_of(scope, day)
        right = compute(inputs, self._decays)
        self._computed = _Computed((scope, day), head, block_hash, inputs, right)
        return inputs, right

    def _supposed(self, inputs: Inputs, right: Standings, total: int) -> Standings:
        """What follows from a total of gains that is claimed; computed once."""
        if total == right.total_gain:
            return right
        if self._false is None or self._false[0] is not right or self._false[1] != total:
            self._false = (right, total, compute(inputs, self._decays, total))
        return self._false[2]

    def _hash(self, block: int) -> bytes | None:
        try:
            return bytes(self.anchor.web3.eth.get_block(block)["hash"])
        except BlockNotFound:
            return None

    # --- a scope in peace ----------------------------------------------------------------------

    def _propose(self, scope: int, latest: int) -> Action:
        _, _, final, _ = self.anchor.final_of(scope)
        if latest == 0 or final >= latest:
            return Action.NOTHING
        _, standings = self._right(scope, latest)
        if standings.total_gain == 0:
            return Action.NOTHING  # nobody has earned anything that could be ranked
        digest = self._publish(document(standings))
        claim = claim_of(standings, scope, latest, digest)
        self._sender.send(self.anchor.propose(claim).with_value(self._bond))
        return Action.PROPOSED

    # --- a claim that is right -----------------------------------------------------------------

    def _stand_by(self, claimed: Claimed, right: Standings) -> Action:
        """Answer those who challenge a right claim, whoever made it; finalize it in the end."""
        _, _, window_end, hold_until, challenges = self.anchor.pending_of(claimed.claim.scope)
        now = self._now()
        if not challenges:
            if now < max(window_end, hold_until):
                return Action.NOTHING
            self._sender.send(self.anchor.finalize(claimed.claim, claimed.number))
            return Action.FINALIZED
        asked = open_challenges(self.anchor, claimed)
        due = [one for one in asked if one.disclosed is None and now <= one.deadline]
        if due:
            due.sort(key=lambda one: one.deadline)
            answers = [answer(self.anchor, claimed, right, one) for one in due[:_ANSWERS_AT_ONCE]]
            # Together, or whoever opens many challenges makes some of the answers late.
            together = self.anchor.try_all([one.data for one in answers])
            gas = _GAS_AN_ANSWER * (1 + len(answers))
            self._sender.send(answers[0] if len(answers) == 1 else together.with_gas(gas))
            return Action.ANSWERED
        for one in asked:
            if one.disclosed is not None and now > one.deadline:
                self._sender.send(self.anchor.lapse(claimed.claim, claimed.number, one.id))
                return Action.LAPSED
        return Action.NOTHING

    # --- a claim that is wrong -----------------------------------------------------------------

    @staticmethod
    def _is_behind(published: Standings, claimed: Claimed) -> bool:
        """Whether a document is the one that the claim's roots are over."""
        claim = claimed.claim
        return same_standings(claim, claim_of(published, claim.scope, claim.day, bytes(32)))

    def _disprove(self, claimed: Claimed, fault: Fault) -> Action:
        self._sender.send(disproof(self.anchor, claimed, fault))
        return Action.DISPROVED

    def _uncover(self, claimed: Claimed, shown: Shown, inputs: Inputs) -> Action:
        """Find the fault in what was disclosed, or have more of it disclosed."""
        challenges = open_challenges(self.anchor, claimed, shown)
        try:
            fault = find_fault(shown, shown.right, inputs, self._decays)
        except NeedsLeafError as needed:
            return self._ask(claimed, shown, challenges, needed)
        return Action.NOTHING if fault is None else self._disprove(claimed, fault)

    def _ask(
        self,
        claimed: Claimed,
        shown: Shown,
        challenges: list[Challenge],
        needed: NeedsLeafError,
    ) -> Action:
        own = [one for one in challenges if one.challenger == self._sender.address]
        for one in own:  # whatever is needed now: who does not go on loses its bond
            if one.disclosed is not None:
                return self._descend(claimed, shown, one, one.disclosed)
        mine = next((one for one in own if one.tree is needed.tree), None)
        if mine is None:
            call = self.anchor.challenge(claimed.claim, claimed.number, chain_tree(needed.tree))
            receipt = self._sender.send(call.with_value(self._bond))
            [event] = self.anchor.events_in(receipt, happened.Challenged)
            self._wanted[event.id] = needed.index
            return Action.CHALLENGED
        if self._now() <= mine.deadline:
            return Action.NOTHING
        self._sender.send(self.anchor.lapse(claimed.claim, claimed.number, mine.id))
        return Action.LAPSED

    def _descend(
        self, claimed: Claimed, shown: Shown, mine: Challenge, last: happened.Disclosed
    ) -> Action:
        hashes = [bytes(one) for one in last.hashes]
        wanted = self._wanted.get(mine.id)
        chosen = next_step(shown, mine.tree, last.height, last.position, hashes, wanted)
        self._sender.send(
            self.anchor.descend(claimed.claim, claimed.number, mine.id, hashes, chosen)
        )
        return Action.DESCENDED

    def _now(self) -> int:
        return int(self.anchor.web3.eth.get_block("latest")["timestamp"])
