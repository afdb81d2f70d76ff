"""What ``--json`` prints must be what its JSON Schema says, no field more or less."""

from typing import Any

import jsonschema

import karat.demo.result  # noqa: F401 - the demo's document is declared there
from karat.sdk.documents import DOCUMENTS
from karat.sdk.schemas import json_schema


def checked(document: dict[str, Any]) -> dict[str, Any]:
    """The document, which must fit its schema."""
    jsonschema.Draft202012Validator(json_schema(DOCUMENTS[document["schema"]])).validate(document)
    return document
