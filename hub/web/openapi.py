"""The OpenAPI document of the read API, made from its routes and answer types: `python -m hub.web.openapi`."""

import re
from pathlib import Path
from typing import Any, cast

import msgspec
import yaml

from hub.web.api import PREFIX, ReadApi
from hub.web.api_requests import Route
from hub.web.live import STREAMS

FILE = Path(__file__).parents[2] / "schemas" / "openapi-web.yaml"
_REF = "#/components/schemas/{name}"
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance", "code", "retriable"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "code": {"type": "string"},
        "retriable": {"type": "boolean"},
        "retry_after_s": {"type": "integer"},
    },
}
_QUERY: dict[str, dict[str, Any]] = {
    "limit": {"type": "integer", "minimum": 1, "maximum": 50, "default": 50},
    "after": {"type": "string", "description": "`next` of the page before"},
    "interface": {"type": "string"},
    "reason": {"type": "string"},
    "day": {"type": "string", "format": "date"},
    "institution": {"type": "string"},
    "bank": {"type": "string"},
}


def document() -> dict[str, Any]:
    """Return the document; the same code gives the same document."""
    nothing = cast("Any", None)
    routes = ReadApi(nothing, nothing, nothing).routes()
    schemas, components = msgspec.json.schema_components([route.answer for route in routes], ref_template=_REF)
    paths = {
        PREFIX + route.path: {"get": _operation(route, schema)} for route, schema in zip(routes, schemas, strict=True)
    }
    paths[f"{PREFIX}/live"] = {"get": _live()}
    return {
        "openapi": "3.1.0",
        "info": {"title": "medcredit read API", "version": "1"},
        "paths": paths,
        "components": {
            "schemas": {**components, "Problem": _PROBLEM},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"bearer": []}],
    }


def text() -> str:
    """Return the document as it is checked in."""
    return yaml.dump(document(), Dumper=_PlainDumper, sort_keys=False, allow_unicode=True, width=120)


class _PlainDumper(yaml.SafeDumper):
    """Writes repeated parts out: aliases are hard to read."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - yaml's signature
        return True


def _operation(route: Route, schema: dict[str, Any]) -> dict[str, Any]:
    places = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"\{(\w+)\}", route.path)
    ]
    places += [{"name": name, "in": "query", "schema": _QUERY[name]} for name in route.query]
    return {
        "operationId": route.handler.__name__,
        "summary": route.summary,
        "parameters": places,
        "responses": {
            "200": {
                "description": route.summary,
                "headers": {"ETag": {"schema": {"type": "string"}}},
                "content": {"application/json": {"schema": schema}},
            },
            "304": {"description": "Unchanged since the ETag in If-None-Match"},
            **_refusals("400", "401", "403", "404", "503"),
        },
    }


def _live() -> dict[str, Any]:
    summary = "Events snapshot, delta and heartbeat; Last-Event-ID resumes"
    streams = {"type": "string", "default": ",".join(STREAMS), "description": "one or more, joined with commas"}
    return {
        "operationId": "live",
        "summary": summary,
        "parameters": [
            {"name": "views", "in": "query", "schema": streams},
            {"name": "Last-Event-ID", "in": "header", "schema": {"type": "string"}},
        ],
        "responses": {
            "200": {"description": summary, "content": {"text/event-stream": {"schema": {"type": "string"}}}},
            **_refusals("400", "401", "403", "503"),
        },
    }


def _refusals(*statuses: str) -> dict[str, Any]:
    problem = {"application/problem+json": {"schema": {"$ref": _REF.format(name="Problem")}}}
    return {status: {"description": "Refused; the code says why", "content": problem} for status in statuses}


if __name__ == "__main__":
    FILE.write_text(text(), "utf-8")
