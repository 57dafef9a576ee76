"""Objects decoded straight into the shape that one grant leaves of them.

A shape is a msgspec struct made from a field map, a grant, and the names that have been met: an object has a place for
each and for nothing else. What is granted may hold nothing but scalars and lists of them; what is refused is counted
and its place emptied. Whatever a shape has no place for does not decode, and takes the thorough way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from types import GenericAlias
from typing import Any, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

from cookiegate.gate import ip
from cookiegate.gate.allowance import IP, Allowance
from cookiegate.gate.fields import Tree
from cookiegate.gate.paths import value_at

Scalar = str | int | float | bool | None
Plain = Scalar | list[Scalar] | UnsetType
#: The names met in objects at one place of an event, and inside of those that are mapped in parts.
Names: TypeAlias = "dict[str, Names]"
_LONGEST_NAME = 64
#: A stranger chooses which fields come together.
_TOLD_LIMIT = 1024
#: Of what is there of the refused: the paths to count, and the attributes to empty.
_Told: TypeAlias = tuple[tuple[str, ...], tuple[str, ...]]


def fits(name: str) -> bool:
    """Whether a name can be a struct's; others keep to the thorough way."""
    return 0 < len(name) <= _LONGEST_NAME and name.isprintable() and '"' not in name and "\\" not in name


def meet(event: Mapping[str, Any], tree: Tree, names: Names, room: int) -> int:
    """Adds the names of an event, so that the next of its kind has a shape.

    Args:
        event: the event.
        tree: its field map.
        names: receives the names.
        room: how many unknown names may still be added.

    Returns:
        How many unknown names were added.
    """
    added = 0
    for name, value in event.items():
        rule = tree.get(name)
        if name not in names:
            if not fits(name) or (rule is None and added >= room):
                continue
            added += rule is None
            names[name] = {}
        if rule is not None and not isinstance(rule, str):
            for item in value if type(value) is list else (value,):
                if isinstance(item, Mapping):
                    added += meet(item, rule, names[name], room - added)
    return added


class Shape:
    """What one grant leaves of the objects at one place of an event.

    Args:
        tree: the field map.
        names: the names that were met there.
        allowance: the grant.
        silent: paths that are not counted.
        at: path of the place, ending in a dot unless empty.
        own: names that are the gate's own → attribute and type; they are kept, and are none of the map's.
    """

    def __init__(
        self,
        tree: Tree,
        names: Names,
        allowance: Allowance,
        silent: frozenset[str],
        *,
        at: str = "",
        own: Mapping[str, tuple[str, Any]] | None = None,
    ) -> None:
        own = own or {}
        inner: dict[str, Shape] = {}
        kept, cut, gone = [], [], []
        for name in names:
            rule = tree.get(name)
            if name in own:
                continue
            if isinstance(rule, dict):
                inner[name] = Shape(rule, names[name], allowance, silent, at=f"{at}{name}.")
            elif rule is not None and rule in allowance.categories:
                kept.append(name)
            elif rule == IP and allowance.truncate_ip:
                cut.append(name)
            else:
                gone.append(name)
        staying = [*inner, *kept, *cut]
        self.attributes = {name: f"f{number}" for number, name in enumerate(names) if name not in own}
        self.inner = inner
        self._is_inner = bool(at)
        #: Whether nothing that was met is refused: then objects stay as they are.
        self.is_whole: bool
        self._inner = tuple((self.attributes[name], shape) for name, shape in inner.items() if not shape.is_whole)
        self._cut = tuple(self.attributes[name] for name in cut)
        self._gone = tuple(self.attributes[name] for name in gone)
        self._labels = tuple(None if f"{at}{name}" in silent else f"{at}{name}" for name in (*cut, *gone))
        self._told: dict[tuple[type, ...], _Told] = {}
        self.is_whole = not cut and not gone and not self._inner
        kinds: dict[str, Any] = {name: shape.read | shape.reads | UnsetType for name, shape in inner.items()}
        kinds |= dict.fromkeys((*kept, *cut), Plain)
        rename = {attribute: name for name, attribute in self.attributes.items()}
        rename |= {attribute: name for name, (attribute, _) in own.items()}
        members = [(self.attributes[name], kinds.get(name, Any), UNSET) for name in self.attributes]
        #: What objects are decoded into: every name that was met, and no other.
        self.read: Any = msgspec.defstruct(
            "Read",
            [*members, *((attribute, kind | UnsetType, UNSET) for attribute, kind in own.values())],
            rename=rename,
            forbid_unknown_fields=True,
            gc=False,
        )
        #: A list of them.
        self.reads: Any = GenericAlias(list, (self.read,))
        self._staying = getter([self.attributes[name] for name in staying])
        self._going = getter((*self._cut, *self._gone))

    def leave(self, event: Any, stripped: list[tuple[str, ...]]) -> Any:
        """Empties the object of all that the grant does not leave; None if nothing is left of one that had something.

        Args:
            event: as :attr:`read` decoded it.
            stripped: receives the paths of what is left out or cut.
        """
        if self.is_whole:
            return event
        kinds = (*map(type, self._going(event)),)
        told = self._told.get(kinds)
        if told is None:
            told = self._tell(kinds)
        labels, emptied = told
        if labels:
            stripped.append(labels)
        for name in emptied:
            setattr(event, name, UNSET)
        is_less = self._leave_inner(event, stripped) or bool(emptied)
        for name in self._cut:
            if (value := getattr(event, name)) is not UNSET:
                setattr(event, name, ip.truncate(value) or UNSET)
                is_less = True
        if is_less and self._is_inner:
            values = self._staying(event)
            if values.count(UNSET) == len(values):
                return None
        return event

    def _leave_inner(self, event: Any, stripped: list[tuple[str, ...]]) -> bool:
        """Does so with the objects inside; tells whether one went."""
        is_less = False
        for name, shape in self._inner:
            value = getattr(event, name)
            if type(value) is list:
                items = [left for item in value if (left := shape.leave(item, stripped)) is not None]
                if len(items) < len(value):
                    setattr(event, name, items or UNSET)
                    is_less = True
            elif value is not UNSET and shape.leave(value, stripped) is None:
                setattr(event, name, UNSET)
                is_less = True
        return is_less

    def _tell(self, kinds: tuple[type, ...]) -> _Told:
        labels = [label for label, kind in zip(self._labels, kinds, strict=True) if kind is not UnsetType]
        gone = zip(self._gone, kinds[len(self._cut) :], strict=True)
        told = (
            tuple(label for label in labels if label is not None),
            tuple(attribute for attribute, kind in gone if kind is not UnsetType),
        )
        if len(self._told) >= _TOLD_LIMIT:
            self._told.clear()
        self._told[kinds] = told
        return told

    def finders(self, paths: Sequence[tuple[str, ...]]) -> Callable[[Any, tuple[str, ...]], Any]:
        """A function from a decoded event and one of the paths to what stands there; nothing that counts if nothing."""
        found = {path: self.finder(path) for path in paths}

        def find(event: Any, path: tuple[str, ...]) -> Any:
            get = found[path]
            return None if get is None else get(event)

        return find

    def finder(self, path: Sequence[str]) -> Callable[[Any], Any] | None:
        """A function from a decoded event to what stands at a path; None if nothing was ever met there."""
        steps: list[str] = []
        shape: Shape | None = self
        rest = list(path)
        while rest and shape is not None:
            name = rest.pop(0)
            if name not in shape.attributes:
                return None
            steps.append(shape.attributes[name])
            shape = shape.inner.get(name)
        get = attrgetter(".".join(steps))
        if len(steps) == 1 and not rest:
            return get

        def find(event: Any) -> Any:
            try:
                value = get(event)
            except AttributeError:  # a list, or nothing, on the way
                return None
            return value_at(value, rest) if rest else value

        return find


def getter(attributes: Sequence[str]) -> Callable[[Any], tuple[Any, ...]]:
    """A function from an object to a tuple of its attributes, however few."""
    if len(attributes) > 1:
        return attrgetter(*attributes)
    if not attributes:
        return lambda event: ()
    get = attrgetter(*attributes)
    return lambda event: (get(event),)
