"""
The files that pages are made of, from folders and from what this service makes itself.

Each text is compressed once, at the start; what callers take plain, and a range of it, is read from
its folder.
"""

import mimetypes
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from starlette.types import Scope

from services.web.brand import KINDS as BRAND_KINDS
from services.web.compression import VARIES, Compressed, compress, takes_compressed

FOR_GOOD = "public, max-age=31536000, immutable"
REVALIDATE = "no-cache"
KINDS = frozenset((".css", ".js", ".svg"))
# Of texts, which travel compressed; pictures and fonts are compressed in themselves.
MEDIA_TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}
FILE_HEADERS = {"Cross-Origin-Resource-Policy": "same-origin"}
# What not every machine knows.
for ending, kind in BRAND_KINDS.items():
    mimetypes.add_type(kind, ending)


class Files(StaticFiles):
    """
    The files of folders of the kinds that pages are made of, and nothing else of them.

    A file is served from the first folder that has it; `made` are texts by their names.
    """

    def __init__(
        self,
        folders: Sequence[Path],
        version: str,
        made: Mapping[str, str] = MappingProxyType({}),
        *,
        kinds: Collection[str] = KINDS,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        super().__init__(directory=folders[0])
        self.all_directories = list(folders)
        self._made = made
        self._kinds = kinds
        self._headers = {**FILE_HEADERS, **headers}
        self._version = version
        self._compressed = dict(self._compress())

    async def get_response(self, path: str, scope: Scope) -> Response:
        version, _, rest = path.partition("/")
        named = version == self._version
        wanted = rest if named else path
        answer = await self._answer(wanted, scope)
        answer.headers.update(self._headers)
        answer.headers["Cache-Control"] = FOR_GOOD if named else REVALIDATE
        if wanted in self._compressed:
            answer.headers["Vary"] = VARIES
        return answer

    async def _answer(self, wanted: str, scope: Scope) -> Response:
        asked = Headers(scope=scope)
        compressed = self._compressed.get(wanted)
        if compressed and takes_compressed(asked):
            tag = {"ETag": compressed.etag}
            if compressed.is_known(asked):
                return NotModifiedResponse(Headers(tag))
            answer = compressed.answer()
            answer.headers.update(tag)
            return answer
        if wanted in self._made:
            return Response(self._made[wanted], media_type=MEDIA_TYPES[Path(wanted).suffix])
        if Path(wanted).suffix in self._kinds:
            return await super().get_response(wanted, scope)
        raise HTTPException(404)

    def _compress(self) -> Iterator[tuple[str, Compressed]]:
        """Compress each text, under its name."""
        texts = {name: text.encode() for name, text in self._made.items()}
        for folder in map(Path, self.all_directories):
            for path in folder.rglob("*"):
                name = path.relative_to(folder).as_posix()
                if self._is_text(path, folder) and name not in texts:
                    texts[name] = path.read_bytes()
        for name, text in texts.items():
            if compressed := compress(text, MEDIA_TYPES[Path(name).suffix]):
                yield name, compressed

    def _is_text(self, path: Path, folder: Path) -> bool:
        """Whether a path is a text of the folder, and no link that leads out of it."""
        kind = path.suffix in self._kinds and path.suffix in MEDIA_TYPES
        return kind and path.is_file() and path.resolve().is_relative_to(folder.resolve())
