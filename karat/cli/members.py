"""What trainers and verifiers share: joining, leaving, and where they stand."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from karat.cli.options import LOOK, SIGN, verb
from karat.cli.task import TaskArgument
from karat.cli.terminal import Terminal
from karat.sdk import documents

if TYPE_CHECKING:
    from karat import sdk

Role = Literal["trainer", "verifier"]
StakeFlag = Annotated[
    str | None,
    typer.Option(help="In tokens; by default what the task requires, and a quarter more."),
]
AmountArgument = Annotated[
    str | None,
    typer.Argument(metavar="AMOUNT", help="In tokens; by default what the stake lacks."),
]
MetricsFlag = Annotated[
    str | None, typer.Option(metavar="HOST:PORT", help="Serve /metrics and /health there.")
]
JournalOut = Annotated[Path, typer.Option("--output", "-o", help="File to write; a new one.")]
JournalFile = Annotated[
    Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="What was exported.")
]
MaxTopUpFlag = Annotated[
    str,
    typer.Option(
        metavar="AMOUNT",
        help="In tokens: what may be added to the stake after slashes, over the whole task.",
    ),
]
OnceFlag = Annotated[bool, typer.Option("--once", help="Do what is due now, and end.")]


def add_membership(app: typer.Typer, role: Role, joining: str) -> None:
    """Give an app the verbs that trainers and verifiers share; ``joining`` is the first's help."""
    is_trainer = role == "trainer"
    joined = documents.TrainerJoined if is_trainer else documents.VerifierJoined
    added = documents.TrainerStakeAdded if is_trainer else documents.VerifierStakeAdded

    @app.command(help=joining)
    @verb(*LOOK, *SIGN, prints=joined)
    def join(terminal: Terminal, number: TaskArgument, stake: StakeFlag = None) -> None:
        task = terminal.network.task(number)
        plan: sdk.Plan[Any] = task.join_trainer(stake) if is_trainer else task.join_verifier(stake)
        done = terminal.carry_out(plan, confirm=True)
        staked = task.money.show(done.stake)
        terminal.show(
            done, [f"{done.address} is a {role} of task {number}, with {staked} at stake."]
        )

    @app.command(help="Add to your stake: one suspended after a slash may act again.")
    @verb(*LOOK, *SIGN, prints=added)
    def top_up(terminal: Terminal, number: TaskArgument, amount: AmountArgument = None) -> None:
        task = terminal.network.task(number)
        done = terminal.carry_out(task.top_up(amount, role=role), confirm=True)
        stake = task.money.show(done.stake)
        terminal.show(done, [f"The stake of {done.address} in task {number} is now {stake}."])

    @app.command(help="Ask to leave, or, after the cool-down, leave with stake and rewards.")
    @verb(*LOOK, *SIGN, prints=documents.Leaving)
    def leave(terminal: Terminal, number: TaskArgument) -> None:
        task = terminal.network.task(number)
        done = terminal.carry_out(task.leave(), confirm=not task.is_leaving)
        if done.state == "left":
            line = f"Left task {number} with {task.money.show(task.paid_out(done))}."
        else:
            wait = max(0, done.leave_at - terminal.network.clock.now())
            line = f"The cool-down has begun: run this again in {wait} s."
        terminal.show(done, [line])

    app.add_typer(_journal(role))


def _journal(role: Role) -> typer.Typer:
    """The verbs that move a journal."""
    app = typer.Typer(
        name="journal",
        help="Move what you have committed to between machines.",
        no_args_is_help=True,
    )

    @app.command(name="export", help="Write the journal to a file, once the daemon has ended.")
    @verb(*LOOK, "account", prints=documents.JournalExported)
    def export(terminal: Terminal, number: TaskArgument, output: JournalOut) -> None:
        done = terminal.network.task(number).journal(role).save_as(output)
        terminal.show(
            done,
            [
                f"{done.entries} files, {done.size} bytes, are in {done.path}. Import them on the "
                "other machine, and start no daemon on this one any more: two would contradict "
                "each other."
            ],
        )

    @app.command(name="import", help="Add what was exported elsewhere; nothing is written over.")
    @verb(*LOOK, "account", prints=documents.JournalImported)
    def import_(terminal: Terminal, number: TaskArgument, file: JournalFile) -> None:
        done = terminal.network.task(number).journal(role).add_from(file)
        terminal.show(done, [f"{done.added} files were added to the journal of task {number}."])

    return app


def member_summary(member: documents.Member, task: "sdk.Task") -> dict[str, Any]:
    """A member document for people."""
    money = task.money
    state = " (leaving)" if member.leave_at else " (suspended)" if member.suspended else ""
    return {
        "task": member.task,
        "account": member.address,
        "role": member.role + state,
        "stake": money.show(member.stake),
        "balance": money.show(member.balance),
        "earned": money.show(member.rewarded),
        "slashed": money.show(member.slashed),
        "round": f"{member.round}, {member.phase}",
    }
