"""A verifier's work in a task: a daemon that votes, and takes the steps that anyone may take."""

from typing import TYPE_CHECKING

from chain.ledger.bindings.enums import Role
from karat.participants.daemon.outbox import Outbox
from karat.participants.verifier.daemon import VerifierDaemon
from karat.sdk.daemon import Service, units_of
from karat.sdk.documents import VerifierRan
from karat.sdk.plan import Amount
from karat.sdk.standings import TaskStandings

if TYPE_CHECKING:
    from karat.sdk.network import Network


class Judging:
    """What the network's account does as a verifier of one task."""

    def __init__(self, network: "Network", task_id: int) -> None:
        self._network = network
        self.task_id = task_id

    def run(
        self, *, metrics: str | None = None, once: bool = False, max_top_up: Amount = 0
    ) -> VerifierRan:
        """Vote in every round until the task is over, or a signal ends it.

        May be killed and started again at any moment: it goes on where it was.

        Args:
            metrics: ``HOST:PORT`` to serve ``/metrics`` and ``/health`` on.
            once: do what is due now, and end.
            max_top_up: tokens that may be added to the stake over the whole task, after slashes.

        Raises:
            ConfigError: the address for metrics cannot be used, or the amount is none.
            KaratError: what cannot be repaired by waiting.
        """
        network = self._network
        ledger, address = network.ledger, network.address
        following = network.following(self.task_id)
        most = units_of(network, following, max_top_up)
        service = Service("verifier", self.task_id, network, metrics)

        def begin() -> None:
            if ledger.member(self.task_id, address).role is not Role.VERIFIER:
                service.log.warning(
                    "not a verifier of the task, so it will not vote", fix="verifier join"
                )

        def daemon(outbox: Outbox) -> VerifierDaemon:
            anchor, device, clock = network.anchor_or_none, network.device, network.clock
            keeper = None
            if network.standings_or_none is not None:
                keeper = TaskStandings(network, self.task_id).keeper()
            return VerifierDaemon(
                ledger, anchor, following, outbox, device, clock, most, keeper, is_warm=once
            )

        service.run(daemon, once=once, begin=begin)
        return VerifierRan(task=self.task_id, account=address)
