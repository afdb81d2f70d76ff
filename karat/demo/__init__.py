"""A whole network on one machine: honest trainers, attackers and verifiers on a real chain.

Names are loaded when they are first used: playing brings in torch.
"""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from karat.demo.config import DemoConfig
    from karat.demo.lasting import lasting
    from karat.demo.progress import DemoProgress
    from karat.demo.report import with_report
    from karat.demo.result import DemoResult
    from karat.demo.run import Played, played
    from karat.demo.table import show

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "config": ["DemoConfig"],
        "lasting": ["lasting"],
        "progress": ["DemoProgress"],
        "report": ["with_report"],
        "result": ["DemoResult"],
        "run": ["Played", "played"],
        "table": ["show"],
    },
)

__all__ = [
    "DemoConfig",
    "DemoProgress",
    "DemoResult",
    "Played",
    "lasting",
    "played",
    "show",
    "with_report",
]
