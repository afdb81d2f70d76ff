"""What a defence of one's own imports: names that stay, wherever the arena keeps them."""

from learning.arena.aggregators import *  # noqa: F403 - exactly the names that package exports
from learning.arena.aggregators import __all__  # noqa: F401 - what it exports
