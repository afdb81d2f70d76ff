"""Attacks by name: ``attacks.get("label-flip")()``. None of them imports torch."""

from learning.attacks.alie import ALittleIsEnough
from learning.attacks.backdoor import Backdoor
from learning.attacks.base import Attack, Knowledge, NoAttack, Setting, View, attacks
from learning.attacks.copies import Copy, MixedCopy, NoisyCopy
from learning.attacks.dmpa import Dmpa
from learning.attacks.free_rider import NoiseFreeRider, ZeroFreeRider
from learning.attacks.ipm import InnerProductManipulation
from learning.attacks.label_flip import LabelFlip, TargetedFlip
from learning.attacks.mimic import Mimic
from learning.attacks.min_max import MinMax, MinSum
from learning.attacks.sign_flip import SignFlip
from learning.attacks.sleeper import Sleeper
from learning.attacks.stale import Stale
from learning.attacks.sybil import SplitDataSybil, StealthSybil, SybilClones
from learning.attacks.whitewash import Whitewash

__all__ = [
    "ALittleIsEnough",
    "Attack",
    "Backdoor",
    "Copy",
    "Dmpa",
    "InnerProductManipulation",
    "Knowledge",
    "LabelFlip",
    "Mimic",
    "MinMax",
    "MinSum",
    "MixedCopy",
    "NoAttack",
    "NoiseFreeRider",
    "NoisyCopy",
    "Setting",
    "SignFlip",
    "Sleeper",
    "SplitDataSybil",
    "Stale",
    "StealthSybil",
    "SybilClones",
    "TargetedFlip",
    "View",
    "Whitewash",
    "ZeroFreeRider",
    "attacks",
]
