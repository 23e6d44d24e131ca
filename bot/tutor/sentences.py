"""Cuts what a model writes into whole sentences, each with the claims that it cites.

A model writes `[etcd.c1]` before the full stop or after it, several in one bracket, or in other brackets; here they stand
after it, one by one. A sentence is whole when its citation is closed or something else follows.
"""

from __future__ import annotations

import re

ID = r"[a-z][a-z0-9-]*\.c[0-9]+"
BRACKET = re.compile(rf"\s*[\[【(（]\s*({ID}(?:\s*[,，;；、和 ]\s*{ID})*)\s*[\]】)）]")
IDS = re.compile(ID)
MARKS = rf"(?:\[{ID}\])*"
WHOLE = re.compile(rf"\s*(.+?)({MARKS})([。！？!?]|\.(?![A-Za-z0-9]))(?:[”\"’')）」]*)({MARKS})", re.DOTALL)


def sentences(text: str, ended: bool) -> list[str]:
    """The whole sentences of `text`, which goes on unless it has `ended`.

    `It is a store [etcd.c1]. It` → [`It is a store.[etcd.c1]`]
    """
    text = BRACKET.sub(lambda found: "".join(f"[{id}]" for id in IDS.findall(found[1])), text)
    found, at = [], 0
    while match := WHOLE.match(text, at):
        rest = text[match.end() :]
        cited = match[2] + match[4]
        if not ended and (not rest.strip() if not cited else match[3] == "." and not match[4] and not rest):
            break  # a citation may follow, or the figure behind a point
        if not ended and rest.lstrip().startswith(("[", "【", "(", "（")) and not BRACKET.match(rest):
            break  # it begins to
        found.append(f"{match[1].strip()}{match[3]}{cited}")
        at = match.end()
    if ended and text[at:].strip():
        last = text[at:].strip()
        cited = "".join(re.findall(rf"\[{ID}\]", last))
        found.append(re.sub(rf"\[{ID}\]", "", last).strip() + cited)
    return found
