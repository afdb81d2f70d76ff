"""Moving files between stores: pull from a stranger, push to a node. Both can be resumed."""

from chain.store.base import NO_LIMIT, OWNER, Progress
from chain.store.cid import CID
from chain.store.errors import NodeRefused, NotFound, StoreTimeout, StoreUnreachable
from chain.store.imports import Import
from chain.store.ipfs import BATCH, Batches, IpfsStore
from chain.store.local import LocalStore
from chain.store.pins import Pin
from chain.store.remote import Source
from chain.store.walk import Fetch, Limits, seconds_for, walk


def pull(
    store: LocalStore,
    source: Source,
    cid: CID,
    *,
    max_bytes: int,
    size: int | None = None,
    owner: str = OWNER,
    round: int | None = None,  # noqa: A002 - the term of the protocol
    resumable: bool = False,
    progress: Progress | None = None,
) -> int:
    """Copy a file from ``source`` into ``store``, pin it there, and return its length in bytes.

    Everything is verified before it is written: see :func:`chain.store.walk.walk`. A file that
    the chain records comes with its exact ``size``. When it fails, nothing stays, except that with
    ``resumable`` the verified blocks stay (unpinned, until collected) if the source went away, so
    that the next attempt asks only for the others.

    Raises:
        NotFound: the source lacks a block.
        StoreUnreachable: the source cannot be reached or is too slow.
        IntegrityError: the source sent what is not the file.
        LimitExceeded: the file is longer than ``max_bytes``, or too costly.
        QuotaExceeded: it does not fit into ``store``.
    """
    limits = source.limits(max_bytes, size)
    if size is not None and store.blocks.size(cid.digest) is None:
        store.check_room(size)
    keep_on = (StoreUnreachable, NotFound) if resumable else ()
    with store.importing(keep_on=keep_on) as session, source.fetching(cid, limits) as fetch:
        length = 0
        for block in walk(_here_first(store, session, fetch), cid, limits):
            session.put(block.cid, block.raw)
            length += len(block.data)
            if progress and block.data:
                progress(len(block.data))
        store.finish(session, Pin(cid, owner, round, length))
    return length


def _here_first(store: LocalStore, session: Import, fetch: Fetch) -> Fetch:
    """Take a block from ``store`` if it is there and sound, else from elsewhere."""

    def get(cid: CID, seconds: float) -> bytes:
        session.protect(cid.digest)
        block = session.read(cid.digest)
        if block is None:
            block = store.sound_block(cid)
        return fetch(cid, seconds) if block is None else block

    return get


def give(
    source: Source,
    node: IpfsStore,
    cid: CID,
    *,
    max_bytes: int,
    size: int | None = None,
    owner: str = OWNER,
    round: int | None = None,  # noqa: A002
) -> None:
    """Copy a file from ``source`` to a ``node`` and pin it there; verified before it is sent.

    Raises as :func:`pull`; NodeRefused: the node refuses.
    """
    limits = source.limits(max_bytes, size)
    batches = Batches(node.rpc)
    length = 0
    with source.fetching(cid, limits) as fetch:
        for block in walk(fetch, cid, limits):
            batches.put(block.cid, block.raw)
            length += len(block.data)
    batches.flush()
    node.keep(cid, length)
    node.note(Pin(cid, owner, round, length))


def push(
    store: LocalStore,
    node: IpfsStore,
    cid: CID,
    *,
    owner: str = OWNER,
    round: int | None = None,  # noqa: A002
    progress: Progress | None = None,
) -> int:
    """Copy a file of ``store`` to ``node``, pin it there, and return its length in bytes.

    The blocks go root first, in batches; batches that the node has from an earlier attempt are
    not sent again.

    Raises:
        NotFound: ``store`` lacks a block.
        StoreUnreachable: the node cannot be reached or is too slow.
        NodeRefused: the node refuses.
    """
    size = store.stat(cid).size
    resuming = size > BATCH and node.rpc.has_block(cid)
    _send(store, node, cid, resuming, progress)
    try:
        node.keep(cid, size)
    except (StoreTimeout, NotFound, NodeRefused):
        if not resuming:
            raise
        _send(store, node, cid, False, None)  # it had less than it seemed: send everything
        node.keep(cid, size)
    node.note(Pin(cid, owner, round, size))
    return size


def _send(
    store: LocalStore, node: IpfsStore, cid: CID, resuming: bool, progress: Progress | None
) -> None:
    batch: list[tuple[CID, bytes]] = []
    held = content = 0

    def send() -> None:
        nonlocal resuming, batch, held, content
        # Batches were sent in this order, so the first gap ends what is there.
        resuming = resuming and node.rpc.has_block(batch[-1][0])
        if not resuming:
            node.rpc.put_blocks(batch, seconds_for(held))
        if progress:
            progress(content)
        batch, held, content = [], 0, 0

    for block in walk(store.block, cid, Limits(NO_LIMIT)):
        batch.append((block.cid, block.raw))
        held += len(block.raw)
        content += len(block.data)
        if held >= BATCH:
            send()
    if batch:
        send()
