"""Other people's libraries read what we sign: npm jose and @sd-jwt/jwt-status-list."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from support.consent import ISSUER, ConsentService

SCRIPT = Path(__file__).parent / "interop" / "read_tokens.mjs"


def _read(service: ConsentService, npm_dir: Path, token: str) -> dict[str, Any]:
    asked = {
        "npm": str(npm_dir),
        "jwks": service.ring.jwks(),
        "token": token,
        "list": (service.register.signed(1) or b"").decode(),
        "nowMs": service.clock.now_ms(),
        "idx": [0, 5, 7, 1023],
    }
    done = subprocess.run(
        ["node", str(SCRIPT)], input=json.dumps(asked), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_npm_jose_verifies_our_token_and_list_and_finds_the_revoked(service: ConsentService, npm_dir: Path) -> None:
    for idx in (5, 1023):
        service.register.revoke(1, idx)
    found = _read(service, npm_dir, service.token())
    assert found["consent"] == service.claims()
    assert (found["list"]["sub"], found["list"]["ttl"]) == (f"{ISSUER}/status/1", 60)
    assert found["statuses"] == [0, 1, 0, 1]


def test_npm_jose_refuses_the_same_tampered_tokens_as_we_do(service: ConsentService, npm_dir: Path) -> None:
    token = service.token()
    head, body, tail = token.split(".")
    other = "B" if tail[0] == "A" else "A"
    for forged in (f"{head}.{body}.{other}{tail[1:]}", token[:-10], service.signed(service.claims(), "JWT")):
        assert not service.verifier().verify(forged).ok
        assert "error" in _read(service, npm_dir, forged)["consent"]
