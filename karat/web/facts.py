"""What only the node can tell: a task's state now, tokens, block times and the gas of receipts.

Answers are kept, so that a page that many look at asks the node once; while the node is down the
last answer stands.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from eth_abi.exceptions import DecodingError

from chain.errors import ChainError
from chain.evm.node import rpc_batch_responses
from chain.ledger.bindings.enums import Phase
from chain.ledger.bindings.structs import RoundView, TaskView
from chain.ledger.client import Token
from karat.sdk import Network
from karat.text import clean

V = TypeVar("V")
_MOST_DECIMALS = 77  # 10**77 fits in the 256 bits of an amount
_BATCH = 100  # requests in one HTTP call


@dataclass(frozen=True)
class State:
    """A task as the ledger sees it at one block; ``phase`` and ``info`` of its current round."""

    task: TaskView
    phase: Phase
    info: RoundView | None


@dataclass(frozen=True)
class Unit:
    """A token's name for itself, which may be anything, and its decimals."""

    symbol: str
    decimals: int


class Kept(OrderedDict[Hashable, Any]):
    """The answers used last."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most
        self._lock = threading.Lock()

    def keep(self, key: Hashable, value: V) -> V:
        """Remember ``value``, and forget the oldest if there are too many."""
        with self._lock:
            self[key] = value
            self.move_to_end(key)
            while len(self) > self.most:
                self.popitem(last=False)
        return value


class Facts:
    """Asks the node, each thing once."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._states = Kept(1_000)  # task: (version, block, state)
        self._units = Kept(1_000)
        self._times = Kept(20_000)
        self._gas = Kept(50_000)

    def state(self, task_id: int, seen: Hashable) -> State | None:
        """A task's state, asked for again when ``seen`` changes; None if it was never reached."""
        known = self._states.get(task_id)
        if known is not None and known[0] == seen:
            found: State = known[1]
            return found
        fresh = _unless_down(lambda: self._state(task_id))
        if fresh is None:
            return None if known is None else known[1]
        return self._states.keep(task_id, (seen, fresh))[1]

    def _state(self, task_id: int) -> State:
        ledger = self._network.ledger
        task = ledger.task(task_id)
        if task.current_round == 0:
            return State(task, Phase.NONE, None)
        number = task.current_round
        return State(task, ledger.phase(task_id, number), ledger.round_info(task_id, number))

    def unit(self, address: str) -> Unit:
        """A token's symbol and decimals; ``?`` and 0 where it does not say."""
        if address in self._units:
            known: Unit = self._units[address]
            return known
        token = Token(self._network.web3, address)
        symbol = _unless_down(token.symbol)
        decimals = _unless_down(token.decimals)
        if symbol is None or decimals is None or not 0 <= decimals <= _MOST_DECIMALS:
            return Unit("?", 0)
        return self._units.keep(address, Unit(clean(symbol, 12), decimals))

    def times(self, blocks: Iterable[int]) -> dict[int, int]:
        """The timestamps of blocks, in seconds; those that cannot be had are left out."""
        wanted = sorted(set(blocks))
        asked = [number for number in wanted if number not in self._times]
        entries = [(hex(number), False) for number in asked]
        for number, block in zip(asked, self._ask("eth_getBlockByNumber", entries), strict=False):
            if isinstance(block, dict) and block.get("timestamp") is not None:
                self._times.keep(number, _number(block["timestamp"]))
        return {number: self._times[number] for number in wanted if number in self._times}

    def gas(self, transactions: Iterable[bytes]) -> dict[bytes, tuple[int, int]]:
        """The gas that transactions used, and what it cost in wei.

        Those that cannot be had are left out.
        """
        wanted = list(transactions)
        asked = [one for one in wanted if one not in self._gas]
        entries = [("0x" + one.hex(),) for one in asked]
        receipts = self._ask("eth_getTransactionReceipt", entries)
        for one, receipt in zip(asked, receipts, strict=False):
            if isinstance(receipt, dict) and receipt.get("gasUsed") is not None:
                used = _number(receipt["gasUsed"])
                self._gas.keep(one, (used, used * _number(receipt.get("effectiveGasPrice") or 0)))
        return {one: self._gas[one] for one in wanted if one in self._gas}

    def _ask(self, method: str, entries: list[tuple[Any, ...]]) -> list[Any]:
        """The results of many requests, as far as the node gives them."""
        found: list[Any] = []
        for start in range(0, len(entries), _BATCH):
            part = entries[start : start + _BATCH]
            try:
                answers = rpc_batch_responses(self._network.web3, method, part)
            except ChainError:
                break
            found += [answer.get("result") for answer in answers]
        return found


def _unless_down(ask: Callable[[], V]) -> V | None:
    try:
        return ask()
    except (ChainError, DecodingError):
        return None


def _number(value: Any) -> int:
    """A quantity of JSON-RPC, as hexadecimal text or, from the embedded EVM, as a number."""
    return int(value, 16) if isinstance(value, str) else int(value)
