"""A full disk: the error names the file, what was there is there, nothing lies beside it, and what was found is told.

On a small disk of its own, where root may mount one, and with a limit to the size of files.
"""

import os
import resource
import subprocess
from contextlib import contextmanager

import numpy as np
import pytest

import cyem
from cyem import cli

ROOM = 100  # bytes of a file beyond which there is none


@contextmanager
def limited():
    """No file grows beyond ROOM."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def filled(folder):
    """Nothing more goes into a folder, whose disk is a small one."""
    ballast = folder / "ballast"
    with pytest.raises(OSError, match="No space left"), open(ballast, "wb", buffering=0) as file:
        while True:
            file.write(b"\0" * 4096)
    yield
    ballast.unlink()


@pytest.fixture(params=["disk", "limit"])
def full(request, tmp_path):
    """A folder with table.csv and a file "old" in it, and a context within which it is full."""
    folder = tmp_path / "full"
    folder.mkdir()
    mounted = request.param == "disk"
    if mounted:
        mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
        if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
            pytest.skip("no disk can be mounted here")
    np.savetxt(folder / "table.csv", np.random.default_rng(0).normal(size=(50, 2)), delimiter=",")
    (folder / "old").write_bytes(b"old")
    yield folder, filled(folder) if mounted else limited()
    if mounted:
        subprocess.run(["umount", str(folder)], check=True)


def read(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def save(model, X, path):
    model.save(path)


def report(model, X, path):
    cyem.report(model, X, path, figures=False)


@pytest.mark.parametrize("write", [save, report])
@pytest.mark.parametrize("name", ["old", "new"])
def test_functions(full, write, name):
    folder, filling = full
    X = np.loadtxt(folder / "table.csv", delimiter=",")
    model, before = cyem.GaussianMixture(random_state=0).fit(X), read(folder)
    with filling, pytest.raises(OSError, match=r"No space left|File too large") as caught:
        write(model, X, folder / name)
    assert caught.value.filename == os.fspath(folder / name)
    assert read(folder) == before
    write(model, X, folder / name)
    assert len(read(folder)[name]) > 1000


FIT = "Gaussian mixture, 1 component"
SEARCH = "--components 1 --structures spherical"


@pytest.mark.parametrize(("command", "name", "told"), [
    ("fit {table} -o {file}", "old", FIT),
    ("fit {table} -o {file} --json", "old", '"n_components": 1'),
    (f"select {{table}} {SEARCH} -o {{file}}", "old", "* best by bic"),
    (f"select {{table}} {SEARCH} --plot {{file}}", "new.png", "* best by bic"),
    (f"select {{table}} {SEARCH} --plot-model {{file}} --json", "new.svg", '"criterion": "bic"'),
    (f"report {{table}} {SEARCH} -o {{file}}", "old", "* best by bic"),
    (f"report {{table}} {SEARCH} -o {{file}} --json", "old", '"report": null'),
])
def test_commands(full, capsys, monkeypatch, command, name, told):
    """What a command has found, it tells even so."""
    folder, filling = full
    monkeypatch.setattr("cyem.reporting.pictures.drawn", lambda *_: {})  # which takes most of the time
    before, file = read(folder), folder / name
    with filling:
        code = cli.main(command.format(table=folder / "table.csv", file=file).split())
    out, err = capsys.readouterr()
    assert code == 2
    assert err in [f"cyem: error: {file}: {why}\n" for why in ("No space left on device", "File too large")]
    assert told in out
    assert read(folder) == before
