"""A new version of a policy is announced once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.delivering import Post
from support.hooks import HookServer
from support.policies import demo_policy

from cookiegate.clock import rfc3339
from cookiegate.rights.delivery.announcing import publish_and_announce


@pytest.fixture
def hooks() -> Iterator[HookServer]:
    hooks = HookServer()
    yield hooks
    hooks.close()


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    post = Post(tmp_path)
    yield post
    post.close()


def test_s31_subscribers_hear_of_a_new_version_and_whether_visitors_are_asked_again(
    post: Post, hooks: HookServer
) -> None:
    secret = post.subscribe("newsletter", "policy.published", url=hooks.url)
    publish_and_announce(post.storage, demo_policy(), post.clock)
    post.clock.advance(60)
    published = publish_and_announce(post.storage, replace(demo_policy(), ask_again_days=30), post.clock)
    assert post.deliver().delivered == 2
    first, second = (message["data"] for message in hooks.verified(secret))
    assert (first["policy_version"], first["asks_again"]) == (1, True)
    assert second == {
        "site": "demo",
        "policy_version": 2,
        "sha256": published.sha256,
        "asks_again": False,
        "in_effect_since": rfc3339(post.clock.now_ms()),
    }


def test_what_was_published_before_is_not_announced_again(post: Post, hooks: HookServer) -> None:
    post.subscribe("newsletter", "policy.published", url=hooks.url)
    for _ in range(2):
        publish_and_announce(post.storage, demo_policy(), post.clock)
    assert post.deliver().delivered == 1
