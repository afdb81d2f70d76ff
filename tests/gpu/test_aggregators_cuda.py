"""The aggregation rules on a GPU give what they give on the CPU."""

import pytest
import torch

from learning.arena.aggregators import Aggregator, FLTrust, aggregators
from learning.arena.defence import build_rule

pytestmark = pytest.mark.gpu

if not torch.cuda.is_available():
    pytest.skip("no CUDA device", allow_module_level=True)


def built(name: str) -> Aggregator:
    return build_rule(aggregators.get(name), 3, 0)


@pytest.mark.parametrize("name", aggregators.names())
def test_same_on_both_devices(name: str) -> None:
    generator = torch.Generator().manual_seed(0)
    vectors = torch.randn(16, 300_000, generator=generator) + 0.5
    on_cpu, on_gpu = built(name), built(name)
    if isinstance(on_cpu, FLTrust):
        on_cpu.reference, on_gpu.reference = vectors[0], vectors[0].cuda()
    expected, found = on_cpu.aggregate(vectors), on_gpu.aggregate(vectors.cuda())
    torch.testing.assert_close(found.vector.cpu(), expected.vector, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(found.influence(), expected.influence(), rtol=1e-3, atol=1e-3)
