"""Documents about models."""

from dataclasses import dataclass

from karat.sdk.documents.base import Document


@dataclass(frozen=True, kw_only=True)
class ModelExported(Document, schema="karat.model.export/1"):
    """``karat model export``; ``loss`` and ``accuracy`` on the test part of the task's data."""

    task: int
    round: int
    path: str
    size: int
    parameters: int
    loss: float
    accuracy: float


@dataclass(frozen=True, kw_only=True)
class BaseSaved(Document, schema="karat.trainer.base/1"):
    """``karat trainer base``: the model that the round builds on."""

    task: int
    round: int
    path: str
    size: int
    parameters: int
