"""A devnet's time, which stands still while nobody sends a transaction.

Whoever waits for a deadline there mines an empty block once the machine's clock has passed it.
"""

import time

from chain.evm.clock import Clock
from chain.evm.node import rpc
from chain.ledger.profiles import Connection


class DevnetClock(Clock):
    """Reads the time of a devnet, and can move it."""

    def advance_if_idle(self) -> None:
        """Mine an empty block if the latest one is more than a second behind the machine."""
        if self.now() + 1 < time.time():
            rpc(self.web3, "evm_mine")

    def move_to(self, time: int) -> None:
        """Mine an empty block at ``time``, in seconds, if that is still to come."""
        if self.now() < time:
            rpc(self.web3, "evm_setNextBlockTimestamp", time)
            rpc(self.web3, "evm_mine")


def clock_of(connection: Connection) -> Clock:
    """The clock of a network: one that moves it if it is a devnet."""
    kind = DevnetClock if connection.profile.is_devnet else Clock
    return kind(connection.web3)
