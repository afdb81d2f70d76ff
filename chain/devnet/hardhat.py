"""The Hardhat 2 node, the alternative to Anvil."""

import json
import shutil
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from chain.devnet.base import BLOCK_GAS_LIMIT, CHAIN_ID, DEFAULT_BALANCE, HARDFORK, Mining
from chain.devnet.http import HttpDevnet
from chain.devnet.project import project_folders
from chain.errors import NodeMissing, RpcError
from chain.node import rpc

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

    def __init__(
        self,
        *,
        accounts: Sequence[str] = (),
        balance: int = DEFAULT_BALANCE,
        timestamp: int | None = None,
        mining: Mining = "auto",
        block_time: float | None = None,
        port: int = 0,
    ) -> None:
        node, folder = find_hardhat()
        start = datetime.fromtimestamp(int(time.time()) if timestamp is None else timestamp, UTC)
        interval = 0 if block_time is None else round(block_time * 1000)
        settings = {
            "chainId": CHAIN_ID,
            "hardfork": HARDFORK,
            "blockGasLimit": BLOCK_GAS_LIMIT,
            "initialDate": start.isoformat(),
            "accounts": [],
            "mining": {
                "auto": mining == "auto" and block_time is None,
                "interval": interval,
                "mempool": {"order": "fifo"},
            },
        }
        # fmt: off
        command = [
            str(node), str(folder / _CLI), "--config", str(_CONFIG),
            "node", "--hostname", "127.0.0.1", "--port", str(port),
        ]
        # fmt: on
        env = {
            "KARAT_HARDHAT_NETWORK": json.dumps(settings),
            "HARDHAT_DISABLE_TELEMETRY_PROMPT": "true",
        }
        super().__init__(
            "hardhat",
            command,
            cwd=folder,
            env=env,
            mining=mining,
            block_time=block_time,
            port=port,
        )
        self.fund(accounts, balance)

    def mine_again(self, raw_transactions: Sequence[bytes], timestamp: int) -> None:
        """Mine a block as it was mined before; automatic mining must be off."""
        self._submit(raw_transactions)
        self.mine(timestamp)

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
