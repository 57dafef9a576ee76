"""Every address of the service, from the URL map itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from support.service import make_bench

from cookiegate.web.app import create_app
from cookiegate.web.routes import ROUTES

AUTOMATIC = {"HEAD", "OPTIONS"}
ARGUMENTS = {
    "site": "demo", "locale": "en", "digest": "0" * 64, "number": "1", "act": "erase", "reference": "R-7K3M-9QXT",
    "tracker": "plausible", "rest": "api/event", "filename": "pages/pages.css", "stream": "erase", "level": "0",
}  # fmt: skip


@cache
def url_map() -> frozenset[str]:
    """Every ``METHOD rule`` that something answers: Flask's map, with the methods that the hot routes really take."""
    hot = {route.pattern: route.methods for route in ROUTES}
    with TemporaryDirectory() as folder:
        bench = make_bench(Path(folder))
        rules = list(create_app(bench.service).url_map.iter_rules())
        bench.service.close()
    return frozenset(
        f"{method} {rule.rule}" for rule in rules for method in hot.get(rule.rule, set(rule.methods or ()) - AUTOMATIC)
    )


def path_of(pattern: str, arguments: Mapping[str, object] = ARGUMENTS) -> str:
    """A pattern with its arguments filled in."""
    return re.sub(r"<(?:path:)?(\w+)>", lambda found: str(arguments.get(found[1], "x")), pattern)
