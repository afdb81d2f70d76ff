"""``karat task``: a sponsor's work: create, fund, look at and close tasks."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated

import typer

from karat import sdk
from karat.cli.options import LOOK, SIGN, verb
from karat.cli.output import pairs, table
from karat.cli.terminal import Terminal
from karat.sdk import documents

task = typer.Typer(name="task", help="Create, fund and look at tasks.", no_args_is_help=True)

TaskArgument = Annotated[int, typer.Argument(metavar="TASK", min=1, help="Number of the task.")]


@task.command()
@verb("json", prints=documents.TaskWritten)
def new(
    terminal: Terminal,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the task, such as Churn.")],
) -> None:
    """Write a class to fill in with a model of your own, and a task file for it."""
    done = sdk.own_tasks.write_task(name)
    terminal.show(done, [f"Wrote {' and '.join(done.files)}; then `karat task check {done.task}`."])


@task.command()
@verb("json", prints=documents.TaskChecked)
def check(
    terminal: Terminal,
    name: Annotated[str, typer.Argument(metavar="FILE.py:CLASS", help="A karat.Task of yours.")],
) -> None:
    """Export a task of yours, compare it with the original, play some rounds, say its cost."""
    done = sdk.own_tasks.check_task(name)
    shown = {
        "parameters": f"{done.parameters}, of which {done.trainable} are trained",
        "bytes": f"{done.bytes}, of which the program {done.program_bytes}",
        "operators": ", ".join(f"{name} ×{n}" for name, n in done.operators.items()),
        "apart from the original": f"{done.parity:.1e}",
        "before": _metrics(done.metrics_before),
        "after simulated rounds": _metrics(done.metrics_after),
        "seconds a round": _by_party(done.seconds_per_round),
        "gas a round": _by_party(done.gas_per_round),
    }
    lines = pairs(shown)
    for one in done.attacks:
        share = "nobody was paid" if one.reward_share is None else f"{one.reward_share:.1%}"
        lines.append(f"{one.attack}: {share} of the rewards to {one.trainer_share:.0%} of trainers")
    terminal.show(done, lines)


def _metrics(measured: dict[str, float | None]) -> str:
    return ", ".join(
        f"{name} {'–' if value is None else f'{value:.4f}'}" for name, value in measured.items()
    )


def _by_party(numbers: Mapping[str, float]) -> str:
    return ", ".join(f"{party} {number}" for party, number in numbers.items())


@task.command()
@verb(*LOOK, *SIGN, prints=documents.TaskCreated)
def create(
    terminal: Terminal,
    spec: Annotated[Path, typer.Option("--spec", help="TOML file: see docs/cli.md.")],
) -> None:
    """Create a task, escrow its rewards and appoint its verifiers."""
    plan = terminal.network.create_task(spec)
    done = terminal.carry_out(plan, confirm=True)
    if done.dry_run and not terminal.options.json:
        typer.echo(f"would {plan.purpose}")
    terminal.show(done, [f"Task {done.task} is created: {plan.purpose.removeprefix('escrow ')}."])


@task.command()
@verb(*LOOK, prints=documents.TaskOverview)
def show(terminal: Terminal, number: TaskArgument) -> None:
    """Show a task: money, rules, members, rounds."""
    chosen = terminal.network.task(number)
    overview, params, show = chosen.overview(), chosen.params, chosen.money.show
    joined = sum(one.joined for one in overview.verifiers)
    shown = {
        "task": number,
        "sponsor": overview.sponsor,
        "state": "closed" if overview.closed else "open",
        "round": f"{overview.round} of {overview.rounds}",
        "escrow": show(overview.escrow),
        "per round": f"{show(params.trainer_budget)} for trainers, "
        f"{show(params.verifier_budget)} for verifiers",
        "stakes": f"trainer {show(params.trainer_stake)}, verifier {show(params.verifier_stake)}",
        "windows": f"commit {params.commit_window} s, reveal {params.reveal_window} s, score "
        f"{params.score_commit_window} + {params.score_reveal_window} s",
        "trainers": len(overview.trainers),
        "verifiers": f"{joined} of {len(overview.verifiers)} appointed joined",
        "specification": overview.spec,
        "model": overview.model,
    }
    terminal.show(overview, pairs(shown))


@task.command(name="list")
@verb(*LOOK, prints=documents.TaskList)
def list_(terminal: Terminal) -> None:
    """List all tasks of the network."""
    network = terminal.network
    found = network.list_tasks()
    unit = cache(lambda number: network.task(number).money)
    rows = [
        (
            one.task,
            "closed" if one.closed else "open",
            f"{one.round}/{one.rounds}",
            one.trainers,
            unit(one.task).show(one.escrow),
            one.sponsor,
        )
        for one in (() if terminal.options.json else found.tasks)
    ]
    if not found.tasks:
        terminal.note("No task yet: `karat task create --spec FILE` makes one.")
    header = ("task", "state", "round", "trainers", "escrow", "sponsor")
    terminal.show(found, table(header, rows) if rows else [])


@task.command()
@verb(*LOOK, *SIGN, prints=documents.TaskFunded)
def top_up(
    terminal: Terminal,
    number: TaskArgument,
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="In tokens.")],
) -> None:
    """Add to a task's escrow."""
    chosen = terminal.network.task(number)
    done = terminal.carry_out(chosen.fund(amount), confirm=True)
    terminal.show(done, [f"The escrow of task {number} is now {chosen.money.show(done.escrow)}."])


@task.command()
@verb(*LOOK, *SIGN, prints=documents.TaskClosed)
def close(terminal: Terminal, number: TaskArgument) -> None:
    """End a task and get the escrow back that nobody has earned; sponsor only."""
    chosen = terminal.network.task(number)
    done = terminal.carry_out(chosen.close(), confirm=True)
    terminal.show(done, [f"Task {number} is closed; {chosen.money.show(done.amount)} came back."])
