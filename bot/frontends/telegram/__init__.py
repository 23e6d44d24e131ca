"""Draws the classroom in Telegram.

serve.py   starts and stops, polls Telegram (door.py is the webhook instead)
heard.py   an update → what somebody said, or nothing that concerns us
desk.py    stores it, works each chat's messages in order, and sees that the answer stands
growing.py shows a text while it grows
drawn.py   replies → texts with entities, buttons, polls, files
pace.py    how fast a chat may be spoken to
wire.py    carries requests to Telegram
menu.py    the commands and descriptions that Telegram shows
door.py    the HTTP address: the webhook, and the pages of health.py and meters.py about the process
examined.py what `doctor` finds between the bot and Telegram
"""

import os

os.environ.setdefault("PTB_TIMEDELTA", "1")  # the library's coming way to tell durations; the old one warns
