"""Moves a page's network to the next deadline as soon as everybody has done their part."""

import threading
from types import TracebackType
from typing import Self

from chain.errors import ChainError
from chain.evm.node import rpc
from chain.ledger.bindings.enums import Phase
from karat.errors import KaratError
from karat.sdk import Network, TaskView, connect


class Clock:
    """Looks at the network ``local`` until the ``with`` block ends, in a thread of its own."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._network: Network | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(0.5):
            try:
                self._network = self._network or connect("local")
                for task in self._network.tasks:
                    _advance(self._network, task)
            except (ChainError, KaratError):
                self._network = None  # not there yet, or no longer


def _advance(network: Network, task: TaskView) -> None:
    if not task.rounds:
        return
    current, trainers = task.rounds[-1], task.history.trainers
    phase = network.ledger.phase(task.id, current.number)
    info = network.ledger.round_info(task.id, current.number)
    if phase is Phase.COMMIT and len(current.commits) == len(trainers) > 0:
        _pass(network, info.commit_deadline)
    if phase is Phase.REVEAL and len(current.updates) == len(current.commits) > 0:
        _pass(network, info.reveal_deadline)


def _pass(network: Network, deadline: int) -> None:
    behind = deadline - int(network.web3.eth.get_block("latest")["timestamp"])
    rpc(network.web3, "evm_increaseTime", max(1, behind))
    rpc(network.web3, "evm_mine")
