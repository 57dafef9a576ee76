"""A secret of its own in every input of every route; afterwards nobody finds one where it does not belong."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.service import AGENT, Bench, make_bench
from werkzeug.test import Client

from cookiegate.web.logs import configure_logs
from security.addresses import ARGUMENTS, path_of, url_map
from security.attacks import FIELDS, HEADERS, WRITES
from security.people import ROOM, TWO_SITES

#: Inputs whose text an answer may repeat, and why; everything else is repeated by no error.
REPEATED = {
    "unknown field": "the name of a field that the body should not have is how a client finds its mistake",
}


class Canaries:
    """Secrets by the place where each was planted."""

    def __init__(self) -> None:
        self.places: dict[str, str] = {}

    def new(self, place: str) -> str:
        """A secret for one place: letters and digits, so that it fits wherever text does."""
        secret = f"canary{secrets.token_hex(8)}"
        self.places[secret] = place
        return secret

    def found_in(self, data: bytes | str) -> set[str]:
        """The places whose secrets are in some bytes."""
        text = data if isinstance(data, str) else data.decode("latin-1")
        if "canary" not in text:
            return set()
        return {place for secret, place in self.places.items() if secret in text}


def plant(canaries: Canaries, cell: str) -> Iterator[dict[str, Any]]:
    """Requests of one cell: secrets in the headers, the query, the path, a JSON body, a form, a whole body."""
    method, pattern = cell.split(" ", 1)
    named = {"purpose": "analytics", "site": "demo"} if "/gate/" in pattern else {}
    path, base = path_of(pattern), {"User-Agent": AGENT}

    def new(place: str) -> str:
        return canaries.new(f"{cell}: {place}")

    headers = {name: new(f"header {name}") for name in HEADERS}
    cookie = "; ".join(
        f"{name}={new(f'cookie {name}')}" for name in ("cg_handle.demo", "cg_token", "cg_choice", "session")
    )
    yield {"path": path, "headers": {**headers, "Cookie": cookie}, "query_string": named}
    yield {"path": path, "headers": base, "query_string": {**{name: new(f"query {name}") for name in FIELDS}, **named}}
    yield {
        "path": path_of(pattern, {name: new(f"path {name}") for name in ARGUMENTS}),
        "headers": base,
        "query_string": named,
    }
    yield {
        "path": path,
        "headers": {**base, "X-Forwarded-For": f"203.0.113.9, {new('address')}"},
        "query_string": named,
    }
    if method in WRITES:
        keyed = {**base, "Idempotency-Key": new("key").ljust(24, "0"), "Origin": "http://shop.test"}
        yield {
            "path": path,
            "headers": keyed,
            "query_string": named,
            "json": {name: new(f"member {name}") for name in FIELDS},
        }
        yield {
            "path": path,
            "headers": keyed,
            "query_string": named,
            "data": {name: new(f"field {name}") for name in FIELDS},
        }
        broken = f'{{"n":"{new("broken body")}",'
        yield {
            "path": path,
            "headers": {**keyed, "Content-Type": "application/json"},
            "query_string": named,
            "data": broken,
        }
        yield {"path": path, "headers": keyed, "query_string": named, "json": {new("unknown field"): 1}}


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Bench, Canaries, dict[str, set[str]]]]:
    """A service after all of it: the secrets, and by cell those that an error repeated."""
    folder = tmp_path_factory.mktemp("canary")
    bench = make_bench(folder, policies=TWO_SITES, TRUSTED_PROXIES="127.0.0.0/8", **ROOM)
    canaries, repeated = Canaries(), {}
    for cell in sorted(url_map()):
        for request in plant(canaries, cell):
            answer = Client(bench.front, use_cookies=False).open(method=cell.split(" ")[0], buffered=True, **request)
            assert answer.status_code < 500, cell
            said = answer.text if answer.mimetype != "text/javascript" else ""
            if answer.status_code >= 400 and (found := canaries.found_in(said + str(answer.headers))):
                repeated.setdefault(cell, set()).update(found)
    bench.service.sealer.run()
    yield bench, canaries, repeated
    bench.service.close()


def test_canary_no_error_repeats_what_it_was_asked(planted: tuple[Bench, Canaries, dict[str, set[str]]]) -> None:
    _, canaries, repeated = planted
    assert len(canaries.places) > 3000
    places = {place.split(": ", 1)[1] for found in repeated.values() for place in found}
    assert places <= set(REPEATED)


def test_canary_nothing_is_in_the_metrics(planted: tuple[Bench, Canaries, dict[str, set[str]]]) -> None:
    bench, canaries, _ = planted
    assert not canaries.found_in(Client(bench.front).get("/metrics").data)


def test_canary_nothing_is_in_the_data_folder(planted: tuple[Bench, Canaries, dict[str, set[str]]]) -> None:
    bench, canaries, _ = planted
    for path in bench.folder.rglob("*"):
        assert not path.is_file() or not canaries.found_in(path.read_bytes()), path


def test_canary_nothing_is_in_an_opened_record(planted: tuple[Bench, Canaries, dict[str, set[str]]]) -> None:
    bench, canaries, _ = planted
    for site in ("demo", "other"):
        for row in bench.service.storage.decisions(site):
            assert not canaries.found_in(row.record)
    for entry in bench.service.storage.entries():
        assert not canaries.found_in(entry.record)


def test_canary_nothing_is_in_the_log(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    configure_logs("debug")
    bench, canaries = make_bench(tmp_path, TRUSTED_PROXIES="127.0.0.0/8", **ROOM), Canaries()
    for cell in sorted(url_map()):
        for request in plant(canaries, cell):
            Client(bench.front, use_cookies=False).open(method=cell.split(" ")[0], buffered=True, **request)
    bench.service.close()
    printed = capfd.readouterr()
    assert not canaries.found_in(printed.out + printed.err)


#: What is meant to be kept: the words of a request (encrypted under its own key), and the fields of an event that the
#: grant allows. Each is planted alone here, and found where it belongs and nowhere else.
MEANT = ("message", "name", "email", "authority")


def test_canary_the_words_of_a_request_are_kept_for_the_desk_alone(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    configure_logs("debug")
    bench, canaries = make_bench(tmp_path, **ROOM), Canaries()
    words = {name: canaries.new(name) for name in MEANT}
    body = {
        "kind": "complaint", "message": words["message"], "residence": "jp",
        "contact": {"name": words["name"], "email": f"{words['email']}@example.org"},
        "agent": {"name": "agent", "authority": words["authority"]},
    }  # fmt: skip
    headers = {"Idempotency-Key": secrets.token_urlsafe(24)}
    visitor = bench.visitor()
    told = visitor.send("POST", "/v1/sites/demo/requests", json=body, headers=headers)
    assert told.status_code == 201
    reference, code = told.get_json()["reference"], told.get_json()["code"]
    looked = visitor.send("GET", f"/v1/sites/demo/requests/{reference}", headers={"X-Request-Code": code})
    assert not canaries.found_in(told.data + looked.data + bench.visitor().send("GET", "/metrics").data)
    file = bench.service.requests.casebook.read(reference)
    kept = repr(file)
    assert canaries.found_in(kept) or canaries.found_in(msgspec.json.encode(file.person.message))  # the desk reads them
    bench.service.close()
    printed = capfd.readouterr()
    assert not canaries.found_in(printed.out + printed.err)
    for path in bench.folder.rglob("*"):
        assert not path.is_file() or not canaries.found_in(path.read_bytes()), path


def test_canary_of_an_event_only_granted_fields_are_kept(bench: Bench) -> None:
    canaries = Canaries()
    visitor = bench.visitor()
    visitor.decide("choose", purposes={"analytics": True}, acquire={"browsing": True})
    event = {
        "event": "page_view", "page": canaries.new("page"), "language": canaries.new("language"),
        "browser": canaries.new("browser"),
        "client_id": canaries.new("client_id"), "unknown": canaries.new("unknown"), "ip": "203.0.113.77",
    }  # fmt: skip
    headers = {"Referer": f"http://shop.test/{canaries.new('referer')}", "X-Forwarded-For": canaries.new("address")}
    path = f"/gate/strip/plain?purpose=analytics&site=demo&x={canaries.new('query')}"
    answer = visitor.send("POST", path, json=event, headers=headers)
    assert answer.status_code == 200
    assert canaries.found_in(answer.data) == {"page"}
    body = {
        "n": "pageview",
        "u": f"http://shop.test/{canaries.new('u')}",
        "d": "shop.test",
        "p": {"x": canaries.new("prop")},
        "w": 1,
    }
    collect = f"/collect/plausible/api/event?site=demo&y={canaries.new('collect query')}"
    assert visitor.send("POST", collect, json=body, headers=headers).status_code == 202
    kept = b"".join(file.read_bytes() for file in (bench.folder / "collected").rglob("*") if file.is_file())
    assert canaries.found_in(kept) <= {"u", "referer"}  # both are of the category that was granted
    assert "u" in canaries.found_in(kept)
