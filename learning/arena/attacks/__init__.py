"""Attacks by name: ``attacks.get("label-flip")()``. None of them imports torch."""

from learning.arena.attacks.alie import ALittleIsEnough
from learning.arena.attacks.backdoor import Backdoor
from learning.arena.attacks.base import Attack, Knowledge, NoAttack, Setting, View, attacks
from learning.arena.attacks.copies import Copy, MixedCopy, NoisyCopy
from learning.arena.attacks.dmpa import Dmpa
from learning.arena.attacks.free_rider import NoiseFreeRider, ZeroFreeRider
from learning.arena.attacks.ipm import InnerProductManipulation
from learning.arena.attacks.label_flip import LabelFlip, TargetedFlip
from learning.arena.attacks.mimic import Mimic
from learning.arena.attacks.min_max import MinMax, MinSum
from learning.arena.attacks.sign_flip import SignFlip
from learning.arena.attacks.sleeper import Sleeper
from learning.arena.attacks.stale import Stale
from learning.arena.attacks.sybil import SplitDataSybil, StealthSybil, SybilClones
from learning.arena.attacks.whitewash import Whitewash

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
