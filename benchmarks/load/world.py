"""The visitors of a load: made by real decisions, so that they hold handles and tokens that count."""

from __future__ import annotations

import http.client
import re
import secrets
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

THREADS = 8
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
SITE = "/v1/sites/demo"
_HANDLE = re.compile(r"cg_handle\.demo=([^;]+)")


@dataclass(frozen=True, slots=True)
class Visitor:
    """Someone who accepted, with what their browser keeps."""

    handle: str
    token: str


@dataclass(frozen=True, slots=True)
class File:
    """A widget's address, the ``Accept-Language`` that it is asked with (None: any), and the ETags that it may have."""

    path: str
    language: str | None
    etags: str


@dataclass(frozen=True, slots=True)
class World:
    """Everything that the traffic is made from."""

    notice: str
    files: Sequence[File]
    visitors: Sequence[Visitor]
    withdrawn: Sequence[str]

    def write(self, folder: Path, parts: int) -> None:
        """Writes one Lua file for each of ``parts`` threads; no two share a visitor."""
        for part in range(parts):
            (folder / f"{part}.lua").write_text(self._lua(part, parts), encoding="utf-8")

    def _lua(self, part: int, parts: int) -> str:
        files = ",".join(f"{{path={_text(one.path)},etags={_text(one.etags)}{_language(one)}}}" for one in self.files)
        mine = self.visitors[part::parts]
        visitors = ",\n".join(f"{{handle={_text(one.handle)},token={_text(one.token)}}}" for one in mine)
        withdrawn = ",\n".join(_text(token) for token in self.withdrawn[part::parts])
        return (
            f"return {{notice={_text(self.notice)},keep={max(1, len(mine) // 2)},widgets={{{files}}},\n"
            f"visitors={{\n{visitors}}},\nwithdrawn={{\n{withdrawn}}}}}\n"
        )


def _text(value: str) -> str:
    return msgspec.json.encode(value).decode()


def _language(file: File) -> str:
    return f",language={_text(file.language)}" if file.language else ""


def make_world(port: int, *, visitors: int, withdrawn: int) -> World:
    """Lets that many visitors accept, and some more accept and withdraw.

    Args:
        port: of the service on 127.0.0.1, with the demo policy.
        visitors: how many keep their consent.
        withdrawn: how many take it back.
    """
    with _connection(port) as connection:
        notice = str(msgspec.json.decode(_ask(connection, "GET", f"{SITE}/notice?lang=ja")[1])["notice"])
        files = list(_files(connection))
    made: list[Visitor] = []
    ended: list[str] = []
    shares = [range(number, visitors + withdrawn, THREADS) for number in range(THREADS)]

    def work(share: range) -> None:
        with _connection(port) as connection:
            for number in share:
                visitor = _decide(connection, notice, "accept", None)
                if number < visitors:
                    made.append(visitor)
                else:
                    _decide(connection, notice, "withdraw", visitor)
                    ended.append(visitor.token)

    threads = [threading.Thread(target=work, args=(share,)) for share in shares]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if (len(made), len(ended)) != (visitors, withdrawn):
        raise RuntimeError(f"only {len(made)} of {visitors} visitors and {len(ended)} of {withdrawn} withdrawals came")
    return World(notice, files, made, ended)


@contextmanager
def _connection(port: int) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        yield connection
    finally:
        connection.close()


def _ask(
    connection: http.client.HTTPConnection, method: str, path: str, body: bytes | None = None, **headers: str
) -> tuple[http.client.HTTPResponse, bytes]:
    sent = {"User-Agent": AGENT, **{name.replace("_", "-"): value for name, value in headers.items()}}
    connection.request(method, path, body, sent)
    answer = connection.getresponse()
    data = answer.read()
    if answer.status >= 400:
        raise RuntimeError(f"{method} {path} answered {answer.status}: {data[:300]!r}")
    return answer, data


def _files(connection: http.client.HTTPConnection) -> Iterator[File]:
    for language in ("ja", "en"):
        negotiated, named = (
            File(path, read, ", ".join(_etags(connection, path, language)))
            for path, read in (("/w/demo.js", language), (f"/w/demo.{language}.js", None))
        )
        yield from (negotiated, negotiated, negotiated, named)  # most pages leave the language to the browser


def _etags(connection: http.client.HTTPConnection, path: str, language: str) -> Sequence[str]:
    """Those of every coding: a file is packed better a while after the start."""
    answer, _ = _ask(connection, "GET", path, Accept_Language=language, Accept_Encoding="identity")
    whole = answer.headers["ETag"].strip('"')
    return [f'"{whole}{coding}"' for coding in ("", "-gzip", "-br")]


def _decide(connection: http.client.HTTPConnection, notice: str, action: str, visitor: Visitor | None) -> Visitor:
    headers = {"Content_Type": "application/json", "Idempotency_Key": secrets.token_urlsafe(24)}
    headers["X_Forwarded_For"] = f"10.{secrets.randbelow(256)}.{secrets.randbelow(256)}.{secrets.randbelow(256)}"
    if visitor is not None:
        headers["Cookie"] = f"cg_handle.demo={visitor.handle}"
    body = msgspec.json.encode({"notice": notice, "action": action})
    answer, data = _ask(connection, "POST", f"{SITE}/decisions", body, **headers)
    if visitor is not None:
        return visitor
    handle = _HANDLE.search(" ".join(answer.headers.get_all("Set-Cookie", [])))
    if handle is None:
        raise RuntimeError("a grant came without a handle")
    return Visitor(handle[1], msgspec.json.decode(data)["token"])
