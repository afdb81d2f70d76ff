"""What trainers and verifiers share: joining, leaving, and where they stand."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from karat.cli.options import LOOK, SIGN, shared
from karat.cli.session import Session
from karat.cli.task import TaskArgument

if TYPE_CHECKING:
    from chain.ledger.bindings.structs import Member
    from karat.money import Money

StakeFlag = Annotated[
    str | None, typer.Option(help="In tokens; by default what the task requires.")
]
AmountArgument = Annotated[
    str | None,
    typer.Argument(metavar="AMOUNT", help="In tokens; by default what the stake lacks."),
]
MetricsFlag = Annotated[
    str | None, typer.Option(metavar="HOST:PORT", help="Serve /metrics and /health there.")
]
OnceFlag = Annotated[bool, typer.Option("--once", help="Do what is due now, and end.")]


def add_membership(app: typer.Typer, role: str, joining: str) -> None:
    """Give an app the verbs that trainers and verifiers share; ``joining`` is the first's help."""

    @app.command(help=joining)
    @shared(*LOOK, *SIGN)
    def join(session: Session, number: TaskArgument, stake: StakeFlag = None) -> None:
        _join(session, number, stake, role)

    @app.command(help="Add to your stake: one suspended after a slash may act again.")
    @shared(*LOOK, *SIGN)
    def top_up(session: Session, number: TaskArgument, amount: AmountArgument = None) -> None:
        _top_up(session, number, amount, role)

    @app.command(help="Ask to leave, or, after the cool-down, leave with stake and rewards.")
    @shared(*LOOK, *SIGN)
    def leave(session: Session, number: TaskArgument) -> None:
        _leave(session, number)


def _join(session: Session, number: int, stake: str | None, role: str) -> None:
    """Join a task with a stake, and say so."""
    from karat.protocol.rules import required_stake

    money = session.money(number)
    least = required_stake(session.params(number), role)
    units = least if stake is None else money.parse(stake)
    session.confirm(f"Stake {money.show(units)} in task {number} as a {role}?")
    ledger = session.ledger
    joining = ledger.join_trainer if role == "trainer" else ledger.join_verifier
    done = session.act([*session.deposit(session.token(number), units), joining(number, units)])
    document = {
        **done.document(),
        "task": number,
        "role": role,
        "address": session.address,
        "stake": units,
    }
    said = f"{session.address} is a {role} of task {number}, with {money.show(units)} at stake."
    session.show(f"karat.{role}.join/1", document, done.lines() if done.dry_run else [said])


def _top_up(session: Session, number: int, amount: str | None, role: str) -> None:
    """Add to a stake, and say what it is now."""
    from karat.errors import NotAvailable
    from karat.protocol.rules import required_stake

    money, ledger = session.money(number), session.ledger
    member = require_member(session, number, role)
    needed = required_stake(session.params(number), role, member.weight)
    units = max(0, needed - member.stake) if amount is None else money.parse(amount)
    if units == 0:
        raise NotAvailable(
            f"the stake is {money.show(member.stake)}, and {money.show(needed)} are needed: "
            "name an amount to add to it"
        )
    session.confirm(f"Add {money.show(units)} to your stake in task {number}?")
    call = ledger.top_up(number, session.address, units)
    done = session.act([*session.deposit(session.token(number), units), call])
    stake = ledger.member(number, session.address).stake
    document = {
        **done.document(),
        "task": number,
        "role": role,
        "address": session.address,
        "amount": units,
        "stake": stake,
    }
    said = f"The stake of {session.address} in task {number} is now {money.show(stake)}."
    session.show(f"karat.{role}.top-up/1", document, done.lines() if done.dry_run else [said])


def _leave(session: Session, number: int) -> None:
    """Ask to leave a task, or leave it once the cool-down is over, and say so."""
    from chain.ledger.bindings.ledger_events import Left
    from karat.errors import NotAvailable
    from karat.participants.trainer.records import Records

    money, ledger = session.money(number), session.ledger
    member = ledger.member(number, session.address)
    session.clock.advance_if_idle()
    now = session.clock.now()
    if now < member.leave_at:
        raise NotAvailable(
            f"the cool-down of {session.address} in task {number} ends in {member.leave_at - now} s"
        )
    if member.leave_at == 0:
        session.confirm(f"Leave task {number}? The stake comes back after the cool-down.")
        done, state = session.act([ledger.request_leave(number)]), "leaving"
        leave_at = ledger.member(number, session.address).leave_at
        said = f"The cool-down has begun: run this again in {max(0, leave_at - now)} s."
    else:
        claims = Records(ledger, number, session.address).claims()
        done, state = session.act([ledger.batch([*claims, ledger.leave(number)])]), "left"
        leave_at = member.leave_at
        left = [one for receipt in done.receipts for one in ledger.events_in(receipt, Left)]
        said = f"Left task {number} with {money.show(sum(one.amount for one in left))}."
    document = {**done.document(), "task": number, "state": state, "leave_at": leave_at}
    session.show("karat.leave/1", document, done.lines() if done.dry_run else [said])


def require_member(session: Session, number: int, role: str) -> "Member":
    """The account's membership.

    Raises:
        NotAvailable: it has no such role in the task.
    """
    from karat.errors import NotAvailable

    member = session.ledger.member(number, session.address)
    if member.role.name.lower() != role:
        raise NotAvailable(
            f"{session.address} is no {role} of task {number}; `karat {role} join {number}` "
            "makes it one"
        )
    return member


def member_document(session: Session, number: int) -> dict[str, Any]:
    """Where an account stands in a task; amounts in base units."""
    from karat.protocol.rules import phase_name

    history, ledger = session.history(number), session.ledger
    member = ledger.member(number, session.address)
    current = ledger.task(number).current_round
    return {
        "task": number,
        "address": session.address,
        "role": member.role.name.lower(),
        "stake": member.stake,
        "balance": member.balance,
        "suspended": member.suspended,
        "leave_at": member.leave_at or None,
        "rewarded": history.account(session.address).earned,
        "slashed": history.account(session.address).slashed,
        "round": current,
        "phase": phase_name(ledger.phase(number, current)),
    }


def member_summary(document: dict[str, Any], money: "Money") -> dict[str, Any]:
    """A member document for people."""
    state = (
        " (leaving)" if document["leave_at"] else " (suspended)" if document["suspended"] else ""
    )
    return {
        "task": document["task"],
        "account": document["address"],
        "role": document["role"] + state,
        "stake": money.show(document["stake"]),
        "balance": money.show(document["balance"]),
        "earned": money.show(document["rewarded"]),
        "slashed": money.show(document["slashed"]),
        "round": f"{document['round']}, {document['phase']}",
    }
