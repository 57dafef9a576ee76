"""``cookiegate subscribers`` and ``cookiegate outbox``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from support import engines
from support.delivering import SUB, Post
from support.mailing import MailServer

from cookiegate.cli.main import cli


def run(folder: Path, *words: str, answer: str | None = None) -> Result:
    return CliRunner().invoke(cli, [*words, "--data-dir", str(folder)], input=answer)


def rows(folder: Path, *words: str) -> list[dict[str, Any]]:
    result = run(folder, *words, "--format", "json")
    assert result.exit_code == 0, result.output
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


def test_a_subscriber_is_added_and_its_secret_is_shown_once(tmp_path: Path) -> None:
    result = run(tmp_path, "subscribers", "add", "warehouse", "--events", "consent.erase,consent.withdrawn")
    secret = result.stdout.strip()
    assert secret.startswith("whsec_")
    assert "not shown again" in result.stderr
    post = Post(tmp_path, own_files=True)
    found = post.subscribers.find(secret)
    assert found is not None
    assert (found.name, found.events) == ("warehouse", ("consent.erase", "consent.withdrawn"))
    post.close()
    assert secret not in run(tmp_path, "subscribers", "list").output


@engines.sqlite_only("a server's record has no folder that could be another one")
def test_a_record_that_begins_empty_is_spoken_of(tmp_path: Path) -> None:
    begun = f"There was no record in {tmp_path}; an empty one begins"
    assert begun in run(tmp_path, "subscribers", "list").stderr
    assert begun not in run(tmp_path, "subscribers", "list").stderr


def test_the_list_shows_lag_age_and_faults(tmp_path: Path) -> None:
    run(tmp_path, "subscribers", "add", "warehouse", "--events", "consent.erase", "--site", "demo")
    post = Post(tmp_path, own_files=True)
    post.clock.advance(-100)
    post.tell("erase")
    post.close()
    own, warehouse = rows(tmp_path, "subscribers", "list")
    assert (own["name"], own["url"], own["waiting"]) == ("collected", "own files", 1)
    assert (warehouse["name"], warehouse["site"], warehouse["waiting"]) == ("warehouse", "demo", 1)
    assert 100 <= warehouse["oldest_s"] < 130
    assert SUB not in run(tmp_path, "subscribers", "list").output


def test_rotating_enabling_and_removing(tmp_path: Path) -> None:
    first = run(tmp_path, "subscribers", "add", "crm", "--events", "request.*", "--url", "http://127.0.0.1:9/").stdout
    assert run(tmp_path, "subscribers", "rotate", "crm").stdout.strip() not in ("", first.strip())
    assert run(tmp_path, "subscribers", "enable", "crm").exit_code == 0
    assert run(tmp_path, "subscribers", "remove", "crm", answer="n\n").exit_code == 1
    assert len(rows(tmp_path, "subscribers", "list")) == 2
    assert run(tmp_path, "subscribers", "remove", "crm", "--yes").exit_code == 0
    assert len(rows(tmp_path, "subscribers", "list")) == 1


@pytest.mark.parametrize("name", ["collected", "nobody"])
def test_what_is_not_the_operators_is_not_removed(tmp_path: Path, name: str) -> None:
    result = run(tmp_path, "subscribers", "remove", name, "--yes")
    assert result.exit_code != 0
    assert [row["name"] for row in rows(tmp_path, "subscribers", "list")] == ["collected"]


def test_the_outbox_shows_what_waits_and_never_to_whom(tmp_path: Path) -> None:
    server = MailServer().start()
    post = Post(tmp_path, server, own_files=True)
    row_id = post.mail(to="yamada@example.org", subject="secret words")
    (row,) = rows(tmp_path, "outbox", "list")
    assert (row["id"], row["about"], row["state"], row["fault"]) == (row_id, "request:1", "pending", None)
    server.refuse_address = "550 no"
    post.deliver()
    assert rows(tmp_path, "outbox", "list", "--state", "failed")[0]["fault"] == "smtp_550"
    for form in ("table", "json", "csv"):
        shown = run(tmp_path, "outbox", "list", "--format", form).output
        assert row_id in shown
        assert "yamada" not in shown
        assert "secret words" not in shown
    assert "1 will be tried again" in run(tmp_path, "outbox", "retry").output
    server.refuse_address = None
    post.clock.advance(60)
    assert post.deliver().delivered == 1
    assert rows(tmp_path, "outbox", "list") == []
    assert len(rows(tmp_path, "outbox", "list", "--state", "delivered")) == 1
    assert run(tmp_path, "outbox", "retry", row_id).exit_code != 0
    server.stop()
    post.close()
