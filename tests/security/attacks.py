"""One attack at every address: the same payload in every place that a request has."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from support.asking import SAME_ORIGIN
from support.policies import ORIGIN
from support.service import AGENT, Bench
from werkzeug.test import Client, TestResponse

from security.addresses import ARGUMENTS, path_of, url_map

WRITES = {"POST", "PUT", "PATCH", "DELETE"}
#: Where a visitor's browser or a proxy may put text that is not the visitor's to choose freely, but an attacker's is.
HEADERS = (
    "Referer", "X-Forwarded-For", "X-Real-IP", "Client-IP", "X-Client-IP", "True-Client-IP", "CF-Connecting-IP",
    "Forwarded",
    "Via", "From", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Uri", "X-Original-URI", "X-Original-URL",
    "X-Rewrite-URL", "X-HTTP-Method-Override", "X-Request-Code", "X-Consent-Token", "X-Requested-With", "Authorization",
    "Idempotency-Key", "Accept-Language", "If-None-Match", "SP-Anonymous", "User-Agent",
)  # fmt: skip
FIELDS = (
    "id", "uuid", "name", "url", "u", "uri", "next", "redirect", "return_to", "callback", "lang", "locale", "flash",
    "entry",
    "site", "policy", "notice", "receipt", "message", "email", "kind", "code", "key", "t", "ct", "do", "action",
    "format",
    "option", "value", "settings", "theme", "texts", "origins", "policy_url", "user", "sub", "handle", "decision",
    "consent",
    "purpose", "version", "from", "to", "after", "limit", "through", "recipient",
)  # fmt: skip


def writing_cells() -> list[str]:
    """Every ``METHOD rule`` that may change something."""
    return sorted(cell for cell in url_map() if cell.split(" ")[0] in WRITES)


def everywhere(
    bench: Bench,
    *,
    cells: list[str] | None = None,
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    body: Any = None,
    form: Mapping[str, Any] | None = None,
    arguments: Mapping[str, object] | None = None,
) -> Iterator[tuple[str, TestResponse]]:
    """Sends one request to every cell, as a page of the site would, and gives each answer.

    Args:
        bench: the service.
        cells: of the URL map; all of them when not given.
        headers, query, body, form: what comes on top; ``body`` is sent as JSON.
        arguments: of paths, in place of sensible ones.
    """
    client = Client(bench.front, use_cookies=False)
    options: dict[str, Any] = {"data": dict(form)} if form is not None else {}
    if body is not None:
        options = {"data": json.dumps(body), "content_type": "application/json"}
    given = {"User-Agent": AGENT, "Origin": ORIGIN, **SAME_ORIGIN, "Idempotency-Key": "k" * 24, **(headers or {})}
    for cell in cells or sorted(url_map()):
        method, pattern = cell.split(" ", 1)
        path = path_of(pattern, {**ARGUMENTS, **(arguments or {})})
        asked = dict(query or {})
        if "/gate/" in path:
            asked = {"purpose": "analytics", "site": "demo", **asked}
        sent = options if method in WRITES else {}
        yield cell, client.open(path, method=method, headers=given, query_string=asked, buffered=True, **sent)


def broken(answers: Iterator[tuple[str, TestResponse]]) -> list[str]:
    """The cells that answered with a fault of the service."""
    return [f"{cell}: {answer.status_code}" for cell, answer in answers if answer.status_code >= 500]
