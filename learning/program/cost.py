"""What running a graph takes, measured without running it: on tensors that have shapes only.

Every operator is counted as it is dispatched, those inside composed ones too, and measuring stops
at the first that passes a limit. Arithmetic of products and convolutions by torch's own formulas,
of everything else one operation for each value that comes out.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from learning.errors import ProgramError
from learning.program.graph import Graph

MOST_BYTES: Final = 1 << 34  # of all intermediate values of a batch
MOST_FLOPS: Final = 1 << 46  # of a batch, forwards
META: Final = torch.device("meta")


@dataclass(frozen=True)
class Cost:
    """Of one run: ``bytes`` of all values made, ``flops``, and operators ``dispatched``."""

    bytes: int
    flops: int
    dispatched: int


def measure(graph: Graph, inputs: Sequence[Tensor]) -> tuple[Cost, list[Tensor]]:
    """The cost of a run on ``inputs`` (on the device ``meta``), and what comes out.

    Raises:
        ProgramError: it passes `MOST_BYTES` or `MOST_FLOPS`, or cannot run.
    """
    meter = _Meter()
    with torch.no_grad(), meter:
        outputs = graph.run(inputs, META, meter.at)
    return Cost(meter.bytes, meter.flops, meter.dispatched), outputs


class _Meter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.bytes = self.flops = self.dispatched = 0
        self._place = ""

    def at(self, place: int, node: Any) -> None:
        """The node that is run next."""
        self._place = f"node {place}, {node.operator}"

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: Any = (),
        kwargs: Any = None,
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        made = [leaf for leaf in tree_leaves(out) if isinstance(leaf, Tensor)]
        values = sum(leaf.numel() for leaf in made)
        self.bytes += sum(leaf.numel() * leaf.element_size() for leaf in made)
        packet = getattr(func, "_overloadpacket", None)
        if packet in flop_registry:
            values += flop_registry[packet](*args, **(kwargs or {}), out_val=out)
        self.flops += values
        self.dispatched += 1
        if self.bytes > MOST_BYTES:
            raise ProgramError(
                f"{self._place}: the program's values pass {MOST_BYTES >> 30} GiB for a batch"
            )
        if self.flops > MOST_FLOPS:
            raise ProgramError(f"{self._place}: the program passes {MOST_FLOPS:.1e} operations")
        return out
