"""``karat reputation attest``: what a trainer says of other trainers, as edges of the graph."""

import re
from typing import TYPE_CHECKING, Annotated

import typer

from karat.cli.options import KEYS, shared
from karat.cli.session import Session
from karat.cli.task import TaskArgument

if TYPE_CHECKING:
    from karat.protocol.history import TaskHistory

_EDGES = "ADDRESS=WEIGHT"


@shared("network", "account", *KEYS, "dry_run")
def attest(
    session: Session,
    number: TaskArgument,
    edges: Annotated[
        list[str],
        typer.Argument(
            metavar=_EDGES,
            help="A fellow trainer, and how much you trust it: 1 to 32767, or negative.",
        ),
    ],
) -> None:
    """State on chain, as a trainer, how much you trust other trainers of a task.

    What you state adds up, so the opposite weight takes a statement back; only the proportions
    matter. Anchored scores follow trust from those who joined earlier to those who joined later.
    """
    from chain.ledger.peers import pack_edges
    from karat.errors import ConfigError

    weights, own = _weights(edges), session.address
    if own in weights:
        raise typer.BadParameter(f"{own} is your own account", param_hint=_EDGES)
    _require_peers(session.history(number), [own, *weights])
    anchor = session.connection.anchor
    if anchor is None:
        name = session.profile.name
        raise ConfigError(f'the network {name!r} names no anchor: add anchor = "0x…" to it')
    done = session.act([anchor.attest_peers(number, pack_edges(list(weights.items())))])
    document = {
        **done.document(),
        "task": number,
        "address": own,
        "round": session.ledger.task(number).current_round,
        "edges": [{"to": to, "weight": weight} for to, weight in weights.items()],
    }
    said = [f"{own} states {weight:+} about {to}." for to, weight in weights.items()]
    session.show("karat.reputation.attest/1", document, done.lines() if done.dry_run else said)


def _weights(words: list[str]) -> dict[str, int]:
    """Weights by checksummed address, from words ADDRESS=WEIGHT that the contract would take."""
    from chain.errors import BadAddress, BadCommitment
    from chain.evm.addresses import checked_address
    from chain.ledger.peers import pack_edges

    edges: list[tuple[str, int]] = []
    try:
        for word in words:
            found = re.fullmatch(r"(0x\w+)=([+-]?\d{1,5})", word, re.ASCII)
            if found is None:
                raise typer.BadParameter(f"{word!r} is not ADDRESS=WEIGHT", param_hint=_EDGES)
            edges.append((checked_address(found[1]), int(found[2])))
        pack_edges(edges)
    except (BadAddress, BadCommitment) as error:
        raise typer.BadParameter(str(error), param_hint=_EDGES) from error
    weights = dict(edges)
    if len(weights) < len(edges):
        raise typer.BadParameter("an address is there twice: add its weights", param_hint=_EDGES)
    return weights


def _require_peers(history: "TaskHistory", accounts: list[str]) -> None:
    """Refuse edges that nobody would count."""
    from karat.errors import NotAvailable
    from karat.protocol.trust import peers

    known = peers(history)
    for account in accounts:
        if account not in known:
            raise NotAvailable(
                f"{account} can neither attest nor be attested in task {history.task_id}: only "
                "trainers can that no settled round convicted, and that never were its sponsor or "
                "one of its verifiers"
            )
