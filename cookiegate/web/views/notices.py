"""The notice: its current text, what changed, every earlier version, a feed of changes (S31), and its vendors."""

from __future__ import annotations

from functools import partial

from flask import Blueprint, Response, make_response, render_template, request

from cookiegate.clock import rfc3339
from cookiegate.errors import NotFoundError
from cookiegate.policy.document import PublishedPolicy
from cookiegate.policy.history import Edition, editions, read_edition, read_notice
from cookiegate.web.atom import MEDIA_TYPE, FeedEntry, make_feed
from cookiegate.web.call import Call
from cookiegate.web.change_wording import history_texts, tell_changes
from cookiegate.web.codings import IDENTITY, preferred
from cookiegate.web.history_view import Since, changes_page, completed, history_part
from cookiegate.web.iab import listed_vendors
from cookiegate.web.incident_view import incident_cards
from cookiegate.web.pages import notice_page
from cookiegate.web.service import Service
from cookiegate.web.vendor_pages import VendorPages
from cookiegate.web.vendor_view import vendors_card, vendors_page
from cookiegate.web.views.responses import as_page, page_locale
from cookiegate.web.visitors import chosen_version

FEED_ENTRIES_MAX = 30
FEED_MAX_AGE_S = 300
VENDORS_MAX_AGE_S = 300
VERSION_DIGITS_MAX = 9


def make_notices_blueprint(service: Service) -> Blueprint:
    """``/notice/<site>`` and what lies below it."""
    blueprint = Blueprint("notices", __name__)
    pages = VendorPages()

    @blueprint.get("/notice/<site>")
    def show_notice(site: str) -> Response:
        """The whole notice, for anyone: the current one, or with ``version`` an earlier one as it was published."""
        current = service.book.current(site)
        version = _version("version")
        if version is None or version == current.version:
            return _show(service, current, _since(service, current))
        return _show(service, read_edition(service.storage, site, version), None)

    @blueprint.get("/notice/<site>/changes")
    def show_changes(site: str) -> Response:
        """Every difference between two versions; between the current one and the one before when none are named."""
        current = service.book.current(site)
        new = _version("to") or current.version
        old = _version("from") or max(1, new - 1)
        pair = [read_edition(service.storage, site, version) for version in sorted((old, new))]
        locale = page_locale(current.policy)
        body = completed(service.book.notice(site, locale).body)
        every = editions(service.storage, site)
        page = changes_page(body, *pair, locales=current.policy.locales, editions=every)
        return as_page(make_response(render_template("changes.html", **page)), locale)

    @blueprint.get("/notice/<site>/vendors")
    def show_vendors(site: str) -> Response:
        """The vendors that hear of choices by IAB TCF, with what each declared."""
        return _vendors(service, pages, service.book.current(site))

    @blueprint.get("/notice/<site>/changes.atom")
    def feed(site: str) -> Response:
        """The newest versions with what each changed, for feed readers."""
        response = Response(_feed(service, service.book.current(site)), content_type=MEDIA_TYPE)
        response.headers["Cache-Control"] = f"public, max-age={FEED_MAX_AGE_S}"
        response.headers["Vary"] = "Accept-Language"
        response.add_etag()
        response.make_conditional(request)
        return response

    return blueprint


def _version(name: str) -> int | None:
    """A version in the query; None where none is asked for.

    Raises:
        NotFoundError: it cannot be one.
    """
    text = request.args.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= VERSION_DIGITS_MAX and int(text)):
        raise NotFoundError("no version has such a number")
    return int(text)


def _since(service: Service, current: PublishedPolicy) -> Since | None:
    """What to compare the current version with, for this visitor."""
    site = current.policy.site
    chosen = chosen_version(service, Call(request.environ), current)
    if chosen is not None:
        return Since(read_edition(service.storage, site, chosen), "agreed")
    if current.version == 1:
        return None
    return Since(read_edition(service.storage, site, current.version - 1), "previous")


def _show(service: Service, shown: PublishedPolicy, since: Since | None) -> Response:
    policy, storage = shown.policy, service.storage
    locale = page_locale(policy)
    body = completed(read_notice(storage, shown, locale).body)
    part = history_part(policy.site, shown, since, editions(storage, policy.site), locale)
    at = rfc3339(shown.published_at_ms)
    page = notice_page(body, locales=policy.locales, published_at=at, history=part)
    if part["old_notice"]:  # its translations are of the same version
        for link in (*page["languages"], page["authoritative"] or {"href": ""}):
            link["href"] += f"&version={shown.version}"
    else:
        page["vendors"] = vendors_card(body, listed_vendors(policy, service.vendor_list))
    page["incidents"] = incident_cards(service.incidents.announced(policy.site), body, own=False)
    return as_page(make_response(render_template("notice.html", **page)), locale)


def _vendors(service: Service, pages: VendorPages, current: PublishedPolicy) -> Response:
    policy, locale = current.policy, page_locale(current.policy)
    listed = listed_vendors(policy, service.vendor_list)
    if policy.tcf is None or listed is None:
        raise NotFoundError("this site's policy has no vendors, or their list is not here")
    body = completed(service.book.notice(policy.site, locale).body)
    view = partial(vendors_page, body, listed, policy.tcf, locales=policy.locales)
    page = pages.get(current, locale, listed, lambda: render_template("vendors.html", **view()))
    coding = preferred(request.headers.get("Accept-Encoding"), ("gzip",))
    response = Response(page.sent_as(coding), content_type="text/html; charset=utf-8")
    if coding != IDENTITY:
        response.headers["Content-Encoding"] = coding
    # The same for everybody, and long: unlike other pages, it may be kept.
    response.headers["Cache-Control"] = f"public, max-age={VENDORS_MAX_AGE_S}"
    response.headers["Content-Language"] = locale
    response.headers["Vary"] = "Accept-Encoding, Accept-Language"
    response.set_etag(f"{page.digest}-{coding}")
    response.make_conditional(request)
    return response


def _feed(service: Service, current: PublishedPolicy) -> bytes:
    site, policy = current.policy.site, current.policy
    locale = page_locale(policy)
    texts, page = history_texts(locale)["page"], f"{service.settings.base_url}/notice/{site}"
    newest = editions(service.storage, site)[:FEED_ENTRIES_MAX]
    author = policy.controller.name[locale]
    return make_feed(
        address=f"{page}/changes.atom",
        page=page,
        title=texts["feed_title"].format(controller=author),
        author=author,
        locale=locale,
        entries=[_announcement(service, site, edition, locale) for edition in newest],
    )


def _announcement(service: Service, site: str, edition: Edition, locale: str) -> FeedEntry:
    texts, version = history_texts(locale)["page"], edition.version
    lines = [texts["holds"].format(start=rfc3339(edition.published_at_ms)[:10])]
    if version > 1:
        old, new = (read_edition(service.storage, site, number).policy for number in (version - 1, version))
        lines += [change.text for change in tell_changes(old, new, locale)]
    else:
        lines.append(texts["feed_first"])
    address = f"{service.settings.base_url}/notice/{site}?version={version}"
    return FeedEntry(texts["version"].format(version=version), address, edition.published_at_ms, lines)
