"""Every error a person may meet, by whose move comes next.

LemonadeError
├── Refused          the input cannot be used: say why in one sentence, exit code 1
│   ├── NotSimulated the real thing knows it, the little cluster does not
│   └── Faulty       a knowledge base (or settings) has faults: one line for each
├── Unkept           the database cannot be used right now: try again later
├── Silent           the model cannot be used right now: answer from the knowledge
├── Spent            the learner or the house has used up today's tokens: answer from the knowledge
└── (anything else is a bug: logged whole, apologised for in one line)
"""

from __future__ import annotations

from dataclasses import dataclass


class LemonadeError(Exception):
    """The root of the tree; never raised itself."""


class Refused(LemonadeError):
    """Input that cannot be used; `str()` of it is the sentence to show."""


class NotSimulated(Refused):
    """`what` exists for the real kubectl and not for the little cluster."""

    def __init__(self, what: str) -> None:
        self.what = what
        super().__init__(f'the real kubectl knows "{what}"; this little cluster does not have it')


@dataclass(frozen=True, order=True)
class Fault:
    """One mistake in one file; `line` counts from 1."""

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


class Faulty(Refused):
    """A set of files with at least one fault; `faults` are sorted by place."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = sorted(set(faults))
        super().__init__("\n".join(map(str, self.faults)))


class Unkept(LemonadeError):
    """The database cannot be read or written; the reason is for the operator alone."""


class Silent(LemonadeError):
    """The language model did not answer; the reason is for the log alone."""


class Spent(LemonadeError):
    """No tokens are left for today; `seconds` until there are new ones."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__("no tokens are left today")
