"""What the tests of a person's own record share."""

from __future__ import annotations

import json
import re
from typing import Any

from support.service import Bench, Visitor
from werkzeug.test import TestResponse

SAME_SITE = {"Sec-Fetch-Site": "same-origin"}
PAGE = "/preferences/demo/record"
API = "/v1/sites/demo/record"


def press(visitor: Visitor, do: str | None = "see", *, lang: str = "en", **fields: Any) -> TestResponse:
    """One of the pages' buttons."""
    data = {**({"do": do} if do else {}), **fields}
    return visitor.send("POST", PAGE, query_string={"lang": lang}, data=data, headers=SAME_SITE)


def see(visitor: Visitor, **query: str) -> TestResponse:
    """The record by the visitor's own handle."""
    return visitor.send("GET", PAGE, query_string={"lang": "en", **query})


def decided(visitor: Visitor, action: str = "accept", **body: Any) -> str:
    """A decision; its receipt."""
    answer = visitor.decide(action, **body)
    assert answer.status_code == 201, answer.text
    return str(answer.get_json()["receipt"])


def collect(bench: Bench, visitor: Visitor, **event: Any) -> None:
    """An event that the gate lets through to the built-in log."""
    body = {"event": "view", "page": "/bowls", **event, "consent_token": visitor.cookie("cg_token")}
    answer = visitor.send("POST", "/collect/plain/events", data=json.dumps(body), content_type="application/json")
    assert answer.status_code == 204, (answer.status_code, answer.text, answer.headers)


def hidden_receipt(page: str) -> str | None:
    """The receipt that a page carries along, the same in each of its forms."""
    found = set(re.findall(r'name="receipt" value="([^"]*)"', page))
    assert len(found) <= 1
    return found.pop() if found else None
