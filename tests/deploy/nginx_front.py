"""``deploy/nginx/cookiegate.conf`` as it stands, but for its ports and folders, before a real service."""

from __future__ import annotations

import datetime
import getpass
import http.client
import json
import os
import re
import secrets
import socket
import ssl
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from support.live import free_port

ROOT = Path(__file__).parents[2]
NAME = "consent.example.jp"
CONFIG = ROOT / "deploy" / "nginx" / "cookiegate.conf"
START_WITHIN_S = 10.0
FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
_CLOCK = {"FAKETIME_NO_CACHE": "1", "DONT_FAKE_MONOTONIC": "1"}
_KEPT_FOR_CLOCK = "".join(f"env {name};" for name in ("LD_PRELOAD", "FAKETIME_TIMESTAMP_FILE", *_CLOCK))


class Answer:
    """What a client got."""

    def __init__(self, answer: http.client.HTTPResponse) -> None:
        self.status = answer.status
        self.headers = answer.headers
        self.body = answer.read()

    @property
    def cache(self) -> str | None:
        """What nginx says about its cache."""
        return self.headers["X-Cache"]

    def json(self) -> Any:
        """The body."""
        return json.loads(self.body)


class NginxFront:
    """nginx for one folder, passing on to a port.

    Args:
        folder: for its files.
        service_port: of the service.
        lines: how many an address may hold, instead of what the file says: a test that opens hundreds on a busy machine
            has lost the first before it has the last.
    """

    def __init__(self, folder: Path, service_port: int, lines: int | None = None) -> None:
        self.folder = folder
        self.port, self.plain_port = free_port(), free_port()
        self.access_log = folder / "cookiegate.access.log"
        self.error_log = folder / "cookiegate.error.log"
        _make_certificate(folder)
        self._nodes = folder / "upstream.conf"
        self._nodes.write_text(f"server 127.0.0.1:{service_port} max_fails=0;\n")
        config = folder / "cookiegate.conf"
        text = self._placed(CONFIG.read_text(encoding="utf-8"))
        config.write_text(
            text if lines is None else re.sub(r"limit_conn clients \d+;", f"limit_conn clients {lines};", text)
        )
        self._clock = folder / "clock"
        self.later(0)
        self._command = ["/usr/sbin/nginx", "-c", str(config), "-g", f"daemon off; {_KEPT_FOR_CLOCK}"]
        self._process: subprocess.Popen[bytes] | None = None

    def _placed(self, text: str) -> str:
        text = text.replace("user www-data;", f"user {getpass.getuser()};").replace("_processes auto", "_processes 2")
        for place in ("/run/", "/var/log/nginx/", "/var/lib/nginx/", "/etc/ssl/cookiegate/", "/etc/nginx/"):
            text = text.replace(f" {place}", f" {self.folder}/")
        text = text.replace("listen 443", f"listen 127.0.0.1:{self.port}")
        return text.replace("listen 80", f"listen 127.0.0.1:{self.plain_port}")

    def start(self) -> None:
        """Starts it and waits until it answers."""
        checked = subprocess.run([*self._command[:3], "-t"], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stderr
        clock = {"LD_PRELOAD": str(FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(self._clock), **_CLOCK}
        self._process = subprocess.Popen(self._command, stderr=subprocess.DEVNULL, env={**os.environ, **clock})
        deadline = time.monotonic() + START_WITHIN_S
        while time.monotonic() < deadline:
            try:
                self.send("GET", "/nothing")
            except OSError:
                threading.Event().wait(0.02)
            else:
                return
        raise RuntimeError(f"nginx did not start: {self.error_log.read_text()}")

    def stop(self) -> None:
        """Ends it, with everything logged."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    def later(self, seconds: int) -> None:
        """Lets its clock tell a later time than ours."""
        self._clock.write_text(f"+{seconds}s\n")

    def connect(self, name: str = NAME, source: str = "127.0.0.1") -> ssl.SSLSocket:
        """A connection from an address of this machine, its handshake done."""
        context = ssl.create_default_context(cafile=str(self.folder / "fullchain.pem"))
        raw = socket.create_connection(("127.0.0.1", self.port), timeout=10, source_address=(source, 0))
        try:
            return context.wrap_socket(raw, server_hostname=name)
        except BaseException:
            raw.close()
            raise

    def send(self, method: str, path: str, body: Any = None, source: str = "127.0.0.1", **headers: str) -> Answer:
        """One request; ``_`` in the names of headers means ``-``. A body that is no bytes goes as JSON."""
        given = {"Host": NAME, "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None and not isinstance(body, bytes):
            given["Content-Type"], body = "application/json", json.dumps(body).encode()
        connection = http.client.HTTPConnection(NAME)
        connection.sock = self.connect(source=source)
        try:
            connection.request(method, path, body, given)
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def raw(self, data: bytes) -> bytes:
        """Bytes as they are; what came back until the server hung up or was silent for a moment."""
        with self.connect() as line:
            line.sendall(data)
            line.settimeout(2)
            got = b""
            try:
                while part := line.recv(65_536):
                    got += part
            except TimeoutError:
                pass
            return got

    def decide(self, action: str = "accept") -> Answer:
        """A decision of somebody new."""
        notice = self.send("GET", "/v1/sites/demo/notice?lang=en").json()["notice"]
        body = {"notice": notice, "action": action}
        return self.send("POST", "/v1/sites/demo/decisions", body, Idempotency_Key=secrets.token_urlsafe(24))

    def log(self) -> list[dict[str, Any]]:
        """The lines of its log; stop it first."""
        return [json.loads(line) for line in self.access_log.read_text().splitlines()]


def _make_certificate(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "fullchain.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    encoding = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "privkey.pem").write_bytes(key.private_bytes(*encoding))
