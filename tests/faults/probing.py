"""Somebody who asks again and again whether the service is there, as a load balancer and a page do."""

from __future__ import annotations

import http.client
import threading
import time
from dataclasses import dataclass

from faults.journal import Journal
from faults.target import Client, Target

EVERY_S = 0.05
TIMEOUT_S = 5.0
PATHS = ("/healthz", "/w/demo.js", "/readyz")
CHECK = "/gate/check?purpose=analytics"


@dataclass(frozen=True, slots=True)
class Probe:
    """One question: when it was asked (monotonic seconds), how long the answer took, and its status; 0 for none."""

    path: str
    at_s: float
    took_s: float
    status: int


class Prober:
    """Asks ``PATHS`` by turns on a fresh connection each, and shows gates tokens that have ended.

    Args:
        target: who is asked.
        journal: knows which tokens have ended; None where no gate is asked.
        port: asked instead of the target's own, such as a proxy's.
        grace_s: how long after its acknowledged end a token may still pass here: none where one process serves.
    """

    def __init__(
        self, target: Target, journal: Journal | None = None, *, port: int | None = None, grace_s: float = 0.0
    ) -> None:
        self._port = port or target.port
        self._journal = journal
        self._grace_s = grace_s
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.probes: list[Probe] = []
        self.passed: list[str] = []

    def start(self) -> Prober:
        """Begins."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Ends it and waits for the last answer."""
        self._stopped.set()
        self._thread.join(2 * TIMEOUT_S)

    def p99_ms(self, since_s: float = 0.0, path: str = "") -> float:
        """The 99th percentile of the answered probes, milliseconds; refused connections took no time of anybody."""
        took = sorted(item.took_s for item in self.probes if item.at_s >= since_s and item.path.startswith(path or "/"))
        return took[min(len(took) - 1, int(len(took) * 0.99))] * 1000 if took else 0.0

    def slowest_ms(self, path: str) -> float:
        """The longest wait for an answer of one path, milliseconds."""
        return max((item.took_s for item in self.probes if item.path == path), default=0.0) * 1000

    def answers(self, path: str, since_s: float = 0.0) -> list[int]:
        """The statuses that a path gave."""
        return [item.status for item in self.probes if item.path == path and item.at_s >= since_s]

    def _run(self) -> None:
        turn = 0
        while not self._stopped.wait(EVERY_S):
            self._ask(PATHS[turn % len(PATHS)])
            turn += 1
            ended = self._journal.ended_before(time.monotonic() - self._grace_s) if self._journal is not None else []
            if ended:
                self._show(ended[-1 - turn % min(len(ended), 50)])

    def _ask(self, path: str) -> None:
        began = time.monotonic()
        client = Client(self._port, TIMEOUT_S)
        try:
            status = client.send("GET", path).status
        except TimeoutError:
            status = 0
        except (OSError, http.client.HTTPException):
            return  # nobody listens: that is the recovery time, not a slow answer
        finally:
            client.close()
        self.probes.append(Probe(path, began, time.monotonic() - began, status))

    def _show(self, token: str) -> None:
        client = Client(self._port, TIMEOUT_S)
        try:
            if client.send("GET", CHECK, headers={"X-Consent-Token": token}).status == 204:
                self.passed.append(token)
        except (OSError, http.client.HTTPException):
            return
        finally:
            client.close()
