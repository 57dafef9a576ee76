"""The committed widget belongs to the committed sources: shown without Node, by digests."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from support.policies import demo_policy

from cookiegate.policy.notice import build_notice

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "widget"
OUTPUTS = ROOT / "static" / "widget"
REBUILD = "sources and bundle differ: run `make widget` and commit both"


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    """What the build wrote about itself."""
    found: dict[str, Any] = json.loads((OUTPUTS / "manifest.json").read_text(encoding="utf-8"))
    return found


def sha256(path: Path) -> str:
    """The digest of a file, as hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_every_source_is_the_one_that_was_built(manifest: dict[str, Any]) -> None:
    assert {name: sha256(SOURCES / name) for name in manifest["sources"]} == manifest["sources"], REBUILD


def test_no_source_is_missing_from_the_manifest(manifest: dict[str, Any]) -> None:
    present = {path.relative_to(SOURCES).as_posix() for path in (SOURCES / "src").rglob("*") if path.is_file()}
    assert {name for name in manifest["sources"] if name.startswith("src/")} == present, REBUILD


def test_every_output_is_the_one_that_was_built(manifest: dict[str, Any]) -> None:
    present = {path.relative_to(OUTPUTS).as_posix() for path in OUTPUTS.rglob("*") if path.is_file()}
    assert present == {*manifest["outputs"], "manifest.json"}
    assert {name: sha256(OUTPUTS / name) for name in manifest["outputs"]} == manifest["outputs"], REBUILD


def test_the_bundle_has_one_place_for_the_configuration(manifest: dict[str, Any]) -> None:
    code = (OUTPUTS / "cookiegate.js").read_text(encoding="utf-8")
    assert code.count(manifest["placeholder"]) == 1
    assert code.count(manifest["parts"]) == 1


def test_the_bundle_parses_no_markup_and_evaluates_no_text() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in OUTPUTS.rglob("*.js"))
    sinks = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|\.srcdoc|setTimeout\(['\"`]"
    assert re.findall(sinks, code) == []


def test_the_lock_file_pins_digests_and_names_no_registry() -> None:
    lock = json.loads((SOURCES / "package-lock.json").read_text(encoding="utf-8"))
    packages = [package for name, package in lock["packages"].items() if name]
    assert all(package["integrity"].startswith("sha512-") for package in packages)
    assert not any("resolved" in package for package in packages)


@pytest.mark.parametrize("locale", ["ja", "en"])
def test_a_notice_has_everything_that_the_widget_reads(manifest: dict[str, Any], locale: str) -> None:
    body = {"refused_days": 0, **build_notice(demo_policy(), 1, locale).body}  # only where a refusal counts for longer
    wanted = [reads["notice"] for reads in manifest["reads"].values() if "notice" in reads]
    assert [missing(body, shape) for shape in wanted] == [[]] * len(wanted)


def missing(value: Any, shape: Any, path: str = "notice") -> list[str]:
    """The paths that a shape names and a value lacks."""
    if shape is True or value is None:
        return []
    if isinstance(value, list):
        return [fault for item in value for fault in missing(item, shape, path)]
    absent = [f"{path}.{key}" for key in shape if key not in value]
    return absent + [
        fault for key in shape if key in value for fault in missing(value[key], shape[key], f"{path}.{key}")
    ]
