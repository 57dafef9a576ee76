"""What a visitor downloads before the banner shows: raw, gzip and brotli bytes, beside the smallest measured peer."""

from __future__ import annotations

import gzip
import tempfile
from pathlib import Path

import brotli
from support.policies import DEMO

from cookiegate.clock import SystemClock
from cookiegate.policy.publishing import publish
from cookiegate.policy.reading import load_policy
from cookiegate.settings import Settings
from cookiegate.web.service import open_service

#: Orejime 3.2.1: the smallest of the peers with categories, everything it needs, gzip -9.
PEER_GZIP_BYTES = 14_501


def run() -> None:
    """Prints one line per locale of the demo policy."""
    with tempfile.TemporaryDirectory() as folder:
        service = open_service(Settings(data_dir=Path(folder)))
        publish(service.storage, load_policy(DEMO), SystemClock())
        service.follow()
        for locale in ("en", "ja"):
            body = service.widgets.current("demo", locale).body
            packed = len(gzip.compress(body, 9))
            print(
                f"{'banner, one request, ' + locale:<34} raw {len(body):,}  gzip {packed:,}  "
                f"brotli {len(brotli.compress(body)):,} bytes  "
                f"ratio {packed / PEER_GZIP_BYTES:.2f} of the smallest peer (code, style, texts and policy included)"
            )
        service.close()


if __name__ == "__main__":
    run()
