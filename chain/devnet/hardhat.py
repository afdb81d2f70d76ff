"""The Hardhat 2 node, the alternative to Anvil."""

import json
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from chain.devnet.base import BLOCK_GAS_LIMIT, CHAIN_ID, HARDFORK, Options
from chain.devnet.http import HttpDevnet
from chain.devnet.project import project_folders
from chain.errors import NodeMissing, RpcError
from chain.evm.node import rpc

_CONFIG = Path(__file__).with_name("hardhat.config.cjs")
_CLI = Path("node_modules") / "hardhat" / "internal" / "cli" / "cli.js"


def find_hardhat() -> tuple[Path, Path]:
    """Node.js and the project folder whose ``node_modules`` holds Hardhat.

    Raises:
        NodeMissing: one of the two is not installed.
    """
    node = shutil.which("node")
    if node is None:
        raise NodeMissing(
            "Hardhat needs Node.js 20 or newer and there is no `node` on the PATH; "
            "install Node.js, or use the embedded chain"
        )
    for folder in project_folders():
        if (folder / _CLI).is_file():
            return Path(node), folder
    raise NodeMissing("Hardhat is not installed; run `npm install hardhat@2` in the project folder")


class Hardhat(HttpDevnet):
    """A ``hardhat node`` process. It keeps everything in memory."""

    set_balance_method = "hardhat_setBalance"

    def __init__(self, options: Options) -> None:
        node, folder = find_hardhat()
        # fmt: off
        command = [
            str(node), str(folder / _CLI), "--config", str(_CONFIG),
            "node", "--hostname", "127.0.0.1", "--port", str(options.port),
        ]
        # fmt: on
        env = {
            "KARAT_HARDHAT_NETWORK": json.dumps(_network(options)),
            "HARDHAT_DISABLE_TELEMETRY_PROMPT": "true",
        }
        super().__init__("hardhat", command, options, cwd=folder, env=env)

    def _submit(self, raw_transactions: Sequence[bytes]) -> list[str | RpcError]:
        # Hardhat works on the entries of a batch concurrently, so a batch has no order.
        answers: list[str | RpcError] = []
        for raw in raw_transactions:
            try:
                sent = rpc(self.web3, "eth_sendRawTransaction", "0x" + bytes(raw).hex())
                answers.append(str(sent))
            except RpcError as refused:
                answers.append(refused)
        return answers


def _network(options: Options) -> dict[str, object]:
    """Hardhat's settings of its own chain."""
    each = options.mining == "auto" and options.block_time is None
    return {
        "chainId": CHAIN_ID,
        "hardfork": HARDFORK,
        "blockGasLimit": BLOCK_GAS_LIMIT,
        "initialDate": datetime.fromtimestamp(options.start, UTC).isoformat(),
        "accounts": [],
        "mining": {
            "auto": each,
            "interval": round((options.block_time or 0) * 1000),
            "mempool": {"order": "fifo"},
        },
    }
