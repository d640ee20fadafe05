"""A request for a reply: who replies, and without the fields that the server does not take."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from asstctl.backends.responses.reply import Reply
from asstctl.config.settings import Settings
from asstctl.errors import AsstctlError
from asstctl.events import Notice, Stream
from asstctl.store.abilities import Abilities
from asstctl.tools import offered
from asstctl.wire.requests import extended

if TYPE_CHECKING:
    from openai.types.responses.response_create_params import (
        ResponseCreateParamsBase,
        ResponseCreateParamsStreaming,
    )

OPTIONAL: Mapping[str, str] = {
    "background": "a reply that is stopped or cut may be missing from its thread",
    "truncation": "a thread that outgrows the model's window is refused",
}
"""Optional fields, each with the consequence (shown to the user) where a server refuses it."""


class Asking:
    """Asks one server for replies, as a profile says."""

    def __init__(self, settings: Settings, abilities: Abilities) -> None:
        self._settings = settings
        self._abilities = abilities

    def ask(self, reply: Reply, said: "ResponseCreateParamsBase") -> Stream:
        """Ask for a reply to what `said` says, leaving out the fields that the server refuses.

        A reply in the foreground may be missing from its conversation where it is left; in the
        background it can be cancelled, and taken up again after a cut (openai-python#3561).
        """
        refused: list[str] = []
        while True:
            body = {k: v for k, v in {**self._wanted(), **said}.items() if k not in refused}
            try:
                yield from reply.stream(body)
            except AsstctlError as error:
                field = refused_field(error, body)
                if reply.taken() or field is None:
                    raise
                refused.append(field)
                yield Notice(f"{reply.host} takes no {field}: {OPTIONAL[field]}")
            else:
                break
        for field in refused:  # now it is proved that this was the cause
            self._abilities.note(self._settings.place, self._ability(field), has=False)

    def _ability(self, field: str) -> str:
        """Return the name of the ability to take a field: one model may have it, another not."""
        return f"{field} for {self._settings.agent or self._settings.model}"

    def _takes(self, field: str) -> bool:
        return self._abilities.has(self._settings.place, self._ability(field)) is not False

    def _wanted(self) -> dict[str, object]:
        """Return the part of a request that says who replies, and how."""
        settings = self._settings
        body: ResponseCreateParamsStreaming = {"stream": True}
        if settings.model:
            body["model"] = settings.model
        if settings.instructions:
            body["instructions"] = settings.instructions
        if self._takes("background"):
            body["background"] = True
        by_default = settings.origins.get("truncation", "default") == "default"
        if self._takes("truncation") and not (settings.agent and by_default):
            body["truncation"] = "disabled" if settings.truncation == "disabled" else "auto"
        verbatim: dict[str, object] = {"tools": offered(settings.tools)}
        if settings.reasoning_summary:
            verbatim["reasoning"] = {"summary": settings.reasoning_summary}
        if shape := settings.shape():
            verbatim["text"] = {"format": {"type": "json_schema", **shape}}
        if settings.agent:  # it brings its own model, instructions and tools
            reference = {"type": "agent_reference", "name": settings.agent}
            if settings.agent_version:
                reference["version"] = settings.agent_version
            verbatim["agent_reference"] = reference
        return extended(body, verbatim)


def refused_field(error: AsstctlError, body: Mapping[str, object]) -> str | None:
    """Return the optional field that a request was refused for, None for any other cause."""
    if error.status not in (400, 403, 422):
        return None
    words = error.message.lower()
    named = (f for f in OPTIONAL if f in body and re.search(rf"\b{f}\b", words))
    return next(named, None)
