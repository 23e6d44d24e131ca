"""The world's own words: what happens to a cluster from outside, which no API call could do."""

from __future__ import annotations

import re
from collections.abc import Callable

from bot.errors import Refused
from bot.simulation.cluster import FLAGS, Cluster
from bot.simulation.objects import quantity, uid_of
from bot.simulation.runtime import KILLED

Change = Callable[[Cluster], str]
UNITS = {"ns": 1e-6, "us": 1e-3, "µs": 1e-3, "ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000}
DURATION = re.compile(r"(?:\d{1,12}(?:\.\d{1,9})?(?:ns|us|µs|ms|s|m|h))+|0")
ROOM = {"cpu": "1", "memory": "4Gi", "pods": "110"}
SHOPS, LONGEST = 50, 3_600_000
NODE = re.compile(r"[a-z0-9]([-a-z0-9.]{0,60}[a-z0-9])?")
USES = """\
shops N [--cpu=1] [--memory=4Gi] | shop NAME new|down|up [--cpu=4] | image NAME missing|found
probe pod/NAME|deployment/NAME pass|fail | crash POD [--times=N] | memory POD over
apiserver|controller-manager|scheduler stop|start | kubelet NODE stop|start | set FLAG=VALUE …"""


def duration(text: str, longest: int = LONGEST) -> int:
    """`500ms`, `1m30s`: Go's durations, in ms."""
    if not DURATION.fullmatch(text):
        raise Refused(f'time: invalid duration "{text[:40]}"; write 500ms, 10s or 1m30s')
    ms = sum(float(number) * UNITS[unit] for number, unit in re.findall(r"([\d.]+)(ns|us|µs|ms|s|m|h)", text))
    if ms > longest:
        raise Refused(f'the duration "{text[:40]}" is longer than {longest // 3_600_000}h')
    return round(ms)


def parse(words: list[str]) -> Change:
    match words:
        case ["shops", count, *flags]:
            return _shops(count, _room(flags))
        case ["shop", name, "new", *flags]:
            return _new(_node(name), _room(flags))
        case ["shop", name, "down" | "up" as state]:
            return _power(name, state == "up")
        case ["image", name, "missing" | "found" as state]:
            return _image(name, state == "found")
        case ["probe", target, "pass" | "fail" as state]:
            return _probe(_target(target), state == "pass")
        case ["crash", pod, *flags]:
            return _crash(pod.removeprefix("pod/"), _times(flags))
        case ["memory", pod, "over"]:
            return _memory(pod.removeprefix("pod/"))
        case ["apiserver" | "controller-manager" | "scheduler" as part, "stop" | "start" as state]:
            return _switch(part, state == "start")
        case ["kubelet", name, "stop" | "start" as state]:
            return _kubelet(name, state == "start")
        case ["set", _, *_]:
            return _set([_setting(word) for word in words[1:]])
    raise Refused(f'"world {" ".join(words)[:80]}" is none of: ' + USES.replace("\n", " | "))


def _room(flags: list[str]) -> dict[str, str]:
    room = dict(ROOM)
    for flag in flags:
        key, _, value = flag.removeprefix("--").partition("=")
        if not flag.startswith("--") or key not in room:
            raise Refused(f"unknown flag: {flag[:40]}; a shop has --cpu, --memory and --pods")
        if (quantity(value) or 0) <= 0 or (key == "pods" and not value.isdecimal()):
            raise Refused(f'invalid argument "{value[:40]}" for "--{key}" flag: it takes a quantity such as {ROOM[key]}')
        room[key] = value
    return room


def _node(name: str) -> str:
    if not NODE.fullmatch(name):
        raise Refused(f'"{name[:40]}" cannot be the name of a node: small letters, digits, "-" and "."')
    return name


def _number(text: str, most: int) -> int:
    if not text.isdecimal() or not 0 < int(text[:9]) <= most or len(text) > 9:
        raise Refused(f'"{text[:40]}" is no number from 1 to {most}')
    return int(text)


def _shops(count: str, room: dict[str, str]) -> Change:
    number = _number(count, SHOPS)

    def change(cluster: Cluster) -> str:
        for i in range(1, number + 1):
            if f"node-{i}" not in cluster.kubelets and len(cluster.kubelets) < SHOPS:
                cluster.add_node(f"node-{i}", room)
        return ""

    return change


def _new(name: str, room: dict[str, str]) -> Change:
    def change(cluster: Cluster) -> str:
        if name in cluster.kubelets:
            return f'error: there is a shop "{name}" already'
        if len(cluster.kubelets) >= SHOPS:
            return f"error: there are {SHOPS} shops already, the most that fit"
        cluster.add_node(name, room)
        return ""

    return change


def _missing(cluster: Cluster, name: str) -> str:
    return "" if name in cluster.kubelets else f'error: nodes "{name}" not found'


def _power(name: str, on: bool) -> Change:
    def change(cluster: Cluster) -> str:
        missing = _missing(cluster, name)
        if not missing:
            cluster.power(name, on)
        return missing

    return change


def _image(name: str, found: bool) -> Change:
    def change(cluster: Cluster) -> str:
        cluster.registry.known[name] = found
        return ""

    return change


def _target(target: str) -> str:
    kind, _, name = target.partition("/")
    known = {"pod": "pod", "po": "pod", "pods": "pod", "deployment": "deployment", "deploy": "deployment"}
    if kind not in known or not name:
        raise Refused(f'"{target[:60]}" is neither pod/NAME nor deployment/NAME')
    return f"{known[kind]}/{name}"


def _probe(target: str, passes: bool) -> Change:
    def change(cluster: Cluster) -> str:
        cluster.probes[target] = passes
        for kubelet in cluster.kubelets.values():
            kubelet.prober.look_again()
        return ""

    return change


def _times(flags: list[str]) -> int:
    match flags:
        case []:
            return 1
        case [flag] if flag.startswith("--times="):
            return _number(flag.removeprefix("--times="), 1000)
    raise Refused(f"unknown flag: {flags[0][:40]}; crash takes --times=N")


def _crash(pod: str, times: int) -> Change:
    return _end(pod, 1, "Error", times - 1)


def _memory(pod: str) -> Change:
    return _end(pod, KILLED, "OOMKilled", 0)


def _end(name: str, code: int, reason: str, more: int) -> Change:
    def change(cluster: Cluster) -> str:
        pod = cluster.get("Pod", name)
        if pod is None:
            return f'error: pods "{name}" not found'
        kubelet = cluster.kubelets.get(pod["spec"].get("nodeName", ""))
        cluster.registry.crashes[uid_of(pod)] = more
        if not kubelet or not kubelet.runtime.busy(uid_of(pod)):
            return f'error: no container of pod "{name}" is running'
        for container in pod["spec"]["containers"]:
            kubelet.runtime.end(uid_of(pod), container["name"], code, reason)
        return ""

    return change


def _switch(part: str, on: bool) -> Change:
    def change(cluster: Cluster) -> str:
        cluster.switch(part, on)
        return ""

    return change


def _kubelet(name: str, on: bool) -> Change:
    def change(cluster: Cluster) -> str:
        if missing := _missing(cluster, name):
            return missing
        kubelet = cluster.kubelets[name]
        if not cluster.powered[name]:
            return f'error: the shop "{name}" has no power'
        if kubelet.running != on:
            kubelet.start(fresh=False) if on else kubelet.stop()
        return ""

    return change


def _setting(word: str) -> tuple[str, int]:
    key, equals, value = word.removeprefix("--").partition("=")
    if not equals:
        raise Refused(f'"{word[:60]}" is no FLAG=VALUE')
    ms = duration(f"{value}s" if value.isdecimal() else value)
    if key in FLAGS and key.startswith("node-monitor") and not ms:
        raise Refused(f'invalid argument "{value}" for "--{key}" flag: it has to be longer than 0')
    return key, ms


def _set(settings: list[tuple[str, int]]) -> Change:
    def change(cluster: Cluster) -> str:
        unknown = [key for key, _ in settings if key not in FLAGS]
        cluster.flags.update({key: ms for key, ms in settings if key in FLAGS})
        return f"unknown flag: --{unknown[0]}; known here: " + ", ".join(FLAGS) if unknown else ""

    return change
