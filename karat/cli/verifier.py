"""``karat verifier``: score updates, vote, keep a task going."""

import typer

from karat.cli.members import (
    MetricsFlag,
    OnceFlag,
    add_membership,
    member_document,
    member_summary,
)
from karat.cli.options import LOOK, SIGN, shared
from karat.cli.output import pairs
from karat.cli.session import Session
from karat.cli.task import TaskArgument

verifier = typer.Typer(
    name="verifier", help="Score updates, vote, keep a task going.", no_args_is_help=True
)


add_membership(
    verifier,
    "verifier",
    "Join a task as a verifier, with a stake; the sponsor must have appointed you.",
)


@verifier.command()
@shared(*LOOK, "account")
def status(session: Session, number: TaskArgument) -> None:
    """Show stake, balance and earnings."""
    document = member_document(session, number)
    shown = member_summary(document, session.money(number))
    session.show("karat.verifier.status/1", document, pairs(shown))


@verifier.command()
@shared(*LOOK, *SIGN)
def claim(session: Session, number: TaskArgument) -> None:
    """Get the balance of rewards paid out."""
    money = session.money(number)
    amount = session.ledger.member(number, session.address).balance
    calls = [session.ledger.withdraw(number, session.address)] if amount else []
    done = session.act(calls)
    document = {**done.document(), "task": number, "amount": amount}
    said = f"{money.show(amount)} paid out." if amount else "Nothing to claim."
    session.show("karat.verifier.claim/1", document, done.lines() if done.dry_run else [said])


@verifier.command()
@shared(*LOOK, "account", "password_file", "no_input", "device")
def run(
    session: Session,
    number: TaskArgument,
    metrics: MetricsFlag = None,
    once: OnceFlag = False,
) -> None:
    """Vote in every round until the task is over, and take the steps that anyone may take.

    May be killed and started again at any moment: it goes on where it was.
    """
    from chain.ledger.bindings.enums import Role
    from karat.participants.daemon.follow import Following
    from karat.participants.daemon.logs import daemon_log
    from karat.participants.daemon.loop import (
        run_steps,
        stopped_by_signals,
        wait_for_own_transactions,
    )
    from karat.participants.daemon.metrics import Metrics, served
    from karat.participants.daemon.outbox import Outbox
    from karat.participants.verifier.daemon import VerifierDaemon

    ledger, anchor, sender = session.ledger, session.connection.anchor, session.sender
    following = Following(ledger, number, session.store, session.profile.from_block)
    log = daemon_log("verifier", task=number, account=session.address)
    meter = Metrics("verifier")
    outbox = Outbox(sender, log, meter)
    device = session.settings.device
    daemon = VerifierDaemon(ledger, anchor, following, outbox, device, session.clock)
    with stopped_by_signals() as stop, served(meter, metrics) as url:
        log.info("started", metrics=url)
        if ledger.member(number, session.address).role is not Role.VERIFIER:
            log.warning("not a verifier of the task, so it will not vote", fix="verifier join")
        wait_for_own_transactions(sender, stop)
        run_steps(daemon.step, stop, log, meter, poll=session.poll_seconds, once=once)
        log.info("ended")
    session.show("karat.verifier.run/1", {"task": number, "account": session.address}, [])
