"""Checks of all that a command depends on: settings, key, server, store, completion."""

import platform
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Literal

from asstctl import __version__, credentials
from asstctl._mounts import REMOTE_SYSTEMS, file_system
from asstctl._record import record
from asstctl.backends import Backend
from asstctl.backends.assistants.retirement import ended
from asstctl.config import Config
from asstctl.config.settings import SETTINGS, Settings
from asstctl.errors import (
    AsstctlError,
    AuthError,
    ConfigError,
    NotFoundError,
    UnsupportedError,
)
from asstctl.events import Prompt, TextDelta
from asstctl.kind import Kind
from asstctl.model import count
from asstctl.session import Session
from asstctl.store.database import SQLITE
from asstctl.store.store import FILE
from asstctl.wire.pages import NO_PATH, lacking, models, pages
from asstctl.wire.requests import at, get
from asstctl.wire.wire import Wire

State = Literal["ok", "warning", "failed"]

ANSWER_SECONDS = 15.0
"""How long a probe waits for a server."""

BETA = {"OpenAI-Beta": "assistants=v2"}
"""Headers without which some servers hide their threads."""

PROBE = "resp_asstctl_doctor"
"""The id of a response that no server has."""

PROMPT = "Reply with the one word: yes"


@record
class Check:
    """One thing that was checked, and how it stands; `hint` is what to do.

    `details` are facts beside it, a line each; `error` is why it failed.
    """

    name: str
    state: State
    text: str
    hint: str | None = None
    details: tuple[str, ...] = ()
    error: AsstctlError | None = None


def failed(name: str, error: AsstctlError) -> Check:
    """Return the check that an error ended."""
    return Check(name, "failed", error.message, error.hint, error=error)


def checks(session: Session, home: Path, *, ask: bool) -> Iterator[Check]:
    """Yield every check, one after the other; with `ask` one prompt is said to a new thread.

    That thread is deleted at once. Without it nothing is posted to any server.
    """
    yield versions()
    config = session.config
    try:
        settings = config.settings()
    except AsstctlError as error:
        yield failed("settings", error)
    else:
        yield chosen(config, settings)
        if not config.untouched:
            yield from connected(session, settings, ask=ask)
    yield from stored(session)
    yield completion(config.environment, home)


def without_settings(
    error: AsstctlError, environment: Mapping[str, str], home: Path
) -> Iterator[Check]:
    """Yield the checks that need no settings, and the error of those."""
    yield versions()
    yield failed("settings", error)
    yield completion(environment, home)


def versions() -> Check:
    """Return the versions, which are always well."""
    told = f"asstctl {__version__}, Python {platform.python_version()}"
    return Check("versions", "ok", f"{told}, SQLite {SQLITE}, {sys.platform}")


def chosen(config: Config, settings: Settings) -> Check:
    """Check that a server was chosen; the settings that were set are its details."""
    origins = {key: settings.origins[key] for key in SETTINGS if settings.origins[key] != "default"}
    file = str(config.path)
    set_ = tuple(
        f"{key} = {getattr(settings, key)}  ({'file' if origin == file else origin})"
        for key, origin in origins.items()
    )
    if config.untouched:
        text, hint = "no server is chosen", f"{settings.command} config init"
        return Check("settings", "failed", text, hint, set_, error=ConfigError(text))
    return Check("settings", "ok", f"profile {settings.profile!r}, {config.path}", None, set_)


# The server


def connected(session: Session, settings: Settings, *, ask: bool) -> Iterator[Check]:
    """Check the key, the server, who replies, and what the server is known to lack."""
    try:
        signing = credentials.signing(settings, session.environment)
        backend = session.backend(settings)
        session.check(None)
    except AsstctlError as error:
        yield failed("profile", error)
        return
    if settings.backend is Kind.ASSISTANTS and (words := ended(settings)):
        yield Check("retired", "warning", *words)
    yield Check("key", "ok", "there is one" if signing else "none is set")
    if settings.endpoint:
        lacks = session.store.abilities.lacking(settings.endpoint)
        there = reached(backend, settings)
        yield there
        if there.state == "failed":  # nothing else could be asked
            return
        if not (settings.azure or settings.project):
            wire = Wire(settings.endpoint, signing, ANSWER_SECONDS, tell=silent, headers=BETA)
            with closing(wire):
                yield spoken(wire, settings)
        yield from replies(backend, settings)
        if lacks:
            session.store.abilities.forget(settings.endpoint)
            text = f"was found to lack: {', '.join(lacks)}; the next prompt asks for it again"
            yield Check("abilities", "warning", text)
    if ask:
        yield asked(session)


def silent(_: object) -> None:
    """Do nothing: pauses of a probe are not told."""


def reached(backend: Backend, settings: Settings) -> Check:
    """Check that the server answers, and takes the key."""
    started = time.monotonic()
    try:
        if settings.backend is Kind.ASSISTANTS:
            next(iter(backend.assistants()), None)
        else:
            backend.models()
    except AsstctlError as error:
        if isinstance(error, UnsupportedError) or error.status in NO_PATH:
            return Check("server", "ok", f"{settings.host} answers, and has no such list")
        if isinstance(error, AuthError) and not error.hint:
            error.hint = f"{settings.command} config set api_key_env VARIABLE"
        return failed("server", error)
    took = time.monotonic() - started
    return Check("server", "ok", f"{settings.host} answered in {took * 1000:.0f} ms")


def spoken(wire: Wire, settings: Settings) -> Check:
    """Check that the server speaks the profile's wire; others that it speaks are named."""
    probes: Mapping[Kind, tuple[str, Callable[[], object]]] = {
        Kind.ASSISTANTS: ("threads", lambda: next(iter(pages(wire, "/assistants", limit=1)), None)),
        Kind.RESPONSES: (
            "conversations or responses",
            lambda: wire.call(get(at("responses", PROBE))),
        ),
        Kind.LOCAL: ("chat completions", lambda: models(wire)),
    }
    found = [kind for kind, (_, probe) in probes.items() if speaks(wire, probe)]
    names = ", ".join(probes[kind][0] for kind in found) or "none that asstctl knows"
    if settings.backend in found:
        return Check("wire", "ok", f"it speaks {names}")
    hint = f"{settings.command} config set backend {found[0]}" if found else None
    return Check("wire", "warning", f"it seems to speak {names}", hint)


def speaks(wire: Wire, probe: Callable[[], object]) -> bool:
    """Return whether a server knows a path: an object that is not there is an answer too."""
    try:
        with lacking(wire.host, "say it"):
            probe()
    except UnsupportedError:
        return False
    except NotFoundError as error:
        return PROBE in error.message.replace(f"/{PROBE}", "")  # it is about the object
    except AsstctlError:
        return False
    return True


def replies(backend: Backend, settings: Settings) -> Iterator[Check]:
    """Check that who replies is there."""
    try:
        if settings.assistant_id and settings.backend is Kind.ASSISTANTS:
            found = backend.assistant(None)
            yield Check("assistant", "ok", f"{found.id} {found.name} ({found.model})")
        elif settings.agent and settings.backend is Kind.RESPONSES:
            yield Check("agent", "ok", backend.assistant(None).id)
        elif settings.model:
            there = settings.model in backend.models()
            text = f"{settings.model} {'is there' if there else 'is not in the list of models'}"
            hint = None if there else f"{settings.command} config set model NAME"
            yield Check("model", "ok" if there else "warning", text, hint)
    except UnsupportedError:
        return  # it lists none: nobody can say
    except AsstctlError as error:
        if not (settings.model and error.status in NO_PATH):
            error.hint = error.hint or f"{settings.command} assistants list"
            yield failed("who replies", error)


def asked(session: Session) -> Check:
    """Return how one prompt to a new thread went; the thread is deleted."""
    started = time.monotonic()
    text = ""
    try:
        with closing(session.say(None, Prompt(PROMPT))) as reply:
            for event in reply:
                text += event.text if isinstance(event, TextDelta) else ""
        took = time.monotonic() - started
        done = Check("reply", "ok", f"{text.strip()[:60]!r} in {took:.1f} s; its thread is deleted")
    except AsstctlError as error:
        done = failed("reply", error)
    if thread := session.current:
        try:
            session.holder(thread).delete(thread.id)
            session.store.forget(thread)
        except AsstctlError as error:
            return Check("reply", "warning", f"{thread.id} is left there: {error.message}")
    return done


# This machine


def stored(session: Session) -> Iterator[Check]:
    """Check the store: whether it is sound, its size, and the disk that it is on."""
    path = session.data / FILE
    if not path.exists():
        yield Check("store", "ok", f"none yet; it will be {path}")
        return
    from asstctl.store.salvage import sound

    size = f"{path}, {path.stat().st_size / 1e6:.1f} MB"
    if not sound(str(path), ANSWER_SECONDS):
        error = AsstctlError(f"{path} is damaged", hint="the next command that writes mends it")
        yield failed("store", error)
        return
    try:
        threads = session.store.index.count()
    except AsstctlError as error:
        yield failed("store", error)
        return
    yield Check("store", "ok", f"sound: {size}, {count(threads, 'thread')}")
    if (system := file_system(path)) in REMOTE_SYSTEMS:
        text = f"the store is on a network file system ({system}), whose locks may not hold"
        yield Check("disk", "warning", text, "ASSTCTL_DATA moves it")
    elif (free := shutil.disk_usage(path.parent).free) < 2 * path.stat().st_size:
        yield Check("disk", "warning", f"{free / 1e6:.0f} MB are free where the store is")


def completion(environment: Mapping[str, str], home: Path) -> Check:
    """Check that a new shell of the user's completes."""
    from asstctl.completion.install import SCRIPTS, loaded, shell_of, shipped, targets

    shell = shell_of(environment)
    if shell not in SCRIPTS:
        return Check("completion", "warning", f"there is none for {shell or 'an unknown shell'}")
    target = targets(environment, home)[shell]
    hint = f"asstctl --install-completion {shell}"
    if not target.exists():
        return Check("completion", "warning", f"not installed for {shell}", hint)
    if target.read_text("utf-8", errors="replace") != shipped(SCRIPTS[shell]):
        return Check("completion", "warning", f"{target} is of another version", hint)
    if loaded(shell, environment) is False:
        return Check("completion", "warning", f"{target} is not loaded by a new {shell}", hint)
    return Check("completion", "ok", f"{target}")
