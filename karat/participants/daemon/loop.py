"""The loop of a daemon: one step after the other until the work is done or it is told to stop.

A node or a store that is down is nobody's fault: it is asked again, ever more slowly, and nothing
is concluded from its silence. What a contract refuses because the chain has moved on is looked at
again. A full disk, a folder that is away, a stake that is too low or a contract that refuses for
another reason is for somebody to repair: the daemon says so as an error, is not well (``/health``),
and goes on by itself once it is repaired. Only what is configured wrongly ends it, with its reason.
"""

import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event
from types import FrameType
from typing import Any

from structlog.typing import FilteringBoundLogger
from web3.exceptions import Web3Exception

from chain.errors import (
    FeeTooHigh,
    KeystoreError,
    NodeError,
    ProfileError,
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
from karat.errors import ConfigError, KaratError, NotAvailable
from karat.participants.daemon.metrics import Metrics
from learning.errors import DeviceError, PluginError, UnknownNameError

TRANSIENT = (NodeError, StoreUnreachable, NodeRefused, NotFound)
STALE_STATE = (
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
OUTCOME_UNKNOWN = (FeeTooHigh, TransactionRejected, TransactionStuck)
TO_BE_REPAIRED = (KaratError, Web3Exception, OSError, sqlite3.Error, MemoryError)
FOR_GOOD = (
    ConfigError,
    DeviceError,
    KeystoreError,
    PluginError,
    ProfileError,
    UnknownNameError,
)

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
    poll: Callable[[], float],
    once: bool = False,
) -> None:
    """Take steps until one returns False, ``stop`` is set, or, with ``once``, one has succeeded.

    ``poll`` gives the seconds between two steps.

    Raises:
        KaratError: something is configured wrongly; with ``once``, all that waiting alone does
            not repair.
    """
    pause = _FIRST_PAUSE
    while not stop.is_set():
        try:
            goes_on = step()
        except STALE_STATE as error:
            log.info("chain moved on", reason=str(error))
            goes_on = True
        except FOR_GOOD:
            raise
        except TO_BE_REPAIRED as error:
            passes = isinstance(error, (*TRANSIENT, *OUTCOME_UNKNOWN))
            if once and not passes:
                raise
            metrics.failed(type(error).__name__)
            say = log.warning if passes else log.error
            say("waiting", error=type(error).__name__, reason=str(error), seconds=pause)
            stop.wait(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
            continue
        pause = _FIRST_PAUSE
        metrics.stepped()
        if once or not goes_on:
            return
        stop.wait(poll())


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
