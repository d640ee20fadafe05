"""The backends, and every fact about one that other modules need."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from asstctl._ids import CHAIN, CONVERSATION, LOCAL, THREAD

AZURE_SCOPE = "https://cognitiveservices.azure.com/.default"
FOUNDRY_SCOPE = "https://ai.azure.com/.default"
"""Scopes of Entra's tokens: an Azure OpenAI resource's older API; its v1 API, and Foundry."""


class Facts(NamedTuple):
    """The facts of a backend."""

    needs: tuple[str, ...]
    """Settings that `config init` asks for, in this order."""
    prefixes: tuple[str, ...]
    """How the ids of its threads begin."""
    kept_here: bool = False
    """Whether the store holds its threads, and not a server."""
    index_alone: tuple[str, ...] = ()
    """Prefixes of threads on a server that only our index knows as threads."""
    endpoint: str | None = None
    """The usual endpoint, where there is one."""
    endpoint_needed: bool = False
    """Whether a profile without an endpoint is of no use."""
    replies_by_id: bool = False
    """Whether its replies can be found again by their ids, so that the store notes them."""
    answers_in_thread: bool = False
    """Whether answers to calls are messages of a thread, and not steps of a run."""
    inline_files: bool = False
    """Whether a prompt brings the contents of its files along, and not ids of uploads."""
    azure_assumed: bool = False
    """Whether a profile without an endpoint means an Azure OpenAI resource."""
    azure_scope: str = FOUNDRY_SCOPE
    """The scope of tokens for an Azure OpenAI resource."""
    about: str = ""
    """The servers that speak it, in a few words."""
    idle: str = "is not locked"
    """The words of `threads unlock` for a thread without anything to end."""


class Kind(StrEnum):
    """A backend; a member's value is the name of its folder in backends/."""

    ASSISTANTS = "assistants"
    RESPONSES = "responses"
    LOCAL = "local"

    @property
    def facts(self) -> Facts:
        """The facts of the backend."""
        return FACTS[self]

    def alone(self, thread_id: str) -> bool:
        """Return whether no server could list this thread: our own machine alone knows it."""
        return self.facts.kept_here or thread_id.startswith(self.facts.index_alone)


FACTS = {
    Kind.ASSISTANTS: Facts(
        about="a server of assistants: Foundry classic, LiteLLM, self-hosted",
        needs=("endpoint", "api_version", "api_key_env", "assistant_id"),
        prefixes=(THREAD,),
        endpoint_needed=True,
        azure_assumed=True,
        azure_scope=AZURE_SCOPE,
    ),
    Kind.RESPONSES: Facts(
        about="Conversations + Responses: OpenAI, Foundry, Azure OpenAI",
        needs=("endpoint", "api_key_env", "agent", "model", "instructions"),
        prefixes=(CONVERSATION, CHAIN),
        index_alone=(CHAIN,),
        endpoint="https://api.openai.com/v1",
        replies_by_id=True,
        inline_files=True,
        answers_in_thread=True,
        idle="has no active reply that was begun here",
    ),
    Kind.LOCAL: Facts(
        about="threads on this machine; a chat-completions server, or a small model here, replies",
        needs=("endpoint", "api_key_env", "model", "instructions"),
        prefixes=(LOCAL,),
        kept_here=True,
        inline_files=True,
        answers_in_thread=True,
    ),
}
"""Every backend's facts; a new backend is a member above and its entry here."""

DEFAULT = Kind.ASSISTANTS
"""The backend of a profile that names none."""

SERVICE_PREFIXES = tuple(
    prefix
    for kind in Kind
    for prefix in kind.facts.prefixes
    if not kind.facts.kept_here and prefix not in kind.facts.index_alone
)
"""Prefixes of the thread ids that services make."""
