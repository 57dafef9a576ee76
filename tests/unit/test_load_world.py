"""The visitors' files that the script reads, and how processes are found."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.load.watching import cpu_s, rss_bytes, tree
from benchmarks.load.world import File, Visitor, World

WORLD = World(
    "n" * 64,
    [File("/w/demo.js", "ja", '"abc"'), File("/w/demo.en.js", None, '"def"')],
    [Visitor(f"h{number}", f"t{number}") for number in range(5)],
    ["w0", "w1", "w2"],
)


def test_no_two_threads_share_a_visitor(tmp_path: Path) -> None:
    WORLD.write(tmp_path, 2)
    files = [(tmp_path / f"{part}.lua").read_text() for part in range(2)]
    assert [sum(f'"h{number}"' in text for text in files) for number in range(5)] == [1] * 5
    assert [sum(f'"w{number}"' in text for text in files) for number in range(3)] == [1] * 3


def test_an_etag_keeps_its_quotes(tmp_path: Path) -> None:
    WORLD.write(tmp_path, 1)
    assert 'etags="\\"abc\\"",language="ja"' in (tmp_path / "0.lua").read_text()


def test_a_process_is_counted_with_what_it_started() -> None:
    program = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'print(1, flush=True); input()'])"
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert len(tree(process.pid)) == 2
        assert rss_bytes(process.pid) > 1_000_000
        process.communicate(b"\n")


def test_a_process_that_ended_takes_nothing() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    assert (rss_bytes(process.pid), cpu_s(process.pid)) == (0, 0.0)
    assert cpu_s(os.getpid()) > 0
