"""What is said about reminders: the hour and the zone, typed or by buttons."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from zoneinfo import ZoneInfo, available_timezones

from bot.knowledge.base import Knowledge
from bot.knowledge.schema import LANGUAGES, Language
from bot.learners import Learner, Reminder, Wished
from bot.replies import Choice, Reply, say

HOURS = (7, 8, 12, 18, 20, 21, 22)  # offered
# 20:00 or 20点30分, am or pm, a place
TIME = re.compile(r"(\d{1,2})(?:[:点时](?:(\d{1,2})[^ -~]?)?)?\s*(am|pm)?(?:\s+(.+))?", re.ASCII | re.IGNORECASE)
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
        minute, named = self._time(words)
        if minute is None:
            return self._asked(learner, language, "remind.what" if words else "remind.when")
        zone = self._zone(named) if named else learner.reminder.zone if learner.reminder else None
        if not zone:
            texts = self.knowledge.texts
            offered = [(key.removeprefix(ZONE), texts[key][language]) for key in texts if key.startswith(ZONE)]
            choices = tuple(Choice(name, f"/remind {_clock(minute)} {zone}") for zone, name in offered)
            key = "remind.unknown-zone" if named else "remind.where"
            return self._said(key, language, *choices, hour=_clock(minute))
        self._wish(learner, Reminder(minute, zone))
        return self._told(learner, language)

    def _time(self, words: str) -> tuple[int | None, str]:
        """`20:00`, `8pm`, also in Chinese, and what follows → minutes since midnight, None where it is no hour; the rest."""
        words = unicodedata.normalize("NFKC", words).strip()
        day = self.knowledge.wording.day.items()
        part, said = next(((part, each) for part, all in day for each in all.zh if words.startswith(each)), ("", ""))
        found = TIME.fullmatch(words.removeprefix(said).strip())
        if not found:
            return None, ""
        hour, minute, half = int(found[1]), int(found[2] or 0), (found[3] or "").lower()
        if (half and not 0 < hour <= 12) or (part == "evening" and hour % 12 == 0):
            return None, ""  # of twelve in the evening nobody can tell which it is
        if half:
            hour = hour % 12 + 12 * (half == "pm")
        elif part == "evening" and hour < 12:
            hour += 12
        return (hour * 60 + minute if hour < 24 and minute < 60 else None), (found[4] or "").strip()

    def _zone(self, name: str) -> str | None:
        """The zone that is called so: by its own name, as we call it, or by the city in it; None where there is none."""
        wanted = name.replace(" ", "_").lower()
        zones = sorted(available_timezones(), key=lambda zone: (zone.count("/"), zone))
        ours = {key.removeprefix(ZONE): text for key, text in self.knowledge.texts.items() if key.startswith(ZONE)}
        named = [zone for zone in zones if zone.lower() == wanted]
        named += [zone for zone, text in ours.items() if name.lower() in (text[each].lower() for each in LANGUAGES)]
        named += [zone for zone in zones if zone.lower().rpartition("/")[2] == wanted]
        return ZoneInfo(named[0]).key if named else None

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


def _clock(minute: int) -> str:
    return f"{minute // 60}:{minute % 60:02}"
