"""``/gate/check`` with a warm cache against nginx serving a static file, in one run.

nginx gets a request of nothing, and the same request, with its token of some 450 bytes; and beside both stands the
server that the service runs in with an answer of nothing, which is as much as any program in it could do.
"""

from __future__ import annotations

import http.client
import secrets
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import msgspec
from support.live import ServiceProcess, free_port
from support.policies import DEMO

from benchmarks.measuring import interleave, show, wrk

CONNECTIONS = 32
ROUNDS = 9
SECONDS = 2
AIM_RATIO = 0.6
NGINX = """
worker_processes 1; daemon off; error_log stderr error; pid {folder}/nginx.pid;
events {{ worker_connections 1024; }}
http {{ access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{ listen 127.0.0.1:{port}; root {folder}; }} }}
"""


def accept(url: str) -> str:
    """A token of a visitor who accepted everything."""
    with urllib.request.urlopen(f"{url}/v1/sites/demo/notice?lang=ja") as answer:
        notice = msgspec.json.decode(answer.read())["notice"]
    request = urllib.request.Request(
        f"{url}/v1/sites/demo/decisions",
        msgspec.json.encode({"notice": notice, "action": "accept"}),
        {"Content-Type": "application/json", "Idempotency-Key": secrets.token_urlsafe(24)},
    )
    with urllib.request.urlopen(request) as answer:
        return str(msgspec.json.decode(answer.read())["token"])


def start_nginx(folder: Path, port: int) -> subprocess.Popen[bytes]:
    """nginx with one worker and one small file."""
    (folder / "file.txt").write_text("ok")
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, port=port))
    process = subprocess.Popen(["/usr/sbin/nginx", "-c", str(config)])
    await_answer(port)
    return process


def await_answer(port: int) -> None:
    """Returns when somebody answers there.

    Raises:
        RuntimeError: nobody did for five seconds.
    """
    for _ in range(100):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
            connection.request("GET", "/file.txt")
            connection.getresponse().read()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"nothing started on port {port}")


def run() -> None:
    """Prints the ratios."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        port = free_port()
        folder.chmod(0o755)
        nginx = start_nginx(folder, port)
        ready_port = free_port()
        ready = subprocess.Popen([sys.executable, "-m", "benchmarks.ready_answer", str(ready_port)])
        service = ServiceProcess(folder, policies=(DEMO,))
        service.start()
        try:
            url = f"http://127.0.0.1:{service.port}"
            token = f"X-Consent-Token: {accept(url)}"
            check = "gate/check?purpose=analytics"
            static, at_once = f"http://127.0.0.1:{port}/file.txt", f"http://127.0.0.1:{ready_port}/{check}"
            await_answer(ready_port)
            rates = interleave(
                ROUNDS,
                {
                    "nginx": lambda: wrk(static, SECONDS, CONNECTIONS)[0],
                    "nginx, the same request": lambda: wrk(static, SECONDS, CONNECTIONS, None, token)[0],
                    "ready": lambda: wrk(at_once, SECONDS, CONNECTIONS, None, token)[0],
                    "ours": lambda: wrk(f"{url}/{check}", SECONDS, CONNECTIONS, None, token)[0],
                },
            )
        finally:
            service.stop()
            for process in (nginx, ready):
                process.terminate()
                process.wait(10)
    same = "nginx, the same request"
    show("/gate/check, warm", rates["ours"], "/s", "nginx, a static file/s", rates["nginx"], AIM_RATIO)
    show("/gate/check, warm", rates["ours"], "/s", f"{same}/s", rates[same], AIM_RATIO)
    show("an answer of nothing, granian", rates["ready"], "/s", "nginx, a static file/s", rates["nginx"], AIM_RATIO)


if __name__ == "__main__":
    run()
