"""How what is paid for a model is divided: receipts as shares under a Merkle root."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from eth_hash.auto import keccak

from chain.evm.abi import encode_values
from chain.ledger.bindings.structs import Receipts as Statement
from chain.ledger.bindings.structs import Share
from karat.errors import NotAvailable
from karat.protocol.content import Content
from learning.canonical import canonical_json
from learning.receipts import Receipts
from reputation.anchoring.merkle import MerkleTree


@dataclass(frozen=True)
class Division:
    """Everybody's share of a task's model after a round; ``shares`` are above zero, by address."""

    task_id: int
    round: int
    shares: Mapping[str, int]

    @cached_property
    def document(self) -> bytes:
        """All of it as canonical JSON, to be published; ``karat.division/1``."""
        return canonical_json(
            {
                "schema": "karat.division/1",
                "task": self.task_id,
                "round": self.round,
                "shares": dict(self.shares),
            }
        )

    @cached_property
    def statement(self) -> Statement:
        """What ``Royalties.proposeDivision`` takes."""
        return Statement(
            root=self._tree.root,
            document=Content.of(self.document).digest,
            shares=sum(self.shares.values()),
            round=self.round,
        )

    def claim(self, account: str) -> tuple[Share, list[bytes]]:
        """What ``Royalties.claimShare`` takes for an account.

        Raises:
            NotAvailable: it has no share.
        """
        for share in self._leaves:
            if share.account == account:
                return share, self._tree.path(share.index)
        raise NotAvailable(f"{account} has no share of task {self.task_id}")

    @cached_property
    def _leaves(self) -> list[Share]:
        ordered = sorted(self.shares.items(), key=lambda one: int(one[0], 16))
        return [Share(i, account, share) for i, (account, share) in enumerate(ordered)]

    @cached_property
    def _tree(self) -> MerkleTree:
        return MerkleTree([keccak(keccak(encode_values([Share], [one]))) for one in self._leaves])


def division(task_id: int, rounds: Iterable[int], receipts: Receipts) -> Division:
    """The division by receipts: what each removed of the loss, nothing for who added to it.

    Raises:
        NotAvailable: nobody removed any.
    """
    removed = {one.trainer: one.direct + one.repeated for one in receipts.contributions}
    shares = {who: share for who, share in removed.items() if share > 0}
    if not shares:
        raise NotAvailable(f"nobody removed any of the loss of task {task_id}")
    return Division(task_id, max(rounds), shares)
