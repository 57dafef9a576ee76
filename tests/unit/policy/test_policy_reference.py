"""The reference page and the schema say the same."""

from __future__ import annotations

import re
import textwrap

from marshmallow import Schema
from policy_material import ROOT

from cookiegate.policy import (
    cleaning,
    consent_mode,
    holding,
    iab,
    recipient_schema,
    regions,
    schema,
    sharing,
    signals,
)
from cookiegate.policy.exceptions import LEGAL_EXCEPTIONS
from cookiegate.policy.fields import PolicyField
from cookiegate.policy.reading import check
from cookiegate.policy.wording import PLACEHOLDERS, text_keys

PAGE = (ROOT / "docs" / "reference" / "policy.md").read_text(encoding="utf-8")
GUIDE = (ROOT / "docs" / "how-to" / "write-a-policy.md").read_text(encoding="utf-8")
PROVIDING = (ROOT / "docs" / "how-to" / "provide-data-to-others.md").read_text(encoding="utf-8")
SECTIONS: dict[str, type[Schema]] = {
    "The document": schema.PolicySchema,
    "controller": schema.ControllerSchema,
    "purposes": schema.PurposeSchema,
    "recipients": recipient_schema.RecipientSchema,
    "contract": recipient_schema.ContractSchema,
    "joint_use": recipient_schema.JointUseSchema,
    "collectors": schema.CollectorSchema,
    "retention": schema.RetentionSchema,
    "signals": signals.SignalsSchema,
    "hold": holding.HoldSchema,
    "regions": regions.RegionsSchema,
    "clean": cleaning.CleaningSchema,
    "google": consent_mode.ConsentModeSchema,
    "tcf": iab.TcfSchema,
    "gpp": iab.GppSchema,
    "share": sharing.SharingSchema,
    "theme": schema.ThemeSchema,
    "categories": schema.CategorySchema,
}


def _rows(heading: str) -> list[str]:
    section = re.search(rf"^## `?{heading}`?\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert section, heading
    return [line for line in section[1].splitlines() if line.startswith("| `")]


def test_every_field_has_its_row_and_every_row_its_field() -> None:
    for heading, kind in SECTIONS.items():
        expected = []
        for name, field in kind().fields.items():
            assert isinstance(field, PolicyField)
            need = "yes" if field.required else "no"
            doc = field.metadata["doc"]
            expected.append(f"| `{field.data_key or name}` | {need} | {field.form} | {doc} |")
        assert _rows(heading) == expected


def test_every_text_key_and_placeholder_is_listed() -> None:
    named = set(re.findall(r"`\{?([a-z_]+)\}?`", PAGE))
    assert set(text_keys()) | set(PLACEHOLDERS) <= named


def test_the_guide_s_policy_is_free_of_faults() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
    assert blocks
    assert check(blocks[0]) == []


def test_the_guide_to_providing_has_good_recipients_and_every_exception() -> None:
    block = re.search(r"```yaml\n(.*?)```", PROVIDING, re.DOTALL)
    assert block
    recipients = textwrap.dedent(block[1])
    policy = GUIDE.split("```yaml\n")[1].split("```")[0]
    head, rest = policy.split("recipients:\n", 1)
    assert check(head + recipients + rest[rest.index("\npurposes:") :]) == []
    assert set(LEGAL_EXCEPTIONS) <= set(re.findall(r"`([a-z_]+)`", PROVIDING))
