"""Everything that answers are made from, in one place."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from chain.ledger.index import EventIndex
from karat.sdk import Network
from karat.web.facts import Facts
from karat.web.follower import Follower
from karat.web.library import Library
from karat.web.overview import Overviews
from karat.web.progress import Progresses
from karat.web.standings import Standings


@dataclass
class Site:
    """A network as the page sees it; a context that follows the chain."""

    name: str
    network: Network
    chain_id: int
    store_kind: str
    follower: Follower
    facts: Facts
    library: Library
    standings: Standings
    progresses: Progresses
    overviews: Overviews
    names: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        name: str,
        network: Network,
        store_url: str,
        database: str | Path,
        *,
        poll: float,
        names: Mapping[str, str] | None = None,
    ) -> "Site":
        """The page of a network, with its event index in ``database``.

        Raises:
            EventIndexError: the database cannot be used, or follows another ledger.
        """
        index = EventIndex(
            database,
            network.web3,
            ledger=network.ledger.address,
            anchor=anchor_of(network),
            from_block=network.from_block,
        )
        follower = Follower(network, index, poll)
        library = Library(lambda: network.store)
        return cls(
            name,
            network,
            int(network.web3.eth.chain_id),
            store_url.partition(":")[0],
            follower,
            Facts(network),
            library,
            Standings(follower),
            Progresses(follower, library, network),
            Overviews(follower),
            names or {},
        )

    def __enter__(self) -> "Site":
        self.follower.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.follower.stop()
        self.standings.close()
        self.progresses.close()
        self.overviews.close()
        self.library.close()

    @property
    def now(self) -> int:
        """The least that the next block's time can be, in seconds."""
        return max(self.follower.head.time, int(time.time()))


def anchor_of(network: Network) -> str | None:
    """The address of the network's reputation anchor, if it names one."""
    anchor = network.anchor_or_none
    return None if anchor is None else anchor.address
