"""Anvil, the default devnet, from npm's ``@foundry-rs/anvil``."""

import platform
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from chain.devnet.base import BLOCK_GAS_LIMIT, CHAIN_ID, DEFAULT_BALANCE, HARDFORK, Mining
from chain.devnet.http import HttpDevnet
from chain.devnet.project import project_folders
from chain.errors import NodeError, NodeMissing
from chain.node import rpc

_ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def find_anvil() -> Path:
    """The Anvil program: from ``node_modules`` of the project, else from PATH.

    Raises:
        NodeMissing: neither has it.
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
            "Anvil is not installed; run `npm install @foundry-rs/anvil` in the project folder "
            "(needs Node.js 20 or newer), or use the embedded chain"
        )
    return Path(found)


def anvil_command(
    *,
    mining: Mining = "auto",
    timestamp: int | None = None,
    block_time: float | None = None,
    state: Path | None = None,
    port: int = 0,
) -> list[str]:
    """The command line of an Anvil on loopback; see :func:`chain.devnet.start_devnet`."""
    # fmt: off
    command = [
        str(find_anvil()), "--host", "127.0.0.1", "--port", str(port), "--accounts", "0",
        "--chain-id", str(CHAIN_ID), "--hardfork", HARDFORK, "--order", "fifo",
        "--gas-limit", str(BLOCK_GAS_LIMIT), "--no-request-size-limit", "--no-cors",
    ]
    # fmt: on
    if mining == "manual":
        command += ["--no-mining"]
    elif block_time is not None:
        command += ["--block-time", str(block_time)]
    if state is not None:
        # Written every second, so that a killed node loses one second at most.
        command += ["--state", str(state), "--state-interval", "1"]
    if state is None or not state.exists():
        command += ["--timestamp", str(int(time.time()) if timestamp is None else timestamp)]
    return command


class Anvil(HttpDevnet):
    """An Anvil process."""

    set_balance_method = "anvil_setBalance"

    def __init__(
        self,
        *,
        accounts: Sequence[str] = (),
        balance: int = DEFAULT_BALANCE,
        timestamp: int | None = None,
        mining: Mining = "auto",
        block_time: float | None = None,
        state: Path | None = None,
        port: int = 0,
    ) -> None:
        is_new = state is None or not state.exists()
        command = anvil_command(
            mining=mining, timestamp=timestamp, block_time=block_time, state=state, port=port
        )
        super().__init__("anvil", command, mining=mining, block_time=block_time, port=port)
        if is_new:
            self.fund(accounts, balance)

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
