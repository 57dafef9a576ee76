"""The limit of whatever runs in the server: an answer that is ready. ``python -m benchmarks.ready_answer PORT``.

The answer's headers come as JSON, a list of pairs, on standard input.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from typing import Any

from cookiegate.cli.server import make_server
from cookiegate.settings import Settings
from cookiegate.web.one_core import one_core


def run(port: int, headers: list[tuple[str, str]]) -> None:
    """Serves until it is ended."""

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("204 No Content", headers)
        return [b""]

    def load(_: str) -> Any:
        core = one_core()
        return core.seated(app) if core else app

    server = make_server("ready", "127.0.0.1", port, Settings().threads)
    server.serve(target_loader=load, wrap_loader=False)  # type: ignore[attr-defined]


if __name__ == "__main__":
    run(int(sys.argv[1]), [(name, value) for name, value in json.load(sys.stdin)])
