"""The shared rules give what ByzFL 0.0.11 gives."""

import pytest
import torch

from learning.arena import byzfl
from learning.arena.aggregators import (
    NNM,
    Aggregator,
    Average,
    CenteredClipping,
    GeometricMedian,
    Krum,
    Median,
    MoNNA,
    MultiKrum,
    TrMean,
)

if not byzfl.names():
    pytest.skip("ByzFL is not installed (extra 'bench')", allow_module_level=True)

PEER = byzfl.load()
CASES = [
    ("Average", Average, ()),
    ("Median", Median, ()),
    ("TrMean", TrMean, (3,)),
    ("TrMean", TrMean, (0,)),
    ("Krum", Krum, (3,)),
    ("MultiKrum", MultiKrum, (3,)),
    ("GeometricMedian", GeometricMedian, ()),
    ("GeometricMedian", GeometricMedian, (0.5, 6)),
    ("CenteredClipping", CenteredClipping, ()),
    ("CenteredClipping", CenteredClipping, (None, 4, 2.0)),
    ("MoNNA", MoNNA, (3, 2)),
    ("NNM", NNM, (3,)),
]


@pytest.mark.parametrize("scale", [1e-3, 1.0])
@pytest.mark.parametrize("count", [9, 14])
@pytest.mark.parametrize(("name", "ours", "settings"), CASES)
def test_same_result(
    name: str, ours: type[Aggregator], settings: tuple[object, ...], count: int, scale: float
) -> None:
    generator = torch.Generator().manual_seed(count)
    vectors = scale * (torch.randn(count, 9000, generator=generator) + 0.5)
    expected = getattr(PEER, name)(*settings)(vectors.clone())
    found = ours(*settings)(vectors)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5 * scale)
