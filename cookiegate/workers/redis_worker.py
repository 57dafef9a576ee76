"""Redis Streams in, Redis Streams out: exactly one copy of what passes, whoever crashes in between."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from cookiegate.errors import SourceUnreadableError
from cookiegate.workers.judging import Judging, Message, Outcome, Undecided
from cookiegate.workers.running import LOOK_EVERY_S, Patience, Stop, Tallies

BLOCK_MS = 1_000
SOCKET_WAIT_S = 10.0
#: So much is written in one step at most: Redis does nothing else meanwhile.
STEP_BYTES = 4_194_304
STEP_ENTRIES = 512
#: An entry is finished by whoever finds it still pending: its lines, its dead letters and its acknowledgement are one
#: step, so that there is no moment at which only some of them are there. Whoever comes later finds nothing to do.
#: Redis takes nothing back when a step fails half-way, so what could fail is looked at first.
FINISH = """
local source, out, dead = KEYS[1], KEYS[2], KEYS[3]
for _, stream in ipairs({out, dead}) do
    local kind = redis.call('TYPE', stream).ok
    if kind ~= 'stream' and kind ~= 'none' then return redis.error_reply('NOSTREAM ' .. stream) end
end
local group, out_most, dead_most = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local function add(stream, most, ...)
    if most > 0 then return redis.call('XADD', stream, 'MAXLEN', '~', most, '*', ...) end
    return redis.call('XADD', stream, '*', ...)
end
local at, finished = 4, {}
while at <= #ARGV do
    local id, deletes, lines, letters = ARGV[at], ARGV[at + 1] == '1', tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
    local first_line = at + 4
    local first_letter = first_line + lines
    finished[#finished + 1] = 0
    if #redis.call('XPENDING', source, group, id, id, 1) > 0 then
        for place = first_letter, first_letter + 3 * (letters - 1), 3 do
            local tracker, reason, events = ARGV[place], ARGV[place + 1], ARGV[place + 2]
            add(dead, dead_most, 'entry', id, 'tracker', tracker, 'reason', reason, 'events', events)
        end
        for place = first_line, first_letter - 1 do
            add(out, out_most, 'line', ARGV[place], 'entry', id)
        end
        redis.call('XACK', source, group, id)
        if deletes then redis.call('XDEL', source, id) end
        finished[#finished] = 1
    end
    at = first_letter + 3 * letters
end
return finished
"""
#: A consumer with entries must stay, or they would be nobody's.
LEAVE = """
if #redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[2]) == 0 then
    return redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
end
return 0
"""
#: What the errors that people meet first mean, by the client's name for them or the server's words.
_MEANINGS = {
    "AuthenticationError": "the server wants another name or password, redis://NAME:PASSWORD@HOST:6379",
    "NoPermissionError": "the user of --redis may not do this",
    "DB index is out of range": "there is no database of that number in --redis",
    "ConnectionError": "nothing answers at --redis, or it wants TLS (rediss://)",
    "TimeoutError": "--redis does not answer in time",
}
_Entries = Sequence[tuple[bytes, dict[bytes, bytes]]]


@dataclass(frozen=True, slots=True)
class RedisOptions:
    """Where a worker reads and writes.

    Args:
        url: of the server.
        source, out, dead: names of the streams.
        group: the consumer group that several workers share.
        consumer: this worker's name in it, its own; when empty, one is made.
        field: the entry's field that holds the line.
        tracker_field: the entry's field that names the tracker; every entry is of the judge's one when None.
        start: where a group that is not there yet begins: ``0`` or ``$``.
        batch: how many entries at once.
        idle_s: whose entry waits so long is taken for dead.
        out_most, dead_most: about how many entries those streams keep; all when 0.
        deletes: whether a finished entry is deleted, too.
    """

    url: str
    source: str
    out: str
    dead: str
    group: str = "cookiegate"
    consumer: str = ""
    field: str = "line"
    tracker_field: str | None = None
    start: str = "0"
    batch: int = 1_000
    idle_s: float = 60.0
    out_most: int = 0
    dead_most: int = 1_000_000
    deletes: bool = False


class RedisWorker:
    """Reads a stream as one of a consumer group, and writes what passes to another.

    Args:
        judge: decides; used by this worker alone.
        options: where and how.
        tell: told sentences about the server.
        tallies: kept up to date.

    Raises:
        SourceUnreadableError: the client is not installed, or the address is none.
    """

    def __init__(self, judge: Judging, options: RedisOptions, tell: Callable[[str], None], tallies: Tallies) -> None:
        self._redis = _client_library()
        self._judge = judge
        self._options = options
        self._tell = tell
        self._tallies = tallies
        self.consumer = options.consumer or f"{socket.gethostname()}-{os.getpid()}-{os.urandom(3).hex()}"
        self._client = _open(self._redis, options.url)
        self._finish = self._client.register_script(FINISH)
        self._field = options.field.encode()
        self._tracker_field = options.tracker_field.encode() if options.tracker_field else None
        self._own_first = True
        self._claim_at_s = 0.0
        self._claim_from = "0-0"
        self._look_at_s = 0.0
        self._read_at_s = 0.0
        #: What was sent to be finished in a step that nothing answered, by entry.
        self._unanswered: dict[bytes, Outcome] = {}

    def run(self, stop: Stop) -> None:
        """Works until it is told to stop; then what is in hand is finished, and the group left."""
        patience = Patience("Redis", self._tell, stop, self._tallies)
        waiting = Patience("a status list", self._tell, stop, self._tallies, "decides")
        has_group = False
        while not stop:
            try:
                if not has_group:
                    self._make_group()
                    self._count_unanswered()
                    has_group = self._own_first = True
                entries = self._next()
                if entries:
                    self._do(entries)
                    waiting.answered()
                patience.answered()
                self._look()
            except Undecided as error:
                patience.answered()
                self._own_first = True  # what is in hand is asked for again
                waiting.failed(str(error))
            except self._redis.exceptions.RedisError as error:
                self._insist_on_streams(error)
                has_group = False  # a server that came back empty has none
                patience.failed(_reason(error))
        self._leave()

    def _insist_on_streams(self, error: Exception) -> None:
        """Waiting is of no use where a key holds something else.

        Raises:
            SourceUnreadableError: naming the key.
        """
        word, _, key = str(error).partition(" ")
        if word == "NOSTREAM":
            raise SourceUnreadableError(
                f"the key {key!r} in Redis is no stream; name another with --out and --dead, or delete it", source=key
            ) from error

    def _make_group(self) -> None:
        options = self._options
        try:
            self._client.xgroup_create(options.source, options.group, id=options.start, mkstream=True)
            self._unanswered = {}  # a server that came back empty has finished nothing
        except self._redis.exceptions.ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    def _next(self) -> _Entries:
        """What is to be done next: what this consumer has in hand, what others left, what is new."""
        if self._own_first:
            if entries := self._read("0", None):
                return entries
            self._own_first = False
        if time.monotonic() >= self._claim_at_s:
            if entries := self._claim():
                return entries
            self._claim_at_s = time.monotonic() + self._options.idle_s / 4
        return self._read(">", BLOCK_MS)

    def _read(self, after: str, block_ms: int | None) -> _Entries:
        options = self._options
        streams: dict[Any, Any] = {options.source: after}
        self._read_at_s = time.monotonic()
        answer: Any = self._client.xreadgroup(
            options.group, self.consumer, streams, count=options.batch, block=block_ms
        )
        return answer[0][1] if answer else ()

    def _claim(self) -> _Entries:
        """Entries whose consumer has not finished them for long: it is dead, or will find them finished."""
        options = self._options
        idle_ms = int(options.idle_s * 1000)
        self._read_at_s = time.monotonic()
        answer: Any = self._client.xautoclaim(
            options.source, options.group, self.consumer, idle_ms, start_id=self._claim_from, count=options.batch
        )
        self._claim_from, entries = answer[0].decode(), answer[1]
        return list(entries)

    def _do(self, entries: _Entries) -> None:
        messages = [self._message(fields or {}) for _, fields in entries]
        outcomes = self._judge.judge(messages)
        done: list[Outcome] = []
        try:
            for start, end in _steps(outcomes):
                step = outcomes[start:end]
                ids = [entry_id for entry_id, _ in entries[start:end]]
                self._unanswered = dict(zip(ids, step, strict=True))
                finished = self._write(entries[start:end], step)
                self._unanswered = {}
                self._tallies.overtaken += finished.count(0)
                done += (outcome for outcome, is_mine in zip(step, finished, strict=True) if is_mine)
        finally:
            self._tallies.add(done)

    def _count_unanswered(self) -> None:
        """Counts what a step finished whose answer was lost: it was delivered, and is in nobody's hands any more.

        What still is will be judged again. After ``idle_s`` another worker may have taken it over and finished it; who
        it was cannot be told then, and two must not count it.
        """
        unanswered, options = self._unanswered, self._options
        if not unanswered:
            return
        delivered = (self._own_group() or {}).get("last-delivered-id", b"0-0")
        with self._client.pipeline(transaction=False) as asking:
            for entry_id in unanswered:
                asking.xpending_range(options.source, options.group, entry_id, entry_id, 1)
            held = asking.execute()
        self._unanswered = {}
        finished = [
            outcome
            for (entry_id, outcome), holders in zip(unanswered.items(), held, strict=True)
            if not holders and _order(entry_id) <= _order(delivered)
        ]
        if time.monotonic() < self._read_at_s + options.idle_s:
            self._tallies.add(finished)
        else:
            self._tallies.overtaken += len(finished)

    def _message(self, fields: dict[bytes, bytes]) -> Message:
        named = fields.get(self._tracker_field) if self._tracker_field else None
        return Message(fields.get(self._field), named.decode(errors="replace") if named is not None else None)

    def _write(self, entries: _Entries, outcomes: Sequence[Outcome]) -> list[int]:
        """Writes what becomes of entries, and acknowledges them; 0 for each that another worker had finished."""
        options = self._options
        arguments: list[Any] = [options.group, options.out_most, options.dead_most]
        for (entry_id, fields), outcome in zip(entries, outcomes, strict=True):
            # What could not be read may be all there is of an event: it stays, for whoever knows its field.
            deletes = options.deletes and self._field in (fields or {})
            arguments += [entry_id, int(deletes), len(outcome.lines), len(outcome.reasons), *outcome.lines]
            for reason, times in outcome.reasons.items():
                arguments += [outcome.tracker, reason, times]
        return list(self._finish(keys=[options.source, options.out, options.dead], args=arguments))

    def _look(self) -> None:
        """Looks what waits, now and then."""
        if time.monotonic() < self._look_at_s:
            return
        self._look_at_s = time.monotonic() + LOOK_EVERY_S
        options, client = self._options, self._client
        mine = self._own_group()
        if mine is None:
            return
        # Older servers, and a stream from whose middle entries were deleted, do not tell the lag.
        unread = mine.get("lag")
        pending: Any = client.xpending(options.source, options.group)
        next_one: Any = client.xrange(options.source, f"({mine['last-delivered-id'].decode()}", "+", count=1)
        ids = [item for item in (pending["min"], next_one[0][0] if next_one else None) if item]
        self._tallies.oldest_at_ms = min((int(item.partition(b"-")[0]) for item in ids), default=None)
        self._tallies.lag = None if unread is None else int(unread) + int(mine["pending"])

    def _own_group(self) -> dict[str, Any] | None:
        groups: Any = self._client.xinfo_groups(self._options.source)
        return next((group for group in groups if group["name"] == self._options.group.encode()), None)

    def _leave(self) -> None:
        with contextlib.suppress(self._redis.exceptions.RedisError):
            self._count_unanswered()
        with contextlib.suppress(self._redis.exceptions.RedisError):  # whoever is away will be taken for dead
            self._client.eval(LEAVE, 1, self._options.source, self._options.group, self.consumer)
        with contextlib.suppress(self._redis.exceptions.RedisError):
            self._client.close()


def _steps(outcomes: Sequence[Outcome]) -> Iterator[tuple[int, int]]:
    """Runs of outcomes that may be written in one step."""
    start, size = 0, 0
    for place, outcome in enumerate(outcomes):
        more = sum(map(len, outcome.lines))
        if place > start and (size + more > STEP_BYTES or place - start >= STEP_ENTRIES):
            yield start, place
            start, size = place, 0
        size += more
    if start < len(outcomes):
        yield start, len(outcomes)


def _order(entry_id: bytes) -> tuple[int, int]:
    """An entry's id as what it is ordered by."""
    at_ms, _, number = entry_id.partition(b"-")
    return int(at_ms), int(number)


def _client_library() -> Any:
    try:
        import redis.backoff  # noqa: PLC0415  an extra
        import redis.retry  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise SourceUnreadableError(
            'cookiegate worker redis needs its client: pip install "cookiegate[redis]"', source="redis"
        ) from error
    return redis


def _open(library: Any, url: str) -> Any:
    try:
        # One try at a time: what was in hand when the line broke is asked for by itself.
        once = library.retry.Retry(library.backoff.NoBackoff(), 0)
        waits = {"socket_timeout": SOCKET_WAIT_S, "socket_connect_timeout": 4.0}
        return library.Redis.from_url(url, protocol=2, retry=once, **waits)
    except ValueError as error:
        raise SourceUnreadableError("--redis must be an address such as redis://127.0.0.1:6379/0") from error


def _reason(error: Exception) -> str:
    """Words for an error, without the address that the client puts into its own."""
    text, name = str(error), type(error).__name__
    word = text.split(" ", 1)[0]
    told = f"{name} ({word})" if word.isupper() and word.isalpha() else name
    meaning = next((words for sign, words in _MEANINGS.items() if sign in text or sign == name), None)
    return f"{meaning}: {told}" if meaning else told
