"""
Where archives are: a folder, or a bucket of object storage that speaks the API of S3.

`OVATION_ARCHIVE` names it for every process that archives or reads: `/srv/ovation-archive`, or
`s3://bucket/prefix?region=eu-central-1&endpoint_override=storage.example`, with the credentials as
AWS's own tools find them. Files are written once under names that hold their hash, so nothing is
ever overwritten.
"""

import os
from pathlib import Path
from typing import Any, Protocol

from shared.errors import Kind, Refusal

VARIABLE = "OVATION_ARCHIVE"
S3_SCHEME = "s3://"


class ArchiveUnavailable(Refusal):
    """An archive of the ledger cannot be read now; nothing was done, try again."""

    kind = Kind.UNAVAILABLE


class ArchiveStore(Protocol):
    """Files that are written once; every method blocks."""

    def write(self, name: str, content: bytes) -> None:
        """Write a file so that it outlives a crash; the same file may be written again."""
        ...

    def read(self, name: str) -> bytes:
        """Return a file, or raise ArchiveUnavailable."""
        ...


class FolderStore:
    """A folder: of a disk that is backed up, or of a network."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, name: str, content: bytes) -> None:
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

    def __init__(self, url: str) -> None:
        from pyarrow import fs  # noqa: PLC0415 - 40 MB, which only a process that archives pays for

        self._files, self._prefix = fs.FileSystem.from_uri(url)

    def write(self, name: str, content: bytes) -> None:
        with self._files.open_output_stream(self._path(name)) as file:
            file.write(content)

    def read(self, name: str) -> bytes:
        try:
            with self._files.open_input_stream(self._path(name)) as file:
                content: Any = file.read()
        except OSError as error:
            raise ArchiveUnavailable(archive=name, reason=str(error)) from error
        return bytes(content)

    def _path(self, name: str) -> str:
        return f"{self._prefix.rstrip('/')}/{name}"


def open_store(address: str | None = None) -> ArchiveStore:
    """Open where archives are, by default as the environment says."""
    address = address or os.environ.get(VARIABLE)
    if not address:
        raise ArchiveUnavailable(reason=f"{VARIABLE} does not say where archives are")
    return S3Store(address) if address.startswith(S3_SCHEME) else FolderStore(Path(address))


def _flush_names(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
