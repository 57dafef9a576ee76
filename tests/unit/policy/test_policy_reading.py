"""What a good policy becomes, and how a bad one is turned down."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from policy_material import DEMO, EXAMPLES, SMALL, edited, only_fault, small

from cookiegate.errors import PolicyError
from cookiegate.policy.consistency import find_contradictions
from cookiegate.policy.encoding import canonical_json, from_document, to_document
from cookiegate.policy.faults import Fault
from cookiegate.policy.reading import check, load_policy, read_policy
from cookiegate.policy.schema import LEGAL_BASES, PolicySchema


def test_a_small_policy_needs_little_and_gets_careful_defaults() -> None:
    policy = small()
    assert policy.authoritative_locale == "en"
    assert policy.ip_when_refused == "drop"
    assert policy.ask_again_days == 180
    assert policy.controller.name == {"en": "Aoba Store"}
    assert [purpose.always_on for purpose in policy.purposes] == [True, False]
    assert policy.optional_categories == ("device", "browsing")


def test_a_read_policy_cannot_be_changed() -> None:
    policy = small()
    with pytest.raises(TypeError):
        policy.recipients["x"] = policy.recipients["host"]  # type: ignore[index]
    with pytest.raises(TypeError):
        policy.controller.name["en"] = "x"  # type: ignore[index]


def test_all_faults_come_at_once_in_the_order_of_lines() -> None:
    text = edited(
        ("site: shop", "site: My Shop"),
        ("kind: trustee", "knd: trustee"),
        ("country: JP", "country: Japan"),
        ("acquire: [ip]", "acquire: [ip, devise]"),
        ("retention_days: 180", "retention_days: 0"),
        ("recipients: [host]", "recipients: [hosst]"),
    )
    faults = check(text)
    assert [(fault.line, fault.column, fault.path) for fault in faults] == [
        (1, 7, "site"),
        (10, 5, "recipients.host.kind"),
        (11, 5, "recipients.host.knd"),
        (12, 14, "recipients.host.country"),
        (21, 19, "purposes[0].acquire[1]"),
        (28, 21, "purposes[1].retention_days"),
        (29, 18, "purposes[1].recipients[0]"),
    ]
    assert [fault.fix for fault in faults][2:5] == ["Did you mean “kind”?", "Write JP.", "Did you mean “device”?"]


@pytest.mark.parametrize(
    ("edit", "path", "message", "fix"),
    [
        (("site: shop", "sit: shop\nsite: shop"), "sit", "not known", "Did you mean “site”?"),
        (("site: shop", "site: 12"), "site", "must be a text", 'Put it in quotes: "12".'),
        (("site: shop", f"site: {'a' * 64}"), "site", "64 characters; 63", "Shorten"),
        (("https://shop.example.jp", "https://shop.example.jp/"), "origins[0]", "more than an origin",
         "Write https://shop.example.jp."),
        (("https://shop.example.jp", "https://Shop.example.jp:443"), "origins[0]", "more than an origin",
         "Write https://shop.example.jp."),
        (("https://shop.example.jp", "https://*.example.jp"), "origins[0]", "wildcard", "List every origin"),
        (("https://shop.example.jp", "https://店.example.jp"), "origins[0]", "form that browsers send",
         "Write https://xn--hxt.example.jp."),
        (("https://shop.example.jp", "ftp://shop.example.jp"), "origins[0]", "not an origin", "Use the form"),
        (("https://shop.example.jp", "https://shop.example.jp:99999"), "origins[0]", "not an origin", "Use the form"),
        (("https://shop.example.jp", "https://a@shop.example.jp"), "origins[0]", "more than an origin", "Write https"),
        (("https://shop.example.jp", "null"), "origins[0]", "not an origin", "Use the form"),
        (('["https://shop.example.jp"]', "[]"), "origins", "has 0 items", "Add or remove"),
        (('["https://shop.example.jp"]', "https://shop.example.jp"), "origins", "must be a list", "one `- item`"),
        (("locales: [en]", "locales: [eng]"), "locales[0]", "not a locale", "Use a tag"),
        (("locales: [en]", "locales: [en_GB]"), "locales[0]", "not a locale", "Write en-GB."),
        (("locales: [en]", "locales: [en]\nauthoritative_locale: ja"), "authoritative_locale", "not one of", "en"),
        (("  email: privacy@example.jp\n", ""), "controller", "no way to reach you", "Add `email`"),
        (("privacy@example.jp", "privacy at example"), "controller.email", "not an e-mail", "name@example.jp"),
        (("email: privacy@example.jp", "url: javascript:alert(1)"), "controller.url", "not a web address", "https"),
        (("email: privacy@example.jp", "url: https://a:b@example.jp/"), "controller.url", "user name", "Remove"),
        (("email: privacy@example.jp", "url: 'https://example.jp/a b'"), "controller.url", "spaces", "Remove"),
        (("email: privacy@example.jp", "phone: call us"), "controller.phone", "not a telephone", "+81"),
        (("  name: Aoba Store\n", ""), "controller.name", "“name” is missing", "Add `name: "),
        (("name: Aoba Store", "name:"), "controller.name", "“name” is empty", "delete the line"),
        (("name: Aoba Store", "name: ' '"), "controller.name", "text is empty", "delete the line"),
        (("name: Aoba Store", 'name: "a\\tb"'), "controller.name", "control character", "Retype"),
        (("name: Aoba Store", "name: {ja: x, en: y}"), "controller.name.ja", "not a locale of this",
         "Delete this line"),
        (("kind: trustee", "kind: joint"), "recipients.host.kind", "not known", "Did you mean “joint_user”?"),
        (("country: JP", "country: UK"), "recipients.host.country", "two-letter code", "Write GB."),
        (("country: JP", "country: EU"), "recipients.host.country", "two-letter code", ""),
        (("  host:", "  Host 1: {name: x, kind: third_party, country: JP}\n  host:"), "recipients.Host 1", "wrong form",
         ""),
        (("key: analytics", "key: security"), "purposes[1].key", "Two purposes", "of its own"),
        (("key: analytics", "key: a b"), "purposes[1].key", "wrong form", "a letter first"),
        (("legal_basis: consent", "legal_basis: contract"), "purposes[1].legal_basis", "rests on consent", "always_on"),
        (("legal_basis: legitimate_interests", "legal_basis: consent"), "purposes[0].legal_basis", "nobody is asked",
         "true legal basis"),
        (("always_on: true", "always_on: yes"), "purposes[0].always_on", "neither true nor false", "Write `true`"),
        (("acquire: [ip]", "acquire: [ip, ip]"), "purposes[0].acquire[1]", "twice", "Remove one"),
        (("retention_days: 90", "retention_days: 1.5"), "purposes[0].retention_days", "not a whole number", "1 to"),
        (("retention_days: 90", "retention_days: -3"), "purposes[0].retention_days", "out of range", "1 to 36500"),
        (("purposes:", "ask_again_days: 396\npurposes:"), "ask_again_days", "out of range", "1 to 395"),
        (("purposes:", "ip_when_refused: keep\npurposes:"), "ip_when_refused", "not known", "drop, truncate"),
        (("purposes:", "collectors: {adobe: {purpose: analytics}}\npurposes:"), "collectors.adobe", "not known",
         "ga4, goatcounter, jitsu"),
        (("purposes:", "collectors: {plausible: {purpose: analitics}}\npurposes:"), "collectors.plausible.purpose",
         "no purpose", "Did you mean “analytics”?"),
        (("purposes:", "collectors: {plain: {purpose: analytics}}\npurposes:"), "collectors.plain", "is dropped",
         "Add `fields"),
        (("purposes:", "collectors: {plain: {purpose: analytics, fields: {ua: ip}}}\npurposes:"),
         "collectors.plain.fields.ua", "does not acquire “ip”", "Add ip"),
        (("purposes:", "collectors: {plausible: {purpose: analytics, fields: {p.plan: ip}}}\npurposes:"),
         "collectors.plausible.fields.p.plan", "does not acquire “ip”", "Add ip"),
        (("purposes:", "collectors: {plain: {purpose: analytics, fields: {a..b: device}}}\npurposes:"),
         "collectors.plain.fields.a..b", "wrong form", "props.plan"),
        (("purposes:", "collectors: {plain: {purpose: analytics, fields: {a.b: device, a: event}}}\npurposes:"),
         "collectors.plain.fields.a.b", "as a whole already", "not both"),
        (("purposes:", "theme: {accent: red}\npurposes:"), "theme.accent", "not a colour", "#1a6b4a"),
        (("purposes:", 'theme: {accent: "#fff;}"}\npurposes:'), "theme.accent", "not a colour", "#1a6b4a"),
        (("purposes:", "theme: {accent: 'rgb(1,2,300)'}\npurposes:"), "theme.accent", "not a colour", ""),
        (("purposes:", "theme: {radius: 99px}\npurposes:"), "theme.radius", "not a corner radius", "32px"),
        (("purposes:", 'theme: {background: "#fff", text: "#ccc"}\npurposes:'), "theme.text", "hard to read", "darker"),
        (("purposes:", "texts: {acept: Yes}\npurposes:"), "texts.acept", "not known", "Did you mean “accept”?"),
        (("purposes:", "texts: {accept: 'I am {controler}'}\npurposes:"), "texts.accept", "Nothing fills in",
         "Did you mean “controller”?"),
        (("purposes:", "texts: {placeholder_allow: Yes}\npurposes:"), "texts.placeholder_allow", "no longer used",
         "`placeholder_once`"),
        (("purposes:", "texts: {retention_days: '{period}'}\npurposes:"), "texts.retention_days", "no longer used",
         "Delete it"),
        (("purposes:", "categories: {gps: {title: x}}\npurposes:"), "categories.gps", "not known", "Use one of: ip"),
        (("purposes:", "policy_url: //example.jp\npurposes:"), "policy_url", "not a web address", "https://"),
    ],
)  # fmt: skip
def test_a_fault_says_where_what_and_how_to_mend_it(edit: tuple[str, str], path: str, message: str, fix: str) -> None:
    fault = only_fault(edited(edit))
    assert fault.path == path
    assert message in fault.message
    assert fix in fault.fix


def test_a_duplicate_key_is_one_fault_beside_the_others() -> None:
    faults = check(edited(("site: shop", "site: shop\nsite: shop2"), ("retention_days: 90", "retention_days: 0")))
    assert [(fault.line, fault.path) for fault in faults] == [(2, "site"), (23, "purposes[0].retention_days")]


def test_a_text_must_be_given_in_every_locale_of_the_policy() -> None:
    text = DEMO.read_text(encoding="utf-8").replace("      en: Advertising\n", "")
    fault = only_fault(text)
    assert fault.path == "purposes[4].title.en"
    assert text.splitlines()[fault.line - 1].strip() == "ja: 広告の配信"


def test_several_locales_need_one_that_prevails() -> None:
    text = DEMO.read_text(encoding="utf-8").replace("authoritative_locale: ja\n", "")
    assert only_fault(text).fix.startswith("Add `authoritative_locale: ja`")


def test_a_locale_without_built_in_texts_must_bring_them_all() -> None:
    fault = only_fault(edited(("locales: [en]", "locales: [cy]")))
    assert "texts.banner_title" in fault.fix
    assert "categories.ip.title" in fault.fix


def test_a_name_may_be_one_for_all_locales_and_a_sentence_may_not() -> None:
    text = (
        SMALL.replace(
            "locales: [en]", "locales: [en, ja]\nauthoritative_locale: en\npolicy_url: https://shop.example.jp/p"
        )
        .replace("title: Security", "title: {en: Security, ja: 安全の確保}")
        .replace("description: To keep the site safe.", "description: {en: x, ja: y}")
        .replace("title: Analytics", "title: {en: Analytics, ja: 解析}")
    )
    fault = only_fault(text)
    assert (fault.path, fault.message) == ("purposes[1].description", "This is given in one language only.")
    policy = read_policy(text.replace("description: To count visits.", "description: {en: To count visits., ja: 集計}"))
    assert policy.controller.address == {"en": "Tokyo", "ja": "Tokyo"}
    assert policy.recipients["host"].name == {"en": "Aoba Cloud", "ja": "Aoba Cloud"}
    assert policy.policy_url == dict.fromkeys(("en", "ja"), "https://shop.example.jp/p")


def test_a_known_purpose_may_leave_out_its_texts_and_any_other_may_not() -> None:
    bare = edited(("    title: Analytics\n    description: To count visits.\n", ""))
    assert read_policy(bare).purposes[1].title == {"en": "Statistics"}
    assert read_policy(bare.replace("key: analytics", "key: analytics\n    title: Numbers")).purposes[1].title == {
        "en": "Numbers"
    }
    faults = check(bare.replace("key: analytics", "key: counting"))
    assert [(fault.path, fault.message) for fault in faults] == [
        ("purposes[1].description", "“description” is missing."), ("purposes[1].title", "“title” is missing."),
    ]  # fmt: skip


def test_a_known_purpose_brings_its_own_texts_where_the_language_is_not_built_in() -> None:
    bare = edited(("    title: Analytics\n", ""), ("locales: [en]", "locales: [cy]"))
    assert "There is no built-in title of “analytics” in “cy”." in [fault.message for fault in check(bare)]


def test_wrong_shapes_everywhere_are_faults_and_nothing_else() -> None:
    for wrong in ("3", "[]", "{}", "x", "[[[]]]", "{a: {b: 1}}", "true", "~"):
        for name in PolicySchema().fields:
            text = "".join(f"{other}: {wrong}\n" for other in PolicySchema().fields if other != name)
            assert all(isinstance(fault, Fault) for fault in check(text))


@pytest.mark.parametrize("text", ["[]", "x", "3", "- a"])
def test_a_document_that_is_no_mapping_is_one_fault(text: str) -> None:
    assert only_fault(text).message == "A policy is a mapping."


def test_the_error_names_the_source_and_carries_every_fault() -> None:
    with pytest.raises(PolicyError) as caught:
        read_policy("site: 1\n", source="shop.yaml")
    faults = caught.value.evidence["faults"]
    assert isinstance(faults, list)
    assert len(faults) == 5
    assert caught.value.detail.startswith("shop.yaml has 5 faults: line 1, column 1: ")


def test_a_file_that_is_not_utf8_names_the_first_bad_byte(tmp_path: Path) -> None:
    path = tmp_path / "sjis.yaml"
    path.write_bytes(b"site: shop\nlocales: \x93\xfa\n")
    with pytest.raises(PolicyError, match="line 2, column 10: The file is not UTF-8"):
        load_policy(path)


def test_a_file_that_is_not_there_is_a_policy_error(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="cannot be read"):
        load_policy(tmp_path / "none.yaml")


def test_a_huge_file_is_refused_without_being_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "huge.yaml"
    path.write_bytes("青".encode() * 200_000)
    with pytest.raises(PolicyError, match="larger than 256 kB"):
        load_policy(path)


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_policy_survives_its_canonical_form(path: Path) -> None:
    policy = load_policy(path)
    document = canonical_json(policy)
    assert from_document(json.loads(document)) == policy
    assert canonical_json(from_document(json.loads(document))) == document
    assert read_policy(document.decode()) == policy


_WORDS = st.text(alphabet="abz 青<&'\"{}:#-\n", min_size=1, max_size=20).filter(lambda text: bool(text.strip()))
_KEYS = st.from_regex(r"[a-z][a-z0-9_-]{0,8}", fullmatch=True)


_CONTRACT = {
    "vetted_on": "2026-04-01",
    **dict.fromkeys(("confidentiality", "no_reprovision", "audit", "return_or_destroy_at_end"), True),
}
_KINDS = [
    {"kind": "third_party", "exception": "law"},
    {"kind": "trustee", "contract": _CONTRACT},
    {"kind": "trustee", "contract": {**_CONTRACT, "ends_on": "2030-02-28"}},
    {"kind": "trustee", "contract": _CONTRACT, "country": "FR", "transfer": "equivalent_country"},
]


@st.composite
def _documents(draw: st.DrawFn) -> dict[str, object]:
    locales = draw(st.sampled_from([["en"], ["ja", "en"], ["en", "ja"]]))
    words = st.fixed_dictionaries(dict.fromkeys(locales, _WORDS))
    recipients = draw(st.lists(_KEYS, max_size=3, unique=True))
    keys = draw(st.lists(_KEYS, min_size=1, max_size=4, unique=True))
    categories = st.lists(st.sampled_from(["ip", "device", "screen", "other"]), max_size=4, unique=True)
    purposes = []
    for key in keys:
        always_on = draw(st.booleans())
        purposes.append(
            {
                "key": key,
                "always_on": always_on,
                "title": draw(words),
                "description": draw(words),
                "legal_basis": draw(st.sampled_from(LEGAL_BASES[1:])) if always_on else "consent",
                "acquire": draw(categories),
                "retention_days": draw(st.integers(1, 36_500)),
                "recipients": draw(st.lists(st.sampled_from(recipients), unique=True)) if recipients else [],
            }
        )
    return {
        "site": draw(st.from_regex(r"[a-z0-9][a-z0-9-]{0,20}", fullmatch=True)),
        "origins": ["https://a.example.jp"],
        "locales": locales,
        "authoritative_locale": draw(st.sampled_from(locales)),
        "controller": {"name": draw(words), "address": draw(words), "email": "a@example.jp"},
        "recipients": {
            key: {"name": draw(words), "country": "JP", **draw(st.sampled_from(_KINDS))} for key in recipients
        },
        "purposes": purposes,
        "ask_again_days": draw(st.integers(1, 395)),
        "eu_data": draw(st.booleans()),
        "retention": draw(st.sampled_from([{}, {"consent_days": 400, "provision_days": 2000}])),
        "theme": draw(st.sampled_from([{}, {"accent": "#123456"}, {"radius": "4px"}])),
        "out_of_scope": draw(words),
    }


@settings(max_examples=60, deadline=None)
@given(_documents())
def test_every_good_document_reads_the_same_as_yaml_json_and_canonical_bytes(document: dict[str, object]) -> None:
    policy = read_policy(json.dumps(document))
    assert read_policy(json.dumps(document, ensure_ascii=False, indent=2)) == policy
    assert from_document(to_document(policy)) == policy
    assert read_policy(canonical_json(policy).decode()) == policy


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-10, 10)
    | st.text(max_size=5)
    | st.sampled_from(["ja", "en", "ip", "#fff"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(PolicySchema().fields)), _JSON))
def test_hostile_data_gets_faults_never_a_traceback(document: dict[str, object]) -> None:
    faults = check(json.dumps(document))
    assert faults
    assert all(fault.message.endswith((".", "?")) and fault.fix for fault in faults)
    assert all(complaint.fix for complaint in find_contradictions(document))


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, len(SMALL)), st.integers(0, 30), st.sampled_from(["", "\n", "- ", ": ", "[", "}", '"', "青", "&a "])
)
def test_a_damaged_policy_gets_faults_or_still_reads(at: int, cut: int, piece: str) -> None:
    text = SMALL[:at] + piece + SMALL[at + cut :]
    if not check(text):
        assert read_policy(text).site


@pytest.mark.parametrize("document", [{}, {"site": 1}, {"locales": []}, {"purposes": 3}])
def test_a_stored_document_of_another_program_is_a_policy_error(document: dict[str, object]) -> None:
    with pytest.raises(PolicyError):
        from_document(document)
