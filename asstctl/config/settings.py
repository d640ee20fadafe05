"""One profile's settings: their names, types and defaults, and what follows from them."""

from collections.abc import Iterable, Mapping
from dataclasses import field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from asstctl import kind
from asstctl._record import record
from asstctl.errors import UnsetError
from asstctl.kind import Kind

DEFAULT_PROFILE = "default"
"""The name of the keys at the top of the file."""

VENDOR_VARIABLES: Mapping[str, tuple[str, ...]] = {
    "endpoint": ("AZURE_OPENAI_ENDPOINT", "OPENAI_BASE_URL"),
    "api_version": ("AZURE_OPENAI_API_VERSION",),
    "assistant_id": ("ASSISTANT_ID",),
}
"""Names that other tools gave these settings; they never steer a backend whose threads are here."""

AZURE_KEY = "AZURE_OPENAI_API_KEY"
OPENAI_KEY = "OPENAI_API_KEY"
"""The variables in which the vendors' own tools look for a key."""

AZURE_HOSTS = (".azure.com", ".azure.us", ".azure.cn")
"""Where Azure's resources live, by cloud."""

OPENAI_HOST = "api.openai.com"


def _setting(about: str, default: Any = None) -> Any:
    return field(default=default, metadata={"about": about})


@record
class Settings:
    """One profile's settings, each with its source in `origins`; None is unset."""

    profile: str
    origins: Mapping[str, str]
    folder: Path = Path()  # of the settings file: a tool's relative command is looked for there
    key_variables: frozenset[str] = frozenset()  # that asstctl reads keys from
    written: bool = False  # whether the file has the profile
    backend: Kind = _setting(f"which wire to speak: {', '.join(Kind)}", kind.DEFAULT)
    endpoint: str | None = _setting("the server's base URL")
    api_version: str | None = _setting("the api-version that Azure wants")
    assistant_id: str | None = _setting("the assistant that replies")
    model: str | None = _setting("the model that replies, by name or as a path to a GGUF file")
    instructions: str | None = _setting("what the model is told before the thread")
    agent: str | None = _setting("the Foundry agent that replies, by name")
    agent_version: str | None = _setting("which version of the agent; the newest where unset")
    tools: Any = _setting("the server's tools as its own JSON, or a table [tools.NAME] for each")
    truncation: str = _setting(
        "what a window too small does: auto (drop turns) or disabled", "auto"
    )
    reasoning_summary: str | None = _setting("ask for a summary of its reasoning: auto, say")
    schema: str | None = _setting("a file with the JSON Schema that replies follow")
    auth: str = _setting("how to sign in: key, or entra for Microsoft's", "key")
    api_key_env: str | None = _setting("the variable that holds the key")
    api_key_command: list[str] | None = _setting("the command that prints the key")
    api_key_keyring: bool = _setting("whether the system's keyring holds the key", default=False)
    keep: bool = _setting("whether what passes through is kept here, whole", default=True)
    max_file: float = _setting("megabytes of the largest file that is kept", 512.0)
    timeout: float = _setting("seconds without a byte before a server counts as gone", 120.0)

    @property
    def place(self) -> str:
        """Where the profile's threads live: the endpoint, or "" for this machine."""
        return "" if self.backend.facts.kept_here else (self.endpoint or "").rstrip("/")

    @property
    def keeps(self) -> bool:
        """Whether the messages of the profile's threads are kept here."""
        return self.keep or self.backend.facts.kept_here

    @property
    def host(self) -> str:
        """The endpoint's host, "" without an endpoint."""
        return urlsplit(self.endpoint or "").hostname or ""

    @property
    def openai(self) -> bool:
        """Whether the endpoint is OpenAI's own."""
        return self.host == OPENAI_HOST

    @property
    def project(self) -> bool:
        """Whether the endpoint is a Foundry project's."""
        return "/api/projects/" in (self.endpoint or "")

    @property
    def azure(self) -> bool:
        """Whether the endpoint is an Azure OpenAI resource's, or nothing says that it is not."""
        return not self.project and (
            (not self.endpoint and self.backend.facts.azure_assumed)
            or bool(self.api_version)
            or self.origins.get("endpoint") == "AZURE_OPENAI_ENDPOINT"
            or self.host.endswith(AZURE_HOSTS)
        )

    @property
    def azure_key(self) -> bool:
        """Whether the endpoint takes a key in Azure's own header."""
        return not self.backend.facts.kept_here and self.azure and self.auth == "key"

    @property
    def command(self) -> str:
        """How `asstctl` is typed to mean this profile."""
        return command(self.profile)

    @property
    def speaker(self) -> str:
        """The name of the agent, model or assistant that replies, "" where none is set."""
        return self.agent or self.model or self.assistant_id or ""

    def program(self, command: list[str]) -> list[str]:
        """Return a command of the settings file; a relative path starts at that file's folder."""
        name, *words = command
        if "/" in name and not name.startswith("/"):
            name = str(self.folder.absolute() / name)
        return [name, *words]

    def shape(self) -> dict[str, Any] | None:
        """Return the `json_schema` object that replies follow, None without a schema.

        A relative path starts at the settings file's folder, one of the command line where that
        was typed. Raises ConfigError for a file that holds none.
        """
        if not self.schema:
            return None
        from asstctl.config.shape import shape  # few replies have one

        typed = self.origins.get("schema") == "command line"
        return shape((Path() if typed else self.folder) / Path(self.schema).expanduser())

    def childrens(
        self, environment: Mapping[str, str], through: Iterable[str] = ()
    ) -> dict[str, str]:
        """Return the environment of a program that we start: no keys but those let `through`."""
        hidden = self.key_variables.difference(through)
        return {name: value for name, value in environment.items() if name not in hidden}

    def require(self, *names: str) -> None:
        """Raise ConfigError unless all of `names` are set; it lists every missing one."""
        if missing := self.unset(*names):
            raise self.missing(missing)

    def unset(self, *names: str) -> list[str]:
        """Return those of `names` that are not set, each with its variable, key and command."""
        return [self._whereabouts(name) for name in names if getattr(self, name) is None]

    def missing(self, whereabouts: list[str]) -> UnsetError:
        """Return the error that lists what is not set, and the command that sets it."""
        name = "" if self.profile == DEFAULT_PROFILE else f" {quoted(self.profile)}"
        way = f"{self.command} config edit" if self.written else f"asstctl config init{name}"
        return UnsetError(
            "not set: " + "; ".join(whereabouts),
            hint=f"set them together with: {way} (no account? asstctl -p local ask ...)",
        )

    def _whereabouts(self, name: str) -> str:
        if self.profile != DEFAULT_PROFILE:
            return f"{name} ({self.command} config set {name} VALUE)"
        variable = VENDOR_VARIABLES.get(name, (variable_name(name),))[0]
        return f"{name} (variable {variable}, or: asstctl config set {name} VALUE)"


def quoted(name: str) -> str:
    """Return a profile's name as a shell takes it."""
    import shlex  # for hints alone

    return shlex.quote(name)


def command(profile: str) -> str:
    """Return how `asstctl` is typed to mean a profile."""
    return "asstctl" + ("" if profile == DEFAULT_PROFILE else f" -p {quoted(profile)}")


SETTINGS = {f.name: f for f in fields(Settings) if "about" in f.metadata}
"""Every setting by its key in config.toml."""


def about(key: str) -> str:
    """Return the line that describes a setting."""
    return str(SETTINGS[key].metadata["about"])


def described(key: str) -> str:
    """Return the line that describes a setting, as a sentence: the help of its option."""
    line = about(key)
    return f"{line[0].upper()}{line[1:]}."


def variable_name(setting: str) -> str:
    """Return the environment variable of a setting."""
    return f"ASSTCTL_{setting.upper()}"
