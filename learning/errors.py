"""Exceptions of ``learning``, as a tree.

::

    LearningError(karat.errors.KaratError)
    ├── UnknownNameError       no task, attack or rule is registered under that name
    ├── PluginError            a user's FILE.py:NAME is missing or does not run
    ├── TaskError              a task's parts do not fit together (shapes, sizes, data)
    │   └── ProgramError       an exported program breaks a rule, or does not run
    ├── DeviceError            the device asked for is not there
    ├── EvidenceError(ValueError)  bytes that are no evidence of a vote
    ├── ModelStateError        bytes or arrays that are no model state of the task
    ├── AggregationError       a rule was given what it cannot aggregate
    │   └── NonFiniteError     an update holds NaN or an infinity
    ├── AttackError            an attack's parameters, or what it made, make no sense
    ├── ArenaError             an arena that cannot be run as asked
    └── MalformedUpdate        an update's bytes break a rule; ``reason`` names the rule
"""

from typing import Final

from karat.errors import Exit, KaratError


class LearningError(KaratError):
    """Base of everything that ``learning`` raises on purpose."""


class UnknownNameError(LearningError):
    """Nothing is registered under the name asked for."""

    exit_code = Exit.USAGE


class PluginError(LearningError):
    """A user's own attack or defence, named as ``FILE.py:NAME``, is missing or fails to run."""

    exit_code = Exit.USAGE


class TaskError(LearningError):
    """A task's model, data and parameters do not fit together."""


class ProgramError(TaskError):
    """A program breaks a rule of its container, passes a limit, or does not run."""

    exit_code = Exit.REJECTED


class DeviceError(LearningError):
    """The compute device asked for is not available on this machine."""

    exit_code = Exit.USAGE


class EvidenceError(LearningError, ValueError):
    """Bytes that are not the evidence of a verifier's vote."""

    exit_code = Exit.REJECTED


class ModelStateError(LearningError):
    """Bytes or arrays that do not describe a model state of the task."""

    exit_code = Exit.REJECTED


class AggregationError(LearningError):
    """A rule was given updates or parameters it cannot work with."""


class NonFiniteError(AggregationError):
    """An update holds NaN or an infinity; the message says which one and where."""


class AttackError(LearningError):
    """An attack's parameters, or the updates it made, make no sense."""

    exit_code = Exit.USAGE


class ArenaError(LearningError):
    """An arena that cannot be run as asked: a size, a list or a stored result is wrong."""

    exit_code = Exit.USAGE


MALFORMED_REASONS: Final = frozenset(
    {
        "size-mismatch",  # not as long as the trainer committed to
        "oversized",  # longer than the task allows
        "not-zstd",  # no zstd frame, or not one that declares its size
        "bomb",  # declares more content than any update of the task can have
        "truncated",  # the frame ends early or its content is damaged
        "trailing-bytes",  # something follows the frame
        "header",  # not the container's header
        "other-model",  # made for another model
        "dtype",  # a tensor has the wrong type
        "shape",  # tensors' sizes contradict each other
        "too-many-values",  # more values than the task's density allows
        "index-range",  # an index lies outside the model
        "tensor-density",  # one tensor holds more values than its share
        "scale-range",  # a block's scale is outside the allowed exponents
        "zero-value",  # a listed value is zero
        "value-range",  # a quantised value is -128
        "not-canonical",  # the same update has another, canonical, encoding
    }
)


class MalformedUpdate(LearningError):
    """An update's bytes break a rule of the codec.

    ``reason`` is one of `MALFORMED_REASONS` and goes into the evidence; the message adds the
    values at fault.
    """

    exit_code = Exit.REJECTED

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
