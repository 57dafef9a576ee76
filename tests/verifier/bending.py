"""Bends JSON: other values, other names, more and less of them, and texts that are no JSON at all."""

from __future__ import annotations

import base64
import copy
import gzip
import json
import random
import zlib
from typing import Any

VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 1.5, -0.0, 1e16, 2**53, 2**63, 2**64, 10**30, 99_999_999_999_999_999_999,
    "", "x", "é\u2028\x7f", "\U0001f36a" * 70, [], {}, [1, "a", None], [[1]], [{"a": 1}], {"a": 1}, {"a": {"b": 2}},
    "203.0.113.9", "203.0.113.9:80", "::ffff:203.0.113.9", "[2001:db8::1]:80", "2001:db8::1%eth0", "fe80::0:0:1",
    "1.2.3.04", "1.2.3", "::", "1::2::3", " 198.51.100.7 ", "http://shop.test/?ct={token}",
    1_795_000_000_000, "1795000000000", 1_794_999_000_000, 1_795_000_000, "1794999930000000000", "1794999000.5",
    "2026-11-18T11:06:40Z", "2026-11-18T20:06:40.1234567+09:00", "2026-11-18 11:06:40", "2026-02-30T00:00:00Z",
    "2026-11-18T10:50:00Z", "2026-11-18T11:05:00.999999-00:00", "2026-11-18T24:00:00Z", "0000-01-01T00:00:00Z",
    {"stringValue": "x"}, {"intValue": "7"}, {"intValue": 2**63}, {"intValue": " 1_0 "}, {"doubleValue": 5},
    {"boolValue": 1}, {"arrayValue": {"values": [{"intValue": 1}]}}, {"arrayValue": {}}, {"arrayValue": []},
    [{"key": "url.full", "value": {"stringValue": "x"}}, {"key": "x"}, {"key": 1}, 5],
)  # fmt: skip
NAMES = (
    "secret", "x", "consent", "consent_token", "__proto__", "constructor", "toString", "hasOwnProperty", "", "0", "17",
    "a.b", "é", "a\nb", "a\x00'\"b", "bloodType", "user.religion", "n" * 100, "\U0001f36a" * 70, "健康診断", "gender",
    "sensitive x", "$os", "props", "key", "value", "attributes", "data", "schema", "schemaUrl",
)  # fmt: skip
#: What no event is, or only just.
TEXTS = (
    "", " ", "null", "[]", "5", '"x"', "{", "}", "{}", '{"a":NaN}', '{"a":Infinity}', '{"a":1e999}', '{"a":-1e999}',
    '{"a":0e999}', '{"a":"\\ud800"}', '{"a":"\\ud83d\\ude00"}', '{"a":"\\udc00"}', '{"a":01}', '{"a":1.}', '{"a":.5}',
    '{"a":+1}', '{"a":1,}', "[1,]", "[" * 5000 + "]" * 5000, '{"a":' * 3000 + "1" + "}" * 3000, "[" * 100_000,
    "[" * 400 + "]" * 400, '{"a":' + "9" * 5000 + "}", '{"a":1}x', '\ufeff{"a":1}', '{"a":"\t"}', '{"a":"\\x41"}',
    "{'a':1}", '{"a":1,"a":2}', '{"__proto__":{"a":1}}', "nul", '"\\u12"', '{"a":1} \n\t\r', '\u00a0{"a":1}',
    "// x\n1", '{"a":123456789012345678901234567890.5e-10}', "NaN", "-", "1e5", "tru", "a=b&c=%ff", "a=b\r\nc=d",
    "data=e30", "data=%%%", "a=b&" * 600,
)  # fmt: skip
_BOMB = gzip.compress(bytes(2_000_000), mtime=0)
_PACKERS = {"gzip": lambda data: gzip.compress(data, mtime=0), "deflate": zlib.compress}


class Bender:
    """Bends values by chance.

    Args:
        rand: the chance.
        whole_floats: whether values may hold floats without a fraction, which JavaScript cannot tell from integers.
    """

    def __init__(self, rand: random.Random, *, whole_floats: bool = True) -> None:
        self.rand = rand
        self._values = [item for item in VALUES if whole_floats or type(item) is not float or item % 1]

    def value(self) -> Any:
        """Any value."""
        return copy.deepcopy(self.rand.choice(self._values))

    def change(self, value: Any) -> None:
        """Changes something somewhere inside an object or a list."""
        inner = [item for item in _items(value) if item and isinstance(item, dict | list)]
        if inner and self.rand.random() < 0.7:
            self.change(self.rand.choice(inner))
        elif isinstance(value, list):
            self._change_list(value)
        else:
            self._change_object(value)

    def _change_list(self, value: list[Any]) -> None:
        kind = self.rand.randrange(3)
        if kind == 0:
            value.append(self.value())
        elif kind == 1:
            value.extend(copy.deepcopy(value[:1]))
        else:
            value.clear()

    def _change_object(self, value: dict[str, Any]) -> None:
        kind = self.rand.random()
        if kind < 0.3 or not value:
            value[self.rand.choice(NAMES)] = self.value()
            return
        name = self.rand.choice(sorted(value))
        if kind < 0.5:
            del value[name]
        elif isinstance(value[name], str) and value[name].startswith("{"):
            value[name] = self.changed_text(value[name])
        else:
            value[name] = self.value()

    def changed_text(self, text: str) -> str:
        """JSON with some changes in it; any other text as it is."""
        try:
            value = json.loads(text)
        except ValueError:
            return text
        if isinstance(value, dict | list):
            for _ in range(self.rand.randint(1, 3)):
                self.change(value)
        return self.dumped(value)

    def dumped(self, value: Any) -> str:
        """JSON in one of its spellings."""
        separators = self.rand.choice(((",", ":"), (", ", ": ")))
        return json.dumps(value, separators=separators, ensure_ascii=self.rand.random() < 0.5)

    def line(self, text: str) -> bytes:
        """A line that is now and then not what it should be."""
        if self.rand.random() < 0.9 or not text:
            return text.encode("utf-8", "surrogatepass")
        kind = self.rand.randrange(5)
        if kind == 0:
            return text[: self.rand.randrange(len(text))].encode("utf-8", "replace")
        if kind == 1:
            return self.rand.choice(TEXTS).encode("utf-8", "surrogatepass")
        if kind == 2:
            return text[:1].encode() + b"\xff" + text[1:].encode()
        if kind == 3:
            return text.replace("consent_token", "consent\\u005ftoken").encode()
        return f"[{text}]".encode()

    def packed(self, data: bytes, encoding: str) -> bytes:
        """A body as its encoding says, or not quite."""
        data = _PACKERS.get(encoding.strip().lower().removeprefix("x-"), bytes)(data)
        return self._torn(data) if self.rand.random() < 0.2 else data

    def _torn(self, data: bytes) -> bytes:
        at = self.rand.randrange(len(data)) if data else 0
        flipped = bytes([(data[at] if data else 0) ^ 1])
        torn = (
            data[:at],
            data + b"\x00",
            data + data,
            data[:at] + flipped + data[at + 1 :],
            _BOMB,
        )
        return self.rand.choice(torn)


def as_base64(data: bytes) -> str:
    """Bytes as a line has them."""
    return base64.b64encode(data).decode()


def _items(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else value
