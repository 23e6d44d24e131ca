"""A strict double of the Telegram Bot API for the tests: it refuses what Telegram refuses, and plays the people in the chats.

It speaks HTTP on loopback, so that the bot under test is a process of its own that may be killed and started again.
"""

from tests.botapi.server import BotApi, Call, Flood, Webhook
from tests.botapi.world import Button, Chat, Draft, Edit, Message, Person, Poll, Press

__all__ = [
    "BotApi",
    "Button",
    "Call",
    "Chat",
    "Draft",
    "Edit",
    "Flood",
    "Message",
    "Person",
    "Poll",
    "Press",
    "Webhook",
]
