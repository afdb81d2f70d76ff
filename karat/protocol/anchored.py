"""What is anchored of a task's reputations: who attested it, and proofs, all of it recomputed."""

from dataclasses import dataclass

from chain.ledger.bindings.structs import Statement
from chain.ledger.client import ReputationAnchor
from karat.errors import NotAvailable, ProtocolError
from karat.protocol.content import Content
from karat.protocol.history import TaskHistory
from karat.protocol.reputation import difference, epoch_at
from reputation.anchoring.anchored import Proof


@dataclass(frozen=True)
class AnchoredProof:
    """A score that a contract can check: pass ``leaf`` and ``path`` to the anchor's ``verify``.

    ``statement`` is what is anchored, ``document`` its published form with graph and all scores.
    """

    task_id: int
    epoch: int
    statement: Statement
    document: Content
    proof: Proof

    @property
    def root(self) -> bytes:
        """The anchored Merkle root; 32 bytes."""
        return self.statement.root

    @property
    def score(self) -> float:
        """The anchored visit score."""
        return self.proof.score / 2**40


def proof_of(
    anchor: ReputationAnchor, history: TaskHistory, address: str, epoch: int | None = None
) -> AnchoredProof:
    """The proof of one score in an epoch (the latest if None), all of it recomputed.

    Raises:
        NotAvailable: nothing is anchored.
        ProtocolError: what is anchored does not follow from the chain.
        reputation.errors.UnknownNodeError: the address took no part in the task then.
    """
    task_id = history.task_id
    number = anchor.last_epoch(task_id) if epoch is None else epoch
    if number == 0:
        raise NotAvailable(f"no reputation of task {task_id} is anchored yet")
    said = anchor.statement_of(task_id, number)
    first = history.first_block
    found = epoch_at(history.ledger, anchor, task_id, said.to_block, from_block=first)
    wrong = difference(found.statement, said)
    if wrong is not None:
        raise ProtocolError(
            f"epoch {number} of task {task_id} is anchored with another {wrong} than blocks up to "
            f"{said.to_block} give: more than half of the verifiers attested something else"
        )
    document = Content.of(found.document)
    return AnchoredProof(task_id, number, said, document, found.scored.proof(address))
