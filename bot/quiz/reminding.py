"""What is said about reminders: the hour and the zone, typed or by buttons."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo, available_timezones

from bot.knowledge.base import Knowledge
from bot.knowledge.schema import Language
from bot.learners import Learner, Reminder, Wished
from bot.replies import Choice, Reply, say

HOURS = (7, 8, 12, 18, 20, 21, 22)  # offered
ZONE = "zone."  # texts that name the zones offered


@dataclass(frozen=True)
class Reminding:
    """Hears `/remind`."""

    knowledge: Knowledge

    def hear(self, learner: Learner, words: str, language: Language) -> Reply:
        """`off`, an hour, an hour and a zone, or nothing; the zone that was named before holds on."""
        if words.lower() == "off":
            self._wish(learner, None)
            return self._said("remind.off", language)
        hour, _, named = words.partition(" ")
        minute = _minute(hour)
        if not words or minute is None:
            return self._asked(learner, language, "remind.what" if words else "remind.when")
        zone = _zone(named) if named.strip() else learner.reminder.zone if learner.reminder else None
        if not zone:
            texts = self.knowledge.texts
            offered = [(key.removeprefix(ZONE), texts[key][language]) for key in texts if key.startswith(ZONE)]
            choices = tuple(Choice(name, f"/remind {_clock(minute)} {zone}") for zone, name in offered)
            key = "remind.unknown-zone" if named.strip() else "remind.where"
            return self._said(key, language, *choices, hour=_clock(minute))
        self._wish(learner, Reminder(minute, zone))
        return self._told(learner, language)

    def _asked(self, learner: Learner, language: Language, key: str) -> Reply:
        choices = [Choice(f"{hour}:00", f"/remind {hour}:00") for hour in HOURS]
        if learner.reminder:
            choices.append(self._off(language))
            told = self._told(learner, language).blocks
            return Reply((*told, say(self.knowledge.say(key, language))), tuple(choices))
        return self._said(key, language, *choices)

    def _told(self, learner: Learner, language: Language) -> Reply:
        assert learner.reminder
        zone = learner.reminder.zone
        name = self.knowledge.say(ZONE + zone, language) if ZONE + zone in self.knowledge.texts else zone
        hour = _clock(learner.reminder.minute)
        return self._said("remind.set", language, self._off(language), hour=hour, zone=name)

    def _off(self, language: Language) -> Choice:
        return Choice(self.knowledge.say("choice.remind-off", language), "/remind off")

    @staticmethod
    def _wish(learner: Learner, reminder: Reminder | None) -> None:
        learner.reminder = reminder
        learner.notes.append(Wished(reminder))

    def _said(self, key: str, language: Language, *choices: Choice, **words: object) -> Reply:
        return Reply((say(self.knowledge.say(key, language, **words)),), choices)


def _minute(text: str) -> int | None:
    """`20:00`, `20：00`, `8` → minutes since midnight; None where it is no hour."""
    hour, _, minute = text.replace("：", ":").partition(":")
    minute = minute or "0"
    if not all(part.isascii() and part.isdigit() and len(part) < 3 for part in (hour, minute)):
        return None
    return int(hour) * 60 + int(minute) if int(hour) < 24 and int(minute) < 60 else None


def _clock(minute: int) -> str:
    return f"{minute // 60}:{minute % 60:02}"


def _zone(name: str) -> str | None:
    """The zone's own spelling; None where there is no such zone."""
    wanted = name.strip().replace(" ", "_").lower()
    found = next((zone for zone in available_timezones() if zone.lower() == wanted), None)
    return ZoneInfo(found).key if found else None
