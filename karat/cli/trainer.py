"""``karat trainer``: train on your own data, submit updates, get paid."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from karat.cli.members import MaxTopUpFlag, MetricsFlag, OnceFlag, add_membership, member_summary
from karat.cli.model import OutFlag
from karat.cli.options import LOOK, SIGN, verb
from karat.cli.output import pairs, table
from karat.cli.progress import progress
from karat.cli.task import TaskArgument
from karat.cli.terminal import Terminal
from karat.sdk import documents

if TYPE_CHECKING:
    from karat import sdk

trainer = typer.Typer(
    name="trainer", help="Train on your own data, submit updates, get paid.", no_args_is_help=True
)


def _existing(path: Path | None) -> Path | None:
    if path is not None and ".py:" not in path.name and not path.exists():
        raise typer.BadParameter(f"{str(path)!r} does not exist")
    return path


DataFlag = Annotated[
    Path | None,
    typer.Option(
        "--data",
        callback=_existing,
        help="Own data: a file, a folder of files, or FILE.py:CLASS; see docs/cli.md.",
    ),
]
ShardFlag = Annotated[
    str | None, typer.Option("--shard", metavar="I/N", help="Part of the task's own data set.")
]
SeedFlag = Annotated[int | None, typer.Option(min=0, help="Seed of the batches.")]


add_membership(trainer, "trainer", "Join a task as a trainer, with a stake.")


@trainer.command()
@verb(*LOOK, prints=documents.TrainerChecked)
def check(terminal: Terminal, number: TaskArgument, data: DataFlag = None) -> None:
    """Compare your data with the task's sample, before you stake anything."""
    if data is None:
        raise typer.BadParameter("give the data to compare", param_hint="--data")
    done = terminal.network.task(number).check_data(data)
    rows: list[tuple[str, ...]] = [
        (part.name, *(f"{mean:.4g} ± {spread:.4g}" for mean, spread in _beside(part)))
        for part in done.parts
    ]
    rows.append(
        ("loss", *("–" if x is None else f"{x:.4g}" for x in (done.loss, done.sample_loss)))
    )
    lines = table((f"{done.examples} examples", "yours", "the sample's"), rows)
    terminal.show(done, [*lines, *(done.warnings or ["Nothing odd."])])


def _beside(part: documents.ComparedPart) -> tuple[tuple[float, float], tuple[float, float]]:
    return (part.mean, part.spread), (part.sample_mean, part.sample_spread)


@trainer.command()
@verb(*LOOK, *SIGN, "device", prints=documents.Trained)
def train(
    terminal: Terminal,
    number: TaskArgument,
    data: DataFlag = None,
    shard: ShardFlag = None,
    seed: SeedFlag = None,
) -> None:
    """Train for the current round and keep the update on this machine; sends nothing."""
    done = _train(terminal, terminal.network.task(number), data, shard, seed)
    terminal.show(
        done,
        [f"Trained for round {done.round}: {done.size} bytes; `karat trainer submit {number}`."],
    )


@trainer.command()
@verb(*LOOK, *SIGN[:2], "no_input", prints=documents.BaseSaved)
def base(terminal: Terminal, number: TaskArgument, output: OutFlag) -> None:
    """Write the model that the current round builds on, to train it with a loop of your own."""
    done = terminal.network.task(number).training.save_base(output)
    terminal.show(
        done,
        [
            f"The base of round {done.round}, {done.parameters} parameters, is in {done.path}; "
            f"`karat trainer submit {number} --weights FILE` sends what you make of it."
        ],
    )


@trainer.command()
@verb(*LOOK, *SIGN, "device", prints=documents.Submitted)
def submit(
    terminal: Terminal,
    number: TaskArgument,
    data: DataFlag = None,
    shard: ShardFlag = None,
    seed: SeedFlag = None,
    weights: Annotated[
        Path | None,
        typer.Option(
            "--weights",
            exists=True,
            dir_okay=False,
            help="Weights trained elsewhere from the round's base: a .safetensors file.",
        ),
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait for the reveal phase and reveal.")
    ] = False,
) -> None:
    """Commit to the current round's update, or reveal it; run it again after any failure.

    Trains first if nothing is trained yet and --data or --shard is given, or the task assigns
    data. What was done is not done again.
    """
    task = terminal.network.task(number)
    training = task.training
    if weights is not None and (data or shard):
        raise typer.BadParameter("give --weights, or data to train on", param_hint="--weights")
    if weights is not None and training.can_commit:
        training.take_weights(weights)
    elif training.lacks_update and (data or shard or training.assigns_data):
        _train(terminal, task, data, shard, seed)
    done = terminal.carry_out(task.submit())
    if wait and not done.dry_run:
        terminal.note("Waiting for the reveal phase.")
        training.wait_for_reveal()
    if not done.dry_run and (wait or training.reveal_due):
        revealed = terminal.carry_out(task.reveal())
        done = replace(revealed, transactions=[*done.transactions, *revealed.transactions])
    line = f"Round {done.round} of task {number}: {done.state}."
    if done.state == "committed":
        line += f" Reveal it in {training.seconds_to_reveal} s: the same command, or --wait."
    terminal.show(done, [line])


@trainer.command()
@verb(*LOOK, "account", prints=documents.TrainerStatus)
def status(terminal: Terminal, number: TaskArgument) -> None:
    """Show stake, balance, and what became of your updates."""
    task = terminal.network.task(number)
    member = task.trainer_status()
    lines = pairs({**member_summary(member, task), "claimable": task.money.show(member.claimable)})
    rows = [
        (one.round, one.verdict or "-", one.weight if one.verdict else "-", one.cid)
        for one in member.updates
    ]
    if rows:
        lines += ["", *table(("round", "verdict", "weight", "update"), rows)]
    terminal.show(member, lines)


@trainer.command()
@verb(*LOOK, "account", prints=documents.TrainerWhy)
def why(
    terminal: Terminal,
    number: TaskArgument,
    round_: Annotated[
        int | None,
        typer.Argument(metavar="[ROUND]", min=1, help="The latest that has ended, if none."),
    ] = None,
    trainer_: Annotated[
        str | None,
        typer.Option("--trainer", help="Another one than your account: address, name or dev:N."),
    ] = None,
) -> None:
    """Say why an update was paid what it was paid, and what to change."""
    done = terminal.network.task(number).why(round_, trainer=trainer_)
    terminal.show(done, [*done.answer, f"What to change: {done.change}"])


@trainer.command()
@verb(*LOOK, *SIGN, prints=documents.Claimed)
def claim(terminal: Terminal, number: TaskArgument) -> None:
    """Get paid for every round that has ended, in one transaction."""
    task = terminal.network.task(number)
    done = terminal.carry_out(task.claim())
    paid = f"Rounds {done.rounds}: {task.money.show(done.rewards)}."
    terminal.show(done, [paid if done.rounds else "Nothing to claim."])


@trainer.command()
@verb(*LOOK, *SIGN[:2], "no_input", "device", prints=documents.TrainerRan)
def run(
    terminal: Terminal,
    number: TaskArgument,
    data: DataFlag = None,
    shard: ShardFlag = None,
    metrics: MetricsFlag = None,
    once: OnceFlag = False,
    max_top_up: MaxTopUpFlag = "0",
) -> None:
    """Take part in every round until the task is over: train, commit, reveal, claim."""
    training = terminal.network.task(number).training
    _check_data(training, data, shard)
    terminal.show(
        training.run(data, shard=shard, metrics=metrics, once=once, max_top_up=max_top_up), []
    )


def _train(
    terminal: Terminal, task: "sdk.Task", data: Path | None, shard: str | None, seed: int | None
) -> documents.Trained:
    """Train with a bar that tells the loss."""
    _check_data(task.training, data, shard)
    steps = task.training.steps
    with progress("training", steps) as bar:

        def on_step(_: int, loss: float) -> None:
            bar.advance()
            bar.describe(f"training, loss {loss:.4f}")

        done = task.train(data, shard=shard, seed=seed, on_step=on_step)
    terminal.note(
        f"Round {done.round}: {done.examples} examples, {steps} steps, loss {done.loss_first:.4f} "
        f"→ {done.loss_last:.4f}"
    )
    return done


def _check_data(training: "sdk.Training", data: Path | None, shard: str | None) -> None:
    given = (data is not None) + (shard is not None)
    if given != 1 and not (given == 0 and training.assigns_data):
        raise typer.BadParameter(
            "give one of --data and --shard; neither only if the task assigns data",
            param_hint="--data",
        )
