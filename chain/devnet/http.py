"""What Anvil and the Hardhat node share: a supervised process, controlled over JSON-RPC."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import cast

from hexbytes import HexBytes
from web3 import Web3
from web3.types import TxReceipt

from chain.devnet.base import Devnet, Kind, Options
from chain.devnet.process import SupervisedProcess, require_free_port
from chain.errors import NodeStartError, RpcError
from chain.evm.node import NodeProvider, result_of, rpc, rpc_batch, rpc_batch_responses

_PATIENCE = 300.0  # seconds for one answer of our own node: a loaded machine is no fault
_MOST_STATE = 4 << 30  # bytes: a dump of a whole chain is one answer
START_SECONDS = 60.0  # a loaded machine may need long for Node.js
_LISTENING = re.compile(r"(?:Listening on|JSON-RPC server at) (?:http://)?127\.0\.0\.1:(\d+)")


class HttpDevnet(Devnet):
    """A node in a process of its own on a loopback port."""

    set_balance_method: str  # the node's name for it

    def __init__(
        self,
        kind: Kind,
        command: Sequence[str],
        options: Options,
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        require_free_port(options.port)
        self.kind = kind
        self.mining = options.mining
        self._mines_each = options.mining == "auto" and options.block_time is None
        try:
            self._process = SupervisedProcess(kind, command, cwd=cwd, env=env or {})
        except OSError as error:
            raise NodeStartError(f"{kind} did not start: {error}") from error
        try:
            found = self._process.wait_for_line(_LISTENING, START_SECONDS)
            self.rpc_url = f"http://127.0.0.1:{found[1]}"
            self._provider = NodeProvider(
                self.rpc_url,
                timeout=_PATIENCE,
                max_bytes=_MOST_STATE,
                explain=self._process.death_notice,
            )
            self.web3 = Web3(self._provider)
            self.fund(options.accounts, options.balance)
        except BaseException:
            self._process.stop()
            raise

    @property
    def running(self) -> bool:
        """Whether the node's process is alive."""
        return self._process.running

    def close(self) -> None:
        """End the node (Anvil first writes its state file) and wait for it."""
        self._provider.close()
        self._process.stop()

    def mine(self, timestamp: int | None = None) -> None:
        """Mine one block; see :meth:`Devnet.mine`."""
        if timestamp is not None:
            self._check_after_latest(timestamp)
        elif self.mining == "manual":
            timestamp = self.timestamp + 1
        if timestamp is not None:
            rpc(self.web3, "evm_setNextBlockTimestamp", timestamp)
        rpc(self.web3, "evm_mine")

    def mine_again(self, raw_transactions: Sequence[bytes], timestamp: int) -> None:
        """Mine a block as it was mined before; automatic mining must be off."""
        self._submit(raw_transactions)
        before = self.timestamp
        if timestamp > before:
            rpc(self.web3, "evm_setNextBlockTimestamp", timestamp)
            rpc(self.web3, "evm_mine")
        else:  # Anvil alone mines several blocks in one second, and then only if its clock stands
            rpc(self.web3, "anvil_setTime", before)  # a state that was loaded does not set it
            rpc(self.web3, "anvil_setBlockTimestampInterval", 0)
            rpc(self.web3, "evm_mine")
            rpc(self.web3, "anvil_removeBlockTimestampInterval")

    def set_balance(self, address: str, wei: int) -> None:
        """Give ``address`` a balance of ``wei``."""
        self.fund([address], wei)

    def fund(self, addresses: Iterable[str], wei: int) -> None:
        """Give each address a balance of ``wei``, in one request."""
        rpc_batch(self.web3, self.set_balance_method, [[one, hex(wei)] for one in addresses])

    def snapshot(self) -> str:
        """Remember the state; pass the result to :meth:`revert`, once."""
        return str(rpc(self.web3, "evm_snapshot"))

    def revert(self, snapshot: str) -> None:
        """Go back to a snapshot."""
        rpc(self.web3, "evm_revert", snapshot)

    def send_batch(
        self, raw_transactions: Sequence[bytes], *, timestamp: int | None = None
    ) -> list[TxReceipt]:
        """Mine signed transactions in the order given; see :meth:`Devnet.send_batch`."""
        if not self._mines_each:
            return super().send_batch(raw_transactions, timestamp=timestamp)
        rpc(self.web3, "evm_setAutomine", False)
        try:
            return super().send_batch(raw_transactions, timestamp=timestamp)
        finally:
            rpc(self.web3, "evm_setAutomine", True)

    def _submit(self, raw_transactions: Sequence[bytes]) -> list[str | RpcError]:
        method = "eth_sendRawTransaction"
        params = [["0x" + bytes(raw).hex()] for raw in raw_transactions]
        answers: list[str | RpcError] = []
        for response in rpc_batch_responses(self.web3, method, params):
            try:
                answers.append(str(result_of(method, response)))
            except RpcError as refused:
                answers.append(refused)
        return answers

    def _receipts(self, hashes: Sequence[HexBytes]) -> list[TxReceipt]:
        if not hashes:
            return []
        with self.web3.batch_requests() as batch:
            for value in hashes:
                batch.add(self.web3.eth.get_transaction_receipt(value))
            return cast("list[TxReceipt]", batch.execute())
