"""The web application: static pages, the JSON API, and its description."""

import hashlib
import logging
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from chain.errors import ChainError
from karat.errors import NotAvailable
from karat.text import clean
from karat.web import models, openapi
from karat.web.endpoints import ENDPOINTS, PREFIX, Endpoint
from karat.web.guard import LOOPBACK, Guard
from karat.web.schemas import Problem
from karat.web.site import Site

_LOG = logging.getLogger(__name__)
STATIC = Path(__file__).parent / "static"
_LONGEST_URL = 2_000
_REVALIDATE = {"Cache-Control": "no-cache"}
# Each of these shows the same document, whose script chooses the page by the path.
_PAGES = (
    "/",
    "/api",
    "/reputation",
    "/accounts",
    "/accounts/{address}",
    "/compare",
    "/tasks/{task:int}",
    "/tasks/{task:int}/participants",
    "/tasks/{task:int}/participants/{address}",
    "/tasks/{task:int}/reputation",
    "/tasks/{task:int}/rounds/{round:int}",
)


def create_app(site: Site, host: str) -> Starlette:
    """The application for a site that is served on ``host``."""
    routes = [
        *(Route(PREFIX + endpoint.path, _api(site, endpoint)) for endpoint in ENDPOINTS),
        Route("/api/openapi.json", _openapi),
        Route("/tasks/{task:int}/model-{round:int}.safetensors", _model(site)),
        *(Route(path, _page) for path in _PAGES),
        Mount("/static", _Revalidated(directory=STATIC)),
    ]
    allowed = LOOPBACK if host in LOOPBACK else None
    return Starlette(
        routes=routes,
        middleware=[
            Middleware(Guard, allowed=allowed),
            Middleware(GZipMiddleware, minimum_size=1_000, compresslevel=5),
        ],
        exception_handlers={404: _not_found},
    )


class _Revalidated(StaticFiles):
    """Files that browsers keep, and ask about before each use."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers.update(_REVALIDATE)
        return response


def _api(site: Site, endpoint: Endpoint) -> Any:
    def answer(request: Request) -> Response:
        given = {name: str(value) for name, value in request.path_params.items()}
        if len(str(request.url)) > _LONGEST_URL:
            return _problem(400, "the address is too long")
        asked = dict(request.query_params)
        if set(asked) & set(given):
            return _problem(400, "a parameter is given twice")
        try:
            found = endpoint.ask(site, given | asked)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            return _problem(400, f"{'.'.join(map(str, first['loc']))}: {first['msg']}")
        except NotAvailable as error:
            return _problem(404, str(error))
        except ChainError as error:
            _LOG.warning("%s cannot be answered: %s", endpoint.path, error)
            return _problem(503, "the node or the event index does not answer; try again")
        return _tagged(request, found.model_dump_json().encode())

    return answer


def _model(site: Site) -> Any:
    def answer(request: Request) -> Response:
        task, round_ = request.path_params["task"], request.path_params["round"]
        try:
            data = models.weights(site, task, round_)
        except NotAvailable as error:
            return _problem(404, clean(str(error), 300))
        name = f'attachment; filename="karat-task-{task}-round-{round_}.safetensors"'
        headers = {"Content-Disposition": name, **_REVALIDATE}
        return Response(data, media_type="application/octet-stream", headers=headers)

    return answer


def _openapi(request: Request) -> Response:
    return _tagged(request, JSONResponse(openapi.document()).body)


def _tagged(request: Request, body: bytes | memoryview) -> Response:
    """JSON with an ETag, or 304 if the client has it already."""
    tag = f'W/"{hashlib.sha256(body).hexdigest()[:24]}"'
    headers = {"ETag": tag, **_REVALIDATE}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


def _problem(code: int, message: str) -> Response:
    body = Problem(error=clean(message, 300)).model_dump_json()
    return Response(body, code, media_type="application/json", headers=_REVALIDATE)


def _page(_: Request) -> Response:
    return FileResponse(STATIC / "index.html", headers=_REVALIDATE)


def _not_found(request: Request, _: Exception) -> Response:
    if request.url.path.startswith("/api/"):
        return _problem(404, "there is nothing here; /api/openapi.json lists what there is")
    return FileResponse(STATIC / "index.html", 404, headers=_REVALIDATE)
