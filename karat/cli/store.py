"""``karat store``: files by content, in the embedded store or on an IPFS node."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from karat import sdk
from karat.cli.options import verb
from karat.cli.progress import progress
from karat.cli.terminal import Terminal
from karat.sdk import documents

store = typer.Typer(
    name="store", help="Add, fetch and keep files by their content.", no_args_is_help=True
)

WHERE = ("store", "json")
CidArgument = Annotated[str, typer.Argument(metavar="CID", help="CID of the file.")]
OwnerFlag = Annotated[str, typer.Option(help="For whom it is kept.")]
RoundFlag = Annotated[int | None, typer.Option(min=0, help="Round it belongs to.")]
SizeFlag = Annotated[
    int | None, typer.Option(min=0, help="Exact length in bytes; any other is refused.")
]
MaxFlag = Annotated[
    str, typer.Option("--max-bytes", metavar="SIZE", help="A longer file is refused.")
]
_MAX = "16G"


def _files(terminal: Terminal) -> "sdk.Files":
    return sdk.Files(terminal.options.store)


@store.command()
@verb(*WHERE, prints=documents.FileAdded)
def add(
    terminal: Terminal,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File to add, or - for stdin.")],
    owner: OwnerFlag = "user",
    round: RoundFlag = None,
) -> None:
    """Store and pin a file; prints its CID."""
    is_stdin = str(file) == "-"
    if not is_stdin and not file.is_file():
        raise typer.BadParameter(f"{file} is not a file", param_hint="FILE")
    files = _files(terminal)
    with progress("adding", None if is_stdin else file.stat().st_size, "bytes") as bar:
        data = sys.stdin.buffer if is_stdin else file
        added = files.add(data, owner=owner, round_number=round, progress=bar.advance)
    terminal.show(added, [added.cid])


@store.command()
@verb(*WHERE, prints=documents.FileSaved)
def get(
    terminal: Terminal,
    cid: CidArgument,
    output: Annotated[
        Path, typer.Option("--output", "-o", dir_okay=False, help="File to write, or - for stdout.")
    ],
    size: SizeFlag = None,
    max_bytes: MaxFlag = _MAX,
) -> None:
    """Fetch a file, verify every byte, and write it; a partial file is never left."""
    files, limit = _files(terminal), sdk.files.parse_size(max_bytes)
    if str(output) == "-":
        if terminal.options.json:
            raise typer.BadParameter("stdout cannot hold both the file and --json")
        for piece in files.read(cid, max_bytes=limit, size=size):
            sys.stdout.buffer.write(piece)
        return
    with progress("fetching", size, "bytes") as bar:
        saved = files.save(cid, output, max_bytes=limit, size=size, progress=bar.advance)
    terminal.show_aside(saved, [f"{saved.size} bytes verified and written to {output}."])


@store.command()
@verb(*WHERE, prints=documents.FileState)
def stat(terminal: Terminal, cid: CidArgument) -> None:
    """Show the size and the pins of a file."""
    state = _files(terminal).stat(cid)
    lines = [state.cid, f"size      {state.size}", f"blocks    {state.total} bytes"]
    lines.append(f"complete  {'yes' if state.complete else 'no'}")
    for pin in state.pins:
        lines.append(
            f"pinned    {pin.owner}" + ("" if pin.round is None else f" round {pin.round}")
        )
    terminal.show(state, lines)


@store.command()
@verb(*WHERE, prints=documents.Pins)
def pin(
    terminal: Terminal,
    cid: Annotated[
        str | None, typer.Argument(metavar="[CID]", help="File to keep; lists all pins without.")
    ] = None,
    owner: OwnerFlag = "user",
    round: RoundFlag = None,
) -> None:
    """Keep a file that the store has, or list what is kept."""
    files = _files(terminal)
    kept = files.pins() if cid is None else files.pin(cid, owner=owner, round_number=round)
    terminal.show(kept, _pin_lines(kept.pins))


@store.command()
@verb(*WHERE, prints=documents.Unpinned)
def unpin(
    terminal: Terminal, cid: CidArgument, owner: OwnerFlag = "user", round: RoundFlag = None
) -> None:
    """Drop a pin; the bytes go with the next `karat store gc`."""
    dropped = _files(terminal).unpin(cid, owner=owner, round_number=round)
    terminal.show(dropped, _pin_lines(dropped.pins))


def _pin_lines(pins: list[documents.Pin]) -> list[str]:
    return [
        f"{pin.cid}  {pin.size:>12}  {'-' if pin.round is None else pin.round:>5}  {pin.owner}"
        for pin in pins
    ]


@store.command()
@verb(*WHERE, prints=documents.Collected)
def gc(
    terminal: Terminal,
    accept_loss: Annotated[
        bool, typer.Option("--accept-loss", help="Also where the list of pins was lost.")
    ] = False,
) -> None:
    """Remove every block that no pin needs (local stores; a node collects by itself)."""
    done = _files(terminal).collect(accept_loss=accept_loss)
    terminal.show_aside(
        done, [f"{done.blocks} blocks removed, {done.freed} bytes freed, {done.kept} kept."]
    )


@store.command()
@verb(*WHERE, prints=documents.Verified)
def verify(terminal: Terminal) -> None:
    """Re-hash every block of a local store; corrupt ones are set aside, and the exit code is 1."""
    files = _files(terminal)
    with progress("verifying", files.used, "bytes") as bar:
        state = files.verify(bar.advance)
    lines = [f"{state.blocks} blocks, {state.size} bytes, {len(state.corrupt)} corrupt."]
    for cid in state.incomplete:
        lines.append(f"pinned but incomplete: {cid} (pull it or add it again)")
    terminal.show_aside(state, lines)
    if state.corrupt or state.incomplete:
        raise typer.Exit(1)


@store.command()
@verb(*WHERE, prints=documents.FilePushed)
def push(
    terminal: Terminal,
    cid: CidArgument,
    to: Annotated[str, typer.Option("--to", metavar="STORE", help="The node: ipfs:ADDRESS.")],
    owner: OwnerFlag = "user",
    round: RoundFlag = None,
) -> None:
    """Copy a file from a local store to a node and pin it there; run again to resume."""
    files = _files(terminal)
    node = sdk.files.node_at(to)
    with progress("pushing", files.local_size(cid), "bytes") as bar:
        pushed = files.push(cid, node, owner=owner, round_number=round, progress=bar.advance)
    terminal.show_aside(pushed, [f"{pushed.size} bytes pushed to {to}."])


@store.command()
@verb(*WHERE, prints=documents.FilePulled)
def pull(
    terminal: Terminal,
    cid: CidArgument,
    source: Annotated[
        str,
        typer.Option(
            "--from", metavar="SOURCE", help="ipfs:ADDRESS, gateway:https://HOST or local:PATH."
        ),
    ],
    size: SizeFlag = None,
    max_bytes: MaxFlag = _MAX,
    owner: OwnerFlag = "user",
    round: RoundFlag = None,
) -> None:
    """Fetch a file into a local store, verify every block, and pin it; run again to resume."""
    files, limit = _files(terminal), sdk.files.parse_size(max_bytes)
    with progress("pulling", size, "bytes") as bar:
        pulled = files.pull(
            cid, source, max_bytes=limit, size=size, owner=owner, round_number=round,
            progress=bar.advance,
        )  # fmt: skip
    terminal.show_aside(pulled, [f"{pulled.size} bytes pulled from {source}."])
