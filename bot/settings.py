"""The settings: environment over `--env-file` over `.env` in the data folder, as one frozen object.

A secret may also stand in a file that the variable NAME_FILE of the environment names.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import platformdirs
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, field_validator
from pydantic_core import PydanticUseDefault
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bot import operator
from bot.errors import Refused
from bot.knowledge import resources
from bot.knowledge.base import default_folder
from bot.knowledge.schema import Language
from bot.model import Endpoint

Address = tuple[str, int]
Price = tuple[float, float]


def data_folder() -> Path:
    return Path(platformdirs.user_data_dir("kube-lemonade", appauthor=False))


def cache_folder() -> Path:
    """For what can be made anew."""
    return Path(platformdirs.user_cache_dir("kube-lemonade", appauthor=False))


def _address(text: object) -> object:
    """`127.0.0.1:8080` or `[::1]:8080` → host and port; nothing for an empty text."""
    if not isinstance(text, str):
        return text
    host, _, port = text.rpartition(":")
    if text and not (host and port.isdecimal() and int(port) < 65536):
        raise ValueError
    return (host.strip("[]"), int(port)) if text else None


def _ids(text: object) -> object:
    """`1, 2` → (1, 2)"""
    return tuple(int(part) for part in re.split(r"[\s,，;]+", text.strip()) if part) if isinstance(text, str) else text


def _price(text: object) -> object:
    """`0.15/0.60` → (0.15, 0.6)"""
    if not isinstance(text, str):
        return text
    prices = tuple(float(part) for part in text.split("/"))
    if not all(0 <= price < float("inf") for price in prices):
        raise ValueError
    return prices


def _starting(*schemes: str) -> AfterValidator:
    """An address that can be one: its host has a name, its port a number."""

    def checked(text: str) -> str:
        place = urlsplit(text) if re.fullmatch(rf"({'|'.join(schemes)})://[^\s/]+\S*", text) else None
        if not place or not (place.hostname or "").encode("idna") or place.port == 0:
            raise ValueError
        return text

    return AfterValidator(checked)


def _secret(pattern: str) -> AfterValidator:
    def checked(secret: SecretStr) -> SecretStr:
        if not re.fullmatch(pattern, secret.get_secret_value()):
            raise ValueError
        return secret

    return AfterValidator(checked)


class Settings(BaseSettings):
    """Every setting is a variable of the same name in capitals; the texts describe it as `setting.NAME`."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    telegram_bot_token: Annotated[SecretStr, _secret(r"\d+:[A-Za-z0-9_-]+")] | None = None
    telegram_base_url: Annotated[str, _starting("https?")] = "https://api.telegram.org"
    bot_proxy: Annotated[str, _starting("https?", "socks5h?")] | None = None
    bot_webhook_url: Annotated[str, _starting("https?")] | None = None
    bot_webhook_secret: Annotated[SecretStr, _secret(r"[A-Za-z0-9_-]{1,256}")] | None = None
    bot_listen: Annotated[Address | None, NoDecode, BeforeValidator(_address)] = ("127.0.0.1", 8080)
    bot_allowed_users: Annotated[tuple[int, ...], NoDecode, BeforeValidator(_ids)] = ()
    database_url: str | None = None
    openai_api_key: Annotated[SecretStr, _secret(r"[\x21-\x7e]+")] | None = None
    openai_base_url: Annotated[str, _starting("https?")] | None = None
    bot_model: str | None = None
    bot_model_timeout: Annotated[float, Field(gt=0, le=600)] = 30.0
    bot_model_proxy: Annotated[str, _starting("https?", "socks5h?")] | None = None
    bot_model_price: Annotated[Price | None, NoDecode, BeforeValidator(_price)] = None
    bot_tokens_per_learner_per_day: Annotated[int, Field(ge=0)] = 50_000
    bot_tokens_per_day: Annotated[int, Field(ge=0)] = 1_000_000
    bot_admins: Annotated[tuple[int, ...], NoDecode, BeforeValidator(_ids)] = ()
    bot_language: Language = "zh"
    bot_metaphor: str = "lemonade"
    bot_knowledge_dir: Path = Field(default_factory=default_folder)
    bot_prompts_dir: Path = Field(default_factory=lambda: resources.folder("prompts"))
    bot_data_dir: Path = Field(default_factory=data_folder)
    bot_log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "WARNING"
    bot_log_format: Literal["text", "json"] = "text"

    @field_validator("*", mode="before")
    @classmethod
    def _empty_is_unset(cls, value: Any, info: Any) -> Any:
        if value == "" and info.field_name != "bot_listen":
            raise PydanticUseDefault
        return value

    def endpoint(self) -> Endpoint | None:
        """Where a language model listens; None: the knowledge answers alone. Raises Refused when its name is missing."""
        if not self.openai_api_key and not self.openai_base_url:
            return None
        if not self.bot_model:
            raise operator.refused("no-model")
        key = self.openai_api_key.get_secret_value() if self.openai_api_key else ""
        return Endpoint(self.bot_model, self.openai_base_url, key, self.bot_model_proxy, self.bot_model_timeout)

    def database(self) -> str | Path:
        """Where the learners are kept: an address, or a file."""
        return self.database_url or self.bot_data_dir / "learners.db"

    def database_file(self) -> Path:
        """The file that they are in. Raises Refused where the address names none."""
        place = self.database()
        if isinstance(place, Path):
            return place
        if not (found := re.fullmatch(r"sqlite:///([^?]+)(\?.*)?", place)):
            raise operator.refused("database-url")
        return Path(found[1])


SECRETS = ("TELEGRAM_BOT_TOKEN", "BOT_WEBHOOK_SECRET", "OPENAI_API_KEY", "DATABASE_URL")


def load(env_file: Path | None = None) -> Settings:
    """The settings of this run.

    Raises Refused with a sentence for each variable that has an unusable value; the value itself is not repeated.
    """
    if env_file and not env_file.is_file():
        raise operator.refused("setting-file", name=env_file)
    home = Path(os.environ.get("BOT_DATA_DIR") or data_folder())
    files = (home / ".env", *([env_file] if env_file else []))
    try:
        return Settings(_env_file=files, _env_file_encoding="utf-8", **_from_files())
    except ValidationError as error:
        wrong = {str(each["loc"][0]).upper(): each.get("ctx", {}).get("expected") for each in error.errors()}
        lines = [
            operator.say("refused.setting-wrong", name=name, expected=allowed or operator.expected(name))
            for name, allowed in wrong.items()
        ]
        raise Refused("\n".join(lines)) from None
    except UnicodeDecodeError:
        raise operator.refused("setting-encoding") from None


def _from_files() -> dict[str, Any]:
    """The secrets that NAME_FILE names, for those that the environment does not set itself."""
    found = {}
    for name in SECRETS:
        path = os.environ.get(f"{name}_FILE")
        if path and not os.environ.get(name):
            try:
                found[name.lower()] = Path(path).read_text("utf-8-sig").strip()
            except (OSError, UnicodeDecodeError):
                raise operator.refused("secret-file", name=f"{name}_FILE") from None
    return found
