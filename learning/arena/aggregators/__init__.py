"""Robust aggregation rules by name: ``aggregators.get("multi-krum")(f=6)(updates)``."""

from learning.arena.aggregators.base import Aggregate, Aggregator, LinearAggregator, aggregators
from learning.arena.aggregators.centered_clipping import CenteredClipping
from learning.arena.aggregators.coordinatewise import Median, TrMean
from learning.arena.aggregators.dnc import DnC
from learning.arena.aggregators.flag import Flag
from learning.arena.aggregators.fltrust import FLTrust
from learning.arena.aggregators.foolsgold import FoolsGold
from learning.arena.aggregators.geometric_median import GeometricMedian
from learning.arena.aggregators.krum import Krum, MultiKrum
from learning.arena.aggregators.mean import Average
from learning.arena.aggregators.monna import MoNNA
from learning.arena.aggregators.nnm import NNM, NNMTrMean
from learning.arena.aggregators.sybilwall import SybilWall

__all__ = [
    "NNM",
    "Aggregate",
    "Aggregator",
    "Average",
    "CenteredClipping",
    "DnC",
    "FLTrust",
    "Flag",
    "FoolsGold",
    "GeometricMedian",
    "Krum",
    "LinearAggregator",
    "Median",
    "MoNNA",
    "MultiKrum",
    "NNMTrMean",
    "SybilWall",
    "TrMean",
    "aggregators",
]
