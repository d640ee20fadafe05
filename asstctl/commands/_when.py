"""Times as people write them."""

import re
from datetime import datetime, timedelta

import typer

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def since_when(text: str, now: datetime) -> float:
    """Read a date, a time or a duration before `now`; return seconds since 1970 UTC.

    A date or time without an offset is in the machine's zone. Raises typer.BadParameter.
    """
    try:
        if found := re.fullmatch(r"(\d+)([smhdw])", text.strip()):
            return (now - timedelta(**{UNITS[found[2]]: int(found[1])})).timestamp()
        moment = datetime.fromisoformat(text.strip())
        return moment.timestamp()  # where it names no zone: the machine's, as it was then
    except (ValueError, OverflowError):
        raise typer.BadParameter(
            f"{text!r} is no time; try 2026-11-22, 2026-11-22T10:00, 90m, 2h, 3d or 1w",
            param_hint="--since",
        ) from None
