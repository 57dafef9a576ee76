"""Lines that are taken together: what one says, however broken, makes nothing of its neighbours."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support.consent import ConsentService
from support.gates import thorough

from cookiegate.gate import Reason
from cookiegate.policy.document import CATEGORIES

#: What becomes of lines: JSON that is cut, joined, or spelled otherwise.
_BROKEN = {
    "whole": lambda line: line,
    "cut": lambda line: line[:-1],
    "half": lambda line: line[: len(line) // 2],
    "end only": lambda line: line[-1:],
    "open list": lambda line: line[:-1] + b',"url":[',
    "list closed": lambda line: b"]}",
    "joined": lambda line: line + b"," + line,
    "two": lambda line: line + line,
    "two lines": lambda line: line + b"\n" + line,
    "comma behind": lambda line: line + b",",
    "comma before": lambda line: b"," + line,
    "comma inside": lambda line: line[:-1] + b",}",
    "bracket": lambda line: line + b"]",
    "in a list": lambda line: b"[" + line + b"]",
    "blank": lambda line: b" \t",
    "empty": lambda line: b"",
    "newline": lambda line: line + b"\n",
    "carriage return": lambda line: line + b"\r\n",
    "mark": lambda line: b"\xef\xbb\xbf" + line,
    "space before": lambda line: b"  " + line,
    "form feed before": lambda line: b"\x0c" + line,
    "zero behind": lambda line: line + b"\x00",
    "spaced": lambda line: line.replace(b'":"', b'": "', 1).replace(b'","', b'" , "', 1),
    "token alone": lambda line: line[: line.index(b",")] + b"}",
    "token and comma": lambda line: line[: line.index(b",")] + b",}",
    "token and quote": lambda line: line[: line.index(b",")] + b',"}',
    "token twice": lambda line: line[:-1] + b"," + line[1:],
    "empty token behind": lambda line: line[:-1] + b',"consent_token":""}',
    "other token behind": lambda line: line[:-1] + b',"consent_token":"x"}',
    "token spelled otherwise": lambda line: line[:-1] + b',"consent\\u005ftoken":null}',
    "token last": lambda line: b"{" + line[line.index(b",") + 1 : -1] + b"," + line[1 : line.index(b",")] + b"}",
    "token inside": lambda line: b'{"props":' + line + b"}",
    "stamped": lambda line: line[:-1] + b',"consent":{"sub":"x"}}',
    "name twice": lambda line: line[:-1] + b',"url":"a","url":"b","url":["c",{}]}',
    "no name": lambda line: line[:-1] + b',"":1}',
    "surrogate": lambda line: line[:-1] + b',"url":"\\ud800"}',
    "surrogate refused": lambda line: line[:-1] + b',"client_id":"\\udc00x"}',
    "pair": lambda line: line[:-1] + b',"url":"\\ud83d\\ude00"}',
    "no UTF-8": lambda line: line[:-1] + b',"client_id":"\xff"}',
    "past a double": lambda line: line[:-1] + b',"client_id":1e400}',
    "NaN": lambda line: line[:-1] + b',"other":NaN}',
    "nested": lambda line: line[:-1] + b',"url":{"a":1},"other":[{}]}',
    "no time": lambda line: line.replace(b'"time"', b'"label"'),
    "time as text": lambda line: line[:-1] + b',"time":"1795000000000"}',
    "another time": lambda line: line[:-1] + b',"timestamp":1}',
    "early": lambda line: line[:-1] + b',"time":1000000000001}',
    "no token": lambda line: b"{" + line[line.index(b",") + 1 :],
    "token in a text": lambda line: line[:-1] + b',"url":"?ct=' + line.split(b'"')[3] + b'"}',
    "tampered": lambda line: line[:200] + (b"A" if line[200:201] != b"A" else b"B") + line[201:],
    "nested deep": lambda line: line[:-1] + b',"other":' + b"[" * 100_000,
}  # fmt: skip


def _lines(service: ConsentService, chosen: list[tuple[str, int]]) -> list[bytes]:
    tokens = [service.token(acquire=acquire, idx=number) for number, acquire in enumerate((CATEGORIES, ("browsing",)))]
    tokens.append(service.token(site="other"))
    lines = []
    for number, (kind, owner) in enumerate(chosen):
        event = {
            "event": f"e{number}",
            "time": service.clock.now_ms(),
            "url": "/",
            "client_id": "c",
            "ip": "192.0.2.77",
        }
        line = json.dumps({"consent_token": tokens[owner], **event}, separators=(",", ":")).encode()
        lines.append(_BROKEN[kind](line))
    return lines


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["whole", *sorted(_BROKEN)]), st.integers(0, 2)), min_size=2, max_size=12),
    st.sampled_from(["drop", "truncate"]),
)
@example([("whole", 0), ("time as text", 0), ("another time", 0)], "drop")  # a new name comes between
def test_lines_together_are_what_each_is_alone(
    service: ConsentService, chosen: list[tuple[str, int]], ip_when_refused: str
) -> None:
    together, alone = (
        service.gate(ip_when_refused=ip_when_refused),
        thorough(service.gate(ip_when_refused=ip_when_refused)),
    )
    lines = _lines(service, chosen)
    for _ in range(3):  # names and tokens are known from the second time on
        found = together.lines(lines)
        wanted = [alone.line(line) for line in lines]
        assert [json.loads(line or b"0") for line in found] == [json.loads(line or b"0") for line in wanted]
        assert together.counts == alone.counts
        assert all(line.count(b"\n") == (line != b"") == line.endswith(b"\n") for line in found)


@pytest.mark.parametrize("kind", sorted(_BROKEN))
def test_a_broken_line_stands_alone_between_good_ones(service: ConsentService, kind: str) -> None:
    gate, alone = service.gate(), thorough(service.gate())
    good, broken, last = _lines(service, [("whole", 0), (kind, 0), ("whole", 0)])
    wanted = [alone.line(line) for line in (good, broken, last)]
    for _ in range(2):
        found = gate.lines((good, broken, last))
        assert [json.loads(line or b"0") for line in found] == [json.loads(line or b"0") for line in wanted]


def test_two_halves_of_an_event_do_not_make_one(service: ConsentService) -> None:
    gate = service.gate()
    (line,) = _lines(service, [("whole", 0)])
    gate.lines((line, line))
    place = line.index(b',"url"')
    assert gate.lines((line[:place], line[place:], line + line)) == [b"", b"", b""]
    assert gate.counts.dropped == {Reason.EVENT_MALFORMED: 3}


def test_more_lines_than_are_read_at_once_keep_their_order(service: ConsentService) -> None:
    gate = service.gate()
    lines = _lines(service, [("whole" if number % 7 else "cut", number % 2) for number in range(5000)])
    for _ in range(2):
        found = [json.loads(line)["event"] if line else None for line in gate.lines(lines)]
        assert found == [f"e{number}" if number % 7 else None for number in range(5000)]
