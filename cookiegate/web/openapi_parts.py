"""What the API's description is put together from: operations and answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cookiegate.web import schemas
from cookiegate.web.problems import PROBLEM, PROBLEMS

Parameter = dict[str, Any]


def operation(
    tag: str,
    summary: str,
    responses: dict[str, Any],
    parameters: Sequence[Parameter] | None = None,
    body: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """One operation of a path."""
    described: dict[str, Any] = {"tags": [tag], "summary": summary, "responses": responses}
    if parameters:
        described["parameters"] = list(parameters)
    if body:
        described["requestBody"] = body
    return described


def json_answer(description: str, schema: Any) -> dict[str, Any]:
    """An answer in JSON."""
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def other_answer(description: str, media_type: str) -> dict[str, Any]:
    """An answer of another media type, whose content is not described."""
    return {"description": description, "content": {media_type: {}}}


def page_or_problem(description: str) -> dict[str, Any]:
    """A page for whoever takes pages, a problem document for others."""
    return {"description": description, "content": {"text/html": {}, PROBLEM: {"schema": schemas.ProblemSchema}}}


def problems(*codes: str) -> dict[str, Any]:
    """Error answers by status; codes that share a status share an entry."""
    by_status: dict[str, list[str]] = {}
    for code in codes:
        by_status.setdefault(str(PROBLEMS[code][0]), []).append(code)
    return {
        status: {
            "description": "Codes: " + ", ".join(f"`{code}`" for code in shared),
            "content": {PROBLEM: {"schema": schemas.ProblemSchema}},
        }
        for status, shared in by_status.items()
    }
