"""``karat demo``: a whole network on one machine."""

import signal
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from karat import demo as theatre
from karat.cli.options import verb
from karat.cli.output import command_line, prepare_report
from karat.cli.terminal import Terminal
from karat.demo.result import DemoResult
from karat.errors import ConfigError


@verb("json", prints=DemoResult)
def demo(
    terminal: Terminal,
    rounds: Annotated[int, typer.Option(min=1, max=100, help="Rounds to run.")] = 5,
    seed: Annotated[int, typer.Option(min=0, help="Seed; the same seed repeats the run.")] = 0,
    node: Annotated[
        str, typer.Option(help="Chain: anvil, hardhat, embedded, or auto (anvil if installed).")
    ] = "auto",
    ipfs: Annotated[
        str | None, typer.Option(help="URL of an IPFS node's RPC, in place of the embedded store.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for the outputs; by default a new one in karat-demo."),
    ] = None,
    drop: Annotated[
        list[str] | None,
        typer.Option(help="NAME@ROUND:STEP: a participant that dies then; may be repeated."),
    ] = None,
    attackers: Annotated[
        bool, typer.Option(help="Whether attackers take part, to see what they change.")
    ] = True,
    task: Annotated[str, typer.Option(help="Task from the registry.")] = "mlp-digits",
    honest: Annotated[int, typer.Option(min=2, max=100, help="Honest trainers.")] = 8,
    keep: Annotated[
        bool,
        typer.Option("--keep", help="Keep the chain running until Ctrl-C, as the network `demo`."),
    ] = False,
    device: Annotated[str, typer.Option(help="Where to compute: auto, cpu or cuda.")] = "auto",
    report: Annotated[
        Path | None,
        typer.Option(help="Folder for an HTML page of its own and its figures (PNG)."),
    ] = None,
) -> None:
    """Run honest trainers and attackers through real rounds on a real chain."""
    if report is not None:
        prepare_report(report)
    if keep and node == "embedded":
        raise ConfigError("the embedded EVM lives in this process: --keep needs anvil or hardhat")
    config = theatre.DemoConfig.make(
        rounds=rounds,
        seed=seed,
        node=node,
        ipfs=ipfs,
        out=out,
        device=device,
        drops=drop or (),
        attackers=attackers,
        task=task,
        honest=honest,
    )
    for notice in config.notices:
        terminal.note(notice)
    with ExitStack() as running:
        with theatre.DemoProgress(Console(stderr=True), config.rounds) as progress:
            end = running.enter_context(theatre.played(config, progress))
        result = end.result
        if report is not None:
            result = theatre.with_report(end, report, command_line())
        terminal.show(result, [])
        if not terminal.options.json:
            theatre.show(result, Console())
        if keep:
            _stay(terminal, end, config.store_url)


def _stay(terminal: Terminal, end: "theatre.Played", store_url: str) -> None:
    """Keep the chain until Ctrl-C or SIGTERM, for other commands as the network ``demo``."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    with theatre.lasting(end) as profile:
        sys.stdout.flush()  # whoever reads a pipe or a file has the result while the chain stays
        look = f"karat serve --network {profile.name} --store {store_url}"
        terminal.note(
            f"The chain stays at {profile.rpc_url}; Ctrl-C ends it. To look at it: {look}"
        )
        signal.pause()
