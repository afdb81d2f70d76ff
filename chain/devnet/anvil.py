"""Anvil, the default devnet, from npm's ``@foundry-rs/anvil``."""

import platform
import shutil
import sys
from dataclasses import replace
from pathlib import Path

from chain.devnet.base import BLOCK_GAS_LIMIT, CHAIN_ID, HARDFORK, Options
from chain.devnet.http import HttpDevnet
from chain.devnet.project import project_folders
from chain.errors import NodeError, NodeMissing
from chain.evm.node import rpc
from chain.folders import data_dir

_ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def find_anvil() -> Path:
    """The Anvil program: from ``node_modules`` of the project or the user's data, or from PATH.

    Raises:
        NodeMissing: none has it.
    """
    system = {"darwin": "darwin", "linux": "linux"}.get(sys.platform, sys.platform)
    machine = _ARCHITECTURES.get(platform.machine().lower(), platform.machine())
    package = Path("node_modules") / "@foundry-rs" / f"anvil-{system}-{machine}" / "bin" / "anvil"
    for folder in project_folders():
        if (folder / package).is_file():
            return folder / package
    found = shutil.which("anvil")
    if found is None:
        raise NodeMissing(
            "Anvil is not installed; run `npm install @foundry-rs/anvil` in your project's folder, "
            f"or with `--prefix {data_dir()}` for all of them, or use the embedded chain"
        )
    return Path(found)


def anvil_command(options: Options, state: Path | None) -> list[str]:
    """The command line of an Anvil on loopback."""
    # fmt: off
    command = [
        str(find_anvil()), "--host", "127.0.0.1", "--port", str(options.port), "--accounts", "0",
        "--chain-id", str(CHAIN_ID), "--hardfork", HARDFORK, "--order", "fifo",
        "--gas-limit", str(BLOCK_GAS_LIMIT), "--no-request-size-limit", "--no-cors",
    ]
    # fmt: on
    if options.mining == "manual":
        command += ["--no-mining"]
    elif options.block_time is not None:
        command += ["--block-time", str(options.block_time)]
    if state is not None:
        # Written every second too, for what is left when this process is killed.
        command += ["--state", str(state), "--state-interval", "1"]
    if state is None or not state.exists():
        command += ["--timestamp", str(options.start)]
    return command


class Anvil(HttpDevnet):
    """An Anvil process; with ``state`` it goes on from that file, if it exists, and writes it."""

    set_balance_method = "anvil_setBalance"

    def __init__(self, options: Options, state: Path | None = None) -> None:
        command = anvil_command(options, state)
        if state is not None and state.exists():
            options = replace(options, accounts=())  # they have what they have
        super().__init__("anvil", command, options)

    def dump(self) -> bytes:
        """The whole chain, compressed; see :meth:`load`."""
        return bytes.fromhex(str(rpc(self.web3, "anvil_dumpState")).removeprefix("0x"))

    def load(self, dumped: bytes) -> None:
        """Become a chain that was dumped; for one that has mined nothing yet.

        Raises:
            NodeError: the dump is damaged.
        """
        if rpc(self.web3, "anvil_loadState", "0x" + dumped.hex()) is not True:
            raise NodeError("Anvil does not take the state it is to go on from; is it damaged?")
