"""A service in its own process, and whoever talks to it over the network."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from support.live import ServiceProcess
from support.policies import DEMO
from support.service import AGENT

from security.people import ROOM


@dataclass(frozen=True)
class Answer:
    """What came back: the status, the headers by lower-case name (of several the last), the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    cookies: tuple[str, ...] = ()


@dataclass(frozen=True)
class Granted:
    """A visitor's token and cookies."""

    token: str
    cookies: str


def make_process(folder: Path, **env: str) -> ServiceProcess:
    """A service of the demo site with room for many requests, not yet started."""
    return ServiceProcess(
        folder, policies=(DEMO,), **{f"COOKIEGATE_{name}": rate for name, rate in ROOM.items()}, **env
    )


def fetch(url: str, *, method: str = "GET", body: bytes | None = None, **headers: str) -> Answer:
    """One request; ``_`` in a header's name means ``-``. Every status is an answer."""
    given = {"User-Agent": AGENT, **{name.replace("_", "-"): value for name, value in headers.items()}}
    request = urllib.request.Request(url, body, given, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            named = {name.lower(): value for name, value in answer.headers.items()}
            return Answer(answer.status, named, answer.read(), tuple(answer.headers.get_all("Set-Cookie") or ()))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, {name.lower(): value for name, value in error.headers.items()}, error.read())


def accept(process: ServiceProcess) -> Granted:
    """Somebody new accepts everything."""
    base = f"{process.base_url}/v1/sites/demo"
    digest = json.loads(fetch(f"{base}/notice?lang=en").body)["notice"]
    body = json.dumps({"notice": digest, "action": "accept"}).encode()
    headers = {"Content_Type": "application/json", "Idempotency_Key": secrets.token_urlsafe(24)}
    answer = fetch(f"{base}/decisions", method="POST", body=body, **headers)
    cookies = "; ".join(cookie.partition(";")[0] for cookie in answer.cookies)
    return Granted(json.loads(answer.body)["token"], cookies)


def reason(process: ServiceProcess, token: str) -> str:
    """What the gate says of a token; ``ok`` when it passes."""
    answer = fetch(f"{process.base_url}/gate/check?purpose=analytics", X_Consent_Token=token)
    return "ok" if answer.status == 204 else answer.headers["x-consent-reason"]


def command(process: ServiceProcess, *arguments: str) -> str:
    """Runs a ``cookiegate`` command on the service's data; gives all that it prints.

    Raises:
        AssertionError: it failed.
    """
    line = [sys.executable, "-m", "cookiegate.cli.main", *arguments, "--data-dir", str(process.folder / "data")]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr
