"""A transaction on its way: waited for until it is mined, whatever the node does meanwhile."""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from eth_utils.address import to_checksum_address
from hexbytes import HexBytes
from web3 import Web3
from web3.exceptions import TransactionNotFound
from web3.types import TxParams, TxReceipt

from chain.errors import (
    FeeTooHigh,
    NodeDied,
    NodeError,
    TransactionError,
    TransactionRejected,
    TransactionReplaced,
    TransactionStuck,
)
from chain.evm.fees import fees_on, head_of, raised_fees
from chain.evm.limits import FeeLimits, highest
from chain.evm.node import NodeProvider, rpc

_LONGEST_PAUSE = 1.0  # seconds between two looks for a receipt
_RECEIPT_GRACE = 3.0  # seconds between a nonce counting as used and its receipt, as a rule
_RAISE_SECONDS = 30.0  # between two raises of a fee that is too low
_GAP_SECONDS = 5.0  # how long those before it may not be mined, until what is missing is looked for
_STEP_BACK, _MOST_BLOCKS = 16, 512  # searched for another transaction with the nonce

Submit = Callable[[TxParams], HexBytes]


class Outgoing:
    """One transaction of an account, and those that replaced it with a higher fee."""

    def __init__(
        self,
        web3: Web3,
        operation: str,
        transaction: TxParams,
        sent: HexBytes,
        submit: Submit,
        fill_gap: Callable[[int], None],
        *,
        since: int,
        deadline: float,
        limits: FeeLimits,
    ) -> None:
        """``submit`` signs and sends it again; it was first sent after block ``since``.

        ``fill_gap`` uses what may be unused of the nonces below the one it is given.
        """
        self._web3 = web3
        self._operation = operation
        self._transaction = transaction
        self._submit = submit
        self._fill_gap = fill_gap
        self._deadline = deadline
        self._limits = limits
        self._address = to_checksum_address(str(transaction["from"]))
        self._nonce = int(transaction["nonce"])
        self._hashes = [sent]
        self._started = time.monotonic()
        self._raised = self._started
        self._next_in_line = self._started
        self._taken_since: float | None = None
        self._search_from = since - _STEP_BACK

    def receipt(self) -> TxReceipt:
        """The receipt, once there is one.

        A node may forget a transaction, in a reorganisation or a restart: it gets it again. One
        whose fee is too low is replaced. One that cannot be mined because the node forgot another
        before it has the gap filled. A node that does not answer ends nothing: the transaction
        is on its way, and what became of it is asked until the deadline.

        Raises:
            TransactionReplaced: another transaction with the nonce was mined.
            TransactionStuck: neither was mined before the deadline.
            NodeDied: the node was a local one, and is gone.
        """
        pause, trouble = 0.01, ""
        while True:
            try:
                receipt = self._look(rested=pause == _LONGEST_PAUSE)
                if receipt is not None:
                    return receipt
                trouble = ""
            except NodeDied:
                raise
            except NodeError as error:
                trouble = f" (the node: {error})"
            if time.monotonic() - self._started > self._deadline:
                raise self._stuck(trouble)
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)

    def _look(self, *, rested: bool) -> TxReceipt | None:
        # Asked before the receipts: with the nonce used there must be one, soon.
        count = self._web3.eth.get_transaction_count(self._address)
        nonce_used = count > self._nonce
        for transaction_hash in self._hashes:
            receipt = find_receipt(self._web3, transaction_hash)
            if receipt is not None:
                return receipt
        now = time.monotonic()
        if count >= self._nonce:
            self._next_in_line = now
        self._taken_since = (self._taken_since or now) if nonce_used else None
        if self._taken_since is not None and now - self._taken_since > _RECEIPT_GRACE:
            self._taken_since = now
            self._look_for_another()
        if not nonce_used:
            if now - self._raised > min(_RAISE_SECONDS, self._deadline / 2):
                self._pay_more()
            if rested and not any(known(self._web3, one) for one in self._hashes):
                with suppress(TransactionRejected):  # mined this very moment
                    self._submit(self._transaction)
            elif now - self._next_in_line > _GAP_SECONDS:
                self._next_in_line = now
                with suppress(TransactionError):  # another process was faster, or has the lock
                    self._fill_gap(self._nonce)
        return None

    def _look_for_another(self) -> None:
        """Search the blocks since the sending for a transaction of this account with the nonce.

        Only another one that was mined means that ours will not be. Without a receipt ours may
        still be there: the node that counts and the one that keeps receipts need not be the same.
        """
        head = self._web3.eth.block_number
        ours = {one.to_0x_hex() for one in self._hashes}
        for number in range(head, max(0, self._search_from) - 1, -1):
            block = rpc(self._web3, "eth_getBlockByNumber", hex(number), True)
            for transaction in block["transactions"] if block else ():
                if not self._has_our_nonce(transaction):
                    continue
                if str(transaction.get("hash")).lower() in ours:
                    return  # it is mined: its receipt will come
                raise self._replaced(str(transaction.get("hash")), number)
        # The node that counted the nonce may have been behind: look further back, too.
        self._search_from = max(self._search_from - _STEP_BACK, head - _MOST_BLOCKS)

    def _has_our_nonce(self, transaction: Any) -> bool:
        if not isinstance(transaction, dict):
            return False
        sender, nonce = str(transaction.get("from")).lower(), str(transaction.get("nonce"))
        return sender == self._address.lower() and nonce.lower() == hex(self._nonce)

    def _pay_more(self) -> None:
        """Replace the transaction by one that pays more, if its fee fell below the base fee."""
        self._raised = time.monotonic()
        base = head_of(self._web3).base_fee
        if base is None or highest(self._transaction) >= base:
            return
        # The first one may be mined this very moment, or cannot be outbid within the limits.
        with suppress(TransactionRejected, FeeTooHigh):
            fees = raised_fees(self._transaction, fees_on(self._web3, base, self._limits))
            higher: TxParams = {**self._transaction, **fees}
            self._hashes.append(self._submit(self._limits.fit(self._operation, higher, base)))
            self._transaction = higher

    def _replaced(self, other: str, block: int) -> TransactionReplaced:
        return TransactionReplaced(
            f"another transaction of {self._address} took nonce {self._nonce} ({other} in block "
            f"{block}), so {self._operation} ({self._hashes[0].to_0x_hex()}) will not happen; "
            "send it again if it is still wanted"
        )

    def _stuck(self, trouble: str) -> TransactionStuck:
        sent = self._hashes[-1].to_0x_hex()
        return TransactionStuck(
            f"{self._operation} was not seen mined within {self._deadline:.0f} s (transaction "
            f"{sent}, nonce {self._nonce}); it may still be: look again before sending anything "
            f"else{trouble}",
            sent,
            self._nonce,
        )


def find_receipt(web3: Web3, transaction_hash: HexBytes) -> TxReceipt | None:
    """The receipt of a mined transaction; None while there is none."""
    try:
        return web3.eth.get_transaction_receipt(transaction_hash)
    except TransactionNotFound:
        return None


def known(web3: Web3, transaction_hash: HexBytes) -> bool:
    """Whether any of the nodes knows a transaction, mined or waiting."""
    provider = web3.provider
    if isinstance(provider, NodeProvider) and provider.several:
        answers = provider.opinions("eth_getTransactionByHash", [transaction_hash.to_0x_hex()])
        return any(answer is not None for answer in answers)
    try:
        return bool(web3.eth.get_transaction(transaction_hash))
    except TransactionNotFound:
        return False
