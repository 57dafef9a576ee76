"""Where the developer panel is shown."""

from __future__ import annotations

from policy_material import edited, only_fault, small

from cookiegate.policy.encoding import from_document, to_document
from cookiegate.web.bundle import digest_of, panel_script
from cookiegate.web.widget_parts import parts_config, without_interface

_LAST = "    retention_days: 180\n    recipients: [host]\n"


def test_nowhere_unless_the_policy_says_so() -> None:
    assert "debug" not in parts_config(small())


def test_on_the_named_origins_and_never_without_an_interface() -> None:
    origin = small().origins[0]
    policy = small((_LAST, f"{_LAST}debug_origins: [{origin}]\n"))
    assert policy.debug_origins == (origin,)
    assert from_document(to_document(policy)) == policy
    parts = parts_config(policy)
    assert parts["debug"] == {"origins": [origin], "file": digest_of(panel_script())}
    assert "debug" not in without_interface(parts)


def test_only_on_the_site_s_own_origins() -> None:
    fault = only_fault(edited((_LAST, f"{_LAST}debug_origins: [https://elsewhere.example]\n")))
    assert (fault.path, fault.message) == ("debug_origins[0]", "“https://elsewhere.example” is not one of the origins.")
    assert fault.fix
