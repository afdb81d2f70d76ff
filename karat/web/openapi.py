"""The OpenAPI 3.1 document, generated from the table of endpoints and their models."""

import re
from functools import cache
from typing import Any

from pydantic.json_schema import models_json_schema

from karat import __version__
from karat.web import schemas
from karat.web.endpoints import ENDPOINTS, PREFIX, Endpoint

_IN_PATH = re.compile(r"\{(\w+)\}")
_REFERENCE = "#/components/schemas/{model}"


@cache
def document() -> dict[str, Any]:
    """The description of everything under :data:`PREFIX`."""
    models = {endpoint.result for endpoint in ENDPOINTS} | {schemas.Problem}
    ordered = sorted(models, key=lambda model: model.__name__)
    _, definitions = models_json_schema(
        [(model, "serialization") for model in ordered], ref_template=_REFERENCE
    )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Karat",
            "version": __version__,
            "summary": "Tasks, rounds, verdicts, rewards and reputations of one network.",
            "description": "Read-only. Amounts are decimal strings of base units, times are "
            "seconds since 1970. Every answer has an ETag. Text that others wrote has its control "
            "characters replaced, and is cut.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": PREFIX}],
        "paths": {endpoint.path: {"get": _operation(endpoint)} for endpoint in ENDPOINTS},
        "components": {"schemas": definitions["$defs"]},
    }


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    problems = {
        "400": "A parameter is wrong.",
        "404": "There is no such thing (yet).",
        "503": "The node or the event index is down.",
    }
    answers: dict[str, Any] = {
        "200": _response("The answer.", endpoint.result),
        "304": {"description": "It has not changed since the ETag that was sent."},
    }
    answers |= {code: _response(text, schemas.Problem) for code, text in problems.items()}
    return {
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "parameters": _parameters(endpoint),
        "responses": answers,
    }


def _response(description: str, model: type[schemas.Answer]) -> dict[str, Any]:
    reference = {"$ref": _REFERENCE.format(model=model.__name__)}
    return {"description": description, "content": {"application/json": {"schema": reference}}}


def _parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    if endpoint.takes is None:
        return []
    in_path = _IN_PATH.findall(endpoint.path)
    found = []
    for name, schema in endpoint.takes.model_json_schema()["properties"].items():
        where = "path" if name in in_path else "query"
        said = {key: value for key, value in schema.items() if key not in {"title", "description"}}
        found.append(
            {
                "name": name,
                "in": where,
                "required": where == "path",
                "description": schema.get("description", ""),
                "schema": said,
            }
        )
    return sorted(found, key=lambda parameter: parameter["in"])
