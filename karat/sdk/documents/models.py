"""Documents about models."""

from dataclasses import dataclass

from karat.sdk.documents.base import Document


@dataclass(frozen=True, kw_only=True)
class ModelExported(Document, schema="karat.model.export/1"):
    """``karat model export``; ``metrics`` are ``loss`` and what else the task measures.

    On the test part of the task's data; where that is its sponsor's secret, on the hold-out. Null
    where a number is none, and for the ``accuracy`` of a task that measures none.
    """

    task: int
    round: int
    path: str
    size: int
    parameters: int
    loss: float | None
    accuracy: float | None
    metrics: dict[str, float | None]


@dataclass(frozen=True, kw_only=True)
class BaseSaved(Document, schema="karat.trainer.base/1"):
    """``karat trainer base``: the model that the round builds on."""

    task: int
    round: int
    path: str
    size: int
    parameters: int


@dataclass(frozen=True, kw_only=True)
class TrainerReceipt:
    """What one trainer added to a model, in millionths of the loss.

    ``direct``: what its updates removed in their own rounds; ``repeated``: through later rounds,
    which repeat the model's movement; ``leave_one_out``: the loss without it less the loss with it.
    ``rounds`` took an update of it.
    """

    trainer: str
    rounds: int
    direct: int
    repeated: int
    leave_one_out: int


@dataclass(frozen=True, kw_only=True)
class ModelReceipts(Document, schema="karat.model.receipts/1"):
    """``karat model receipts``: all numbers are millionths of the loss on the test data.

    The sum of every ``direct`` and ``repeated``, and ``rest``, is ``first_loss`` − ``last_loss``.
    ``model``: the digest of the exact model after the last of ``rounds``.
    """

    task: int
    rounds: list[int]
    model: str
    first_loss: int
    last_loss: int
    rest: int
    trainers: list[TrainerReceipt]


@dataclass(frozen=True, kw_only=True)
class TakenUpdate:
    """An update in a step: whose, the digest of its content, and its weight in units of 2**-14."""

    trainer: str
    digest: str
    weight: int


@dataclass(frozen=True, kw_only=True)
class StepWithout:
    """A replayed round: digests of the exact models before and after, and all that went into it.

    ``movements``: how much of the model's own movement, of this replay, it repeats: coefficients
    in units of 2**-13 by age in rounds. ``same_bytes``: whether somebody else sent what the
    trainer that is left out sent.
    """

    round: int
    base: str
    updates: list[TakenUpdate]
    movements: dict[str, int]
    next: str
    same_bytes: bool


@dataclass(frozen=True, kw_only=True)
class ModelWithout(Document, schema="karat.model.without/1"):
    """``karat model without``: the model as if an account had sent nothing, and its steps.

    ``left_out`` updates were taken out; ``model`` is the digest of what is left.
    """

    task: int
    trainer: str
    path: str
    size: int
    left_out: int
    model: str
    steps: list[StepWithout]
