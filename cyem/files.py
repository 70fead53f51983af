"""Writing files whole: a reader sees the old file or the new one, and what fails leaves the old one."""

import errno
import os
import secrets
import stat


def target(path):
    """Where a file of this name is written to, links followed, and the permissions of what it replaces, or None.

    Raises
    ------
    OSError
        If no file can be written there, as far as can be told before: no such folder, no permission, a name that is too
        long or that of something else than a file.
    """
    name, real = os.fspath(named(path)), os.path.realpath(os.fsdecode(path))
    folder = os.path.dirname(real)
    try:
        mode = os.stat(real).st_mode
    except FileNotFoundError:
        mode = None
    if mode is not None and not stat.S_ISREG(mode):
        raise OSError(f"{name!r} is not a regular file: give the name of a file")
    if not os.path.isdir(folder):
        raise FileNotFoundError(errno.ENOENT, "No such folder", name)
    if not all(os.access(needed, os.W_OK) for needed in (folder, *([] if mode is None else [real]))):
        raise PermissionError(errno.EACCES, "No permission to write", name)
    return real, None if mode is None else mode & 0o777


def named(path, parameter="path"):
    """The path, if it is one.

    Raises
    ------
    TypeError
        If it is something else; `parameter` is what the message calls it.
    """
    if not isinstance(path, str | bytes | os.PathLike):
        raise TypeError(f"{parameter} is a {type(path).__name__}, and must be the name of a file.")
    return path


def same(path, other):
    """Whether two names lead to one file, which need not be there yet."""
    try:
        return os.path.samefile(path, other)
    except OSError:  # at least one is not there
        return os.path.realpath(path) == os.path.realpath(other)


def write(path, fill):
    """Write a file beside the target, then put it in its place.

    If anything raises, be it an interrupt, the target is what it was before, or is not there if it was not. A file that
    replaces another keeps its permissions; a new one has those that new files have.

    Parameters
    ----------
    path : str, bytes or path
        The target. A link is followed.
    fill : callable
        Called with a file that is open for writing bytes.

    Raises
    ------
    OSError
        If the file cannot be written; it names `path`.
    """
    real, mode = target(path)
    temporary = os.path.join(os.path.dirname(real), f".{secrets.token_hex(8)}.tmp")  # as short as any name may be

    def opened(name, flags):
        return os.open(name, flags, 0o666 if mode is None else mode)  # nobody may read it who may not in the end

    try:
        with open(temporary, "xb", opener=opened) as file:
            fill(file)
            file.flush()
            os.fsync(file.fileno())
        if mode is not None:
            os.chmod(temporary, mode)  # also what the umask took
        os.replace(temporary, real)
    except BaseException as error:
        try:  # noqa: SIM105 - first of all and without a call in Python, so that no second interrupt can come before
            os.unlink(temporary)
        except FileNotFoundError:
            pass
        if isinstance(error, OSError) and error.filename in (None, temporary):
            error.filename, error.filename2 = os.fspath(path), None  # the one that was asked for
        raise
