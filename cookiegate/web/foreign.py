"""Words in another language than the page around them: they say so, so that they are read out rightly."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from markupsafe import Markup, escape

#: What stands in where a language has no words of its own.
FALLBACK = "en"


class InEnglish(str):
    """A text of ours on a page in another language.

    Where a template prints it between tags, it stands in an element with its own ``lang``. In an attribute or a title,
    which cannot hold an element, the template writes ``| trim``, which makes plain text of it.
    """

    __slots__ = ()

    def __html__(self) -> Markup:
        """The text as a template prints it."""
        return Markup('<span lang="{}" dir="ltr">{}</span>').format(FALLBACK, escape(str(self)))

    def format(self, *args: object, **kwargs: object) -> InEnglish:
        """Filled in, it is still in English."""
        return InEnglish(str(self).format(*args, **kwargs))


def marked(texts: Any) -> Any:
    """Texts of any shape, each as :class:`InEnglish`."""
    if isinstance(texts, Mapping):
        return MappingProxyType({key: marked(item) for key, item in texts.items()})
    if isinstance(texts, list):
        return [marked(item) for item in texts]
    return InEnglish(texts) if isinstance(texts, str) else texts
