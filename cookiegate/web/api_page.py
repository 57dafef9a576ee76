"""An OpenAPI document as a page for people: operations by tag, parameters, bodies, answers. No JavaScript."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from cookiegate.web.foreign import FALLBACK
from cookiegate.web.wording import page_texts

Spec = Mapping[str, Any]
Context = dict[str, Any]

METHODS = ("get", "post", "put", "patch", "delete", "head", "options", "trace")
OTHER_TAG = "Other"


def api_page(spec: Spec) -> Context:
    """What ``api.html`` shows of an OpenAPI document.

    Args:
        spec: a 3.0 or 3.1 document, made by this server; references inside it are followed one step.
    """
    info = spec.get("info", {})
    return {
        "lang": FALLBACK,
        "dir": "ltr",
        "t": page_texts(FALLBACK),
        "title": info.get("title", "API"),
        "api_version": info.get("version", ""),
        "intro": _paragraphs(info.get("description")),
        "languages": [],
        "controller": None,
        "theme": None,
        "groups": _groups(spec),
        "schemas": [
            {"name": name, "id": _anchor("schema", name), **_schema(spec, schema)}
            for name, schema in sorted(spec.get("components", {}).get("schemas", {}).items())
        ],
    }


def _groups(spec: Spec) -> list[Context]:
    groups: dict[str, Context] = {
        tag["name"]: {"name": tag["name"], "intro": _paragraphs(tag.get("description")), "operations": []}
        for tag in spec.get("tags", [])
    }
    for path, item in spec.get("paths", {}).items():
        for method in METHODS:
            if method in item:
                operation = _operation(spec, path, method, item)
                tag = (item[method].get("tags") or [OTHER_TAG])[0]
                group = groups.setdefault(tag, {"name": tag, "intro": [], "operations": []})
                group["operations"].append(operation)
    found = [group for group in groups.values() if group["operations"]]
    return [{**group, "id": _anchor("tag", group["name"])} for group in found]


def _operation(spec: Spec, path: str, method: str, item: Mapping[str, Any]) -> Context:
    operation = item[method]
    parameters = [_resolve(spec, entry) for entry in [*item.get("parameters", []), *operation.get("parameters", [])]]
    body = _resolve(spec, operation.get("requestBody", {}))
    return {
        "id": _anchor(method, path),
        "method": method.upper(),
        "path": path,
        "summary": operation.get("summary", ""),
        "description": _paragraphs(operation.get("description")),
        "deprecated": bool(operation.get("deprecated")),
        "parameters": [_parameter(spec, parameter) for parameter in parameters],
        "bodies": _contents(spec, body),
        "responses": [
            _response(spec, str(status), answer)
            for status, answer in sorted(operation.get("responses", {}).items(), key=lambda pair: str(pair[0]))
        ],
    }


def _parameter(spec: Spec, parameter: Mapping[str, Any]) -> Context:
    return {
        "name": parameter.get("name", ""),
        "place": parameter.get("in", ""),
        "required": bool(parameter.get("required")),
        "description": parameter.get("description", ""),
        **_kind(spec, parameter.get("schema", {})),
    }


def _response(spec: Spec, status: str, answer: Mapping[str, Any]) -> Context:
    answer = _resolve(spec, answer)
    return {
        "status": status,
        "tone": "bad" if status[:1] in "45" else "good",
        "description": answer.get("description", ""),
        "bodies": _contents(spec, answer),
    }


def _contents(spec: Spec, holder: Mapping[str, Any]) -> list[Context]:
    return [
        {"media_type": media_type, **_kind(spec, content.get("schema", {})), **_schema(spec, content.get("schema", {}))}
        for media_type, content in holder.get("content", {}).items()
    ]


def _schema(spec: Spec, schema: Mapping[str, Any]) -> Context:
    """A schema's properties as rows, and an example where the document brings one."""
    whole = _resolve(spec, schema)
    required = set(whole.get("required", []))
    properties = [
        {
            "name": name,
            "place": "",
            "required": name in required,
            "description": _resolve(spec, part).get("description", ""),
            **_kind(spec, part),
        }
        for name, part in whole.get("properties", {}).items()
    ]
    example = whole.get("example")
    return {
        "intro": _paragraphs(whole.get("description")),
        "properties": properties,
        "example": None if example is None else json.dumps(example, ensure_ascii=False, indent=2),
    }


def _kind(spec: Spec, schema: Mapping[str, Any]) -> Context:
    """A schema's type in words, its limits, and the named schema that it points to."""
    inner = schema.get("items", {}) if schema.get("type") == "array" else schema
    name = unquote(str(inner.get("$ref", ""))).rsplit("/", 1)[-1]
    whole = _resolve(spec, schema)
    words = name or _words(whole)
    if schema.get("type") == "array":
        words = f"array of {name or _words(_resolve(spec, inner))}"
    return {"kind": words, "limits": _limits(whole), "anchor": _anchor("schema", name) if name else None}


def _words(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type", "any")
    text = " or ".join(str(part) for part in kind) if isinstance(kind, list) else str(kind)
    for joined in ("anyOf", "oneOf", "allOf"):
        if joined in schema and kind == "any":
            text = " or ".join(_words(part) for part in schema[joined])
    return f"{text} ({schema['format']})" if "format" in schema else text


def _limits(schema: Mapping[str, Any]) -> list[str]:
    found = [f"one of {', '.join(json.dumps(value) for value in schema['enum'])}"] if "enum" in schema else []
    names = {
        "minLength": "at least {} characters",
        "maxLength": "at most {} characters",
        "minimum": "at least {}",
        "maximum": "at most {}",
        "pattern": "matches {}",
        "default": "default {}",
    }
    return found + [text.format(schema[key]) for key, text in names.items() if key in schema]


def _resolve(spec: Spec, node: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = node.get("$ref")
    if not isinstance(reference, str) or not reference.startswith("#/"):
        return node
    found: Any = spec
    for part in reference[2:].split("/"):
        found = found.get(unquote(part).replace("~1", "/").replace("~0", "~"), {})
    return {**found, **{key: value for key, value in node.items() if key != "$ref"}}


def _anchor(*parts: str) -> str:
    return "-".join(re.sub(r"[^A-Za-z0-9]+", "-", part).strip("-").lower() for part in parts)


def _paragraphs(text: str | None) -> list[str]:
    return [" ".join(part.split()) for part in re.split(r"\n\s*\n", text or "") if part.strip()]
