"""``cookiegate policy`` as a person at a terminal meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from policy_material import DEMO, SMALL, edited

from cookiegate.cli.policy import command
from cookiegate.errors import NotFoundError, PolicyError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a good policy, a wider one, one with a typo mended and one full of faults."""
    (tmp_path / "shop.yaml").write_text(SMALL, encoding="utf-8")
    (tmp_path / "wider.yaml").write_text(edited(("acquire: [ip]", "acquire: [ip, other]")), encoding="utf-8")
    (tmp_path / "typo.yaml").write_text(edited(("To count visits.", "To count the visits.")), encoding="utf-8")
    bad = edited(("kind: trustee", "kind: trustees"), ("retention_days: 90", "retention_days: 0"))
    (tmp_path / "bad.yaml").write_text(bad, encoding="utf-8")
    return tmp_path


def run(*arguments: object) -> Result:
    """Runs the command; an error that main would print is raised as it is."""
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def test_check_prints_file_line_column_and_the_fix_and_exits_with_one(folder: Path) -> None:
    result = run("check", folder / "bad.yaml", folder / "shop.yaml")
    assert result.exit_code == 1
    bad = folder / "bad.yaml"
    assert result.output == (
        f"{bad}:11:11: recipients.host.kind: “trustees” is not known here.\n"
        "  fix: Did you mean “trustee”?\n"
        f"{bad}:22:21: purposes[0].retention_days: 0 is out of range.\n"
        "  fix: Write 1 to 36500.\n"
        f"{folder / 'shop.yaml'}: no faults\n"
    )


def test_check_of_good_files_exits_with_zero(folder: Path) -> None:
    assert run("check", folder / "shop.yaml", DEMO).exit_code == 0


def test_check_reports_unreadable_files_like_any_fault(folder: Path) -> None:
    (folder / "sjis.yaml").write_bytes("site: 店".encode("shift_jis"))
    result = run("check", folder / "none.yaml", folder / "sjis.yaml", folder)
    assert result.exit_code == 1
    assert "none.yaml:1:1: (document): The file cannot be read" in result.output
    assert "sjis.yaml:1:7: (document): The file is not UTF-8 text." in result.output
    assert result.output.count("fix:") == 3


def test_check_speaks_json(folder: Path) -> None:
    report = json.loads(run("check", "--json", folder / "shop.yaml", folder / "bad.yaml").output)
    assert [item["ok"] for item in report] == [True, False]
    assert report[1]["faults"][0] == {
        "line": 11, "column": 11, "path": "recipients.host.kind", "message": "“trustees” is not known here.",
        "fix": "Did you mean “trustee”?",
    }  # fmt: skip


def test_publish_tells_the_version_and_who_is_asked(folder: Path) -> None:
    data = folder / "data"
    lines = [
        run("publish", folder / name, "--data-dir", data).output
        for name in ("shop.yaml", "shop.yaml", "typo.yaml", "wider.yaml")
    ]
    assert lines == [
        "shop@1: published\n",
        "shop@1: unchanged, nothing to publish\n",
        "shop@2: published; decisions since shop@1 still hold\n",
        "shop@3: published; visitors are asked again\n",
    ]


def test_publish_warns_of_sites_that_only_seem_to_share(folder: Path) -> None:
    def group(name: str, site: str, other: str) -> None:
        text = SMALL.replace("site: shop", f"site: {site}", 1)
        (folder / name).write_text(f"{text}share: {{group: {{{other}: Other}}}}\n", encoding="utf-8")

    group("a.yaml", "shop", "blog")
    group("b.yaml", "blog", "shop")
    alone = run("publish", folder / "a.yaml", "--data-dir", folder / "data").output
    assert alone == "shop@1: published\n  warning: “blog” has no published policy.\n"
    both = run("publish", "--json", folder / "a.yaml", folder / "b.yaml", "--data-dir", folder / "data")
    assert [item["warnings"] for item in json.loads(both.output)] == [[], []]


def test_publish_takes_nothing_when_one_file_is_bad(folder: Path) -> None:
    data = folder / "data"
    result = run("publish", folder / "shop.yaml", folder / "bad.yaml", "--data-dir", data)
    assert isinstance(result.exception, PolicyError)
    assert "bad.yaml has 2 faults: line 11" in result.exception.detail
    assert not data.exists()


def test_publish_speaks_json(folder: Path) -> None:
    result = run("publish", "--json", folder / "shop.yaml", DEMO, "--data-dir", folder / "data")
    report = json.loads(result.output)
    assert [(item["site"], item["version"], item["is_new"]) for item in report] == [
        ("shop", 1, True),
        ("demo", 1, True),
    ]


def test_diff_of_files_needs_no_data_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    result = run("diff", "shop.yaml", "wider.yaml")
    assert result.exit_code == 0
    assert result.output == (
        "ask again: “Security” (security) now also uses: Other technical information.\n"
        "\nVisitors must be asked again.\n"
    )
    assert not (folder / ".cookiegate").exists()


def test_diff_says_when_nobody_is_asked(folder: Path) -> None:
    assert run("diff", folder / "shop.yaml", folder / "typo.yaml").output.endswith(
        "Visitors need not be asked again.\n"
    )
    assert run("diff", folder / "shop.yaml", folder / "shop.yaml").output == "Nothing changed.\n"


def test_diff_reads_published_versions(folder: Path) -> None:
    data = folder / "data"
    for name in ("shop.yaml", "wider.yaml"):
        run("publish", folder / name, "--data-dir", data)
    report = json.loads(run("diff", "shop@1", "shop@latest", "--data-dir", data, "--json").output)
    assert report["asks_again"] is True
    assert [change["path"] for change in report["changes"]] == ["purposes.security.acquire"]
    assert run("diff", "shop@latest", folder / "wider.yaml", "--data-dir", data).output == "Nothing changed.\n"
    missing = run("diff", "shop@9", "shop@1", "--data-dir", data)
    assert isinstance(missing.exception, NotFoundError)
    assert "shop@9" in missing.exception.detail


def test_a_name_that_is_neither_file_nor_version_is_an_error(folder: Path) -> None:
    result = run("diff", folder / "none.yaml", folder / "shop.yaml")
    assert isinstance(result.exception, PolicyError)


@pytest.mark.parametrize("name", [(), ("check",), ("publish",), ("diff",)])
def test_help_teaches_by_example(name: tuple[str, ...]) -> None:
    result = run(*name, "--help")
    assert result.exit_code == 0
    assert "cookiegate policy " in result.output
