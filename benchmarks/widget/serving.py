"""The one static server: every page, whatever banner it has, comes from it in the same way.

Ours is what a running service sends to a browser that opens both layers, kept as files: the service itself would be
slower or quicker than the files of others for reasons that are none of the banner's.
"""

from __future__ import annotations

import gzip
import json
import subprocess
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import brotli
from playwright.sync_api import Browser, Response
from support.live import LiveService
from support.ports import free_port
from support.visits import shop
from support.waiting import answers, until

from benchmarks.widget.contenders import BARE, HERE, MODULES, OURS, PEERS, SETUP, Contender

NGINX = """
worker_processes 1; daemon off; error_log stderr error; pid {folder}/nginx.pid;
events {{ worker_connections 256; }}
http {{
  access_log off; gzip_static on; tcp_nodelay on; charset utf-8; default_type application/octet-stream;
  types {{ text/html html; text/css css; text/javascript js; }}
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{ listen 127.0.0.1:{port}; root {folder}/www; {strict} location = /favicon.ico {{ return 204; }} }}
}}
"""
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1"><title>Shop</title>{head}</head>
<body>{body}<header><a href="#goods">Goods</a></header><main><h1 id="goods">Goods</h1>{text}</main></body></html>
"""
TEXT = "<p>Bowls, cloth and paper, made by hand in the valley and sent to you within the week.</p>" * 40


class Website:
    """A folder of pages behind nginx; a context manager.

    Args:
        folder: an empty one of its own.
        browser: asks a running service for ours.
    """

    def __init__(self, folder: Path, browser: Browser) -> None:
        self._folder = folder
        self._www = folder / "www"
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        texts = _keep_ours(folder, self._www, browser)
        for contender in (BARE, OURS, *PEERS):
            self._lay_out(contender, texts)
        _bundle(self._www / "c15t")
        for path in [path for path in self._www.rglob("*") if path.is_file()]:
            path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes(), 9, mtime=0))

    def __enter__(self) -> Self:
        strict = "".join(
            f'location = /{each.key}/strict.html {{ add_header Content-Security-Policy "{each.strict}"; }} '
            for each in (OURS, *PEERS)
        )
        config = self._folder / "nginx.conf"
        config.write_text(NGINX.format(folder=self._folder, port=self._port, strict=strict), encoding="utf-8")
        self._folder.chmod(0o755)
        self._process = subprocess.Popen(["/usr/sbin/nginx", "-c", str(config)])
        until(lambda: answers(self._port, "/favicon.ico", 204))
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)

    def page(self, contender: Contender, name: str = "index.html") -> str:
        """The address of a contender's page; ``strict.html`` has the strict policy."""
        return f"http://127.0.0.1:{self._port}/{contender.key}/{name}"

    def weigh(self, url: str) -> tuple[int, int]:
        """What an address sends: bytes with gzip -9 and with brotli 11. A page and a setup of ours weigh nothing."""
        path = self._www / urlsplit(url).path.lstrip("/")
        if path.suffix == ".html" or path.name == SETUP or not path.is_file():
            return 0, 0
        return path.with_name(path.name + ".gz").stat().st_size, len(brotli.compress(path.read_bytes()))

    def _lay_out(self, contender: Contender, texts: dict[str, Any]) -> None:
        folder = self._www / contender.key
        folder.mkdir(parents=True, exist_ok=True)
        for name, source in contender.files.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes((MODULES / source).read_bytes())
        if SETUP in contender.head:
            setup = (HERE / "setups" / f"{contender.key}.js").read_text(encoding="utf-8")
            (folder / SETUP).write_text(f"const SITE = {json.dumps(texts)};\n{setup}", encoding="utf-8")
        html = PAGE.format(head=contender.head, body=contender.body, text=TEXT)
        for name in ("index.html", "strict.html"):
            (folder / name).write_text(html, encoding="utf-8")


def _keep_ours(folder: Path, www: Path, browser: Browser) -> dict[str, Any]:
    """Keeps what the service sends to a page where both layers are opened; gives the words that all contenders use."""
    service = LiveService(folder)
    service.start()
    try:
        context = browser.new_context(locale="en-GB")
        page = context.new_page()
        sent: list[Response] = []

        def note(response: Response) -> None:
            sent.append(response)

        page.on("response", note)
        page.goto(service.page(shop()))
        page.locator(OURS.opener).click()
        page.locator(OURS.dialog).wait_for()
        for response in sent:
            path = urlsplit(response.url).path
            if path.startswith("/w/"):
                (www / "w").mkdir(parents=True, exist_ok=True)
                (www / path.lstrip("/")).write_bytes(response.body())
        context.close()
        with urllib.request.urlopen(f"{service.url}/v1/sites/demo/notice?lang=en") as answer:
            notice = json.load(answer)
    finally:
        service.close()
    texts = notice["texts"]
    return {
        "title": texts["banner_title"],
        "body": texts["banner_body"],
        **{key: texts[key] for key in ("accept", "reject", "choose", "save", "close", "policy_link")},
        "policy": notice["links"]["policy"],
        "purposes": [
            {key: each[key] for key in ("key", "title", "description", "always_on")} for each in notice["purposes"]
        ],
    }


def _bundle(folder: Path) -> None:
    """The React application, as its makers' users build it."""
    command = [
        "node_modules/.bin/esbuild", "setups/c15t.js", "--bundle", "--minify", "--format=iife",
        '--define:process.env.NODE_ENV="production"', "--legal-comments=none", f"--outfile={folder / 'c15t.js'}",
    ]  # fmt: skip
    subprocess.run(command, cwd=HERE, check=True, capture_output=True)
