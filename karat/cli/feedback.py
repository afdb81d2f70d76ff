"""``karat reputation import`` and ``follow``: books of feedback from registries and files."""

import time
from pathlib import Path
from typing import Annotated

import typer

from karat import sdk
from karat.cli.options import verb
from karat.cli.progress import progress
from karat.cli.terminal import Terminal
from karat.sdk import documents

_NODE = ("network", "from_block", "json")
BookOption = Annotated[
    Path, typer.Option("--book", "-b", help="The book to write; begun if it is not there.")
]


@verb(*_NODE, prints=documents.ReputationImported)
def import_(
    terminal: Terminal,
    source: Annotated[
        str,
        typer.Argument(help="erc8004:ADDRESS (a reputation registry), eas:ADDRESS, or a file."),
    ],
    book: BookOption,
    identity: Annotated[
        str | None, typer.Option(help="Of erc8004: the registry of its agents' owners.")
    ] = None,
    tag: Annotated[
        str | None,
        typer.Option(help="Of erc8004: the tag that counts.", show_default="what rates quality"),
    ] = None,
    neutral: Annotated[
        float, typer.Option(help="Of erc8004: the value that says nothing; below is distrust.")
    ] = 0.0,
    schema: Annotated[str | None, typer.Option(help="Of eas: the id of the schema.")] = None,
    epoch: Annotated[
        str | None,
        typer.Option(help="How long an epoch of a new book is.", show_default="30d"),
    ] = None,
) -> None:
    """Import feedback from a registry or a file into a book, which --graph reads."""
    kind, _, address = source.partition(":")
    if kind in sdk.feedback.KINDS:
        registry = sdk.feedback.Registry(kind, address, identity, tag, neutral, schema)
        registry.check()
        web3 = sdk.node_of(terminal.settings)
        first = terminal.options.from_block or 0
        with (
            sdk.Feedback(book, epoch) as feedback,
            progress("reading blocks", None) as bar,
        ):
            done = feedback.add(registry, web3, from_block=first, progress=bar.set)
    else:
        file = _file(source)
        with sdk.Feedback(book, epoch) as feedback:
            done = feedback.add_file(file, terminal.note)
    unread = f"; {done.source.ignored:,} logs could not be read" if done.source.ignored else ""
    until = "" if done.source.block is None else f" up to block {done.source.block:,}"
    terminal.show(
        done,
        [
            f"Read {done.source.name}{until}{unread}.",
            f"{done.book} has {done.feedback:,} feedback in {done.edges:,} edges: "
            f"karat reputation top --graph {done.book} --ego ADDRESS",
        ],
    )


@verb(*_NODE, prints=documents.ReputationFollowed)
def follow(
    terminal: Terminal,
    book: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The book.")],
    once: Annotated[bool, typer.Option("--once", help="Read what there is, and end.")] = False,
    poll: Annotated[float, typer.Option(min=0.1, help="Seconds between two looks.")] = 2.0,
) -> None:
    """Follow the registries of a book block by block: a line for each change.

    Ends with Ctrl-C. With --json the document comes at the end, and the lines go to stderr.
    """
    with sdk.Feedback(book) as feedback:
        web3 = sdk.node_of(terminal.settings)
        try:
            while True:
                block, changed = feedback.follow(web3)
                for giver, subject, weight, _ in changed:
                    _tell(terminal, f"block {block:,}: {giver} → {subject} {weight:g}")
                if once:
                    break
                time.sleep(poll)
        except KeyboardInterrupt:
            pass  # the way to end it
        done = feedback.followed()
    terminal.show(done, [f"{done.feedback:,} feedback in {done.edges:,} edges."])


def _tell(terminal: Terminal, line: str) -> None:
    if terminal.options.json:
        terminal.note(line)
    else:
        typer.echo(line)


def _file(source: str) -> Path:
    path = Path(source)
    if not path.is_file():
        raise typer.BadParameter(
            f"{source!r} is neither erc8004:ADDRESS or eas:ADDRESS nor a file", param_hint="SOURCE"
        )
    return path
