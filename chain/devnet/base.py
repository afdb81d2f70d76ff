"""What every development chain can do, whatever runs it."""

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Self, cast

from hexbytes import HexBytes
from web3 import Web3
from web3.types import TxReceipt

from chain.errors import NodeError, RpcError, TransactionRejected

CHAIN_ID = 31337
HARDFORK = "prague"
DEFAULT_BALANCE = 10_000 * 10**18  # wei
# A whole phase of a large round fits into one block, so that a batch is one block.
BLOCK_GAS_LIMIT = 500_000_000

Kind = Literal["anvil", "hardhat", "embedded"]
Mining = Literal["auto", "manual"]


@dataclass(frozen=True, slots=True)
class Options:
    """How a devnet starts; see :func:`chain.devnet.start_devnet`."""

    accounts: Sequence[str] = ()
    balance: int = DEFAULT_BALANCE
    timestamp: int | None = None
    mining: Mining = "auto"
    block_time: float | None = None
    port: int = 0

    @property
    def start(self) -> int:
        """The genesis block's timestamp, in seconds."""
        return int(time.time()) if self.timestamp is None else self.timestamp


class Devnet(ABC):
    """A private chain with id 31337 on this machine; a context manager that ends it.

    With ``mining="manual"`` nothing is mined until :meth:`mine`, :meth:`warp_to` or
    :meth:`send_batch` says so, and every block has an explicit timestamp (the parent's plus one
    second where none is given): the same calls give the same block hashes.
    """

    kind: Kind
    chain_id = CHAIN_ID
    rpc_url: str | None
    web3: Web3
    mining: Mining

    @abstractmethod
    def close(self) -> None:
        """End the chain and its process. Calling it again does nothing."""

    @abstractmethod
    def mine(self, timestamp: int | None = None) -> None:
        """Mine one block with what is pending, at ``timestamp`` (seconds) if one is given.

        Raises:
            NodeError: ``timestamp`` is not after the latest block's.
        """

    @abstractmethod
    def _submit(self, raw_transactions: Sequence[bytes]) -> list[str | RpcError]:
        """Queue signed transactions in order; for each its hash or why it was refused."""

    @abstractmethod
    def set_balance(self, address: str, wei: int) -> None:
        """Give ``address`` a balance of ``wei``."""

    @abstractmethod
    def snapshot(self) -> str:
        """Remember the state; pass the result to :meth:`revert`, once."""

    @abstractmethod
    def revert(self, snapshot: str) -> None:
        """Go back to a snapshot: the blocks since are gone, as in a reorganisation."""

    @property
    def timestamp(self) -> int:
        """The latest block's timestamp, in seconds."""
        return int(self.web3.eth.get_block("latest")["timestamp"])

    def warp_to(self, timestamp: int) -> None:
        """Mine an empty block at ``timestamp`` (seconds), so that calls see that time too."""
        self.mine(timestamp)

    def increase_time(self, seconds: int) -> None:
        """Mine a block ``seconds`` after the latest one."""
        self.mine(self.timestamp + seconds)

    def send_batch(
        self, raw_transactions: Sequence[bytes], *, timestamp: int | None = None
    ) -> list[TxReceipt]:
        """Mine signed transactions in the order given, in one block unless its gas runs out.

        Args:
            raw_transactions: each as signed, nonces in order.
            timestamp: of the block, in seconds; the parent's plus one (manual mining) or the
                node's clock if None.

        Returns:
            One receipt each, in the same order. A reverted transaction has ``status`` 0.

        Raises:
            TransactionRejected: the node refused one of them, or can never mine it. Those
                before it may have been mined.
        """
        hashes: list[HexBytes] = []
        refused: tuple[int, RpcError] | None = None
        for index, answer in enumerate(self._submit(raw_transactions)):
            if isinstance(answer, RpcError):
                refused = refused or (index, answer)
            else:
                hashes.append(HexBytes(answer))
        receipts = self._mine_until_done(hashes, timestamp)
        if refused is not None:
            index, error = refused
            raise TransactionRejected(
                f"transaction {index} of {len(raw_transactions)} was refused: {error.reason}"
            ) from error
        return receipts

    def _mine_until_done(
        self, hashes: Sequence[HexBytes], timestamp: int | None
    ) -> list[TxReceipt]:
        missing = set(hashes)
        while missing:
            self.mine(timestamp)
            timestamp = None
            block = self.web3.eth.get_block("latest")
            mined = {HexBytes(cast("bytes", one)) for one in block["transactions"]}
            if not missing & mined:
                first = next(value for value in hashes if value in missing).to_0x_hex()
                raise TransactionRejected(
                    f"transaction {first} was taken but can never be mined: "
                    "a nonce before it is missing, or its fee is too low"
                )
            missing -= mined
        return self._receipts(hashes)

    def _receipts(self, hashes: Sequence[HexBytes]) -> list[TxReceipt]:
        return [self.web3.eth.get_transaction_receipt(value) for value in hashes]

    def _check_after_latest(self, timestamp: int) -> None:
        latest = self.timestamp
        if timestamp <= latest:
            raise NodeError(
                f"cannot mine a block at {timestamp}: the latest block has {latest}, "
                "and time only moves forward"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
