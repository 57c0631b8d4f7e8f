"""The file of a backup: a gzipped tar that any ``tar`` opens, read here with distrust.

Members are ``manifest.json``, then what it names, in its order; nothing else. The reader knows
plain files only: it has no code that could follow a link, make a device or leave its folder,
and it never reads more of a member than the manifest promised.
"""

import gzip
import hashlib
import os
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path
from typing import BinaryIO

from ctm.backup.manifest import Manifest, damaged, read

BLOCK = 1024 * 1024
MANIFEST = "manifest.json"
LARGEST_MANIFEST = 64 * 1024 * 1024
LEVEL = 1
_HEADER = 512
_END = 64 * 1024

Watch = Callable[[int], None]


def ignore(_count: int) -> None:
    """A watch for whom progress is nothing."""


def digest_of(path: Path, watch: Watch = ignore) -> tuple[str, int]:
    """SHA-256 and size of a file."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as stream:
        while block := stream.read(BLOCK):
            digest.update(block)
            size += len(block)
            watch(len(block))
    return digest.hexdigest(), size


def write(path: Path, manifest: Manifest, places: dict[str, Path], watch: Watch = ignore) -> None:
    """Write an archive and flush it to the disk; ``places`` says where each member lies now."""
    description = manifest.to_bytes()
    stamp = int(manifest.made_at.replace(tzinfo=UTC).timestamp())
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as raw:
        with gzip.GzipFile("", "wb", LEVEL, raw, stamp) as out:
            out.write(_header(MANIFEST, len(description), stamp))
            out.write(description + _padding(len(description)))
            for member in manifest.members:
                out.write(_header(member.name, member.size, stamp))
                with places[member.name].open("rb") as source:
                    _pour(source, out, member.size, watch)
                out.write(_padding(member.size))
            out.write(bytes(2 * _HEADER))
        raw.flush()
        os.fsync(raw.fileno())


def _header(name: str, size: int, stamp: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.mode = size, stamp, 0o600
    return info.tobuf(tarfile.GNU_FORMAT)


def _padding(size: int) -> bytes:
    return bytes(-size % _HEADER)


def _pour(source: BinaryIO, out: gzip.GzipFile, size: int, watch: Watch) -> None:
    while size:
        block = source.read(min(BLOCK, size))
        if not block:
            raise damaged("a file grew shorter while it was copied")
        out.write(block)
        size -= len(block)
        watch(len(block))


class Reader:
    """An archive open for one pass: the manifest at once, then every member in order."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.manifest = read(self._exactly(self._size_of(MANIFEST, LARGEST_MANIFEST)))

    def _size_of(self, name: str, most: int) -> int:
        """The size in the next header, which must be a plain file called ``name``."""
        try:
            info = tarfile.TarInfo.frombuf(self._stream.read(_HEADER), "utf-8", "strict")
        except (tarfile.HeaderError, UnicodeDecodeError) as error:
            raise damaged(f"{name}: {error}") from None
        if info.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or info.name != name:
            raise damaged(f"{info.name!r:.80} where {name} should be")
        if not 0 <= info.size <= most:
            raise damaged(f"{name}: {info.size} bytes")
        return info.size

    def _exactly(self, size: int) -> bytes:
        data = self._stream.read(size)
        self._skip(size)
        if len(data) != size:
            raise damaged("it ends too early")
        return data

    def _skip(self, size: int) -> None:
        self._stream.read(-size % _HEADER)

    def copy(self, places: Callable[[str], Path | None], watch: Watch = ignore) -> None:
        """Read all members to the end and hold them against the manifest; each goes where
        ``places`` says, or nowhere.

        :raises InvalidInput: something is not as the manifest says.
        """
        for member in self.manifest.members:
            if self._size_of(member.name, member.size) != member.size:
                raise damaged(f"{member.name}: another size than its manifest says")
            place = places(member.name)
            if place is None:
                digest = self._pour(member.size, None, watch)
            else:
                place.parent.mkdir(parents=True, exist_ok=True)
                with place.open("xb") as out:
                    digest = self._pour(member.size, out, watch)
                    out.flush()
                    os.fsync(out.fileno())
            if digest != member.sha256:
                raise damaged(f"{member.name}: another checksum than its manifest says")
        rest = self._stream.read(_END + 1)
        if any(rest) or len(rest) > _END:
            raise damaged("something follows its end")

    def _pour(self, size: int, out: BinaryIO | None, watch: Watch) -> str:
        digest, left = hashlib.sha256(), size
        while left:
            block = self._stream.read(min(BLOCK, left))
            if not block:
                raise damaged("it ends too early")
            digest.update(block)
            if out is not None:
                out.write(block)
            left -= len(block)
            watch(len(block))
        self._skip(size)
        return digest.hexdigest()


@contextmanager
def opened(path: Path) -> Iterator[Reader]:
    """
    :raises InvalidInput: it is no archive of CTM, or damaged.
    """
    try:
        with gzip.open(path, "rb") as stream:
            yield Reader(stream)  # type: ignore[arg-type]
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise damaged(str(error)) from None
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        if error.filename is not None and Path(error.filename) != path:
            raise
        raise damaged(f"{path}: {error.strerror}") from None


def verify(path: Path, watch: Watch = ignore) -> Manifest:
    """Read the whole archive and hold every member against the manifest.

    :raises InvalidInput: something is not as the manifest says.
    """
    with opened(path) as reader:
        reader.copy(lambda _name: None, watch)
        return reader.manifest
