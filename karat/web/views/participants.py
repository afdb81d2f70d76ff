"""The members of a task, and what each did."""

from typing import Any

from karat.errors import NotAvailable
from karat.protocol.rules import earned, required_stake
from karat.protocol.state import Account
from karat.web import schemas
from karat.web.book import TaskBook
from karat.web.parameters import MemberPage, MemberPath
from karat.web.site import Site
from karat.web.views.rounds import score
from karat.web.views.tasks import place, verdict_of

_ACTS = ("reveal", "commit", "reveal scores", "commit scores")  # the last that a member did


def participants(site: Site, wanted: MemberPage) -> schemas.ParticipantList:
    """A task's members."""
    book = site.follower.book(wanted.task)
    with site.follower.lock:
        ranking, computing = site.standings.ranking(book)
        scores = {} if ranking is None else ranking.scores
        found = [one for one in book.history.members.values() if _matches(site, one, wanted)]
        if wanted.order == "reputation":
            found.sort(key=lambda one: -scores.get(one.address, 0.0))
        elif wanted.order != "joined":
            found.sort(key=lambda one: -int(getattr(one, wanted.order)))
        shown = found[wanted.offset : wanted.offset + wanted.limit]
        items = [
            schemas.Participant(**_fields(site, book, one, scores.get(one.address)))
            for one in shown
        ]
    return schemas.ParticipantList(
        total=len(found), offset=wanted.offset, computing=computing, items=items
    )


def participant(site: Site, wanted: MemberPath) -> schemas.Member:
    """One member with its record."""
    book = site.follower.book(wanted.task)
    with site.follower.lock:
        member = book.history.members.get(wanted.address)
        if member is None:
            raise NotAvailable(f"{wanted.address} takes no part in task {wanted.task}")
        ranking, _ = site.standings.ranking(book)
        reputation = None if ranking is None else ranking.scores.get(member.address)
        records = [
            record
            for number in sorted(book.rounds, reverse=True)
            if (record := _record(book, number, member.address)) is not None
        ]
        return schemas.Member(**_fields(site, book, member, reputation), records=records)


def _matches(site: Site, member: Account, wanted: MemberPage) -> bool:
    text = wanted.search.strip().lower()
    named = text in member.address.lower() or text in site.names.get(member.address, "").lower()
    return named and wanted.role in {"", member.role}


def _fields(
    site: Site, book: TaskBook, member: Account, reputation: float | None
) -> dict[str, Any]:
    return {
        "address": member.address,
        "name": site.names.get(member.address),
        "role": member.role,
        "state": standing_of(book, member),
        "stake": str(member.stake),
        "earned": str(member.earned),
        "slashed": str(member.slashed),
        "unpaid": str(member.balance),
        "updates": member.updates,
        "weight": book.history.appointed.get(member.address),
        "reputation": reputation,
    }


def standing_of(book: TaskBook, member: Account) -> str:
    """Whether a member may act, is leaving, or has left."""
    if member.left:
        return "left"
    if member.leave_at:
        return "leaving"
    weight = book.history.appointed.get(member.address, 1)
    needed = required_stake(book.history.params, member.role, weight)
    return "suspended" if member.stake < needed else "active"


def _record(book: TaskBook, number: int, address: str) -> schemas.Record | None:
    """What a member did in a round; None if nothing."""
    past, current = book.history.rounds[number], book.rounds[number]
    own = next((one for one in past.updates if one.trainer == address), None)
    index = None if own is None else own.index
    code = past.medians[own.index] if own is not None and own.index < len(past.medians) else None
    if own is not None:
        did = "sent an update"
    elif address in past.votes:
        did = "voted"
    elif address in past.committee:
        did = "committed to a vote" if address in current.sealed else "did not vote"
    elif address in past.commits:
        did = "did not reveal its update" if current.closed else "committed to an update"
    else:
        return None
    credited = past.claimed.get(address, past.verifier_rewards.get(address))
    reward = earned(book.history.params, past, code) if credited is None else credited
    acts = [current.acts.get((step, address)) for step in _ACTS]
    at = next((one for one in acts if one is not None), None)
    return schemas.Record(
        place=None if at is None else place(at),
        round=number,
        did=did,
        index=index,
        verdict=None if code is None else verdict_of(code),
        score=score(code),
        reward=str(reward),
        claimed=credited is not None,
        slashed=str(past.slashes.get(address, 0)),
    )
