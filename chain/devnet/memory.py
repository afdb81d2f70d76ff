"""How a background devnet is kept on disk, so that it survives a restart and a kill."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol, cast

from eth_account.typed_transactions.typed_transaction import TypedTransaction
from eth_utils.crypto import keccak
from hexbytes import HexBytes

from chain.devnet.anvil import Anvil
from chain.devnet.http import HttpDevnet
from chain.errors import Hint, NodeError, NodeStartError
from chain.evm.node import rpc
from chain.folders import write_atomically

_LEAST_JOURNAL = 64 << 10  # bytes; a smaller one is never worth a dump


class Memory(Protocol):
    """Keeps one chain on disk."""

    def restore(self) -> None:
        """Bring the fresh node to where the chain was, if anything was kept."""

    def save(self) -> None:
        """Keep what is new; written is in all a small multiple of what there is to keep."""

    def finish(self) -> None:
        """Keep everything, as the node is about to end."""


class Journal:
    """Every block's transactions, one line a block, appended as they come.

    Restoring mines the same transactions again at the same times, so block hashes may be others.
    Changes that are no transactions (a balance set by hand) are not kept.
    """

    def __init__(self, node: HttpDevnet, path: Path, base: int = 0) -> None:
        """``base`` is the block that the node has before the journal's first one."""
        self._node = node
        self._path = path
        self._base = base
        self._kept: list[bytes] = []  # the hash of each block in the journal

    @property
    def size(self) -> int:
        """Bytes in the journal."""
        return self._path.stat().st_size if self._path.exists() else 0

    def restore(self) -> None:
        """Mine the journal's blocks again."""
        if not self._path.exists():
            return
        rpc(self._node.web3, "evm_setAutomine", False)
        for timestamp, transactions in self._blocks():
            self._node.mine_again(transactions, timestamp)
            self._kept.append(self._hash(self._base + len(self._kept) + 1))
        rpc(self._node.web3, "evm_setAutomine", True)

    def save(self) -> None:
        """Append the blocks that are new.

        Raises:
            NodeError: a transaction cannot be kept, or the chain went back to before the journal.
        """
        web3 = self._node.web3
        head, before = web3.eth.block_number, len(self._kept)
        if head < self._base:
            raise NodeError(f"the chain went back to block {head}, before the journal's first one")
        while self._kept and not self._stands(head):
            self._kept.pop()  # a snapshot was reverted
        if len(self._kept) < before:
            self._truncate(len(self._kept))
        lines, hashes = [], []
        for number in range(self._base + len(self._kept) + 1, head + 1):
            block = web3.eth.get_block(number, full_transactions=True)
            raws = [raw_transaction(cast("dict[str, Any]", one)) for one in block["transactions"]]
            entry = {"timestamp": block["timestamp"], "transactions": [raw.hex() for raw in raws]}
            lines.append(json.dumps(entry) + "\n")
            hashes.append(bytes(block["hash"]))
        if lines:
            with self._path.open("a", encoding="utf-8") as file:
                file.writelines(lines)
            self._kept += hashes

    def finish(self) -> None:
        """As :meth:`save`."""
        self.save()

    def remove(self) -> None:
        """Delete the file."""
        self._path.unlink(missing_ok=True)

    def _stands(self, head: int) -> bool:
        last = self._base + len(self._kept)
        return last <= head and self._hash(last) == self._kept[-1]

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


class StateFile:
    """Anvil's own dump, written atomically, and a journal of the blocks that came after it.

    A dump holds the whole chain, so it is written anew only when the journal has grown to its
    size, and at the end. A kill loses nothing but what was not journalled yet.
    """

    def __init__(self, node: Anvil, folder: Path) -> None:
        self._node = node
        self._folder = folder
        self._path = folder / "anvil-state.gz"
        self._journal = Journal(node, self._journal_path(0))
        self._dumped = 0  # bytes

    def restore(self) -> None:
        """Load the dump, blocks and receipts included, and mine the journal's blocks again."""
        if self._path.exists():
            content = self._path.read_bytes()
            self._dumped = len(content)
            try:
                self._node.load(content)
            except NodeError as error:
                raise NodeStartError(f"cannot go on from {self._path}: {error}").with_hint(
                    Hint.WIPE_NETWORK
                ) from error
        head = int(self._node.web3.eth.block_number)
        self._journal = Journal(self._node, self._journal_path(head), head)
        self._journal.restore()
        self._remove_stale(head)

    def save(self) -> None:
        """Append what is new, or dump everything where that costs no more."""
        if not self._dumped:  # a journal alone would be mined on another genesis
            self.finish()
            return
        try:
            self._journal.save()
        except NodeError:  # something that only a dump can hold
            self.finish()
        else:
            if self._journal.size > max(self._dumped, _LEAST_JOURNAL):
                self.finish()

    def finish(self) -> None:
        """Dump everything, and begin a new journal after it."""
        web3 = self._node.web3
        while True:
            head = int(web3.eth.block_number)
            content = self._node.dump()
            if int(web3.eth.block_number) == head:  # else a block was mined meanwhile
                break
        write_atomically(self._path, content)
        self._dumped = len(content)
        self._journal = Journal(self._node, self._journal_path(head), head)
        self._journal.remove()
        self._remove_stale(head)

    def _journal_path(self, base: int) -> Path:
        return self._folder / f"anvil-blocks-{base}.jsonl"

    def _remove_stale(self, base: int) -> None:
        """Remove the journals before the dump, which has their blocks."""
        for path in self._folder.glob("anvil-blocks-*.jsonl"):
            if path != self._journal_path(base):
                path.unlink(missing_ok=True)


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
