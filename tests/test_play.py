"""The order on its board: played, broken and asked with kubectl, in the terminal and in a chat."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.classroom import Classroom
from bot.errors import Faulty
from bot.knowledge import base
from bot.knowledge.lint import Simulated
from bot.knowledge.schema import LANGUAGES, Language
from bot.learners import Learner
from bot.simulation import facts, steps
from bot.simulation.cluster import Cluster
from tests.botapi import BotApi
from tests.conftest import Run
from tests.served import Served
from tests.test_telegram import Room, says

KNOWLEDGE = base.load(base.default_folder())
PICTURE = KNOWLEDGE.pictures["lemonade"]
CLASSROOM = Classroom(KNOWLEDGE, "lemonade", "zh")
FIELDS = "replicas: 2  image: lemonade:v1  generation: 1"
PHONE = 24  # lines that a board may take


def told(run: Run, *lines: str, language: Language = "zh") -> str:
    done = run("chat", stdin="\n".join(lines) + "\n", BOT_LANGUAGE=language, COLUMNS="88")
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


# ------------------------------------------------------------------ knowledge


@pytest.mark.parametrize("id", PICTURE.breakages)
def test_of_each_breakage_exactly_one_guess_comes_true(id: str) -> None:
    breakage = PICTURE.breakages[id]
    true = facts.of(breakage)
    assert [guess.fact in true for guess in breakage.guesses].count(True) == 1


def test_a_base_that_does_not_tell_a_step_or_guesses_wrongly_is_refused(copy: Path) -> None:
    narration = copy / "metaphors/lemonade/narration.yaml"
    narration.write_text(re.sub(r"^tray-gone:.*\n", "", narration.read_text("utf-8"), flags=re.MULTILINE), "utf-8")
    dropped = copy / "metaphors/lemonade/breakages/tray-dropped.yaml"
    dropped.write_text(dropped.read_text("utf-8").replace("fact: one-replaced", "fact: moved"), "utf-8")
    leaks = copy / "metaphors/lemonade/breakages/cup-leaks.yaml"
    leaks.write_text(leaks.read_text("utf-8").replace("world crash", "world crush"), "utf-8")
    with pytest.raises(Faulty) as faulty:
        base.load(copy, "en", Simulated(steps.STEPS, frozenset(steps.GAPS), facts.of))
    said = [fault.message for fault in faulty.value.faults]
    assert len(said) == 3
    assert said[0].startswith("the simulation cannot play these commands: line 1: ")
    assert said[1].startswith("exactly one guess has to come true; the simulation's outcome is: ")
    assert said[2] == "no line tells the step tray-gone of the simulation."


# ------------------------------------------------------------------- terminal


def test_an_order_is_watched_step_by_step(run: Run) -> None:
    out = told(run, "/order 2", "/step", "/step", "/faster")
    boards = out.split("🧾")[1:]
    assert [re.findall(r"(\d/\d) 杯能喝", board) for board in boards] == [["0/2"], ["0/2"], ["0/2"], ["2/2"]]
    receipt = ("0001", "柠檬水 ×2  单价 ¥3.00", "优惠 ¥0.00  合计 ¥6.00", "微信支付  2025-10-21 19:45", FIELDS)
    assert boards[0].split("\n\n", maxsplit=1)[0].removeprefix(" 小票 ") == "\n".join(receipt)
    acts = "deployment-controller: rs/lemonade-a ADDED"
    assert "\n".join(("核对员 · kube-controller-manager", "核对员开一张计数单 lemonade-a，一开就写着 2。", acts)) in boards[1]
    assert "✅ lemonade-a-1 · node-1 · Running" in boards[3]


@pytest.mark.parametrize(
    ("text", "cups"),
    [
        ("/order 三", 3),
        ("十杯柠檬水", 6),
        ("三杯柠檬水", 3),
        ("来两杯", 2),
        ("我要 2 杯柠檬水", 2),
        ("3 cups please", 3),
        ("a lemonade please", 1),
        ("下单", 1),
    ],
)
def test_an_order_may_be_plain_words(run: Run, text: str, cups: int) -> None:
    assert f"replicas: {cups} " in told(run, text)


@pytest.mark.parametrize(
    "text", ["杯子是什么", "一杯柠檬水对应什么？", "柠檬水的做法", "what is a cup", "two cups of sugar in a cake"]
)
def test_a_question_about_cups_is_no_order(run: Run, text: str) -> None:
    assert "🧾" not in told(run, text)


def test_a_long_message_is_not_looked_through_for_an_order(run: Run) -> None:
    assert "🧾" in told(run, "请" * 30 + "来两杯")
    assert "🧾" not in told(run, "请" * 40 + "来两杯", "柠" * 2000)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("id", PICTURE.breakages)
def test_a_breakage_is_guessed_played_and_explained(run: Run, id: str, language: Language) -> None:
    breakage = PICTURE.breakages[id]
    true = facts.of(breakage)
    right = next(n for n, guess in enumerate(breakage.guesses, 1) if guess.fact in true)
    wrong = right % len(breakage.guesses) + 1
    out = told(run, f"/break {id}", f"/guess {id} {right}", f"/guess {id} {wrong}", language=language)
    answer = breakage.guesses[right - 1].text[language]
    assert says("break.right", language, right=answer) in out
    assert says("break.wrong", language, right=answer) in out
    assert says("break.guess", language) in out


def test_kubectl_has_a_cluster_of_its_own(run: Run) -> None:
    out = told(
        run, "/order 1", "/kubectl scale deployment lemonade --replicas=3", "/kubectl get pods", "/kubectl delete pod nope",
        "/kubectl get unicorns", "/kubectl scale deployment lemonade --replicas=2000", language="en",
    )  # fmt: skip
    assert "deployment.apps/lemonade scaled" in out
    assert re.findall(r"lemonade-a-\d   1/1     Running   0", out) == [
        f"lemonade-a-{n}   1/1     Running   0" for n in (1, 2, 3)
    ]
    assert 'pods "nope" not found' in out
    assert "the server doesn't have a resource type" in out
    assert "The little cluster is full (20 Pods at most)" in out


def test_kubectl_may_be_typed_as_into_a_terminal(run: Run) -> None:
    told_first = told(run, "kubectl get pods", language="en")
    assert says("next.guess", "en", question="").strip() in told_first  # nobody has a cluster yet: it is a question
    out = told(
        run, "/kubectl", "kubectl get nodes", "Kubectl run one --image=lemonade:v1", "What is etcd?", "kubectl get pods",
        "kubectl get pods 是什么？", "kubectl vs kubelet", language="en",
    )  # fmt: skip
    assert re.findall(r"^(?:node|one|pod/one)\S*.*$", out, re.MULTILINE)[:4] == [
        "node-1   Ready    <none>   4s    v1.36.2",
        "node-2   Ready    <none>   4s    v1.36.2",
        "pod/one created",
        "one    1/1     Running   0          1s",
    ]
    assert "unknown command" not in out


def test_what_is_too_long_for_a_phone_is_cut_and_said(run: Run) -> None:
    ordered = "/kubectl create deployment x --image=lemonade:v1 --replicas=6"
    out = told(run, ordered, "/kubectl get events", "/kubectl get pods", "/kubectl --help", language="en")
    events = out.split("LAST SEEN")[1].split("\n\n")[0]
    assert (events.count("\n…\n"), len(re.findall(r"^\d+s ", events, re.MULTILINE))) == (1, 20)
    cut = int(re.search(r"the last\s+20;\s+(\d+)\s+are left out", out)[1])  # type: ignore[index]
    assert cut > 0
    assert out.count("left out") == 1
    assert "This little cluster understands kubectl annotate, apply" in " ".join(out.split())


def test_more_than_six_that_are_alike_are_not_all_named(run: Run) -> None:
    out = told(run, "/kubectl create deployment x --image=lemonade:v1 --replicas=9", language="en")
    assert "(So for x-a-2, x-a-3, x-a-4, x-a-5, x-a-6, x-a-7, ….)" in " ".join(out.split())


def test_the_way_back_to_the_order_is_never_lost(run: Run) -> None:
    out = told(run, "/order 2", "etcd 是什么？", "/sources 1", "下一步", "快进", "etcd 是什么？")
    assert out.count(says("choice.back")) == 2
    assert out.count("🧾") == 3


def test_why_somebody_acts_is_told_with_its_source(run: Run) -> None:
    out = told(run, *(f"/why {concept}" for concept in PICTURE.whys), "/why etcd", language="en")
    assert out.count("Back to the order") == len(PICTURE.whys)
    assert "There is nobody of that name here" in out


def test_the_right_guess_stands_in_no_fixed_place() -> None:
    play = CLASSROOM.play
    places = set()
    for id, breakage in PICTURE.breakages.items():
        true = facts.of(breakage)
        right = next(f"/guess {id} {n}" for n, guess in enumerate(breakage.guesses, 1) if guess.fact in true)
        for count in range(3):
            scene = play.scene(Learner(count=count), id, "zh")
            assert scene
            places.add([choice.command for choice in scene.choices].index(right))
    assert places == {0, 1, 2}


def test_what_is_not_there_any_more_is_said(run: Run) -> None:
    out = told(run, "/step", "/break nonsense", "/guess tray-dropped 9", "/guess nonsense 1", language="en")
    assert out.count("There is no order yet") == 1
    assert out.count("There is no such thing to break") == 3


def test_the_bare_command_tells_one_cup_as_a_story(run: Run) -> None:
    zh, en = run("order", BOT_LANGUAGE="zh"), run("order", BOT_LANGUAGE="en")
    assert (zh.returncode, zh.stderr) == (en.returncode, en.stderr) == (0, "")
    assert "派单员只写一行：lemonade-a-1 归 node-1 这家店。" in zh.stdout
    assert "The dispatcher writes one line: lemonade-a-1 goes to node-1." in en.stdout


def test_every_step_is_told_somewhere() -> None:
    """The steps are real: each occurs when the cluster is treated as it may be."""
    seen = set()
    for script in SCRIPTS:
        cluster = Cluster()
        for command in script:
            seen |= {steps.step_of(line) for line in cluster.run(command)}
    assert seen - {None} == steps.STEPS


BUSY = ["world shops 2", "settle", "kubectl create deployment lemonade --image=lemonade:v1 --replicas=2", "settle"]
PROBED = """kubectl apply -f - <<EOF
{apiVersion: v1, kind: Pod, metadata: {name: tasted, labels: {app: t}}, spec: {containers: [{name: c, image: "lemonade:v1",
 livenessProbe: {httpGet: {path: /, port: 80}, periodSeconds: 1, failureThreshold: 1}}]}}
EOF"""
SCRIPTS = [
    [*BUSY, "kubectl scale deployment lemonade --replicas=3", "settle", "kubectl set image deployment/lemonade *=lemonade:v2",
     "settle", "kubectl expose deployment lemonade --port=80", "settle", "kubectl delete pod lemonade-b-1", "settle",
     "kubectl set image deployment/lemonade *=lemonade:missing", "settle",
     "kubectl delete deployment lemonade --cascade=foreground", "settle"],
    [*BUSY, "kubectl cordon node-1", "kubectl uncordon node-1", "kubectl drain node-2 --ignore-daemonsets", "settle",
     "kubectl scale deployment lemonade --replicas=40", "settle", "world memory lemonade-a-1 over", "wait 1m",
     "world crash lemonade-a-1 --times=3", "wait 1m", "world shop node-1 down", "wait 2m"],
    [*BUSY, "kubectl set resources deployment lemonade --requests=cpu=8", "settle",
     PROBED, "settle", "world probe pod/tasted fail", "wait 30s"],
]  # fmt: skip


# ------------------------------------------------------------------- Telegram


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    with BotApi() as api, Served(api, tmp_path_factory.mktemp("data")) as bot:
        yield Room(api, bot)
        api.quiet()
        assert api.flood_violations == 0


def test_one_message_is_the_board(room: Room) -> None:
    anna = room.person()
    board = room.ask(anna, "三杯柠檬水")
    assert "0/3 杯能喝" in board.text
    messages = len(anna.chat.by_bot)
    anna.presses(board, "▶️ 下一步")
    room.api.wait(lambda: "核对员" in board.text)
    anna.presses(board, "⏩ 快进")
    room.api.wait(lambda: "3/3 杯能喝" in board.text and "再来一单" in str(board.buttons), seconds=40)
    assert len(anna.chat.by_bot) == messages
    assert max(text.count("\n") for text in board.versions) < PHONE


def test_the_own_cluster_outlives_a_restart(room: Room) -> None:
    anna = room.person("en")
    room.ask(anna, "/order 1")
    room.ask(anna, "/kubectl scale deployment lemonade --replicas=2")
    room.bot.kill()
    room.bot.start()
    answer = room.ask(anna, "/kubectl get deployments")
    assert re.search(r"lemonade +2/2 +2 +2", answer.text)


def test_a_guess_takes_the_place_of_the_scene(room: Room) -> None:
    anna = room.person("en")
    which = room.press(anna, room.ask(anna, "/order"), "💥 Break something")
    scene = room.press(anna, which, "🍽 A tray is dropped")
    anna.presses(scene, "A new tray, with a new number")
    room.api.wait(lambda: scene.text.startswith("✅ You guessed it: A new tray, with a new number"))
    assert "3 of 3 drinkable" in scene.text
