"""``karat serve``: the web page of a network."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from karat.cli.options import LOOK, verb
from karat.cli.terminal import Terminal
from karat.errors import ConfigError
from karat.sdk import documents
from karat.sdk.event_index import database_of


@verb(*LOOK, prints=documents.Serving)
def serve(
    terminal: Terminal,
    host: Annotated[
        str, typer.Option(help="Address to serve on; anything but loopback is public.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to serve on; 0 takes a free one.")
    ] = 8600,
    names: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help='TOML file of names: "0x…" = "name".'),
    ] = None,
) -> None:
    """Show the network in a browser: tasks, rounds, verdicts with their evidence, reputations.

    Read-only, with a JSON API beneath it (/api). Ends with Ctrl-C.
    """
    try:  # the page is an extra: what it needs may not be there
        from karat.web.server import listen, serve, url_of  # noqa: PLC0415
    except ImportError as error:
        raise ConfigError(
            f"the page needs {error.name}: install it with `pip install 'karat[web]'`"
        ) from error
    from karat.web.guard import LOOPBACK  # noqa: PLC0415 - only once it is known to be there
    from karat.web.names import read_names  # noqa: PLC0415
    from karat.web.site import Site  # noqa: PLC0415

    known = {} if names is None else read_names(names)
    network = terminal.network
    profile = network.profile
    with listen(host, port) as listener:
        url = url_of(listener)
        site = Site.of(
            profile.name,
            network,
            terminal.settings.store,
            terminal.settings.index or database_of(profile),
            poll=network.poll_seconds,
            names=known,
        )
        if host not in LOOPBACK:
            terminal.note(f"Everybody who reaches {host} can see this page.")

        def ready() -> None:
            document = documents.Serving(url=url, api=f"{url}/api/v1", network=profile.name)
            terminal.show(document, [f"Karat is at {url} (Ctrl-C ends it)."])
            sys.stdout.flush()  # somebody may wait for it at the other end of a pipe

        with site:
            serve(site, host, listener, ready)
