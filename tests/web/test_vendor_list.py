"""The operator's vendor list and the frameworks' files: what is served, and what is refused before anything is."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from support.benches import make_bench
from support.frameworks import OUT, VENDOR_LIST, built_frameworks
from support.policies import demo_policy, demo_yaml
from support.service import Bench

from cookiegate.cli.policy import command
from cookiegate.errors import PolicyError, SettingsError
from cookiegate.policy.document import Policy
from cookiegate.policy.pages import Gpp, Tcf
from cookiegate.web.iab import LIST_LIMIT_BYTES, VendorList, built_files, insist_on_frameworks

LIST = json.loads(VENDOR_LIST.read_text(encoding="utf-8"))
YAML = "\ntcf: {cmp_id: 300, cmp_version: 1, purposes: {analytics: [1, 8]}, vendors: [3, %s]}\n"


def tcf(**changes: Any) -> Policy:
    """The demo policy with vendors."""
    return demo_policy(tcf=Tcf(300, 1, {"analytics": (1, 8)}, **changes))


def served(tmp_path: Path) -> tuple[Bench, Path]:
    """A service whose policy names two vendors, and its list."""
    built_frameworks()
    built_files.cache_clear()
    path = tmp_path / "list.json"
    path.write_bytes(VENDOR_LIST.read_bytes())
    bench = make_bench(tmp_path / "service", VENDOR_LIST=str(path))
    bench.publish(tcf(vendors=(3, 7)))
    return bench, path


def test_list_is_cut_to_the_policy_s_vendors_and_read_anew_when_it_is_replaced(tmp_path: Path) -> None:
    bench, path = served(tmp_path)
    visitor = bench.visitor()

    def ask(**headers: str) -> Any:
        return visitor.send("GET", "/v1/sites/demo/list", headers=headers)

    answer = ask(Accept_Encoding="gzip")
    assert (answer.headers["Content-Type"], answer.headers["Access-Control-Allow-Origin"]) == ("application/json", "*")
    assert answer.headers["Cache-Control"].startswith("public, max-age=")
    assert json.loads(gzip.decompress(answer.data)) == {
        **LIST,
        "vendors": {key: LIST["vendors"][key] for key in ("3", "7")},
    }
    assert ask(Accept_Encoding="gzip", If_None_Match=answer.headers["ETag"]).status_code == 304

    # A newer list counts at once; a bad one never does.
    path.write_text(json.dumps({**LIST, "vendorListVersion": 12}), encoding="utf-8")
    assert ask().get_json()["vendorListVersion"] == 12
    path.write_text("{", encoding="utf-8")
    assert ask().get_json()["vendorListVersion"] == 12
    path.unlink()
    assert ask().get_json()["vendorListVersion"] == 12

    bench.publish(tcf())
    bench.service.follow()
    path.write_text(json.dumps(LIST), encoding="utf-8")
    assert ask().get_json() == LIST
    bench.publish(demo_policy())
    assert ask().status_code == 404
    bench.service.close()


def test_file_of_a_framework_is_there_under_its_digest_for_ever_and_only_where_it_is_asked_for(tmp_path: Path) -> None:
    bench, _ = served(tmp_path)
    visitor = bench.visitor()
    script = visitor.send("GET", "/w/demo.en.js").text
    code = (OUT / "tcf.js").read_bytes()
    digest = hashlib.sha256(code).hexdigest()
    assert digest in script
    assert hashlib.sha256((OUT / "gpp.js").read_bytes()).hexdigest() not in script
    answer = visitor.send("GET", f"/w/demo@{digest}.js")
    assert answer.data == code
    assert "immutable" in answer.headers["Cache-Control"]
    kept = bench.service.widgets.pinned(digest)
    assert kept is not None
    assert kept.body == code
    assert "THIRD-PARTY-NOTICES.txt" in answer.text.splitlines()[0]
    notices = (OUT / "THIRD-PARTY-NOTICES.txt").read_text(encoding="utf-8")
    for package in ("@iabgpp/cmpapi 3.2.0", "@iabtechlabtcf/cmpapi 1.5.21", "@iabtechlabtcf/core 1.5.21"):
        assert package in notices
    assert "TERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION" in notices
    bench.publish(demo_policy())
    assert "__tcfapi" not in visitor.send("GET", "/w/demo.en.js").text
    bench.service.close()


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda text: text[:-5], "is no vendor list"),
        (lambda text: json.dumps({**LIST, "vendors": [1]}), "is no vendor list"),
        (lambda text: json.dumps({**LIST, "gvlSpecificationVersion": 2}), "older than version 3"),
        (lambda text: _misnamed(), "another id"),
        (lambda text: text + " " * LIST_LIMIT_BYTES, "more than"),
    ],
)
def test_bad_list_is_refused_with_its_fault(tmp_path: Path, spoil: Callable[[str], str], complaint: str) -> None:
    path = tmp_path / "list.json"
    path.write_text(spoil(VENDOR_LIST.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(SettingsError, match=complaint):
        VendorList(path).cut(None)


def _misnamed() -> str:
    return json.dumps({**LIST, "vendors": {"4": LIST["vendors"]["3"]}})


def test_policy_that_asks_for_what_is_not_here_is_refused_with_the_way_to_get_it(tmp_path: Path) -> None:
    for policy in (tcf(), demo_policy(gpp=Gpp(("usnat",), sale=("advertising",), cmp_id=300, cmp_version=1))):
        with pytest.raises(PolicyError, match=r"run `make widget-tcf`"):
            insist_on_frameworks(policy, VendorList(VENDOR_LIST), {})
    built_frameworks()
    built_files.cache_clear()
    with pytest.raises(SettingsError, match="COOKIEGATE_VENDOR_LIST must name"):
        insist_on_frameworks(tcf(), VendorList(None))
    with pytest.raises(SettingsError, match="cannot be read"):
        insist_on_frameworks(tcf(), VendorList(tmp_path / "nothing.json"))
    insist_on_frameworks(tcf(gvl="https://www.example.jp/list.json"), VendorList(None))
    insist_on_frameworks(tcf(vendors=(3, 40)), VendorList(VENDOR_LIST))


def test_publishing_stops_at_a_vendor_that_the_list_does_not_have(tmp_path: Path) -> None:
    built_frameworks()
    built_files.cache_clear()
    environ = {"COOKIEGATE_VENDOR_LIST": str(VENDOR_LIST), "COOKIEGATE_DATA_DIR": str(tmp_path / "data")}
    for vendor, code in (("41", 1), ("40", 0)):
        file = tmp_path / "demo.yaml"
        file.write_text(demo_yaml("http://shop.test", lambda text, one=vendor: text + YAML % one), encoding="utf-8")
        done = CliRunner().invoke(command, ["publish", str(file)], env=environ)
        assert (done.exit_code != 0) == bool(code), done.output
        assert ("names 41" in str(done.output) + str(done.exception)) == bool(code)


@pytest.mark.parametrize(
    "bad",
    [b"1e999", b'"\xff"', b"[" * 100_000 + b"]" * 100_000, b"9" * 4400],
    ids=["past a double", "UTF-8", "deep", "long"],
)
def test_bad_list_that_takes_a_good_one_s_place_takes_no_page_away(tmp_path: Path, bad: bytes) -> None:
    built_frameworks()
    built_files.cache_clear()
    path = tmp_path / "list.json"
    path.write_bytes(VENDOR_LIST.read_bytes())
    bench = make_bench(tmp_path / "service", VENDOR_LIST=str(path))
    bench.publish(demo_policy(tcf=Tcf(300, 1, {"analytics": (1, 8)}, vendors=(3, 7))))
    visitor = bench.visitor()
    pages = ("/notice/demo", "/preferences/demo", "/notice/demo/vendors")
    assert all(visitor.send("GET", page).status_code == 200 for page in pages)
    path.write_bytes(b'{"x":' + bad + b"," + VENDOR_LIST.read_bytes().lstrip()[1:])
    for page in pages:
        answer = visitor.send("GET", page)
        assert answer.status_code == 200
        assert "vendors" in answer.get_data(as_text=True)
    bench.service.close()
