"""The loop of a daemon: one step after the other until the work is done or it is told to stop.

A node or a store that is down is nobody's fault: it is asked again, ever more slowly, and nothing
is concluded from its silence. What a contract refuses because the chain has moved on is looked at
again. Anything else ends the daemon with its reason.
"""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event
from types import FrameType
from typing import Any

from structlog.typing import FilteringBoundLogger

from chain.errors import (
    FeeTooHigh,
    NodeError,
    TransactionError,
    TransactionRejected,
    TransactionReplaced,
    TransactionStuck,
)
from chain.evm.transactions import Sender
from chain.ledger.bindings.errors import (
    AlreadyAttested,
    AlreadyVoted,
    AwaitingModel,
    UnknownAppeal,
    WrongAppealPhase,
    WrongEpoch,
    WrongPhase,
)
from chain.store.errors import NodeRefused, NotFound, StoreUnreachable
from karat.errors import NotAvailable
from karat.participants.daemon.metrics import Metrics

OUTAGES = (NodeError, StoreUnreachable, NodeRefused, NotFound)
MOVED_ON = (
    AlreadyAttested,
    AlreadyVoted,
    AwaitingModel,
    UnknownAppeal,
    WrongAppealPhase,
    WrongEpoch,
    WrongPhase,
    NotAvailable,  # a reorganisation took it away
    TransactionReplaced,
)
UNCERTAIN = (FeeTooHigh, TransactionRejected, TransactionStuck)

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0  # seconds
_PENDING_SECONDS = 120.0


@contextmanager
def stopped_by_signals() -> Iterator[Event]:
    """An event that SIGTERM and SIGINT set, so that a step in progress is finished first."""
    stop = Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        del number, frame
        stop.set()

    before = {one: signal.signal(one, on_signal) for one in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def run_steps(
    step: Callable[[], bool],
    stop: Event,
    log: FilteringBoundLogger,
    metrics: Metrics,
    *,
    poll: float,
    once: bool = False,
) -> None:
    """Take steps until one returns False, ``stop`` is set, or, with ``once``, one has succeeded.

    Raises:
        KaratError, ChainError, LearningError: what cannot be repaired by waiting.
    """
    pause = _FIRST_PAUSE
    while not stop.is_set():
        try:
            goes_on = step()
        except (*OUTAGES, *UNCERTAIN) as error:
            metrics.failed(type(error).__name__)
            log.warning("waiting", reason=str(error), seconds=pause)
            stop.wait(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
            continue
        except MOVED_ON as error:
            log.info("chain moved on", reason=str(error))
            goes_on = True
        pause = _FIRST_PAUSE
        metrics.stepped()
        if once or not goes_on:
            return
        stop.wait(poll)


def wait_for_own_transactions(sender: Sender, stop: Event) -> None:
    """Wait until the node has mined what this account sent before, so that nothing goes twice.

    A process that was killed may have left a transaction on its way. What is still pending after
    two minutes is replaced: all that comes later would queue behind it.
    """
    eth = sender.web3.eth
    address: Any = sender.address
    deadline = time.monotonic() + _PENDING_SECONDS
    while time.monotonic() < deadline and not stop.is_set():
        if eth.get_transaction_count(address, "pending") <= eth.get_transaction_count(address):
            return
        stop.wait(1.0)
    if not stop.is_set():
        with suppress(TransactionError, NodeError):  # the steps will see what they can do
            sender.cancel_waiting()
