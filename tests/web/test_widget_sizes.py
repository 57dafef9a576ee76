"""What the banner weighs in every language that we bring, with a policy like the demo's."""

from __future__ import annotations

import pytest
from support.policies import DEMO

from cookiegate.policy.document import PublishedPolicy
from cookiegate.policy.notice import build_notice
from cookiegate.policy.reading import read_policy
from cookiegate.policy.wording import BUILT_IN_LOCALES
from cookiegate.web.bundle import Script
from cookiegate.web.notes import strictest
from cookiegate.web.widgets import make_files

#: Bytes of gzip -9 for one locale: code, styles, texts and policy.
BUDGETS: dict[Script, int] = {"cookiegate": 11_000, "second": 5_000, "covers": 4_000, "headless": 5_000}
DIGEST = "f12cd2237f1535bbbbf80449682cfe520a53cf28cb1ff2c94f983d9a13a0d77c"
#: The demo's, in words that are built in.
POLICY = """
site: demo
origins: ["https://www.example.jp"]
locales: [{locales}]
authoritative_locale: {authoritative}
controller:
  name: Aoba Store Co., Ltd.
  address: Chiyoda-ku, Tokyo 100-0000, Japan
  privacy_officer: Taro Wakaba
  email: privacy@example.jp
policy_url: https://www.example.jp/en/privacy
recipients:
  hosting:
    name: Aoba Cloud, Inc. (server operation)
    kind: trustee
    country: JP
    url: https://cloud.example.jp/privacy
    contract: {{vetted_on: 2026-04-01, confidentiality: true, no_reprovision: true, audit: true,
      return_or_destroy_at_end: true}}
  ad_network:
    name: Aoba Ads, Inc. (advertising)
    kind: third_party
    country: JP
    url: https://ads.example.jp/privacy
purposes:
  - {{key: security, always_on: true, legal_basis: legitimate_interests, acquire: [ip], retention_days: 90}}
  - {{key: quality, legal_basis: consent, acquire: [device, screen], retention_days: 90, recipients: [hosting]}}
  - {{key: analytics, legal_basis: consent, acquire: [ip, device, language, screen, browsing, identifier, other],
      retention_days: 365, recipients: [hosting]}}
  - {{key: development, legal_basis: consent, acquire: [browsing], retention_days: 365, recipients: [hosting]}}
  - {{key: advertising, legal_basis: consent, acquire: [browsing, identifier], retention_days: 180,
      recipients: [ad_network]}}
{theme}
"""


@pytest.mark.parametrize("locale", BUILT_IN_LOCALES)
def test_a_language_fits_into_its_budget(locale: str) -> None:
    # A translation also says which language prevails.
    authoritative = "ja" if locale != "ja" else "en"
    theme = "theme:" + DEMO.read_text(encoding="utf-8").partition("\ntheme:")[2].partition("\n\n")[0]
    text = POLICY.format(locales=f"{locale}, {authoritative}", authoritative=authoritative, theme=theme)
    policy = read_policy(text)
    published = PublishedPolicy(policy, version=1, sha256=DIGEST, holds_since=1, published_at_ms=0)
    files = make_files(published, build_notice(policy, 1, locale).body, strictest(policy), DIGEST, 900)
    sizes = {script: len(files[script].packed["gzip"]) for script in BUDGETS}
    assert {script: size for script, size in sizes.items() if size > BUDGETS[script]} == {}
