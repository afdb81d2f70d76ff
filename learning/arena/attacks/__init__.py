"""Attacks by name: ``attacks.get("label-flip")()``. None of them imports torch."""

from learning.arena.attacks.alie import ALittleIsEnough
from learning.arena.attacks.backdoor import Backdoor
from learning.arena.attacks.base import Attack, Knowledge, NoAttack, Setting, View, attacks
from learning.arena.attacks.burnt import (
    BurntGradient,
    BurntTraining,
    FewLabels,
    OwnGradient,
    TinyData,
)
from learning.arena.attacks.copies import Copy, MixedCopy, NoisyCopy
from learning.arena.attacks.dmpa import Dmpa
from learning.arena.attacks.free_rider import NoiseFreeRider, ZeroFreeRider
from learning.arena.attacks.griefing import (
    Framing,
    Giant,
    GiantNoise,
    HarmAndRepair,
    LossPump,
    Pebbles,
    Retired,
    SleeperPoison,
    SwappedUnits,
)
from learning.arena.attacks.ipm import InnerProductManipulation
from learning.arena.attacks.label_flip import LabelFlip, TargetedFlip
from learning.arena.attacks.mimic import Mimic
from learning.arena.attacks.min_max import MinMax, MinSum
from learning.arena.attacks.past_public import (
    DriftBack,
    PastExtrapolated,
    PastMasked,
    PastRecombined,
    Undo,
)
from learning.arena.attacks.sign_flip import SignFlip
from learning.arena.attacks.sleeper import Sleeper
from learning.arena.attacks.splitting import (
    Clones,
    Control,
    LandGrab,
    NoisyClones,
    OneName,
    Retrained,
    SplitMasks,
)
from learning.arena.attacks.stale import Stale
from learning.arena.attacks.sybil import SplitDataSybil, StealthSybil, SybilClones
from learning.arena.attacks.triggers import (
    BlendedBackdoor,
    DilutedBackdoor,
    ScatteredBackdoor,
    SemanticBackdoor,
    SleeperBackdoor,
    SoftBackdoor,
)
from learning.arena.attacks.whitewash import Whitewash

__all__ = [
    "ALittleIsEnough",
    "Attack",
    "Backdoor",
    "BlendedBackdoor",
    "BurntGradient",
    "BurntTraining",
    "Clones",
    "Control",
    "Copy",
    "DilutedBackdoor",
    "Dmpa",
    "DriftBack",
    "FewLabels",
    "Framing",
    "Giant",
    "GiantNoise",
    "HarmAndRepair",
    "InnerProductManipulation",
    "Knowledge",
    "LabelFlip",
    "LandGrab",
    "LossPump",
    "Mimic",
    "MinMax",
    "MinSum",
    "MixedCopy",
    "NoAttack",
    "NoiseFreeRider",
    "NoisyClones",
    "NoisyCopy",
    "OneName",
    "OwnGradient",
    "PastExtrapolated",
    "PastMasked",
    "PastRecombined",
    "Pebbles",
    "Retired",
    "Retrained",
    "ScatteredBackdoor",
    "SemanticBackdoor",
    "Setting",
    "SignFlip",
    "Sleeper",
    "SleeperBackdoor",
    "SleeperPoison",
    "SoftBackdoor",
    "SplitDataSybil",
    "SplitMasks",
    "Stale",
    "StealthSybil",
    "SwappedUnits",
    "SybilClones",
    "TargetedFlip",
    "TinyData",
    "Undo",
    "View",
    "Whitewash",
    "ZeroFreeRider",
    "attacks",
]
