"""The environment, read once."""

from __future__ import annotations

import ipaddress
from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest

from cookiegate.errors import SettingsError
from cookiegate.settings import PREFIX, RedisServers, Settings, read_settings

DOCS = Path(__file__).parents[2] / "docs" / "reference" / "settings.md"


def test_defaults_need_no_environment(tmp_path: Path) -> None:
    settings = read_settings({}, data_dir=tmp_path)
    assert settings.token_ttl_s == 900
    assert settings.database_url is None


def test_an_unknown_name_is_named_with_the_nearest_setting(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="COOKIEGATE_DATA_DIRR is not a setting; did you mean COOKIEGATE_DATA_DIR"):
        read_settings({"COOKIEGATE_DATA_DIRR": str(tmp_path)})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TOKEN_TTL_S", "901"),
        ("TOKEN_TTL_S", "soon"),
        ("BASE_URL", "ftp://x"),
        ("BASE_URL", "https://x/?q"),
        ("TRUSTED_PROXIES", "10.0.0.0/99"),
        ("RATE_LIMIT_WRITES", "often"),
        ("RATE_LIMIT_WRITES", "0/minute"),
        ("RATE_LIMIT_TOKENS", "10/minute;5/hour"),
        ("REDIS_URL", "redis://:secret@127.0.0.1:99999/0"),
        ("REDIS_URL", "http://127.0.0.1"),
        ("REDIS_URL", "redis://one,two"),
        ("REDIS_URL", "redis://127.0.0.1/first"),
        ("REDIS_URL", "redis+sentinel://127.0.0.1:26379"),
        ("REDIS_URL", "redis+cluster://127.0.0.1/1"),
        ("REDIS_URL", "redis+ring://127.0.0.1"),
        ("LOG_LEVEL", "chatty"),
        ("THREADS", "0"),
        ("SECURE_COOKIES", "yes"),
        ("COLLECT_URL", "collector"),
        ("SMTP_URL", "http://mail.example.jp"),
        ("SMTP_URL", "smtp://shop:secret@mail.example.jp:99999"),
        ("SMTP_URL", "smtp://mail.example.jp?tls=perhaps"),
        ("SMTP_URL", "smtps://mail.example.jp?tls=none"),
        ("SMTP_URL", "smtp://mail.example.jp/inbox"),
        ("MAIL_FROM", "privacy"),
        ("MAIL_FROM", "a@example.jp, b@example.jp"),
        ("MAIL_FROM", "Shop <a@example.jp>\r\nBcc: b@example.jp"),
    ],
)
def test_a_bad_value_is_named(name: str, value: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=f"COOKIEGATE_{name}"):
        read_settings({f"COOKIEGATE_{name}": value}, data_dir=tmp_path)


@pytest.mark.parametrize(
    ("text", "servers"),
    [
        ("redis://localhost", RedisServers("standalone", (("localhost", 6379),))),
        ("redis://[::1]:7/3", RedisServers("standalone", (("::1", 7),), db=3)),
        (
            "rediss://shop:hunter2%40x@redis.internal/1",
            RedisServers("standalone", (("redis.internal", 6379),), db=1, tls=True, user="shop", password="hunter2@x"),
        ),
        (
            "redis+sentinel://:hunter2@one,two:7/main/2",
            RedisServers("sentinel", (("one", 26379), ("two", 7)), service="main", db=2, password="hunter2"),
        ),
        ("redis+cluster://one,two:7", RedisServers("cluster", (("one", 6379), ("two", 7)))),
        ("rediss+cluster://one", RedisServers("cluster", (("one", 6379),), tls=True)),
    ],
)
def test_redis_is_named_in_three_forms(text: str, servers: RedisServers, tmp_path: Path) -> None:
    settings = read_settings({"COOKIEGATE_REDIS_URL": text}, data_dir=tmp_path)
    assert settings.redis_url == servers
    assert "hunter2" not in repr(settings)


def test_a_bad_redis_address_is_not_repeated() -> None:
    with pytest.raises(SettingsError) as error:
        read_settings({"COOKIEGATE_REDIS_URL": "redis+sentinel://shop:hunter2@one:26379"})
    assert "redis+sentinel://one:26379,two:26379/service" in str(error.value)
    assert "hunter2" not in str(error.value)


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as error:
        read_settings({"COOKIEGATE_TOKEN_TTL_S": "0", "COOKIEGATE_NOPE": "1", "COOKIEGATE_THREADS": "x"})
    assert len(error.value.evidence["faults"]) == 3  # type: ignore[arg-type]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match=r"COOKIEGATE_DATA_DIR.*file/below"):
        read_settings({"COOKIEGATE_DATA_DIR": str(tmp_path / "file" / "below")})


def test_other_programs_variables_are_left_alone(tmp_path: Path) -> None:
    read_settings({"PATH": "/bin", "COOKIE": "x"}, data_dir=tmp_path)


def test_proxies_are_networks(tmp_path: Path) -> None:
    settings = read_settings({"COOKIEGATE_TRUSTED_PROXIES": "10.0.0.0/8, ::1/128"}, data_dir=tmp_path)
    assert ipaddress.ip_address("10.1.2.3") in settings.trusted_proxies[0]


@pytest.mark.parametrize(
    ("url", "port", "tls"),
    [
        ("smtps://mail.example.jp", 465, "implicit"),
        ("smtp://mail.example.jp", 587, "starttls"),
        ("smtp://mail.example.jp:2525", 2525, "starttls"),
        ("smtp://mail.example.jp?tls=none", 25, "none"),
        ("smtp://127.0.0.1:1025", 1025, "none"),
        ("smtp://localhost?starttls=1", 587, "starttls"),
    ],
)
def test_mails_go_in_clear_only_where_that_is_asked_or_to_this_machine(
    url: str, port: int, tls: str, tmp_path: Path
) -> None:
    environ = {"COOKIEGATE_SMTP_URL": url, "COOKIEGATE_MAIL_FROM": "例のお店 <privacy@example.jp>"}
    server = read_settings(environ, data_dir=tmp_path).smtp_url
    assert server is not None
    assert (server.port, server.tls) == (port, tls)


def test_a_mail_server_needs_a_sender_and_its_password_is_never_shown(tmp_path: Path) -> None:
    environ = {"COOKIEGATE_SMTP_URL": "smtps://shop:hunter2%40x@mail.example.jp"}
    with pytest.raises(SettingsError, match="COOKIEGATE_MAIL_FROM"):
        read_settings(environ, data_dir=tmp_path)
    settings = read_settings({**environ, "COOKIEGATE_MAIL_FROM": "privacy@example.jp"}, data_dir=tmp_path)
    assert settings.smtp_url is not None
    assert settings.smtp_url.password == "hunter2@x"
    assert "hunter2" not in repr(settings)
    with pytest.raises(SettingsError) as error:
        read_settings({"COOKIEGATE_SMTP_URL": "smtp://shop:hunter2@mail.example.jp:0"})
    assert "hunter2" not in str(error.value)


SECRETS = [item for item in fields(Settings) if item.metadata["secret"]]


def test_an_address_with_a_password_may_lie_in_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "database-url"
    secret.write_text("postgresql+psycopg://shop:hunter2@db/shop\n")
    settings = read_settings({"COOKIEGATE_DATABASE_URL_FILE": str(secret)}, data_dir=tmp_path)
    assert settings.database_url == "postgresql+psycopg://shop:hunter2@db/shop"


def test_a_secret_s_file_is_judged_as_the_variable_would_be_and_its_text_is_never_shown(tmp_path: Path) -> None:
    secret = tmp_path / "smtp-url"
    secret.write_text("gopher://shop:hunter2@mail")
    with pytest.raises(SettingsError, match="COOKIEGATE_SMTP_URL must be a mail server") as error:
        read_settings({"COOKIEGATE_SMTP_URL_FILE": str(secret)}, data_dir=tmp_path)
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize("content", [None, b"", b" \n", b"\xff\xfe", b"x" * 9_000])
def test_a_secret_s_file_that_holds_no_secret_is_named(content: bytes | None, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    if content is not None:
        secret.write_bytes(content)
    with pytest.raises(SettingsError, match=f"COOKIEGATE_REDIS_URL_FILE names {secret}"):
        read_settings({"COOKIEGATE_REDIS_URL_FILE": str(secret)}, data_dir=tmp_path)


def test_a_secret_has_one_place(tmp_path: Path) -> None:
    both = {"COOKIEGATE_DATABASE_URL": "sqlite://", "COOKIEGATE_DATABASE_URL_FILE": str(tmp_path / "x")}
    with pytest.raises(SettingsError, match="are both set: keep one"):
        read_settings(both, data_dir=tmp_path)


def test_what_is_no_secret_has_no_file(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="COOKIEGATE_THREADS_FILE is not a setting"):
        read_settings({"COOKIEGATE_THREADS_FILE": str(tmp_path / "x")}, data_dir=tmp_path)


@pytest.mark.parametrize("item", SECRETS, ids=lambda item: item.name)
def test_every_secret_s_file_is_documented(item: object) -> None:
    assert f"`{PREFIX}{item.name.upper()}_FILE`" in DOCS.read_text()  # type: ignore[attr-defined]


def test_cookies_are_secure_where_the_address_is(tmp_path: Path) -> None:
    assert read_settings({"COOKIEGATE_BASE_URL": "https://x.example"}, data_dir=tmp_path).cookies_are_secure
    assert not read_settings({"COOKIEGATE_BASE_URL": "http://127.0.0.1:1"}, data_dir=tmp_path).cookies_are_secure


def test_s02_plain_http_is_refused_but_on_this_machine_and_where_it_is_asked_for(tmp_path: Path) -> None:
    plain = {"COOKIEGATE_BASE_URL": "http://consent.example.jp"}
    with pytest.raises(SettingsError, match="COOKIEGATE_BASE_URL must begin with https://"):
        read_settings(plain, data_dir=tmp_path)
    assert not read_settings({**plain, "COOKIEGATE_SECURE_COOKIES": "0"}, data_dir=tmp_path).cookies_are_secure
    for address in ("http://localhost:8000", "http://127.0.0.1:8000", "https://consent.example.jp"):
        assert read_settings({"COOKIEGATE_BASE_URL": address}, data_dir=tmp_path).base_url == address


def test_settings_do_not_change_after_the_start(tmp_path: Path) -> None:
    settings = read_settings({}, data_dir=tmp_path)
    with pytest.raises(FrozenInstanceError):
        settings.threads = 3  # type: ignore[misc]


def test_the_data_folder_is_for_its_user_alone(tmp_path: Path) -> None:
    folder = read_settings({}, data_dir=tmp_path / "new").data_dir
    assert folder.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("item", fields(Settings), ids=lambda item: item.name)
def test_every_setting_is_documented(item: object) -> None:
    name = f"{PREFIX}{item.name.upper()}"  # type: ignore[attr-defined]
    line = next((line for line in DOCS.read_text().splitlines() if f"`{name}`" in line), "")
    assert item.metadata["doc"] in line  # type: ignore[attr-defined]
