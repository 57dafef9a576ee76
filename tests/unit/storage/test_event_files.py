"""Collected events on disk: erased, set aside, brought back and disposed of, while others write."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

from cookiegate.rights.events.files import DAY_MS, EventFiles
from cookiegate.storage import event_log, event_rewriting
from cookiegate.storage.event_log import EventLog, EventWriter, day_of

DAY = "2026-11-21"
NOON_MS = 1_795_262_400_000
A, B, C = ("a" * 22, "b" * 22, "c" * 22)


def line(sub: str, number: int = 0, **more: Any) -> bytes:
    stamp = {"sub": sub, "pv": 1, "ep": 1, "scope": "analytics", "acquire": "browsing"}
    return json.dumps({"n": number, **more, "consent": stamp}, separators=(",", ":")).encode() + b"\n"


def write(folder: Path, *lines: bytes, day: str = DAY, tracker: str = "plausible", site: str = "demo") -> EventLog:
    log = EventLog(folder / site, tracker)
    writer = EventWriter(log)
    for item in lines:
        writer.append(day, lambda item=item: item)
    writer.close()
    return log


def read(path: Path) -> list[tuple[str, int]]:
    if not path.exists():
        return []
    found = [json.loads(text) for text in path.read_bytes().splitlines()]
    return [(item["consent"]["sub"], item["n"]) for item in found]


@pytest.fixture
def files(tmp_path: Path) -> EventFiles:
    return EventFiles(tmp_path)


def test_the_day_of_an_instant_is_utc() -> None:
    assert day_of(NOON_MS) == DAY


def test_the_newest_day_is_found_under_the_trackers_name(tmp_path: Path) -> None:
    log = write(tmp_path, line(A, 1), day="2026-11-20")
    write(tmp_path, line(B, 2), day="2026-11-21")
    assert read(log.latest) == [(B, 2)]
    assert log.days() == ["2026-11-20", "2026-11-21"]


def test_erasing_takes_every_line_of_the_subject_and_no_other(tmp_path: Path, files: EventFiles) -> None:
    first = write(tmp_path, line(A, 1), line(B, 2), line(A, 3), day="2026-11-20")
    second = write(tmp_path, line(A, 4), line(C, 5), tracker="snowplow")
    other = write(tmp_path, line(A, 6), site="shop")
    assert files.erase("demo", [A]) == 3
    assert read(first.path("2026-11-20")) == [(B, 2)]
    assert read(second.path(DAY)) == [(C, 5)]
    assert read(other.path(DAY)) == [(A, 6)]
    assert files.erase("demo", [A]) == 0


def test_only_the_stamp_tells_whose_line_it_is(tmp_path: Path, files: EventFiles) -> None:
    quoted = line(B, 1, note=f'"consent":{{"sub":"{A}"}}')
    nested = line(B, 2, props={"consent": {"sub": A}})
    log = write(tmp_path, quoted, nested, line(A, 3))
    files.erase("demo", [A])
    assert read(log.path(DAY)) == [(B, 1), (B, 2)]


def test_a_damaged_line_that_names_the_subject_goes_too(tmp_path: Path, files: EventFiles) -> None:
    log = write(tmp_path, line(B, 1), line(A, 2)[:-30] + b"\n", line(B, 3))
    files.erase("demo", [A])
    assert read(log.path(DAY)) == [(B, 1), (B, 3)]


def test_a_line_longer_than_a_block_is_one_line(
    tmp_path: Path, files: EventFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_rewriting, "BLOCK_BYTES", 64)
    log = write(tmp_path, line(A, 1, x="y" * 1_000), line(B, 2, x="y" * 1_000), line(A, 3), line(B, 4))
    assert files.erase("demo", [A]) == 2
    assert read(log.path(DAY)) == [(B, 2), (B, 4)]


def test_suspended_lines_are_kept_aside_and_come_back(tmp_path: Path, files: EventFiles) -> None:
    log = write(tmp_path, line(A, 1), line(B, 2), line(A, 3))
    assert files.suspend("demo", [A]) == 2
    assert (read(log.path(DAY)), read(log.suspended_path(DAY))) == ([(B, 2)], [(A, 1), (A, 3)])
    write(tmp_path, line(A, 4))
    assert files.suspend("demo", [A]) == 1
    assert read(log.suspended_path(DAY)) == [(A, 1), (A, 3), (A, 4)]
    assert files.resume("demo", [A]) == 3
    assert sorted(read(log.path(DAY))) == [(A, 1), (A, 3), (A, 4), (B, 2)]
    assert not log.suspended_path(DAY).exists()


def test_suspended_lines_are_erased_as_well(tmp_path: Path, files: EventFiles) -> None:
    log = write(tmp_path, line(A, 1), line(B, 2))
    files.suspend("demo", [A, B])
    assert files.erase("demo", [A]) == 1
    assert read(log.suspended_path(DAY)) == [(B, 2)]


def test_what_others_may_not_read_stays_so(tmp_path: Path, files: EventFiles) -> None:
    log = write(tmp_path, line(A, 1), line(B, 2), line(C, 3))
    files.suspend("demo", [A])
    files.erase("demo", [B])
    for path in (log.path(DAY), log.suspended_path(DAY)):
        assert path.stat().st_mode & 0o077 == 0


def test_a_site_without_files_has_nothing_to_erase(files: EventFiles) -> None:
    assert files.erase("demo", [A]) == 0
    assert files.is_empty()


def test_a_half_written_line_of_a_crash_is_cut_off(tmp_path: Path, files: EventFiles) -> None:
    log = write(tmp_path, line(B, 1))
    with log.path(DAY).open("ab") as file:
        file.write(line(B, 2)[:20])
    write(tmp_path, line(B, 3))
    assert read(log.path(DAY)) == [(B, 1), (B, 3)]


def test_a_file_from_before_there_was_one_a_day_is_taken_over(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "demo", "plausible")
    log.folder.mkdir(parents=True)
    log.latest.write_bytes(line(A, 1))
    os.utime(log.latest, (NOON_MS / 1000 - 86_400, NOON_MS / 1000 - 86_400))
    write(tmp_path, line(B, 2))
    assert (read(log.path("2026-11-20")), read(log.latest)) == ([(A, 1)], [(B, 2)])


def test_nothing_is_lost_while_many_write_and_much_is_rewritten(tmp_path: Path, files: EventFiles) -> None:
    log = write(tmp_path, line(A, -1))
    stop, counts = threading.Event(), [0] * 4

    def keep_writing(which: int) -> None:
        writer = EventWriter(log)
        while not stop.is_set():
            number = which * 1_000_000 + counts[which]
            writer.append(DAY, lambda number=number: line(B, number) + line(C, number))
            counts[which] += 1
        writer.close()

    threads = [threading.Thread(target=keep_writing, args=(which,)) for which in range(4)]
    for thread in threads:
        thread.start()
    while min(counts) < 20:
        pass
    for _ in range(15):
        write(tmp_path, line(A, 0))
        files.erase("demo", [A])
        files.suspend("demo", [C])
    files.resume("demo", [C])
    stop.set()
    for thread in threads:
        thread.join()
    files.resume("demo", [C])
    expected = sorted(
        (sub, which * 1_000_000 + n) for which in range(4) for n in range(counts[which]) for sub in (B, C)
    )
    assert sorted(read(log.path(DAY))) == expected
    assert read(log.suspended_path(DAY)) == []


WRITER = """
import sys
from pathlib import Path
from cookiegate.storage.event_log import EventLog, EventWriter
writer = EventWriter(EventLog(Path(sys.argv[1]), "plausible"))
print("ready", flush=True)
number = 0
for asked in sys.stdin:
    for _ in range(50):
        number += 1
        text = sys.argv[2].replace("-7", str(number)).encode() + b"\\n"
        writer.append(sys.argv[3], lambda: text)
    print(number, flush=True)
"""


def test_another_process_that_writes_loses_nothing(tmp_path: Path, files: EventFiles) -> None:
    log = write(tmp_path, line(A, 0))
    text = line(B, -7).decode().strip()
    command = [sys.executable, "-c", WRITER, str(log.folder), text, DAY]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        for _ in range(5):
            other.stdin.write("go\n")
            other.stdin.flush()
            for _ in range(5):
                write(tmp_path, line(A, 0))
                assert files.erase("demo", [A]) >= 1
            other.stdout.readline()
        other.stdin.close()
    assert sorted(read(log.path(DAY))) == [(B, number + 1) for number in range(250)]


CRASH = """
import os, sys
from pathlib import Path
from cookiegate.rights.events.files import EventFiles
from cookiegate.storage import event_rewriting
left = int(sys.argv[3])
def point(name, real):
    def stop(*args, **options):
        global left
        left -= 1
        if left == 0:
            os._exit(9)
        return real(*args, **options)
    return stop
event_rewriting.sync_folder = point("sync", event_rewriting.sync_folder)
event_rewriting.discard = point("discard", event_rewriting.discard)
event_rewriting.os.fsync = point("fsync", os.fsync)
Path.replace = point("replace", Path.replace)
getattr(EventFiles(Path(sys.argv[1])), sys.argv[2])("demo", sys.argv[4].split(","))
"""


def crash_at(folder: Path, act: str, point: int, subs: Collection[str]) -> bool:
    """Runs an act in a process that dies at its n-th step; False when there were fewer steps."""
    command = [sys.executable, "-c", CRASH, str(folder), act, str(point), ",".join(subs)]
    return subprocess.run(command, check=False).returncode == 9


@pytest.mark.parametrize("act", ["erase", "suspend", "resume"])
def test_a_crash_at_any_step_loses_nothing_and_doubles_nothing(tmp_path: Path, act: str) -> None:
    point, crashed = 0, True
    while crashed:
        point += 1
        folder = tmp_path / str(point)
        log = write(folder, line(A, 1), line(B, 2), line(C, 3))
        files = EventFiles(folder)
        files.suspend("demo", [C])
        if act == "resume":
            files.suspend("demo", [A])
        crashed = crash_at(folder, act, point, [A])
        write(folder, line(B, 4))
        getattr(files, act)("demo", [A])
        used, suspended = read(log.path(DAY)), read(log.suspended_path(DAY))
        mine = {"erase": ([], []), "suspend": ([], [(A, 1)]), "resume": ([(A, 1)], [])}[act]
        assert sorted(used) == sorted([(B, 2), (B, 4), *mine[0]]), f"step {point}"
        assert sorted(suspended) == sorted([(C, 3), *mine[1]]), f"step {point}"
        assert [path.name for path in log.folder.glob(".plausible*")] == [], f"step {point}"
    assert point > 8


def test_a_full_disk_loses_nothing(tmp_path: Path, files: EventFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    log = write(tmp_path, line(A, 1), line(B, 2))

    def full(*_: object) -> None:
        raise OSError(28, "no space left")

    monkeypatch.setattr(event_rewriting, "_sync", full)
    with pytest.raises(OSError, match="no space"):
        files.erase("demo", [A])
    assert read(log.path(DAY)) == [(A, 1), (B, 2)]
    monkeypatch.undo()
    assert files.erase("demo", [A]) == 1
    assert read(log.path(DAY)) == [(B, 2)]


def test_lines_that_cannot_be_written_whole_are_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = write(tmp_path, line(B, 1))
    writer = EventWriter(log)

    def fail(_: int) -> None:
        raise OSError(5, "input/output error")

    monkeypatch.setattr(event_log.os, "fdatasync", fail)
    with pytest.raises(OSError, match="input/output"):
        writer.append(DAY, lambda: line(B, 2))
    writer.close()
    monkeypatch.undo()
    writer.append(DAY, lambda: line(B, 3))
    writer.close()
    assert read(log.path(DAY)) == [(B, 1), (B, 3)]


def test_days_are_disposed_of_when_they_ended_before_the_limit(tmp_path: Path, files: EventFiles) -> None:
    log = write(tmp_path, line(A, 1), day="2026-11-18")
    write(tmp_path, line(A, 2), line(B, 3), day="2026-11-19")
    write(tmp_path, line(A, 4), day="2026-11-20")
    other = write(tmp_path, line(A, 5), day="2026-11-18", tracker="snowplow")
    files.suspend("demo", [B])
    limit_ms = NOON_MS - DAY_MS  # noon of the 20th: the 19th has ended, the 20th has not
    assert files.dispose("demo", "plausible", limit_ms, dry_run=True) == 3
    assert log.days() == ["2026-11-18", "2026-11-19", "2026-11-20"]
    assert files.dispose("demo", "plausible", limit_ms) == 3
    assert log.days() == ["2026-11-20"]
    assert read(log.latest) == [(A, 4)]
    assert other.days() == ["2026-11-18"]
    assert files.trackers("demo") == ["plausible", "snowplow"]
    assert files.dispose("demo", "plausible", limit_ms) == 0


def test_lines_under_a_legal_hold_stay(tmp_path: Path, files: EventFiles) -> None:
    log = write(tmp_path, line(A, 1), line(B, 2), day="2026-11-18")
    files.suspend("demo", [B])
    assert files.dispose("demo", "plausible", NOON_MS, kept=[B], dry_run=True) == 1
    assert files.dispose("demo", "plausible", NOON_MS, kept=[B]) == 1
    assert (read(log.path("2026-11-18")), read(log.suspended_path("2026-11-18"))) == ([], [(B, 2)])
    assert files.dispose("demo", "plausible", NOON_MS) == 1
    assert log.days() == []


def test_a_log_whose_last_day_was_disposed_of_can_be_written_again(tmp_path: Path, files: EventFiles) -> None:
    log = write(tmp_path, line(A, 1), day="2026-11-18")
    files.dispose("demo", "plausible", NOON_MS)
    assert not log.latest.is_symlink()
    write(tmp_path, line(B, 2))
    assert read(log.latest) == [(B, 2)]
