"""Two clients at one cache, nginx as it is deployed: what one of them sends never shapes what the other gets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from deploy.nginx_front import NAME, Answer, NginxFront
from support.live import ServiceProcess
from support.policies import demo_yaml

from security.addresses import path_of, url_map
from security.people import ROOM

MARK = "poison.test"
POISON = {
    "X_Forwarded_Host": MARK, "X_Host": MARK, "X_Forwarded_Proto": "http", "X_Forwarded_Prefix": f"/{MARK}",
    "Forwarded": f"host={MARK}",
    "X_Original_URL": f"/{MARK}", "X_Rewrite_URL": f"/{MARK}", "X_HTTP_Method_Override": "POST", "Origin": f"https://{MARK}",
    "Referer": f"https://{MARK}/", "X_Forwarded_For": "203.0.113.9", "Range": "bytes=0-3",
    "Cookie": f"cg_choice={MARK}",
}  # fmt: skip
#: What a shared cache may keep.
KEPT = (
    "/w/demo.js", "/w/demo.en.js", "/w/demo.en.json", "/w/demo.headless.js", "/w/demo.headless.en.js",
    "/.well-known/jwks.json", "/.well-known/gpc.json", "/status/1",
    "/v1/sites/demo/notice",
    "/preferences/demo/theme.css", "/ledger/key", "/ledger/contexts/receipt-3.jsonld", "/notice/demo/changes.atom",
)  # fmt: skip


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NginxFront]:
    """nginx before a real service, both as they are deployed."""
    folder = tmp_path_factory.mktemp("probe")
    policy = folder / "demo.yaml"
    policy.write_text(demo_yaml("https://www.example.jp"), encoding="utf-8")
    settings = {f"COOKIEGATE_{name}": rate for name, rate in ROOM.items()} | {
        "COOKIEGATE_TRUSTED_PROXIES": "127.0.0.1/32"
    }
    process = ServiceProcess(folder, base_url=f"https://{NAME}", policies=(policy,), **settings)
    process.start()
    (folder / "nginx").mkdir()
    nginx = NginxFront(folder / "nginx", process.port)
    nginx.start()
    yield nginx
    nginx.stop()
    process.stop()


def whole(answer: Answer) -> tuple[int, bytes, str]:
    """What the second client compares."""
    return answer.status, answer.body, str(answer.headers["Content-Type"])


@pytest.mark.parametrize("path", KEPT)
def test_cache_probe_the_second_client_gets_what_it_would_have_got_alone(front: NginxFront, path: str) -> None:
    for number, lang in enumerate(("ja", "en")):
        for name, value in POISON.items():  # each under an address of its own, so that the cache is empty for it
            address = f"{path}?probe={number}{name}"
            front.send("GET", address, Accept_Language=lang, **{name: value})
            victim = front.send("GET", address, Accept_Language=lang)
            alone = front.send("GET", f"{path}?probe=alone{number}{name}", Accept_Language=lang)
            assert MARK.encode() not in victim.body + str(victim.headers).encode(), name
            assert whole(victim) == whole(alone), name
            assert victim.headers["Access-Control-Allow-Origin"] in (None, "*"), name


def test_cache_probe_another_host_s_name_reaches_no_answer_of_ours(front: NginxFront) -> None:
    for host in (MARK, f"{MARK}:443", f"{NAME}.{MARK}", f"{NAME}:8443@{MARK}", ""):
        try:
            answer = front.send("GET", "/w/demo.js?probe=host", Host=host)
        except OSError:
            continue  # no answer at all
        assert answer.status in (400, 404, 421) or MARK.encode() not in answer.body + str(answer.headers).encode()
    assert front.send("GET", "/w/demo.js?probe=host").status == 200


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_cache_probe_languages_are_kept_apart(front: NginxFront, lang: str) -> None:
    other = {"ja": "en", "en": "ja"}[lang]
    for path in ("/w/demo.js", "/v1/sites/demo/notice", "/notice/demo/changes.atom"):
        address = f"{path}?probe=lang{lang}"
        front.send("GET", address, Accept_Language=other)
        mine, told = (
            front.send("GET", address, Accept_Language=lang),
            front.send("GET", f"{address}x", Accept_Language=lang),
        )
        assert mine.body == told.body
        assert mine.headers["Content-Language"] == told.headers["Content-Language"]


def test_cache_probe_nothing_of_one_visitor_reaches_the_next(front: NginxFront) -> None:
    granted = front.decide().json()
    handle = granted["decision"]["id"]
    decided = front.decide()
    cookies = "; ".join(cookie.partition(";")[0] for cookie in decided.headers.get_all("Set-Cookie"))
    mine = (decided.json()["decision"]["id"], decided.json()["token"], handle)
    for cell in sorted(cell for cell in url_map() if cell.startswith("GET ")):
        path = path_of(cell.split(" ", 1)[1])
        for suffix in ("", "/x.css", ";x.js", "?x=.css", "%3Fx.js", "%2F..%2Fw%2Fdemo.js"):  # web cache deception
            front.send("GET", path + suffix, Cookie=cookies)
            stranger = front.send("GET", path + suffix)
            assert not [
                secret for secret in mine if secret.encode() in stranger.body + str(stranger.headers).encode()
            ], path
            assert stranger.headers["Set-Cookie"] is None
