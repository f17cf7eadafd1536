"""Files where they lie: on a disk by their path, in an object store by an address that fsspec knows (``s3://``, ...).

Small, so that everything else of a replay is written once for both.
"""

from __future__ import annotations

import fnmatch
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, cast

from tensorboard_plugin_gradcam.installing import missing

WILDCARDS = "*?["


def is_remote(path: str) -> bool:
    """Say whether a path is an address of an object store."""
    return "://" in path


def text_of(path: str | os.PathLike[str]) -> str:
    """Return a path as text, a local one without ``~``."""
    text = os.fspath(path)
    return text if is_remote(text) else os.path.expanduser(text)


def join(folder: str, *names: str) -> str:
    """Return a path within a folder."""
    return "/".join([folder.rstrip("/"), *names]) if is_remote(folder) else os.path.join(folder, *names)


def name_of(path: str) -> str:
    """Return a path's last part."""
    return path.rstrip("/").rpartition("/")[2] if is_remote(path) else os.path.basename(os.path.normpath(path))


def folder_of(path: str) -> str:
    """Return the folder that a path lies in."""
    return path.rstrip("/").rpartition("/")[0] if is_remote(path) else os.path.dirname(path)


def is_folder(path: str) -> bool:
    """Say whether a path is a folder."""
    if not is_remote(path):
        return os.path.isdir(path)
    system, inner = _system(path)
    return bool(system.isdir(inner))


def exists(path: str) -> bool:
    """Say whether there is a file or a folder."""
    if not is_remote(path):
        return os.path.exists(path)
    system, inner = _system(path)
    return bool(system.exists(inner))


def listed(folder: str) -> list[str]:
    """Return the paths of what is in a folder, sorted; nothing where there is no such folder."""
    if not is_remote(folder):
        with suppress(FileNotFoundError):
            return sorted(os.path.join(folder, name) for name in os.listdir(folder))
        return []
    system, inner = _system(folder)
    system.invalidate_cache()
    try:
        found = system.ls(inner, detail=False)
    except FileNotFoundError:
        return []
    return sorted(system.unstrip_protocol(one).rstrip("/") for one in found if one.rstrip("/") != inner.rstrip("/"))


def matching(pattern: str) -> list[str]:
    """Return the paths that a pattern with ``*``, ``?``, ``[...]`` or ``**`` matches, sorted."""
    if not is_remote(pattern):
        import glob

        return sorted(glob.glob(pattern, recursive=True))
    system, inner = _system(pattern)
    return sorted(system.unstrip_protocol(one) for one in system.glob(inner))


def changed_at(path: str) -> float:
    """Return when a file was last written, in seconds since 1970; 0 where nothing tells."""
    if not is_remote(path):
        return os.stat(path).st_mtime
    system, inner = _system(path)
    with suppress(NotImplementedError, FileNotFoundError, KeyError):
        return float(system.modified(inner).timestamp())
    return 0.0


def size_of(path: str) -> int:
    """Return a file's bytes."""
    if not is_remote(path):
        return os.stat(path).st_size
    system, inner = _system(path)
    return int(system.size(inner) or 0)


def opened(path: str) -> BinaryIO:
    """Return a file, open for reading."""
    if not is_remote(path):
        return open(path, "rb")
    system, inner = _system(path)
    return cast("BinaryIO", system.open(inner, "rb"))


def read(path: str) -> bytes:
    """Return what a file holds."""
    with opened(path) as file:
        return file.read()


def write(path: str, data: bytes) -> None:
    """Write a file whole or not at all: whoever finds it finds all of it, also after this process was killed."""
    with replacing(path) as file:
        file.write(data)


@contextmanager
def replacing(path: str) -> Iterator[BinaryIO]:
    """Yield a file to be written, which takes its place at `path` when the block ends, and never where it raises."""
    folder = None if is_remote(path) else os.path.dirname(path) or "."
    if folder is not None:
        os.makedirs(folder, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".writing-", delete=False) as file:
        try:
            yield cast("BinaryIO", file)
            file.flush()
            _put(file.name, path)
        finally:
            with suppress(OSError):
                os.unlink(file.name)


def _put(local: str, path: str) -> None:
    if is_remote(path):
        system, inner = _system(path)
        system.makedirs(folder_of(inner), exist_ok=True)
        system.put_file(local, inner)  # object stores show an object when it is complete
        return
    os.chmod(local, 0o666 & ~_umask())
    os.replace(local, path)


def remove(path: str) -> None:
    """Remove a file or a folder with all that is in it; do nothing where there is none."""
    if is_remote(path):
        system, inner = _system(path)
        with suppress(FileNotFoundError):
            system.rm(inner, recursive=True)
    elif os.path.isdir(path):
        import shutil

        shutil.rmtree(path, ignore_errors=True)
    else:
        Path(path).unlink(missing_ok=True)


def named_like(paths: list[str], pattern: str) -> list[str]:
    """Return the paths whose last part matches a pattern."""
    return [path for path in paths if fnmatch.fnmatch(name_of(path), pattern)]


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _system(path: str) -> tuple[Any, str]:
    try:
        import fsspec
    except ImportError as error:
        raise missing(path, error.name, "replay") from error
    try:
        system, inner = fsspec.core.url_to_fs(path)
    except (ImportError, ValueError) as error:  # of a store whose package is missing, or that is none
        raise ImportError(f"{path} can't be reached: {error}") from error
    return system, str(inner)
