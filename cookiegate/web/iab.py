"""What pages load for IAB TCF and GPP: built files with other people's code, and the operator's vendor list."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import msgspec

from cookiegate.errors import PolicyError, SettingsError
from cookiegate.policy.document import Policy
from cookiegate.policy.faults import quoted
from cookiegate.policy.iab import page_gpp, page_tcf
from cookiegate.settings import PREFIX
from cookiegate.web.bundle import digest_of, static_folder
from cookiegate.web.codings import gzipped
from cookiegate.web.logs import get_logger

#: The framework's list of all vendors has 1.5 MB.
LIST_LIMIT_BYTES = 8_388_608
#: The oldest form of the list that has what strings of TCF 2.3 are made from.
LEAST_SPECIFICATION = 3
SETTING = f"{PREFIX}VENDOR_LIST"
_NAMES = ("tcf", "gpp")
_BUILD = "run `make widget-tcf` (it needs Node and npm), or install a wheel that was built with it"


class _Vendor(msgspec.Struct, rename="camel"):
    id: int
    name: str
    purposes: list[int]
    leg_int_purposes: list[int]
    flexible_purposes: list[int]
    special_purposes: list[int]
    features: list[int]
    special_features: list[int]
    deleted_date: str | None = None


class _List(msgspec.Struct, rename="camel"):
    gvl_specification_version: int
    vendor_list_version: int
    tcf_policy_version: int
    last_updated: str
    purposes: dict[str, Any]
    special_purposes: dict[str, Any]
    features: dict[str, Any]
    special_features: dict[str, Any]
    vendors: dict[str, _Vendor]


class File(msgspec.Struct, frozen=True):
    """What is served under an address that names its bytes."""

    body: bytes
    digest: str


@lru_cache(maxsize=1)
def built_files() -> Mapping[str, File]:
    """The files of this installation by name: ``tcf``, ``gpp``; none where they were not built."""
    paths = {name: static_folder() / "tcf" / f"{name}.js" for name in _NAMES}
    bodies = {name: path.read_bytes() for name, path in paths.items() if path.is_file()}
    return {name: File(body, digest_of(body)) for name, body in bodies.items()}


def wanted_files(policy: Policy) -> Iterator[str]:
    """The names of the files that a policy's pages load."""
    return (name for name in _NAMES if getattr(policy, name) is not None)


def page_frameworks(policy: Policy) -> dict[str, Any] | None:
    """What the widget's part ``iab`` is given; None where the policy does without, or this installation."""
    files = built_files()
    if not any(wanted_files(policy)) or any(name not in files for name in wanted_files(policy)):
        return None
    told: dict[str, Any] = {"days": policy.ask_again_days}
    if policy.tcf is not None:
        told["tcf"] = {"file": files["tcf"].digest, **page_tcf(policy.tcf, policy.controller.country)}
    if policy.gpp is not None:
        told["gpp"] = {"file": files["gpp"].digest, **page_gpp(policy.gpp, policy.tcf)}
    return told


class VendorList:
    """The operator's vendor list, a file that may be replaced while the service runs.

    Args:
        path: the file; None where the operator named none.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._seen: tuple[int, int, int] | None = None
        self._refused: tuple[int, int, int] | None = None
        self._list: Mapping[str, Any] = {}
        self._cuts: dict[tuple[int, ...] | None, tuple[File, dict[str, bytes]]] = {}
        self._listed: dict[tuple[int, ...] | None, Mapping[str, Any]] = {}

    def cut(self, vendors: tuple[int, ...] | None) -> tuple[File, dict[str, bytes]]:
        """The list with some of its vendors alone, JSON, as it is and by content coding.

        Args:
            vendors: numbers; None for all of them.

        Raises:
            SettingsError: there is no list, and there never was a good one.
        """
        with self._lock:
            self._refresh()
            if vendors not in self._cuts:
                kept = {str(number) for number in vendors} if vendors is not None else None
                found = {key: one for key, one in self._list["vendors"].items() if kept is None or key in kept}
                body = msgspec.json.encode({**self._list, "vendors": found})
                self._cuts[vendors] = File(body, digest_of(body)), {"gzip": gzipped(body)}
            return self._cuts[vendors]

    def listed(self, vendors: tuple[int, ...] | None) -> Mapping[str, Any]:
        """The list as visitors see it: with some of its vendors alone, and without those that have left the framework.

        Args:
            vendors: numbers; None for all of them.

        Returns:
            The same object for the same vendors until the list is replaced.

        Raises:
            SettingsError: there is no list.
        """
        with self._lock:
            self._refresh()
            if vendors not in self._listed:
                every = self._list["vendors"]
                wanted = every if vendors is None else map(str, vendors)
                found = {key: one for key in wanted if (one := every.get(key)) and one.get("deletedDate") is None}
                self._listed[vendors] = {**self._list, "vendors": found}
            return self._listed[vendors]

    def unknown(self, vendors: tuple[int, ...]) -> list[int]:
        """Those of some numbers that the list does not have.

        Raises:
            SettingsError: there is no list.
        """
        with self._lock:
            self._refresh()
            return [number for number in vendors if str(number) not in self._list["vendors"]]

    def _refresh(self) -> None:
        """Reads the file anew where it changed; a list that is replaced by a bad one stays."""
        if self._path is None:
            raise SettingsError(f"{SETTING} must name your copy of the framework's vendor list")
        try:
            facts = self._path.stat()
            seen = facts.st_mtime_ns, facts.st_size, facts.st_ino
            if seen in (self._seen, self._refused):
                return
            self._list = _read_list(self._path)
        except (OSError, SettingsError) as error:
            if self._list:
                if isinstance(error, SettingsError):  # it is not read again until it changes
                    self._refused = seen
                    get_logger().warning("vendor_list_refused", reason=str(error))
                return
            if isinstance(error, SettingsError):
                raise
            reason = f"which cannot be read ({error.strerror})"
            raise SettingsError(f"{SETTING} names {self._path}, {reason}") from error
        self._seen, self._refused, self._cuts, self._listed = seen, None, {}, {}


def listed_vendors(policy: Policy, vendor_list: VendorList) -> Mapping[str, Any] | None:
    """The vendors that a policy's visitors may look up, as ``VendorList.listed`` gives them.

    None where there are none: the policy tells no vendors by TCF, all have left the framework, or the list is elsewhere
    alone, since the service fetches none.
    """
    if policy.tcf is None:
        return None
    try:
        found = vendor_list.listed(policy.tcf.vendors)
    except SettingsError:
        return None
    return found if found["vendors"] else None


def _read_list(path: Path) -> Mapping[str, Any]:
    with path.open("rb") as file:
        raw = file.read(LIST_LIMIT_BYTES + 1)
    if len(raw) > LIST_LIMIT_BYTES:
        raise SettingsError(f"{SETTING} names {path}, which has more than {LIST_LIMIT_BYTES} bytes")
    try:
        found = msgspec.json.decode(raw, type=_List)
        plain: Final[Mapping[str, Any]] = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SettingsError(f"{SETTING} names {path}, which is no vendor list: {error}") from error
    if found.gvl_specification_version < LEAST_SPECIFICATION:
        raise SettingsError(f"{SETTING} names {path}, whose form is older than version {LEAST_SPECIFICATION}")
    if wrong := [key for key, vendor in found.vendors.items() if key != str(vendor.id)]:
        raise SettingsError(f"{SETTING} names {path}, whose vendor {quoted(wrong[0])} has another id")
    return plain


def insist_on_frameworks(policy: Policy, vendor_list: VendorList, files: Mapping[str, File] | None = None) -> None:
    """That what a policy asks for can be served here.

    Args:
        policy: about to be published.
        vendor_list: the operator's.
        files: those that are here; this installation's when not given.

    Raises:
        PolicyError: the files were not built, or a vendor is not on the list.
        SettingsError: there is no vendor list.
    """
    files = built_files() if files is None else files
    missing = [name for name in wanted_files(policy) if name not in files]
    if missing:
        names = " and ".join(f"`{name}`" for name in missing)
        detail = f"The policy of {quoted(policy.site)} asks for {names}, whose files are not here: {_BUILD}."
        raise PolicyError(detail, site=policy.site)
    if policy.tcf is None or policy.tcf.gvl is not None:
        return
    if unknown := vendor_list.unknown(policy.tcf.vendors or ()):
        detail = f"`tcf.vendors` of {quoted(policy.site)} names {unknown[0]}, which the vendor list does not have."
        raise PolicyError(detail, site=policy.site)
