"""ByzFL's own aggregators as defences, where that package is installed (extra ``bench``)."""

import importlib
import importlib.util
import sys
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from learning.arena.aggregators import Aggregate, Aggregator, aggregators

_CLASSES = {
    "byzfl-mean": "Average",
    "byzfl-median": "Median",
    "byzfl-trimmed-mean": "TrMean",
    "byzfl-krum": "Krum",
    "byzfl-multi-krum": "MultiKrum",
    "byzfl-geometric-median": "GeometricMedian",
    "byzfl-nnm-trimmed-mean": "TrMean",
}


def load() -> ModuleType:
    """``byzfl.aggregators``, without the rest of the package, which needs torchvision and seaborn.

    Raises :class:`ImportError` if ByzFL is not installed.
    """
    if "byzfl" not in sys.modules:
        spec = importlib.util.find_spec("byzfl")
        if spec is None:
            raise ImportError("ByzFL is not installed: pip install 'karat[bench]'")
        sys.modules["byzfl"] = importlib.util.module_from_spec(spec)  # made, but not run
    return importlib.import_module("byzfl.aggregators")


def names() -> tuple[str, ...]:
    """The defences that ByzFL brings; none where it is not installed."""
    return tuple(_CLASSES) if importlib.util.find_spec("byzfl") else ()


def build(name: str, f: int) -> Aggregator:
    """ByzFL's rule for ``f`` attackers, as one of ours."""
    module = load()
    cls = getattr(module, _CLASSES[name])
    takes_f = name not in {"byzfl-mean", "byzfl-median", "byzfl-geometric-median"}
    twin_class: Any = aggregators.get(name.removeprefix("byzfl-"))
    return ByzflRule(
        rule=cls(f) if takes_f else cls(),
        mixing=module.NNM(f) if name == "byzfl-nnm-trimmed-mean" else None,
        twin=twin_class(f) if takes_f else twin_class(),
    )


class ByzflRule(Aggregator):
    """The vector from ByzFL; everyone's influence, which it does not tell, from our own rule."""

    def __init__(self, rule: Any, mixing: Any | None, twin: Aggregator) -> None:
        self.rule, self.mixing, self.twin = rule, mixing, twin

    def aggregate(self, vectors: Tensor) -> Aggregate:
        mixed = vectors.clone() if self.mixing is None else self.mixing(vectors.clone())
        vector = torch.from_numpy(np.array(self.rule(mixed), dtype=np.float32))
        return Aggregate(vector, self.twin.aggregate(vectors).influence)
