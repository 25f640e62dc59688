"""Disks of this machine, where an installation keeps something on it."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

from deploy.ctl.doctor.findings import Examined, Problem

FREE_SHARE_MIN = 0.10


async def look(examined: Examined) -> AsyncIterator[Problem]:
    """Look at the disks of secrets, archives and copies; not at those of other machines."""
    places = {examined.secrets, Path.cwd()}
    if examined.archive and "://" not in examined.archive:
        places.add(Path(examined.archive))
    for place in sorted(each for each in places if each.is_dir()):
        usage = shutil.disk_usage(place)
        if usage.free < FREE_SHARE_MIN * usage.total:
            free, total = usage.free // 1_000_000, usage.total // 1_000_000
            yield Problem(str(place), f"{free} MB of {total} MB are free")
