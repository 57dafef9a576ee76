"""The npm package as its users get it: its files, its types, its loader, and the examples for React and Vue."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from support.live import LiveService
from support.policies import ROOT
from support.visits import BANNER, DIALOG, shop, visit

import cookiegate

FILES = {"LICENSE", "README.md", "cookiegate.d.ts", "index.d.ts", "index.js", "package.json"}
MOST_BYTES = 9_000  # packed
CONSUMER = """
import { load, watch, type Consent, type Cookiegate } from "@cookiegate/widget";

const site = { service: "https://consent.example.jp", site: "shop" };
const cookiegate: Cookiegate = await load({ ...site, lang: "ja", nonce: "n" });
const token: string | null = await cookiegate.token("analytics");
cookiegate.open();
const bare = await load({ ...site, headless: true });
await bare.decide({ purposes: { analytics: true } });
// @ts-expect-error: there is nothing to open
bare.open();
// @ts-expect-error: site is needed
void load({ service: "" });
const end: () => void = watch(site, ({ state, purposes }: Consent) => console.log(state, purposes.analytics, token));
end();
window.cookiegate.held?.();
document.addEventListener("cookiegate:change", ({ detail }) => void detail.purposes);
"""
GLOBALS = 'import { load, watch } from "@cookiegate/widget"; Object.assign(window, { load, watch });'
#: What the package needs besides what the script itself does.
POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; "
    "require-trusted-types-for 'script'; trusted-types cookiegate"
)


def _run(*command: str | Path, cwd: Path, **env: str) -> str:
    done = subprocess.run(
        command, cwd=cwd, env={**os.environ, **env}, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project's folder in which the packed package is installed; ``sources`` is what it was packed from."""
    folder = tmp_path_factory.mktemp("house")
    made = shutil.ignore_patterns("LICENSE", "cookiegate.d.ts")
    shutil.copytree(ROOT / "widget" / "npm", folder / "sources" / "widget" / "npm", ignore=made)
    (folder / "sources" / "widget" / "src").mkdir()
    for name in ("widget/src/cookiegate.d.ts", "LICENSE"):  # what packing copies
        shutil.copy(ROOT / name, folder / "sources" / name)
    npm = ["npm", "pack", "--json", "--silent", "--foreground-scripts=false", f"--pack-destination={folder}"]
    packed = json.loads(_run(*npm, cwd=folder / "sources" / "widget" / "npm"))[0]
    (folder / "packed.json").write_text(json.dumps(packed), encoding="utf-8")
    modules = folder / "node_modules" / "@cookiegate"
    modules.mkdir(parents=True)
    with tarfile.open(next(folder.glob("*.tgz"))) as archive:
        archive.extractall(folder, filter="data")
    (folder / "package").rename(modules / "widget")
    return folder


def _bundle(house: Path, npm_dir: Path, source: Path) -> str:
    """A script for browsers, of a file in the project's folder."""
    esbuild = npm_dir / "node_modules" / ".bin" / "esbuild"
    options = ["--bundle", "--jsx=automatic", '--define:process.env.NODE_ENV="production"', "--log-level=warning"]
    return _run(esbuild, source, *options, cwd=house, NODE_PATH=str(npm_dir / "node_modules"))


def test_package_holds_a_small_loader_and_the_types(house: Path) -> None:
    packed = json.loads((house / "packed.json").read_text(encoding="utf-8"))
    assert {file["path"] for file in packed["files"]} == FILES
    assert (packed["name"], packed["version"]) == ("@cookiegate/widget", cookiegate.__version__)
    assert packed["size"] < MOST_BYTES
    types = (house / "node_modules" / "@cookiegate" / "widget" / "cookiegate.d.ts").read_bytes()
    assert types == (ROOT / "widget" / "src" / "cookiegate.d.ts").read_bytes()


def test_types_fit_their_users_and_the_loader(house: Path, npm_dir: Path) -> None:
    (house / "consumer.mts").write_text(CONSUMER, encoding="utf-8")
    tsc = npm_dir / "node_modules" / ".bin" / "tsc"
    options = ["--noEmit", "--strict", "--ignoreConfig", "--module", "nodenext", "--target", "es2022"]
    for more in (["consumer.mts"], ["--allowJs", "--checkJs", "sources/widget/npm/index.js"]):
        _run(tsc, *options, "--lib", "es2022,dom", *more, cwd=house)


def test_loader_loads_once_and_tries_again(page: Page, service: LiveService, house: Path, npm_dir: Path) -> None:
    (house / "globals.js").write_text(GLOBALS, encoding="utf-8")
    code = service.file("/house/globals.js", _bundle(house, npm_dir, house / "globals.js"))
    seen = visit(page, service)
    # An element that has the name is not the interface.
    body = f'<p id="cookiegate"></p><script src="{code}"></script>'
    page.goto(service.page(shop(body, script=""), Content_Security_Policy=POLICY))
    say = "(options) => load(options).then(() => 'loaded', String)"
    assert "site must be" in page.evaluate(say, {"service": "", "site": "../evil"})
    assert "service must be" in page.evaluate(say, {"service": "data:text/javascript,", "site": "demo"})
    service.cut()
    assert "cannot be loaded" in page.evaluate(say, {"service": "", "site": "demo"})
    service.cut(False)
    demo = {"service": service.url + "/", "site": "demo", "lang": "ja"}
    assert page.evaluate("(demo) => load(demo) === load(demo)", demo)
    assert page.evaluate("async (demo) => await load(demo) === window.cookiegate", demo)
    expect(page.locator(BANNER)).to_have_attribute("lang", "ja")
    assert page.locator("script[src*='/w/']").count() == 1

    page.evaluate("(demo) => { window.told = []; window.end = watch(demo, ({ state }) => told.push(state)) }", demo)
    page.wait_for_function("() => told.length === 1")
    seen.decide("reject")
    page.evaluate("() => end()")
    seen.decide("accept")
    assert set(page.evaluate("() => told")) == {"undecided", "refused"}

    tag = '<script src="/w/demo.en.js"></script>'
    seen.open(shop(f'<script src="{code}"></script>', script=tag), Content_Security_Policy=POLICY)
    assert page.evaluate("(demo) => load(demo).then((api) => api === window.cookiegate)", demo)
    assert page.locator("script[src*='/w/']").count() == 1  # the page's own

    page.goto(service.page(shop(f'<script src="{code}"></script>', script="")))
    bare = {"service": "", "site": "demo", "headless": True}
    assert page.evaluate("(bare) => load(bare).then((api) => typeof api.open)", bare) == "undefined"
    expect(page.locator(".cg-root")).to_have_count(0)


@pytest.mark.parametrize("example", ["react/app.jsx", "vue/app.js"])
def test_examples_follow_the_choice(page: Page, service: LiveService, house: Path, npm_dir: Path, example: str) -> None:
    source = house / Path(example).name
    text = (ROOT / "examples" / example).read_text(encoding="utf-8")
    assert text.count("https://consent.example.jp") == text.count('"shop"') == 1
    text = text.replace("https://consent.example.jp", service.url).replace('"shop"', '"demo"')
    source.write_text(text, encoding="utf-8")
    code = service.file(f"/house/{example}.js", _bundle(house, npm_dir, source))
    service.page("<!doctype html><title>Tour</title><p>All around", path="/tour.html")
    seen = visit(page, service)
    seen.open(shop(f'<div id="app"></div><script src="{code}"></script>', script=""))
    picks, frame = page.locator("#picks"), page.locator("iframe")
    expect(picks).to_have_text("The same picks for everyone.")
    expect(frame.content_frame.locator(".cg-cover")).to_be_visible()
    seen.answer("Accept all").click()
    expect(picks).to_have_text("Picks from what you looked at.")
    expect(frame.content_frame.locator("p")).to_have_text("All around")
    # What the framework takes away and draws again is held or shown as ever.
    page.locator("#tour").click()
    expect(frame).to_have_count(0)
    seen.decide("withdraw")
    expect(picks).to_have_text("The same picks for everyone.")
    page.locator("#tour").click()
    expect(frame.content_frame.locator(".cg-cover")).to_be_visible()
    page.get_by_role("button", name="Privacy settings").click()
    expect(page.locator(DIALOG)).to_be_visible()
    assert seen.faults == []
