"""What ``--json`` prints must be what its schema says, no field more or less."""

from typing import Any

from pydantic import ConfigDict, TypeAdapter
from typing_extensions import is_typeddict

from karat.cli import documents, documents_network, documents_offline
from karat.cli.documents import DOCUMENTS
from karat.cli.documents_offline import OFFLINE_DOCUMENTS

for _module in (documents, documents_network, documents_offline):
    for _kind in vars(_module).values():
        if is_typeddict(_kind):
            _kind.__pydantic_config__ = ConfigDict(extra="forbid")


def checked(document: dict[str, Any]) -> dict[str, Any]:
    """The document, which must fit its schema."""
    schema = {**DOCUMENTS, **OFFLINE_DOCUMENTS}[document["schema"]]
    TypeAdapter(schema).validate_python(document, strict=True)
    return document
