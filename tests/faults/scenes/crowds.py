"""Ten thousand connections that ask for nothing, or only begin to."""

from __future__ import annotations

import threading
import time

from faults.crowd import HALF_BODY, HALF_HEAD, Crowd, allow_files
from faults.probing import Prober
from faults.proxy import Proxy
from faults.rows import row
from faults.stage import Stage

COUNT = 10_000
FEW = 1_500
PROBE_WITHIN_MS = 200
DRIP_S = 0.5
KINDS: dict[str, tuple[bytes, float | None]] = {
    "idle": (b"", None),
    "half a head": (HALF_HEAD, None),
    "half a body": (HALF_BODY, None),
    "dripping bodies": (HALF_BODY, DRIP_S),
}


def crowd(stage: Stage, kind: str, *, proxied: bool = False) -> None:
    """A crowd comes, stays for a while and goes; probes, acts and gates go on."""
    count = COUNT if stage.full else FEW
    files = allow_files(count + 2_000)
    stage.must(files > count + 1_000, f"this process may open {files} files only")
    stage.begin(clients=2, pace_s=0.02)
    proxy = Proxy(stage.folder / "nginx", stage.target.port, files) if proxied else None
    if proxy is not None:
        proxy.start()
    port = proxy.port if proxy is not None else stage.target.port
    says, drips_s = KINDS[kind]
    strangers = Crowd(port, count, says, drips_s)
    prober = Prober(stage.target, port=port)
    try:
        strangers.gather()
        came = time.monotonic()
        prober.start()
        threading.Event().wait(stage.long(10, 2))
        prober.stop()
        stage.must(strangers.opened == count, f"{strangers.refused} of {count} connections were refused")
        stage.must(len(prober.probes) > 10, f"only {len(prober.probes)} probes were answered")
        alive = {probe.status for probe in prober.probes if probe.path != "/readyz"}
        stage.must(alive == {200}, f"probes were answered with {alive}")
        if set(prober.answers("/readyz")) - {200}:
            stage.late.append("/readyz gave up waiting for the record")
        stage.in_time("the 99th percentile of probes, in ms,", prober.p99_ms(), PROBE_WITHIN_MS)
        stage.notes.append(f"{count} connections, their probes p99 {prober.p99_ms():.0f} ms")
        if says != HALF_BODY or proxied:
            stage.load.wait_for(20, since_s=came)
    finally:
        strangers.disperse()
        if proxy is not None:
            proxy.stop()
    gone = time.monotonic()
    stage.recovered(gone, 2.0)
    stage.check()


@row("idle-connections", "10,000 idle connections")
def idle(stage: Stage) -> None:
    """They say nothing."""
    crowd(stage, "idle")


@row("half-heads", "10,000 half-sent heads", everyday=False)
def half_heads(stage: Stage) -> None:
    """They begin a request's head."""
    crowd(stage, "half a head")


@row("half-bodies", "10,000 half-sent bodies")
def half_bodies(stage: Stage) -> None:
    """They begin a body. Acts of others may be refused meanwhile, pages and gates not."""
    crowd(stage, "half a body")


@row("dripping-bodies", "10,000 bodies that come byte by byte", everyday=False)
def dripping_bodies(stage: Stage) -> None:
    """They send a byte twice a second."""
    crowd(stage, "dripping bodies")


@row("nginx-idle", "10,000 idle connections, through nginx", everyday=False)
def proxied_idle(stage: Stage) -> None:
    """nginx holds them."""
    crowd(stage, "idle", proxied=True)


@row("nginx-half-bodies", "10,000 half-sent bodies, through nginx", everyday=False)
def proxied_half_bodies(stage: Stage) -> None:
    """nginx reads bodies whole before the service hears of them: acts of others go on."""
    crowd(stage, "half a body", proxied=True)
