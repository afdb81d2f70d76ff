"""``karat trainer``: train on your own data, submit updates, get paid."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Annotated, Any

import typer

from karat.cli.members import (
    MetricsFlag,
    OnceFlag,
    add_membership,
    member_document,
    member_summary,
    require_member,
)
from karat.cli.options import LOOK, SIGN, shared
from karat.cli.output import pairs, table
from karat.cli.session import Session
from karat.cli.task import TaskArgument

if TYPE_CHECKING:
    from karat.participants.trainer.work import Trained, TrainerWork
    from learning.tasks.data import Examples

trainer = typer.Typer(
    name="trainer", help="Train on your own data, submit updates, get paid.", no_args_is_help=True
)

DataFlag = Annotated[
    Path | None,
    typer.Option(
        "--data", exists=True, help="Own data: an .npz file with x and y, or a folder of them."
    ),
]
ShardFlag = Annotated[
    str | None, typer.Option("--shard", metavar="I/N", help="Part of the task's own data set.")
]
SeedFlag = Annotated[int | None, typer.Option(min=0, help="Seed of the batches.")]


add_membership(trainer, "trainer", "Join a task as a trainer, with a stake.")


@trainer.command()
@shared(*LOOK, *SIGN, "device")
def train(
    session: Session,
    number: TaskArgument,
    data: DataFlag = None,
    shard: ShardFlag = None,
    seed: SeedFlag = None,
) -> None:
    """Train for the current round and keep the update on this machine; sends nothing."""
    work = _work(session, number)
    done = _train(session, work, work.current_round(), data, shard, seed)
    document = _trained(number, done)
    lines = [f"Trained for round {done.round}: {done.size} bytes; `karat trainer submit {number}`."]
    session.show("karat.trainer.train/1", document, lines)


@trainer.command()
@shared(*LOOK, *SIGN, "device")
def submit(
    session: Session,
    number: TaskArgument,
    data: DataFlag = None,
    shard: ShardFlag = None,
    seed: SeedFlag = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait for the reveal phase and reveal.")
    ] = False,
) -> None:
    """Commit to the current round's update, or reveal it; run it again after any failure.

    Trains first if nothing is trained yet and --data or --shard is given, or the task assigns
    data. What was done is not done again.
    """
    from chain.ledger.bindings.enums import Phase, RecordKind

    work = _work(session, number)
    session.clock.advance_if_idle()
    current = work.current_round()
    may_train = work.record(current) is None and work.phase(current) is Phase.COMMIT
    has_data = data or shard or work.following.task().spec.data.assigned
    if may_train and has_data and not work.trained(current):
        _train(session, work, current, data, shard, seed)
    done = session.act(work.commit_calls(current))
    if not session.options.dry_run:
        if wait:
            _wait_for(work.info(current).commit_deadline, session)
        if wait or work.phase(current) is Phase.REVEAL:
            done.add(session.act(work.reveal_calls(current)))
    record = work.record(current)
    state = record.kind.name.lower() if record else "none"
    document = {**done.document(), "task": number, "round": current, "state": state}
    said = f"Round {current} of task {number}: {state}."
    if record and record.kind is RecordKind.COMMITTED:
        left = work.info(current).commit_deadline - session.clock.now()
        said += f" Reveal it in {left} s: the same command, or --wait."
    session.show("karat.trainer.submit/1", document, done.lines() if done.dry_run else [said])


def _wait_for(deadline: int, session: Session) -> None:
    session.note("Waiting for the reveal phase.")
    idle = Event()
    while (left := deadline - session.clock.now()) > 0:
        idle.wait(min(left, 1.0))
        session.clock.advance_if_idle()


@trainer.command()
@shared(*LOOK, "account")
def status(session: Session, number: TaskArgument) -> None:
    """Show stake, balance, and what became of your updates."""
    from karat.participants.trainer.records import Records
    from karat.protocol.rules import earned
    from karat.sdk import updates_of

    document = member_document(session, number)
    money, history = session.money(number), session.history(number)
    mine = [
        update
        for one in history.rounds.values()
        for update in updates_of(one)
        if update.trainer == session.address
    ]
    open_rounds = set(Records(session.ledger, number, session.address).claimable())
    document["claimable"] = sum(
        earned(history.params, history.rounds[u.round], u.median)
        for u in mine
        if u.round in open_rounds
    )
    document["updates"] = [
        {"round": u.round, "cid": u.cid, "verdict": u.verdict, "weight": u.weight} for u in mine
    ]
    shown = member_summary(document, money)
    shown["claimable"] = money.show(document["claimable"])
    rows = [(u.round, u.verdict or "-", u.weight if u.verdict else "-", u.cid) for u in mine]
    lines = pairs(shown)
    if rows:
        lines += ["", *table(("round", "verdict", "weight", "update"), rows)]
    session.show("karat.trainer.status/1", document, lines)


@trainer.command()
@shared(*LOOK, *SIGN)
def claim(session: Session, number: TaskArgument) -> None:
    """Get paid for every round that has ended, in one transaction."""
    from karat.participants.trainer.records import Records

    money, records = session.money(number), Records(session.ledger, number, session.address)
    rounds = records.claimable()
    before = session.history(number).account(session.address).earned
    done = session.act(records.claim_calls())
    earned = session.history(number).account(session.address).earned - before
    document = {**done.document(), "task": number, "rounds": rounds, "rewards": earned}
    said = f"Rounds {rounds}: {money.show(earned)}." if rounds else "Nothing to claim."
    session.show("karat.trainer.claim/1", document, done.lines() if done.dry_run else [said])


@trainer.command()
@shared(*LOOK, *SIGN[:2], "no_input", "device")
def run(
    session: Session,
    number: TaskArgument,
    data: DataFlag = None,
    shard: ShardFlag = None,
    metrics: MetricsFlag = None,
    once: OnceFlag = False,
) -> None:
    """Take part in every round until the task is over: train, commit, reveal, claim."""
    from karat.participants.daemon.logs import daemon_log
    from karat.participants.daemon.loop import (
        run_steps,
        stopped_by_signals,
        wait_for_own_transactions,
    )
    from karat.participants.daemon.metrics import Metrics, served
    from karat.participants.daemon.outbox import Outbox
    from karat.participants.trainer.daemon import TrainerDaemon

    work = _work(session, number)
    log = daemon_log("trainer", task=number, account=session.address)
    meter = Metrics("trainer")
    examples = _examples(work, data, shard)
    require_member(session, number, "trainer")
    with stopped_by_signals() as stop, served(meter, metrics) as url:
        log.info("started", metrics=url)
        wait_for_own_transactions(session.sender, stop)
        outbox = Outbox(session.sender, log, meter)
        daemon = TrainerDaemon(work, examples, outbox, session.clock)
        run_steps(daemon.step, stop, log, meter, poll=session.poll_seconds, once=once)
        log.info("ended")
    session.show("karat.trainer.run/1", {"task": number, "account": session.address}, [])


def _work(session: Session, number: int) -> "TrainerWork":
    from karat.participants.daemon.follow import Following
    from karat.participants.trainer.work import TrainerWork

    from_block = session.profile.from_block
    following = Following(session.ledger, number, session.store, from_block)
    return TrainerWork(session.ledger, following, session.sender, session.settings.device)


def _examples(work: "TrainerWork", data: Path | None, shard: str | None) -> "Examples | None":
    """None stands for what the task assigns."""
    from karat.participants.trainer.data import load_examples, shard_of

    spec = work.following.task().spec
    if data is not None and shard is None:
        return load_examples(spec, data)
    if shard is not None and data is None:
        return shard_of(spec, shard)
    if data is None and spec.data.assigned is not None:
        return None
    raise typer.BadParameter(
        "give one of --data and --shard; neither only if the task assigns data", param_hint="--data"
    )


def _train(
    session: Session,
    work: "TrainerWork",
    current: int,
    data: Path | None,
    shard: str | None,
    seed: int | None,
) -> "Trained":
    examples = _examples(work, data, shard)
    require_member(session, work.task_id, "trainer")
    steps = work.following.task().spec.training.steps
    with _progress(current, steps) as on_step:
        done = work.train(current, examples, seed=seed, on_step=on_step)
    session.note(
        f"Round {current}: {done.examples} examples, {steps} steps, loss {done.loss_first:.4f} → "
        f"{done.loss_last:.4f}"
    )
    return done


@contextmanager
def _progress(current: int, steps: int) -> Iterator[Callable[[int, float], None] | None]:
    """A bar with the loss on stderr, if that is a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bars:
        bar = bars.add_task(f"training round {current}", total=steps)
        yield lambda step, loss: bars.update(
            bar, completed=step, description=f"training round {current}, loss {loss:.4f}"
        )


def _trained(number: int, done: "Trained") -> dict[str, Any]:
    return {
        "task": number,
        "round": done.round,
        "size": done.size,
        "loss_first": done.loss_first,
        "loss_last": done.loss_last,
    }
