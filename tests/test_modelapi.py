"""The double of a model, asked by the openai library and by hand."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai import OpenAI, Stream
from openai.types.chat import ChatCompletionChunk

from tests.modelapi import KEY, MODEL, Asked, ModelApi, Page, say
from tests.modelapi.words import BAD, FAULTS, GOOD, cited

PROMPT = """Claims:
etcd.c1: etcd holds all cluster data.
etcd.c2: Only the API server reads and writes etcd directly.
kubelet.c1: The kubelet starts the containers of its node.

The learner asks: What is etcd?"""
ANSWER = (
    "etcd holds all cluster data.[etcd.c1] Only the API server reads and writes etcd directly.[etcd.c2]"
    " The kubelet starts the containers of its node.[kubelet.c1]"
)
MESSAGES: list[Any] = [{"role": "system", "content": "You teach."}, {"role": "user", "content": PROMPT}]
BODY = {"model": MODEL, "messages": MESSAGES}


@pytest.fixture
def api() -> Iterator[ModelApi]:
    with ModelApi(cited) as api:
        yield api


def client(api: ModelApi, key: str = KEY, timeout: float = 0.5) -> OpenAI:
    return OpenAI(base_url=api.url, api_key=key, timeout=timeout, max_retries=0)


def stream(api: ModelApi, timeout: float = 0.5) -> Stream[ChatCompletionChunk]:
    return client(api, timeout=timeout).chat.completions.create(
        model=MODEL, messages=MESSAGES, stream=True, stream_options={"include_usage": True}
    )


def text(api: ModelApi) -> str:
    with stream(api) as chunks:
        return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def post(api: ModelApi, body: object, path: str = "/v1/chat/completions", **headers: str) -> int:
    connection = http.client.HTTPConnection(api.url.split("/")[2], timeout=2)
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    connection.request("POST", path, content, {"Authorization": f"Bearer {KEY}", **headers})
    status = connection.getresponse().status
    connection.close()
    return status


def test_a_good_answer_streams_token_by_token_and_tells_its_usage(api: ModelApi) -> None:
    with stream(api) as chunks:
        received = list(chunks)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in received if chunk.choices) == ANSWER
    assert [chunk.choices[0].finish_reason for chunk in received[-3:] if chunk.choices] == [None, "stop"]
    assert (received[-1].choices, bool(received[-1].usage)) == ([], True)
    (asked,) = api.asked
    assert (asked.system, asked.user, asked.concepts) == ("You teach.", PROMPT, {"etcd", "kubelet"})
    assert (asked.sent[-1].text, asked.open, asked.cut) == (ANSWER, False, None)


def test_without_a_stream_the_answer_comes_whole(api: ModelApi) -> None:
    done = client(api).chat.completions.create(model=MODEL, messages=MESSAGES, max_tokens=300, temperature=0, seed=7)
    assert (done.choices[0].message.content, done.choices[0].finish_reason) == (ANSWER, "stop")
    assert done.usage


def test_it_speaks_at_the_given_speed(api: ModelApi) -> None:
    api.script = lambda asked: say("one two three four five six", speed=20)
    began = time.monotonic()
    assert text(api) == "one two three four five six"
    assert 0.3 <= time.monotonic() - began <= 0.8
    assert api.asked[0].said("three") < api.asked[0].said("six")


def test_its_models_are_listed(api: ModelApi) -> None:
    assert [one.id for one in client(api).models.list()] == [MODEL]


@pytest.mark.parametrize("script", GOOD.values(), ids=GOOD)
def test_good_answers_differ_in_their_pieces_only(api: ModelApi, script: Any) -> None:
    api.script = script
    assert text(api).replace("] ", "]") == ANSWER.replace("] ", "]")


@pytest.mark.parametrize("script", BAD.values(), ids=BAD)
def test_bad_answers_are_no_fault_of_the_connection(api: ModelApi, script: Any) -> None:
    api.script = script
    assert text(api) != ANSWER


def outcome(api: ModelApi) -> str:
    """The text, or the kind of fault."""
    try:
        return text(api)
    except Exception as error:
        return type(error).__name__


@pytest.mark.parametrize("script", FAULTS.values(), ids=FAULTS)
def test_faults_give_no_whole_answer(api: ModelApi, script: Any) -> None:
    api.script = script
    assert outcome(api) != ANSWER
    api.script = cited
    assert outcome(api) == ANSWER


def test_a_client_that_goes_is_noticed_at_once(api: ModelApi) -> None:
    api.script = lambda asked: say("word " * 100, speed=10)
    with stream(api, 5) as chunks:
        next(iter(chunks))
    gone = time.time()
    api.wait(lambda: api.asked and api.asked[0].cut)
    assert (api.asked[0].cut or 0) - gone < 0.3


def test_a_model_that_is_away_refuses_connections_and_returns_at_its_place(api: ModelApi) -> None:
    api.down()
    with pytest.raises(openai.APIConnectionError):
        text(api)
    api.up()
    assert text(api) == ANSWER


def test_a_wrong_key_is_refused(api: ModelApi) -> None:
    with pytest.raises(openai.AuthenticationError):
        client(api, "sk-another").models.list()


SURPRISES: dict[str, Any] = {
    "no JSON": b"{",
    "no object": [],
    "an unknown field": BODY | {"tools": []},
    "a wrong type": BODY | {"stream": 1},
    "a wrong number": BODY | {"temperature": 3},
    "two limits": BODY | {"max_tokens": 9, "max_completion_tokens": 9},
    "stream options alone": BODY | {"stream_options": {"include_usage": True}},
    "no messages": {"model": MODEL},
    "an unknown role": BODY | {"messages": [{"role": "developer", "content": "x"}]},
    "a late system message": BODY | {"messages": MESSAGES[::-1]},
    "a message without words": BODY | {"messages": [{"role": "user", "content": ""}]},
    "a message with more": BODY | {"messages": [{"role": "user", "content": "x", "id": 1}]},
    "half a character": BODY | {"messages": [{"role": "user", "content": "\ud83d"}]},
    "another model": BODY | {"model": "gpt"},
}


@pytest.mark.parametrize("body", SURPRISES.values(), ids=SURPRISES)
def test_a_request_that_some_server_would_not_take_is_a_surprise(api: ModelApi, body: object) -> None:
    assert (post(api, body), len(api.surprises)) == (400, 1)
    api.surprises.clear()


def test_other_paths_methods_and_no_key_are_surprises(api: ModelApi) -> None:
    assert (post(api, BODY, "/v1/completions"), post(api, BODY, Authorization="")) == (404, 401)
    assert len(api.surprises) == 2
    api.surprises.clear()


def test_a_surprise_fails_the_test() -> None:
    with pytest.raises(AssertionError, match="the model was surprised"), ModelApi(cited) as api:
        post(api, b"{")


def test_a_script_sees_the_request(api: ModelApi) -> None:
    def script(asked: Asked) -> Page:
        return Page(200, json.dumps({"object": "chat.completion", "choices": [], "seen": asked.body["model"]}).encode())

    api.script = script
    assert post(api, BODY) == 200
