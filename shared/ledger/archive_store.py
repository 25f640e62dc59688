"""
Where archives are: a folder, or a bucket of object storage that speaks the API of S3.

`OVATION_ARCHIVE` names it for every process that archives or reads: `/srv/ovation-archive`, or
`s3://bucket/prefix?region=eu-central-1&endpoint_override=storage.example`, with the credentials as
AWS's own tools find them. Files are written once under names that hold their hash, so nothing is
ever overwritten.
"""

import os
from functools import cache
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlsplit

from shared.errors import Kind, Refusal

VARIABLE = "OVATION_ARCHIVE"
S3_SCHEME = "s3://"
# What the address of a bucket may say after `?`.
S3_OPTIONS = ("region", "scheme", "endpoint_override", "tls_ca_file_path")
# A request that waits for an archive holds a session: a store that is silent costs it 10 s.
S3_ATTEMPTS_MAX = 3


class ArchiveUnavailable(Refusal):
    """An archive of the ledger is not available now; nothing was done, try again."""

    kind = Kind.UNAVAILABLE


class ArchiveStore(Protocol):
    """Files that are written once; every method blocks."""

    def write(self, name: str, content: bytes) -> None:
        """
        Write a file so that it outlives a crash, or raise ArchiveUnavailable.

        The same file may be written again.
        """
        ...

    def read(self, name: str) -> bytes:
        """Return a file, or raise ArchiveUnavailable."""
        ...


class FolderStore:
    """A folder: of a disk that is backed up, or of a network."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, name: str, content: bytes) -> None:
        # A folder that somebody mistyped, or whose disk is not mounted, is not made here.
        if not self._folder.is_dir():
            raise ArchiveUnavailable(archive=name, reason=f"there is no folder {self._folder}")
        try:
            self._write(name, content)
        except OSError as error:
            raise ArchiveUnavailable(archive=name, reason=str(error)) from error

    def _write(self, name: str, content: bytes) -> None:
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        made = path.with_name(f".{path.name}.{os.getpid()}")
        with made.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        made.replace(path)
        # The names too: those of folders that are new, up to the one that was there.
        for folder in (path.parent, *path.parent.parents):
            _flush_names(folder)
            if folder == self._folder:
                break

    def read(self, name: str) -> bytes:
        try:
            return (self._folder / name).read_bytes()
        except OSError as error:
            raise ArchiveUnavailable(archive=name, reason=str(error)) from error


class S3Store:
    """A bucket, through pyarrow's own client of S3; a file appears whole or not at all."""

    def __init__(self, address: str) -> None:
        from pyarrow import fs  # noqa: PLC0415 - 40 MB, which only a process that archives pays for

        parsed = urlsplit(address)
        options: Any = dict(parse_qsl(parsed.query))
        if unknown := sorted(options.keys() - set(S3_OPTIONS)):
            raise ArchiveUnavailable(reason=f"{VARIABLE} has the option {unknown[0]}")
        if "endpoint_override" in options:
            # The client sends a checksum after the content, which other vendors refuse. What was
            # written is read back and compared in any case.
            os.environ.setdefault("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required")
        self._prefix = f"{parsed.netloc}{parsed.path}".rstrip("/")
        self._files = fs.S3FileSystem(
            **options,
            retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=S3_ATTEMPTS_MAX),
            # One request writes a small file: nothing of an upload that fails is left.
            allow_delayed_open=True,
        )

    def write(self, name: str, content: bytes) -> None:
        try:
            with self._files.open_output_stream(self._path(name)) as file:
                file.write(content)
        except OSError as error:
            raise ArchiveUnavailable(archive=name, reason=str(error)) from error

    def read(self, name: str) -> bytes:
        try:
            with self._files.open_input_stream(self._path(name)) as file:
                content: Any = file.read()
        except OSError as error:
            raise ArchiveUnavailable(archive=name, reason=str(error)) from error
        return bytes(content)

    def _path(self, name: str) -> str:
        return f"{self._prefix}/{name}"


def open_store(address: str | None = None) -> ArchiveStore:
    """Open where archives are, by default as the environment says."""
    address = address or os.environ.get(VARIABLE)
    if not address:
        raise ArchiveUnavailable(reason=f"{VARIABLE} does not say where archives are")
    return _bucket(address) if address.startswith(S3_SCHEME) else FolderStore(Path(address))


# Its connections are kept.
_bucket = cache(S3Store)


def _flush_names(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
