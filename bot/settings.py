"""The settings: environment over `--env-file` over `.env` in the data folder, as one frozen object."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import platformdirs
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot import operator
from bot.errors import Refused
from bot.knowledge.base import default_folder
from bot.knowledge.schema import Language


def data_folder() -> Path:
    return Path(platformdirs.user_data_dir("kube-lemonade", appauthor=False))


class Settings(BaseSettings):
    """Every setting is a variable of the same name in capitals; the texts describe it as `setting.NAME`."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, env_ignore_empty=True, hide_input_in_errors=True)

    telegram_bot_token: SecretStr | None = None
    bot_language: Language = "zh"
    bot_metaphor: str = "lemonade"
    bot_knowledge_dir: Path = Field(default_factory=default_folder)
    bot_data_dir: Path = Field(default_factory=data_folder)
    bot_log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "WARNING"


def load(env_file: Path | None = None) -> Settings:
    """The settings of this run.

    Raises Refused with a sentence for each variable that has an unusable value; the value itself is not repeated.
    """
    if env_file and not env_file.is_file():
        raise operator.refused("setting-file", name=env_file)
    home = Path(os.environ.get("BOT_DATA_DIR") or data_folder())
    try:
        return Settings(_env_file=(home / ".env", *([env_file] if env_file else [])), _env_file_encoding="utf-8")
    except ValidationError as error:
        wrong = [(str(each["loc"][0]).upper(), each.get("ctx", {}).get("expected", "")) for each in error.errors()]
        lines = [operator.say("refused.setting-wrong", name=name, expected=expected or "–") for name, expected in wrong]
        raise Refused("\n".join(lines)) from None
    except UnicodeDecodeError:
        raise operator.refused("setting-encoding") from None
