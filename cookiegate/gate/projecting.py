"""Rules for the compiled projection: what one grant leaves of the events of one route, name by name."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Protocol, TypeAlias

from cookiegate.gate import ip
from cookiegate.gate.allowance import IP, Allowance
from cookiegate.gate.carriers import TOKEN_COOKIE, TOKEN_PARAMETER
from cookiegate.gate.events import EventRules
from cookiegate.gate.fields import Tree
from cookiegate.gate.headers import SILENT, HeaderRules
from cookiegate.gate.trackers.table import Level, Route, TrackerTable

if TYPE_CHECKING:
    import cookiegate.gate._projection as compiled
    from cookiegate.gate._projection import Projection, _Entry, _Node


def _load() -> ModuleType | None:
    """The compiled part: None where there was no C compiler, or where it is not of the sources beside it."""
    try:
        module = import_module("cookiegate.gate._projection")
    except ImportError:
        return None
    sources = sorted((Path(__file__).parent / "projection").glob("*.[ch]"))
    # An installed package has none.
    if sources and hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest() != module.BUILT_FROM:
        warnings.warn(
            "the gate's quick way is of other sources; `python hatch_build.py` compiles it anew", stacklevel=2
        )
        return None
    return module


if not TYPE_CHECKING:
    compiled = _load()

__all__ = ["IS_COMPILED", "ProjectingGate", "Projections", "compiled"]

#: Whether there is a quick way; without it everything takes the thorough one.
IS_COMPILED = compiled is not None

_KEEP, _DROP, _CUT, _INNER, _TYPED, _DOCUMENT, _ODD, _ADDRESS, _COOKIES, _WRITTEN = range(10)
_MEMBERS, _AROUND, _ATTRIBUTES = range(3)
_SOURCES = ("body", "query", "lines")
_UNITS = ("ms", "s", "ms_text", "s_text", "ns_text", "rfc3339")
_NO_SLOT = -1
_LIMIT = 256
#: Names whose values are remembered: the slot, or none, and the same inside of the value.
_Wanted: TypeAlias = "dict[str, tuple[int, _Wanted]]"
_UNWANTED: tuple[int, _Wanted] = (_NO_SLOT, {})
_PASSED_OVER: _Entry = (_DROP, None, _NO_SLOT, None)


class ProjectingGate(Protocol):
    """What is asked of the gate."""

    table: TrackerTable
    rules: EventRules
    header_rules: HeaderRules
    checks_times: bool


class Projections:
    """The projections of one gate, made when they are first needed.

    Args:
        gate: gives the rules.
    """

    def __init__(self, gate: ProjectingGate) -> None:
        self._gate = gate
        self._made: dict[tuple[Route, Allowance], Projection | None] = {}
        table, rules = gate.table, gate.rules
        #: The routes whose events are in a JSON body, are the query, or are lines that share it.
        self.routes: frozenset[Route] = frozenset(
            route for route in table.routes if IS_COMPILED and route.events in _SOURCES
        )
        times = table.time_fields if gate.checks_times else ()
        paths = [*rules.token_paths, *(table.split(field.path) for field in times)]
        if table.type_field is not None:
            paths.append((table.type_field,))
        numbers = {path: number for number, path in enumerate(dict.fromkeys(paths))}
        self._wanted: _Wanted = {}
        for path, number in numbers.items():
            _want(self._wanted, path, number)
        self._times = tuple(
            (numbers[table.split(field.path)], _UNITS.index(field.unit), field.is_age) for field in times
        )
        self._type_slot = _NO_SLOT if table.type_field is None else numbers[table.type_field,]

    def of(self, route: Route, allowance: Allowance) -> Projection | None:
        """What a grant leaves of the events of a route; None if only the thorough way can tell."""
        key = route, allowance
        if key not in self._made:
            if len(self._made) >= _LIMIT:
                self._made.clear()
            self._made[key] = self._make(route, allowance) if route in self.routes else None
        return self._made[key]

    def _make(self, route: Route, allowance: Allowance) -> Projection | None:
        table, rules = self._gate.table, self._gate.rules
        node = _Nodes(table, allowance, rules.silent)
        others = {name for level in route.levels for name in level.shared.values()}
        if route.events != "body":
            others.add(TOKEN_PARAMETER)
        content_type = None if route.events == "query" else route.content_type or table.content_type
        header_rules = self._gate.header_rules
        try:
            return compiled.Projection(
                event=node.of_event(rules.tree, self._wanted, others),
                around=None if route.list_at is None else self._around(route, allowance),
                list_at=route.list_at,
                source=_SOURCES.index(route.events),
                are_queries=route.items == "query",
                envelope=tuple(route.envelope.items()),
                many=route.many,
                levels=tuple((self._level(level, node), level.list_at) for level in route.levels),
                documents=tuple(
                    (document.kind == "event", document.base64, document.wrapper, document.of_type)
                    for document in table.documents.values()
                ),
                schemas=node.of_schemas(rules.schemas),
                token_schema=table.token_schema,
                types=_names(table.types) if table.types else None,
                tokens=len(rules.token_paths),
                type_slot=self._type_slot,
                times=self._times,
                truncate=ip.truncate,
                headers=node.of_headers(header_rules),
                content_type=content_type,
                beside=node.of_parameters(route),
                address=("", {"ip": node.of_address(None if allowance.ip else "ip")}, _MEMBERS),
                read_address=header_rules.address_reader(allowance),
            )
        except (ValueError, RecursionError):  # more names, places to remember, or levels than are read quickly
            return None

    def _around(self, route: Route, allowance: Allowance) -> _Node:
        node = _Nodes(self._gate.table, allowance, frozenset())
        return node.of(self._gate.rules.around[route], {}, passed_over=(str(route.list_at), *route.envelope))

    def _level(self, level: Level, node: _Nodes) -> _Node:
        """What becomes of what is beside the list of a level; the other members there are nobody's."""
        tree, entries = self._gate.rules.tree, {level.list_at: _PASSED_OVER}
        for member, name in level.shared.items():
            entries[member] = node.entry(tree.get(name), name, *self._wanted.get(name, _UNWANTED))
        return "", entries, _AROUND


def _want(wanted: _Wanted, path: Sequence[str], slot: int) -> None:
    name, *rest = path
    own, inner = wanted.get(name, (_NO_SLOT, {}))
    wanted[name] = (own, inner) if rest else (slot, inner)
    if rest:
        _want(inner, rest, slot)


def _names(names: Iterable[str]) -> _Node:
    return "", dict.fromkeys(names, _PASSED_OVER), _MEMBERS


def _looked_into(wanted: _Wanted) -> _Node | None:
    """What is looked for in an object that does not stay."""
    if not wanted:
        return None
    found: dict[str, _Entry] = {
        name: (_DROP, None, slot, _looked_into(inside)) for name, (slot, inside) in wanted.items()
    }
    return "", found, _MEMBERS


class _Nodes:
    """Makes nodes under one grant.

    Args:
        table: tells which members are attributes and typed values.
        allowance: the grant.
        silent: paths that are not counted.
    """

    def __init__(self, table: TrackerTable, allowance: Allowance, silent: frozenset[str]) -> None:
        self._table = table
        self._allowance = allowance
        self._silent = silent

    def of(self, tree: Tree, wanted: _Wanted, at: str = "", passed_over: Iterable[str] = ()) -> _Node:
        """What becomes of the names of an object: those of the map, and those that are looked for.

        Args:
            tree: the map.
            wanted: names whose values are remembered.
            at: path of the object, ending in a dot unless empty.
            passed_over: names that are none of the object's own: not kept, not counted.
        """
        entries = {
            name: self.entry(tree.get(name), f"{at}{name}", *wanted.get(name, _UNWANTED))
            for name in (*tree, *(name for name in wanted if name not in tree))
        }
        entries |= dict.fromkeys(passed_over, _PASSED_OVER)
        for path in self._silent:  # a name may spell the whole path
            if path.startswith(at):
                entries.setdefault(path[len(at) :], _PASSED_OVER)
        return at, entries, _ATTRIBUTES if at[:-1] in self._table.attributes else _MEMBERS

    def of_event(self, tree: Tree, wanted: _Wanted, others: Iterable[str]) -> _Node:
        """What becomes of an event's own names; of what it shares with others, or the request has, none is."""
        at, entries, form = self.of(tree, wanted, passed_over=others)
        entries |= {name: (_DOCUMENT, name, number, None) for number, name in enumerate(self._table.documents)}
        return at, entries, form

    def entry(self, rule: str | Tree | None, path: str, slot: int, wanted: _Wanted) -> _Entry:
        """What becomes of one name, with what is looked for in its value."""
        told = None if path in self._silent else path
        if isinstance(rule, dict):
            return _INNER, told, slot, self.of(rule, wanted, f"{path}.")
        return self._action(rule, path), told, slot, _looked_into(wanted)

    def of_schemas(self, schemas: Mapping[str, Tree]) -> _Node:
        """What becomes of the members of documents, by their schema."""
        inner = {schema: self.of(tree, {}, f"{schema.split('/')[1]}.") for schema, tree in schemas.items()}
        return "", {schema: (_INNER, None, _NO_SLOT, node) for schema, node in inner.items()}, _MEMBERS

    def of_headers(self, rules: HeaderRules) -> _Node:
        """What becomes of a request's headers, and of its cookies."""
        at = "header "
        entries = dict.fromkeys(SILENT, _PASSED_OVER)
        for name, category in rules.categories.items():
            entries[name] = self.of_address(at + name) if category == IP else self._whole(category, at + name)
        cookies = {name: self._whole(category, f"cookie {name}") for name, category in self._table.cookies.items()}
        cookies[TOKEN_COOKIE] = _PASSED_OVER
        entries["cookie"] = _COOKIES, None, _NO_SLOT, ("cookie ", cookies, _MEMBERS)
        entries["content-type"] = _WRITTEN, None, _NO_SLOT, None
        return at, entries, _MEMBERS

    def of_address(self, label: str | None) -> _Entry:
        """What becomes of an address in a header, or of the client's."""
        action = _ADDRESS if self._allowance.ip else _CUT if self._allowance.truncate_ip else _DROP
        return action, label, _NO_SLOT, None

    def _whole(self, category: str, label: str) -> _Entry:
        return _KEEP if category in self._allowance.categories else _DROP, label, _NO_SLOT, None

    def of_parameters(self, route: Route) -> _Node:
        """What becomes of the parameters beside a body."""
        entries = {name: self._whole(category, f"query {name}") for name, category in route.query.items()}
        entries[TOKEN_PARAMETER] = _PASSED_OVER
        if route.compression is not None:
            entries[route.compression] = _ODD, None, _NO_SLOT, None
        return "query ", entries, _MEMBERS

    def _action(self, rule: str | None, path: str) -> int:
        if rule in self._allowance.categories:
            return _TYPED if path in self._table.values else _KEEP
        return _CUT if rule == IP and self._allowance.truncate_ip else _DROP
