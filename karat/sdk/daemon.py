"""What the two daemons share: a log, metrics, signals, and the loop."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from chain.ledger.client import Token
from karat.money import Money
from karat.participants.daemon.follow import Following
from karat.participants.daemon.logs import daemon_log
from karat.participants.daemon.loop import (
    run_steps,
    stopped_by_signals,
    wait_for_own_transactions,
)
from karat.participants.daemon.metrics import Metrics, served
from karat.participants.daemon.outbox import Outbox
from karat.participants.daemon.waiting import Waiting
from karat.participants.journal import alone, journal_folder
from karat.sdk.plan import Amount

if TYPE_CHECKING:
    from karat.sdk.network import Network


def units_of(network: "Network", following: Following, amount: Amount) -> int:
    """Base units of an amount of a task's tokens; raises ConfigError if it is none."""
    token = following.task().history.params.token  # a sponsor may name anything
    return Money.told_by(Token(network.web3, token)).parse(amount)


class Steps(Protocol):
    """A daemon: takes steps, and says after each what it waits for."""

    @property
    def waiting(self) -> Waiting | None:
        """What it waits for, if it can tell."""

    def step(self) -> bool:
        """Do what is due; False when nothing ever will be."""


class Service:
    """One daemon of the network's account; must be run in the main thread."""

    def __init__(self, role: str, task_id: int, network: "Network", metrics: str | None) -> None:
        self._network, self._address, self._task_id = network, metrics, task_id
        self.log = daemon_log(role, task=task_id, account=network.address)
        self._meter = Metrics(role)
        self._outbox = Outbox(network.sender, self.log, self._meter)
        self._journal = journal_folder(role, network.ledger, task_id, network.address)

    def run(
        self,
        daemon: Callable[[Outbox], Steps],
        *,
        once: bool,
        begin: Callable[[], None] = lambda: None,
    ) -> None:
        """Take steps until there is nothing left to do, or a signal comes.

        Args:
            daemon: makes it of what it may send with.
            once: end after one step that succeeded.
            begin: called once the log has begun.

        Raises:
            ConfigError: metrics cannot be served at their address.
            LockBusy: another daemon of this account works on the task, on this machine.
            KaratError: what cannot be repaired by waiting.
        """
        with (
            alone(self._journal),
            stopped_by_signals() as stop,
            served(self._meter, self._address) as url,
        ):
            self.log.info("started", metrics=url)
            begin()
            wait_for_own_transactions(self._network.sender, stop)
            made = daemon(self._outbox)
            run_steps(
                lambda: self._is_idle(made) or made.step(),
                stop,
                self.log,
                self._meter,
                poll=lambda: self._pause(made),
                once=once,
            )
            self.log.info("ended")

    def _is_idle(self, daemon: Steps) -> bool:
        return daemon.waiting is not None and daemon.waiting.lasts(
            self._network.ledger, self._task_id
        )

    def _pause(self, daemon: Steps) -> float:
        shortest = self._network.poll_seconds
        if daemon.waiting is None:
            return shortest
        return daemon.waiting.pause(shortest, self._network.longest_poll_seconds)
