"""``karat serve``: the web page of a network."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from karat.cli.options import LOOK, shared
from karat.cli.session import Session


@shared(*LOOK)
def serve(
    session: Session,
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
    from karat.errors import ConfigError

    try:
        from karat.web.server import listen, serve, url_of
    except ImportError as error:
        raise ConfigError(
            f"the page needs {error.name}: install it with `pip install 'karat[web]'`"
        ) from error
    from karat.web.guard import LOOPBACK
    from karat.web.names import read_names
    from karat.web.site import Site, database_of

    known = {} if names is None else read_names(names)
    profile, store = session.profile, session.settings.store
    network = session.network
    with listen(host, port) as listener:
        url = url_of(listener)
        site = Site.of(
            profile.name,
            network,
            store,
            database_of(profile),
            poll=session.poll_seconds,
            names=known,
        )
        if host not in LOOPBACK:
            session.note(f"Everybody who reaches {host} can see this page.")

        def ready() -> None:
            document = {"url": url, "api": f"{url}/api/v1", "network": profile.name}
            session.show("karat.serve/1", document, [f"Karat is at {url} (Ctrl-C ends it)."])
            sys.stdout.flush()  # somebody may wait for it at the other end of a pipe

        with site:
            serve(site, host, listener, ready)
