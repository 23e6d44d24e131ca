"""What Telegram refuses, with its words: parameters, texts and their markup, buttons, polls, commands."""

from __future__ import annotations

import json
import re
import struct
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tests.botapi.refusals import Json, Refused, Surprise, keys
from tests.botapi.texts import length, link, read

TEXT, CAPTION = 4096, 1024


@dataclass
class Upload:
    """A file that came with a call."""

    name: str
    content: bytes


# ---- parameters ----

_CHAT = "chat_id!:chat message_thread_id:int"
_SEND = (
    f"{_CHAT} disable_notification:bool protect_content:bool reply_markup:json reply_parameters:json"
    " parse_mode:str allow_paid_broadcast:bool"
)
_CAPTION = "caption:str caption_entities:json show_caption_above_media:bool"
_EDIT = "chat_id!:chat message_id!:int reply_markup:json"

# Parameters of each method: `name:kind`, with `!` when required. Those of business accounts, payments and channels are not
# here: a tutor has no use for them.
METHODS: dict[str, str] = {
    "getMe": "",
    "getUpdates": "offset:int limit:int timeout:int allowed_updates:json",
    "setWebhook": "url!:str secret_token:str max_connections:int allowed_updates:json ip_address:str drop_pending_updates:bool",
    "deleteWebhook": "drop_pending_updates:bool",
    "getWebhookInfo": "",
    "sendMessage": f"{_SEND} text!:str entities:json link_preview_options:json",
    "sendMessageDraft": f"{_CHAT} draft_id!:int text:str parse_mode:str entities:json",
    "sendChatAction": f"{_CHAT} action!:str",
    "sendPhoto": f"{_SEND} photo!:file {_CAPTION} has_spoiler:bool",
    "sendDocument": f"{_SEND} document!:file {_CAPTION} disable_content_type_detection:bool thumbnail:file",
    "sendPoll": (
        f"{_SEND} question!:str question_parse_mode:str question_entities:json options!:json is_anonymous:bool type:str"
        " allows_multiple_answers:bool allows_revoting:bool shuffle_options:bool hide_results_until_closes:bool"
        " correct_option_id:int correct_option_ids:json explanation:str explanation_parse_mode:str explanation_entities:json"
        " open_period:int close_date:int is_closed:bool description:str description_parse_mode:str description_entities:json"
    ),
    "stopPoll": _EDIT,
    "editMessageText": f"{_EDIT} text!:str parse_mode:str entities:json link_preview_options:json",
    "editMessageCaption": f"{_EDIT} {_CAPTION} parse_mode:str",
    "editMessageMedia": f"{_EDIT} media!:json",
    "editMessageReplyMarkup": _EDIT,
    "deleteMessage": "chat_id!:chat message_id!:int",
    "answerCallbackQuery": "callback_query_id!:str text:str show_alert:bool cache_time:int",
    "setMessageReaction": "chat_id!:chat message_id!:int reaction:json is_big:bool",
    "setMyCommands": "commands!:json scope:json language_code:str",
    "getMyCommands": "scope:json language_code:str",
    "deleteMyCommands": "scope:json language_code:str",
    "setMyName": "name:str language_code:str",
    "getMyName": "language_code:str",
    "setMyDescription": "description:str language_code:str",
    "getMyDescription": "language_code:str",
    "setMyShortDescription": "short_description:str language_code:str",
    "getMyShortDescription": "language_code:str",
    "setChatMenuButton": "chat_id:int menu_button:json",
    "getChatMenuButton": "chat_id:int",
    "getChat": "chat_id!:chat",
    "getChatMember": "chat_id!:chat user_id!:int",
    "leaveChat": "chat_id!:chat",
}
PARAMETERS = {
    method: {name.rstrip("!"): (kind, name.endswith("!")) for name, kind in (one.split(":") for one in line.split())}
    for method, line in METHODS.items()
}
# What Telegram says when one of these is missing.
MISSING = {
    "chat_id": "chat_id is empty",
    "text": "message text is empty",
    "message_id": "message identifier is not specified",
    "photo": "there is no photo in the request",
    "document": "there is no document in the request",
    "question": "text must be non-empty",
    "draft_id": "draft_id must be a non-zero integer",
}


def parameters(method: str, given: Json, files: dict[str, Upload]) -> Json:
    """The parameters of a call in their kinds; anything unknown or ill-typed is a surprise."""
    known = PARAMETERS[method]
    media = {name for name in files if name not in known}
    if media and not any(f"attach://{name}" in str(value) for name in media for value in given.values()):
        raise Surprise(f"{method} got a file nobody asked for: {', '.join(sorted(media))}")
    params: Json = {}
    for name, value in given.items():
        if name not in known:
            raise Surprise(f"{method} has no parameter {name}={value!r}")
        params[name] = _kind(method, name, known[name][0], value)
    for name, upload in files.items():
        if name in known and known[name][0] != "file":
            raise Surprise(f"{name} of {method} is not a file")
        params[name if name in known else f"attach://{name}"] = upload
    for name, (_, required) in known.items():
        if required and name not in params:
            raise Refused(MISSING[name]) if name in MISSING else Surprise(f"{method} needs {name}")
    return params


def _kind(method: str, name: str, kind: str, value: Any) -> Any:
    wrong = Surprise(f"{name} of {method} is not of kind {kind}: {value!r}")
    match kind:
        case "str":
            if not isinstance(value, str):
                raise wrong
            return value
        case "file":
            if not isinstance(value, str):
                raise wrong
            if not value.startswith(("attach://", "http://", "https://", "photo-", "document-")):
                raise Refused("wrong file identifier/HTTP URL specified")
            return value
        case "bool":
            if isinstance(value, bool):
                return value
            if str(value) not in ("true", "false", "True", "False", "1", "0"):
                raise wrong
            return str(value) in ("true", "True", "1")
        case "int":
            if isinstance(value, bool) or not re.fullmatch(r"-?\d{1,18}", str(value)):
                raise wrong
            return int(value)
        case "chat":
            if isinstance(value, bool) or not re.fullmatch(r"-?\d{1,18}|@\w+", str(value)):
                raise wrong
            return value if str(value).startswith("@") else int(value)
    if isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            raise wrong from None
    return value


# ---- buttons ----


def markup(given: Any, inline_only: bool = False) -> Json | None:
    """A reply_markup that Telegram takes."""
    if given is None:
        return None
    if not isinstance(given, dict):
        raise Surprise("object expected as reply markup")
    if "inline_keyboard" not in given:
        if inline_only:
            raise Refused("inline keyboard expected")
        return _other_markup(given)
    keys("InlineKeyboardMarkup", given, "inline_keyboard")
    rows = given["inline_keyboard"]
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise Surprise('field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays')
    for row in rows:
        if not row:
            raise Surprise("a row of buttons is empty")
        if len(row) > 8:
            raise Refused("reply markup is too long: more than 8 buttons in a row")
        for button in row:
            _button(button)
    if sum(map(len, rows)) > 100:
        raise Refused("reply markup is too long")
    return {"inline_keyboard": rows} if rows else None


def _button(button: Any) -> None:
    keys("InlineKeyboardButton", button, "text", "callback_data", "url", "copy_text", "style")
    label, data = button.get("text"), button.get("callback_data")
    if not isinstance(label, str):
        raise Surprise('can\'t parse inline keyboard button: field "text" must be of type String')
    if not label.strip():
        raise Refused("can't parse inline keyboard button: text buttons must be non-empty")
    does = [key for key in ("callback_data", "url", "copy_text") if key in button]
    if not does:
        raise Refused("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
    if len(does) > 1:
        raise Surprise(f"a button does one thing, not {' and '.join(does)}")
    if "style" in button and button["style"] not in ("primary", "success", "danger"):
        raise Surprise(f"a button has no style {button['style']!r}")
    match does[0]:
        case "callback_data":
            if not isinstance(data, str):
                raise Surprise("callback_data is not a string")
            if not 1 <= len(data.encode("utf-8", "surrogatepass")) <= 64:
                raise Refused("BUTTON_DATA_INVALID")
        case "url":
            try:
                link(button["url"])
            except Refused:
                raise Refused(f"inline keyboard button URL '{button['url']}' is invalid: Wrong HTTP URL") from None
        case "copy_text":
            copied = keys("CopyTextButton", button["copy_text"], "text").get("text")
            if not isinstance(copied, str) or not 1 <= length(copied) <= 256:
                raise Refused("BUTTON_COPY_TEXT_INVALID")


def _other_markup(given: Json) -> Json:
    if "keyboard" in given:
        keys(
            "ReplyKeyboardMarkup", given,
            "keyboard", "is_persistent", "resize_keyboard", "one_time_keyboard", "input_field_placeholder", "selective",
        )  # fmt: skip
        for row in given["keyboard"]:
            for button in row:
                label = button if isinstance(button, str) else keys("KeyboardButton", button, "text", "style").get("text")
                if not isinstance(label, str) or not label.strip():
                    raise Refused("can't parse keyboard button: text must be non-empty")
    elif "remove_keyboard" in given:
        keys("ReplyKeyboardRemove", given, "remove_keyboard", "selective")
    elif "force_reply" in given:
        keys("ForceReply", given, "force_reply", "input_field_placeholder", "selective")
    else:
        raise Surprise(f"unknown reply markup {given}")
    return given


# ---- polls ----


def poll(params: Json, now: float, notes: list[str]) -> Json:
    """The fields of a poll that Telegram takes."""
    question = read(
        params["question"], params.get("question_parse_mode"), params.get("question_entities"),
        300, "poll question length must not exceed 300", "text must be non-empty", notes,
    )  # fmt: skip
    given = params["options"]
    if not isinstance(given, list):
        raise Surprise("expected an Array of String as options")
    if not given:
        raise Refused("poll must have at least one answer option")
    if len(given) > 12:
        raise Refused("poll can't have more than 12 options")
    options = []
    for one in given:
        option = one if isinstance(one, dict) else {"text": one}
        keys("InputPollOption", option, "text", "text_parse_mode", "text_entities")
        if not isinstance(option.get("text"), str):
            raise Surprise('can\'t parse InputPollOption: field "text" must be of type String')
        options.append(
            read(
                option["text"], option.get("text_parse_mode"), option.get("text_entities"),
                100, "poll options length must not exceed 100", "text must be non-empty", notes,
            )
        )  # fmt: skip
    kind = params.get("type") or "regular"
    if kind not in ("regular", "quiz"):
        raise Refused("unsupported poll type specified")
    several = params.get("allows_multiple_answers", False)
    correct = params.get("correct_option_ids")
    if correct is None and "correct_option_id" in params:
        correct = [params["correct_option_id"]]
    if kind == "quiz":
        if not isinstance(correct, list) or not correct or not all(type(one) is int for one in correct):
            raise Refused("wrong correct option ID specified")
        if correct != sorted(set(correct)) or correct[0] < 0 or correct[-1] >= len(options):
            raise Refused("wrong correct option ID specified")
        if len(correct) > 1 and not several:
            raise Refused("quiz with one answer can't have several correct options")
    elif correct is not None:
        notes.append("a regular poll has no correct option")
    explanation = read(
        params.get("explanation", ""), params.get("explanation_parse_mode"), params.get("explanation_entities"),
        200, "explanation is too long", None, notes,
    )  # fmt: skip
    if explanation.text.count("\n") > 2:
        raise Refused("explanation can't have more than 2 line feeds")
    if explanation.text and kind != "quiz":
        notes.append("only a quiz has an explanation")
    period, date = params.get("open_period"), params.get("close_date")
    if period is not None and date is not None:
        raise Surprise("open_period can't be used together with close_date")
    if period is not None and not 5 <= period <= 2_628_000:
        raise Refused("open period must be between 5 and 2628000 seconds")
    if date is not None and not 5 <= date - now <= 2_628_000:
        raise Refused("close date must be between 5 and 2628000 seconds in the future")
    description = read(
        params.get("description", ""), params.get("description_parse_mode"), params.get("description_entities"),
        1024, "poll description is too long", None, notes,
    )  # fmt: skip
    return {
        "question": question,
        "options": options,
        "kind": kind,
        "several": several,
        "correct": correct if kind == "quiz" else [],
        "explanation": explanation,
        "description": description.text,
        "anonymous": params.get("is_anonymous", True),
        "revoting": params.get("allows_revoting", kind == "regular"),
        "shuffled": params.get("shuffle_options", False),
        "closed": params.get("is_closed", False),
        "period": period,
        "closes": now + period if period else date,
    }


# ---- commands, reactions, addresses ----


def commands(given: Any) -> list[Json]:
    if not isinstance(given, list):
        raise Surprise("expected an Array of BotCommand")
    if len(given) > 100:
        raise Refused("BOT_COMMANDS_TOO_MUCH")
    kept: list[Json] = []
    for one in given:
        keys("BotCommand", one, "command", "description")
        name, says = one.get("command"), one.get("description")
        if not isinstance(name, str) or not isinstance(says, str):
            raise Surprise(f"can't parse BotCommand: {one}")
        name = name.removeprefix("/")
        if not re.fullmatch(r"[a-z0-9_]{1,32}", name):
            raise Refused("BOT_COMMAND_INVALID")
        if not 1 <= length(says.strip()) <= 256:
            raise Refused("BOT_COMMAND_DESCRIPTION_INVALID")
        if any(name == other["command"] for other in kept):
            raise Surprise(f"command {name} is given twice")
        kept.append({"command": name, "description": says.strip()})
    return kept


SCOPES = {
    "default": (), "all_private_chats": (), "all_group_chats": (), "all_chat_administrators": (),
    "chat": ("chat_id",), "chat_administrators": ("chat_id",), "chat_member": ("chat_id", "user_id"),
}  # fmt: skip


def scope(given: Any) -> tuple[Any, ...]:
    """The key of a BotCommandScope."""
    if given is None:
        return ("default",)
    kind = given.get("type") if isinstance(given, dict) else None
    if kind not in SCOPES:
        raise Surprise("can't parse BotCommandScope: Unsupported type specified")
    keys("BotCommandScope", given, "type", *SCOPES[kind])
    if any(name not in given for name in SCOPES[kind]):
        raise Surprise(f"can't parse BotCommandScope: {kind} needs {', '.join(SCOPES[kind])}")
    return (kind, *(given[name] for name in SCOPES[kind]))


def photo(content: bytes) -> None:
    """A photo is a picture that Telegram can read (of the formats only PNG and JPEG are used here), not too long or flat."""
    if content[:3] == b"\xff\xd8\xff":
        return
    if content[:8] != b"\x89PNG\r\n\x1a\n" or content[12:16] != b"IHDR":
        raise Refused("IMAGE_PROCESS_FAILED")
    width, height = struct.unpack(">II", content[16:24])
    if not width or not height or width + height > 10_000 or max(width, height) > 20 * min(width, height):
        raise Refused("PHOTO_INVALID_DIMENSIONS")


def language(given: str) -> str:
    if given and not re.fullmatch(r"[a-z]{2}", given):
        raise Refused("the specified language code is invalid")
    return given


# fmt: off
REACTIONS = {
    "👍", "👎", "❤", "🔥", "🥰", "👏", "😁", "🤔", "🤯", "😱", "🤬", "😢", "🎉", "🤩", "🤮", "💩", "🙏", "👌", "🕊", "🤡", "🥱",
    "🥴", "😍", "🐳", "❤\u200d🔥", "🌚", "🌭", "💯", "🤣", "⚡", "🍌", "🏆", "💔", "🤨", "😐", "🍓", "🍾", "💋", "🖕", "😈",
    "😴", "😭", "🤓", "👻", "👨\u200d💻", "👀", "🎃", "🙈", "😇", "😨", "🤝", "✍", "🤗", "🫡", "🎅", "🎄", "☃", "💅", "🤪",
    "🗿", "🆒", "💘", "🙉", "🦄", "😘", "💊", "🙊", "😎", "👾", "🤷\u200d♂", "🤷", "🤷\u200d♀", "😡",
}
# fmt: on


def reaction(given: Any) -> list[str]:
    """The emoji of a reaction; a bot has one at most."""
    if given is None:
        return []
    if not isinstance(given, list):
        raise Surprise("can't parse reaction: expected an Array")
    if len(given) > 1:
        raise Refused("REACTIONS_TOO_MANY")
    for one in given:
        keys("ReactionType", one, "type", "emoji")
        if one.get("type") != "emoji" or str(one.get("emoji")).replace("\ufe0f", "") not in REACTIONS:
            raise Refused("REACTION_INVALID")
    return [one["emoji"] for one in given]


UPDATES = {
    "message", "edited_message", "channel_post", "edited_channel_post", "inline_query", "chosen_inline_result",
    "callback_query", "shipping_query", "pre_checkout_query", "poll", "poll_answer", "my_chat_member", "chat_member",
    "chat_join_request", "chat_boost", "removed_chat_boost", "message_reaction", "message_reaction_count",
    "business_connection", "business_message", "edited_business_message", "deleted_business_messages",
    "purchased_paid_media", "managed_bot", "guest_message",
}  # fmt: skip
SILENT = {"chat_member", "message_reaction", "message_reaction_count"}  # not sent unless asked for


def allowed(given: Any) -> set[str]:
    """The kinds of updates that a list of allowed_updates lets through; an empty one stands for the default."""
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        raise Surprise("can't parse allowed_updates: expected an Array of String")
    if unknown := set(given) - UPDATES:
        raise Surprise(f"allowed_updates has unknown kinds {', '.join(sorted(unknown))}")
    return set(given) or UPDATES - SILENT


def webhook(params: Json) -> None:
    """An address and a secret that setWebhook takes; on loopback the tests may use plain http."""
    url = params["url"]
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Refused("bad webhook: invalid webhook URL specified") from None
    loopback = parts.hostname in ("127.0.0.1", "localhost", "::1")
    if not parts.hostname:
        raise Refused("bad webhook: invalid webhook URL specified")
    if parts.scheme != "https" and not (parts.scheme == "http" and loopback):
        raise Refused("bad webhook: An HTTPS URL must be provided for webhook")
    if not loopback and port not in (None, 443, 80, 88, 8443):
        raise Refused("bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443")
    secret = params.get("secret_token", "")
    if len(secret) > 256:
        raise Refused("secret token is too long")
    if not re.fullmatch(r"[A-Za-z0-9_-]*", secret):
        raise Refused("secret token contains unallowed characters")
    if not 1 <= params.get("max_connections", 40) <= 100:
        raise Surprise("max_connections must be between 1 and 100")


ACTIONS = {
    "typing", "upload_photo", "record_video", "upload_video", "record_voice", "upload_voice", "upload_document",
    "choose_sticker", "find_location", "record_video_note", "upload_video_note",
}  # fmt: skip
