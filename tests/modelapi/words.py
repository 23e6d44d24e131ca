"""What the model says: a good answer, and the bad ones that models give."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from tests.modelapi.asked import Asked, Claim
from tests.modelapi.server import LOGIN, Answer, Script
from tests.modelapi.talks import Page, Piece, Silence, Talk, error, say, spoken, tokens

CHINESE = re.compile(r"[\u3400-\u9fff]")
MOST = 3
FOREIGN = "https://k8s-help.example/join"
INVENTED = "etcd.c99"
OTHERS = {"zh": "Everything is stored in the cabinet.", "en": "所有东西都放在柜子里。"}


def language(asked: Asked) -> str:
    return "zh" if CHINESE.search(asked.claims[0].text) else "en"


def joined(claims: list[Claim]) -> str:
    """Each sentence with its mark behind it."""
    return ("" if CHINESE.search(claims[0].text) else " ").join(f"{claim.text}[{claim.id}]" for claim in claims)


def cited(asked: Asked, most: int = MOST) -> str:
    """Supplied sentences word for word: the good answer."""
    return joined(asked.claims[:most])


def uncited(asked: Asked) -> str:
    return " ".join(claim.text for claim in asked.claims[:MOST])


def invented(asked: Asked) -> str:
    return joined([Claim(INVENTED, claim.text) for claim in asked.claims[:MOST]])


def swapped(asked: Asked) -> str:
    """Each sentence with the id of a claim of another concept."""
    others = [claim for claim in asked.claims if claim.id.partition(".")[0] != asked.claims[0].id.partition(".")[0]]
    return joined([Claim(others[0].id if others else INVENTED, claim.text) for claim in asked.claims[:MOST]])


def linking(asked: Asked) -> str:
    return joined([claim._replace(text=f"{claim.text[:-1]}, see {FOREIGN}.") for claim in asked.claims[:MOST]])


def leaking(asked: Asked) -> str:
    """The instructions, as if they were an answer."""
    lines = sorted(asked.system.splitlines(), key=len)[-MOST:]
    return joined([Claim(asked.claims[0].id, line) for line in lines])


def foreign(asked: Asked) -> str:
    """An answer in the other language."""
    return joined([claim._replace(text=OTHERS[language(asked)]) for claim in asked.claims[:MOST]])


def unformed(asked: Asked) -> str:
    """Markdown and HTML that open and never close."""
    return "".join(f"**<b>{mark}{claim.text}`[{claim.id}]</i>_ ```" for mark, claim in zip("*_[", asked.claims, strict=False))


def lengthy(asked: Asked) -> str:
    """Good sentences, and more of them than anybody reads."""
    good = cited(asked)
    return (good + " ") * (20_000 // len(good) + 1)


def endless(asked: Asked) -> str:
    """One sentence that never ends."""
    return ("and then the receipt goes to the next shop, " * 500)[:20_000]


def negated(asked: Asked) -> str:
    """Supplied sentences turned round."""
    lies = {"zh": "并不是这样：{}", "en": "It is not true that {}"}[language(asked)]
    return joined([claim._replace(text=lies.format(claim.text)) for claim in asked.claims[:MOST]])


def outside(asked: Asked) -> str:
    """True words of Kubernetes that no supplied claim holds."""
    return joined([claim._replace(text=f"{claim.text[:-1]} with Helm 4 and 17 webhooks.") for claim in asked.claims[:MOST]])


def calling(asked: Asked) -> Talk:
    """A call of a tool that nobody offered."""
    call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "shell", "arguments": '{"run": "id"}'}}
    return Talk((Piece({"tool_calls": [call]}),), "tool_calls")


def shortened(asked: Asked) -> Talk:
    """The limit comes in the middle of the second sentence."""
    first, second = asked.claims[:2]
    return say(joined([first]) + " " + second.text[: len(second.text) // 2], end="length")


def filtered(asked: Asked) -> Talk:
    """The provider's filter ends the answer in its first sentence."""
    return say(asked.claims[0].text[:12], end="content_filter")


def pondering(asked: Asked) -> Talk:
    """Thoughts in a field of their own, and in the text, before a good answer."""
    thoughts = tuple(Piece({"reasoning_content": token}) for token in tokens("A beginner, I might invent things."))
    return Talk(thoughts + spoken(cited(asked)))


def whole_markers(asked: Asked) -> Talk:
    """A good answer in pieces as large as a sentence."""
    return Talk(tuple(Piece({"content": f"{claim.text}[{claim.id}]"}) for claim in asked.claims[:MOST]))


def letter_by_letter(asked: Asked) -> Talk:
    """A good answer in the smallest pieces: every marker is split."""
    return Talk(tuple(Piece({"content": letter}) for letter in cited(asked)))


def smart(asked: Asked) -> str:
    """An answer about what was supplied, after a preface that nothing supports."""
    return "Great question! " + cited(asked)


# ---- faults ----


def hanging(asked: Asked) -> Silence:
    return Silence()


def waiting(asked: Asked) -> Talk:
    """The head of the answer comes, and no token."""
    return Talk((), "hang")


def half(asked: Asked, end: Any) -> Talk:
    """The first sentence, a piece of the second, and then the end."""
    first, second = asked.claims[:2]
    return say(joined([first]) + " " + second.text[:10], end=end)


def malformed(asked: Asked) -> Talk:
    good = spoken(cited(asked))
    return Talk((*good[:5], Piece(b'data: {"choices": [{"index": 0, "delta": {"content": \n\ndata: }}\n\n'), *good[5:]))


def failing(asked: Asked) -> Talk:
    """An error in the middle of the stream, as some gateways send it."""
    fault = b'data: {"error": {"message": "upstream worker 10.0.0.7 died", "type": "server_error", "code": 500}}\n\n'
    return Talk((*spoken(cited(asked))[:5], Piece(fault)), "nothing")


HTML = b"<html><head><title>503 Service Temporarily Unavailable</title></head><body>nginx/1.27</body></html>"

GOOD: dict[str, Script] = {
    "token by token": cited,
    "letter by letter": letter_by_letter,
    "sentence by sentence": whole_markers,
    "after thoughts": pondering,
}
BAD: dict[str, Callable[[Asked], Answer]] = {
    "uncited": uncited,
    "invented id": invented,
    "another's id": swapped,
    "foreign link": linking,
    "leak": leaking,
    "wrong language": foreign,
    "broken markup": unformed,
    "negated": negated,
    "outside words": outside,
    "20,000 characters": lengthy,
    "endless sentence": endless,
    "empty": lambda asked: "",
    "blank": lambda asked: " \n\n\t ",
    "tool call": calling,
    "cut by its limit": shortened,
    "filtered": filtered,
    "with a preface": smart,
    "without an end": lambda asked: half(asked, "nothing"),
}
FAULTS: dict[str, Script] = {
    "hangs before its answer": hanging,
    "hangs before the first token": waiting,
    "hangs in the middle": lambda asked: half(asked, "hang"),
    "is cut in the middle": lambda asked: half(asked, "cut"),
    "401": lambda asked: error(401, "Incorrect API key provided: sk-unmi****-key"),
    "404": lambda asked: error(404, "The model does not exist"),
    "429": lambda asked: error(429, "Rate limit reached for lemon-1 in organization org-7", Retry_After="1"),
    "429 for long": lambda asked: error(429, "You exceeded your current quota", Retry_After="3600"),
    "500": lambda asked: error(500, "The server had an error: Traceback (most recent call last)"),
    "503 in HTML": lambda asked: Page(503, HTML, "text/html"),
    "200 in HTML": lambda asked: Page(200, HTML, "text/html"),
    "malformed events": malformed,
    "an error among the events": failing,
    "JSON in place of events": lambda asked: Page(200, b'{"object": "chat.completion", "choices": []}'),
    "no JSON at all": lambda asked: Page(200, b'{"choices": [', "application/json"),
    "a redirect": lambda asked: Page(307, headers={"Location": "http://127.0.0.1:9/v1/chat/completions"}),
    "a redirect to a portal": lambda asked: Page(302, headers={"Location": LOGIN}),
}
