"""``karat demo``: a whole network on one machine."""

import signal
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from karat.cli.output import JsonFlag, print_json, say
from karat.cli.reports import command_line, prepare_report

if TYPE_CHECKING:
    from karat.demo.result import DemoResult
    from karat.demo.run import Played

NETWORK = "demo"  # the profile of a chain that is kept


def demo(
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
    keep: Annotated[
        bool,
        typer.Option("--keep", help="Keep the chain running until Ctrl-C, as the network `demo`."),
    ] = False,
    device: Annotated[str, typer.Option(help="Where to compute: auto, cpu or cuda.")] = "auto",
    report: Annotated[
        Path | None,
        typer.Option(help="Folder for an HTML page of its own and its figures (PNG)."),
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Run honest trainers and attackers through real rounds on a real chain."""
    from karat.demo.config import DemoConfig
    from karat.errors import ConfigError

    if report is not None:
        prepare_report(report)
    if keep and node == "embedded":
        raise ConfigError("the embedded EVM lives in this process: --keep needs anvil or hardhat")
    config = DemoConfig.make(
        rounds=rounds,
        seed=seed,
        node=node,
        ipfs=ipfs,
        out=out,
        device=device,
        drops=drop or (),
        attackers=attackers,
    )
    for notice in config.notices:
        say(notice)
    # Only now: these bring in torch.
    from rich.console import Console

    from karat.demo.progress import DemoProgress
    from karat.demo.run import played
    from karat.demo.table import show

    with ExitStack() as running:
        with DemoProgress(Console(stderr=True), config.rounds) as progress:
            end = running.enter_context(played(config, progress))
        result = end.result if report is None else _reported(end, report)
        if json:
            print_json("karat.demo/1", result.document())
        else:
            show(result, Console())
        if keep:
            _stay(end, config.store_url)


def _stay(end: "Played", store_url: str) -> None:
    """Keep the chain until Ctrl-C or SIGTERM, for other commands as the network ``demo``."""
    from chain.ledger.profiles import Profile, delete_profile, save_profile

    stage = end.stage
    profile = Profile(
        name=NETWORK,
        kind="devnet",
        rpc_url=str(stage.devnet.rpc_url),
        chain_id=stage.devnet.chain_id,
        ledger=stage.ledger.address,
        anchor=stage.anchor.address,
        token=stage.token.address,
    )
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    save_profile(profile)
    sys.stdout.flush()  # whoever reads a pipe or a file has the result while the chain stays
    look = f"karat serve --network {NETWORK} --store {store_url}"
    say(f"The chain stays at {profile.rpc_url}; Ctrl-C ends it. To look at it: {look}")
    try:
        signal.pause()
    finally:
        delete_profile(NETWORK)


def _reported(end: "Played", folder: Path) -> "DemoResult":
    """Write the report; the result with its path among the outputs."""
    from dataclasses import replace

    from karat.demo.report import write_report
    from karat.protocol.trust import net_edges, trust_edges

    edges = net_edges(trust_edges(end.task.history))
    written = write_report(end.result, edges, folder, command_line())
    return replace(end.result, outputs={**end.result.outputs, "report": str(written)})
