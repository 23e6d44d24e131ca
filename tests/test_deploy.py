"""What hosts run the bot with: the files in deploy/, read by the tools that will read them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import venv
from pathlib import Path
from typing import Any, NamedTuple

import kubernetes_validate
import pytest
import yaml

from bot import __version__
from bot.knowledge import base
from bot.settings import Settings
from tests.botapi import BotApi
from tests.conftest import ROOT
from tests.test_outside import FINE, get, port

DEPLOY, BIN = ROOT / "deploy", Path(sys.executable).parent
KUBERNETES = DEPLOY / "kubernetes"
KNOWLEDGE = base.load(base.default_folder())
# Which concepts a file shows; the first is what it is.
LEMONADE = {
    "Dockerfile": ["image"],
    "compose.yaml": ["docker-compose"],
    "kubernetes/kustomization.yaml": ["manifest"],
    "kubernetes/namespace.yaml": ["namespace"],
    "kubernetes/deployment.yaml": ["deployment", "graceful-shutdown", "probe", "requests-limits"],
    "kubernetes/volume.yaml": ["persistent-volume"],
    "kubernetes/network-policy.yaml": ["network-policy"],
    "kubernetes/disruption.yaml": ["pod-disruption-budget"],
    "kubernetes/settings.env": ["configmap"],
    "kubernetes/secret.example.yaml": ["secret"],
}
NAME = {"app.kubernetes.io/name": "kube-lemonade"}


def tool(*arguments: object) -> str:
    """What a tool of the development environment prints; it has to be content."""
    command = [str(BIN / str(arguments[0])), *map(str, arguments[1:])]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


# ---- the picture ----


def lines(concept: str) -> list[str]:
    """How a file says in the picture what it is."""
    role, name = KNOWLEDGE.pictures["lemonade"].roles[concept], KNOWLEDGE.concepts[concept].name
    return [
        f"# {role.role.zh} ↔ {name.zh} / {role.role.en} ↔ {name.en}",
        f"# {role.picture.zh}",
        f"# {role.picture.en}",
    ]


@pytest.mark.parametrize("file", LEMONADE)
def test_each_file_tells_its_picture_in_the_words_of_the_metaphor(file: str) -> None:
    first, *inside = LEMONADE[file]
    text = (DEPLOY / file).read_text("utf-8")
    assert text.splitlines()[:3] == lines(first)
    told = [line.strip() for line in text.splitlines()[3:] if " ↔ " in line]
    assert told == [lines(concept)[0] for concept in inside]


def test_every_manifest_tells_one() -> None:
    assert {path.name for path in KUBERNETES.iterdir()} == {Path(file).name for file in LEMONADE if "/" in file}


# ---- Kubernetes ----


def manifests() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(tool("kubectl", "kustomize", KUBERNETES)))


def versions() -> list[str]:
    """The three newest whose schemas are there."""
    folder = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"
    found = {path.name.split("-")[0].removeprefix("v").rpartition(".")[0] for path in folder.iterdir()}
    return sorted(found, key=lambda version: [*map(int, version.split("."))])[-3:]


def test_the_manifests_are_what_three_versions_of_kubernetes_take() -> None:
    found = [*manifests(), yaml.safe_load((KUBERNETES / "secret.example.yaml").read_text("utf-8"))]
    for version in versions():
        for each in found:
            kubernetes_validate.validate(each, version, strict=True)
    assert [each["kind"] for each in found] == [
        "Namespace",
        "ConfigMap",
        "PersistentVolumeClaim",
        "Deployment",
        "PodDisruptionBudget",
        "NetworkPolicy",
        "Secret",
    ]
    assert {each["metadata"].get("namespace") for each in found[1:]} == {"kube-lemonade"} == {found[0]["metadata"]["name"]}


def test_the_names_in_the_manifests_lead_somewhere() -> None:
    found = {each["kind"]: each for each in manifests()}
    deployment = found["Deployment"]["spec"]
    pod = deployment["template"]["spec"]
    (bot,) = pod["containers"]
    secret = yaml.safe_load((KUBERNETES / "secret.example.yaml").read_text("utf-8"))
    assert bot["envFrom"] == [
        {"configMapRef": {"name": found["ConfigMap"]["metadata"]["name"]}},
        {"secretRef": {"name": secret["metadata"]["name"]}},
    ]
    assert pod["volumes"][0]["persistentVolumeClaim"]["claimName"] == found["PersistentVolumeClaim"]["metadata"]["name"]
    assert {each["name"] for each in bot["volumeMounts"]} == {each["name"] for each in pod["volumes"]}
    assert deployment["selector"] == {"matchLabels": NAME}
    assert deployment["template"]["metadata"]["labels"] == NAME
    assert found["PodDisruptionBudget"]["spec"]["selector"] == {"matchLabels": NAME}
    assert found["NetworkPolicy"]["spec"]["podSelector"] == {"matchLabels": NAME}
    known = {name.upper() for name in Settings.model_fields}
    assert {*found["ConfigMap"]["data"], *secret["stringData"]} <= known
    listens = int(found["ConfigMap"]["data"]["BOT_LISTEN"].rpartition(":")[2])
    assert [each["containerPort"] for each in bot["ports"]] == [listens]
    probes = {name: bot[name]["httpGet"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert probes == {
        "startupProbe": {"path": "/healthz", "port": "http"},
        "livenessProbe": {"path": "/healthz", "port": "http"},
        "readinessProbe": {"path": "/readyz", "port": "http"},
    }


def test_the_pod_may_do_nothing_that_it_does_not_need() -> None:
    """What the Pod Security Standard `restricted` asks for, and more."""
    found = {each["kind"]: each for each in manifests()}
    deployment = found["Deployment"]["spec"]
    pod = deployment["template"]["spec"]
    (bot,) = pod["containers"]
    assert (deployment["replicas"], deployment["strategy"]) == (1, {"type": "Recreate"})
    assert (pod["automountServiceAccountToken"], {*pod} & {"hostNetwork", "hostPID", "hostIPC"}) == (False, set())
    user = instructions()[-1].of("USER")[0].partition(":")[0]
    inside = pod["securityContext"]
    assert (inside["runAsNonRoot"], str(inside["runAsUser"]), inside["seccompProfile"]) == (
        True,
        user,
        {"type": "RuntimeDefault"},
    )
    assert bot["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {key for volume in pod["volumes"] for key in volume} == {"name", "persistentVolumeClaim", "emptyDir"}
    assert {side: set(bot["resources"][side]) for side in ("requests", "limits")} == {
        "requests": {"cpu", "memory"},
        "limits": {"cpu", "memory"},
    }
    assert found["Namespace"]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_all_of_them_run_this_version(tmp_path: Path) -> None:
    (deployment,) = (each for each in manifests() if each["kind"] == "Deployment")
    (bot,) = deployment["spec"]["template"]["spec"]["containers"]
    image = f"kube-lemonade:{__version__}"
    assert (bot["image"], composed(tmp_path)["services"]["bot"]["image"]) == (image, image)


# ---- Compose ----


def composed(tmp_path: Path, *profiles: str) -> dict[str, Any]:
    """The file as Compose understands it, with the host's own .env beside it."""
    shutil.copytree(DEPLOY, tmp_path / "deploy")
    shutil.copy(DEPLOY / "env.example", tmp_path / "deploy/.env")
    chosen = [word for profile in profiles for word in ("--profile", profile)]
    file = tmp_path / "deploy/compose.yaml"
    found: dict[str, Any] = json.loads(tool("docker-compose", "-f", file, *chosen, "config", "--format", "json"))
    return found


def test_compose_runs_the_bot_alone(tmp_path: Path) -> None:
    found = composed(tmp_path)
    bot = found["services"]["bot"]
    assert set(found["services"]) == {"bot"}
    assert (bot["build"]["context"], bot["build"]["dockerfile"]) == (str(tmp_path), "deploy/Dockerfile")
    assert [(each["type"], each["source"], each["target"]) for each in bot["volumes"]] == [("volume", "data", "/data")]
    assert (bot["read_only"], bot["cap_drop"], bot["security_opt"]) == (True, ["ALL"], ["no-new-privileges:true"])
    assert set(bot["environment"]) <= {name.upper() for name in Settings.model_fields}
    assert "TELEGRAM_BOT_TOKEN" in bot["environment"]
    assert "ports" not in bot


def test_compose_brings_a_local_model_when_it_is_asked_to(tmp_path: Path) -> None:
    found = composed(tmp_path, "local-model")["services"]
    assert set(found) == {"bot", "model", "weights"}
    assert found["weights"]["depends_on"]["model"]["condition"] == "service_healthy"
    text = (DEPLOY / "compose.yaml").read_text("utf-8")
    assert "OPENAI_BASE_URL=http://model:11434/v1" in text


# ---- the container ----


class Instruction(NamedTuple):
    word: str
    rest: str


class Stage(list[Instruction]):
    """The instructions from one FROM to the next."""

    def of(self, word: str) -> list[str]:
        return [each.rest for each in self if each.word == word]


def instructions() -> list[Stage]:
    text = (DEPLOY / "Dockerfile").read_text("utf-8").replace("\\\n", "")
    stages: list[Stage] = []
    for line in text.splitlines():
        word, _, rest = line.partition(" ")
        if word == "FROM":
            stages.append(Stage())
        if word and word != "#":
            stages[-1].append(Instruction(word, rest.strip()))
    return stages


def test_the_dockerfile_is_clean() -> None:
    assert tool("hadolint", DEPLOY / "Dockerfile") == ""


def test_the_container_runs_as_nobody_and_says_how_it_is() -> None:
    last = instructions()[-1]
    assert (last.of("USER"), last.of("RUN"), last.of("VOLUME")) == (["10001:10001"], [], ['["/data"]'])
    assert "http://127.0.0.1:8080/healthz" in last.of("HEALTHCHECK")[0]


class Image:
    """The Dockerfile's own steps, done in an empty folder: its first stage builds, its last one is what runs."""

    def __init__(self, folder: Path) -> None:
        self.root, work, build = folder / "image", Path("/"), folder / "build"
        venv.create(folder / "python", with_pip=True)
        self.python = folder / "python/bin/python"
        self.environ = {"PATH": f"{self.python.parent}:/usr/bin:/bin"}
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        first, last = instructions()
        for word, rest in first:
            words = rest.split()
            if word == "WORKDIR":
                work = build / words[0].lstrip("/")
                work.mkdir(parents=True)
            elif word == "COPY":
                copied(ROOT / words[0], work / words[1])
            elif word == "RUN":
                subprocess.run(["sh", "-ec", rest], cwd=work, env=inherited | self.environ, check=True, capture_output=True)
        for word, rest in last:
            words = [each for each in rest.split() if not each.startswith("--")]
            if word == "COPY":
                copied(build / words[0].lstrip("/"), self.root / words[1].lstrip("/"))
            elif word == "ENV":
                self.environ |= dict(each.split("=", 1) for each in words)
            elif word == "WORKDIR":
                self.work = self.root / words[0].lstrip("/")
        self.entry = [*json.loads(last.of("ENTRYPOINT")[0]), *json.loads(last.of("CMD")[0])]
        self.check = json.loads(last.of("HEALTHCHECK")[0].partition("CMD ")[2])
        self.size = sum(path.lstat().st_size for path in self.root.rglob("*"))

    def command(self, words: list[str], data: Path, **variables: str) -> dict[str, Any]:
        """How a process of the container is started here, where its folders lie elsewhere and its user has no name."""
        (packages,) = self.root.glob("usr/local/lib/python*/site-packages")
        environ = {key: value.replace("/data", str(data)) for key, value in self.environ.items()}
        return {
            "args": [str(self.python), *words[1:]],
            "cwd": self.work,
            "env": environ | {"PYTHONPATH": str(packages)} | variables,
        }


def copied(source: Path, target: Path) -> None:
    """As COPY does."""
    if source.is_dir():
        shutil.copytree(
            source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__") if source.parent == ROOT else None
        )
    else:
        shutil.copy(source, target / source.name if target.is_dir() else target)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    return Image(tmp_path_factory.mktemp("image"))


def test_what_the_container_holds_answers_and_writes_to_its_data_alone(image: Image, tmp_path: Path) -> None:
    assert image.size < 122e6  # bytes; the base with its Python takes about as much again, 250 MB are the most
    assert not [
        path for path in image.root.rglob("*") if path.name in ("gcc", "cc", "pip", "uv", ".env") or path.suffix == ".db"
    ]
    before = {path: path.lstat().st_mtime_ns for path in image.root.rglob("*")}
    number = port()
    with BotApi(flood=None) as api:
        given = {
            "TELEGRAM_BOT_TOKEN": api.token,
            "TELEGRAM_BASE_URL": api.url,
            "BOT_LISTEN": f"127.0.0.1:{number}",
            "LANG": "en_US.UTF-8",
        }
        with subprocess.Popen(**image.command(image.entry, tmp_path, **given), stderr=subprocess.PIPE, text=True) as process:
            until = time.monotonic() + 20
            while get(number, "/readyz") != (200, FINE):
                assert time.monotonic() < until, process.poll()
                time.sleep(0.1)
            health = [word.replace("8080", str(number)) for word in image.check]
            assert subprocess.run(**image.command(health, tmp_path), check=False).returncode == 0
            anna = api.person(7_412_000_001, language="en")
            anna.says("What is etcd?")
            api.wait(lambda: anna.chat.by_bot and anna.chat.by_bot[-1].buttons)
            process.terminate()
            assert process.wait(15) == 0
    assert subprocess.run(**image.command(image.check, tmp_path), check=False, capture_output=True).returncode != 0
    assert {path: path.lstat().st_mtime_ns for path in image.root.rglob("*")} == before
    assert {path.name for path in tmp_path.iterdir()} == {".cache", "learners.db", "questions.tsv"}
