"""Each aggregation rule on its own: values worked out by hand, refusals, and who has influence."""

import numpy as np
import pytest
import torch

from learning.arena.aggregators import (
    NNM,
    Aggregator,
    Average,
    CenteredClipping,
    DnC,
    Flag,
    FLTrust,
    FoolsGold,
    GeometricMedian,
    Krum,
    Median,
    MoNNA,
    MultiKrum,
    NNMTrMean,
    SybilWall,
    TrMean,
    aggregators,
)
from learning.errors import AggregationError, NonFiniteError

RULES = [
    Average(),
    Median(),
    TrMean(2),
    Krum(2),
    MultiKrum(2),
    GeometricMedian(),
    CenteredClipping(),
    CenteredClipping(L=3, tau=None),
    NNMTrMean(2),
    MoNNA(2, 1),
    FoolsGold(),
    FLTrust(),
    SybilWall(),
    DnC(2),
    Flag(),
]
# The others withstand no outliers by design: Flag bounds directions, the two after it Sybils.
ROBUST = [r for r in RULES if not isinstance(r, Average | Flag | FoolsGold | SybilWall)]


def fresh(rule: Aggregator, reference: torch.Tensor) -> Aggregator:
    """The same rule without what it remembers, comparing with ``reference`` if it asks."""
    again = type(rule)(**{k: v for k, v in vars(rule).items() if k in INIT.get(type(rule), ())})
    if isinstance(again, FLTrust):
        again.reference = reference
    return again


INIT: dict[type, tuple[str, ...]] = {
    TrMean: ("f",),
    Krum: ("f",),
    MultiKrum: ("f",),
    GeometricMedian: ("nu", "T"),
    CenteredClipping: ("L", "tau"),
    NNMTrMean: ("f",),
    MoNNA: ("f", "idx"),
    DnC: ("f",),
}


def label(rule: Aggregator) -> str:
    return type(rule).__name__


@pytest.fixture
def honest() -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    return 1 + 0.3 * torch.randn(9, 500, generator=generator)


@pytest.mark.parametrize("rule", RULES, ids=label)
def test_equal_updates_give_themselves(rule: Aggregator) -> None:
    vectors = torch.arange(1.0, 6.0).repeat(7, 1)
    result = fresh(rule, vectors[0])(vectors)
    if isinstance(rule, FoolsGold | SybilWall):
        assert torch.equal(result, torch.zeros(5))  # all alike: nobody is trusted
    else:
        torch.testing.assert_close(result, vectors[0], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("rule", RULES, ids=label)
def test_inputs_are_left_alone_and_kinds_kept(rule: Aggregator, honest: torch.Tensor) -> None:
    before = honest.clone()
    from_tensor = fresh(rule, honest[0])(honest)
    from_list = fresh(rule, honest[0])(list(honest))
    from_array = fresh(rule, honest[0])(honest.numpy())
    read_only = honest.numpy().copy()
    read_only.setflags(write=False)
    from_read_only = fresh(rule, honest[0])(read_only)
    assert torch.equal(honest, before)
    assert isinstance(from_tensor, torch.Tensor)
    assert isinstance(from_array, np.ndarray)
    assert isinstance(from_read_only, np.ndarray)
    assert torch.equal(from_tensor, from_list)
    np.testing.assert_array_equal(from_array, from_tensor.numpy())
    np.testing.assert_array_equal(from_array, from_read_only)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("rule", RULES, ids=label)
def test_nan_and_infinity_are_refused_by_name(
    rule: Aggregator, bad: float, honest: torch.Tensor
) -> None:
    honest[4, 321] = bad
    with pytest.raises(NonFiniteError, match=r"update 4 holds -?(nan|inf) at coordinate 321"):
        fresh(rule, honest[0])(honest)


@pytest.mark.parametrize("rule", RULES, ids=label)
def test_influence_is_a_distribution(rule: Aggregator, honest: torch.Tensor) -> None:
    influence = fresh(rule, honest[0]).aggregate(honest).influence()
    assert influence.shape == (9,)
    assert (influence >= 0).all()
    assert influence.sum().item() == pytest.approx(1)


@pytest.mark.parametrize("rule", ROBUST, ids=label)
def test_two_outliers_move_it_little(rule: Aggregator, honest: torch.Tensor) -> None:
    attacked = torch.cat([honest, -20 * honest[:2]])
    result = fresh(rule, honest.mean(0))(attacked)
    if isinstance(rule, CenteredClipping) and rule.tau == 100:
        return  # its fixed radius bounds the step, not the error
    centre = honest.mean(0)
    assert (result - centre).norm() < 0.8 * centre.norm()
    mean = attacked.mean(0)
    assert (result - centre).norm() < (mean - centre).norm()


@pytest.mark.parametrize("kind", [TrMean, Krum, MultiKrum, NNMTrMean, MoNNA, DnC])
def test_half_faulty_is_refused(kind: type[Aggregator], honest: torch.Tensor) -> None:
    with pytest.raises(AggregationError, match="f=5 faulty updates among n=9"):
        kind(5)(honest)  # type: ignore[call-arg]


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (4,), (2, 2, 2)])
def test_what_is_no_matrix_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(AggregationError, match="matrix"):
        Average()(torch.zeros(shape))
    with pytest.raises(AggregationError, match="no updates"):
        Average()([])


def test_values_too_large_to_square_are_refused() -> None:
    with pytest.raises(AggregationError, match="too large"):
        Krum(1)(torch.tensor([[3e30, 1.0], [-3e30, 2.0], [0.0, 3.0]]))


def test_trimmed_mean_and_median_by_hand() -> None:
    vectors = torch.tensor([[1.0, 8.0], [2.0, 9.0], [3.0, 1.0], [100.0, 2.0]])
    assert TrMean(1)(vectors).tolist() == [2.5, 5.0]
    assert Median()(vectors).tolist() == [2.5, 5.0]
    assert TrMean(1).aggregate(vectors).influence().tolist() == [0.25, 0.25, 0.25, 0.25]
    assert TrMean(0)(vectors).tolist() == [26.5, 5.0]


def test_krum_picks_the_one_in_the_middle() -> None:
    vectors = torch.tensor([[0.0], [1.0], [1.2], [1.4], [9.0]])
    assert Krum(1)(vectors).item() == pytest.approx(1.0)
    assert MultiKrum(2)(vectors).item() == pytest.approx(1.2)
    assert MultiKrum(2).aggregate(vectors).influence().tolist() == pytest.approx(
        [0, 1 / 3, 1 / 3, 1 / 3, 0]
    )


def test_monna_averages_the_neighbours_of_the_trusted_one() -> None:
    vectors = torch.tensor([[0.0], [1.0], [5.0], [6.0], [7.0]])
    assert MoNNA(2, idx=0)(vectors).item() == pytest.approx(2)
    assert MoNNA(2, idx=4)(vectors).item() == pytest.approx(6)
    with pytest.raises(AggregationError, match="idx"):
        MoNNA(1, idx=5)(vectors)


def test_nnm_replaces_each_by_its_neighbourhood() -> None:
    mixed = NNM(3)(torch.tensor([[0.0], [1.0], [5.0], [7.0], [50.0]]))
    assert isinstance(mixed, torch.Tensor)
    assert mixed[:, 0].tolist() == pytest.approx([0.5, 0.5, 6, 6, 28.5])
    with pytest.raises(AggregationError):
        NNM(2)(torch.zeros(2, 2))


def test_fltrust_needs_and_follows_the_servers_update() -> None:
    vectors = torch.tensor([[3.0, 0.0], [0.0, 5.0], [-1.0, 0.0]])
    rule = FLTrust()
    with pytest.raises(AggregationError, match="reference"):
        rule(vectors)
    rule.reference = torch.tensor([2.0, 0.0])
    torch.testing.assert_close(rule(vectors), torch.tensor([2.0, 0.0]))
    assert rule.aggregate(vectors).influence().tolist() == pytest.approx([1, 0, 0], abs=1e-6)


def test_centered_clipping_remembers_where_it_was() -> None:
    rule = CenteredClipping(tau=1.0)
    far = torch.full((3, 4), 10.0)
    steps = [float(rule(far).norm()) for _ in range(3)]
    assert steps == pytest.approx([1, 2, 3], rel=1e-4)


@pytest.mark.parametrize("kind", [FoolsGold, SybilWall])
def test_clones_lose_their_influence(kind: type[Aggregator]) -> None:
    generator = torch.Generator().manual_seed(0)
    rule = kind()
    rule.ids = [f"t{i}" for i in range(9)]
    for _ in range(3):
        honest = torch.randn(5, 400, generator=generator)
        clones = torch.randn(1, 400, generator=generator).repeat(4, 1)
        influence = rule.aggregate(torch.cat([honest, clones])).influence()
    assert influence[5:].sum() < 1e-6
    assert influence[:5].min() > 0.1


def test_history_follows_the_trainer_not_the_position() -> None:
    generator = torch.Generator().manual_seed(0)
    one, two = torch.randn(2, 50, generator=generator)
    rule = FoolsGold()
    rule.ids = ["a", "b"]
    rule.aggregate(torch.stack([one, two]))
    rule.ids = ["b", "a"]
    rule.aggregate(torch.stack([two, one]))
    sums = rule.history.add(["a", "b"], torch.zeros(2, 50))
    torch.testing.assert_close(sums, torch.stack([2 * one, 2 * two]))
    rule.ids = ["a"]
    with pytest.raises(AggregationError, match="1 ids"):
        rule.aggregate(torch.stack([one, two]))


def test_flag_projects_on_what_is_shared() -> None:
    generator = torch.Generator().manual_seed(0)
    shared = torch.randn(300, generator=generator)
    noise = torch.randn(8, 300, generator=generator)
    vectors = shared + noise
    result = Flag(rank=1)(vectors)
    assert torch.cosine_similarity(result, shared, dim=0) > torch.cosine_similarity(
        vectors[0], shared, dim=0
    )
    torch.testing.assert_close(Flag(rank=8)(vectors), vectors.mean(0), rtol=1e-3, atol=1e-3)


def test_every_registered_rule_is_tested_here() -> None:
    assert {type(rule) for rule in RULES} == {aggregators.get(name) for name in aggregators}


@pytest.mark.parametrize(
    "build",
    [
        lambda: TrMean(-1),
        lambda: GeometricMedian(nu=0.0),
        lambda: CenteredClipping(L=0),
        lambda: DnC(1, b=0),
        lambda: Flag(rank=0),
        lambda: SybilWall(decay=2.0),
    ],
)
def test_senseless_parameters_are_refused(build: object) -> None:
    with pytest.raises(AggregationError):
        build()  # type: ignore[operator]
