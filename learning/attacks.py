"""What an attack of one's own imports: names that stay, wherever the arena keeps them.

>>> from learning.attacks import Attack, Knowledge, Setting
"""

from learning.arena.attacks import Attack, Knowledge, attacks
from learning.arena.attacks.base import Setting

__all__ = ["Attack", "Knowledge", "Setting", "attacks"]
