"""``karat round``: look at a round; take the steps that are due and that anyone may take."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from karat.cli.options import LOOK, SIGN, shared
from karat.cli.output import pairs, table
from karat.cli.session import Session
from karat.cli.task import TaskArgument

if TYPE_CHECKING:
    from karat.protocol.state import Appeal, Round

round_ = typer.Typer(name="round", help="Look at rounds and move them on.", no_args_is_help=True)


@round_.command()
@shared(*LOOK)
def show(
    session: Session,
    number: TaskArgument,
    which: Annotated[
        int | None, typer.Argument(metavar="ROUND", min=1, help="By default the current one.")
    ] = None,
) -> None:
    """Show a round: phase, deadlines, updates with their scores and verdicts."""
    from karat.errors import NotAvailable
    from karat.protocol.rules import phase_name
    from karat.sdk import updates_of

    history = session.history(number)
    chosen = session.ledger.task(number).current_round if which is None else which
    if chosen == 0:
        raise NotAvailable(f"task {number} has had no round yet; `karat round open {number}`")
    current, info = history.round(chosen), session.ledger.round_info(number, chosen)
    phase = phase_name(session.ledger.phase(number, chosen))
    updates = list(updates_of(current))
    deadlines = {
        "commit": info.commit_deadline,
        "reveal": info.reveal_deadline,
        "score_commit": info.score_commit_deadline or None,
        "score_reveal": info.score_reveal_deadline or None,
    }
    document: dict[str, Any] = {
        "task": number,
        "round": chosen,
        "phase": phase,
        "outcome": current.outcome.value,
        "deadlines": deadlines,
        "committed": current.commits,
        "committee": list(current.committee),
        "voted": list(current.votes),
        "seed": None if current.seed is None else "0x" + current.seed.hex(),
        "updates": [{k: v for k, v in asdict(one).items() if k != "round"} for one in updates],
        "appeals": [_appeal(session, number, current, one) for one in current.appeals.values()],
    }
    lines = pairs(
        {
            "task": number,
            "round": chosen,
            "phase": phase,
            "commits": f"{len(current.commits)}, {len(updates)} revealed",
            "committee": f"{len(current.committee)}, {len(current.votes)} revealed their scores",
        }
    )
    if updates:
        rows = [
            (u.index, u.trainer, u.size, u.verdict or "-", u.weight if u.verdict else "-")
            for u in updates
        ]
        lines += ["", *table(("index", "trainer", "bytes", "verdict", "weight"), rows)]
    for one in document["appeals"]:
        lines.append(
            f"appeal against the verdict on {one['index']} by {one['challenger']}: "
            + (one["outcome"] or f"{one['stage']}, {one['committed']} of {one['jurors']} committed")
        )
    session.show("karat.round/1", document, lines)


def _appeal(session: Session, number: int, current: "Round", one: "Appeal") -> dict[str, Any]:
    from karat.protocol.rules import appeal_stage, verdict_name

    view = session.ledger.appeal_info(number, current.number, one.index)
    resolved = one.upheld is not None
    return {
        "index": one.index,
        "challenger": one.challenger,
        "bond": one.bond,
        "stage": appeal_stage(view, session.clock.now()).value,
        "commit_deadline": one.commit_deadline,
        "reveal_deadline": one.reveal_deadline,
        "jurors": view.jurors,
        "jury_weight": one.jury_weight,
        "committed": view.committed,
        "votes": one.votes,
        "outcome": {True: "upheld", False: "rejected", None: None}[one.upheld],
        "old_verdict": verdict_name(one.old_code) if resolved else None,
        "new_verdict": verdict_name(one.new_code) if resolved else None,
        "reward": one.reward if resolved else None,
    }


@round_.command()
@shared(*LOOK, *SIGN)
def appeal(
    session: Session,
    number: TaskArgument,
    which: Annotated[int, typer.Argument(metavar="ROUND", min=1, help="Number of the round.")],
    index: Annotated[int, typer.Argument(metavar="INDEX", min=0, help="Index of the update.")],
) -> None:
    """Challenge the verdict on one update with a bond; anyone may, in the appeal phase.

    The verifiers outside the committee vote. If they change the verdict, the bond comes back with
    as much again from those who erred; if not, it is lost to the task's escrow.
    """
    from chain.ledger.bindings.enums import Phase
    from karat.errors import NotAvailable
    from karat.protocol.rules import phase_name

    bond, money = session.params(number).appeal_bond, session.money(number)
    phase = session.ledger.phase(number, which)
    if phase is not Phase.APPEAL:
        raise NotAvailable(f"round {which} takes no appeals: it is in phase {phase_name(phase)}")
    session.confirm(f"Put {money.show(bond)} on it that the verdict on update {index} is wrong?")
    call = session.ledger.appeal(number, which, index)
    done = session.act([*session.deposit(session.token(number), bond), call])
    view = session.ledger.appeal_info(number, which, index)
    document = {
        **done.document(),
        "task": number,
        "round": which,
        "index": index,
        "bond": bond,
        "jurors": view.jurors,
        "commit_deadline": view.commit_deadline,
        "reveal_deadline": view.reveal_deadline,
    }
    said = f"{view.jurors} verifiers vote on update {index}; `karat round show {number} {which}`."
    session.show("karat.round.appeal/1", document, done.lines() if done.dry_run else [said])


@round_.command(name="open")
@shared(*LOOK, *SIGN)
def open_(session: Session, number: TaskArgument) -> None:
    """Open the next round; anyone may, once the one before is over."""
    from karat.protocol.rounds import opening

    _ = session.params(number)
    session.clock.advance_if_idle()
    call = opening(session.ledger, number, session.clock.now())
    done = session.act([call])
    opened = session.ledger.task(number).current_round
    document = {**done.document(), "task": number, "round": opened}
    said = f"Round {opened} of task {number} is open."
    session.show("karat.round.open/1", document, done.lines() if done.dry_run else [said])


@round_.command()
@shared(*LOOK, *SIGN)
def settle(session: Session, number: TaskArgument) -> None:
    """Take the step that is due in the current round: close its reveals, settle it, or void it."""
    from karat.protocol.rounds import due_calls
    from karat.protocol.rules import phase_name

    history = session.history(number)
    session.clock.advance_if_idle()
    calls = due_calls(session.ledger, history)
    done = session.act(calls)
    current = session.ledger.task(number).current_round
    phase = phase_name(session.ledger.phase(number, current))
    document = {**done.document(), "task": number, "round": current, "phase": phase}
    steps = ", ".join(call.operation for call in calls) or "nothing was due"
    said = f"Round {current} of task {number}: {steps}; now in phase {phase}."
    session.show("karat.round.settle/1", document, done.lines() if done.dry_run else [said])
