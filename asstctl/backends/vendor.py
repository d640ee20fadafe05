"""Files of a service, through the vendor's client, which is imported when a file is wanted."""

import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, cast

from asstctl.backends.stream import SHAPELESS
from asstctl.errors import AsstctlError, AuthError, UnavailableError, UnsupportedError
from asstctl.parts import FileRef
from asstctl.wire.pages import NO_PATH
from asstctl.wire.wire import Wire

if TYPE_CHECKING:
    from openai import OpenAI
    from openai._types import Headers
    from openai.types import FilePurpose

PIECE = 1 << 20
"""Bytes of a file that are read at once."""

PAGE = 100
"""Files that are asked for at once."""

LISTED = 1000
"""Files among which one is looked for."""

GONE = (404, 410)

LATER = (408, 409, 429)
"""Statuses after which a file may be had another time, beside those of 500 and more."""

BROKEN = 500


class Files:
    """The files of the service at the end of a wire.

    Methods raise UnsupportedError where the service refuses a file for good, with its words, and
    UnavailableError or AuthError where another attempt may have it.
    """

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def close(self) -> None:
        """Close the connections."""
        if "_client" in self.__dict__:
            self._client.close()

    def facts(self, file_id: str, container: str = "") -> FileRef:
        """Return what the service knows of a file, of those of a container if one is named."""
        with self._translated():
            if container:
                files = self._client.containers.files
                made = files.retrieve(file_id, container_id=container, extra_headers=self._extra)
                name = str(made.path or "").rpartition("/")[2]
                size = made.bytes if isinstance(made.bytes, int) else None
                return FileRef(file_id, name=name, size=size)
            found = self._client.files.retrieve(file_id, extra_headers=self._extra)
            size = found.bytes if isinstance(found.bytes, int) else None
            return FileRef(file_id, name=str(found.filename or ""), size=size)

    def content(self, file_id: str, container: str = "") -> Generator[bytes]:
        """Yield a file's contents."""
        with self._translated():
            if container:
                made = self._client.containers.files.content.with_streaming_response
                with made.retrieve(
                    file_id, container_id=container, extra_headers=self._extra
                ) as answer:
                    yield from answer.iter_bytes(PIECE)
                return
            kept = self._client.files.with_streaming_response
            with kept.content(file_id, extra_headers=self._extra) as answer:
                yield from answer.iter_bytes(PIECE)

    def upload(self, purpose: str, file: FileRef, path: Path) -> str:
        """Upload the contents at a path under the name of a file; return its id there."""
        with self._translated(), path.open("rb") as content:
            whole = (file.name, content, file.media_type or None)
            once = self._client.with_options(max_retries=0)  # a file must not be there twice
            made = once.files.create(
                file=whole, purpose=cast("FilePurpose", purpose), extra_headers=self._extra
            )
            if not (isinstance(made.id, str) and made.id):
                raise UnavailableError(
                    f"{self._wire.host} took a file and did not say its id", retryable=True
                )
            return made.id

    def uploads(self, purpose: str, file: FileRef, made: tuple[float, float]) -> Iterator[str]:
        """Yield the ids of the newest uploads with a file's name and size, made between times."""
        with self._translated():
            listed = self._client.files.list(
                purpose=purpose, order="desc", limit=PAGE, extra_headers=self._extra
            )
            for found in islice(listed, LISTED):
                same = (found.filename, found.bytes) == (file.name, file.size)
                same = same and found.purpose in (purpose, None)
                if same and made[0] <= found.created_at <= made[1]:
                    yield found.id

    def delete(self, file_id: str) -> None:
        """Delete a file; one that the service says is gone already is no error."""
        try:
            with self._translated():
                self._client.files.delete(file_id, extra_headers=self._extra)
        except UnsupportedError as error:
            if not (error.status in GONE and file_id in error.message):
                raise

    @cached_property
    def _client(self) -> "OpenAI":
        """The vendor's client, which speaks as the wire does: same origin, key, headers and query.

        It follows no redirects, so that no key leaves its origin.
        """
        import openai  # takes as long as many answers

        access = self._wire.access()
        return openai.OpenAI(
            api_key="in the headers",
            base_url=self._wire.endpoint,
            default_headers=access.headers,
            default_query=access.query,
            timeout=self._wire.timeout,
            http_client=openai.DefaultHttpxClient(follow_redirects=False),
        )

    @cached_property
    def _extra(self) -> "Headers":
        """Headers of each request: none of the client's own, where the key is in another one."""
        import openai

        signed = any(name.lower() == "authorization" for name in self._wire.access().headers)
        return {} if signed else {"Authorization": openai.Omit()}

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn the errors of the vendor's client into ours."""
        import openai

        host = self._wire.host
        try:
            yield
        except openai.APIStatusError as error:
            said = error.body.get("message") if isinstance(error.body, dict) else None
            raise _refused(error.status_code, str(said or error.message), host) from error
        except (openai.OpenAIError, transport_error(), *SHAPELESS) as error:
            raise UnavailableError(f"no file from {host}: {error}", retryable=True) from error


def transport_error() -> type[Exception]:
    """Return the class of all errors of the HTTP package that the vendor's client stands on."""
    import openai

    package = openai.DefaultHttpxClient.__mro__[1].__module__.partition(".")[0]
    found: type[Exception] = sys.modules[package].HTTPError
    return found


def _refused(status: int, words: str, host: str) -> AsstctlError:
    if status in (401, 403) and "download" not in words.lower():
        return AuthError(f"{host} refuses the key for files: {words}", status=status)
    if (status >= BROKEN and status not in NO_PATH) or status in LATER:
        return UnavailableError(f"no file from {host}: {words}", status=status, retryable=True)
    return UnsupportedError(words.rstrip("."), status=status)
