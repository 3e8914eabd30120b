"""What is sent between all APIs to measure what they lose: each probe is a body that says one thing more than another.

A name that begins with "content" is something said; the others are settings and hints.
"""

from collections.abc import Mapping

from pointsman.core.jsontypes import Json, JsonObject

PICTURE = "iVBORw0KGgoAAAANSUhEUg=="
SCHEMA: JsonObject = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
STRICT_SCHEMA: JsonObject = {**SCHEMA, "additionalProperties": False}
FUNCTION: JsonObject = {"name": "f", "description": "d", "parameters": SCHEMA}


def _chat_like(said: Json, /, **fields: Json) -> JsonObject:
    return {"model": "m", "messages": [{"role": "user", "content": said}], **fields}


def _chat(**fields: Json) -> JsonObject:
    return _chat_like("hi", **fields)


def _chat_part(**part: Json) -> JsonObject:
    return _chat_like([{"type": "text", "text": "see"}, part])


def _chat_tool(**more: Json) -> Json:
    return [{"type": "function", "function": {**FUNCTION, **more}}]


def _turns(*between: Json) -> JsonObject:
    return _chat(messages=[{"role": "user", "content": "hi"}, *between, {"role": "user", "content": "go on"}])


def _chat_result(said: Json) -> JsonObject:
    call: Json = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    return _turns(
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": said},
    )


OPENAI_CHAT: Mapping[str, JsonObject] = {
    "": _chat(),
    "max_completion_tokens": _chat(max_completion_tokens=9),
    "temperature": _chat(temperature=0.5),
    "top_p": _chat(top_p=0.5),
    "top_k": _chat(top_k=5),
    "min_p": _chat(min_p=0.1),
    "stop": _chat(stop=["END"]),
    "seed": _chat(seed=1),
    "frequency_penalty": _chat(frequency_penalty=0.5),
    "presence_penalty": _chat(presence_penalty=0.5),
    "n": _chat(n=2),
    "logprobs": _chat(logprobs=True, top_logprobs=2),
    "reasoning_effort": _chat(reasoning_effort="high"),
    "response_format: json_object": _chat(response_format={"type": "json_object"}),
    "response_format: json_schema": _chat(
        response_format={"type": "json_schema", "json_schema": {"name": "s", "schema": STRICT_SCHEMA, "strict": True}}
    ),
    "tools": _chat(tools=_chat_tool()),
    "tools: strict": _chat(tools=_chat_tool(strict=True)),
    "tool_choice: required": _chat(tools=_chat_tool(), tool_choice="required"),
    "tool_choice: a function": _chat(tools=_chat_tool(), tool_choice={"type": "function", "function": {"name": "f"}}),
    "parallel_tool_calls: false": _chat(tools=_chat_tool(), parallel_tool_calls=False),
    "metadata": _chat(metadata={"a": "b"}),
    "user": _chat(user="u"),
    "name of a message": {"model": "m", "messages": [{"role": "user", "content": "hi", "name": "ann"}]},
    "logit_bias": _chat(logit_bias={"5": 1}),
    "service_tier": _chat(service_tier="flex"),
    "content: image by URL": _chat_part(type="image_url", image_url={"url": "https://example.org/cat.png"}),
    "content: image as data": _chat_part(type="image_url", image_url={"url": f"data:image/png;base64,{PICTURE}"}),
    "detail of an image": _chat_part(
        type="image_url", image_url={"url": f"data:image/png;base64,{PICTURE}", "detail": "low"}
    ),
    "content: audio": _chat_part(type="input_audio", input_audio={"data": PICTURE, "format": "wav"}),
    "content: file as data": _chat_part(
        type="file", file={"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PICTURE}"}
    ),
    "content: file by id": _chat_part(type="file", file={"file_id": "file-1"}),
    "content: system in the middle": _turns({"role": "system", "content": "be brief"}),
    "content: earlier answer": _turns({"role": "assistant", "content": "hello"}),
    "thinking of an earlier answer": _turns({"role": "assistant", "content": "hello", "reasoning_content": "hm"}),
    "cache_control of a text": _chat_like([{"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}}]),
    "content: tool call and result": _chat_result("sunny"),
}


def _input(*items: Json, **fields: Json) -> JsonObject:
    return {"model": "m", "input": list(items) or "hi", **fields}


def _input_part(**part: Json) -> JsonObject:
    return _input({"role": "user", "content": [{"type": "input_text", "text": "see"}, part]})


def _flat_tool(**more: Json) -> Json:
    return [{"type": "function", **FUNCTION, **more}]


def _result_item(said: Json) -> JsonObject:
    call: Json = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"}
    asked: Json = {"role": "user", "content": "hi"}
    return _input(asked, call, {"type": "function_call_output", "call_id": "c1", "output": said})


def _after_thinking(*thoughts: Json) -> JsonObject:
    said: Json = {"role": "assistant", "content": "hello"}
    return _input({"role": "user", "content": "hi"}, *thoughts, said, {"role": "user", "content": "go on"})


OPENAI_RESPONSES: Mapping[str, JsonObject] = {
    "": _input(),
    "instructions": _input(instructions="be brief"),
    "max_output_tokens": _input(max_output_tokens=99),
    "temperature": _input(temperature=0.5),
    "top_p": _input(top_p=0.5),
    "reasoning.effort": _input(reasoning={"effort": "high"}),
    "reasoning.summary": _input(reasoning={"summary": "auto"}),
    "text.format: json_schema": _input(
        text={"format": {"type": "json_schema", "name": "s", "schema": STRICT_SCHEMA, "strict": True}}
    ),
    "text.verbosity": _input(text={"verbosity": "low"}),
    "tools": _input(tools=_flat_tool()),
    "tools: strict": _input(tools=_flat_tool(strict=True)),
    "tools: a namespace": _input(tools=[{"type": "namespace", "name": "n", "tools": _flat_tool()}]),
    "tools: custom": _input(tools=[{"type": "custom", "name": "c", "description": "d"}]),
    "tools: web_search": _input(tools=[{"type": "web_search"}]),
    "tool_choice: required": _input(tools=_flat_tool(), tool_choice="required"),
    "tool_choice: a function": _input(tools=_flat_tool(), tool_choice={"type": "function", "name": "f"}),
    "parallel_tool_calls: false": _input(tools=_flat_tool(), parallel_tool_calls=False),
    "metadata": _input(metadata={"a": "b"}),
    "prompt_cache_key": _input(prompt_cache_key="k"),
    "truncation": _input(truncation="auto"),
    "service_tier": _input(service_tier="flex"),
    "background": _input(background=True),
    "content: image by URL": _input_part(type="input_image", image_url="https://example.org/cat.png"),
    "content: image as data": _input_part(type="input_image", image_url=f"data:image/png;base64,{PICTURE}"),
    "detail of an image": _input_part(type="input_image", image_url=f"data:image/png;base64,{PICTURE}", detail="low"),
    "content: file as data": _input_part(
        type="input_file", filename="a.pdf", file_data=f"data:application/pdf;base64,{PICTURE}"
    ),
    "content: file by id": _input_part(type="input_file", file_id="file-1"),
    "content: tool call and result": _result_item("sunny"),
    "content: image in a tool result": _result_item(
        [{"type": "input_image", "image_url": f"data:image/png;base64,{PICTURE}"}]
    ),
    "content: earlier answer": _after_thinking(),
    "thinking of an earlier answer": _after_thinking(
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}]}
    ),
    "thinking, encrypted": _after_thinking(
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "c2lnbmVk"}
    ),
    "record of a search": _after_thinking({"type": "web_search_call", "id": "ws_1", "status": "completed"}),
    "phase of an answer": _input(
        {"role": "user", "content": "hi"},
        {"type": "message", "role": "assistant", "content": "hello", "phase": "final_answer"},
        {"role": "user", "content": "go on"},
    ),
    "tools: deferred": _input(tools=_flat_tool(defer_loading=True)),
    "content: item_reference": _input({"role": "user", "content": "hi"}, {"type": "item_reference", "id": "msg_1"}),
}


def _messages(**fields: Json) -> JsonObject:
    return _chat(max_tokens=99) | fields


def _block(**block: Json) -> JsonObject:
    return _chat_like([{"type": "text", "text": "see"}, block], max_tokens=99)


def _anthropic_tool(**more: Json) -> Json:
    return [{"name": "f", "description": "d", "input_schema": SCHEMA, **more}]


def _tool_result(said: Json, **more: Json) -> JsonObject:
    use: Json = {"type": "tool_use", "id": "t1", "name": "f", "input": {}}
    result: Json = {"type": "tool_result", "tool_use_id": "t1", "content": said, **more}
    return _messages(
        messages=[
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": [use]},
            {"role": "user", "content": [result]},
        ]
    )


def _answered(*blocks: Json) -> JsonObject:
    return _turns({"role": "assistant", "content": [*blocks, {"type": "text", "text": "hello"}]}) | {"max_tokens": 99}


def _picture(**more: Json) -> Json:
    return {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PICTURE}, **more}


def _document(**more: Json) -> JsonObject:
    return _block(type="document", source={"type": "text", "media_type": "text/plain", "data": "words"}, **more)


ANTHROPIC: Mapping[str, JsonObject] = {
    "": _messages(),
    "system": _messages(system="be brief"),
    "cache_control": _messages(system=[{"type": "text", "text": "be brief", "cache_control": {"type": "ephemeral"}}]),
    "temperature": _messages(temperature=0.5),
    "top_p": _messages(top_p=0.5),
    "top_k": _messages(top_k=5),
    "stop_sequences": _messages(stop_sequences=["END"]),
    "thinking: enabled": _messages(max_tokens=9000, thinking={"type": "enabled", "budget_tokens": 4096}),
    "output_config.effort": _messages(output_config={"effort": "high"}),
    "output_config.format": _messages(output_config={"format": {"type": "json_schema", "schema": STRICT_SCHEMA}}),
    "tools": _messages(tools=_anthropic_tool()),
    "tools: strict": _messages(tools=_anthropic_tool(strict=True)),
    "cache_control of a tool": _messages(tools=_anthropic_tool(cache_control={"type": "ephemeral"})),
    "tools: web_search": _messages(tools=[{"type": "web_search_20250305", "name": "web_search"}]),
    "tool_choice: any": _messages(tools=_anthropic_tool(), tool_choice={"type": "any"}),
    "tool_choice: a tool": _messages(tools=_anthropic_tool(), tool_choice={"type": "tool", "name": "f"}),
    "disable_parallel_tool_use": _messages(
        tools=_anthropic_tool(), tool_choice={"type": "auto", "disable_parallel_tool_use": True}
    ),
    "metadata.user_id": _messages(metadata={"user_id": "u"}),
    "service_tier": _messages(service_tier="auto"),
    "context_management": _messages(context_management={"edits": []}),
    "content: image by URL": _block(type="image", source={"type": "url", "url": "https://example.org/cat.png"}),
    "content: image as data": _block(
        type="image", source={"type": "base64", "media_type": "image/png", "data": PICTURE}
    ),
    "content: PDF as data": _block(
        type="document", source={"type": "base64", "media_type": "application/pdf", "data": PICTURE}
    ),
    "content: document as text": _document(),
    "title of a document": _document(title="Report"),
    "citations of a document": _document(citations={"enabled": True}),
    "content: tool call and result": _tool_result("sunny"),
    "content: image in a tool result": _tool_result([_picture()]),
    "is_error of a tool result": _tool_result("sunny", is_error=True),
    "content: earlier answer": _answered(),
    "thinking of an earlier answer": _answered({"type": "thinking", "thinking": "hm", "signature": "c2lnbmVk"}),
    "thinking, redacted": _answered({"type": "redacted_thinking", "data": "c2lnbmVk"}),
}


def _contents(*parts: Json, **fields: Json) -> JsonObject:
    return {"contents": [{"role": "user", "parts": [{"text": "hi"}, *parts]}], **fields}


def _generation(**config: Json) -> JsonObject:
    return _contents(generationConfig=config)


def _declared(**fields: Json) -> JsonObject:
    return _contents(tools=[{"functionDeclarations": [FUNCTION]}], **fields)


def _calling(**config: Json) -> Json:
    return {"functionCallingConfig": config}


def _after_call(response: Json = None, **call: Json) -> JsonObject:
    answer: Json = {"name": "f", "response": response or {"result": "sunny"}}
    return {
        "contents": [
            {"role": "user", "parts": [{"text": "hi"}]},
            {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}, **call}]},
            {"role": "user", "parts": [{"functionResponse": answer}]},
        ]
    }


def _after_answer(*parts: Json) -> JsonObject:
    turns = (("user", [{"text": "hi"}]), ("model", [*parts]), ("user", [{"text": "go on"}]))
    return {"contents": [{"role": role, "parts": [*said]} for role, said in turns]}


GEMINI: Mapping[str, JsonObject] = {
    "": _contents(),
    "systemInstruction": _contents(systemInstruction={"parts": [{"text": "be brief"}]}),
    "maxOutputTokens": _generation(maxOutputTokens=99),
    "temperature": _generation(temperature=0.5),
    "topP": _generation(topP=0.5),
    "topK": _generation(topK=5),
    "stopSequences": _generation(stopSequences=["END"]),
    "seed": _generation(seed=1),
    "candidateCount": _generation(candidateCount=2),
    "presencePenalty": _generation(presencePenalty=0.5),
    "frequencyPenalty": _generation(frequencyPenalty=0.5),
    "responseLogprobs": _generation(responseLogprobs=True, logprobs=2),
    "thinkingConfig.thinkingBudget": _generation(thinkingConfig={"thinkingBudget": 8192}),
    "thinkingConfig.includeThoughts": _generation(thinkingConfig={"includeThoughts": True}),
    "mediaResolution": _generation(mediaResolution="MEDIA_RESOLUTION_LOW"),
    "responseSchema": _generation(responseMimeType="application/json", responseSchema={"type": "OBJECT"}),
    "responseJsonSchema": _generation(responseMimeType="application/json", responseJsonSchema=STRICT_SCHEMA),
    "responseMimeType: JSON": _generation(responseMimeType="application/json"),
    "tools: functionDeclarations": _declared(),
    "tools: googleSearch": _contents(tools=[{"googleSearch": {}}]),
    "functionCallingConfig: ANY": _declared(toolConfig=_calling(mode="ANY")),
    "functionCallingConfig: a function": _declared(toolConfig=_calling(mode="ANY", allowedFunctionNames=["f"])),
    "labels": _contents(labels={"a": "b"}),
    "safetySettings": _contents(safetySettings=[{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]),
    "cachedContent": _contents(cachedContent="cachedContents/1"),
    "content: image as data": _contents({"inlineData": {"mimeType": "image/png", "data": PICTURE}}),
    "content: image by URL": _contents(
        {"fileData": {"mimeType": "image/png", "fileUri": "https://example.org/cat.png"}}
    ),
    "content: PDF as data": _contents({"inlineData": {"mimeType": "application/pdf", "data": PICTURE}}),
    "content: audio": _contents({"inlineData": {"mimeType": "audio/wav", "data": PICTURE}}),
    "content: video": _contents({"inlineData": {"mimeType": "video/mp4", "data": PICTURE}}),
    "content: function call and response": _after_call(),
    "thoughtSignature of a call": _after_call(thoughtSignature="c2lnbmVk"),
    "error of a function": _after_call({"error": "no such city"}),
    "thought of an earlier answer": _after_answer(
        {"text": "hm", "thought": True, "thoughtSignature": "c2lnbmVk"}, {"text": "hello"}
    ),
    "videoMetadata": _contents({"inlineData": {"mimeType": "video/mp4", "data": PICTURE}, "videoMetadata": {"fps": 1}}),
    "content: earlier answer": _after_answer({"text": "hello"}),
    "content: executableCode": _contents({"executableCode": {"language": "PYTHON", "code": "1"}}),
}


def _options(**options: Json) -> JsonObject:
    return _chat(options=options)


OLLAMA: Mapping[str, JsonObject] = {
    "": _chat(),
    "options.num_predict": _options(num_predict=99),
    "options.temperature": _options(temperature=0.5),
    "options.top_p": _options(top_p=0.5),
    "options.top_k": _options(top_k=5),
    "options.min_p": _options(min_p=0.1),
    "options.stop": _options(stop=["END"]),
    "options.seed": _options(seed=1),
    "options.presence_penalty": _options(presence_penalty=0.5),
    "options.frequency_penalty": _options(frequency_penalty=0.5),
    "options.num_ctx": _options(num_ctx=4096),
    "keep_alive": _chat(keep_alive="5m"),
    "think: true": _chat(think=True),
    "think: false": _chat(think=False),
    "think: high": _chat(think="high"),
    "format: json": _chat(format="json"),
    "format: a schema": _chat(format=STRICT_SCHEMA),
    "tools": _chat(tools=_chat_tool()),
    "logprobs": _chat(logprobs=True, top_logprobs=2),
    "truncate: true": _chat(truncate=True),
    "content: earlier answer": _turns({"role": "assistant", "content": "hello"}),
    "thinking of an earlier answer": _turns({"role": "assistant", "content": "hello", "thinking": "hm"}),
    "content: tool call and result": _turns(
        {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "f", "arguments": {}}}]},
        {"role": "tool", "tool_name": "f", "content": "sunny"},
    ),
    "content: image": {"model": "m", "messages": [{"role": "user", "content": "see", "images": [PICTURE]}]},
}


def _prompt(**fields: Json) -> JsonObject:
    return {"model": "m", "prompt": "hi", **fields}


OPENAI_COMPLETIONS: Mapping[str, JsonObject] = {
    "": _prompt(),
    "max_tokens": _prompt(max_tokens=9),
    "temperature": _prompt(temperature=0.5),
    "top_p": _prompt(top_p=0.5),
    "stop": _prompt(stop=["END"]),
    "seed": _prompt(seed=1),
    "frequency_penalty": _prompt(frequency_penalty=0.5),
    "presence_penalty": _prompt(presence_penalty=0.5),
    "n": _prompt(n=2),
    "best_of": _prompt(best_of=2),
    "echo": _prompt(echo=True),
    "logprobs": _prompt(logprobs=2),
    "logit_bias": _prompt(logit_bias={"5": 1}),
    "user": _prompt(user="u"),
    "content: suffix": _prompt(suffix="!"),
    "content: several prompts": _prompt(prompt=["hi", "ho"]),
    "content: token ids": _prompt(prompt=[1, 2]),
}
OLLAMA_GENERATE: Mapping[str, JsonObject] = {
    "": _prompt(),
    "system": _prompt(system="be brief"),
    "options.num_predict": _prompt(options={"num_predict": 99}),
    "options.temperature": _prompt(options={"temperature": 0.5}),
    "options.num_ctx": _prompt(options={"num_ctx": 4096}),
    "keep_alive": _prompt(keep_alive="5m"),
    "think: high": _prompt(think="high"),
    "format: a schema": _prompt(format=STRICT_SCHEMA),
    "logprobs": _prompt(logprobs=True),
    "template": _prompt(template="{{ .Prompt }}"),
    "raw": _prompt(raw=True),
    "context": _prompt(context=[1, 2]),
    "content: image": _prompt(images=[PICTURE]),
    "content: suffix": _prompt(suffix="!"),
}
PROBES: Mapping[str, Mapping[str, JsonObject]] = {
    "openai_chat": OPENAI_CHAT,
    "openai_responses": OPENAI_RESPONSES,
    "anthropic_messages": ANTHROPIC,
    "gemini": GEMINI,
    "ollama": OLLAMA,
    "openai_completions": OPENAI_COMPLETIONS,
    "ollama_generate": OLLAMA_GENERATE,
}
BASES: Mapping[str, str] = {
    "tools: strict": "tools",
    "tool_choice: required": "tools",
    "tool_choice: a function": "tools",
    "parallel_tool_calls: false": "tools",
    "tool_choice: any": "tools",
    "tool_choice: a tool": "tools",
    "disable_parallel_tool_use": "tools",
    "functionCallingConfig: ANY": "tools: functionDeclarations",
    "functionCallingConfig: a function": "tools: functionDeclarations",
    "cache_control": "system",
    "detail of an image": "content: image as data",
    "title of a document": "content: document as text",
    "citations of a document": "content: document as text",
    "content: image in a tool result": "content: tool call and result",
    "is_error of a tool result": "content: tool call and result",
    "thinking of an earlier answer": "content: earlier answer",
    "thoughtSignature of a call": "content: function call and response",
    "error of a function": "content: function call and response",
    "thought of an earlier answer": "content: earlier answer",
    "thinking, encrypted": "content: earlier answer",
    "thinking, redacted": "content: earlier answer",
    "record of a search": "content: earlier answer",
    "phase of an answer": "content: earlier answer",
    "cache_control of a tool": "tools",
    "tools: deferred": "tools",
    "videoMetadata": "content: video",
}
"""What a probe is compared with, where it is not the plain request: it says one thing more than that one."""
