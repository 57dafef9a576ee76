"""Asks the service of this container whether it is ready; exits 0 or 1. Needs neither curl nor a shell."""

from __future__ import annotations

import http.client
import os
import sys

PORT = int(os.environ.get("PORT", "8000"))
TIMEOUT_S = 4.0


def is_ready(port: int) -> bool:
    """Whether ``/readyz`` answers 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(0 if is_ready(PORT) else 1)
