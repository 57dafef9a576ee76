"""What the quick way reads in documents, in queries and in any odd line is what the thorough way reads there."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.consent import ConsentService
from support.gates import changed, shown, thorough
from verifier.lines_corpus import Corpus

from cookiegate.gate import trackers
from cookiegate.policy.document import CATEGORIES
from cookiegate.tokens import base64url

_VENDOR = "iglu:com.snowplowanalytics.snowplow"
_PAGE = {"schema": f"{_VENDOR}/web_page/jsonschema/1-0-0", "data": {"id": "b11ae1aa-9cca-463c-8f4c-b4e636eac959"}}
_BROWSER = {
    "schema": f"{_VENDOR}/browser_context/jsonschema/2-0-0",
    "data": {"viewport": "1280x720", "colorDepth": 24, "online": True, "browserLanguage": "ja-JP", "unknown": [1]},
}
_CLICK = {"schema": f"{_VENDOR}/link_click/jsonschema/1-0-1", "data": {"targetUrl": "http://shop.test/?q=はち"}}
_LINES = 500


def _folded(name: str, document: Any, ascii_only: bool) -> str:
    text = json.dumps(document, ensure_ascii=ascii_only)
    return base64url.encode(text.encode()) if name.endswith("x") else text


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_documents_of_any_kind_are_read_alike(service: ConsentService, data: st.DataObject) -> None:
    quick, slow = service.gate("snowplow"), thorough(service.gate("snowplow"))
    token = service.token(acquire=sorted(data.draw(st.sets(st.sampled_from(CATEGORIES)))))
    consent = {"schema": "iglu:jp.cookiegate/consent/jsonschema/1-0-0", "data": {"token": token}}
    contexts: Any = {"schema": f"{_VENDOR}/contexts/jsonschema/1-0-0", "data": [_PAGE, consent, _BROWSER]}
    click: Any = {"schema": f"{_VENDOR}/unstruct_event/jsonschema/1-0-0", "data": _CLICK}
    for _ in range(data.draw(st.integers(0, 2))):
        contexts = changed(contexts, data)
    for _ in range(data.draw(st.integers(0, 1))):
        click = changed(click, data)
    ascii_only = data.draw(st.booleans())
    event = {"e": data.draw(st.sampled_from(["pv", "ue", "ue"])), "url": "http://shop.test/", "aid": "shop"}
    event |= {name: _folded(name, contexts, ascii_only) for name in data.draw(st.sampled_from([["cx"], ["co"], []]))}
    event |= {name: _folded(name, click, ascii_only) for name in data.draw(st.sampled_from([["ue_px"], ["ue_pr"], []]))}
    headers = {"X-Consent-Token": token} if data.draw(st.booleans()) else {}
    body = {"schema": f"{_VENDOR}/payload_data/jsonschema/1-0-4", "data": [event, event]}
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in event.items())
    for line in (
        {"method": "POST", "path": "/com.snowplowanalytics.snowplow/tp2", "body": json.dumps(body)},
        {"method": "GET", "path": f"/i?{query}"},
    ):
        found, wanted = (
            _unfolded(shown(gate, json.dumps({**line, "headers": headers}).encode())) for gate in (quick, slow)
        )
        assert found == wanted


def _unfolded(outcome: tuple[list[Any], Any]) -> tuple[list[Any], Any]:
    """Events with their documents as JSON: the fields of a query, say, may stand in any order."""
    (_, rest), counts = outcome
    events = [event for _, _, _, events, _ in rest for event in events]
    return [{name: _read(name, value) for name, value in event.items()} for event in events], counts


def _read(name: str, value: Any) -> Any:
    if name in ("cx", "ue_px"):
        return json.loads(base64url.decode(value))
    return json.loads(value) if name in ("co", "ue_pr") else value


@pytest.mark.parametrize("tracker", trackers.NAMES)
def test_good_and_bad_lines_have_the_same_outcome_both_ways(service: ConsentService, tracker: str) -> None:
    quick, slow = service.gate(tracker), thorough(service.gate(tracker))
    lines = Corpus(service, tracker, seed=3).lines(_LINES)
    for line in lines:
        found, wanted = quick.line(line), slow.line(line)
        assert (found == b"") == (wanted == b""), line[:2000]
    assert quick.counts == slow.counts
    assert quick.counts.accepted > _LINES // 20
