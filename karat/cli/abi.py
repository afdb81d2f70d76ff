"""``karat abi``: the contracts' interfaces, for other languages."""

import json
from typing import Annotated

import typer

from karat import sdk
from karat.cli.options import NETWORK, verb
from karat.cli.output import table
from karat.cli.terminal import Terminal
from karat.sdk import documents


@verb(*NETWORK, "json", prints=documents.Interfaces)
def abi(
    terminal: Terminal,
    contract: Annotated[
        str | None, typer.Argument(help="Ledger, for instance; lists the contracts if none.")
    ] = None,
) -> None:
    """Print contracts' interfaces as JSON.

    The ABI of one contract, or a list; --json has addresses, too.
    """
    done = sdk.interfaces(contract, terminal.settings, terminal.contracts)
    if contract is not None:
        terminal.show(done, [json.dumps(done.contracts[0].abi, indent=2)])
    else:
        rows = [(one.contract, one.address or "-") for one in done.contracts]
        terminal.show(done, table(("contract", f"address on {done.network or 'no network'}"), rows))
