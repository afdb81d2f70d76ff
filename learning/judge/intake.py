"""The gate: which updates are judged, and the verdicts that anyone can repeat from bytes alone."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import overload

from learning.codec import Codec, SparseUpdate
from learning.errors import MalformedUpdate
from learning.judge.decoded import Room
from learning.judge.findings import Finding
from learning.score_codes import Verdict


@dataclass(frozen=True)
class SubmittedUpdate:
    """A revealed update as the chain lists it, with its bytes from the content store.

    ``digest``, ``size``: as revealed on chain; ``commit_order``: rank of its commitment in the
    round; ``payload``: None if the content store could not deliver it in time. ``decoded`` keeps
    what `decode` made of it, by the digest of the layout, while there is ``room``; always if None.
    """

    index: int
    trainer: str
    digest: bytes
    size: int
    commit_order: int
    payload: bytes | None
    room: Room | None = field(default=None, compare=False, repr=False)
    decoded: dict[str, SparseUpdate | Finding] = field(
        default_factory=dict, compare=False, repr=False
    )


class Updates(Sequence[SparseUpdate]):
    """Updates that decode well, each decoded when it is looked at unless it was kept."""

    def __init__(self, codec: Codec, submitted: Sequence[SubmittedUpdate]) -> None:
        self._codec, self._submitted = codec, submitted

    def __len__(self) -> int:
        return len(self._submitted)

    @overload
    def __getitem__(self, index: int) -> SparseUpdate: ...

    @overload
    def __getitem__(self, index: slice) -> "Updates": ...

    def __getitem__(self, index: int | slice) -> "SparseUpdate | Updates":
        if isinstance(index, slice):
            return Updates(self._codec, self._submitted[index])
        update = decode(self._codec, self._submitted[index])
        if isinstance(update, Finding):
            raise MalformedUpdate("changed", "it decoded well before")
        return update


@dataclass(frozen=True)
class Seat:
    """A different update: ``digest`` of its content, ``norm``, the ``positions`` that sent it."""

    digest: bytes
    norm: float
    positions: list[int]


@dataclass(frozen=True, eq=False)
class Intake:
    """``seats``: of the different updates to judge, and these ``updates``.

    ``findings``: the reason against each of the others, by position.
    """

    seats: list[Seat]
    updates: Updates
    findings: dict[int, Finding]


def take_in(
    codec: Codec, submitted: Sequence[SubmittedUpdate], revealed: dict[bytes, str]
) -> Intake:
    """Decode a round's updates.

    ``revealed``: the trainer of each update that earlier rounds revealed, by content digest. Equal
    updates of one round share a seat: under commit–reveal nobody can have copied one. An empty
    update is nobody's.
    """
    seats: dict[bytes, Seat] = {}
    findings = {}
    for position, item in enumerate(submitted):
        update = decode(codec, item)
        if isinstance(update, Finding):
            findings[position] = update
        elif revealed.get(update.digest, item.trainer) != item.trainer:
            reason = "another trainer revealed it in an earlier round"
            findings[position] = Finding(Verdict.DUPLICATE, reason, related=update.digest.hex())
        else:
            seat = seats.setdefault(update.digest, Seat(update.digest, update.norm, []))
            seat.positions.append(position)
    judged = [submitted[seat.positions[0]] for seat in seats.values()]
    return Intake(list(seats.values()), Updates(codec, judged), findings)


def decode(codec: Codec, submitted: SubmittedUpdate) -> SparseUpdate | Finding:
    """The update, or the verdict: bytes there, as long as committed to, and well formed."""
    known = submitted.decoded.get(codec.layout.digest)
    if known is None:
        known, room = _decode(codec, submitted), submitted.room
        if room is None or isinstance(known, Finding) or room.take(known):
            submitted.decoded[codec.layout.digest] = known
    return known


def _decode(codec: Codec, submitted: SubmittedUpdate) -> SparseUpdate | Finding:
    if submitted.payload is None:
        return Finding(Verdict.UNAVAILABLE, "the content store did not deliver it")
    if len(submitted.payload) != submitted.size:
        signals = {"bytes": (float(len(submitted.payload)), float(submitted.size))}
        return Finding(Verdict.MALFORMED, "size-mismatch", signals)
    try:
        return codec.decode(submitted.payload)
    except MalformedUpdate as error:
        return Finding(Verdict.MALFORMED, str(error))
