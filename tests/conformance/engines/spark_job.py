"""The job behind :mod:`conformance.engines.spark`: what is asked comes on stdin, the counts go to stdout."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from conformance.material import MARKER, readable, tally
from cookiegate.gate.counts import Counts
from cookiegate.gate.frame import GatePlan, gate_spark

#: Not the zone of the times: whoever mixes them up finds the events hours before their tokens.
ZONE = "America/Los_Angeles"


def main() -> None:
    """Gates each tracker's lines."""
    asked = json.load(sys.stdin)
    builder = SparkSession.builder.master("local-cluster[2,1,1024]").appName("conformance")
    for name, value in {
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.executor.memory": "1g",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.execution.arrow.maxRecordsPerBatch": "1000",
        "spark.sql.session.timeZone": ZONE,
    }.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    try:
        found = {tracker: _gate(session, asked, tracker) for tracker in asked["trackers"]}
    finally:
        session.stop()
    print(json.dumps(tally(found)))


def _gate(session: SparkSession, asked: Mapping[str, Any], tracker: str) -> Counts:
    folder = Path(asked["folder"])
    plan = GatePlan(
        jwks=json.loads((folder / "jwks.json").read_text(encoding="utf-8")),
        statuses=((folder / "status.jwt").read_text(encoding="utf-8"),),
        audience=asked["audience"],
        issuer=asked["issuer"],
        purpose=asked["purpose"],
        tracker=tracker,
    )
    lines = (folder / f"{tracker}.jsonl").read_bytes().splitlines()
    events, texts = readable(lines) if tracker == "plain" else ([], lines)
    counts = Counts()
    frame = session.createDataFrame([(text.decode(),) for text in texts], "line string")
    counts.add(_run(frame, plan, lines="line"))
    if events:
        made_at = datetime.fromtimestamp(asked["made_ms"] / 1000, UTC)
        frame = _flat(session, events, made_at)
        flat = _run(frame, plan, collected_at="received")
        report = gate_spark(frame, plan, collected_at="received", report=True).frame
        told = {row["consent_reason"]: row["count"] for row in report.groupBy("consent_reason").count().collect()}
        assert told == {"ok": flat.accepted, **flat.dropped}
        zoneless = _flat(session, events, made_at.replace(tzinfo=None))
        # East of UTC: read in the session's zone, these times would be hours before their tokens.
        session.conf.set("spark.sql.session.timeZone", "Asia/Tokyo")
        assert _run(zoneless, plan, collected_at="received").dropped == flat.dropped
        session.conf.set("spark.sql.session.timeZone", ZONE)
        counts.add(flat)
    return counts


def _run(frame: DataFrame, plan: GatePlan, **asked: str) -> Counts:
    gated = gate_spark(frame.repartition(4), plan, **asked)
    assert MARKER not in str(gated.frame.collect()), plan.tracker
    return gated.counts


def _flat(session: SparkSession, events: Sequence[Mapping[str, Any]], received: datetime) -> DataFrame:
    names = sorted({name for event in events for name in event})
    kinds = {"time": "long", "value": "double", "tags": "array<string>"}
    schema = ", ".join(f"`{name}` {kinds.get(name, 'string')}" for name in names)
    rows = [(*(_cell(event.get(name), kinds.get(name)) for name in names), received) for event in events]
    return session.createDataFrame(rows, f"{schema}, received timestamp{'' if received.tzinfo else '_ntz'}")


def _cell(value: Any, kind: str | None) -> Any:
    return float(value) if kind == "double" and value is not None else value


if __name__ == "__main__":
    main()
