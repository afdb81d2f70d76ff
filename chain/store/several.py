"""Several stores as one: a store of one's own, and other holders to ask for what it lacks.

Everything is added and pinned in the own store. A block that it lacks, or has only corrupt, is
asked of the others in turn; each block is hashed when it comes, so a holder that lies or dies
costs one question and is asked no more for that file. What becomes of a file that nobody delivers:

========================================  ==================================================
every holder asked says no, or lies       ``NotFound``, or the ``IntegrityError`` of the liar
the own store cannot be used              ``StoreUnreachable``: our own fault
none of the others can be reached         ``StoreUnreachable``: our own line, for all we know
some of the others cannot be reached      as if they did not have it
========================================  ==================================================

So one dead holder neither stops a verifier nor lets it blame a trainer for being cut off itself.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TYPE_CHECKING

from chain.store.base import OWNER, Data, Progress, Stat, Store, stat_root
from chain.store.cid import CID
from chain.store.errors import IntegrityError, NodeRefused, NotFound, StoreError, StoreUnreachable
from chain.store.local import LocalStore
from chain.store.pins import Pin
from chain.store.remote import Source
from chain.store.walk import PATIENCE, Fetch, Limits, verified

if TYPE_CHECKING:  # its HTTP client takes a while to import
    from chain.store.ipfs import IpfsStore

MAX_HOLDERS = 8
"""Stores in one name: what a fetch may ask at most."""


class Several(Store):
    """A store of one's own and other holders of the same files."""

    def __init__(self, own: "LocalStore | IpfsStore", others: Sequence[Source]) -> None:
        """``others`` are asked in this order, after ``own``."""
        self.own = own
        self.others = tuple(others)

    # --- what the own store does ---------------------------------------------------------------

    def add(
        self,
        data: Data,
        *,
        owner: str = OWNER,
        round: int | None = None,  # noqa: A002
        progress: Progress | None = None,
    ) -> CID:
        """See :meth:`Store.add`: in the own store."""
        return self.own.add(data, owner=owner, round=round, progress=progress)

    def has(self, cid: CID) -> bool:
        """See :meth:`Store.has`: in the own store."""
        return self.own.has(cid)

    def pin(
        self,
        cid: CID,
        *,
        owner: str = OWNER,
        round: int | None = None,  # noqa: A002
    ) -> None:
        """See :meth:`Store.pin`: in the own store. :meth:`keep` fetches what is not there."""
        self.own.pin(cid, owner=owner, round=round)

    def unpin(
        self,
        cid: CID | None = None,
        *,
        owner: str | None = OWNER,
        round: int | None = None,  # noqa: A002
    ) -> list[Pin]:
        """See :meth:`Store.unpin`: in the own store."""
        return self.own.unpin(cid, owner=owner, round=round)

    def pins(
        self,
        cid: CID | None = None,
        *,
        owner: str | None = None,
        round: int | None = None,  # noqa: A002
    ) -> list[Pin]:
        """See :meth:`Store.pins`: those of the own store."""
        return self.own.pins(cid, owner=owner, round=round)

    # --- what any holder can do ----------------------------------------------------------------

    def keep(
        self,
        cid: CID,
        *,
        max_bytes: int,
        size: int | None = None,
        owner: str = OWNER,
        round: int | None = None,  # noqa: A002
    ) -> None:
        """Have the own store hold and pin a file, whoever has it now: so it can be served on.

        Raises as :func:`chain.store.transfer.pull`.
        """
        from chain.store.transfer import give, pull  # noqa: PLC0415 - see IpfsStore above

        if isinstance(self.own, LocalStore):
            pull(self.own, self, cid, max_bytes=max_bytes, size=size, owner=owner, round=round)
        else:
            give(self, self.own, cid, max_bytes=max_bytes, size=size, owner=owner, round=round)

    def stat(self, cid: CID) -> Stat:
        """See :meth:`Store.stat`."""
        return stat_root(cid, self.block(cid, PATIENCE), self.pins(cid))

    def block(self, cid: CID, seconds: float) -> bytes:
        """See :meth:`Store.block`; verified already."""
        with self._asking([holder.block for holder in (self.own, *self.others)]) as fetch:
            return fetch(cid, seconds)

    def limits(self, max_bytes: int, size: int | None = None) -> Limits:
        """See :meth:`Store.limits`: those of a network where any holder is on one."""
        each = [holder.limits(max_bytes, size) for holder in (self.own, *self.others)]
        return next((limits for limits in each if limits.paced), each[0])

    def fetching(self, root: CID, limits: Limits) -> AbstractContextManager[Fetch]:
        """See :meth:`Store.fetching`."""
        return self._fetching(root, limits)

    @contextmanager
    def _fetching(self, root: CID, limits: Limits) -> Iterator[Fetch]:
        with ExitStack() as stack:
            ways = [
                stack.enter_context(holder.fetching(root, limits))  # opens nothing yet
                for holder in (self.own, *self.others)
            ]
            yield stack.enter_context(self._asking(ways))

    @contextmanager
    def _asking(self, ways: list[Fetch]) -> Iterator[Fetch]:
        """A fetch that asks the own store, then the others, as the module's text says."""
        own, *others = ways
        failures: dict[Fetch, StoreError] = {}

        def fetch(cid: CID, seconds: float) -> bytes:
            missing: list[StoreError] = []
            share = seconds / len(ways)  # so that a slow holder leaves time for the next
            try:
                return verified(cid, own(cid, share))
            except (NotFound, IntegrityError, NodeRefused) as error:
                missing.append(error)
            for way in others:
                if way in failures:
                    continue
                try:
                    return verified(cid, way(cid, share))
                except NotFound as error:
                    missing.append(error)
                except (StoreUnreachable, NodeRefused, IntegrityError) as error:
                    failures[way] = error
            raise _verdict(cid, missing, [failures[way] for way in others if way in failures])

        yield fetch


def _verdict(cid: CID, missing: list[StoreError], failed: list[StoreError]) -> StoreError:
    """Why nobody delivered a block: ``missing`` are the answers, ``failed`` who gave up before."""
    lies = [error for error in failed if not isinstance(error, StoreUnreachable)]
    if failed and not lies and len(missing) == 1:  # the own store's answer alone
        return StoreUnreachable(
            f"{cid} is not in the own store, and no other holder can be reached: {failed[0]}"
        )
    if lies:
        return lies[0]
    return NotFound(f"none of the holders has {cid}: {missing[-1]}")
