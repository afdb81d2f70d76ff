"""Nonces for one account that several processes use.

A lock file per chain and account is held while a nonce is chosen, signed and sent. Beside it stand
the last transactions sent: a node that mines asynchronously may for a moment count one neither as
pending nor as mined, and one that forgets a transaction but keeps a later one leaves a gap, which
nothing after it can pass.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from eth_account.datastructures import SignedTransaction
from hexbytes import HexBytes
from web3 import Web3
from web3.types import Nonce

from chain.errors import LockBusy, RpcError, TransactionError
from chain.evm.outgoing import known
from chain.folders import data_dir, write_atomically
from chain.locks import locked

_MOST_SENT = 32  # transactions remembered: an account sends few before the first is mined


@dataclass(frozen=True, slots=True)
class _Sent:
    nonce: int
    hash: HexBytes
    raw: HexBytes

    def entry(self) -> dict[str, int | str]:
        """As it is written."""
        return {
            "nonce": self.nonce,
            "hash": self.hash.to_0x_hex(),
            "raw": self.raw.to_0x_hex(),
        }


class NonceSlot:
    """The nonce to use now; :meth:`used` records that it was."""

    def __init__(self, nonce: int, path: Path, sent: dict[int, _Sent]) -> None:
        self.nonce = Nonce(nonce)
        self._path = path
        self._sent = sent

    def used(self, signed: SignedTransaction) -> None:
        """Remember the transaction that has this nonce."""
        self._sent[self.nonce] = _Sent(self.nonce, signed.hash, signed.raw_transaction)
        latest = [self._sent[nonce].entry() for nonce in sorted(self._sent)[-_MOST_SENT:]]
        write_atomically(self._path, json.dumps({"sent": latest}))


@contextmanager
def next_nonce(web3: Web3, chain_id: int, address: str, *, below: int = 0) -> Iterator[NonceSlot]:
    """Hold the account's lock and give the lowest nonce that nothing uses.

    A transaction that the node forgot although it has a later one, or although somebody waits
    for the nonce ``below`` after it, is sent again first.

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
        sent = _read(path)
        yield NonceSlot(_choose(web3, address, sent, below), path, sent)


def _choose(web3: Web3, address: str, sent: dict[int, _Sent], below: int) -> int:
    """The lowest unused nonce; what the node has dropped for good is taken out of ``sent``."""
    account = web3.to_checksum_address(address)
    mined = int(web3.eth.get_transaction_count(account))
    pending = max(mined, int(web3.eth.get_transaction_count(account, "pending")))
    # Not all nodes count alike: what has just been sent may be missing, a gap may be counted over.
    waiting = {n for n, one in sent.items() if n >= mined and known(web3, one.hash)}
    end = max(pending, below, max(waiting, default=-1) + 1)
    # What it knows nothing of, and nothing after, was dropped; or this is another chain with the
    # same id. Then the node is right.
    for nonce in [one for one in sent if one >= end]:
        del sent[nonce]
    for nonce in range(max(mined, end - _MOST_SENT), end):
        if nonce in waiting or (nonce in sent and _again(web3, sent[nonce])):
            continue
        if nonce >= pending:
            return nonce
    return end


def _again(web3: Web3, one: _Sent) -> bool:
    """Send a transaction again; False if the node does not want it."""
    try:
        web3.eth.send_raw_transaction(one.raw)
    except RpcError:
        return known(web3, one.hash)
    return True


def _read(path: Path) -> dict[int, _Sent]:
    try:
        entries = json.loads(path.read_text("utf-8"))["sent"]
        sent = [_Sent(int(e["nonce"]), HexBytes(e["hash"]), HexBytes(e["raw"])) for e in entries]
        return {one.nonce: one for one in sent[-_MOST_SENT:]}
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return {}  # none yet, or unreadable: the node's count decides
