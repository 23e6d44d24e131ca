"""The command line: reads settings and knowledge, then opens a front-end."""

from __future__ import annotations

import argparse
import gc
import io
import json
import logging
import os
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from bot import __version__, logs, operator, settings
from bot.classroom import Classroom
from bot.errors import Fault, Faulty, Refused
from bot.knowledge import base, kept
from bot.knowledge.lint import Simulated
from bot.knowledge.schema import LANGUAGES, Both, Language
from bot.learners import Learner
from bot.quiz.memory import Memory
from bot.replies import Answer
from bot.store.notebook import Notebook
from bot.tutor.finder import Finder
from bot.tutor.prompts import read
from bot.tutor.speaker import voice

LOG = "kube-lemonade.log"
YOUNG = 10_000  # objects between two looks for garbage; at 700, as Python has it, looking is a fourteenth of an update
KEPT, KEPT_WHOLE = "knowledge", "knowledge-with-items"
HERE = Path(__file__).parent
MAKERS = ("knowledge", "tutor")  # the parts of the program that make what is kept


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; the exit code is 0 done, 1 refused with a sentence on stderr, 2 wrong usage."""
    for stream in filter(None, (sys.stdout, sys.stderr)):  # a stream that was closed is None
        stream.reconfigure(encoding="utf-8", errors="replace")
    sys.stdin = sys.stdin or io.TextIOWrapper(io.BytesIO())
    asked = _parser().parse_args(arguments)
    log = settings.data_folder() / LOG
    try:
        found = settings.load(asked.env_file)
        log = found.bot_data_dir / LOG
        logs.to_file(log, found.bot_log_level)
        code = _run(asked, found)
        for stream in filter(None, (sys.stdout, sys.stderr)):
            stream.flush()
        return code
    except Refused as refused:
        print(refused, file=sys.stderr)
        return 1
    except OSError as error:
        gone = isinstance(error, BrokenPipeError)  # the reader has read enough
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in filter(None, (sys.stdout, sys.stderr if gone else None)):
            os.dup2(nowhere, stream.fileno())  # nothing more can be written
        if gone:
            return 0
        print(operator.say("refused.system", reason=error.strerror), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except Exception:
        logging.getLogger("bot").exception("a bug")
        print(operator.say("refused.bug", log=log), file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    def say(key: str) -> str:
        return operator.say(f"cli.{key}")

    parser = argparse.ArgumentParser(prog="kube-lemonade", description=say("about"))
    parser.add_argument("--version", action="version", version=f"kube-lemonade {__version__}")
    parser.add_argument("--env-file", type=Path, help=say("env-file"))
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.add_parser("chat", help=say("chat"))
    ask = commands.add_parser("ask", help=say("ask"))
    ask.add_argument("--json", action="store_true", help=say("json"))
    ask.add_argument("--lang", choices=("zh", "en"), help=say("lang"))
    ask.add_argument("question", nargs="+", help=say("question"))
    order = commands.add_parser("order", help=say("order"))
    order.add_argument("--json", action="store_true", help=say("json-lines"))
    order.add_argument("--script", metavar="FILE|-", help=say("script"))
    quiz = commands.add_parser("quiz", help=say("quiz")).add_subparsers(dest="what", metavar="export", required=True)
    export = quiz.add_parser("export", help=say("quiz"))
    export.add_argument("--json", action="store_true", help=say("json-lines"))
    check = commands.add_parser("check", help=say("check"))
    check.add_argument("folder", nargs="?", type=Path, help=say("folder"))
    commands.add_parser("serve", help=say("serve"))
    commands.add_parser("doctor", help=say("doctor"))
    for name in ("backup", "restore"):
        commands.add_parser(name, help=say(name)).add_argument("file", type=Path, help=say("copy"))
    learners = commands.add_parser("learners", help=say("learners")).add_subparsers(dest="tool", required=True)
    learners.add_parser("export", help=say("export")).add_argument("id", nargs="?", type=int, help=say("id"))
    learners.add_parser("forget", help=say("forget")).add_argument("id", type=int, help=say("id"))
    learners.add_parser("stats", help=say("stats"))
    return parser


def _run(asked: argparse.Namespace, found: settings.Settings) -> int:
    command = asked.command or ("serve" if found.telegram_bot_token else "chat")
    if command == "check":
        return _check(asked.folder or found.bot_knowledge_dir, found.bot_prompts_dir)
    if command == "order":
        return _order(asked, base.narration(found.bot_knowledge_dir, found.bot_metaphor), found.bot_language)
    if command in ("backup", "restore", "learners"):
        return _keep(asked, found)
    if command == "doctor":
        return _doctor(found)
    gc.disable()  # loading makes many objects and no garbage
    unread = base.UNASKED if command == "ask" else (base.LEARNT_FROM,)
    finder = _finder(found.bot_knowledge_dir, found.bot_metaphor, unread)
    knowledge = finder.knowledge
    if command == "quiz":
        return _quiz(knowledge, found.bot_metaphor)
    if command == "serve":
        return _serve(found, finder)
    import asyncio

    spoken = voice(found, time.monotonic)
    sleep = asyncio.sleep if sys.stdout and sys.stdout.isatty() else _at_once  # nobody watches a pipe
    words = (knowledge, found.bot_metaphor, found.bot_language)
    notebook = Notebook(found.database(), Memory(knowledge.pictures[found.bot_metaphor].items), time.time)
    classroom = Classroom(*words, voice=spoken, sleep=sleep, remembered=notebook.remembered, finder=finder)
    gc.freeze()
    gc.enable()
    if command == "ask":
        return asyncio.run(_ask(classroom, asked))
    from bot.frontends import terminal

    return asyncio.run(terminal.run(classroom, notebook, found.bot_data_dir))


async def _at_once(seconds: float) -> None:
    """Does not wait."""


def _finder(folder: Path, metaphor: str, unread: tuple[str, ...]) -> Finder:
    """The knowledge with what finds answers in it; kept from an earlier start while the files and the program are the same."""
    program = [path for part in MAKERS for path in sorted((HERE / part).glob("*.py"))]
    files = [*base.files_of(folder, unread), *base.files_of(base.default_folder() / "texts"), *program]
    place = settings.cache_folder() / (KEPT if unread == base.UNASKED else KEPT_WHOLE)
    of = kept.fingerprint(files, metaphor)
    finder = kept.find(place, of)
    if not isinstance(finder, Finder):
        knowledge = _knowledge(folder, unread)
        if metaphor not in knowledge.pictures:
            raise operator.refused("no-metaphor", name=metaphor, known=", ".join(knowledge.pictures))
        finder = Finder(knowledge, knowledge.pictures[metaphor])
        kept.keep(place, of, finder)
    return finder


def _serve(found: settings.Settings, finder: Finder) -> int:
    if not found.telegram_bot_token:
        raise operator.refused("no-token")
    import asyncio

    from bot.frontends.telegram import serve

    gc.freeze()
    gc.set_threshold(YOUNG)
    gc.enable()
    logs.to_stderr(found.bot_log_level, found.bot_log_format)
    return asyncio.run(serve.run(found, finder))


def _keep(asked: argparse.Namespace, found: settings.Settings) -> int:
    from bot import upkeep

    match asked.command, getattr(asked, "tool", None):
        case "backup", _:
            return upkeep.backup(found, asked.file)
        case "restore", _:
            return upkeep.restore(found, asked.file)
        case _, "export":
            return upkeep.export(found, asked.id)
        case _, "forget":
            return upkeep.forget(found, asked.id)
        case _:
            return upkeep.stats(found)


def _doctor(found: settings.Settings) -> int:
    import asyncio

    from bot import doctor
    from bot.frontends.telegram.examined import examine

    shown = ""

    def faults() -> int:
        nonlocal shown
        knowledge, wrong = _examined(found.bot_knowledge_dir, found.bot_prompts_dir)
        shown = _pictured(knowledge) if knowledge else ""
        return len(wrong)

    def undrawn() -> str:
        from bot.frontends.telegram import png

        return png.undrawn(shown)

    return asyncio.run(doctor.examine(found, examine, faults, undrawn))


def _pictured(knowledge: base.Knowledge) -> str:
    """All words that a drawing may show."""
    pictures = knowledge.pictures.values()
    names = [area.name for each in pictures for area in each.areas] + [
        lesson.title for each in pictures for lesson in each.lessons.values()
    ]
    told = [both for key, both in knowledge.texts.items() if key.startswith(("progress.", "learn."))]
    return "".join(both[language] for both in names + told for language in LANGUAGES)


async def _ask(classroom: Classroom, asked: argparse.Namespace) -> int:
    for question in _questions(asked.question):
        answers = [answer async for answer in classroom.answer(Learner(language=asked.lang), question)]
        reply = answers[-1]
        print(_as_json(question, reply) if asked.json else _told(reply) + "\n", flush=True)
    return 0


def _order(asked: argparse.Namespace, narration: Mapping[str, Both], language: Language) -> int:
    """Every line as JSON or in plain words; without a script one cup as a story."""
    from bot.simulation import script, steps
    from bot.simulation.cluster import Cluster

    try:
        commands = script.parse(_script(asked.script) if asked.script else script.ONE_CUP)
    except Refused as refused:
        raise Refused(" ".join(str(refused).split())) from None  # one sentence, one line
    cluster = Cluster(steps.teller(narration))
    for command in commands:
        for line in cluster.do(command):
            if asked.json:
                print(json.dumps(line.as_json(), ensure_ascii=False), flush=True)
            elif asked.script:
                print(line, flush=True)
            elif line.story:
                print(f"{line.story[language]}\n{line}\n", flush=True)
    return 0


def _quiz(knowledge: base.Knowledge, metaphor: str) -> int:
    """Every item as one line of JSON."""
    from bot.quiz import export
    from bot.simulation import facts

    for row in export.rows(knowledge, knowledge.pictures[metaphor], facts.of, facts.script):
        print(json.dumps(row, ensure_ascii=False))
    return 0


def _script(name: str) -> str:
    if name == "-":
        return sys.stdin.buffer.read().decode("utf-8", errors="replace")
    return Path(name).read_text("utf-8", errors="replace")


def _told(answer: Answer) -> str:
    """The text; where it only offers choices, they belong to it."""
    return answer.text if answer.claims else "\n".join([answer.text, *(f"· {choice.label}" for choice in answer.choices)])


def _questions(words: list[str]) -> Iterator[str]:
    """The question on the command line, or with `-` one for each line of standard input."""
    if words != ["-"]:
        yield " ".join(words)
        return
    for line in sys.stdin.buffer:
        yield line.decode("utf-8", errors="replace").rstrip("\r\n")


def _as_json(question: str, answer: Answer) -> str:
    row = {
        "question": question,
        "lang": answer.language,
        "route": answer.route,
        "concepts": answer.concepts,
        "claims": answer.claims,
        "breaks": answer.breaks,
        "text": _told(answer),
    }
    return json.dumps(row, ensure_ascii=False)


def _simulated() -> Simulated:
    """What the order simulation asks of a base."""
    from bot.simulation import facts, steps

    return Simulated(steps.STEPS, frozenset(steps.GAPS), facts.of)


def _examined(folder: Path, prompts: Path) -> tuple[base.Knowledge | None, set[Fault]]:
    """The knowledge, unless it has faults, and every fault of it and of the prompts."""
    knowledge, faults = None, set[Fault]()
    try:
        knowledge = _knowledge(folder, (), _simulated())
    except Faulty as faulty:
        faults |= set(faulty.faults)
    try:
        read(prompts, operator.language())
    except Faulty as faulty:
        faults |= set(faulty.faults)
    return knowledge, faults


def _check(folder: Path, prompts: Path) -> int:
    knowledge, faults = _examined(folder, prompts)
    if knowledge is None or faults:
        print(Faulty(list(faults)))
        print(operator.say("check.faults", count=len(faults)), file=sys.stderr)
        return 1
    counts = {
        "concepts": len(knowledge.concepts),
        "claims": sum(len(concept.claims) for concept in knowledge.concepts.values()),
        "pairs": len(knowledge.pairs),
        "pictures": len(knowledge.pictures),
    }
    print(operator.say("check.fine", **counts))
    return 0


def _knowledge(folder: Path, unread: tuple[str, ...], simulated: Simulated = Simulated()) -> base.Knowledge:  # noqa: B008
    if not folder.is_dir():
        raise operator.refused("no-folder", name=str(folder))
    return base.load(folder, operator.language(), simulated, unread)


if __name__ == "__main__":
    sys.exit(main())
