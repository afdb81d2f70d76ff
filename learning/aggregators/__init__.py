"""Robust aggregation rules by name: ``aggregators.get("multi-krum")(f=6)(updates)``."""

from learning.aggregators.base import Aggregate, Aggregator, LinearAggregator, aggregators
from learning.aggregators.centered_clipping import CenteredClipping
from learning.aggregators.coordinatewise import Median, TrMean
from learning.aggregators.dnc import DnC
from learning.aggregators.flag import Flag
from learning.aggregators.fltrust import FLTrust
from learning.aggregators.foolsgold import FoolsGold
from learning.aggregators.geometric_median import GeometricMedian
from learning.aggregators.krum import Krum, MultiKrum
from learning.aggregators.mean import Average
from learning.aggregators.monna import MoNNA
from learning.aggregators.nnm import NNM, NNMTrMean
from learning.aggregators.sybilwall import SybilWall

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
