"""Runs the bot: opens the store, finds Telegram, listens until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, Update
from telegram.error import BadRequest, Conflict, Forbidden, InvalidToken, RetryAfter, TelegramError

from bot import operator
from bot.classroom import Classroom
from bot.errors import Refused, Unkept
from bot.frontends.telegram import menu
from bot.frontends.telegram.desk import Desk, pauses
from bot.frontends.telegram.health import Health
from bot.frontends.telegram.meters import Meters
from bot.frontends.telegram.pace import Pace, seconds
from bot.frontends.telegram.wire import Wire
from bot.knowledge.schema import Language
from bot.learners import Learner
from bot.limits import Limits
from bot.quiz.memory import Memory
from bot.settings import Settings
from bot.store import listed
from bot.store.database import Database
from bot.store.inbox import Inbox
from bot.store.learners import Learners
from bot.store.reminders import Due
from bot.store.spending import Spending
from bot.tutor.finder import Finder
from bot.tutor.speaker import voice

log = logging.getLogger(__name__)
KINDS = ["message", "edited_message", "callback_query", "poll_answer", "my_chat_member"]
POLL = 30  # seconds that Telegram holds a request for updates open
GRACE = 8.0  # seconds for the work in hand when the bot is stopped
DAY = 86_400.0
TICK = 20.0  # seconds between two looks at who is to be reminded


async def run(settings: Settings, finder: Finder, now: Callable[[], float] = time.time, tick: float = TICK) -> int:
    """Serves until SIGINT or SIGTERM. Raises Refused with a sentence where it cannot start.

    `now` is the clock (seconds since 1970) that is looked at every `tick` seconds for reminders.
    """
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows
            asyncio.get_running_loop().add_signal_handler(name, stop.set)
    os.umask(0o077)  # what is kept is nobody else's business
    return await _Service(settings, finder, now, tick).run(stop)


async def _end_the_rest() -> None:
    """What still runs ends before that is closed which it works with: its database would never answer."""
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)


class _Updates(Wire):
    """Asks for updates. Of those that the library cannot read the number is left: they are confirmed, and come no more."""

    careful = False  # each is looked at, since the library could not read them all

    def parse_json_payload(self, payload: bytes) -> dict[str, Any]:  # type: ignore[override]
        told = Wire.parse_json_payload(payload)
        for update in told.get("result", ()) if self.careful else ():
            try:
                Update.de_json(update)
            except Exception:
                log.exception("an update cannot be read")
                for name in update.keys() - {"update_id"}:
                    del update[name]
        return told


class _Outage:
    """Tells the log once when Telegram cannot be reached, and once when it can again."""

    def __init__(self, health: Health) -> None:
        self.health = health
        self.said: str | None = None
        self.pauses = pauses()

    async def wait(self, fault: TelegramError) -> None:
        kind = "conflict" if isinstance(fault, Conflict) else "unreachable"
        if self.said != kind:
            log.warning(operator.say(f"serve.{kind}"))
        self.said = kind
        pause = seconds(fault) if isinstance(fault, RetryAfter) else next(self.pauses)
        self.health.promise(pause)
        await asyncio.sleep(pause)

    def over(self) -> None:
        self.health.reach()
        if self.said:
            log.warning(operator.say("serve.reachable"))
            self.said, self.pauses = None, pauses()


class _Service:
    def __init__(self, settings: Settings, finder: Finder, now: Callable[[], float], tick: float) -> None:
        if settings.bot_webhook_url and not settings.bot_listen:
            raise operator.refused("webhook-nowhere")
        self.settings, self.knowledge, self.tick = settings, finder.knowledge, tick
        self.reporting = asyncio.Lock()
        try:
            self.database = Database(settings.database())
        except Unkept:
            raise operator.refused("database-url") from None
        rules = Memory(self.knowledge.pictures[settings.bot_metaphor].items)
        self.learners, self.inbox = Learners(self.database, now, rules), Inbox(self.database, now)
        self.spending = Spending(self.database)
        self.voice = voice(settings, time.monotonic, self.spending.add)
        self.classroom = Classroom(
            self.knowledge,
            settings.bot_metaphor,
            settings.bot_language,
            self.learners.export,
            self.voice,
            self._usage,
            remembered=self.learners.recall,
            together=self.learners.group,
            now=now,
            finder=finder,
        )
        self.updates = _Updates(settings.bot_proxy)
        self.pace = Pace()
        self.bot = _bot(settings, self.updates, self.pace)
        limits = Limits(frozenset(settings.bot_allowed_users))
        self.meters = self._meters()
        self.desk = Desk(self.bot, self.classroom, self.database, self.learners, self.inbox, limits, self._report, self.meters)
        self.meters.waiting = self.desk.waiting
        self.health = Health(asyncio.get_running_loop().time, self.database, self.meters, self._still)
        self.outage = _Outage(self.health)

    def _still(self) -> float:
        """Seconds that no answer has moved on for a reason of our own."""
        return 0.0 if self.pace.held() else self.desk.still()

    def _meters(self) -> Meters:
        """What is counted elsewhere is looked up when somebody wants to know."""
        meters = Meters(due=self.learners.due)
        if self.voice:
            model, allowance = self.voice.model, self.voice.allowance
            meters.tokens, meters.faults = lambda: allowance.taken, lambda: model.faults
            meters.caps = lambda: {f"{whose}-tokens": count for whose, count in allowance.refused.items()}
        return meters

    async def run(self, stop: asyncio.Event) -> int:
        """Everything in its order; whatever was opened is closed again."""
        async with contextlib.AsyncExitStack() as opened:
            opened.push_async_callback(self.database.close)
            try:
                await self.database.open()
            except Unkept as fault:
                raise operator.refused("database-newer" if str(fault) == "newer" else "database", reason=fault) from None
            if self.voice:
                opened.push_async_callback(self.voice.model.close)
            opened.push_async_callback(self.bot.shutdown)
            opened.push_async_callback(_end_the_rest)
            if self.settings.bot_webhook_url:
                opened.callback(self._listen())
            else:
                opened.callback(asyncio.create_task(self._health()).cancel)
            serving = asyncio.create_task(self._serve())
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
            serving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await serving
            await self.desk.close(GRACE)
        return 0

    async def _serve(self) -> None:
        """Finds Telegram, takes up what was left, and hears updates from then on."""
        webhook = self.settings.bot_webhook_url
        await self._until_reached(self.bot.initialize)
        await self._until_kept(self._remember_spending)
        await self._until_kept(self.learners.catch_up)
        await self._until_kept(self.desk.resume)
        if webhook:
            secret = self._secret
            await self._until_reached(
                lambda: self.bot.set_webhook(webhook, secret_token=secret, allowed_updates=KINDS, max_connections=40)
            )
        else:
            await self._until_reached(self.bot.delete_webhook)
        ready = operator.say("serve.ready", name=self.bot.username)
        if self.settings.bot_log_format == "json":
            log.info("%s", ready)
        else:
            with contextlib.suppress(OSError):  # nobody reads it any more
                print(ready, file=sys.stderr, flush=True)
        house = [asyncio.create_task(each()) for each in (self._keep_house, self._remind)]
        try:
            if webhook:
                self.health.expect_calls()
                await asyncio.Event().wait()
            await self._poll()
        finally:
            for task in house:
                task.cancel()

    async def _remember_spending(self) -> None:
        """What was used today before this start counts as well."""
        if self.voice:
            for use in await self.spending.of(self.voice.allowance.day):
                self.voice.allowance.count(use)

    def _usage(self, person: int, language: Language) -> str:
        """What the model took today, for an admin; for anybody else nothing."""
        if person not in self.settings.bot_admins:
            return ""
        if not self.voice:
            return self.knowledge.say("usage.none", language)
        used, price = self.voice.allowance, self.settings.bot_model_price
        cost = f"{(used.prompt * price[0] + used.answer * price[1]) / 1e6:.2f}" if price else ""
        return self.knowledge.say(
            "usage",
            language,
            tokens=used.prompt + used.answer,
            prompt=used.prompt,
            answer=used.answer,
            people=len(used.used),
            each=used.each,
            together=used.together,
            cost=self.knowledge.say("usage.cost", language, cost=cost) if cost else "",
        )

    async def _until_reached(self, call: Callable[[], Awaitable[object]]) -> None:
        while True:
            try:
                await call()
                self.outage.over()
                return
            except InvalidToken:
                raise operator.refused("token") from None
            except BadRequest:  # of all that is asked for here, Telegram can only dislike the address
                name = "BOT_WEBHOOK_URL"
                raise operator.refused("setting-wrong", name=name, expected=operator.expected(name)) from None
            except TelegramError as fault:
                await self.outage.wait(fault)

    async def _poll(self) -> None:
        """Asks for updates for ever; each is stored before the next request confirms it."""
        offset: int | None = None
        while True:
            self.health.promise(POLL)
            try:
                updates = await self.bot.get_updates(offset, timeout=POLL, allowed_updates=KINDS)
                self.outage.over()
                self.updates.careful = False
            except InvalidToken:
                raise operator.refused("token") from None
            except TelegramError as fault:
                await self.outage.wait(fault)
                continue
            except Exception:
                if self.updates.careful:
                    raise
                self.updates.careful = True
                continue
            for update in updates:
                await self._until_kept(partial(self._take, update))
                offset = update.update_id + 1

    async def _take(self, update: Update) -> None:
        """As the desk does; an update that it stumbles over is passed over, or it would come for ever."""
        try:
            await self.desk.take(update)
        except Unkept:
            raise
        except Exception:
            log.exception("an update is passed over")

    async def _until_kept(self, call: Callable[[], Awaitable[None]]) -> None:
        for pause in pauses():
            self.health.promise(pause)
            try:
                await call()
                return
            except Unkept:
                await asyncio.sleep(min(pause, 5.0))

    async def _health(self) -> None:
        """A poller's health page, once the first request is out; where its port is taken, it goes without."""
        await asyncio.sleep(1)
        try:
            if self.settings.bot_listen:
                self._listen()
        except Refused as refused:
            log.warning("%s", refused)

    async def _keep_house(self) -> None:
        """What need not be done before the first message: the menu, and once a day forgetting who stays away."""
        with contextlib.suppress(Unkept):
            await menu.show(self.bot, self.knowledge, self.settings.bot_language, self.inbox)
        while True:
            with contextlib.suppress(Unkept):
                await self.learners.forget_old()
                await self._report()
            await asyncio.sleep(DAY)

    async def _remind(self) -> None:
        """Reminds whoever asked for it; what is noted as sent and then lost on the way is not sent again that day."""
        while True:
            with contextlib.suppress(Unkept):
                while found := await self.learners.reminders():
                    for due in found:
                        with contextlib.suppress(Unkept):  # the others are noted as reminded
                            await self._send_reminder(due)
            await asyncio.sleep(self.tick)

    async def _send_reminder(self, due: Due) -> None:
        allowed = self.settings.bot_allowed_users
        if allowed and due.person not in allowed:
            return
        learner = Learner(language=due.language)
        names = (("choice.review", "/review"), ("choice.remind-off", "/remind off"))
        buttons = [InlineKeyboardButton(self.classroom.say(key, learner), callback_data=command) for key, command in names]
        line = self.classroom.say("remind.now", learner, count=due.cards)
        try:
            await self.bot.send_message(due.person, line, reply_markup=InlineKeyboardMarkup([buttons]))
        except (Forbidden, BadRequest):
            log.info("a reminder reaches nobody any more")
            await self.learners.nobody_there(due.person)
        except TelegramError:
            log.debug("a reminder was lost on the way")

    def _listen(self) -> Callable[[], None]:
        """Opens the HTTP address; what shuts it again."""
        address = self.settings.bot_listen
        assert address
        from bot.frontends.telegram.door import Webhook, open_door

        url = self.settings.bot_webhook_url
        given = self.settings.bot_webhook_secret
        self._secret = given.get_secret_value() if given else secrets.token_urlsafe(32)
        try:
            hook = Webhook(url, self._secret) if url else None
            return open_door(address, self.health.pages(), hook, self.bot, self._take)
        except OSError as error:
            raise operator.refused("port", address=":".join(map(str, address)), reason=error.strerror) from None

    async def _report(self) -> None:
        """Writes the open questions where the operator finds them."""
        async with self.reporting:
            await listed.write(await self.learners.open_questions(), self.settings.bot_data_dir)


def _bot(settings: Settings, updates: _Updates, pace: Pace) -> Bot:
    root = settings.telegram_base_url.rstrip("/")
    assert settings.telegram_bot_token
    token, wire = settings.telegram_bot_token.get_secret_value(), Wire(settings.bot_proxy, pace.hold)
    return Bot(token, f"{root}/bot", f"{root}/file/bot", wire, updates)
