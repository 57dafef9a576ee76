"""Missing authorisation: every role at every route of the URL map, each cell really requested."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from support.service import AGENT, Bench
from werkzeug.test import Client, TestResponse

from cookiegate.web.routes import ROUTES
from security.access import TABLE
from security.addresses import ARGUMENTS, path_of, url_map
from security.people import EVIL, ROLES, Owner, make_owner, roles_of


def ask(owner: Owner, cell: str, role: str) -> TestResponse:
    """One request of one role."""
    method, pattern = cell.split(" ", 1)
    request: dict[str, Any] = dict(TABLE[cell].request(owner, role))
    path = path_of(pattern, {**ARGUMENTS, **request.pop("args", {})})
    given: Mapping[str, str] = {"User-Agent": AGENT, **request.pop("headers", {}), **roles_of(owner)[role]}
    client = Client(owner.bench.front, use_cookies=False)
    return client.open(path, method=method, headers=dict(given), buffered=True, **request)


def test_every_route_of_the_url_map_has_an_entry() -> None:
    missing, gone = sorted(url_map() - set(TABLE)), sorted(set(TABLE) - url_map())
    assert not missing, (
        f"new: {', '.join(missing)}. Say in tests/security/access.py who may call it and what each role is answered: "
        'add `"METHOD rule": Access(status for everyone, {role: status}, sees=(roles that may see the owner\'s data))`.'
    )
    assert not gone, f"in tests/security/access.py, but not in the URL map: {', '.join(gone)}"


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("cell", TABLE)
def test_each_role_gets_what_the_matrix_says(world: Bench, cell: str, role: str) -> None:
    owner, access = make_owner(world), TABLE[cell]
    answer = ask(owner, cell, role)
    assert answer.status_code == access.status(role), answer.text[:500]
    leaked = [secret for secret in owner.secrets if secret in answer.text or secret in str(answer.headers)]
    assert role in access.sees or not leaked
    assert answer.headers.get("Access-Control-Allow-Origin") != EVIL
    if role == "page elsewhere" and leaked and access.sees != ROLES:
        # A top-level visit by a link: the page that it left can neither read nor frame it.
        assert "Access-Control-Allow-Origin" not in answer.headers
        # What has no content (204) cannot be framed.
        assert answer.status_code == 204 or "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.pattern)
def test_a_method_that_a_route_does_not_take_is_refused(world: Bench, route: Any) -> None:
    client = Client(world.front)
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - set(route.methods):
        answer = client.open(path_of(route.pattern), method=method)
        assert (answer.status_code, answer.headers["Allow"]) == (405, route.allowed)
