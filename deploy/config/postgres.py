"""
PostgreSQL's settings as they are shipped: Compose and the local servers have them from here.

What makes a commit durable (`fsync`, `full_page_writes`, `synchronous_commit`) stays as it is.
Two more were tried and left alone. `wal_compression = pglz` halves the WAL of pages written for
the first time after a checkpoint, and doubles what PostgreSQL's processor does for each row (31 to
64 us). `commit_delay` has nothing to gain: we commit in batches, and a run without waiting for the
disk at all was no faster.
"""

from collections.abc import Iterator, Mapping

SETTINGS: Mapping[str, str] = {
    # 15 instances of services with 20 sessions each, 60 while one is rolled, and operators.
    "max_connections": "500",
    # The balances and indexes that every batch touches stay in memory; the rest the kernel caches.
    "shared_buffers": "256MB",
    # A page that changes for the first time after a checkpoint is written whole: 2.7 kB of WAL for
    # each row of a batch, instead of about 0.4. So checkpoints are rare. They cost time once,
    # after a crash: at most about 1 GB of WAL is applied again, in ten seconds or so.
    "checkpoint_timeout": "15min",
    "max_wal_size": "2GB",
}
# What a machine of its own has beyond this, with 8 GB: a quarter of it, and what operators ask for.
PRODUCTION: Mapping[str, str] = {
    **SETTINGS,
    "shared_buffers": "2GB",
    "log_min_duration_statement": "1s",
    "log_lock_waits": "on",
}


def arguments(settings: Mapping[str, str]) -> Iterator[str]:
    """Return settings as arguments of `postgres`."""
    for name, value in settings.items():
        yield from ("-c", f"{name}={value}")
