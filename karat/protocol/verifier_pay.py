"""What a verifier's vote earns: the ledger's skill score in Python.

Mirrors ``contracts/ledger/Forecasts.sol`` and ``ScoringLogic._payVerifier``, and is compared with
them on the embedded EVM (``tests/integration/test_history_fold.py``). Skill as of a forecast
against climatology: Murphy, "Skill scores based on the mean square error", 1988.
"""

from collections.abc import Sequence

from chain.ledger.bindings.constants import Scores


def distance(vote: Sequence[int], medians: Sequence[int], tolerance: int) -> int:
    """How far a vote lies from the medians (``Forecasts.distance``).

    The sum over all updates of how many steps of the grid more than ``tolerance`` the codes
    differ, where none counts as less than ``Scores.FLOOR``.
    """
    pairs = zip(vote, medians, strict=True)
    return sum(max(0, abs(_level(a) - _level(b)) - tolerance) for a, b in pairs)


def nearest_constant(medians: Sequence[int], tolerance: int) -> int:
    """The code that, voted for all updates, lies nearest to the medians (``Forecasts._nearest``).

    At least one median is needed.
    """
    edges = [_level(code) + side for code in medians for side in (tolerance, -tolerance)]
    return sorted(edges)[len(medians)]


def free_forecast(medians: Sequence[int], last: Sequence[int], tolerance: int) -> int:
    """How far the nearest vote lies that anybody could cast unseen (``Forecasts.best``).

    Args:
        medians: of the round, in index order.
        last: each trainer's last median, or "no effect" (``ILedgerViews.forecasts``).
        tolerance: the task's.
    """
    constants = {Scores.ZERO_SCORE, nearest_constant(medians, tolerance)}
    without_gains = [min(code, Scores.ZERO_SCORE) for code in last]
    votes = [*([code] * len(medians) for code in constants), last, without_gains]
    return min(distance(vote, medians, tolerance) for vote in votes)


def skill(
    vote: Sequence[int], medians: Sequence[int], last: Sequence[int], tolerance: int
) -> tuple[int, int]:
    """The part of its share that a vote earns, as numerator and denominator.

    0 of 1 where a free forecast is right about everything; see :func:`free_forecast`.
    """
    forecast = free_forecast(medians, last, tolerance)
    known = forecast - 2 * distance(vote, medians, tolerance)
    return (known, forecast) if known > 0 else (0, 1)


def _level(code: int) -> int:
    return max(code, Scores.FLOOR)
