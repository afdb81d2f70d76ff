"""JSON Schemas of the documents, for programs in other languages."""

from dataclasses import MISSING, fields
from typing import Any

from pydantic import TypeAdapter

from karat.sdk.documents import Document


def json_schema(document: type[Document]) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of what ``--json`` prints for a type of document.

    Every field is required but those that a document may lack.
    """
    schema = TypeAdapter(document).json_schema(mode="serialization")
    required = [
        field.name
        for field in fields(document)
        if field.default is MISSING or field.name not in document.MAY_LACK
    ]
    schema["properties"] = {"schema": {"const": document.SCHEMA}, **schema["properties"]}
    return {**schema, "$id": document.SCHEMA, "required": ["schema", *required]}
