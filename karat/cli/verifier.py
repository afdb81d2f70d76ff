"""``karat verifier``: score updates, vote, keep a task going."""

import typer

from karat.cli.members import MaxTopUpFlag, MetricsFlag, OnceFlag, add_membership, member_summary
from karat.cli.options import LOOK, SIGN, verb
from karat.cli.output import pairs
from karat.cli.task import TaskArgument
from karat.cli.terminal import Terminal
from karat.sdk import documents

verifier = typer.Typer(
    name="verifier", help="Score updates, vote, keep a task going.", no_args_is_help=True
)


add_membership(
    verifier,
    "verifier",
    "Join a task as a verifier, with a stake; the sponsor must have appointed you.",
)


@verifier.command()
@verb(*LOOK, "account", prints=documents.VerifierStatus)
def status(terminal: Terminal, number: TaskArgument) -> None:
    """Show stake, balance and earnings."""
    task = terminal.network.task(number)
    member = task.verifier_status()
    terminal.show(member, pairs(member_summary(member, task)))


@verifier.command()
@verb(*LOOK, *SIGN, prints=documents.Withdrawn)
def claim(terminal: Terminal, number: TaskArgument) -> None:
    """Get the balance of rewards paid out."""
    task = terminal.network.task(number)
    done = terminal.carry_out(task.withdraw())
    paid = f"{task.money.show(done.amount)} paid out."
    terminal.show(done, [paid if done.amount else "Nothing to claim."])


@verifier.command()
@verb(*LOOK, "account", "password_file", "no_input", "device", prints=documents.VerifierRan)
def run(
    terminal: Terminal,
    number: TaskArgument,
    metrics: MetricsFlag = None,
    once: OnceFlag = False,
    max_top_up: MaxTopUpFlag = "0",
) -> None:
    """Vote in every round until the task is over, and take the steps that anyone may take.

    May be killed and started again at any moment: it goes on where it was.
    """
    judging = terminal.network.task(number).judging
    terminal.show(judging.run(metrics=metrics, once=once, max_top_up=max_top_up), [])
