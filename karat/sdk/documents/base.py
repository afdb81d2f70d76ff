"""What all documents share: a schema's name, and how one becomes JSON."""

from dataclasses import asdict, dataclass
from typing import Any, ClassVar

DOCUMENTS: dict[str, type["Document"]] = {}
"""Every document by its schema, of the modules that are loaded."""


@dataclass(frozen=True, kw_only=True)
class Document:
    """A result, as scripts get it and as ``--json`` prints it.

    A subclass names its schema, for instance ``class Status(Document, schema="karat.status/1")``;
    one without a name is a base of others.
    """

    SCHEMA: ClassVar[str] = ""
    MAY_LACK: ClassVar[frozenset[str]] = frozenset()
    """Fields that are left out of the JSON, not null, where they do not apply."""
    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    def __init_subclass__(cls, *, schema: str = "") -> None:
        if schema:
            cls.SCHEMA = schema
            DOCUMENTS[schema] = cls

    def to_json(self) -> dict[str, Any]:
        """The document with its ``schema``, of what JSON has."""
        fields = asdict(self)
        kept = {k: v for k, v in fields.items() if v is not None or k not in self.MAY_LACK}
        return {"schema": self.SCHEMA, **kept}


@dataclass(frozen=True, kw_only=True)
class Transaction:
    """One transaction; ``hash`` is null in a dry run, ``gas`` null where it cannot be known."""

    operation: str
    hash: str | None
    gas: int | None


@dataclass(frozen=True, kw_only=True)
class Sent(Document):
    """What is said of everything that sends transactions."""

    dry_run: bool
    transactions: list[Transaction]
