"""Works what was heard: each chat in order, chats side by side, `/cancel` at once.

A message is stored before it counts as received. Its placeholder stands, and is remembered, before the answer is made; the
answer is kept together with the learner; and it is shown by editing the placeholder. So whatever step was the last one,
doing the rest again harms nothing: after a fault the work starts over from what is stored, here as after a restart.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import aclosing
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any, TypeVar, cast

from telegram import (
    Bot,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    LinkPreviewOptions,
    MessageEntity,
    ReplyParameters,
    Update,
)
from telegram.error import BadRequest, ChatMigrated, Forbidden, NetworkError, TelegramError

from bot import logs
from bot.classroom import Classroom
from bot.errors import Unkept
from bot.frontends.telegram.drawn import MESSAGES, Drawn, draw, units
from bot.frontends.telegram.growing import GROUP, PRIVATE, Growing
from bot.frontends.telegram.heard import WORDLESS, Heard, hear
from bot.frontends.telegram.meters import Meters
from bot.intents import PASSING, QUIZ, parse
from bot.learners import Asked, Judged, Learner
from bot.limits import Limits
from bot.limits import Verdict as Limit
from bot.masks import Mask
from bot.replies import Nod, Reply
from bot.store.database import Database
from bot.store.inbox import Entry, Inbox
from bot.store.learners import Learners

log = logging.getLogger(__name__)
T = TypeVar("T")
ALBUMS = 100  # that are remembered
GOES_ON = "…"  # holds the place of a further part
PLAIN = LinkPreviewOptions(is_disabled=True)  # a link in an answer is a source, not the subject
TOO_LATE = ("to edit not found", "can't be edited", "MESSAGE_ID_INVALID")


class Stopped(Exception):
    """The learner does not want this answer any more."""


@dataclass
class Work:
    """One thing heard, until its answer stands."""

    entry: Entry
    heard: Heard
    limit: Limit = "fine"
    stopped: bool = False
    tells: bool = False  # the learner of the stop
    stands: bool = False  # all of the answer is shown
    call: asyncio.Task[Any] | None = None  # the edit that is under way
    since: float = field(default_factory=lambda: asyncio.get_running_loop().time())  # when it was heard
    route: str = "command"  # how it was answered
    seen: bool = False  # the first words of the answer are shown

    def give_up(self) -> None:
        """Leaves it without an answer."""
        self.stopped, self.tells, self.entry.messages = True, False, []

    def stop(self) -> None:
        self.stopped = True
        if self.call:
            self.call.cancel()


def pauses() -> Iterator[float]:
    """Seconds between tries: 1, 2, 4 … 30, 30 …"""
    pause = 1.0
    while True:
        yield pause
        pause = min(2 * pause, 30.0)


class Desk:
    """Everything between an update and its answer."""

    def __init__(
        self,
        bot: Bot,
        classroom: Classroom,
        database: Database,
        learners: Learners,
        inbox: Inbox,
        limits: Limits,
        report: Callable[[], Awaitable[None]],
        meters: Meters,
    ) -> None:
        """`report` is called when the list of open questions has changed."""
        self.bot, self.classroom, self.limits, self.report, self.meters = bot, classroom, limits, report, meters
        self.database, self.learners, self.inbox = database, learners, inbox
        self.lanes: dict[int, deque[Work]] = {}  # chat → its work, the one in hand first
        self.tasks: set[asyncio.Task[None]] = set()
        self.resumed = False  # nothing new is taken before that
        self.mask: Mask | None = None
        self.moved = 0.0  # when an answer made its last step
        self.trouble = False  # the database could not be used the last time
        self.troubled: set[int] = set()  # chats that were told so
        self.albums: deque[str] = deque(maxlen=ALBUMS)  # the newest that something was heard of

    # ------------------------------------------------------------- receiving

    async def resume(self) -> None:
        """Takes up what was stored and not answered."""
        self.mask = await self.inbox.mask()
        for entry in await self.inbox.pending():
            self._queue(Work(entry, Heard(**json.loads(entry.body))))
        self.resumed = True

    def waiting(self) -> int:
        """How many answers do not stand yet."""
        return sum(map(len, self.lanes.values()))

    def still(self) -> float:
        """For how many seconds no answer has moved on, while there is work."""
        return asyncio.get_running_loop().time() - self.moved if self.lanes else 0.0

    async def take(self, update: Update) -> None:
        """Returns when `update` is stored, or concerns nobody. Raises Unkept when it cannot be stored."""
        before = logs.about.set({"update": update.update_id})
        try:
            await self._take(update)
        finally:
            logs.about.reset(before)

    async def _take(self, update: Update) -> None:
        if not self.resumed:
            raise Unkept("not yet")
        heard = hear(update, self.bot.bot)
        if heard and heard.poll:
            heard = await self._vote(heard)
        if not heard:
            return
        album = update.message.media_group_id if update.message else None
        if album and heard.text == WORDLESS and album in self.albums:
            return  # one answer is enough for all of its pictures
        if album:
            self.albums.append(album)
        entry = Entry(update.update_id, heard.chat, json.dumps(asdict(heard), ensure_ascii=False))
        try:
            new = await self.inbox.add(entry)
        except Unkept:
            if album:
                self.albums.remove(album)
            await self._trouble(heard)
            raise
        self._no_trouble()
        self.meters.updates["new" if new else "again"] += 1
        if new:
            log.info("an update is stored")
            self._queue(Work(entry, heard, self.limits.judge(heard.person, asyncio.get_running_loop().time())))

    async def _vote(self, heard: Heard) -> Heard | None:
        """A vote as the command it stands for; None when nobody remembers the poll, or it left somebody's private chat."""
        chat, item = await self.learners.posted(heard.poll or "") or (0, "")
        return replace(heard, chat=chat, text=f"/vote {item} {heard.text}") if chat < 0 or chat == heard.person else None

    def _queue(self, work: Work) -> None:
        passing = parse(work.heard.text).name in PASSING
        if work.heard.press and not (passing and work.limit == "fine"):
            self._spawn(self._acknowledge(work.heard.press))
        if parse(work.heard.text).name == "cancel":
            self._spawn(self._cancel(work))
        elif work.heard.chat in self.lanes:
            self.lanes[work.heard.chat].append(work)
        else:
            if not self.lanes:
                self._step()
            self.lanes[work.heard.chat] = deque([work])
            self._spawn(self._lane(work.heard.chat))

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _lane(self, chat: int) -> None:
        """One chat's work, one after the other."""
        lane = self.lanes[chat]
        try:
            while lane:
                await self._finish(lane[0])
                lane.popleft()
        finally:
            del self.lanes[chat]

    async def _cancel(self, work: Work) -> None:
        """Stops all that this person waits for in this chat; the answer in hand says so, else this one does."""
        lane = self.lanes.get(work.heard.chat, deque())
        mine = [each for each in lane if each.heard.person == work.heard.person and not each.stands]
        for each in mine:
            each.stop()
        if mine and mine[0] is lane[0]:
            mine[0].tells = work.stopped = True
        await self._finish(work)

    def _drop(self, person: int) -> None:
        """What a forgotten person still waits for in groups is answered no more: it would be noted again."""
        for each in (work for lane in self.lanes.values() for work in lane):
            if each.heard.person == person and not each.heard.private and each.entry.reply is None:
                each.stop()

    async def close(self, seconds: float) -> None:
        """Gives the work in hand so long; what is not finished then stays stored for the next start."""
        if self.tasks:
            await asyncio.wait(self.tasks, timeout=seconds)
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    # --------------------------------------------------------------- working

    async def _finish(self, work: Work) -> None:
        """Works until the answer stands; a fault that passes is waited for, any other ends in an apology."""
        wait = pauses()
        if self.mask:
            person, chat = self.mask(work.heard.person), self.mask(work.heard.chat)
            logs.about.set({"update": work.entry.update, "person": person, "chat": chat})
        while True:
            self._step()
            try:
                await self._work(work)
                self._no_trouble()
                self._count(work)
                return
            except Stopped:
                continue
            except Unkept:
                await self._trouble(work.heard)
            except ChatMigrated as moved:  # a group has become a supergroup
                work.heard, work.entry.messages = replace(work.heard, chat=moved.new_chat_id, message=None), []
                continue
            except Forbidden:
                log.info("an answer reaches nobody any more")
                work.give_up()
                continue
            except NetworkError as fault:
                if isinstance(fault, BadRequest):
                    log.exception("Telegram refuses an answer")
                    self._apologise(work)
            except Exception:
                log.exception("no answer to an update")
                self._apologise(work)
            await asyncio.sleep(next(wait))

    def _step(self) -> None:
        self.moved = asyncio.get_running_loop().time()

    def _count(self, work: Work) -> None:
        self._step()
        if work.limit != "fine":
            self.meters.refused[work.limit] += 1
        elif not work.stopped:
            took = asyncio.get_running_loop().time() - work.since
            self.meters.answers[work.route] += 1
            self.meters.whole.add(took)
            log.info("an answer stands: %s, %.3f s", work.route, took)

    def _see(self, work: Work) -> None:
        """Words of the answer are shown, or what stands for it."""
        self._step()
        if not work.seen and work.limit == "fine" and not work.stopped:
            work.seen = True
            self.meters.first.add(self.moved - work.since)

    def _apologise(self, work: Work) -> None:
        """The answer becomes an apology; where even that was refused, none is given."""
        line = self.classroom.say("apology", Learner(language=work.heard.language))
        apology = MESSAGES.dump_json((Drawn(line),)).decode()
        if work.entry.reply == apology:
            work.give_up()
        work.entry.reply = apology

    async def _work(self, work: Work) -> None:
        """Everything from here to the standing answer that is not done yet."""
        entry, stopped, drawn = work.entry, work.stopped, tuple[Drawn, ...]()
        if stopped and (work.tells or entry.messages):
            line = self.classroom.say("stopped", Learner(language=work.heard.language))
            drawn = (Drawn(line),)
        elif stopped:
            pass
        elif entry.reply is None:
            drawn = await self._make(work)
        else:
            drawn = MESSAGES.validate_json(entry.reply)
        for at, each in enumerate(drawn):
            if work.stopped == stopped:
                await self._show(work, at, each)
                self._see(work)
        if work.stopped != stopped:
            raise Stopped
        work.stands = True
        done = partial(self.inbox.done, entry)
        if entry.reply is None:
            await self.database.run(done, quick=True)
        else:  # to show a kept answer again changes nothing
            self.database.soon(done)
        if parse(work.heard.text).name == "forget":
            await self.database.wipe()  # now that the wish to be forgotten is no trace any more

    async def _make(self, work: Work) -> tuple[Drawn, ...]:
        """The answer, kept together with what the learner has become by it."""
        heard, entry = work.heard, work.entry
        if work.limit != "fine":
            return self._refusal(work)
        if heard.came:
            return (Drawn(self.classroom.say("group.hello", Learner(language=heard.language), name=self.bot.username)),)
        if heard.poll:
            voted = await self.database.run(partial(self.learners.voted, heard.poll, heard.person), quick=True)
            if voted:
                return ()
        learner = await self.database.run(partial(self.learners.load, heard.person, heard.chat, heard.language), quick=True)
        said = parse(heard.text)
        if heard.board and not entry.messages:
            await self._placed(work, heard.board)
        if not entry.messages and not self._quiet(heard) and said.name != "forget":  # even who blocks the bot
            language = self.classroom.language(learner, said.words if said.name == "ask" else "")
            await self._place(work, self.classroom.knowledge.say("placeholder", language))
        if work.stopped:
            raise Stopped
        replies = await self._unless_stopped(work, self._hear(work, learner))
        shown = [draw(reply, nod=bool(heard.press) and isinstance(reply, Nod)) for reply in replies]
        drawn = tuple(part for parts in shown for part in parts) if heard.private or not heard.poll else ()
        if heard.press and said.name in QUIZ and not drawn[-1].nod:
            self._spawn(self._acknowledge(heard.press))
        report = learner.forgotten or any(_open(note) for note in learner.notes)
        work.route = next((note.route for note in learner.notes if isinstance(note, Asked)), work.route)
        reply = MESSAGES.dump_json(drawn).decode()
        if learner.forgotten:
            self._drop(heard.person)
        await self.database.run(partial(self.learners.save, learner), partial(self.inbox.answered, entry, reply), quick=True)
        entry.reply = reply
        if report:
            await self.report()
        return drawn

    async def _hear(self, work: Work, learner: Learner) -> list[Reply]:
        """What the classroom replies; while it is still being worded, as much of it as is known is shown."""
        longer = 1.0 if work.heard.board else 2.0  # a board keeps its pace, an answer is soon whole
        growing = Growing(partial(self._grow, work), PRIVATE if work.heard.private else GROUP, longer)
        replies = []
        try:
            async with aclosing(self.classroom.hear(learner, work.heard.text)) as heard:
                async for reply in heard:
                    if not reply.draft:
                        replies.append(reply)
                    elif work.entry.messages:
                        growing.show(draw(reply)[0])
        finally:
            growing.end()
        return replies

    async def _grow(self, work: Work, drawn: Drawn) -> None:
        """Shows a draft in the place of the answer; where that fails nothing is lost."""
        chat, message = work.heard.chat, work.entry.messages[0]
        try:
            text, entities = drawn.text + ("" if work.heard.board else GOES_ON), _entities(drawn)
            await self.bot.edit_message_text(text, chat, message, entities=entities, link_preview_options=PLAIN)
            self._see(work)
        except TelegramError:
            log.debug("a draft was not shown")

    def _refusal(self, work: Work) -> tuple[Drawn, ...]:
        if work.limit == "silent" or (work.limit == "stranger" and not work.heard.private):
            return ()
        return (Drawn(self.classroom.say(f"limits.{work.limit}", Learner(language=work.heard.language))),)

    @staticmethod
    def _quiet(heard: Heard) -> bool:
        """Whether the answer is a word in passing, or none: then no placeholder stands first."""
        return parse(heard.text).name == "good" or (heard.poll is not None and not heard.private)

    # --------------------------------------------------------------- showing

    async def _show(self, work: Work, at: int, drawn: Drawn) -> None:
        """Message number `at` of the answer; one that stands already is edited, or left as it is."""
        heard, entry = work.heard, work.entry
        if drawn.nod and heard.press:
            await self._acknowledge(heard.press, drawn.text)
        elif drawn.poll or drawn.file or drawn.picture:
            if at >= len(entry.messages):
                send = self._post if drawn.poll else self._send_file if drawn.file else self._send_picture
                await send(work, drawn)
        else:
            if at >= len(entry.messages):
                await self._place(work, GOES_ON)
            await self._edit(work, at, drawn)

    async def _place(self, work: Work, line: str) -> None:
        """Sends a line that an answer will replace, and remembers where it stands."""
        sent = await self.bot.send_message(text=line, **self._where(work.heard))
        await self._placed(work, sent.message_id)

    async def _placed(self, work: Work, message: int) -> None:
        work.entry.messages.append(message)
        await self.database.run(partial(self.inbox.placed, work.entry), quick=True)

    async def _edit(self, work: Work, at: int, drawn: Drawn) -> None:
        content: dict[str, Any] = {"text": drawn.text, "entities": _entities(drawn), "reply_markup": _keyboard(drawn)}
        content["link_preview_options"] = PLAIN
        try:
            await self._unless_stopped(
                work,
                self.bot.edit_message_text(chat_id=work.heard.chat, message_id=work.entry.messages[at], **content),
            )
        except BadRequest as refused:
            if "not modified" in refused.message:
                return
            if not any(words in refused.message for words in TOO_LATE):
                raise
            sent = await self.bot.send_message(**content, **self._where(work.heard))
            work.entry.messages[at] = sent.message_id
            await self.database.run(partial(self.inbox.placed, work.entry), quick=True)

    async def _unless_stopped(self, work: Work, call: Coroutine[Any, Any, T]) -> T:
        """Makes the call; raises Stopped when the learner stops it before it is through."""
        if work.stopped:
            return await call
        work.call = asyncio.create_task(call)
        try:
            return cast("T", await work.call)
        except asyncio.CancelledError:
            if work.stopped:
                raise Stopped from None
            raise
        finally:
            work.call = None

    async def _post(self, work: Work, drawn: Drawn) -> None:
        """A native quiz poll, remembered so that votes on it are understood."""
        poll = drawn.poll
        assert poll
        sent = await self.bot.send_poll(
            question=poll.stem,
            options=list(poll.options),
            type="quiz",
            is_anonymous=False,
            correct_option_ids=[poll.right],  # type: ignore[list-item]  # the library asks for literals
            explanation=poll.explanation,
            shuffle_options=True,  # on each screen; a vote still counts them as they are here
            **self._where(work.heard),
        )
        assert sent.poll
        work.entry.messages.append(sent.message_id)
        for pause in pauses():  # from here on the poll stands, so it has to be remembered
            try:
                posted = partial(self.learners.post, sent.poll.id, work.heard.chat, poll.item)
                await self.database.run(posted, partial(self.inbox.placed, work.entry))
                return
            except Unkept:
                await self._trouble(work.heard)
                await asyncio.sleep(pause)

    async def _send_file(self, work: Work, drawn: Drawn) -> None:
        assert drawn.file
        name, content = drawn.file
        sent = await self.bot.send_document(document=content.encode(), filename=name, **self._where(work.heard))
        await self._placed(work, sent.message_id)

    async def _send_picture(self, work: Work, drawn: Drawn) -> None:
        from bot.frontends.telegram.png import png

        assert drawn.picture
        photo = await asyncio.to_thread(png, drawn.picture)
        where, keyboard, entities = self._where(work.heard), _keyboard(drawn), _entities(drawn)
        below: dict[str, Any] = {"caption": drawn.text, "caption_entities": entities, "reply_markup": keyboard}
        try:
            sent = await self.bot.send_photo(photo=photo, filename="lemonade.png", **below, **where)
        except BadRequest:  # where no picture may stand, its words do
            log.info("a picture is told in words")
            words: dict[str, Any] = {"text": drawn.text or GOES_ON, "entities": entities, "reply_markup": keyboard}
            sent = await self.bot.send_message(**words, link_preview_options=PLAIN, **where)
        await self._placed(work, sent.message_id)

    def _where(self, heard: Heard) -> dict[str, Any]:
        """The place of an answer; in a group below the message that it answers."""
        where: dict[str, Any] = {"chat_id": heard.chat}
        if heard.message:
            where["reply_parameters"] = ReplyParameters(heard.message, allow_sending_without_reply=True)
        if heard.thread:
            where["message_thread_id"] = heard.thread
        return where

    async def _acknowledge(self, press: str, text: str | None = None) -> None:
        """Stops the button's spinning; a press too old for that, or a network that fails, is no matter."""
        try:
            await self.bot.answer_callback_query(press, text)
        except TelegramError:
            log.debug("a press was not acknowledged")

    async def _trouble(self, heard: Heard) -> None:
        """Says that the database is out of order: once to the log, and once to each private chat."""
        if not self.trouble:
            log.error("the database cannot be used; trying again until it can")
        self.trouble = True
        if heard.chat in self.troubled or not heard.private:
            return
        self.troubled.add(heard.chat)
        try:
            await self.bot.send_message(heard.chat, self.classroom.say("trouble", Learner(language=heard.language)))
        except TelegramError:
            log.debug("a chat could not be told of trouble")

    def _no_trouble(self) -> None:
        if self.trouble:
            log.warning("the database works again")
            self.trouble = False
            self.troubled.clear()


def _open(note: object) -> bool:
    """Whether a note belongs on the list of open questions."""
    return (isinstance(note, Asked) and note.route == "declined") or (isinstance(note, Judged) and note.verdict == "confused")


def _entities(drawn: Drawn) -> list[MessageEntity]:
    return [
        MessageEntity(each.kind, units(drawn.text[: each.start]), units(drawn.text[each.start : each.end]), url=each.link)
        for each in drawn.entities
    ]


def _keyboard(drawn: Drawn) -> InlineKeyboardMarkup | None:
    rows = [[InlineKeyboardButton(label, callback_data=command) for label, command in row] for row in drawn.buttons]
    return InlineKeyboardMarkup(rows) if rows else None
