"""Calls in a response that wait for an answer, and the answers, each type in its own shape.

A call is open when nothing in the response answers it, whatever its type. Those of the server's
own tools name no `call_id`, and hold their results themselves.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from asstctl.parts import ToolCall

if TYPE_CHECKING:
    from openai.types.responses.response_input_item_param import ResponseInputItemParam

APPROVAL = "mcp_approval_request"

BLANK = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgAAAABQAB"
    "pfZFQAAAAABJRU5ErkJggg=="
)
"""One transparent pixel: a call of a computer takes no answer but a picture of its screen."""


def is_call(item: Mapping[str, Any]) -> bool:
    """Return whether an item is a call that a client may have to answer."""
    kind = str(item.get("type"))
    return kind == APPROVAL or (bool(item.get("call_id")) and not kind.endswith("_output"))


def is_answer(item: Mapping[str, Any]) -> bool:
    """Return whether an item answers a call."""
    return str(item.get("type")).endswith(("_output", "_response"))


def answers(item: Mapping[str, Any]) -> Any:
    """Return the id of the call that an item answers."""
    return item.get("call_id") or item.get("approval_request_id")


def identity(item: Mapping[str, Any]) -> str | None:
    """Return the id by which a call is answered, None where it has none."""
    found = item.get("id") if item.get("type") == APPROVAL else item.get("call_id")
    return found if isinstance(found, str) else None


def is_answered(call_id: str, following: Iterable[Mapping[str, Any]]) -> bool:
    """Return whether a call is answered by an item that follows it: ids may come again."""
    return any(is_answer(item) and answers(item) == call_id for item in following)


def is_open(call_id: str, items: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether no item answers a call; of one id the last call among them counts."""
    places = [n for n, item in enumerate(items) if is_call(item) and identity(item) == call_id]
    return not is_answered(call_id, items[places[-1] + 1 :] if places else items)


def unanswered(output: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Return the calls in a response's output that nothing there answers, by the calls' ids."""
    found = {}
    for number, item in enumerate(output):
        kind, named = str(item.get("type")), identity(item)
        if named is None or kind.endswith("_output") or is_answered(named, output[number + 1 :]):
            continue
        if item.get("execution") == "server":
            continue
        # A server that answers its own call goes on to speak; a client's call is the last word.
        spoken = any(later.get("type") == "message" for later in output[number + 1 :])
        if kind != "custom_tool_call" or not spoken:
            found[named] = item
    return found


def shown(call_id: str, item: Mapping[str, Any]) -> ToolCall:
    """Return an open call as the event that shows it."""
    name = str(item.get("name") or item.get("type"))
    if item.get("type") == APPROVAL:  # no function of ours, whatever its name
        name = f"{item.get('server_label')}.{name}"
    told = ("arguments", "input", "action", "operation", "actions")
    asked = next((item[key] for key in told if item.get(key)), "{}")
    return ToolCall(call_id, name, asked if isinstance(asked, str) else json.dumps(asked))


def answer(kind: str, call_id: str, output: str) -> "ResponseInputItemParam":
    """Return the item that answers a call of a type; an approval is always refused."""
    facts: dict[str, Any]
    match kind:
        case "mcp_approval_request":
            facts = {
                "type": "mcp_approval_response",
                "approval_request_id": call_id,
                "approve": False,
            }
        case "shell_call":
            outcome = {"type": "exit", "exit_code": 1}
            said = {"stdout": "", "stderr": output, "outcome": outcome}
            facts = {"type": "shell_call_output", "call_id": call_id, "output": [said]}
        case "local_shell_call":
            facts = {"type": "local_shell_call_output", "id": call_id, "output": output}
        case "apply_patch_call":
            facts = {"type": f"{kind}_output", "call_id": call_id, "status": "failed"}
            facts["output"] = output
        case "tool_search_call":
            facts = {"type": "tool_search_output", "call_id": call_id, "tools": []}
            facts["execution"] = "client"
        case "computer_call":
            screen = {"type": "computer_screenshot", "image_url": BLANK}
            facts = {"type": f"{kind}_output", "call_id": call_id, "output": screen}
        case _:
            facts = {"type": f"{kind}_output", "call_id": call_id, "output": output}
    return cast("ResponseInputItemParam", facts)
