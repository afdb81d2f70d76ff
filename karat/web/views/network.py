"""The whole network: what happened last, what all tasks add up to, and its accounts."""

from collections import Counter
from typing import Any

from chain.evm.abi import Event
from chain.ledger.bindings import ledger_events as ledger
from chain.ledger.bindings import reputation_anchor_events as anchor
from karat.errors import NotAvailable
from karat.web import schemas
from karat.web.overview import Overview
from karat.web.parameters import AccountPage, AccountPath, Latest
from karat.web.site import Site
from karat.web.views.participants import standing_of
from karat.web.views.tasks import place

_WORDS: dict[type[Event], str] = {
    ledger.TaskCreated: "created the task",
    ledger.TaskClosed: "closed the task",
    ledger.EscrowToppedUp: "topped up the escrow",
    ledger.TrainerJoined: "joined as a trainer",
    ledger.VerifierJoined: "joined as a verifier",
    ledger.Left: "left",
    ledger.RoundOpened: "The round was opened",
    ledger.UpdateCommitted: "committed to an update",
    ledger.UpdateRevealed: "revealed its update",
    ledger.BatchCommitted: "committed to a batch of updates",
    ledger.BatchRevealed: "revealed a batch of updates",
    ledger.RevealClosed: "The committee was drawn",
    ledger.ScoresCommitted: "committed to its scores",
    ledger.ScoresRevealed: "revealed its scores",
    ledger.RoundSettled: "The round was settled",
    ledger.RoundVoided: "The round became void",
    ledger.ModelAttested: "attested the next model",
    ledger.BaseModelFixed: "The next model was fixed",
    ledger.AppealOpened: "appealed",
    ledger.AppealResolved: "An appeal was decided",
    ledger.Slashed: "was slashed",
    ledger.RewardsClaimed: "was credited its rewards",
    anchor.EpochAnchored: "Reputations were anchored",
    anchor.PeersAttested: "attested other trainers",
}
_ACTORS = ("trainer", "verifier", "account", "sponsor", "challenger", "relayer", "from_")
_MOST_TASKS = 200


def totals(site: Site) -> schemas.Totals:
    """What all tasks add up to."""
    found, computing = site.overviews.get()
    amounts = []
    for token, sums in found.sums.items():
        unit = site.facts.unit(token)
        amounts.append(
            schemas.Amounts(
                token=schemas.Token(address=token, symbol=unit.symbol, decimals=unit.decimals),
                staked=str(sums.staked),
                earned=str(sums.earned),
                slashed=str(sums.slashed),
            )
        )
    return schemas.Totals(
        computing=computing,
        tasks=len(site.follower.tasks),
        accounts=len(found.roles),
        rounds=found.rounds,
        updates=found.updates,
        amounts=amounts,
    )


def activity(site: Site, wanted: Latest) -> schemas.Activity:
    """What happened last over all tasks, newest first."""
    events = site.follower.latest(_WORDS, wanted.limit)
    times = site.facts.times(event.at.block_number for event in events)
    return schemas.Activity(
        items=[_happening(site, event, times.get(event.at.block_number)) for event in events]
    )


def _happening(site: Site, event: Any, time: int | None) -> schemas.Happening:
    who = next((getattr(event, name) for name in _ACTORS if hasattr(event, name)), None)
    return schemas.Happening(
        task=event.task_id,
        round=getattr(event, "round", None),
        what=_WORDS[type(event)],
        who=who,
        name=None if who is None else site.names.get(who),
        place=place(event.at),
        time=time,
    )


def accounts(site: Site, wanted: AccountPage) -> schemas.AccountList:
    """The network's accounts, those in most tasks first."""
    found, computing = site.overviews.get()
    text = wanted.search.strip().lower()
    matching = [
        address
        for address in found.roles
        if text in address.lower() or text in site.names.get(address, "").lower()
    ]
    matching.sort(key=lambda address: (-len(found.roles[address]), -found.sent[address]))
    shown = matching[wanted.offset : wanted.offset + wanted.limit]
    return schemas.AccountList(
        total=len(matching),
        offset=wanted.offset,
        computing=computing,
        items=[schemas.AccountSummary(**_summary(site, found, address)) for address in shown],
    )


def account(site: Site, wanted: AccountPath) -> schemas.AccountDetails:
    """One account over all tasks, newest first."""
    found, computing = site.overviews.get()
    if wanted.address not in found.roles and not computing:
        raise NotAvailable(f"{wanted.address} takes no part in any task of this network")
    roles = found.roles.get(wanted.address, {})
    tasks = sorted(roles, reverse=True)[:_MOST_TASKS]
    return schemas.AccountDetails(
        **_summary(site, found, wanted.address),
        computing=computing,
        memberships=[_membership(site, wanted.address, task, roles[task]) for task in tasks],
    )


def _summary(site: Site, found: Overview, address: str) -> dict[str, Any]:
    counts = Counter(found.roles.get(address, {}).values())
    return {
        "address": address,
        "name": site.names.get(address),
        "sponsored": counts["sponsor"],
        "trained": counts["trainer"],
        "verified": counts["verifier"],
        "updates": found.sent[address],
    }


def _membership(site: Site, address: str, task: int, role: str) -> schemas.Membership:
    params = site.follower.tasks[task - 1].params
    known = site.library.specification(params.spec_digest)
    unit = site.facts.unit(params.token)
    book = site.follower.book(task)
    with site.follower.lock:
        member = book.history.members.get(address)
        fields: dict[str, Any] = {
            "state": "active" if member is None else standing_of(book, member),
            "stake": "0" if member is None else str(member.stake),
            "earned": "0" if member is None else str(member.earned),
            "slashed": "0" if member is None else str(member.slashed),
            "unpaid": "0" if member is None else str(member.balance),
            "updates": 0 if member is None else member.updates,
        }
    return schemas.Membership(
        **fields,
        task=task,
        name=known.value.name if known.state == "read" else None,
        role=role,  # type: ignore[arg-type]
        token=schemas.Token(address=params.token, symbol=unit.symbol, decimals=unit.decimals),
    )
