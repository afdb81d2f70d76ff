"""The line that says how a round ended."""

import pytest

from karat.money import Money
from karat.protocol.ended import EndedRound

KDEV = Money("KDEV", 18)


def ended(**changes: object) -> EndedRound:
    usual = {
        "round": 3, "outcome": "ok", "committed": 5, "revealed": 4,
        "verdicts": {"ok": 3, "harmful": 1}, "weight": 1797,
        "trainer_rewards": 3712 * 10**17, "verifier_rewards": 10**18, "slashed": 5 * 10**17,
    }  # fmt: skip
    return EndedRound(**{**usual, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {},
            "round 3: ok, 4 updates (1 harmful, 3 ok), 1 not revealed, weight 1,797, "
            "371.2 KDEV for trainers, 1 KDEV for verifiers, 0.5 KDEV slashed",
        ),
        (
            {"outcome": "void", "verdicts": {}, "revealed": 1, "committed": 1, "slashed": 0},
            "round 3: void, 1 update",
        ),
    ],
    ids=["settled", "void"],
)
def test_a_round_is_one_line(changes: dict[str, object], line: str) -> None:
    assert ended(**changes).line(KDEV) == line
