"""Large batches to a collector behind the gate: in pieces, as one, or not at all."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from support.collecting import batch, collecting, send, visitor_of
from support.collectors import Collector
from support.service import Bench, make_bench


@pytest.mark.parametrize("packed", [False, True])
def test_a_large_batch_goes_through_in_pieces_and_comes_out_as_one(
    forwarding: Bench, collector: Collector, packed: bool
) -> None:
    visitor = visitor_of(forwarding, "language")
    data = json.dumps(batch(2_000, str(visitor.cookie("cg_token")))).encode()
    assert len(data) > 2 * forwarding.service.settings.collect_limit_bytes
    headers = {"Content-Type": "text/plain"} | ({"Content-Encoding": "gzip"} if packed else {})
    answer = send(
        visitor, "/collect/posthog/batch/?v=1", data=gzip.compress(data, 1) if packed else data, headers=headers
    )
    assert (answer.status_code, answer.headers["X-Consent-Reason"]) == (202, "token_malformed")
    (taken,) = collector.taken
    body = json.loads(taken.body)
    assert {name: body[name] for name in ("api_key", "sent_at")} == {"api_key": "k", "sent_at": "2026-01-01T00:00:00Z"}
    assert body["batch"] == [{"event": "$pageview", "properties": {"$browser_language": "ja"}}] * 1_714
    assert "zz" not in body


def test_of_a_large_batch_that_breaks_off_nothing_goes_on(forwarding: Bench, collector: Collector) -> None:
    visitor = visitor_of(forwarding, "language")
    data = json.dumps(batch(1_500, str(visitor.cookie("cg_token")))).encode()
    damaged = [
        (data[:-1], 200),
        (data.replace(b'"own"', b'"own', 1), 200),
        (data[:1_500_000] + b"\xff" + data[1_500_000:], 200),
        (data.replace(b'"sent_at"', b'"batch":[], "sent_at"', 1), 200),
        (data.replace(b'"batch"', b'"other"', 1), 413),
        (data[:-1] + b',"y":"' + b"y" * 1_100_000 + b'"}', 413),
    ]
    for body, status in damaged:
        assert send(visitor, "/collect/posthog/batch/", data=body).status_code == status
    assert collector.taken == []


def test_past_the_cap_is_a_clear_413(tmp_path: Path, collector: Collector) -> None:
    policy = collecting("posthog")
    options = {"COLLECT_URL": collector.url, "COLLECT_BATCH_LIMIT_BYTES": "2000000"}
    bench = make_bench(tmp_path, policies=(policy,), **options)
    visitor = visitor_of(bench, "language")
    data = json.dumps(batch(2_000, str(visitor.cookie("cg_token")))).encode()
    bomb = gzip.compress(b'{"batch":[' + b" " * 20_000_000 + b"]}")
    for body in (data, bomb):
        answer = send(visitor, "/collect/posthog/batch/", data=body)
        assert (answer.status_code, answer.get_json()["code"]) == (413, "body_too_large")
        assert "2000000" in answer.get_json()["detail"]
    assert collector.taken == []
    bench.service.close()
