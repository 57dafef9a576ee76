"""A service that answers everything at once with nothing: what the server alone can do, for ``gate_check`` to tell.

python -m benchmarks.ready_answer PORT
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from cookiegate.cli.server import make_server
from cookiegate.settings import read_settings
from cookiegate.web.front import StartResponse, WsgiApp
from cookiegate.web.one_core import one_core


def answer(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    """204, without a look."""
    start_response("204 No Content", [("Cache-Control", "no-store")])
    return []


def load() -> WsgiApp:
    """The application of one worker, on one core as the service's."""
    core = one_core()
    return core.seated(answer) if core else answer


if __name__ == "__main__":
    server = make_server("benchmarks.ready_answer", "127.0.0.1", int(sys.argv[1]), read_settings().threads)
    server.serve(target_loader=load, wrap_loader=False)
