"""The tables know every field that the real packages send: read from the packages themselves."""

from __future__ import annotations

import re
from pathlib import Path

from cookiegate.gate import trackers


def _source(npm_dir: Path, *names: str) -> str:
    return "\n".join((npm_dir / "node_modules" / name).read_text(encoding="utf-8") for name in names)


def test_snowplow_table_has_every_parameter_and_schema_of_the_package(npm_dir: Path) -> None:
    table = trackers.find("snowplow")
    source = _source(
        npm_dir, "@snowplow/tracker-core/dist/index.module.js", "@snowplow/browser-tracker-core/dist/index.module.js"
    )
    parameters = set(re.findall(r"""\b(?:pb|payloadBuilder)\.add\('([a-z_]+)'""", source))
    parameters |= set(re.findall(r"""addPayloadPair\('([a-z_]+)'""", source))
    assert len(parameters) > 40
    assert parameters - table.fields.keys() == set()
    assert set(re.findall(r"""addJson\('(\w+)', '(\w+)'""", source)) == {("ue_px", "ue_pr"), ("cx", "co")}
    schemas = set(re.findall(r"iglu:([\w.]+/\w+/jsonschema/\d)-\d-\d", source))
    wrappers = {"contexts", "unstruct_event", "payload_data"}
    known = {schema for schema in schemas if schema.split("/")[1] not in wrappers}
    assert len(known) > 15
    assert known - table.schemas.keys() == set()


def test_plausible_table_has_every_field_of_the_package(npm_dir: Path) -> None:
    table = trackers.find("plausible")
    source = _source(npm_dir, "@plausible-analytics/tracker/plausible.js")
    literal = re.search(r'\{n:"engagement",([^}]*)\}', source)
    assert literal is not None
    sent = {"n", *re.findall(r"(?:^|,)([a-z]+):", literal[1]), *re.findall(r"\bo\.([a-z$]+)=", source)}
    assert sent >= {"n", "v", "u", "d", "r", "p", "i", "h", "e", "sd", "$"}
    tops = {path.split(".")[0] for path in table.fields}
    assert sent - tops == set()
