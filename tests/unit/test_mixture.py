"""What the next model is mixed of: the bytes of a vote, the medians of all, and appeals."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain.errors import BadCommitment
from chain.ledger.bindings.constants import Scores
from karat.protocol.mixture import Mixture, median_from, median_mixture
from karat.protocol.rules import dissents, settled_mixture
from karat.protocol.state import Appeal, Outcome, Round
from learning.judge.codes import AGES, MOST_PUBLIC_CODE, MOST_WEIGHT_CODE
from learning.score_codes import ZERO_SCORE

WEIGHT = st.integers(0, MOST_WEIGHT_CODE)
MOVEMENT = st.integers(-MOST_PUBLIC_CODE, MOST_PUBLIC_CODE)
MIXTURE = st.builds(
    Mixture, st.lists(WEIGHT, max_size=20).map(tuple), st.tuples(*[MOVEMENT] * Scores.MOVEMENTS)
)
VOTES = st.lists(st.tuples(st.integers(-9, 9), st.integers(1, 5)), min_size=1, max_size=9)


def test_a_movement_for_each_age() -> None:
    assert len(AGES) == Scores.MOVEMENTS


@given(MIXTURE)
def test_bytes_and_back(mixture: Mixture) -> None:
    count = len(mixture.weights)
    data = mixture.to_bytes()
    assert len(data) == 2 * (count + 4)
    assert Mixture.from_bytes(data, count) == mixture


@given(st.binary(max_size=60), st.integers(0, 20))
def test_any_bytes_of_the_right_length_are_a_mixture(data: bytes, count: int) -> None:
    if len(data) != 2 * (count + 4):
        with pytest.raises(BadCommitment, match=f"not {len(data)}$"):
            Mixture.from_bytes(data, count)
        return
    mixture = Mixture.from_bytes(data, count)
    assert all(0 <= weight <= MOST_WEIGHT_CODE for weight in mixture.weights)
    assert all(abs(movement) <= MOST_PUBLIC_CODE for movement in mixture.movements)


def test_what_no_model_takes_counts_as_the_most() -> None:
    data = b"\xff\xff" + b"\x80\x01" + b"\x80\x00" + bytes(6)
    most = Mixture((MOST_WEIGHT_CODE, MOST_WEIGHT_CODE), (-MOST_PUBLIC_CODE, 0, 0, 0))
    assert Mixture.from_bytes(data, 2) == most


@given(VOTES)
def test_the_median_is_that_of_as_many_equal_votes(votes: list[tuple[int, int]]) -> None:
    everyone = sorted(number for number, weight in votes for _ in range(weight))
    lower, upper = everyone[(len(everyone) - 1) // 2], everyone[len(everyone) // 2]
    between = max(lower, min(0, upper))  # of the two middle ones, what is nearest to zero
    assert median_from(0, votes, len(everyone)) == between


@given(VOTES, st.integers(-9, 9), st.integers(0, 9))
def test_the_absent_stand_by_the_centre(
    votes: list[tuple[int, int]], centre: int, absent: int
) -> None:
    total = sum(weight for _, weight in votes) + absent
    decided = median_from(centre, votes, total)
    assert decided == median_from(centre, [*votes, (centre, absent)], total)
    if decided != centre:
        way = 1 if decided > centre else -1
        behind = sum(weight for number, weight in votes if way * (number - decided) >= 0)
        assert Fraction(behind, total) > Fraction(1, 2)


@given(st.integers(0, 5), st.integers(0, 5), MOVEMENT, WEIGHT)
def test_less_than_half_moves_nothing_beyond_the_others(
    place: int, step: int, movement: int, weight: int
) -> None:
    """Honest votes lie within a step of one another; others cannot get the median out of there."""
    honest = [Mixture((1000 + place % 2,)), Mixture((1000,)), Mixture((1000 + step % 2,))]
    hostile = Mixture((weight,), (movement, 0, 0, 0))
    settled = median_mixture([*((one, 1) for one in honest), (hostile, 2)])
    assert settled.weights[0] in {1000, 1001}
    assert settled.movements == (0, 0, 0, 0)


def settled(medians: list[int], *mixtures: Mixture, voices: tuple[int, ...] = ()) -> Round:
    names = tuple(f"verifier {i}" for i in range(len(mixtures)))
    return Round(
        1,
        bytes(32),
        0,
        committee=names,
        voices=voices or (1,) * len(mixtures),
        votes={name: list(medians) for name in names},
        mixtures=dict(zip(names, mixtures, strict=True)),
        medians=medians,
        outcome=Outcome.SETTLED,
    )


def test_voices_weigh() -> None:
    votes = (Mixture((100,)), Mixture((200,)), Mixture((300,)))
    assert settled_mixture(settled([20_000], *votes)).weights == (200,)
    heavy = settled([20_000], *votes, voices=(1, 1, 3))
    assert settled_mixture(heavy).weights == (300,)
    halves = settled([20_000], *votes[:2], voices=(2, 2))
    assert settled_mixture(halves).weights == (100,)


def test_of_the_absent_nothing_is_asked() -> None:
    current = settled([20_000], Mixture((100,)), Mixture((200,)), Mixture((300,)))
    del current.mixtures["verifier 2"]
    assert settled_mixture(current).weights == (100,)


@pytest.mark.parametrize("code", [*range(1, 6), 8, ZERO_SCORE - 1])
def test_what_was_settled_as_harm_is_not_taken(code: int) -> None:
    votes = [Mixture((500, 600), (7, 0, -8, 0))] * 3
    assert settled_mixture(settled([code, ZERO_SCORE], *votes)).weights == (0, 600)
    assert settled_mixture(settled([code, ZERO_SCORE], *votes)).public == {1: 7, 4: -8}


def appeal(votes: list[tuple[int, int]], upheld: bool | None = True) -> Appeal:
    return Appeal(0, "anybody", 1, 9, 0, 0, mixture_votes=votes, upheld=upheld)


@pytest.mark.parametrize(
    ("votes", "upheld", "weight"),
    [
        ([(4000, 1)] * 5, True, 4000),
        ([(4000, 1)] * 5, False, 4000),  # the code was right and the weight was not
        ([(4000, 1)] * 5, None, 100),  # it goes on
        ([(4000, 1)] * 4, True, 100),  # less than half of the panel
        ([(4000, 2)] * 2 + [(3000, 1)], True, 3000),
        ([(0, 1)] * 5, True, 0),
    ],
)
def test_an_appeal_decides_the_weight_as_well(
    votes: list[tuple[int, int]], upheld: bool | None, weight: int
) -> None:
    current = settled([20_000, 20_000], *[Mixture((100, 100))] * 3)
    current.appeals[0] = appeal(votes, upheld)
    assert settled_mixture(current).weights == (weight, 100)


def test_an_appeal_that_convicts_takes_the_update_out() -> None:
    current = settled([20_000], *[Mixture((100,))] * 3)
    current.appeals[0] = appeal([(4000, 1)] * 9)
    current.medians[0] = 1
    assert settled_mixture(current).weights == (0,)


def test_who_voted_otherwise_votes_again() -> None:
    current = settled([20_000], Mixture((100,)), Mixture((100,)), Mixture((100 + 3,)))
    current.votes["verifier 1"] = [20_000 + 3]
    told = [dissents(current, f"verifier {i}", 0, tolerance=2) for i in range(4)]
    assert told == [False, True, True, False]  # the last one is not in the committee
