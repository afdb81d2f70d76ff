"""How a background devnet is kept on disk, so that it survives a restart and a kill."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol, cast

from eth_account.typed_transactions.typed_transaction import TypedTransaction
from eth_utils.crypto import keccak
from hexbytes import HexBytes

from chain.devnet.anvil import Anvil
from chain.devnet.hardhat import Hardhat
from chain.errors import Hint, NodeError, NodeStartError
from chain.evm.node import rpc
from chain.folders import write_atomically


class Memory(Protocol):
    """Keeps one chain on disk."""

    def restore(self) -> None:
        """Bring the fresh node to where the chain was, if anything was kept."""

    def save(self) -> None:
        """Keep what is new."""


class StateFile:
    """Anvil's own dump, written atomically: a kill leaves the last whole one."""

    def __init__(self, node: Anvil, folder: Path) -> None:
        self._node = node
        self._path = folder / "anvil-state.gz"
        self._kept: bytes | None = None  # the head that the file holds

    def restore(self) -> None:
        """Load the dump, blocks and receipts included."""
        if not self._path.exists():
            return
        try:
            self._node.load(self._path.read_bytes())
        except NodeError as error:
            raise NodeStartError(f"cannot go on from {self._path}: {error}").with_hint(
                Hint.WIPE_NETWORK
            ) from error

    def save(self) -> None:
        """Dump if there is a new block."""
        head = bytes(self._node.web3.eth.get_block("latest")["hash"])
        if head != self._kept:
            write_atomically(self._path, self._node.dump())
            self._kept = head


class Journal:
    """For the Hardhat node, which keeps nothing: every block's transactions, one line a block.

    Restoring mines the same transactions again at the same times. Changes that are no
    transactions (``hardhat_setBalance`` by hand) are not kept.
    """

    def __init__(self, node: Hardhat, folder: Path) -> None:
        self._node = node
        self._path = folder / "hardhat-blocks.jsonl"
        self._kept: list[bytes] = []  # the hash of each block in the journal, from block 1

    def restore(self) -> None:
        """Mine the journal's blocks again."""
        if not self._path.exists():
            return
        rpc(self._node.web3, "evm_setAutomine", False)
        for timestamp, transactions in self._blocks():
            self._node.mine_again(transactions, timestamp)
            self._kept.append(self._hash(len(self._kept) + 1))
        rpc(self._node.web3, "evm_setAutomine", True)

    def save(self) -> None:
        """Append the blocks that are new."""
        web3 = self._node.web3
        head, before = web3.eth.block_number, len(self._kept)
        while self._kept and (
            len(self._kept) > head or self._hash(len(self._kept)) != self._kept[-1]
        ):
            self._kept.pop()  # a snapshot was reverted
        if len(self._kept) < before:
            self._truncate(len(self._kept))
        lines = []
        for number in range(len(self._kept) + 1, head + 1):
            block = web3.eth.get_block(number, full_transactions=True)
            raws = [raw_transaction(cast("dict[str, Any]", one)) for one in block["transactions"]]
            entry = {"timestamp": block["timestamp"], "transactions": [raw.hex() for raw in raws]}
            lines.append(json.dumps(entry) + "\n")
            self._kept.append(bytes(block["hash"]))
        if lines:
            with self._path.open("a", encoding="utf-8") as file:
                file.writelines(lines)

    def _blocks(self) -> Iterator[tuple[int, list[bytes]]]:
        for line in self._path.read_text("utf-8").splitlines(keepends=True):
            if not line.endswith("\n"):  # torn by a kill: this block is lost
                self._truncate(len(self._kept))
                return
            entry = json.loads(line)
            yield entry["timestamp"], [bytes.fromhex(raw) for raw in entry["transactions"]]

    def _truncate(self, count: int) -> None:
        lines = self._path.read_text("utf-8").splitlines(keepends=True)[:count]
        write_atomically(self._path, "".join(lines))

    def _hash(self, number: int) -> bytes:
        return bytes(self._node.web3.eth.get_block(number)["hash"])


def raw_transaction(transaction: dict[str, Any]) -> bytes:
    """A mined EIP-1559 or EIP-2930 transaction as it was signed.

    Raises:
        NodeError: another kind of transaction.
    """
    keys = (
        "type", "chainId", "nonce", "maxPriorityFeePerGas", "maxFeePerGas", "gasPrice",
        "gas", "to", "value", "accessList", "r", "s",
    )  # fmt: skip
    fields = {key: transaction[key] for key in keys if transaction.get(key) is not None}
    if fields["type"] == 2:
        fields.pop("gasPrice", None)
    fields["data"] = transaction["input"]
    fields["v"] = transaction.get("yParity", transaction["v"])
    fields["r"], fields["s"] = (int.from_bytes(bytes(fields[key]), "big") for key in ("r", "s"))
    fields.setdefault("to", "")
    wanted = bytes(transaction["hash"])
    raw = bytes(TypedTransaction.from_dict(fields).encode()) if fields["type"] in (1, 2) else b""
    if keccak(raw) != wanted:
        raise NodeError(f"transaction {HexBytes(wanted).to_0x_hex()} cannot be kept for a restart")
    return raw
