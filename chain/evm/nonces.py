"""Nonces for one account that several processes use.

A lock file per chain and account is held while a nonce is chosen, signed and sent. Beside it
stands the last transaction sent: a node that mines asynchronously may for a moment count it
neither as pending nor as mined.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from hexbytes import HexBytes
from web3 import Web3
from web3.exceptions import TransactionNotFound
from web3.types import Nonce

from chain.errors import LockBusy, TransactionError
from chain.folders import data_dir, write_atomically
from chain.locks import locked


class NonceSlot:
    """The nonce to use now; :meth:`used` records that it was."""

    def __init__(self, nonce: int, path: Path) -> None:
        self.nonce = Nonce(nonce)
        self._path = path

    def used(self, transaction_hash: bytes) -> None:
        """Remember the transaction that has this nonce."""
        entry = {"nonce": self.nonce, "hash": "0x" + transaction_hash.hex()}
        write_atomically(self._path, json.dumps(entry))


@contextmanager
def next_nonce(web3: Web3, chain_id: int, address: str) -> Iterator[NonceSlot]:
    """Hold the account's lock and give its next nonce.

    Raises:
        TransactionError: another process has held the lock for two minutes.
    """
    folder = data_dir() / "nonces"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    stem = f"{chain_id}-{address.lower()}"
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(folder / f"{stem}.lock"))
        except LockBusy as error:
            raise TransactionError(f"cannot send from {address} now: {error}") from error
        path = folder / f"{stem}.json"
        yield NonceSlot(_choose(web3, address, path), path)


def _choose(web3: Web3, address: str, path: Path) -> int:
    pending = int(web3.eth.get_transaction_count(web3.to_checksum_address(address), "pending"))
    last = _read(path)
    if last is None or last[0] < pending:
        return pending
    nonce, transaction_hash = last
    # The node counts less than we sent. If it does not know our last transaction either, it was
    # dropped, or this is another chain with the same id: then the node is right.
    try:
        known: Any = web3.eth.get_transaction(transaction_hash)
    except TransactionNotFound:
        return pending
    return nonce + 1 if known else pending


def _read(path: Path) -> tuple[int, HexBytes] | None:
    try:
        entry = json.loads(path.read_text("utf-8"))
        return int(entry["nonce"]), HexBytes(entry["hash"])
    except (OSError, ValueError, KeyError, TypeError):
        return None  # none yet, or unreadable: the node's count decides
