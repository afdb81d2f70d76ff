"""What all tasks add up to, and who is in them: counted in the background, task by task."""

import threading
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from karat.protocol.history import TaskHistory
from karat.protocol.state import Outcome
from karat.web.follower import Follower


@dataclass
class Sums:
    """Amounts of one token, in base units."""

    staked: int = 0
    earned: int = 0
    slashed: int = 0


@dataclass
class Overview:
    """The network at one version of the index; ``tasks`` were counted."""

    version: int = -1
    tasks: int = 0
    rounds: int = 0
    updates: int = 0
    sums: dict[str, Sums] = field(default_factory=dict)  # by token
    roles: dict[str, dict[int, str]] = field(default_factory=dict)  # account: task: role
    sent: Counter[str] = field(default_factory=Counter)  # account: updates


class Overviews:
    """The last overview, counted again when there were events since."""

    def __init__(self, follower: Follower) -> None:
        self._follower = follower
        self._last = Overview()
        self._lock = threading.Lock()
        self._running: Future[None] | None = None
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="overview")
        self._closed = threading.Event()

    def close(self) -> None:
        """End; what is being counted is given up."""
        self._closed.set()
        self._worker.shutdown(cancel_futures=True)

    def get(self, patience: float = 0.2) -> tuple[Overview, bool]:
        """The last overview, and whether a newer one is on its way.

        Waits up to ``patience`` seconds for it: a small network is counted at once.
        """
        with self._lock:
            stale = self._last.version != self._follower.head.version
            if stale and (self._running is None or self._running.done()):
                self._running = self._worker.submit(self._count)
            running = self._running
        if stale and running is not None:
            try:
                running.result(patience)
            except TimeoutError:
                return self._last, True
        return self._last, False

    def _count(self) -> None:
        follower = self._follower
        found = Overview(follower.head.version)
        for created in follower.tasks:
            if self._closed.is_set():
                return
            with follower.lock:
                history = follower.book(created.task_id).history
                self._add(found, created.task_id, created.params.token, history)
            found.roles.setdefault(created.sponsor, {})[created.task_id] = "sponsor"
        self._last = found

    @staticmethod
    def _add(found: Overview, task: int, token: str, history: TaskHistory) -> None:
        sums = found.sums.setdefault(token, Sums())
        for member in history.members.values():
            found.roles.setdefault(member.address, {})[task] = member.role
            found.sent[member.address] += member.updates
            found.updates += member.updates
            sums.staked += member.stake
            sums.earned += member.earned
            sums.slashed += member.slashed
        settled = [past for past in history.rounds.values() if past.outcome is Outcome.SETTLED]
        found.rounds += len(settled)
        found.tasks += 1
