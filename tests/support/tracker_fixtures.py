"""Requests of real trackers, ``tests/gate/fixtures/<tracker>/<shape>.json``, and what is in a request, field by field.

A fixture is one line as ``cookiegate gate`` reads it, with ``{token}`` where a token goes, and besides:

* ``note``: where it comes from;
* ``packing``: how the body goes over the wire, if not as it stands: ``gzip`` or ``base64 in data``;
* ``fields``: every field as :func:`flatten` names it → its category, as a person judged it: the seven of a policy,
  ``event``, ``token``, ``dropped`` (counted), ``framing`` (gone without a count) or ``written`` (by the gate anew).
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote

from cookiegate.gate import AcceptedRequest, TrackerRequest

FIXTURES = Path(__file__).parents[1] / "gate" / "fixtures"
PLACEHOLDER = "{token}"


@dataclass(frozen=True)
class Fixture:
    """One recorded or documented request."""

    tracker: str
    shape: str
    read: Mapping[str, Any]

    @property
    def fields(self) -> Mapping[str, str]:
        """Every field's category."""
        found: Mapping[str, str] = self.read["fields"]
        return found

    def request(self, token: str | None) -> TrackerRequest:
        """The request with a token in its place, or with nothing there."""
        line = json.loads(self.line(token))
        return TrackerRequest(**{name: line.get(name) for name in TrackerRequest.__dataclass_fields__})

    def line(self, token: str | None) -> bytes:
        """The same as a JSON line."""
        names = ("received_at", "ip", "method", "path", "headers", "body")
        line = json.loads(_filled(json.dumps({name: self.read.get(name) for name in names}), token or ""))
        packing = self.read.get("packing")
        if packing == "gzip":
            line["body_base64"] = base64.b64encode(gzip.compress(line.pop("body").encode(), mtime=0)).decode()
        elif packing == "base64 in data":
            line["body"] = f"data={quote(base64.b64encode(line['body'].encode()).decode(), safe='')}"
        return json.dumps(line).encode()


def _filled(text: str, token: str) -> str:
    return text.replace(PLACEHOLDER, token).replace(quote(PLACEHOLDER), token)


def fixtures(folder: Path = FIXTURES) -> list[Fixture]:
    """All fixtures, by tracker and shape."""
    files = sorted(folder.glob("*/*.json"))
    return [Fixture(file.parent.name, file.stem, json.loads(file.read_text(encoding="utf-8"))) for file in files]


def flatten(request: Mapping[str, Any] | AcceptedRequest) -> dict[str, list[Any]]:
    """Every field of a request, unpacked, with its values.

    Names: ``query NAME``, ``form NAME``, ``line NAME`` (a form in each line), ``body PATH`` without the numbers of
    lists, ``header NAME``, ``cookie NAME``, ``ip``. Attributes of OpenTelemetry are ``PATH.KEY``, members of Snowplow's
    contexts ``PATH.SCHEMA.MEMBER``.
    """
    if isinstance(request, AcceptedRequest):
        body = None if request.body is None else request.body.decode()
        request = {"path": request.path, "headers": request.headers, "body": body, "ip": request.ip}
    found: dict[str, list[Any]] = {}
    for name, value in _parts(request):
        found.setdefault(name, []).append(value)
    return {name: sorted(values, key=repr) for name, values in found.items()}


def _parts(request: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield from _query("query", request["path"].partition("?")[2])
    for name, value in request["headers"].items():
        if name.lower() == "cookie":
            for cookie in value.split("; "):
                key, _, held = cookie.partition("=")
                yield f"cookie {key}", held
        else:
            yield f"header {name.lower()}", value
    if request.get("ip") is not None:
        yield "ip", request["ip"]
    body = request.get("body") or ""
    if body.startswith(("{", "[")):
        yield from _json("body", json.loads(body))
    elif "\n" in body:
        for line in body.splitlines():
            yield from _query("line", line)
    else:
        yield from _query("form", body)


def _query(kind: str, text: str) -> Iterator[tuple[str, Any]]:
    for name, value in parse_qsl(text, keep_blank_values=True):
        yield from _leaf(f"{kind} {name}", value)


def _json(at: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _json(f"{at} {name}" if at == "body" else f"{at}.{name}", item)
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, dict) and item.keys() == {"key", "value"}:
                yield f"{at}.{item['key']}", item["value"]
            elif isinstance(item, str) and item.startswith("?"):
                yield from _query(at, item[1:])
            else:
                yield from _json(at, item)
    else:
        yield from _leaf(at, value)


def _leaf(at: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, str) and value.startswith('{"schema"'):
        inner = json.loads(value)["data"]
        for document in inner if isinstance(inner, list) else [inner]:
            yield from _json(f"{at}.{document['schema'].split('/')[1]}", document["data"])
    else:
        yield at, value
