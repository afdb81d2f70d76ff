"""What a trainer states of other trainers: edges of the trust graph."""

from collections.abc import Mapping

from chain.evm.abi import Call
from chain.ledger.client import ReputationAnchor
from chain.ledger.peers import pack_edges
from karat.errors import NotAvailable
from karat.protocol.history import TaskHistory
from karat.protocol.trust import peers


def attest(
    anchor: ReputationAnchor, history: TaskHistory, trainer: str, weights: Mapping[str, int]
) -> Call[None]:
    """What states a trainer's trust in others: addresses to weights, ±1 to ±32767.

    Raises:
        BadCommitment: a weight is out of range, or there are too many.
        NotAvailable: nobody would count it; the message says of whom and why.
    """
    packed = pack_edges(list(weights.items()))
    known = peers(history)
    for account in (trainer, *weights):
        if account not in known:
            raise NotAvailable(
                f"{account} can neither attest nor be attested in task {history.task_id}: only "
                "trainers can that no settled round convicted, and that never were its sponsor or "
                "one of its verifiers"
            )
    return anchor.attest_peers(history.task_id, packed)
