"""Every route is counted against an allowance, or says why not. Each is really exhausted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from support.asking import SAME_ORIGIN
from support.service import AGENT, Bench, make_bench
from werkzeug.test import Client

from cookiegate.web.reading_limits import UNCOUNTED
from security.addresses import path_of, url_map

#: How many requests a client gets of each: all different, so that the first refusal tells which one was counted.
SHARE = {"writes": 2, "requests": 3, "tokens": 4, "events": 5, "reads": 6}

#: Reads through Flask are counted as reads, unless they are named here or in ``UNCOUNTED``.
COUNTED = {
    "POST /v1/sites/<site>/decisions": "writes",
    "POST /v1/sites/<site>/token": "tokens",
    "GET /v1/sites/<site>/record": "writes",
    "POST /v1/sites/<site>/record": "writes",
    "POST /v1/sites/<site>/record/<act>": "writes",
    "POST /v1/sites/<site>/requests": "requests",
    "GET /v1/sites/<site>/requests/<reference>": "tokens",
    "POST /preferences/<site>": "writes",
    "POST /preferences/<site>/receipt": "writes",
    "POST /preferences/<site>/record": "writes",
    "POST /preferences/<site>/request": "requests",
    "POST /preferences/<site>/request/<reference>": "tokens",
    "GET /preferences/<site>/request/<reference>/confirm": "tokens",
    "POST /preferences/<site>/request/<reference>/confirm": "tokens",
    "POST /v1/streams/<stream>/acks": "reads",
    "POST /v1/erasures/acks": "reads",
    **{f"{method} /collect/<tracker>/<path:rest>": "events" for method in ("GET", "POST", "PUT", "PATCH", "DELETE")},
}
#: Hot routes that nobody counts, and why.
FREE = {
    "GET /w/<site>.js": "made once per policy version, answered from memory, kept by caches",
    "GET /w/<site>.<locale>.js": "as above",
    "GET /w/<site>.headless.js": "as above",
    "GET /w/<site>.headless.<locale>.js": "as above",
    "GET /w/<site>.<locale>.json": "as above",
    "GET /w/<site>@<digest>.js": "as above",
    "GET /.well-known/jwks.json": "answered from memory, kept by caches",
    "GET /.well-known/gpc.json": "answered from memory, kept by caches",
    "GET /status/<number>": "signed at most once a second whoever asks, kept by caches",
    "GET /v1/sites/<site>/list": "cut once per vendor list and policy, answered from memory, kept by caches",
    "GET /v1/sites/<site>/notice": "answered from memory",
    "GET /v1/sites/<site>/consent": "one look-up by an indexed hash, at every page that a visitor opens",
    **{
        f"{method} /gate/check": "asked by the operator's own proxy for all its visitors from one address"
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE")
    },
    "POST /gate/strip/<tracker>": "as a check; its body is capped",
}
#: More requests than any share.
MORE = 9


def allowance_of(cell: str) -> str | None:
    method, pattern = cell.split(" ", 1)
    if cell in COUNTED:
        return COUNTED[cell]
    if cell in FREE or pattern in UNCOUNTED:
        return None
    return "reads" if method == "GET" else "nothing"


@pytest.fixture
def narrow(tmp_path: Any) -> Iterator[Bench]:
    """A service that allows very little."""
    bench = make_bench(tmp_path, **{f"RATE_LIMIT_{name.upper()}": f"{share}/hour" for name, share in SHARE.items()})
    yield bench
    bench.service.close()


def test_every_route_has_an_allowance_or_a_reason() -> None:
    bare = [cell for cell in url_map() if allowance_of(cell) == "nothing"]
    assert not bare, (
        f"{', '.join(bare)}: count it (an `allowance` in web/routes.py, or `form_counter` in the view) and say so in "
        "COUNTED of tests/security/test_allowances.py, or give the reason why not in FREE"
    )
    assert set(COUNTED) | set(FREE) <= url_map()
    assert set(UNCOUNTED) <= {cell.split(" ", 1)[1] for cell in url_map()}


@pytest.mark.parametrize("cell", sorted(url_map()))
def test_a_client_gets_its_share_and_no_more(narrow: Bench, cell: str) -> None:
    method, pattern = cell.split(" ", 1)
    allowance = allowance_of(cell)
    client, headers = Client(narrow.front), {"User-Agent": AGENT, **SAME_ORIGIN}
    answers = [client.open(path_of(pattern), method=method, headers=headers, buffered=True) for _ in range(MORE)]
    refused = [answer.status_code == 429 for answer in answers]
    share = SHARE[allowance] if allowance else MORE
    assert refused == [False] * share + [True] * (MORE - share)
    if allowance:
        assert int(answers[-1].headers["Retry-After"]) > 0
        # The next client has a share of its own.
        elsewhere = client.open(
            path_of(pattern), method=method, headers=headers, environ_base={"REMOTE_ADDR": "203.0.113.9"}, buffered=True
        )
        assert elsewhere.status_code != 429
