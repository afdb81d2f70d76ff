"""When a daemon that has nothing to do before a deadline looks at the chain again.

A step asks a node for a dozen things. What a member waits for, the round's next phase or the next
round, one request tells. So looks are rarer the more time is left, and steps are left out while
the phase is the same; but one is taken when three quarters of the time have passed, with enough
left to send again what a reorganisation undid, and every ten minutes.
"""

import time
from dataclasses import dataclass, field

from chain.ledger.bindings.enums import Phase
from chain.ledger.client import Ledger
from karat.protocol.rules import ENDED

_STEP_AT = 0.75  # of the time
_LONGEST = 600.0  # seconds between two steps: standings and stakes wait for no phase
_AT_ONCE = 5.0  # seconds before the deadline, when the next phase is all that comes


@dataclass(frozen=True, slots=True)
class Waiting:
    """Nothing is to be done in a phase of a round before its deadline (Unix time)."""

    round: int
    phase: Phase
    deadline: int
    since: float = field(default_factory=time.time)

    def pause(self, shortest: float, longest: float) -> float:
        """Seconds until the next look."""
        return max(shortest, min(longest, (self.deadline - time.time()) / 2))

    def lasts(self, ledger: Ledger, task_id: int) -> bool:
        """Whether the next step can be left out; one request at most.

        Raises:
            NodeError: the node cannot be reached.
        """
        left = self.deadline - self.since
        step_after = left if left < _AT_ONCE else min(_STEP_AT * left, _LONGEST)
        next_step = self.since + step_after
        if time.time() >= next_step:
            return False
        if self.phase in ENDED:
            return ledger.phase(task_id, self.round + 1) is Phase.NONE
        return ledger.phase(task_id, self.round) is self.phase
