"""The simulated control plane stays small enough to be read in one sitting."""

from __future__ import annotations

import ast
import io
import tokenize
from pathlib import Path

SIMULATION = Path(__file__).resolve().parent.parent / "bot" / "simulation"
API_SERVER = ("store", "apiserver", "admission", "schema")
CONTROLLERS = ("part", "deployment", "replicaset", "nodes", "garbage", "endpoints", "disruption", "scheduler")
MOST = 1_300  # lines of code: without blank lines, comments and docstrings
SILENT = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}


def code_lines(text: str) -> int:
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, documented) and ast.get_docstring(node) is not None:
            docstrings |= set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in SILENT:
            lines |= set(range(token.start[0], token.end[0] + 1))
    return len(lines - docstrings)


def test_lines_of_code_are_counted_without_what_explains_them() -> None:
    assert (
        code_lines('"""Words."""\n\n# more\nx = (\n    1\n)  # words\n\n\ndef f() -> None:\n    """Words."""\n    return\n')
        == 5
    )


def test_the_control_plane_can_be_read_in_one_sitting() -> None:
    sizes = {name: code_lines((SIMULATION / f"{name}.py").read_text("utf-8")) for name in (*API_SERVER, *CONTROLLERS)}
    assert sum(sizes.values()) <= MOST, sizes
