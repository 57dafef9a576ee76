"""Sites of one group: what a policy may say, who is asked again, and when two policies agree."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from policy_material import edited, only_fault, small

from cookiegate.policy.agreement import disagreement, disagreements
from cookiegate.policy.difference import compare
from cookiegate.policy.document import Policy
from cookiegate.policy.encoding import canonical_json, from_document, to_document
from cookiegate.policy.notice import build_notice
from cookiegate.policy.pages import Sharing
from cookiegate.policy.reading import check
from cookiegate.policy.sharing import GROUP_LIMIT

_LAST = "    retention_days: 180\n    recipients: [host]\n"
BLOG = {"blog": {"en": "The Aoba blog"}}
SHOP = {"shop": {"en": "Aoba"}}


def _with(lines: str) -> tuple[str, str]:
    return _LAST, _LAST + lines


def shop(**changes: Any) -> Policy:
    """A site that names the blog."""
    return replace(small(), **{"share": Sharing(group=BLOG), **changes})


def blog(**changes: Any) -> Policy:
    """The blog, which names it back."""
    own = {"site": "blog", "origins": ("https://blog.example.jp",), "share": Sharing(group=SHOP)}
    return replace(small(), **{**own, **changes})


def with_analytics(policy: Policy, **changes: Any) -> Policy:
    """The policy with its second purpose changed."""
    first, second = policy.purposes
    return replace(policy, purposes=(first, replace(second, **changes)))


def test_a_group_is_kept_as_it_was_written_and_named_in_the_notice() -> None:
    policy = small(_with("share: {domain: shop.example.jp, group: {blog: The Aoba blog, a-9: {en: News}}}\n"))
    assert policy.share == Sharing("shop.example.jp", {**BLOG, "a-9": {"en": "News"}})
    assert from_document(to_document(policy)) == policy
    told = build_notice(policy, 1, "en").body["texts"]["shared_note"]
    assert told == "Your choice also counts on these sites: The Aoba blog and News."
    assert build_notice(small(), 1, "en").body["texts"]["shared_note"] == ""
    assert b'"share":{"group":{"blog":{"en":"The Aoba blog"}}}' in canonical_json(shop())
    only_domain = small(_with("share: {domain: example.jp}\n"))
    assert build_notice(only_domain, 1, "en").body["texts"]["shared_note"] == ""
    assert b'"share":{"domain":"example.jp"}' in canonical_json(only_domain)


@pytest.mark.parametrize(
    ("share", "path", "message"),
    [
        ("{}", "share", "Nobody is named who shares the choice."),
        ("{group: {}}", "share.group", "The group has no other site."),
        ("{group: {shop: Aoba}}", "share.group.shop", "“shop” is this site itself."),
        ("{group: {Blog: Aoba}}", "share.group.Blog", "“Blog” has the wrong form."),
        ("{group: {blog: ''}}", "share.group.blog", "This text is empty."),
        ("{group: {blog: {ja: Aoba, en: Aoba}}}", "share.group.blog.ja", "“ja” is not a locale of this policy."),
        ("{group: [blog]}", "share.group", "This must be a mapping."),
        ("{groups: {blog: Aoba}, domain: example.jp}", "share.groups", "The key “groups” is not known here."),
    ],
)
def test_what_is_no_group_is_told_with_a_fix(share: str, path: str, message: str) -> None:
    fault = only_fault(edited(_with(f"share: {share}\n")))
    assert (fault.path, fault.message) == (path, message)
    assert fault.fix


def test_a_group_has_a_limit() -> None:
    sites = ", ".join(f"s{number}: Site" for number in range(GROUP_LIMIT))
    assert check(edited(_with(f"share: {{group: {{{sites}}}}}\n"))) == []
    fault = only_fault(edited(_with(f"share: {{group: {{{sites}, more: Site}}}}\n")))
    assert fault.message == f"There are {GROUP_LIMIT + 1} entries; {GROUP_LIMIT} is the most."


def test_another_site_asks_again_and_one_less_does_not() -> None:
    alone, pair = small(), shop()
    wider = shop(share=Sharing(group={**BLOG, "news": {"en": "News"}}))
    renamed = shop(share=Sharing("example.jp", group={"blog": {"en": "Blog"}}))
    for old, new, asks in ((alone, pair, True), (pair, wider, True), (wider, pair, False), (pair, alone, False)):
        assert [(change.path, change.asks_again) for change in compare(old, new).changes] == [("share.group", asks)]
    changes = compare(pair, renamed).changes
    assert {(change.path, change.asks_again) for change in changes} == {("share", False), ("share.group", False)}
    assert "“news”" in compare(pair, wider).changes[0].sentence


def test_policies_that_name_each_other_and_ask_for_the_same_agree() -> None:
    assert disagreement(shop(), blog()) is None
    assert disagreement(blog(), shop()) is None
    # Who asks for less may follow, not the other way round.
    less = with_analytics(blog(), acquire=("device",), retention_days=30)
    assert disagreement(shop(), less) is None
    assert disagreement(less, shop()) == (
        "“shop” asks for more than “blog”: “Analytics” (analytics) now also uses: Browsing."
    )
    fewer = replace(blog(), purposes=blog().purposes[:1])
    assert disagreement(shop(), fewer) is None
    assert "is new" in str(disagreement(fewer, shop()))


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (blog(share=None), "“blog” does not name “shop” in its share.group."),
        (blog(share=Sharing(group=BLOG)), "“blog” does not name “shop” in its share.group."),
        (
            blog(share=Sharing("example.jp", SHOP)),
            "The share.domain of “blog” also holds pages of “shop”.",
        ),
        (
            blog(controller=replace(small().controller, name={"en": "Others"})),
            "“blog” has another controller than “shop”.",
        ),
        (
            blog(controller=replace(small().controller, name={"fr": "Aoba Store"})),
            "“blog” has another controller than “shop”.",
        ),
        (
            blog(controller=replace(small().controller, country="US")),
            "“blog” asks for more than “shop”: The controller moved from Japan to United States.",
        ),
        (
            blog(recipients={"host": replace(small().recipients["host"], name={"en": "Others"})}),
            "The recipient “host” of “blog” has another name on “shop”.",
        ),
    ],
)
def test_policies_that_do_not_agree_say_why(other: Policy, reason: str) -> None:
    assert disagreement(shop(), other) == reason


def test_what_makes_them_two_sites_does_not_count() -> None:
    other = blog(theme={"accent": "#123456"}, ask_again_days=30, share=Sharing("blog.example.jp", SHOP))
    assert disagreement(shop(), other) is None
    assert disagreement(shop(share=Sharing(group={**BLOG, "news": {"en": "News"}})), other) is None


def test_every_site_of_a_group_that_does_not_share_is_told() -> None:
    policy = shop(share=Sharing(group={**BLOG, "news": {"en": "News"}, "old": {"en": "Old"}}))
    published = {"blog": blog(), "old": blog(site="old", share=None)}
    assert list(disagreements(policy, published.get)) == [
        ("news", "“news” has no published policy."),
        ("old", "“old” does not name “shop” in its share.group."),
    ]
    assert list(disagreements(small(), published.get)) == []
