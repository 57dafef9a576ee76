"""What a policy says to advertising vendors by TCF and GPP."""

from __future__ import annotations

import pytest
from policy_material import edited, only_fault, small

from cookiegate.policy.difference import compare
from cookiegate.policy.encoding import canonical_json, from_document, to_document
from cookiegate.policy.iab import page_gpp, page_tcf
from cookiegate.policy.pages import Gpp
from cookiegate.policy.reading import check

_LAST = "    retention_days: 180\n    recipients: [host]\n"
TCF = """\
tcf:
  cmp_id: 300
  cmp_version: 1
  purposes: {analytics: [1, 8, 9]}
  vendors: [3, 12]
"""
GPP = "gpp: {sections: [tcfeuv2, usnat], sale: [analytics]}\n"


def _with(lines: str) -> tuple[str, str]:
    return _LAST, _LAST + lines


def test_policy_comes_back_from_its_published_form_and_pages_get_its_defaults() -> None:
    policy = small(_with(TCF + GPP))
    assert from_document(to_document(policy)) == policy
    assert policy.tcf is not None
    assert policy.gpp == Gpp(("tcfeuv2", "usnat"), sale=("analytics",))
    assert page_tcf(policy.tcf, "JP") == {
        "cmp_id": 300,
        "cmp_version": 1,
        "purposes": {"analytics": [1, 8, 9]},
        "special_features": {},
        "country": "JP",
        "service_specific": True,
        "standard_texts": False,
    }
    given = {"cmp_id": 300, "cmp_version": 1, "sections": ["tcfeuv2", "usnat"], "opt_outs": {"sale": ["analytics"]}}
    assert page_gpp(policy.gpp, policy.tcf) == given
    assert b'"tcf"' not in canonical_json(small())


@pytest.mark.parametrize(
    ("lines", "path", "message"),
    [
        (TCF.replace("300", "1"), "tcf.cmp_id", "out of range"),
        (TCF.replace("8, 9", "12"), "tcf.purposes.analytics[1]", "out of range"),
        (TCF.replace("analytics", "security"), "tcf.purposes.security", "that visitors may refuse"),
        (TCF + "  cookie: nothing\n", "tcf.cookie", "that visitors may refuse"),
        (TCF + "  gvl: ftp://list.example/\n", "tcf.gvl", ""),
        (TCF + "gpp: {sections: [usxx], sale: [analytics]}\n", "gpp.sections[0]", "not known"),
        (TCF + "gpp: {sections: [usnat]}\n", "gpp", "opted out of"),
        ("gpp: {sections: [usnat], sale: [analytics]}\n", "gpp", "consent platform"),
        (
            "gpp: {sections: [tcfeuv2], cmp_id: 300, cmp_version: 1}\n",
            "gpp.sections[0]",
            "is made from `tcf`",
        ),
    ],
)
def test_fault_names_the_field_and_the_fix(lines: str, path: str, message: str) -> None:
    fault = only_fault(edited(_with(lines)))
    assert fault.path == path
    assert message in fault.message
    assert fault.fix


def test_number_stands_under_one_purpose_but_for_storing() -> None:
    second = "  - key: quality\n    title: Quality\n    description: Tests.\n"
    second += "    legal_basis: consent\n    acquire: [device]\n    retention_days: 30\n"
    double = TCF.replace("{analytics: [1, 8, 9]}", "{analytics: [1, 8], quality: [1, 8]}")
    faults = check(edited(_with(second + double)))
    assert [(fault.path, "one answer would count" in fault.message) for fault in faults] == [
        ("tcf.purposes.quality[1]", True)
    ]


def test_more_vendors_or_more_numbers_ask_visitors_again_and_fewer_do_not() -> None:
    none, few = small(), small(_with(TCF))
    more = [
        small(_with(TCF.replace("[3, 12]", "[3, 12, 15]"))),
        small(_with(TCF.replace("8, 9", "7, 8, 9"))),
        small(_with(TCF.replace("  vendors: [3, 12]\n", ""))),
        small(_with(TCF + "  special_features: {analytics: [2]}\n")),
    ]
    assert compare(none, few).asks_again
    for wider in more:
        assert compare(few, wider).asks_again
        assert not compare(wider, few).asks_again
    assert not compare(few, none).asks_again
    assert not compare(few, small(_with(TCF + GPP))).asks_again
