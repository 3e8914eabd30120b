"""Embeddings in every form clients send, vectors as numbers and as base64, and the list of models."""

from __future__ import annotations

import pytest

from pointsman.core.chat import EmbeddingReply, EmbeddingRequest, Usage
from pointsman.core.errors import InvalidRequest
from pointsman.core.jsontypes import Json, JsonObject
from pointsman.dialects.base import Encoded
from pointsman.dialects.openai_chat.dialect import OpenAIChat
from pointsman.dialects.openai_embeddings import decode_request, encode_reply

DIALECT = OpenAIChat()


@pytest.mark.parametrize(
    ("given", "inputs"),
    [("a", ("a",)), (["a", "b"], ("a", "b")), ([1, 2], ((1, 2),)), ([[1], [2, 3]], ((1,), (2, 3)))],
)
def test_inputs_of_every_shape_are_read(given: Json, inputs: tuple[str, ...] | tuple[tuple[int, ...], ...]) -> None:
    """A text, texts, token ids, lists of token ids."""
    assert decode_request({"model": "m", "input": given}) == EmbeddingRequest(model="m", inputs=inputs)


def test_settings_are_read_and_given_back() -> None:
    """Fields of next year included; what other dialects said is dropped aloud."""
    body: JsonObject = {"model": "m", "input": ["a"], "dimensions": 8, "encoding_format": "base64", "user": "u", "x": 1}
    request = decode_request(body)
    assert request == EmbeddingRequest(
        model="m", inputs=("a",), dimensions=8, base64=True, user="u", extras={"openai_chat": {"x": 1}}
    )
    assert DIALECT.encode_embeddings(request, "m") == Encoded(path="/embeddings", body=body)
    foreign = EmbeddingRequest(inputs=((1,),), extras={"ollama": {"keep_alive": 5}})
    assert DIALECT.encode_embeddings(foreign, "m") == Encoded(
        path="/embeddings", body={"model": "m", "input": [[1]]}, dropped=("keep_alive",)
    )


NOTHING = "input is missing or empty. Send a string or a list."


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, NOTHING),
        ({"input": ""}, NOTHING),
        ({"input": []}, NOTHING),
        ({"input": 3}, "input must be a string or a list of strings, not a number."),
        ({"input": ["a", 1]}, "input[1] must be a string, not a number."),
        ({"input": [1, "a"]}, "input[1] must be a token id, not a string."),
        ({"input": [True]}, "input[0] must be a token id, not a boolean."),
        ({"input": [[1], "a"]}, "input[1] must be a list of token ids, not a string."),
        ({"input": "a", "encoding_format": "int8"}, "encoding_format must be float or base64."),
        ({"input": "a", "dimensions": 0}, "dimensions must be at least 1, not 0."),
    ],
)
def test_a_wrong_field_is_refused_by_its_path(fields: JsonObject, message: str) -> None:
    """The sentence names the path and what was there."""
    with pytest.raises(InvalidRequest) as refused:
        decode_request(fields)
    assert str(refused.value) == message
    assert refused.value.param == message.split(" ", maxsplit=1)[0]


REPLY = EmbeddingReply(model="m", vectors=((1.0, -2.5), (0.0, 0.5)), usage=Usage(input_tokens=4, output_tokens=0))


@pytest.mark.parametrize(
    ("base64", "vectors"), [(False, [[1.0, -2.5], [0.0, 0.5]]), (True, ["AACAPwAAIMA=", "AAAAAAAAAD8="])]
)
def test_vectors_are_numbers_or_little_endian_float32(vectors: list[Json], *, base64: bool) -> None:
    """As the caller asked; both are read back as the same reply."""
    body = encode_reply(REPLY, EmbeddingRequest(inputs=("a", "b"), base64=base64))
    data: list[Json] = [{"object": "embedding", "index": at, "embedding": one} for at, one in enumerate(vectors)]
    assert body == {"object": "list", "data": data, "model": "m", "usage": {"prompt_tokens": 4, "total_tokens": 4}}
    assert DIALECT.decode_embeddings(body) == REPLY


def test_vectors_are_put_in_order_of_their_index() -> None:
    """An endpoint may give them in any order, or without an index; usage may be missing."""
    body: JsonObject = {"data": [{"index": 1, "embedding": [1]}, {"index": 0, "embedding": [0]}]}
    reply = DIALECT.decode_embeddings(body)
    assert reply == EmbeddingReply(model="", vectors=((0,), (1,)))
    assert DIALECT.decode_embeddings({"data": [{"embedding": [0]}, {"embedding": [1]}]}) == reply
    assert encode_reply(reply, EmbeddingRequest(inputs=("a", "b")))["usage"] == {"prompt_tokens": 0, "total_tokens": 0}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "the answer holds no vectors"),
        ({"data": 3}, "the answer is malformed: data must be a list, not a number."),
        ({"data": [{}]}, "a vector is not a list of numbers"),
        ({"data": [{"embedding": [True]}]}, "a vector is not a list of numbers"),
        ({"data": [{"embedding": "?"}]}, "a vector is not float32 in base64"),
        ({"data": [{"embedding": "AAA="}]}, "a vector is not float32 in base64"),
    ],
)
def test_what_is_no_answer_is_a_value_error(body: JsonObject, message: str) -> None:
    """The engine takes it for a failed attempt."""
    with pytest.raises(ValueError, match=rf"^{message}$"):
        DIALECT.decode_embeddings(body)
