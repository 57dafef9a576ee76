"""What holds now, and the notice to show: reads for pages and headless clients."""

from __future__ import annotations

from cookiegate.policy.notice import negotiate
from cookiegate.web.call import Call, Reply, json_reply
from cookiegate.web.notes import patience
from cookiegate.web.service import Service
from cookiegate.web.visitors import consent_now


def get_consent(service: Service, call: Call, site: str) -> Reply:
    """The consent of whoever holds the handle cookie; ``undecided`` for everyone else."""
    return json_reply(consent_now(service, call, service.book.current(site)).shown())


def get_notice(service: Service, call: Call, site: str) -> Reply:
    """The notice in ``lang``, else in a language that the visitor reads, with the digest that a decision must name."""
    published = service.book.current(site)
    locale = negotiate(published.policy, call.query("lang"), call.header("HTTP_ACCEPT_LANGUAGE"))
    notice = service.book.notice(site, locale)
    besides = patience(published.policy, service.places.duties(call, published.policy))
    reply = json_reply({**notice.body, "holds_since": published.holds_since, **besides})
    reply.headers[1] = ("Cache-Control", f"{service.places.cache_scope(published.policy)}, max-age=60")
    reply.add("Content-Language", locale)
    return reply.add("Vary", "Accept-Language")
