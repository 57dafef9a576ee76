"""What advertising vendors are told in the words of IAB Tech Lab: TC strings (TCF 2.3) and GPP strings.

Both speak of the visitor's answers to the policy's own purposes. A vendor hears yes only where all that it declares was
granted; legitimate interest is never claimed.

Sources: IAB Tech Lab, "Consent string and vendor list formats v2.3", "CMP API v2", "Global Privacy Platform 1.1".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, cast

from cookiegate.policy import values
from cookiegate.policy.containers import ListOf, MapOf
from cookiegate.policy.faults import Complaint, Path, quoted, suggest
from cookiegate.policy.fields import Checked, Choice, Flag, Whole, Word, about
from cookiegate.policy.pages import Gpp, Tcf
from cookiegate.policy.raw import Data, as_list, as_mapping, entries, purposes
from cookiegate.policy.strict_schema import KEY, KEY_SHAPE, StrictSchema

#: GPP's section for the EU; it needs ``tcf``.
EU_SECTION = "tcfeuv2"
GPP_SECTIONS = (
    EU_SECTION, "usnat", "usca", "usva", "usco", "usut", "usct", "usfl", "usmt", "usor", "ustx", "usde", "usia", "usne",
    "usnh", "usnj", "ustn", "usmn", "usmd", "usin", "usky", "usri",
)  # fmt: skip
#: What a visitor of the United States may opt out of.
OPT_OUTS = ("sale", "sharing", "targeted_advertising")
#: Storing and reading on a device: the one number that every use of data needs with it.
_STORING = 1


def read_tcf(document: Mapping[str, Any]) -> Tcf:
    """The value behind a document that was checked before."""
    found = dict(document)
    for name in ("purposes", "special_features"):
        if name in found:
            found[name] = MappingProxyType({key: tuple(numbers) for key, numbers in found[name].items()})
    if "vendors" in found:
        found["vendors"] = tuple(found["vendors"])
    return Tcf(**found)


def read_gpp(document: Mapping[str, Any]) -> Gpp:
    """The value behind a document that was checked before."""
    found = {name: tuple(value) if isinstance(value, list) else value for name, value in document.items()}
    return Gpp(**cast(dict[str, Any], found))


def page_tcf(tcf: Tcf, country: str) -> dict[str, Any]:
    """What pages are told of TCF.

    Args:
        country: of the controller, who publishes the site unless the policy says otherwise.
    """
    return {
        "cmp_id": tcf.cmp_id,
        "cmp_version": tcf.cmp_version,
        "purposes": {key: list(numbers) for key, numbers in tcf.purposes.items()},
        "special_features": {key: list(numbers) for key, numbers in (tcf.special_features or {}).items()},
        "country": tcf.publisher_country or country,
        "service_specific": tcf.service_specific is not False,
        "standard_texts": bool(tcf.standard_texts),
        **{name: given for name in ("gvl", "cookie") if (given := getattr(tcf, name)) is not None},
    }


def page_gpp(gpp: Gpp, tcf: Tcf | None) -> dict[str, Any]:
    """What pages are told of GPP."""
    return {
        "cmp_id": gpp.cmp_id or (tcf.cmp_id if tcf else 0),
        "cmp_version": gpp.cmp_version or (tcf.cmp_version if tcf else 0),
        "sections": list(gpp.sections),
        "opt_outs": {name: list(keys) for name in OPT_OUTS if (keys := getattr(gpp, name)) is not None},
    }


def _cmp_id(**needed: bool) -> Whole:
    return Whole(2, 4_095, metadata=about("The number that IAB gave to you as a consent platform.", "300"), **needed)


def _cmp_version(**needed: bool) -> Whole:
    return Whole(1, 4_095, metadata=about("The number of your platform's version.", "1"), **needed)


def _purposes_of(what: str) -> ListOf:
    inner = Word(KEY, KEY_SHAPE)
    return ListOf(inner, least=1, most=32, metadata=about(f"Purposes; refusing one opts out of {what}.", "[ads]"))


class TcfSchema(StrictSchema):
    """TC strings."""

    cmp_id = _cmp_id(required=True)
    cmp_version = _cmp_version(required=True)
    purposes = MapOf(
        Word(KEY, KEY_SHAPE),
        ListOf(Whole(1, 11), least=1, most=11),
        required=True,
        metadata=about("The framework's purposes that each purpose stands for.", "{analytics: [1, 8, 9]}"),
    )
    special_features = MapOf(
        Word(KEY, KEY_SHAPE),
        ListOf(Whole(1, 2), least=1, most=2),
        metadata=about("The same for its special features. Default: none.", "{advertising: [1]}"),
    )
    vendors = ListOf(
        Whole(1, 65_535),
        least=1,
        most=2_000,
        metadata=about("Numbers of the vendors that the site works with. Default: all of the list.", "[755]"),
    )
    publisher_country = Checked(
        values.read_country,
        "ISO 3166 code",
        metadata=about("Whose law rules the site. Default: the controller's.", "DE"),
    )
    service_specific = Flag(
        metadata=about("The string is about this site alone, not about a group. Default `true`.", "true")
    )
    standard_texts = Flag(
        metadata=about("The purposes have the framework's own texts, word for word. Default `false`.", "true")
    )
    gvl = Checked(
        values.read_link,
        "http(s) address",
        metadata=about(
            "Address of your copy of the vendor list. Default: the service's own, `COOKIEGATE_VENDOR_LIST`.",
            "https://www.example.com/vendor-list.json",
        ),
    )
    cookie = Word(
        KEY,
        KEY_SHAPE,
        metadata=about("The purpose that allows keeping the string as `euconsent-v2`. Default: it is not kept.", "ads"),
    )


class GppSchema(StrictSchema):
    """GPP strings."""

    sections = ListOf(
        Choice(GPP_SECTIONS), required=True, least=1, metadata=about("The sections of the string.", "[usnat, usca]")
    )
    sale = _purposes_of("the sale of data")
    sharing = _purposes_of("sharing for advertising across sites")
    targeted_advertising = _purposes_of("targeted advertising")
    cmp_id = _cmp_id()
    cmp_version = _cmp_version()


def framework_purposes(data: Data) -> Iterator[Complaint]:
    """Every purpose that is named is there and may be refused, and each number stands under one purpose alone."""
    optional = [
        key for _, one in purposes(data) if isinstance(key := one.get("key"), str) and one.get("always_on") is not True
    ]
    tcf, gpp = as_mapping(data.get("tcf")), as_mapping(data.get("gpp"))
    named: list[tuple[Any, Path]] = [(tcf["cookie"], ("tcf", "cookie"))] if "cookie" in tcf else []
    for part in ("purposes", "special_features"):
        named += ((key, ("tcf", part, key)) for key, _ in entries(tcf.get(part)))
    for part in OPT_OUTS:
        named += ((key, ("gpp", part, index)) for index, key in enumerate(as_list(gpp.get(part))))
    for key, path in named:
        if isinstance(key, str) and optional and key not in optional:
            yield Complaint(
                f"There is no purpose {quoted(key)} that visitors may refuse.", suggest(key, optional), path
            )
    seen: dict[int, str] = {}
    for key, numbers in entries(tcf.get("purposes")):
        for index, number in enumerate(as_list(numbers)):
            if not isinstance(number, int) or isinstance(number, bool) or number == _STORING:
                continue
            first = seen.setdefault(number, key)
            if first != key:
                message = f"{number} stands for {quoted(first)} already: one answer would count for the other."
                yield Complaint(message, "Keep it under one purpose.", ("tcf", "purposes", key, index))


def framework_wholeness(data: Data) -> Iterator[Complaint]:
    """GPP has a platform's number, and what its sections need."""
    tcf, gpp = as_mapping(data.get("tcf")), as_mapping(data.get("gpp"))
    sections = [one for one in as_list(gpp.get("sections")) if isinstance(one, str)]
    if EU_SECTION in sections and not tcf:
        message = f"The section {quoted(EU_SECTION)} is made from `tcf`, which is missing."
        yield Complaint(
            message, "Add `tcf`, or leave the section out.", ("gpp", "sections", sections.index(EU_SECTION))
        )
    if sections and not tcf and not {"cmp_id", "cmp_version"} <= gpp.keys():
        message = "GPP needs the number and the version of your consent platform."
        yield Complaint(message, "Add `cmp_id` and `cmp_version`.", ("gpp",), at_key=True)
    if any(one != EU_SECTION for one in sections) and not any(name in gpp for name in OPT_OUTS):
        message = "The sections of the United States say what visitors opted out of; here that is nothing."
        yield Complaint(message, "Add `sale`, `sharing` or `targeted_advertising`.", ("gpp",), at_key=True)


FRAMEWORK_RULES = (framework_purposes, framework_wholeness)
