"""JSON Schemas of the types that routes name. Any in this module: JSON."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from timos.web.route import AnyQuery, RawBody, Route

REF = "#/components/schemas/{name}"


class Schemas:
    """The schema of each type that a route names, by a reference where it has a name."""

    def __init__(self, routes: Iterable[Route]) -> None:
        listed = list(routes)
        self._answered = _Forms(form for route in listed for form in (route.answer, *route.other_statuses.values()))
        self._sent = _Forms(route.described_body or route.body for route in listed)
        self._queries = _Forms(route.query for route in listed)
        for schema in self._answered.components.values():
            _complete(schema)
        self._sent.rename({name: f"{name}Input" for name in _differing(self._sent.components, self._answered.components)})
        self.components = {**self._answered.components, **self._sent.components}

    def answered(self, form: object) -> dict[str, Any]:
        return self._answered.of(form)

    def sent(self, form: object) -> dict[str, Any]:
        return self._sent.of(form)

    def parameters(self, form: object) -> dict[str, Any]:
        """The object whose properties are the parameters of a query; none of the components, since nothing refers to it."""
        return self._queries.components[_name_in(self._queries.of(form))]


class _Forms:
    """Some types, and the components that their schemas refer to."""

    def __init__(self, forms: Iterable[object]) -> None:
        self._forms: list[object] = []
        for form in forms:
            if form not in {None, RawBody, AnyQuery, *self._forms}:
                self._forms.append(form)
        found, components = msgspec.json.schema_components(self._forms, ref_template=REF)
        self._found: list[dict[str, Any]] = list(found)
        self.components: dict[str, dict[str, Any]] = dict(components)
        for schema in (*self._found, *self.components.values()):
            _say_types(schema)

    def of(self, form: object) -> dict[str, Any]:
        return self._found[self._forms.index(form)]

    def rename(self, names: dict[str, str]) -> None:
        for schema in (*self._found, *self.components.values()):
            for node in _nodes(schema):
                for key, value in node.items():
                    if isinstance(value, str) and (name := names.get(value.removeprefix(REF.format(name="")))):
                        node[key] = REF.format(name=name)
        self.components = {names.get(name, name): schema for name, schema in self.components.items()}
        for name in names.values():
            self.components[name]["title"] = name


def _differing(sent: dict[str, Any], answered: dict[str, Any]) -> set[str]:
    """Names that stand for one thing when sent and for another when answered, or refer to such a one."""
    both = sent.keys() & answered.keys()
    differing = {name for name in both if sent[name] != answered[name]}
    while more := {name for name in both - differing if differing & {_name_in(node) for node in _nodes(sent[name])}}:
        differing |= more
    return differing


def _complete(schema: dict[str, Any]) -> None:
    """Says that every field is there: nothing that we answer leaves out what has its default."""
    for node in _nodes(schema):
        if isinstance(node.get("properties"), dict):
            node["required"] = list(node["properties"])
        node.pop("default", None)


def _say_types(schema: dict[str, Any]) -> None:
    """What msgspec leaves to the reader: that words are strings, and that an object without fields may have any."""
    for node in _nodes(schema):
        if "type" not in node and all(isinstance(word, str) for word in node.get("enum", [None])):
            node["type"] = "string"
        if node.get("type") == "object" and "properties" not in node:
            node.setdefault("additionalProperties", True)


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in a schema, the schema itself first; examples and defaults are values, not schemas."""
    if isinstance(value, dict):
        yield value
        for key, inner in value.items():
            if key not in {"default", "enum"}:
                yield from _nodes(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _nodes(inner)


def _name_in(node: dict[str, Any]) -> str:
    return str(node.get("$ref", "")).rpartition("/")[2]
