"""What a round's updates are in the store: each fetched and hashed once per process."""

from chain.store import Store
from karat.protocol.content import Content, fetch_update
from karat.protocol.state import Revealed, Round
from learning.judge.decoded import Room
from learning.judge.intake import SubmittedUpdate

ROUNDS = 2  # kept: the one that is scored, and the one whose model follows


class RoundContents:
    """The updates of the latest rounds, bounded by the task's size of an update and its trainers.

    What the store could not deliver is asked for again; what it did deliver is kept until two
    newer rounds have been looked at. Of the updates, as many stay decoded as fit into ``memory``
    bytes; all of them if None.
    """

    def __init__(self, store: Store, memory: int | None = None) -> None:
        self._store, self._memory = store, memory
        self._rooms: dict[int, Room | None] = {}
        self._rounds: dict[int, dict[Revealed, SubmittedUpdate]] = {}

    def of(self, current: Round, *, max_bytes: int) -> list[SubmittedUpdate]:
        """A round's revealed updates with their bytes, in index order.

        Args:
            current: the round.
            max_bytes: of one update, as the task allows.

        Raises:
            StoreError: the store cannot be reached.
        """
        known = self._rounds.pop(current.number, {})
        self._rounds[current.number] = known
        for number in list(self._rounds)[:-ROUNDS]:
            del self._rounds[number], self._rooms[number]
        room = self._rooms.setdefault(current.number, self._room())
        return [self._update(known, revealed, max_bytes, room) for revealed in current.updates]

    def _room(self) -> Room | None:
        return None if self._memory is None else Room(self._memory // ROUNDS)

    def _update(
        self,
        known: dict[Revealed, SubmittedUpdate],
        revealed: Revealed,
        max_bytes: int,
        room: Room | None,
    ) -> SubmittedUpdate:
        # Known by all that the chain says of it: a reorganisation may renumber the updates.
        if revealed not in known:
            content = Content(revealed.digest, revealed.size)
            update = SubmittedUpdate(
                index=revealed.index,
                trainer=revealed.trainer,
                digest=revealed.digest,
                size=revealed.size,
                commit_order=revealed.commit_order,
                payload=fetch_update(self._store, content, max_bytes=max_bytes),
                room=room,
            )
            if update.payload is None:
                return update
            known[revealed] = update
        return known[revealed]
