"""Documents about tasks that somebody writes."""

from dataclasses import dataclass

from karat.sdk.documents.base import Document


@dataclass(frozen=True, kw_only=True)
class TaskWritten(Document, schema="karat.task.new/1"):
    """``karat task new``: the class, as ``FILE.py:CLASS``, and the files that were written."""

    task: str
    files: list[str]


@dataclass(frozen=True, kw_only=True)
class PlayedAttack:
    """An attack in the arena: the attackers' part of all rewards, and of all trainers.

    ``reward_share`` is null where nobody was paid.
    """

    attack: str
    reward_share: float | None
    trainer_share: float


@dataclass(frozen=True, kw_only=True)
class TaskChecked(Document, schema="karat.task.check/1"):
    """``karat task check``: what a task of one's own becomes for everybody else.

    ``trainable`` of ``parameters`` values travel; ``program_bytes`` are the graphs, ``bytes`` all
    files of the task. ``operators`` counts them by name. ``parity``: largest difference between
    the program's losses and the original's, relative to 1 + loss. Metrics are measured on the
    private test part, before and after simulated rounds; null where they are no numbers.
    ``seconds_per_round`` and ``gas_per_round`` are of one member by party, on this machine.
    """

    task: str
    parameters: int
    trainable: int
    program_bytes: int
    bytes: int
    operators: dict[str, int]
    parity: float
    metrics_before: dict[str, float | None]
    metrics_after: dict[str, float | None]
    seconds_per_round: dict[str, float]
    gas_per_round: dict[str, int]
    attacks: list[PlayedAttack]
