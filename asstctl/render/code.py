"""The last code of a reply, alone: for pipes."""

from asstctl.errors import AsstctlError
from asstctl.events import Stream, TextDelta
from asstctl.fences import last_code
from asstctl.render import Surface
from asstctl.render.terminal import harmless


def render(reply: Stream, surface: Surface) -> None:
    """Write the last fenced code of a reply; raises AsstctlError for a reply without any."""
    said = []
    for event in reply:
        surface.notes.write(event)
        if isinstance(event, TextDelta):
            said.append(event.text)
    surface.notes.pause()
    code = last_code("".join(said))
    if code is None:
        raise AsstctlError("the reply has no fenced code", hint="asstctl threads history shows it")
    surface.out.write(harmless(code) if surface.out.isatty() else code)
    surface.out.flush()
