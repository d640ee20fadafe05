"""Settings: the layers that each may come from, and which layer wins."""

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from asstctl import _folders
from asstctl._record import record
from asstctl._secrets import learn
from asstctl.config.settings import (
    AZURE_KEY,
    OPENAI_KEY,
    SETTINGS,
    VENDOR_VARIABLES,
    Settings,
    quoted,
    variable_name,
)
from asstctl.config.settings import DEFAULT_PROFILE as DEFAULT_PROFILE
from asstctl.config.values import check_key, checked, parsed, suggestion, unset
from asstctl.errors import ConfigError, NotFoundError
from asstctl.kind import DEFAULT, Kind

PRECEDENCE = ("command line", "environment", "file", "default")
"""The layers of a setting; the first that has it wins."""

BUILT_IN: Mapping[str, Mapping[str, Any]] = {
    kind.value: {"backend": kind} for kind in Kind if kind.facts.kept_here
}
"""Profiles that exist without being written."""


@record
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
        """Return the settings of `profile`, or of the chosen one.

        A named profile is closed: nothing of the environment enters it.
        Raises NotFoundError for a profile that does not exist, ConfigError for a wrong value.
        """
        name = profile or self.profile or DEFAULT_PROFILE
        known = {DEFAULT_PROFILE: {}, **BUILT_IN, **self.tables}
        if name not in known:
            raise NotFoundError(
                f"no profile {name!r} in {self.path}",
                hint=suggestion(name, known) or f"make it with: asstctl config init {quoted(name)}",
            )
        backend = self._find("backend", name, None)[0]
        found = {key: self._find(key, name, backend) for key in SETTINGS}
        values = {key: value for key, (value, _) in found.items()}
        origins = {key: source for key, (_, source) in found.items()}
        if backend and backend.facts.kept_here and not values["keep"]:
            raise ConfigError(
                f"keep can't be false for {name!r} ({origins['keep']}): nobody else has its threads"
            )
        return Settings(
            profile=name,
            origins=origins,
            folder=self.path.parent,
            key_variables=self.key_variables,
            written=bool(self.tables.get(name)),
            **values,
        )

    @property
    def untouched(self) -> bool:
        """Whether nobody chose a server: not by name, in the file, or in the environment."""
        chosen = self.profile or self.tables.get(DEFAULT_PROFILE) or self.flags.get("backend")
        samples = (name for names in VENDOR_VARIABLES.values() for name in names)
        begun = any(name in self.environment for name in samples)  # be it with `<insert ...>`
        return not (chosen or begun or offers(self.environment, DEFAULT))

    @property
    def key_variables(self) -> frozenset[str]:
        """The variables of the environment that any profile reads a key from."""
        named = (table.get("api_key_env") for table in self.tables.values())
        return frozenset(
            {AZURE_KEY, OPENAI_KEY, *(name for name in named if isinstance(name, str))}
        )

    def bare(self, backend: Kind) -> Settings:
        """Return settings that name a backend and nothing else: enough for threads kept here."""
        return Settings(profile=backend.value, origins={}, backend=backend)

    def speaks(self, profile: str, backend: str) -> bool:
        """Return whether there is a profile of this name for this backend."""
        try:
            return self.settings(profile).backend == backend
        except NotFoundError:
            return False

    def _find(self, key: str, profile: str, backend: Kind | None) -> tuple[Any, str]:
        """Return a setting's value from the first layer that has it, and its source."""
        for layer in PRECEDENCE:
            for value, source in self._layer(layer, key, profile, backend):
                if not unset(value):
                    return checked(key, value, source), source
        return SETTINGS[key].default, "default"

    def _layer(
        self, layer: str, key: str, profile: str, backend: Kind | None
    ) -> Iterator[tuple[Any, str]]:
        """Yield the values that one layer may hold for a setting, each with its source."""
        if layer == "command line":
            yield self.flags.get(key), layer
        elif layer == "environment" and profile == DEFAULT_PROFILE:  # others are closed
            vendors = VENDOR_VARIABLES.get(key, ())
            names = (variable_name(key), *(() if backend and backend.facts.kept_here else vendors))
            for variable in names:
                text = self.environment.get(variable)
                yield None if unset(text) else parsed(key, str(text), variable), variable
        elif layer == "file":
            yield self.tables.get(profile, {}).get(key), str(self.path)
        elif layer == "default":
            yield BUILT_IN.get(profile, {}).get(key), "built in"
            yield backend.facts.endpoint if backend and key == "endpoint" else None, "default"


def offers(environment: Mapping[str, str], backend: Kind) -> dict[str, str]:
    """Return the settings that the environment has for a profile of that backend, by key."""
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
    found = Config(
        path=chosen,
        tables=tables_of(read(chosen), chosen),
        environment=environment,
        flags=flags or {},
        profile=profile or environment.get("ASSTCTL_PROFILE") or None,
    )
    for name in found.key_variables:  # whichever is used: none is ever shown
        learn(environment.get(name))
    return found


def usual_path(environment: Mapping[str, str]) -> Path:
    """Return the path of the settings file: `ASSTCTL_CONFIG`, or in platformdirs' config folder."""
    if given := environment.get("ASSTCTL_CONFIG"):
        return Path(given).expanduser()
    return Path(_folders.config(environment), "config.toml")


def read(path: Path) -> dict[str, Any]:
    """Return the document in a settings file, {} where there is no file; raises ConfigError."""
    try:
        return tomllib.loads(path.read_text("utf-8-sig"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path} is not TOML: {error}", hint="asstctl config edit opens it"
        ) from error
    except RecursionError as error:
        raise ConfigError(f"{path} is nested too deeply") from error
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


def backend_of(profile: str) -> Kind:
    """Return the backend of a profile that names none."""
    found: Kind = BUILT_IN.get(profile, {}).get("backend", SETTINGS["backend"].default)
    return found
