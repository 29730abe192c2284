"""From the passes of one deployment without faults to all the strikes at it."""

import errno
import signal

from striking import Strike

ROLES = {"supervisor": "supervisor", "keeper": "keeper", "proxy": "proxy", "deploy": "command line"}


def part(role, point):
    """Which part of Slipway a point belongs to, in the table's words."""
    if point.startswith("journal"):
        return "journal"
    if point.startswith("artifacts/"):
        return "artifacts"
    if point.startswith("proxy/routes"):
        return "route table"
    if point.startswith("keeper/"):
        return "keeper's state"
    if "/" in point or point.startswith("."):
        return "runtime's files"
    return ROLES[role]


def is_file(point):
    return point.endswith((".write", ".sync", ".rename"))


def strikes(role, point, number):
    """All that may happen at one pass."""
    for when in ("before", "after"):
        yield Strike("killed", ROLES[role], role, point, number, when)
    if role == "supervisor" and not is_file(point):
        for when in ("before", "after"):
            for other in ("keeper", "proxy"):
                yield Strike("killed", other, role, point, number, when, target=other)
        yield Strike("stopped (SIGSTOP)", "proxy", role, point, number, target="proxy", value=int(signal.SIGSTOP))
    where = part(role, point)
    if not is_file(point):
        if role == "supervisor" and point not in ("gates.mark", "signal", "spawn"):
            yield Strike("refused (EIO)", where, role, point, number, action="errno", value=errno.EIO)
        return
    if point.endswith(".write"):
        yield Strike("no space (ENOSPC)", where, role, point, number, action="errno", value=errno.ENOSPC)
        yield Strike("short write", where, role, point, number, action="short", value=0)
        yield Strike("torn write", where, role, point, number, action="torn", value=0)
    yield Strike("device error (EIO)", where, role, point, number, action="errno", value=errno.EIO)


def enumerate_strikes(passes):
    found = []
    seen = set()
    for role, point, number in passes:
        if role in ROLES and (role, point, number) not in seen:
            seen.add((role, point, number))
            found += strikes(role, point, int(number))
    return found
