"""Where the event index of a network is: one for all participants on this machine."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from chain.folders import data_dir
from chain.ledger.profiles import Connection, Profile

if TYPE_CHECKING:
    from chain.ledger.index import EventIndex


def database_of(profile: Profile) -> Path:
    """The file for SQLite: one for each ledger that a name may stand for."""
    followed = f"{profile.chain_id} {profile.ledger} {profile.anchor} {profile.from_block}"
    digest = hashlib.sha256(followed.encode()).hexdigest()[:16]
    return data_dir() / "index" / f"{profile.name}-{digest}.sqlite"


def open_index(connection: Connection, database: str | None) -> "EventIndex":
    """The index of a connected network.

    Args:
        connection: the network.
        database: a file, or a URL of SQLite or PostgreSQL; :func:`database_of` if None.

    Raises:
        EventIndexError: the database cannot be used, or follows another ledger.
        NodeError: the node does not answer.
    """
    from chain.ledger.index import EventIndex  # noqa: PLC0415 - brings in SQLAlchemy

    profile, anchor = connection.profile, connection.anchor
    return EventIndex(
        database or database_of(profile),
        connection.web3,
        ledger=connection.ledger.address,
        anchor=None if anchor is None else anchor.address,
        from_block=profile.from_block,
    )
