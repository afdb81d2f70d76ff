"""The gate: which updates are judged, and the verdicts that anyone can repeat from bytes alone."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from learning.codec import Codec, SparseUpdate
from learning.errors import MalformedUpdate
from learning.judge.findings import Finding
from learning.score_codes import Verdict


@dataclass(frozen=True)
class SubmittedUpdate:
    """A revealed update as the chain lists it, with its bytes from the content store.

    ``digest``, ``size``: as revealed on chain; ``commit_order``: rank of its commitment in the
    round; ``payload``: None if the content store could not deliver it in time. ``decoded`` keeps
    what `decode` made of it, by the digest of the layout.
    """

    index: int
    trainer: str
    digest: bytes
    size: int
    commit_order: int
    payload: bytes | None
    decoded: dict[str, "SparseUpdate | Finding"] = field(
        default_factory=dict, compare=False, repr=False
    )


@dataclass(frozen=True, eq=False)
class Intake:
    """``seats``: the different updates to judge, each with the positions of those who sent it.

    ``findings``: the reason against each of the others, by position.
    """

    seats: list[tuple[SparseUpdate, list[int]]]
    findings: dict[int, Finding]


def take_in(
    codec: Codec, submitted: Sequence[SubmittedUpdate], revealed: dict[bytes, str]
) -> Intake:
    """Decode a round's updates.

    ``revealed``: the trainer of each update that earlier rounds revealed, by content digest. Equal
    updates of one round share a seat: under commit–reveal nobody can have copied one. An empty
    update is nobody's.
    """
    seats: dict[bytes, tuple[SparseUpdate, list[int]]] = {}
    findings = {}
    for position, item in enumerate(submitted):
        update = decode(codec, item)
        if isinstance(update, Finding):
            findings[position] = update
        elif revealed.get(update.digest, item.trainer) != item.trainer:
            reason = "another trainer revealed it in an earlier round"
            findings[position] = Finding(Verdict.DUPLICATE, reason, related=update.digest.hex())
        else:
            seats.setdefault(update.digest, (update, []))[1].append(position)
    return Intake(list(seats.values()), findings)


def decode(codec: Codec, submitted: SubmittedUpdate) -> SparseUpdate | Finding:
    """The update, or the verdict: bytes there, as long as committed to, and well formed."""
    known = submitted.decoded.get(codec.layout.digest)
    if known is None:
        known = submitted.decoded[codec.layout.digest] = _decode(codec, submitted)
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
