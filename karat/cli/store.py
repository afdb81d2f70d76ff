"""``karat store``: files by content, in the embedded store or on an IPFS node."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from karat.cli.output import JsonFlag, print_json, say

if TYPE_CHECKING:
    from chain.store import CID, LocalStore, Pin, Store

store = typer.Typer(
    name="store", help="Add, fetch and keep files by their content.", no_args_is_help=True
)

StoreFlag = Annotated[
    str | None,
    typer.Option(
        "--store", metavar="STORE", help="local:PATH[?quota=20G] or ipfs:ADDRESS (KARAT_STORE)."
    ),
]
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


def _open(url: str | None) -> "Store":
    from chain.store import open_store
    from karat.config import load_settings

    return open_store(load_settings(store=url).store)


def _open_local(url: str | None, verb: str) -> "LocalStore":
    from chain.store import LocalStore
    from chain.store.errors import InvalidStoreURL

    opened = _open(url)
    if not isinstance(opened, LocalStore):
        raise InvalidStoreURL(f"`karat store {verb}` works on a local store: use local:PATH")
    return opened


def _cid(text: str) -> "CID":
    from chain.store import CID

    return CID.parse(text)


@contextmanager
def _progress(what: str, total: int | None) -> Iterator[Callable[[int], None] | None]:
    """A progress bar in bytes on stderr, if that is a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        bar = bars.add_task(what, total=total)
        yield lambda done: bars.advance(bar, done)


def _pin_document(pin: "Pin") -> dict[str, object]:
    return {"cid": str(pin.cid), "owner": pin.owner, "round": pin.round, "size": pin.size}


@store.command()
def add(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File to add, or - for stdin.")],
    store: StoreFlag = None,
    owner: OwnerFlag = "user",
    round: RoundFlag = None,
    json: JsonFlag = False,
) -> None:
    """Store and pin a file; prints its CID."""
    is_stdin = str(file) == "-"
    if not is_stdin and not file.is_file():
        raise typer.BadParameter(f"{file} is not a file", param_hint="FILE")
    target = _open(store)
    size = 0

    with _progress("adding", None if is_stdin else file.stat().st_size) as bar:

        def count(done: int) -> None:
            nonlocal size
            size += done
            if bar:
                bar(done)

        data = sys.stdin.buffer if is_stdin else file
        cid = target.add(data, owner=owner, round=round, progress=count)
    if json:
        print_json("karat.store.add/1", {"cid": str(cid), "size": size})
    else:
        typer.echo(str(cid))


@store.command()
def get(
    cid: CidArgument,
    output: Annotated[
        Path, typer.Option("--output", "-o", dir_okay=False, help="File to write, or - for stdout.")
    ],
    store: StoreFlag = None,
    size: SizeFlag = None,
    max_bytes: MaxFlag = _MAX,
    json: JsonFlag = False,
) -> None:
    """Fetch a file, verify every byte, and write it; a partial file is never left."""
    from chain.store.url import parse_size

    root, source, limit = _cid(cid), _open(store), parse_size(max_bytes)
    if str(output) == "-":
        if json:
            raise typer.BadParameter("stdout cannot hold both the file and --json")
        for piece in source.read(root, max_bytes=limit, size=size):
            sys.stdout.buffer.write(piece)
        return
    with _progress("fetching", size) as bar:
        length = source.save(root, output, max_bytes=limit, size=size, progress=bar)
    if json:
        document = {"cid": str(root), "size": length, "path": str(output)}
        print_json("karat.store.get/1", document)
    else:
        say(f"{length} bytes verified and written to {output}.")


@store.command()
def stat(cid: CidArgument, store: StoreFlag = None, json: JsonFlag = False) -> None:
    """Show the size and the pins of a file."""
    source = _open(store)
    found = source.stat(_cid(cid))
    complete = source.has(found.cid)
    if json:
        document = {
            "cid": str(found.cid),
            "size": found.size,
            "total": found.total,
            "complete": complete,
            "pins": [_pin_document(pin) for pin in found.pins],
        }
        print_json("karat.store.stat/1", document)
        return
    typer.echo(f"{found.cid}\nsize      {found.size}\nblocks    {found.total} bytes")
    typer.echo(f"complete  {'yes' if complete else 'no'}")
    for pin in found.pins:
        typer.echo(f"pinned    {pin.owner}" + ("" if pin.round is None else f" round {pin.round}"))


@store.command()
def pin(
    cid: Annotated[
        str | None, typer.Argument(metavar="[CID]", help="File to keep; lists all pins without.")
    ] = None,
    store: StoreFlag = None,
    owner: OwnerFlag = "user",
    round: RoundFlag = None,
    json: JsonFlag = False,
) -> None:
    """Keep a file that the store has, or list what is kept."""
    target = _open(store)
    if cid is not None:
        target.pin(_cid(cid), owner=owner, round=round)
    _show_pins(target.pins(None if cid is None else _cid(cid)), "karat.store.pin/1", json)


@store.command()
def unpin(
    cid: CidArgument,
    store: StoreFlag = None,
    owner: OwnerFlag = "user",
    round: RoundFlag = None,
    json: JsonFlag = False,
) -> None:
    """Drop a pin; the bytes go with the next `karat store gc`."""
    from chain.store.errors import NotFound

    dropped = _open(store).unpin(_cid(cid), owner=owner, round=round)
    if not dropped:
        raise NotFound(f"{owner!r} has no such pin on {cid} (see `karat store pin`)")
    _show_pins(dropped, "karat.store.unpin/1", json)


def _show_pins(pins: "list[Pin]", schema: str, json: bool) -> None:
    if json:
        print_json(schema, {"pins": [_pin_document(pin) for pin in pins]})
        return
    for pin in pins:
        where = "-" if pin.round is None else str(pin.round)
        typer.echo(f"{pin.cid}  {pin.size:>12}  {where:>5}  {pin.owner}")


@store.command()
def gc(
    store: StoreFlag = None,
    accept_loss: Annotated[
        bool, typer.Option("--accept-loss", help="Also where the list of pins was lost.")
    ] = False,
    json: JsonFlag = False,
) -> None:
    """Remove every block that no pin needs (local stores; a node collects by itself)."""
    target = _open_local(store, "gc")
    done = target.collect(accept_loss=accept_loss)
    if json:
        document = {"blocks": done.blocks, "freed": done.freed, "kept": done.kept}
        print_json("karat.store.gc/1", document)
    else:
        say(f"{done.blocks} blocks removed, {done.freed} bytes freed, {done.kept} kept.")


@store.command()
def verify(store: StoreFlag = None, json: JsonFlag = False) -> None:
    """Re-hash every block of a local store; corrupt ones are set aside, and the exit code is 1."""
    target = _open_local(store, "verify")
    with _progress("verifying", target.used) as bar:
        found = target.verify(bar)
    if json:
        document = {
            "blocks": found.blocks,
            "size": found.size,
            "corrupt": list(found.corrupt),
            "incomplete": [str(cid) for cid in found.incomplete],
        }
        print_json("karat.store.verify/1", document)
    else:
        say(f"{found.blocks} blocks, {found.size} bytes, {len(found.corrupt)} corrupt.")
        for cid in found.incomplete:
            say(f"pinned but incomplete: {cid} (pull it or add it again)")
    if found.corrupt or found.incomplete:
        raise typer.Exit(1)


@store.command()
def push(
    cid: CidArgument,
    to: Annotated[str, typer.Option("--to", metavar="STORE", help="The node: ipfs:ADDRESS.")],
    store: StoreFlag = None,
    owner: OwnerFlag = "user",
    round: RoundFlag = None,
    json: JsonFlag = False,
) -> None:
    """Copy a file from a local store to a node and pin it there; run again to resume."""
    from chain.store.errors import InvalidStoreURL
    from chain.store.ipfs import IpfsStore
    from chain.store.transfer import push as send

    root, source = _cid(cid), _open_local(store, "push")
    if not to.startswith("ipfs:"):
        raise InvalidStoreURL(f"{to!r} is not a node to push to: use ipfs:ADDRESS")
    node = IpfsStore(to.removeprefix("ipfs:"))
    with _progress("pushing", source.stat(root).size) as bar:
        size = send(source, node, root, owner=owner, round=round, progress=bar)
    _report("karat.store.push/1", root, size, json, f"pushed to {to}")


@store.command()
def pull(
    cid: CidArgument,
    source: Annotated[
        str,
        typer.Option(
            "--from", metavar="SOURCE", help="ipfs:ADDRESS, gateway:https://HOST or local:PATH."
        ),
    ],
    store: StoreFlag = None,
    size: SizeFlag = None,
    max_bytes: MaxFlag = _MAX,
    owner: OwnerFlag = "user",
    round: RoundFlag = None,
    json: JsonFlag = False,
) -> None:
    """Fetch a file into a local store, verify every block, and pin it; run again to resume."""
    from chain.store.transfer import pull as fetch
    from chain.store.url import open_source, parse_size

    root, target = _cid(cid), _open_local(store, "pull")
    with _progress("pulling", size) as bar:
        length = fetch(
            target,
            open_source(source),
            root,
            max_bytes=parse_size(max_bytes),
            size=size,
            owner=owner,
            round=round,
            resumable=True,
            progress=bar,
        )
    _report("karat.store.pull/1", root, length, json, f"pulled from {source}")


def _report(schema: str, cid: "CID", size: int, json: bool, text: str) -> None:
    if json:
        print_json(schema, {"cid": str(cid), "size": size})
    else:
        say(f"{size} bytes {text}.")
