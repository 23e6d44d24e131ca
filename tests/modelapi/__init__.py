"""A strict double of an OpenAI-compatible model for the tests: HTTP on loopback, streams token by token, fails on demand.

A test gives it a script, a function from what was asked to what is answered: words, a `Talk`, a `Page` or `Silence`.
"""

from tests.modelapi.asked import Asked, Claim
from tests.modelapi.server import KEY, MODEL, Answer, ModelApi, Script
from tests.modelapi.talks import Page, Piece, Silence, Talk, estimate, say, spoken, tokens

__all__ = [
    "KEY",
    "MODEL",
    "Answer",
    "Asked",
    "Claim",
    "ModelApi",
    "Page",
    "Piece",
    "Script",
    "Silence",
    "Talk",
    "estimate",
    "say",
    "spoken",
    "tokens",
]
