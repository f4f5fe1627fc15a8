"""The part of docs/interfaces.md about calls, written from the OpenAPI document: path, what it does, body and answer."""

from __future__ import annotations

import json
import textwrap
from typing import Any

BEGIN = "<!-- Calls: written by manage.py api_reference --write from the OpenAPI document; do not edit. -->"
END = "<!-- End of the calls. -->"
_MOST_WIDTH = 140


def calls_reference(document: dict[str, Any]) -> str:
    """Markdown of every call, in the order of the document."""
    parts = [BEGIN]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            parts += ["", f"### `{method.upper()} {path}`", "", _paragraph(f"{operation['summary']}. {operation.get('description', '')}")]
            if "x-capability" in operation:
                parts += ["", f"Apps: with the capability `{operation['x-capability']}`."]
            asked = [f"`{parameter['name']}`" for parameter in operation["parameters"] if parameter["in"] == "query"]
            if asked:
                parts += ["", f"Query: {', '.join(asked)}."]
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
            if body:
                parts += ["", "Body:", "", *_json(example_of(document, body))]
            answers = {status: answer for status, answer in operation["responses"].items() if int(status) < 300}
            schema = next(iter(answers.values()))["content"]["application/json"]["schema"]
            parts += ["", f"Answer, {' or '.join(map(str, answers))}:", "", *_json(example_of(document, schema))]
    return "\n".join([*parts, "", END])


def renew(page: str, document: dict[str, Any]) -> str:
    """``page`` with its part about calls written anew."""
    before, _begin, rest = page.partition(BEGIN)
    _old, _end, after = rest.partition(END)
    return f"{before}{calls_reference(document)}{after}"


def example_of(document: dict[str, Any], schema: dict[str, Any]) -> Any:
    """The first example of a body or answer, with its reference followed."""
    return _in_order(document, schema, _named(document, schema)["examples"][0])


def _named(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """The schema behind a reference, a list of it, or an optional one; an empty one for anything else."""
    for part in (schema, schema.get("items", {}), *schema.get("anyOf", [])):
        if "$ref" in part:
            found: dict[str, Any] = document["components"]["schemas"][part["$ref"].rsplit("/", 1)[-1]]
            return found
    return {}


def _in_order(document: dict[str, Any], schema: dict[str, Any], value: Any) -> Any:
    """``value`` with its members in the order in which they are declared; a JSON schema keeps an example's in that of the alphabet."""
    if isinstance(value, list):
        return [_in_order(document, schema, item) for item in value]
    declared = _named(document, schema).get("properties", {})
    if not isinstance(value, dict):
        return value
    names = [name for name in declared if name in value] + [name for name in value if name not in declared]
    return {name: _in_order(document, declared.get(name, {}), value[name]) for name in names}


def _paragraph(text: str) -> str:
    return textwrap.fill(" ".join(text.split()), _MOST_WIDTH, break_long_words=False, break_on_hyphens=False)


def _json(value: Any) -> list[str]:
    """A fenced block; members and elements on one line as long as they fit."""
    return ["```json", *_laid_out(value, 0).split("\n"), "```"]


def _laid_out(value: Any, indent: int) -> str:
    flat = json.dumps(value, ensure_ascii=False)
    if len(flat) + indent <= _MOST_WIDTH or not isinstance(value, dict | list) or not value:
        return flat
    pad = " " * (indent + 1)
    if isinstance(value, list):
        return "[" + f",\n{pad}".join(_laid_out(item, indent + 1) for item in value) + "]"
    lines: list[str] = []
    for name, item in value.items():
        text = f"{json.dumps(name, ensure_ascii=False)}: {_laid_out(item, indent + 1)}"
        if lines and "\n" not in lines[-1] + text and len(lines[-1]) + len(text) + indent + 3 <= _MOST_WIDTH:
            lines[-1] += f", {text}"
        else:
            lines.append(text)
    return "{" + f",\n{pad}".join(lines) + "}"
