"""Files that are written whole or not at all, whatever comes between, and keep the permissions of what they replace."""

import errno
import os
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from cyem import files

NEW = b"new" * 50_000  # more than a buffer


def fill(file):
    file.write(NEW[:7])
    file.write(NEW[7:])


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    return path


def mode_of(path):
    return stat.S_IMODE(os.stat(path).st_mode)


@pytest.fixture(params=[0o000, 0o022, 0o077])
def umask(request):
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666, 0o755])
def test_the_mode_is_kept_and_never_more_open_in_between(path, umask, mode):
    path.chmod(mode)

    def look(file):
        assert mode_of(file.name) & ~mode == 0
        fill(file)

    files.write(path, look)
    assert path.read_bytes() == NEW
    assert mode_of(path) == mode


def test_a_new_file_has_the_mode_of_new_files(tmp_path, umask):
    files.write(tmp_path / "file", fill)
    assert (tmp_path / "file").read_bytes() == NEW
    assert mode_of(tmp_path / "file") == 0o666 & ~umask


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt(), SystemExit(3), OSError(errno.EIO, "no", "x")])
@pytest.mark.parametrize("new", [False, True])
def test_what_fails_changes_nothing(path, error, new):
    if new:
        path.unlink()

    def fail(file):
        fill(file)
        raise error

    with pytest.raises(type(error)) as caught:
        files.write(path, fail)
    assert caught.value is error
    assert getattr(error, "filename", "x") == "x"  # the error of somebody else's file goes on naming that
    assert os.listdir(path.parent) == ([] if new else ["file"])
    assert new or path.read_bytes() == b"old"


@pytest.mark.parametrize("step", ["fsync", "chmod", "replace"])
def test_a_full_disk_at_any_step(path, monkeypatch, step):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, step, full)
    with pytest.raises(OSError, match="No space left") as caught:
        files.write(path, fill)
    assert caught.value.filename == str(path)
    assert os.listdir(path.parent) == ["file"]
    assert path.read_bytes() == b"old"


def test_an_interrupt_at_any_moment(path):
    """Before each instruction of `write` in turn: old or new, and nothing beside it."""
    seen = set()
    for moment in range(10_000):
        path.write_bytes(b"old")
        if interrupted(moment, lambda: files.write(path, fill)):
            assert os.listdir(path.parent) == ["file"], moment
            seen.add(path.read_bytes())
        else:
            break
    assert moment > 50
    assert seen == {b"old", NEW}


def interrupted(moment, call):
    """Whether the call was interrupted: before instruction `moment` of `files.py`, unless that has fewer."""
    left = moment

    def trace(frame, event, _):
        nonlocal left
        if frame.f_code.co_filename != files.__file__:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            left -= 1
            if left == -1:
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys._getframe().f_trace_opcodes = True  # CPython 3.12 tells of instructions only where that is set before
    sys.settrace(trace)
    try:
        call()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_real_signal(path, number):
    """In the midst of writing, in a process that has signals raise."""
    program = (
        "import signal, sys, time\n"
        "from cyem import files\n"
        "def stop(*_): raise SystemExit(7)\n"
        "signal.signal(signal.SIGINT, stop); signal.signal(signal.SIGTERM, stop)\n"
        "def fill(file):\n"
        "    file.write(b'new')\n"
        "    print('writing', flush=True)\n"
        "    time.sleep(60)\n"
        "files.write(sys.argv[1], fill)"
    )
    with subprocess.Popen([sys.executable, "-c", program, path], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "writing\n"
        assert len(os.listdir(path.parent)) == 2
        process.send_signal(number)
    assert process.returncode == 7
    assert os.listdir(path.parent) == ["file"]
    assert path.read_bytes() == b"old"


def test_links_are_followed(path):
    link = path.parent / "link"
    link.symlink_to("file")
    files.write(link, fill)
    assert link.is_symlink() and path.read_bytes() == NEW
    link.unlink()
    link.symlink_to("not yet")
    files.write(link, fill)
    assert link.is_symlink() and (path.parent / "not yet").read_bytes() == NEW


@pytest.mark.parametrize("kind", [str, os.fsencode, Path])
def test_any_name_that_a_file_may_have(tmp_path, kind):
    for name in ("x" * 255, "größe", os.fsdecode(b"\xff"), "a\nb"):
        files.write(kind(str(tmp_path / name)), fill)
        assert (tmp_path / name).read_bytes() == NEW
        assert files.target(kind(str(tmp_path / name))) == (str(tmp_path.resolve() / name), mode_of(tmp_path / name))


def test_what_cannot_be_written_is_known_before(path):
    loop = path.parent / "loop"
    loop.symlink_to("loop")
    for bad, error, text in [
        (path.parent, OSError, "is not a regular file: give the name of a file"),
        ("", OSError, "'' is not a regular file"),
        ("/dev/null", OSError, "'/dev/null' is not a regular file"),
        (path.parent / "nowhere" / "file", FileNotFoundError, "No such folder: .*nowhere/file'"),
        (path / "file", NotADirectoryError, "file/file'"),
        (path.parent / ("x" * 256), OSError, "too long"),
        (loop, OSError, "loop'"),
    ]:
        for call in (files.target, lambda bad: files.write(bad, pytest.fail)):
            with pytest.raises(error, match=text):
                call(bad)
    assert sorted(os.listdir(path.parent)) == ["file", "loop"]


@pytest.mark.parametrize("protected", ["file", "folder"])
def test_what_is_write_protected_stays(protected):
    """As nobody, as root may write everything."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o555 if protected == "folder" else 0o777)
        path = Path(folder, "file")
        path.write_bytes(b"old")
        path.chmod(0o444 if protected == "file" else 0o666)
        if (child := os.fork()) == 0:
            try:
                if os.getuid() == 0:
                    os.setuid(65534)
                files.write(path, fill)
            except PermissionError as error:
                os._exit(7 if error.filename == str(path) else 8)
            finally:
                os._exit(9)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        assert path.read_bytes() == b"old"
        assert os.listdir(folder) == ["file"]
        os.chmod(folder, 0o700)
