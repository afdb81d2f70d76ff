"""The standings of one task, kept right by whoever runs this (:mod:`karat.participants.watcher`).

Once a day the standings as the day began are proposed, against the anchor's bond; a wrong claim of
anybody's is disproved, a right one is stood by and finalized. Others may be faster at each step,
which is only logged.
"""

from chain.errors import TransactionError
from chain.evm.abi import CustomError
from chain.evm.transactions import Sender
from chain.ledger.bindings import structs
from chain.ledger.client import StandingAnchor, TaskInputs
from chain.store import CID, Store
from chain.store.cid import DAG_PB, RAW
from chain.store.errors import StoreError
from karat.errors import ProtocolError
from karat.participants.daemon.outbox import Outbox
from karat.participants.watcher import Action, Watcher
from karat.protocol.content import publish
from karat.protocol.standing_claims import read_document
from karat.protocol.standing_inputs import InputsReader
from reputation import ReputationError
from reputation.anchoring.standings import Standings

_OF_FRAUD = frozenset({Action.DISPROVED, Action.CHALLENGED})
_BYTES_A_NODE, _BYTES_AN_EDGE = 320, 160  # of a document, with its rank


class StandingKeeper:
    """Keeps the standings of one task."""

    def __init__(
        self,
        anchor: StandingAnchor,
        task_id: int,
        store: Store,
        sender: Sender,
        from_block: int = 0,
    ) -> None:
        self._inputs = TaskInputs(anchor.web3, anchor.inputs())
        self.reader = InputsReader(self._inputs, from_block)
        self._task_id, self._store, self._owner = task_id, store, sender.address
        self.problem: str | None = None
        """Why the last step failed, if it did."""
        self.watcher = Watcher(
            anchor, sender, self.reader.read, self._fetch, self._publish, from_block=from_block
        )

    def step(self) -> Action:
        """Do what is due.

        Raises:
            ChainError: as :meth:`karat.participants.watcher.Watcher.step`.
            ProtocolError: the node hides what others see.
        """
        done = self.watcher.step(self._task_id, self._inputs.latest_day(self._task_id))
        return self.watcher.collect() if done is Action.NOTHING else done

    def _publish(self, content: bytes) -> bytes:
        return publish(self._store, content, owner=self._owner).digest

    def _fetch(self, claim: structs.Claim) -> Standings | None:
        return fetch_standings(self._store, claim)


def fetch_standings(store: Store, claim: structs.Claim) -> Standings | None:
    """The document of a claim, which says how large it may be; None if it is not to be had."""
    most = 1024 + _BYTES_A_NODE * claim.nodes + _BYTES_AN_EDGE * claim.edges
    for codec in (RAW, DAG_PB):
        try:
            content = store.get(CID(codec, bytes(claim.document_digest)), max_bytes=most)
            return read_document(content)
        except (StoreError, ProtocolError):
            continue
    return None


def keep_standings(keeper: StandingKeeper, outbox: Outbox) -> None:
    """Take a step in a daemon, whose own work must not end with it."""
    try:
        done = keeper.step()
    except CustomError as error:
        outbox.log.info("another was faster", what="standings", reason=str(error))
        return
    except (TransactionError, ProtocolError, ReputationError) as error:
        if keeper.problem != str(error):  # a bond that cannot be paid, say: once is enough
            keeper.problem = str(error)
            outbox.log.warning("the standings are not kept", reason=keeper.problem)
        return
    keeper.problem = None
    if done is Action.NOTHING:
        return
    log = outbox.log.warning if done in _OF_FRAUD else outbox.log.info
    log(f"standings {done}")
