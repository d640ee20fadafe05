"""A server of Conversations and Responses on loopback."""

import time
from collections.abc import Iterator
from urllib.parse import parse_qsl

from tests.filing import Filing
from tests.servers import NOW, Reply, Request, Server, error, named


class ResponsesServer(Server):
    """Keeps conversations and responses, in the form of `form`: openai, project or resource.

    A resource has no conversations, and only a project lists them. A response asked for in the
    background goes on when its stream is left; one in the foreground completes too, and its
    conversation never hears of it: so the real service was seen to do.
    """

    form = "openai"

    def __init__(self) -> None:
        super().__init__()
        self.conversations: dict[str, list[dict]] = {}
        self.metadata: dict[str, dict] = {}
        self.responses: dict[str, dict] = {}
        self.filing = Filing()
        self.inputs: dict[str, list[dict]] = {}
        self.events: dict[str, list[tuple[str, dict]]] = {}
        self.refuses: dict[str, str] = {}  # a field, and what is said of it
        self.ignores_background = False
        self.cant_resume = False
        self.polls_left = 0
        self.locked = 0  # how many prompts find the conversation in use
        self.agents: dict[str, dict] = {}
        self.keys = ("canary",)
        self.count = 0

    @property
    def url(self) -> str:
        return self.origin + {"project": "/api/projects/p", "resource": ""}.get(self.form, "/v1")

    @property
    def prefix(self) -> str:
        forms = {"project": "/api/projects/p/openai/v1", "resource": "/openai/v1"}
        return forms.get(self.form, "/v1")

    @property
    def settings(self) -> dict[str, str]:
        found = {"backend": "responses", "endpoint": self.url, "model": "test"}
        found["api_key_env"] = "MY_KEY"
        return found | ({"api_version": "v1"} if self.form == "resource" else {})

    def answer(self, request: Request) -> Reply:
        header = "api-key" if self.form == "resource" else "authorization"
        if request.headers.get(header, "").removeprefix("Bearer ") not in self.keys:
            return error(401, "Incorrect API key provided")
        path, _, query = request.path.partition("?")
        asked = dict(parse_qsl(query))
        if self.form == "project" and path.startswith("/api/projects/p/agents"):
            return self.agent(path.removeprefix("/api/projects/p/agents").strip("/"), asked)
        if not path.startswith(self.prefix + "/") or "api-version" in asked:
            return error(404, "Resource not found")
        words = path.removeprefix(self.prefix).strip("/").split("/")
        if words[0] == "conversations":
            if self.form == "resource":
                return error(404, "Resource not found")
            return self.conversation(request, words[1:], asked)
        if words[0] == "responses":
            return self.response(request, words[1:], asked)
        if words[0] == "files":
            status, answer = self.filing.answer(request.method, words[1:], request.body)
            return Reply(status=status, body=answer, content_type="application/json")
        return error(404, f"Unknown request URL: {request.method} {path}")

    def agent(self, name: str, asked: dict) -> Reply:
        if asked.get("api-version") != "v1":
            return error(400, "Missing required query parameter: api-version")
        if not name:
            return Reply(body=self.page(list(self.agents.values()), asked))
        if name not in self.agents:
            return error(404, f"Agent {name} doesn't exist")
        return Reply(body=self.agents[name])

    # Conversations

    def conversation(self, request: Request, words: list[str], asked: dict) -> Reply:
        body = request.body or {}
        match request.method, words:
            case "POST", []:
                return Reply(body=self.new_conversation(body.get("metadata")))
            case "GET", []:
                if self.form != "project":
                    return error(405, "Method not allowed")
                listed = [self.facts(identity) for identity in self.conversations]
                return Reply(body=self.page(listed, asked))
        identity = words[0]
        if identity not in self.conversations:
            return error(404, f"Conversation with id '{identity}' not found.")
        items = self.conversations[identity]
        match request.method, words[1:]:
            case "GET", []:
                return Reply(body=self.facts(identity))
            case "DELETE", []:
                del self.conversations[identity]
                deleted = {"id": identity, "object": "conversation.deleted", "deleted": True}
                return Reply(body=deleted)
            case "GET", ["items"]:
                return Reply(body=self.page(items, asked))
            case "POST", ["items"]:
                if len(body["items"]) > 20:
                    return error(400, "Invalid 'items': array too long. Expected at most 20.")
                added = [self.item(item) for item in body["items"]]
                items += added
                return Reply(body={"object": "list", "data": added})
        return error(404, "no route")

    def new_conversation(self, metadata: dict | None = None) -> dict:
        identity = f"conv_{len(self.conversations) + 1:06}"
        self.conversations[identity] = []
        self.metadata[identity] = metadata or {}
        return self.facts(identity)

    def facts(self, identity: str) -> dict:
        return {
            "id": identity,
            "object": "conversation",
            "created_at": NOW,
            "metadata": self.metadata[identity],
        }

    def item(self, item: dict) -> dict:
        """An item as the service keeps it: an id, and content as parts."""
        self.count += 1
        item = {"id": f"msg_{self.count}", "status": "completed", **item}
        if isinstance(item.get("content"), str):
            kind = "output_text" if item["role"] == "assistant" else "input_text"
            item["content"] = [{"type": kind, "text": item["content"], "annotations": []}]
        return item

    def page(self, found: list[dict], asked: dict) -> dict:
        found = found if asked.get("order") == "asc" else found[::-1]
        if after := asked.get("after"):
            found = found[[item["id"] for item in found].index(after) + 1 :]
        limit = int(asked.get("limit", 20))
        return {"object": "list", "data": found[:limit], "has_more": len(found) > limit}

    # Responses

    def response(self, request: Request, words: list[str], asked: dict) -> Reply:
        if request.method == "POST" and not words:
            return self.create(request.body)
        found = self.responses.get(words[0])
        if not found:
            return error(404, f"Response with id '{words[0]}' not found.")
        match request.method, words[1:]:
            case "GET", [] if asked.get("stream") == "true":
                if self.cant_resume:
                    return error(400, "This response cannot be streamed")
                after = int(asked["starting_after"])
                return self.replies_next(found["id"], after)
            case "GET", []:
                if self.polls_left:
                    self.polls_left -= 1
                elif found["status"] == "in_progress":
                    self.complete(found["id"], held=found["background"])
                return Reply(body=found)
            case "DELETE", []:
                del self.responses[found["id"]]
                return Reply(body={"id": found["id"], "deleted": True})
            case "POST", ["cancel"]:
                if not found["background"]:
                    return error(400, "Only background responses can be cancelled")
                if found["status"] == "in_progress":
                    found["status"] = "cancelled"
                return Reply(body=found)
            case "GET", ["input_items"]:
                return Reply(body=self.page(self.inputs[found["id"]], asked))
        return error(404, "no route")

    def replies_next(self, identity: str, after: int) -> Reply:
        reply = self.replies.popleft() if self.replies else Reply()
        reply.events = self.stream(identity, reply, after)
        return reply

    def create(self, body: dict) -> Reply:
        if "input" not in body:
            return error(400, "Missing required parameter: 'input'.")
        for field, words in self.refuses.items():
            if field in body:
                return error(400, words)
        agent = (body.get("agent_reference") or {}).get("name")
        if agent and agent not in self.agents:
            return error(404, f"Agent {agent} doesn't exist")
        if not agent and body.get("model") != "test":
            return error(400, f"The requested model '{body.get('model')}' does not exist.")
        conversation = body.get("conversation")
        if conversation is not None and not isinstance(conversation, str):
            return error(422, "conversation: Input should be a valid string")
        if conversation and conversation not in self.conversations:
            return error(404, f"Conversation with id '{conversation}' not found.")
        before = body.get("previous_response_id")
        if before and before not in self.responses:
            return error(400, f"Previous response with id '{before}' not found.")
        if conversation and self.locked:
            self.locked -= 1
            refused = error(400, "Another process is currently operating on this conversation.")
            refused.body["error"]["code"] = "conversation_locked"
            return refused
        reply = self.replies.popleft() if self.replies else None
        if reply and (reply.status >= 300 or reply.body is not None):
            return reply
        said = body["input"]
        said = (
            [{"type": "message", "role": "user", "content": said}]
            if isinstance(said, str)
            else said
        )
        said = [self.item(item) for item in said]
        earlier = list(self.conversations.get(conversation, ()))
        while before:
            earlier = [*self.inputs[before], *self.responses[before]["output"], *earlier]
            before = self.responses[before]["previous_response_id"]
        turns = [item for item in (*earlier, *said) if item["type"] == "message"]
        text = turns[-1]["content"][0]["text"] if turns else "nothing"
        outputs = [item["output"] for item in said if item["type"] == "function_call_output"]
        told = f"It says: {outputs}" if outputs else f"You said: {text} ({len(turns)})"
        reply = reply or Reply(told)
        identity = f"resp_{len(self.responses) + 1}"
        self.responses[identity] = {
            "id": identity,
            "object": "response",
            "created_at": NOW,
            "status": "in_progress",
            "background": bool(body.get("background")) and not self.ignores_background,
            "conversation": {"id": conversation} if conversation else None,
            "previous_response_id": body.get("previous_response_id"),
            "instructions": body.get("instructions"),
            "model": body.get("model") or "gpt-5",
            "tools": [],
            "tool_choice": "auto",
            "parallel_tool_calls": True,
            "error": None,
            "incomplete_details": None,
            "output": [],
            "usage": None,
        }
        self.inputs[identity] = said
        self.events[identity] = self.told(identity, reply)
        if reply.raw is None:
            reply.events = self.stream(identity, reply, -1)
        else:
            reply.events = self.played(identity, reply.raw)
        return reply

    def played(self, identity: str, raw: bytes) -> Iterator[bytes]:
        """A stream that a test wrote, with this response's id in it."""
        yield raw.replace(b"RESP", identity.encode())
        self.responses[identity]["status"] = "completed"

    def told(self, identity: str, reply: Reply) -> list[tuple[str, dict]]:
        """All events of a response but those that carry the response itself."""
        words = reply.words
        words = reply.text.replace(" ", " \0").split("\0") if words is None else words
        self.count += 1
        message = {
            "id": f"msg_{self.count}",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "".join(words), "annotations": []}],
        }
        self.responses[identity]["will_say"] = message
        where = {"item_id": message["id"], "output_index": 0, "content_index": 0}
        events = [("output_item.added", {"output_index": 0, "item": {**message, "content": []}})]
        where["logprobs"] = []
        events += [("output_text.delta", {**where, "delta": word}) for word in words]
        events += [("output_text.done", {**where, "text": "".join(words)})]
        events += [("output_item.done", {"output_index": 0, "item": message})]
        return events

    def stream(self, identity: str, reply: Reply, after: int) -> Iterator[bytes]:
        response = self.responses[identity]
        facts = [("created", {"response": dict(response)})]
        for number, (name, data) in enumerate([*facts, *self.events[identity]]):
            if number > after:
                if name == "output_text.done":
                    time.sleep(reply.stall)
                yield event(name, number, data)
        if response["status"] == "in_progress":
            self.complete(identity, held=True)
        last = 1 + len(self.events[identity])
        yield event(response["status"], last, {"response": response})

    def complete(self, identity: str, *, held: bool) -> None:
        response = self.responses[identity]
        message = response.pop("will_say")
        response["status"] = "completed"
        response["output"] = [message]
        response["usage"] = {
            "input_tokens": 11,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": 5,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": 16,
        }
        conversation = (response["conversation"] or {}).get("id")
        if conversation and held:
            self.conversations[conversation] += [*self.inputs[identity], message]


def event(name: str, number: int, data: dict) -> bytes:
    kind = f"response.{name}"
    return named(kind, {"type": kind, "sequence_number": number, **data})
