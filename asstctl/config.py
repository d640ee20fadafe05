"""Settings: where each may come from, and which source wins."""

import tomllib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from asstctl import _folders
from asstctl._frozen import frozen
from asstctl.errors import ConfigError, NotFoundError

PRECEDENCE = ("command line", "environment", "file", "default")
"""The layers of a setting, the first that has it wins."""

DEFAULT_PROFILE = "default"
"""The name of the keys at the top of the file."""

BUILT_IN: Mapping[str, Mapping[str, Any]] = {"local": {"backend": "local"}}
"""Profiles that exist without being written."""

VENDOR_VARIABLES: Mapping[str, tuple[str, ...]] = {
    "endpoint": ("AZURE_OPENAI_ENDPOINT", "OPENAI_BASE_URL"),
    "api_version": ("AZURE_OPENAI_API_VERSION",),
    "assistant_id": ("ASSISTANT_ID",),
}
"""Names that other tools gave these settings; they never steer the backend `local`."""

USUAL: Mapping[str, Mapping[str, Any]] = {"responses": {"endpoint": "https://api.openai.com/v1"}}
"""Defaults that depend on the backend."""

CHOICES: Mapping[str, tuple[str, ...]] = {
    "auth": ("key", "entra"),
    "truncation": ("auto", "disabled"),
}
"""The settings that are one of a few words."""

LONGEST_TIMEOUT = 86_400
"""Seconds: a day."""

AZURE_HOSTS = (".azure.com", ".azure.us", ".azure.cn")
"""Where Azure's resources live, by cloud."""


def _setting(about: str, default: Any = None) -> Any:
    return field(default=default, metadata={"about": about})


@frozen
class Settings:
    """One profile's settings, each with its source in `origins`; None is unset."""

    profile: str
    origins: Mapping[str, str]
    backend: str = _setting("which wire to speak: assistants, responses or local", "assistants")
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
    auth: str = _setting("how to sign in: key, or entra for Microsoft's", "key")
    api_key_env: str | None = _setting("the variable that holds the key")
    api_key_command: list[str] | None = _setting("the command that prints the key")
    api_key_keyring: bool = _setting("whether the system's keyring holds the key", default=False)
    timeout: float = _setting("seconds without a byte before a server counts as gone", 120.0)

    @property
    def project(self) -> bool:
        """Whether the endpoint is a Foundry project's."""
        return "/api/projects/" in (self.endpoint or "")

    @property
    def azure(self) -> bool:
        """Whether the endpoint is an Azure OpenAI resource's, or nothing says that it is not."""
        host = urlsplit(self.endpoint or "").hostname or ""
        return not self.project and (
            (not self.endpoint and self.backend == "assistants")
            or bool(self.api_version)
            or self.origins.get("endpoint") == "AZURE_OPENAI_ENDPOINT"
            or host.endswith(AZURE_HOSTS)
        )

    @property
    def azure_key(self) -> bool:
        """Whether the endpoint takes a key in Azure's own header."""
        return self.backend != "local" and self.azure and self.auth == "key"

    def require(self, *names: str) -> None:
        """Demand that all of `names` are set.

        Raises ConfigError that lists every missing one with its variable, key and command.
        """
        missing = self.unset(*names)
        if missing:
            raise self.missing(missing)

    def unset(self, *names: str) -> list[str]:
        """Give those of `names` that are not set, each with its variable, key and command."""
        return [self._whereabouts(name) for name in names if getattr(self, name) is None]

    def missing(self, whereabouts: list[str]) -> ConfigError:
        """Give the error that says what is not set, and the command that sets it."""
        name = "" if self.profile == DEFAULT_PROFILE else f" {self.profile}"
        return ConfigError(
            "not set: " + "; ".join(whereabouts),
            hint=f"set them together with: asstctl config init{name}"
            " (no account? asstctl -p local ask ...)",
        )

    def _whereabouts(self, name: str) -> str:
        if self.profile != DEFAULT_PROFILE:
            return f"{name} (asstctl -p {self.profile} config set {name} VALUE)"
        variable = VENDOR_VARIABLES.get(name, (variable_name(name),))[0]
        return f"{name} (variable {variable}, or: asstctl config set {name} VALUE)"


SETTINGS = {f.name: f for f in fields(Settings) if "about" in f.metadata}
"""Every setting by its key in config.toml."""

WORDS = list[str] | None
"""The type of settings that are lists of words."""


def variable_name(setting: str) -> str:
    """Give the environment variable of a setting."""
    return f"ASSTCTL_{setting.upper()}"


@frozen
class Config:
    """The file, the environment and the command line together.

    `profile` is the one chosen with `-p` or `ASSTCTL_PROFILE`, None where neither was.
    """

    path: Path
    tables: Mapping[str, Mapping[str, Any]]
    environment: Mapping[str, str]
    flags: Mapping[str, Any]
    profile: str | None

    def settings(self, profile: str | None = None) -> Settings:
        """Give the settings of `profile`, or of the chosen one.

        A named profile is closed: nothing of the environment enters it.
        Raises NotFoundError for a profile that does not exist, ConfigError for a wrong value.
        """
        name = profile or self.profile or DEFAULT_PROFILE
        known = {DEFAULT_PROFILE: {}, **BUILT_IN, **self.tables}
        if name not in known:
            raise NotFoundError(
                f"no profile {name!r} in {self.path}",
                hint=suggestion(name, known) or f"make it with: asstctl config init {name}",
            )
        backend = str(self._find("backend", name, "local")[0])
        found = {key: self._find(key, name, backend) for key in SETTINGS}
        values = {key: value for key, (value, _) in found.items()}
        origins = {key: source for key, (_, source) in found.items()}
        return Settings(profile=name, origins=origins, **values)

    def is_local(self, profile: str) -> bool:
        """Say whether there is a profile of this name for threads on this machine."""
        try:
            return self.settings(profile).backend == "local"
        except NotFoundError:
            return False

    def _find(self, key: str, profile: str, backend: str) -> tuple[Any, str]:
        """Give a setting's value from the first layer that has it, and its source."""
        for layer in PRECEDENCE:
            for value, source in self._layer(layer, key, profile, backend):
                if not unset(value):
                    return checked(key, value, source), source
        return SETTINGS[key].default, "default"

    def _layer(self, layer: str, key: str, profile: str, backend: str) -> Iterator[tuple[Any, str]]:
        """Give what one layer may hold for a setting, each with its source."""
        if layer == "command line":
            yield self.flags.get(key), layer
        elif layer == "environment" and profile == DEFAULT_PROFILE:  # others are closed
            vendors = VENDOR_VARIABLES.get(key, ()) if backend != "local" else ()
            names = (variable_name(key), *vendors)
            for variable in names:
                text = self.environment.get(variable)
                yield None if unset(text) else parsed(key, str(text), variable), variable
        elif layer == "file":
            yield self.tables.get(profile, {}).get(key), str(self.path)
        elif layer == "default":
            yield BUILT_IN.get(profile, {}).get(key), "built in"
            yield USUAL.get(backend, {}).get(key), "default"


def offers(environment: Mapping[str, str], backend: str) -> dict[str, str]:
    """Give what the environment has for a profile of that backend, by key."""
    config = Config(Path(), {}, environment, {}, None)
    found = {key: config._find(key, DEFAULT_PROFILE, backend) for key in SETTINGS}  # noqa: SLF001
    return {key: str(value) for key, (value, source) in found.items() if source != "default"}


def load(
    path: Path | None,
    profile: str | None,
    environment: Mapping[str, str],
    flags: Mapping[str, Any] | None = None,
) -> Config:
    """Read the settings file at `path`, or at its usual place; a missing file is an empty one.

    Raises ConfigError where the file can't be read or holds what asstctl does not know.
    """
    chosen = path or usual_path(environment)
    if path is not None and not path.exists():
        raise ConfigError(f"no settings file at {path}", hint="make it with: asstctl config init")
    return Config(
        path=chosen,
        tables=tables_of(read(chosen), chosen),
        environment=environment,
        flags=flags or {},
        profile=profile or environment.get("ASSTCTL_PROFILE") or None,
    )


def usual_path(environment: Mapping[str, str]) -> Path:
    """Say where the settings file is: `ASSTCTL_CONFIG`, or platformdirs' config folder."""
    if given := environment.get("ASSTCTL_CONFIG"):
        return Path(given).expanduser()
    return Path(_folders.config(environment), "config.toml")


def unset(value: Any) -> bool:
    """Say whether a value counts as not given: None, empty, or a sample's `<insert ...>`."""
    return value is None or value == "" or (isinstance(value, str) and value.startswith("<insert"))


def checked(key: str, value: Any, source: str) -> Any:
    """Give `value` if it is of the setting's type; raises ConfigError that names the source."""
    if key == "endpoint" and isinstance(value, str):
        check_endpoint(value, source)
    kind = SETTINGS[key].type
    if key in CHOICES:
        wanted, fits = f"one of {', '.join(CHOICES[key])}", value in CHOICES[key]
    elif kind is float:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        wanted = f"a number of more than 0, and at most {LONGEST_TIMEOUT}"
        fits = number and 0 < value <= LONGEST_TIMEOUT
    elif kind is bool:
        wanted, fits = "true or false", isinstance(value, bool)
    elif kind == WORDS:
        wanted, fits = "a list of words, like ['pass', 'work/key']", _list_of(str, value)
    elif key == "tools":
        wanted = 'a list like [{type = "web_search"}], or tables like [tools.NAME] with a command'
        fits = _list_of(dict, value) or (
            isinstance(value, dict) and all(map(_tool, value.values()))
        )
    else:
        wanted, fits = "text", isinstance(value, str)
    if not fits:
        raise ConfigError(f"{key} in {source} must be {wanted}, not {value!r}")
    return float(value) if kind is float else value


def _tool(table: Any) -> bool:
    """Say whether a tool's table is one: its command a list of words, and so on."""
    if not isinstance(table, dict) or not table:
        return False
    seconds, command = table.get("timeout", 1), table.get("command", ["true"])
    timed = isinstance(seconds, int | float) and 0 < seconds <= LONGEST_TIMEOUT
    return _list_of(str, command) and isinstance(table.get("confirm", True), bool) and timed


def _list_of(kind: type, value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, kind) for v in value)


def check_endpoint(endpoint: str, source: str) -> None:
    """Demand a URL that can be spoken to and shown; raises ConfigError."""
    try:
        parts = urlsplit(endpoint)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound or not endpoint.isprintable() or " " in endpoint:
        raise ConfigError(
            f"the endpoint {endpoint!r} in {source} is not a URL",
            hint="it looks like https://host/v1",
        )
    if parts.query or parts.fragment:
        raise ConfigError(f"the endpoint {endpoint!r} in {source} ends in a query or a fragment")
    if parts.username or parts.password:
        raise ConfigError(
            f"the endpoint in {source} holds a password",
            hint="keys come from api_key_env or api_key_command",
        )


def parsed(key: str, text: str, source: str) -> Any:
    """Read a setting from what was typed or exported; raises ConfigError."""
    kind = SETTINGS[key].type
    value: Any = text
    try:
        if kind is float:
            with suppress(ValueError):  # what it must be is said below
                value = float(text)
        elif kind is bool:
            value = {"true": True, "false": False}.get(text.lower(), text)
        elif kind == WORDS:
            import shlex  # only for this one kind of setting

            value = shlex.split(text)
        elif key == "tools":
            import json  # the same

            value = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"{key} in {source}: {str(error).lower()}") from None
    return checked(key, value, source)


def suggestion(word: str, known: Mapping[str, Any]) -> str | None:
    """Give a hint that names the nearest known word, None where nothing is near."""
    near = get_close_matches(word, known, n=1)
    return f"did you mean {near[0]!r}?" if near else None


def check_key(key: str, where: str = "") -> None:
    """Demand that a setting of this name exists; raises ConfigError with a suggestion."""
    if key not in SETTINGS:
        raise ConfigError(
            f"no setting {key!r}{where}",
            hint=suggestion(key, SETTINGS) or f"there are: {', '.join(SETTINGS)}",
        )


def read(path: Path) -> dict[str, Any]:
    """Give the document in a settings file, {} where there is none; raises ConfigError."""
    try:
        return tomllib.loads(path.read_text("utf-8-sig"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}") from error
    except OSError as error:
        raise ConfigError(f"can't read {path}: {error.strerror}") from error


def tables_of(document: dict[str, Any], path: Path) -> dict[str, dict[str, Any]]:
    """Sort the document into one table a profile; raises ConfigError for what is unknown."""
    named = document.pop("profiles", {})
    if not isinstance(named, dict) or not all(isinstance(t, dict) for t in named.values()):
        raise ConfigError(f"profiles in {path} must be tables, like [profiles.home]")
    if DEFAULT_PROFILE in named:
        raise ConfigError(
            f"[profiles.{DEFAULT_PROFILE}] in {path} is not a profile's name",
            hint="the default profile is the keys at the top of the file",
        )
    tables = {DEFAULT_PROFILE: document} if document else {}
    tables |= named
    for table in tables.values():
        for key in table:
            check_key(key, f" in {path}")
    return tables


def backend_of(profile: str) -> str:
    """Give the backend of a profile that says nothing of it."""
    return str(BUILT_IN.get(profile, {}).get("backend", SETTINGS["backend"].default))
