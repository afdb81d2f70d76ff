"""Books of feedback from outside: begun from registries and files, and kept up to date.

A book (:mod:`karat.protocol.feedback_book`) is read like any file of edges: ``karat reputation top
--graph BOOK``, :func:`karat.sdk.graph.read_graph`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlencode

from web3 import Web3

from chain.evm.addresses import checked_address
from karat.errors import ConfigError
from karat.protocol.feedback import Changed, Feed, Progress
from karat.protocol.feedback_book import FeedbackBook, Followed
from karat.protocol.feedback_sources import Eas, Erc8004, Source
from karat.sdk.documents import FeedbackSource, ReputationFollowed, ReputationImported
from reputation import TrustGraph
from reputation.files import parse_period

KINDS = ("erc8004", "eas")
"""Kinds of registries."""

OnNote = Callable[[str], None]
"""Told what was decided in reading a file."""


@dataclass(frozen=True)
class Registry:
    """Contracts that hold feedback.

    ``kind`` is ``erc8004`` or ``eas``. Of an ERC-8004 registry: ``identity`` is the registry of its
    agents, ``tag`` the feedback that counts (by default what rates quality), ``neutral`` the value
    that says nothing. Of EAS: ``schema`` is the id of the schema, in hexadecimal.
    """

    kind: str
    address: str
    identity: str | None = None
    tag: str | None = None
    neutral: float = 0.0
    schema: str | None = None

    @classmethod
    def parse(cls, name: str) -> "Registry":
        """The registry that a book's :attr:`name` means; ``KIND:ADDRESS`` where nothing more is.

        Raises:
            ConfigError: it names no kind of registry, or a number in it is none.
            BadAddress: it has an address that is none.
        """
        kind, _, rest = name.partition(":")
        address, _, query = rest.partition("?")
        more = {key: values[-1] for key, values in parse_qs(query).items()}
        try:
            neutral = float(more.pop("neutral", 0.0))
            found = cls(kind, checked_address(address), neutral=neutral, **more)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"{name!r} is no source of feedback: {error}") from error
        found.check()
        return found

    @property
    def name(self) -> str:
        """What a book calls it; equal for equal registries."""
        more = {
            "identity": self.identity and checked_address(self.identity),
            "tag": self.tag,
            "neutral": self.neutral or None,
            "schema": self.schema and self.schema.lower(),
        }
        query = urlencode({key: value for key, value in more.items() if value is not None})
        return f"{self.kind}:{checked_address(self.address)}" + (f"?{query}" if query else "")

    def check(self) -> None:
        """Raise ConfigError or BadAddress where something is wrong, missing or does not belong."""
        if self.kind not in KINDS:
            raise ConfigError(f"{self.kind!r} is no source of feedback: erc8004 and eas are")
        of_other = [self.schema] if self.kind == "erc8004" else [self.identity, self.tag]
        if any(one is not None for one in of_other) or (self.kind == "eas" and self.neutral):
            raise ConfigError(
                "an identity registry, a tag and a neutral value belong to erc8004, a schema to eas"
            )
        for address in (self.address, self.identity):
            if address is not None:
                checked_address(address)
        if self.kind == "eas" and (self.schema is None or _schema_id(self.schema) is None):
            raise ConfigError(
                f"which schema of {self.address}? Name its id, 0x and 64 hexadecimal digits"
            )

    def source(self, web3: Web3) -> Source:
        """What reads its logs; raises NotAvailable where EAS knows no such schema."""
        if self.kind == "eas":
            return Eas(web3, self.address, _schema_id(self.schema or "") or b"")
        return Erc8004(self.address, self.identity, self.tag, self.neutral)


class Feedback:
    """A book of feedback on the disk, begun if it is not there.

    >>> with Feedback(Path("agents.book")) as feedback:      # doctest: +SKIP
    ...     feedback.add(Registry("erc8004", "0x…"), web3)
    ...     block, changed = feedback.follow(web3)
    """

    def __init__(self, path: Path, epoch: str | None = None) -> None:
        """Open the book.

        Args:
            path: the file.
            epoch: the stretch of time within which feedback adds up, for instance ``7d``; that of
                the book, or 30 days, if None.

        Raises:
            ConfigError: it is no book, or has another epoch.
            ParameterError: ``epoch`` is no stretch of time.
        """
        period = None if epoch is None else parse_period(epoch)
        self.path, self.book = path, FeedbackBook(path, period)
        self._feeds: list[Feed] | None = None
        self._changed = 0

    def close(self) -> None:
        """Close the file."""
        self.book.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(
        self,
        registry: Registry,
        web3: Web3,
        *,
        from_block: int = 0,
        progress: Progress | None = None,
    ) -> ReputationImported:
        """Read all feedback of a registry, from now on one of the book's sources.

        Reading that was interrupted goes on where it stopped.

        Args:
            registry: the contracts.
            web3: a node of their chain.
            from_block: the block of their creation; saves time.
            progress: told how many blocks were read, of how many.

        Raises:
            ConfigError: the registry is not described, or the book cannot be written.
            NotAvailable: there is no such contract or schema.
            ProtocolError: the book was read from another chain of the same id.
            chain.errors.ChainError: the node fails; what was read so far stays.
        """
        registry.check()
        source = registry.source(web3)
        Feed(web3, source, from_block, book=self.book, name=registry.name).refresh(
            progress=progress
        )
        self._feeds = None
        return self._imported(registry.name)

    def add_file(self, file: Path, on_note: OnNote = lambda _: None) -> ReputationImported:
        """Read a file of edges, in place of what was read of the same file before.

        Its times fall into the book's epochs; what has no time is older than all that has.

        Raises:
            ConfigError: the book cannot be written.
            EdgeFormatError, WeightError: see :meth:`reputation.TrustGraph.from_file`.
        """
        graph = TrustGraph.from_file(file, self.book.epoch)
        for note in graph.notes:
            on_note(note)
        name = f"file:{file.resolve()}"
        self.book.replace_file(name, graph.edges())
        return self._imported(name)

    def follow(self, web3: Web3, progress: Progress | None = None) -> tuple[int, list[Changed]]:
        """Take in what is new on a chain: its head, and the edges that changed.

        Raises:
            ConfigError: the book has no source on this chain.
        Also raises as :meth:`add`.
        """
        if self._feeds is None:
            self._feeds = self._feeds_on(web3)
        head = int(web3.eth.block_number)
        changed = [edge for feed in self._feeds for edge in feed.refresh(head, progress)]
        self._changed += len(changed)
        return head, changed

    def followed(self) -> ReputationFollowed:
        """The book as it is now, and how many edges :meth:`follow` has changed."""
        sources = [_shown(one) for one in self.book.sources()]
        return ReputationFollowed(**self._totals(), sources=sources, changed=self._changed)

    def _feeds_on(self, web3: Web3) -> list[Feed]:
        chain = int(web3.eth.chain_id)
        names = [one.name for one in self.book.sources() if one.chain == chain]
        if not names:
            raise ConfigError(f"the book {self.path} has no source on chain {chain}")
        return [
            Feed(web3, Registry.parse(name).source(web3), book=self.book, name=name)
            for name in names
        ]

    def _imported(self, name: str) -> ReputationImported:
        [source] = [one for one in self.book.sources() if one.name == name]
        return ReputationImported(**self._totals(), source=_shown(source))

    def _totals(self) -> dict[str, Any]:
        return {
            "book": str(self.path),
            "feedback": self.book.count,
            "edges": self.book.edge_count,
        }


def _shown(source: Followed) -> FeedbackSource:
    is_file = source.chain is None
    return FeedbackSource(
        name=source.name,
        chain_id=source.chain,
        block=None if is_file else source.next - 1,
        ignored=source.ignored,
    )


def _schema_id(text: str) -> bytes | None:
    return bytes.fromhex(text[2:]) if re.fullmatch("0x[0-9a-fA-F]{64}", text) else None
