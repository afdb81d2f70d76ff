"""The root of every exception that Karat raises on purpose, and its exit codes.

::

    KaratError
    ├── ConfigError      a setting, a profile or a file of settings is missing or wrong
    ├── ProtocolError    the chain or the store says something that cannot be (hostile or broken)
    ├── NotAvailable     what was asked for is not there yet (no such task, round, epoch)
    ├── ChainError       see chain.errors (and chain.store.errors)
    ├── LearningError    see learning.errors
    └── ReputationError  see reputation.errors
"""

from dataclasses import dataclass
from enum import Enum, IntEnum, auto
from typing import Any, ClassVar, Self


class Exit(IntEnum):
    """Exit status of every ``karat`` command; `meaning` says it in words."""

    meaning: str

    def __new__(cls, code: int, meaning: str) -> Self:
        """A code with its meaning."""
        member = int.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member

    OK = 0, "success"
    FAILURE = 1, "failure"
    USAGE = 2, "usage: a flag or an argument is wrong"
    CONFIG = 3, "configuration or key"
    UNREACHABLE = 4, "a node or a store cannot be reached"
    REVERTED = 5, "a transaction was reverted, or the node did not take it"
    REJECTED = 6, "an update or a model was rejected as malformed"


class Hint(Enum):
    """What would help, for a face to word: the command line names a command."""

    NEW_ACCOUNT = auto()
    START_NETWORK = auto()
    WIPE_NETWORK = auto()
    COLLECT_GARBAGE = auto()
    TOP_UP_TASK = auto()  # task
    OPEN_ROUND = auto()  # task
    TRAIN = auto()  # task
    RAISE_FEE_LIMIT = auto()
    JOIN = auto()  # task, role


@dataclass(frozen=True, slots=True)
class Advice:
    """A hint and the values that it speaks of."""

    hint: Hint
    values: dict[str, Any]


class KaratError(Exception):
    """Base of everything that Karat raises on purpose."""

    exit_code: ClassVar[Exit] = Exit.FAILURE
    advice: Advice | None = None

    def with_hint(self, hint: Hint, **values: Any) -> Self:
        """The same error with what would help."""
        self.advice = Advice(hint, values)
        return self


class ConfigError(KaratError):
    """A setting or a file of settings is missing or wrong."""

    exit_code = Exit.CONFIG


class ProtocolError(KaratError):
    """The chain or the store holds something that the protocol does not allow."""


class NotAvailable(KaratError):
    """What was asked for does not exist (yet)."""
