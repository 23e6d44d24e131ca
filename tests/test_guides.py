"""The guides for hosts: the same commands in both languages, about files and settings that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.settings import SECRETS, Settings
from tests.conftest import ROOT

GUIDES = ("self-hosting", "behind-a-wall")
BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)
COMMENT = re.compile(r"\s+#.*")
ELSEWHERE = {"BOT_API", "PIP_INDEX_URL", "COMPOSE_PROFILES", "HTTPS_PROXY", "ALL_PROXY"}


def text(guide: str, language: str) -> str:
    return (ROOT / f"docs/{guide}{'.zh-CN' if language == 'zh' else ''}.md").read_text("utf-8")


@pytest.mark.parametrize("guide", GUIDES)
def test_both_languages_give_the_same_commands(guide: str) -> None:
    english, chinese = ([COMMENT.sub("", block) for block in BLOCK.findall(text(guide, each))] for each in ("en", "zh"))
    assert english == chinese


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("guide", GUIDES)
def test_what_they_name_is_there(guide: str, language: str) -> None:
    told = text(guide, language)
    paths = set(re.findall(r"(?<![\w./-])deploy/[\w./-]*\w", told)) - {
        "deploy/.env",
        "deploy/kube-lemonade",
    }  # a file of the host's, and kubectl's word
    links = {f"docs/{name}" for name in re.findall(r"\]\(([\w.-]+\.md)\)", told)}
    assert [path for path in sorted(paths | links) if not Path(ROOT / path).exists()] == []
    known = {name.upper() for name in Settings.model_fields} | {f"{name}_FILE" for name in SECRETS}
    assert set(re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", told)) - known - ELSEWHERE == set()
