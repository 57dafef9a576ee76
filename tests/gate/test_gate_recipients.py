"""A gate that knows for whom the data is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from support.consent import ConsentService
from support.policies import DEMO, demo_policy

from cookiegate.cli.gate import command
from cookiegate.clock import SystemClock
from cookiegate.gate import Gate, Reason, Verifier

EVENT = {"event": "page_view", "page": "https://shop.test/tea", "client_id": "c"}


def verifier(service: ConsentService) -> Verifier:
    return Verifier(service.ring.jwks(), audience="demo", clock=service.clock)


@pytest.fixture
def ad_token(service: ConsentService) -> str:
    """The token of somebody who allowed analytics and advertising."""
    return service.token(scope=("security", "analytics", "advertising"))


def test_s12_a_recipient_passes_only_where_the_purpose_names_it(service: ConsentService, ad_token: str) -> None:
    policy = demo_policy()

    def verdict(purpose: str, recipient: str | None) -> Reason:
        gate = Gate.for_policy(verifier(service), policy, tracker="plain", purpose=purpose, recipient=recipient)
        assert (gate.event({**EVENT, "consent_token": ad_token}) is not None) == (gate.check(ad_token).ok)
        return gate.check(ad_token).reason

    assert verdict("advertising", "ad_network") is Reason.OK
    assert verdict("analytics", "hosting") is Reason.OK
    assert verdict("analytics", None) is Reason.OK
    assert verdict("analytics", "ad_network") is Reason.RECIPIENT_NOT_COVERED
    assert verdict("advertising", "hosting") is Reason.RECIPIENT_NOT_COVERED
    assert verdict("analytics", "nobody") is Reason.RECIPIENT_NOT_COVERED
    assert verdict("nothing", "hosting") is Reason.PURPOSE_UNKNOWN
    assert verdict("", "hosting") is Reason.PURPOSE_MISSING


def test_s12_naming_a_recipient_never_rescues_a_purpose_that_was_not_granted(service: ConsentService) -> None:
    policy = demo_policy()
    gate = Gate.for_policy(verifier(service), policy, tracker="plain", purpose="advertising", recipient="ad_network")
    assert gate.check(service.token()).reason is Reason.PURPOSE_NOT_GRANTED
    assert gate.check("broken").reason is Reason.TOKEN_MALFORMED
    assert gate.providing is not None
    assert gate.providing.ground == "consent"


def test_a_gate_without_a_policy_is_told_who_may_have_the_data(service: ConsentService) -> None:
    def reason(**options: object) -> Reason:
        return Gate(verifier(service), purpose="analytics", **options).check(service.token()).reason  # type: ignore[arg-type]

    assert reason(recipient="host", recipients=("host", "other")) is Reason.OK
    assert reason(recipient="host") is Reason.RECIPIENT_NOT_COVERED
    assert reason(recipients=("host",)) is Reason.OK


def test_lines_for_an_uncovered_recipient_are_dropped_and_counted(service: ConsentService, ad_token: str) -> None:
    gate = Gate.for_policy(
        verifier(service), demo_policy(), tracker="plain", purpose="analytics", recipient="ad_network"
    )
    line = json.dumps({**EVENT, "consent_token": ad_token}).encode()
    assert gate.lines([line, line]) == [b"", b""]
    assert gate.counts.dropped[Reason.RECIPIENT_NOT_COVERED] == 2


@pytest.fixture
def run(service: ConsentService, tmp_path: Path) -> Callable[..., tuple[int, str, str]]:
    """Runs the command on one event."""
    service.clock.at_ms = SystemClock().now_ms()
    (tmp_path / "jwks.json").write_text(json.dumps(service.ring.jwks()))
    token = service.token(scope=("security", "analytics", "advertising"))

    def call(purpose: str, *options: str) -> tuple[int, str, str]:
        words = ["--audience", "demo", "--purpose", purpose, "--jwks", str(tmp_path / "jwks.json"), *options]
        result = CliRunner().invoke(command, words, input=json.dumps({**EVENT, "consent_token": token}) + "\n")
        return result.exit_code, result.stdout, result.stderr

    return call


def test_the_command_passes_a_covered_recipient_and_warns_that_nothing_is_recorded(
    run: Callable[..., tuple[int, str, str]],
) -> None:
    code, out, told = run("advertising", "--policy", str(DEMO), "--recipient", "ad_network")
    assert (code, json.loads(out)["page"]) == (0, EVENT["page"])
    assert "ad_network is a third party" in told
    assert "third party" not in run("analytics", "--policy", str(DEMO), "--recipient", "hosting")[2]


def test_the_command_drops_everything_for_an_uncovered_recipient(run: Callable[..., tuple[int, str, str]]) -> None:
    code, out, told = run("analytics", "--policy", str(DEMO), "--recipient", "ad_network")
    assert (code, out) == (0, "")
    assert "recipient_not_covered" in told


def test_the_command_needs_the_policy_to_know_recipients(run: Callable[..., tuple[int, str, str]]) -> None:
    assert "--recipient needs --policy" in run("analytics", "--recipient", "hosting")[2]
    code, _, told = run("analytics", "--policy", str(DEMO), "--recipient", "hostin")
    assert (code, "it has hosting, ad_network" in told) == (2, True)
