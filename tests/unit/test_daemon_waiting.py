"""What a daemon that waits for a deadline asks, and when it takes a step all the same."""

from types import SimpleNamespace
from typing import Any

import pytest

from chain.ledger.bindings.enums import Phase
from chain.ledger.deployment import STANDING_RULES
from karat.participants.daemon import waiting
from karat.participants.daemon.waiting import Waiting

START = 1_800_000_000.0


class Clock:
    """A machine's clock, moved by hand."""

    def __init__(self) -> None:
        self.now = START

    def time(self) -> float:
        return self.now


class Rounds:
    """A ledger that tells a phase, and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked, self.now = 0, Phase.COMMIT

    def phase(self, task_id: int, number: int) -> Phase:
        assert (task_id, number) == (7, 3)
        self.asked += 1
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(waiting, "time", SimpleNamespace(time=clock.time))
    return clock


def looks(clock: Clock, ledger: Any, window: int, shortest: float, longest: float) -> list[float]:
    """When a daemon that has done its part takes a step, in seconds before the deadline."""
    deadline = int(START) + window
    steps, now = [], Waiting(3, Phase.COMMIT, deadline, since=clock.now)
    while clock.now < deadline:
        clock.now += now.pause(shortest, longest)
        if not now.lasts(ledger, 7):
            steps.append(deadline - clock.now)
            now = Waiting(3, Phase.COMMIT, deadline, since=clock.now)
    return steps


@pytest.mark.parametrize(
    ("window", "shortest", "longest", "most"),
    [(3600, 4.0, 240.0, 32), (600, 4.0, 240.0, 12), (28, 0.5, 4.0, 16), (7, 0.5, 4.0, 8)],
)
def test_few_looks_in_a_window_and_a_step_in_time(
    clock: Clock, window: int, shortest: float, longest: float, most: int
) -> None:
    ledger = Rounds()
    steps = looks(clock, ledger, window, shortest, longest)
    assert ledger.asked <= most
    assert len(steps) <= 9
    assert -shortest <= steps[-1] <= 0  # as the window ends
    if window > 100:  # what was undone meanwhile can be sent again
        assert any(window / 16 < left <= window / 4 for left in steps)


def test_another_phase_is_seen_with_the_next_look(clock: Clock) -> None:
    ledger = Rounds()
    waits = Waiting(3, Phase.COMMIT, int(START) + 1000, since=clock.now)
    assert waits.lasts(ledger, 7)  # type: ignore[arg-type]
    ledger.now = Phase.REVEAL
    assert not waits.lasts(ledger, 7)  # type: ignore[arg-type]


def test_a_deadline_that_is_past_is_not_asked_about(clock: Clock) -> None:
    ledger = Rounds()
    waits = Waiting(3, Phase.COMMIT, int(START) - 1)
    assert waits.pause(0.5, 4.0) == 0.5
    assert not waits.lasts(ledger, 7)  # type: ignore[arg-type]
    assert ledger.asked == 0


def test_the_next_round_is_seen_with_the_next_look(clock: Clock) -> None:
    phases = {3: Phase.FINAL, 4: Phase.NONE}
    ledger: Any = SimpleNamespace(phase=lambda _task, number: phases[number])
    waits = Waiting(3, Phase.FINAL, int(START) + 1000, since=clock.now)
    assert waits.lasts(ledger, 7)
    phases[4] = Phase.COMMIT
    assert not waits.lasts(ledger, 7)


def test_nobody_is_late_to_answer_a_challenge_of_standings() -> None:
    assert STANDING_RULES.response >= 3 * waiting._LONGEST
