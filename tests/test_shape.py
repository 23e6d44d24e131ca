"""The house keeps its shape: imports point down, and only the named modules know a library."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

BOT = Path(__file__).resolve().parent.parent / "bot"

# A module may import those of its own part and of the floors below it.
FLOORS = (
    ("bot.__main__",),
    ("bot.frontends", "bot.doctor", "bot.upkeep"),
    ("bot.classroom",),
    ("bot.tutor", "bot.quiz", "bot.simulation", "bot.course"),
    ("bot.settings",),
    ("bot.operator", "bot.logs"),
    ("bot.store",),
    ("bot.cited", "bot.cups", "bot.model", "bot.allowance"),
    ("bot.intents", "bot.replies", "bot.learners", "bot.limits", "bot.masks"),
    ("bot.knowledge",),
    ("bot.errors", "bot"),
)
# Who may know which library.
LIBRARIES = {
    "yaml": {"bot.knowledge.source", "bot.simulation.manifests"},
    "pydantic": {"bot.knowledge", "bot.settings", "bot.store", "bot.frontends.telegram.drawn"},
    "pydantic_core": {"bot.settings"},
    "pydantic_settings": {"bot.settings"},
    "platformdirs": {"bot.settings"},
    "rapidfuzz": {"bot.tutor"},
    "openai": {"bot.model"},
    "rich": {"bot.frontends.terminal"},
    "prompt_toolkit": {"bot.frontends.terminal"},
    "telegram": {"bot.frontends.telegram"},
    "aiohttp": {"bot.frontends.telegram.wire"},
    "aiohttp_socks": {"bot.frontends.telegram.wire"},
    "certifi": {"bot.frontends.telegram.wire"},
    "prometheus_client": {"bot.frontends.telegram.meters"},
    "tornado": {"bot.frontends.telegram.door"},
    "fsrs": {"bot.quiz.memory"},
    "resvg_py": {"bot.frontends.telegram.png"},
    "sqlalchemy": {"bot.store"},
    "alembic": {"bot.store"},
}


def modules() -> dict[str, Path]:
    found = {}
    for path in BOT.rglob("*.py"):
        parts = path.relative_to(BOT.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            assert node.module
            inside = {f"{node.module}.{name.name}" for name in node.names}
            found |= (inside & set(modules())) or {node.module}
    return found


def part(module: str) -> tuple[int, str]:
    """The floor a module is on, counted from the top, and its part there."""
    for floor, names in enumerate(FLOORS):
        for name in names:
            if module == name or (name != "bot" and module.startswith(name + ".")):
                return floor, name
    raise AssertionError(f"{module} has no place in the house")


def test_imports_point_down() -> None:
    wrong = []
    for module, path in modules().items():
        floor, own = part(module)
        for other in imports(path):
            if other.split(".")[0] == "bot":
                below, name = part(other)
                if not (below > floor or name == own):
                    wrong.append(f"{module} imports {other}")
    assert wrong == []


def test_only_the_named_modules_know_a_library() -> None:
    wrong = []
    for module, path in modules().items():
        for other in {name.split(".")[0] for name in imports(path)} - {"bot"} - set(sys.stdlib_module_names):
            allowed = LIBRARIES.get(other, set())
            if not any(module == name or module.startswith(name + ".") for name in allowed):
                wrong.append(f"{module} imports {other}")
    assert wrong == []


def test_no_chinese_sentence_lives_in_the_code() -> None:
    """User-facing sentences are data; code holds at most single examples in comments and docstrings."""
    wrong = []
    for module, path in modules().items():
        documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
        nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
        docstrings = {ast.get_docstring(node, clean=False) for node in nodes if isinstance(node, documented)}
        texts = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
        for text in texts - docstrings:
            if sum("\u4e00" <= char <= "\u9fff" for char in text) > 2:
                wrong.append(f"{module}: {text}")
    assert wrong == []
