"""Texts that would run as code where somebody forgets that they are texts."""

from __future__ import annotations

import re
from collections.abc import Mapping

from cookiegate.policy import wording
from security.policy_fields import FREE

#: No braces, which the policy's own placeholders would claim; at most 110 characters, which every text field takes.
PAYLOADS = (
    '<script>alert("xss")</script>',
    '"><script>alert("xss")</script>',
    "'><img src=x onerror=alert(`xss`)>",
    '"><img src=x onerror=window.hit=1>',
    "<svg/onload=alert(1)>",
    "</title><script>window.hit=1</script><title>",
    "</textarea><img src=x onerror=window.hit=1><textarea>",
    '" onmouseover="window.hit=1" autofocus onfocus="window.hit=1" x="',
    "' onfocus='window.hit=1' autofocus x='",
    "</style><script>window.hit=1</script>",
    "]]><script>window.hit=1</script><![CDATA[",
    "--><script>window.hit=1</script><!--",
    "javascript:window.hit=1//",
    "<a href=javascript:window.hit=1>x</a>",
    "<iframe srcdoc='<script>parent.hit=1</script>'></iframe>",
    "<math><mi xlink:href=javascript:window.hit=1>x</mi></math>",
    "<details open ontoggle=window.hit=1>x</details>",
    "<meta http-equiv=refresh content=0;url=javascript:window.hit=1>",
    "<base href=//evil.test/><link rel=stylesheet href=//evil.test/x.css>",
    "<form action=//evil.test/><input name=x><button>x</button></form>",
    "\\u003cscript\\u003ewindow.hit=1\\u003c/script\\u003e",
    "&lt;script&gt;window.hit=1&lt;/script&gt;",
    "&#60;script&#62;window.hit=1&#60;/script&#62;",
    "＜script＞window.hit=1＜/script＞",
    "<template><script>window.hit=1</script></template>",
    "<noscript><p title='</noscript><img src=x onerror=window.hit=1>'>",
    '`-window.hit=1-`;alert`1`;//\'+alert(1)+"+alert(1)+"',
    "</script><script>window.hit=1</script>",
    "%3Cscript%3Ewindow.hit=1%3C/script%3E",
    "<ScRiPt>window.hit=1</sCrIpT><x/onclick=window.hit=1>",
)

#: What markup of ours never has, however deep: found in a page, it came out of a text.
MARKS = (
    "img[src='x']", "[onerror]", "[onload]", "[onfocus]", "[onmouseover]", "[ontoggle]", "[onclick]",
    "iframe[srcdoc]", "math",
    "base", "a[href^='javascript' i]", "form[action*='evil']", "link[href*='evil']", "meta[http-equiv='refresh' i]",
    "template",
    "[autofocus][x]",
)  # fmt: skip


def policy_texts(turn: int) -> Mapping[str, str]:
    """A payload for every free text of a policy; other ones at every turn. What fills in a text is an attack, too.

    Each has a number, so that a page that shows it shows no other.
    """
    return {path: f"{PAYLOADS[(at + turn) % len(PAYLOADS)]} #{at}.{_gaps(path)}" for at, path in enumerate(FREE)}


def payload_in(text: str) -> str:
    """What of a text is the attack."""
    return text.rpartition(" #")[0]


def as_shown(text: str) -> str:
    """What of a text is shown as it was written: all but what is filled in."""
    return text.partition(" {")[0]


def _gaps(path: str) -> str:
    """The placeholders of a built-in text, so that what they stand for is shown as well."""
    group, _, key = path.partition(".")
    built_in = wording.built_in(wording.REFERENCE)
    if group != "texts" or built_in is None:
        return ""
    return "".join(f" {gap}" for gap in re.findall(r"\{\w+\}", {**built_in.ui, **built_in.vocabulary}[key]))
