"""Manifests: the documents of `apply -f -`, read safely and within limits, and what applying or patching makes of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml

from bot.simulation.apiserver import ApiServer
from bot.simulation.kinds import plural, shown
from bot.simulation.objects import API, Object, annotations_of, clone, name_of
from bot.simulation.schema import given

LAST = "kubectl.kubernetes.io/last-applied-configuration"
DEEPEST = 40
MANY = 200
MADE = ("Pod", "Deployment", "ReplicaSet", "Service", "PodDisruptionBudget", "Node")


class _Loader(yaml.SafeLoader):
    """Safe YAML without aliases, by which a few lines could stand for millions, and without bottomless nesting."""

    level = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases cannot be used here")
        self.level += 1
        if self.level > DEEPEST:
            raise yaml.YAMLError(f"nested more than {DEEPEST} deep")
        node = super().compose_node(parent, index)
        self.level -= 1
        return node


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    """As kubectl writes text: lines as a block, and in double quotes what would otherwise be no text."""
    plain = dumper.resolve(yaml.ScalarNode, text, (True, False)) == TEXT  # type: ignore[no-untyped-call]
    return dumper.represent_scalar(TEXT, text, style="|" if "\n" in text else None if plain else '"')


TEXT = "tag:yaml.org,2002:str"
_Dumper.add_representer(str, _text)


def write(value: Any) -> str:
    return str(yaml.dump(value, Dumper=_Dumper, allow_unicode=True, default_flow_style=False, width=1000))


class Broken(str):
    """kubectl's sentence about a stream that cannot be read."""


def load(document: str) -> Iterator[Any]:
    """The values of a YAML stream as JSON would have them; a fault comes as its sentence, last."""
    try:
        for value in yaml.load_all(document, Loader=_Loader):
            yield _dense(json.loads(json.dumps(value, default=str, allow_nan=False)))
    except (
        yaml.YAMLError,
        ValueError,
        TypeError,
        RecursionError,
        ArithmeticError,
        AttributeError,
        KeyError,
        IndexError,
    ) as error:
        what = " ".join(str(getattr(error, "problem", None) or error).split())[:160]
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        yield Broken(f"error parsing STDIN: error converting YAML to JSON: yaml: {where}{what}")


def _dense(value: Any) -> Any:
    """Fields that are null are as good as absent."""
    if isinstance(value, dict):
        return {key: _dense(item) for key, item in value.items() if item is not None}
    return [_dense(item) for item in value] if isinstance(value, list) else value


def depth(value: Any) -> int:
    level, values = 0, [value]
    while values and level <= DEEPEST:
        level += 1
        values = [item for v in values if isinstance(v, dict | list) for item in (v.values() if isinstance(v, dict) else v)]
    return level


def read(document: str) -> Iterator[Object | str]:
    """The objects of a stream; where one cannot be used, kubectl's sentence about it."""
    count = 0
    for value in load(document):
        if value is None:
            continue
        items = value.get("items") if isinstance(value, dict) and value.get("kind") == "List" else [value]
        for item in items if isinstance(items, list) else [items]:
            count += 1
            if count > MANY:
                yield f"more than {MANY} objects at once"
                return
            yield _object(item)


def _object(value: Any) -> Object | str:
    if isinstance(value, Broken):
        return value
    if not isinstance(value, dict):
        return f'unable to decode "STDIN": json: cannot unmarshal {given(value)} into Go value of type unstructured.detector'
    missing = [f"{key} not set" for key in ("apiVersion", "kind") if not isinstance(value.get(key), str)]
    if missing:
        what = missing[0] if len(missing) == 1 else f"[{', '.join(missing)}]"
        return (
            f'error validating "STDIN": error validating data: {what}; '
            "if you choose to ignore these errors, turn validation off with --validate=false"
        )
    kind, version, meta = value["kind"], value["apiVersion"], value.get("metadata")
    if (
        not isinstance(meta, dict)
        or not isinstance(meta.get("name", ""), str)
        or not isinstance(meta.get("generateName", ""), str)
    ):
        return f'error validating "STDIN": {kind[:60]}.metadata has to be an object with a name'
    if not meta.get("name") and not meta.get("generateName"):
        return "resource name may not be empty"
    if kind not in MADE or API[kind][0] != version:
        return (
            f'resource mapping not found for name: "{meta.get("name", "")[:60]}" namespace: "" from "STDIN": '
            f'no matches for kind "{kind[:60]}" in version "{version[:60]}"\nensure CRDs are installed first'
        )
    if kind == "Node":
        return "nodes are registered by their own kubelet: world shop NAME new"
    if meta.get("namespace", "default") != "default":
        return f'namespaces "{str(meta["namespace"])[:60]}" not found; everything here is in "default"'
    return value


def apply(api: ApiServer, by: str, thing: Object) -> str:
    """Creates, or merges three ways: what an earlier apply set and this one leaves out is removed."""
    if not thing["metadata"].get("name"):
        return f"error: from {thing['metadata']['generateName']}: cannot use generate name with apply"
    kind, name = thing["kind"], name_of(thing)
    said = json.dumps(thing, sort_keys=True)
    wanted = clone(thing)
    notes = wanted["metadata"].setdefault("annotations", {})
    if isinstance(notes, dict):
        notes[LAST] = said
    old = api.get(kind, name)
    if old is None or not api.running:
        api.create(by, wanted)
        return f"{shown(kind, name)} created"
    last = json.loads(annotations_of(old).get(LAST, "{}"))
    merged = _three_way(last, {key: value for key, value in wanted.items() if key != "status"}, old)
    meta = merged["metadata"] if isinstance(merged.get("metadata"), dict) else {}
    merged["metadata"] = {**meta, "resourceVersion": old["metadata"]["resourceVersion"]}
    new = api.update(by, merged, call=f"patch {plural(kind)}")
    return f"{shown(kind, name)} {'unchanged' if new is old else 'configured'}"


def _three_way(last: Any, wanted: Any, current: Any) -> Any:
    if isinstance(wanted, dict) and isinstance(current, dict):
        last = last if isinstance(last, dict) else {}
        kept = {key: value for key, value in current.items() if key in wanted or key not in last}
        return {**kept, **{key: _three_way(last.get(key), value, current.get(key)) for key, value in wanted.items()}}
    if _named(wanted) and _named(current):
        had = {item["name"]: item for item in last} if _named(last) else {}
        now = {item["name"]: item for item in current}
        added = [item for name, item in now.items() if name not in had and name not in {i["name"] for i in wanted}]
        return [*(_three_way(had.get(item["name"]), item, now.get(item["name"])) for item in wanted), *added]
    return clone(wanted)


def _named(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(item, dict) and isinstance(item.get("name"), str) for item in value)
    )


def patched(thing: Object, operations: Any) -> Any:
    """A JSON patch (RFC 6902) of add, replace and remove; None where it does not fit."""
    new = clone(thing)
    if not isinstance(operations, list):
        return None
    for operation in operations:
        try:
            *path, last = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]]
            place = new
            for part in path:
                place = place[int(part)] if isinstance(place, list) else place[part]
            match operation["op"], place:
                case "remove", list():
                    del place[int(last)]
                case "remove", dict():
                    del place[last]
                case "add", list():
                    place.insert(len(place) if last == "-" else int(last), clone(operation["value"]))
                case "replace", list():
                    place[int(last)] = clone(operation["value"])
                case "add" | "replace", dict():
                    place[last] = clone(operation["value"])
                case _:
                    return None
        except (KeyError, IndexError, ValueError, TypeError, AttributeError):
            return None
    return new


def container_name(image: str) -> str:
    """The name `kubectl create deployment` gives: the last part of the image, without its tag."""
    return re.split("[@:]", image.rsplit("/", 1)[-1])[0]
