"""The contract of a policy document. The reference page, the checks and the published form all follow it."""

from __future__ import annotations

from cookiegate.policy import values, wording
from cookiegate.policy.attaching import ATTACHED
from cookiegate.policy.cleaning import CleaningSchema
from cookiegate.policy.consent_mode import ConsentModeSchema
from cookiegate.policy.containers import Block, ListOf, Localized, MapOf
from cookiegate.policy.document import ASK_AGAIN_DAYS, CATEGORIES, HOME_COUNTRY, Retention
from cookiegate.policy.fields import Checked, Choice, Flag, Text, Whole, Word, about
from cookiegate.policy.holding import HoldSchema
from cookiegate.policy.iab import GppSchema, TcfSchema
from cookiegate.policy.recipient_schema import RecipientSchema
from cookiegate.policy.regions import RegionsSchema
from cookiegate.policy.sharing import SharingSchema
from cookiegate.policy.signals import SignalsSchema
from cookiegate.policy.strict_schema import KEY, KEY_SHAPE, SITE, SITE_SHAPE, StrictSchema
from cookiegate.policy.trackers import tracker_names

#: Trackers that the gate knows. A test in the gate's room holds this to its tables.
TRACKERS = tracker_names()
LEGAL_BASES = (
    "consent", "contract", "legal_obligation", "vital_interests", "public_task", "legitimate_interests",
)  # fmt: skip
#: What a field of a plain event may be: of a category, or part of the event that the purpose itself allows.
FIELD_CATEGORIES = (*CATEGORIES, "event")
LATE_EVENTS = ("while_granted", "until_withdrawal")

_KEPT = Retention()


class ControllerSchema(StrictSchema):
    """Who answers for the data, and how to reach them."""

    name = Localized(
        Text(200), is_name=True, required=True, metadata=about("Name of the company or body.", "{ja: …, en: …}")
    )
    address = Localized(Text(400), is_name=True, required=True, metadata=about("Postal address.", "{ja: …, en: …}"))
    representative = Localized(Text(200), is_name=True, metadata=about("Name of the representative.", "{ja: …, en: …}"))
    privacy_officer = Localized(
        Text(200), is_name=True, metadata=about("Responsible manager or data protection officer.", "{ja: …, en: …}")
    )
    desk = Localized(
        Text(200), is_name=True, metadata=about("Desk that takes questions and complaints.", "{ja: …, en: …}")
    )
    email = Checked(
        values.read_email, "e-mail address", limit=254, metadata=about("E-mail of the desk.", "privacy@example.jp")
    )
    phone = Checked(
        values.read_phone, "telephone number", limit=40, metadata=about("Telephone of the desk.", "+81-3-0000-0000")
    )
    url = Checked(
        values.read_link, "http(s) address", metadata=about("Contact page.", "https://www.example.jp/contact")
    )
    country = Checked(
        values.read_country,
        "ISO 3166 code",
        load_default=HOME_COUNTRY,
        metadata=about(f"Where it is established. Default `{HOME_COUNTRY}`.", HOME_COUNTRY),
    )


class PurposeSchema(StrictSchema):
    """Why data is used."""

    key = Word(KEY, KEY_SHAPE, required=True, metadata=about("Name in tokens and code; never reuse one.", "analytics"))
    title = Localized(Text(120), metadata=about("Title that visitors read. Built in for some keys.", "{ja: …, en: …}"))
    description = Localized(
        Text(2_000),
        metadata=about("What is done with the data, in plain words. Built in for some keys.", "{ja: …, en: …}"),
    )
    loss = Localized(
        Text(500),
        metadata=about("What is lost by saying no. Built in for some keys; else: nothing changes.", "{ja: …, en: …}"),
    )
    legal_basis = Choice(
        LEGAL_BASES,
        required=True,
        metadata=about(
            "Legal basis. `consent` for every purpose that a visitor may refuse, and only for those.", "consent"
        ),
    )
    acquire = ListOf(
        Choice(CATEGORIES), required=True, metadata=about("Acquisition categories that the purpose uses.", "[device]")
    )
    retention_days = Whole(
        1, 36_500, required=True, metadata=about("Days after which the purpose's data is erased.", "180")
    )
    recipients = ListOf(
        Word(KEY, KEY_SHAPE), load_default=list, metadata=about("Keys of `recipients` that get this data.", "[host]")
    )
    always_on = Flag(
        load_default=False, metadata=about("Runs without asking; cannot be refused. Default `false`.", "true")
    )
    automated_decisions = Flag(
        load_default=False,
        metadata=about(
            "Decides about people by machine alone, profiling included, with legal or similarly significant effects."
            " Default `false`.",
            "true",
        ),
    )


class CollectorSchema(StrictSchema):
    """A tracker in front of which the gate stands."""

    purpose = Word(KEY, KEY_SHAPE, required=True, metadata=about("The purpose that the tracker declares.", "analytics"))
    fields_ = MapOf(
        Word(r"[^.]+(?:\.[^.]+)*", "a name, or names joined by dots, such as props.plan", limit=128),
        Choice(FIELD_CATEGORIES),
        data_key="fields",
        attribute="fields",
        load_default=dict,
        metadata=about(
            "The category of each field, or `event` for one that the purpose itself allows. `props.plan` is the field"
            " `plan` inside `props`. For `plain` a field that is not listed is dropped; other trackers' own fields are"
            " known, and these come beside them.",
            "{page: browsing}",
        ),
    )
    recipient = Word(
        KEY,
        KEY_SHAPE,
        metadata=about("Key of the recipient that gets what is collected, if it does not stay with you.", "ad_network"),
    )
    late_events = Choice(
        LATE_EVENTS,
        metadata=about(
            "Events that happened before a withdrawal and come after it: dropped (`while_granted`), or passed where the"
            " gate knows when the withdrawal was (`until_withdrawal`). Default `while_granted`.",
            "until_withdrawal",
        ),
    )
    prior_consent = MapOf(
        Word(r"[^.]+(?:\.[^.]+)*", "a name, or names joined by dots, such as props.plan", limit=128),
        ListOf(Word(KEY, KEY_SHAPE), least=1),
        metadata=about(
            "Sensitive fields, by name: the purposes of which a visitor must have allowed one for the field to pass.",
            "{blood_type: [study]}",
        ),
    )
    bind = Flag(
        metadata=about(
            "Tokens are bound to the client id that this tracker gave, so that a copied token fails elsewhere: for"
            " `snowplow`, `matomo`, `ga4`, `posthog`. Default `false`.",
            "true",
        ),
    )


class RetentionSchema(StrictSchema):
    """How long the service keeps its own records."""

    consent_days = Whole(
        1,
        3_650,
        load_default=_KEPT.consent_days,
        metadata=about(
            f"Proof of a consent, once it has ended. At least `ask_again_days`. Default {_KEPT.consent_days}.",
            "1095",
        ),
    )
    refusal_days = Whole(
        1,
        3_650,
        load_default=_KEPT.refusal_days,
        metadata=about(f"Proof of a refusal. Default {_KEPT.refusal_days}.", "365"),
    )
    request_days = Whole(
        1,
        3_650,
        load_default=_KEPT.request_days,
        metadata=about(f"A person's request and its answer, once it is closed. Default {_KEPT.request_days}.", "1095"),
    )
    provision_days = Whole(
        1_095,
        3_650,
        load_default=_KEPT.provision_days,
        metadata=about(
            "Records of provision to third parties; the law asks for three years (APPI 29(2), its rules 21)."
            f" Default {_KEPT.provision_days}.",
            "1095",
        ),
    )
    ip_evidence_days = Whole(
        0,
        180,
        load_default=_KEPT.ip_evidence_days,
        metadata=about(
            "IP addresses as evidence of attacks, for a purpose that is always on and acquires `ip`. Default 0: none.",
            "30",
        ),
    )


def _colour(doc: str, example: str) -> Checked:
    return Checked(values.read_theme_colour, "`#rrggbb` or `rgb(r, g, b)`", limit=32, metadata=about(doc, example))


class ThemeSchema(StrictSchema):
    """How the banner looks."""

    accent = _colour("Buttons and switches.", '"#1a6b4a"')
    accent_text = _colour("Text on buttons; black or white when not given.", '"#ffffff"')
    background = _colour("Background of the banner and the dialog.", '"#ffffff"')
    text = _colour("Text on the background; black or white when not given.", '"#1c1c1c"')
    border = _colour("Lines and frames.", '"#d0d0d0"')
    radius = Checked(values.read_radius, "`0px` to `32px`", limit=8, metadata=about("Roundness of corners.", "8px"))


class CategorySchema(StrictSchema):
    """Another wording for an acquisition category."""

    title = Localized(Text(120), metadata=about("Title that visitors read.", "{ja: …, en: …}"))
    description = Localized(Text(1_000), metadata=about("What exactly is collected.", "{ja: …, en: …}"))


class PolicySchema(StrictSchema):
    """A whole policy document."""

    site = Word(
        SITE,
        SITE_SHAPE,
        required=True,
        metadata=about("Id of the site, in addresses and tokens.", "demo"),
    )
    source_document = Text(200, metadata=about("The legal text that this policy was made from.", "privacy-policy.pdf"))
    origins = ListOf(
        Checked(values.read_origin, "origin", limit=300),
        required=True,
        least=1,
        metadata=about("Origins whose pages carry the banner.", '["https://www.example.jp"]'),
    )
    locales = ListOf(
        Checked(values.read_locale, "locale", limit=35),
        required=True,
        least=1,
        most=64,
        metadata=about("Languages of the notice, the default first.", "[ja, en]"),
    )
    authoritative_locale = Text(
        35, metadata=about("The one of `locales` that prevails. Needed when there are several.", "ja")
    )
    controller = Block(
        ControllerSchema(), required=True, metadata=about("Who answers for the data.", "{name: …, address: …}")
    )
    policy_url = Localized(
        Checked(values.read_link, "http(s) address"),
        is_name=True,
        metadata=about("The full privacy policy.", "https://www.example.jp/privacy"),
    )
    ip_when_refused = Choice(
        ("drop", "truncate"),
        load_default="drop",
        metadata=about(
            "The IP address when `ip` is not granted: removed, or cut to /24 or /48. Default `drop`.", "drop"
        ),
    )
    ask_again_days = Whole(
        1,
        395,
        load_default=ASK_AGAIN_DAYS,
        metadata=about(f"Days after which any choice is asked again. Default {ASK_AGAIN_DAYS}.", "180"),
    )
    ask_again_refused_days = Whole(
        1,
        395,
        metadata=about(
            "Days after which a refusal is asked again; not less than `ask_again_days`, which is the default. Some"
            " [regions](regions.md) ask for more.",
            "365",
        ),
    )
    signals = Block(
        SignalsSchema(), metadata=about("What [browser signals](signals.md) switch off.", "{affects: [analytics]}")
    )
    hold = Block(
        HoldSchema(),
        metadata=about("Hosts that pages hold back without a mark.", "{hosts: {stats.example: analytics}}"),
    )
    regions = Block(RegionsSchema(), metadata=about("Whose law decides what is shown.", "{rules: everyone}"))
    eu_data = Flag(
        load_default=False,
        metadata=about(
            "Data of people in the EU is handled, so the GDPR rules its way abroad. Default `false`.", "true"
        ),
    )
    purposes = ListOf(
        Block(PurposeSchema()),
        required=True,
        least=1,
        most=32,
        metadata=about("Why data is used, in the order that visitors see.", "[{key: analytics, …}]"),
    )
    recipients = MapOf(
        Word(KEY, KEY_SHAPE),
        Block(RecipientSchema()),
        load_default=dict,
        metadata=about("Everybody who gets data, by key.", "{host: {name: …}}"),
    )
    collectors = MapOf(
        Choice(TRACKERS),
        Block(CollectorSchema()),
        load_default=dict,
        metadata=about(
            "The site's trackers, by [the gate's names](gate.md#trackers).", "{plausible: {purpose: analytics}}"
        ),
    )
    attach = MapOf(
        Choice(ATTACHED),
        Word(KEY, KEY_SHAPE),
        metadata=about(
            "Trackers that [pages stop and start](../how-to/stop-trackers.md), and the purpose of each.",
            "{matomo: analytics}",
        ),
    )
    clean = Block(
        CleaningSchema(),
        metadata=about("What pages remove from the browser while its purpose is refused.", "{trackers: …}"),
    )
    google = Block(
        ConsentModeSchema(),
        metadata=about("What Google's tags are told (Consent Mode v2).", "{analytics_storage: analytics}"),
    )
    tcf = Block(
        TcfSchema(), metadata=about("What vendors are told by IAB TCF.", "{cmp_id: 300, cmp_version: 1, purposes: …}")
    )
    gpp = Block(GppSchema(), metadata=about("What vendors are told by IAB GPP.", "{sections: [usnat], sale: [ads]}"))
    share = Block(SharingSchema(), metadata=about("Whose pages share one choice.", "{domain: example.com}"))
    reload_on_withdrawal = Choice(
        ("auto", "never"),
        metadata=about(
            "Whether a page is loaded anew after a withdrawal where scripts of the purpose ran and nothing else stops"
            " them. Default `auto`.",
            "never",
        ),
    )
    debug_origins = ListOf(
        Checked(values.read_origin, "origin", limit=300),
        least=1,
        most=32,
        metadata=about(
            "Those of `origins` whose pages show the [developer panel](widget.md#developer-panel) where the address"
            " asks for it. Default: none.",
            '["https://staging.example.jp"]',
        ),
    )
    retention = Block(
        RetentionSchema(),
        load_default=dict,
        metadata=about("How many days the service keeps its own records.", "{consent_days: 1095}"),
    )
    theme = Block(ThemeSchema(), load_default=dict, metadata=about("Colours and corners.", '{accent: "#1a6b4a"}'))
    texts = MapOf(
        Choice(wording.text_keys(), retired=wording.RETIRED_TEXTS),
        Localized(Checked(values.read_ui_text, "text", limit=1_000)),
        load_default=dict,
        metadata=about("Own wording in place of built-in texts.", "{banner_title: …}"),
    )
    categories = MapOf(
        Choice(CATEGORIES),
        Block(CategorySchema()),
        load_default=dict,
        metadata=about("Own wording for acquisition categories.", "{ip: {title: …}}"),
    )
    out_of_scope = Localized(
        Text(2_000), metadata=about("What this policy does not cover, such as linked sites.", "{ja: …, en: …}")
    )
