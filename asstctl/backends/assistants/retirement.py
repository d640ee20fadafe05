"""Hosts whose threads API ended on 2026-08-26, or will end."""

from asstctl.config.settings import Settings

RETIRED = {
    "api.openai.com": "its threads are gone; -p NAME chooses another server",
    ".openai.azure.com": "a Foundry project endpoint speaks it until 2027-03-31",
}
"""Hosts whose threads API ended, and what can still be done."""


def way_out(host: str) -> str | None:
    """Return what can still be done at a host whose threads API ended, None for any other."""
    return next((way for name, way in RETIRED.items() if host.endswith(name)), None)


def retirement(host: str) -> str:
    """Return in words that the threads API of a host ended."""
    return f"the threads API at {host} was retired on 2026-08-26"


def ended(settings: Settings) -> tuple[str, str] | None:
    """Return in words that a profile's threads API ended, or will, and the way out; else None."""
    if settings.project:
        words = f"classic agents at {settings.host} end on 2027-03-31; copies outlast them"
        return words, "asstctl threads copy --remote --to PROFILE"
    way = way_out(settings.host)
    return (retirement(settings.host), way) if way else None
