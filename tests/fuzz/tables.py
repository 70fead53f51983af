"""Tables of all kinds, and what only looks like one: `tables.read` and the command line answer or say why not.

    python tests/fuzz/tables.py --seconds 60 --seed 0    # exit status 1 after a case that failed, with its seed

A case is a file of text, .npy or neither, mutated or not. What is read must be a matrix of finite numbers and gaps, and
of .npy files what NumPy reads, where it does; by Polars and by Python alike. What is refused must be refused by
ValueError or OSError, on the command line by exit code 2 and lines without control characters.
"""

import contextlib
import io
import os
import resource
import struct
import tempfile
import tokenize

import driver
import numpy as np

from cyem import GaussianMixture, cli
from cyem.rows import library, tables
from cyem.show import text

MEMORY = 4 << 30  # bytes of addresses that a case may take
COMMANDS = 0.15  # share of the cases that ask the command line
TOKENS = [
    *(b"", b",", b";", b"\t", b" ", b"\n", b"\r", b"\r\n", b'"', b'""', b"\0", b"\xef\xbb\xbf", b"\xff", b"\xed\xa0"),
    *(b"nan", b"inf", b"-", b"1e999", b"1_0", b"0x1", b"9" * 400, b"9" * 5000, b"1" * 140_000, b"a," * 3000, b"\x1b["),
    *(b"\x93NUMPY", b"\x01\x00", b"\x02\x00", b"{", b"}", b"(", b")", b"'", b"True", b"False", b"'shape': (1, 1)"),
    *(b"'descr'", b"'<f8'", b"'|O'", "\u202e\u0663\u00a0\x85\u2028".encode()),
]
NAMES = ["x", "y", "length (mm)", "1", "2-3", "", "é", "a,b", "a;b", 'q"q', "a\nb", "\x1b[31m", "nan", "_", "long" * 50]
FIELDS = [
    lambda rng: repr(rng.normal()),
    lambda rng: f"{rng.normal():.17g}e{rng.integers(-330, 310)}",
    lambda rng: str(rng.integers(-9, 9)),
    lambda rng: rng.choice(NAMES),
    lambda rng: rng.choice(["NA", "nan", "", "inf", "."]),
]
VALUES = ["", "0", "1", "-1", "2", "1-2", "x", "x,y", "2-1", "9" * 30, "9" * 5000, "nan", "\x1b[31m", "\udcff", ","]


def content(rng):
    """The bytes of a file."""
    made = [*[text_table] * 5, *[array] * 4, noise][rng.integers(10)](rng)
    return driver.mutated(rng, made, TOKENS) if rng.random() < 0.4 else made


def text_table(rng):
    n, d = rng.integers(0, 70), rng.choice([1, 2, 2, 2, 3, 6])
    separator, end = rng.choice([",", ";", "\t", " ", ", ", "|"]), rng.choice(["\n", "\r\n", "\r"])
    wild = rng.random() < 0.1

    def field():
        made = FIELDS[rng.integers(len(FIELDS)) if wild else 0](rng)
        return '"{}"'.format(made.replace('"', '""')) if rng.random() < 0.05 or set(made) & set(',;"\n ') else made

    rows = [[field() for _ in range(d)] for _ in range(n)]
    if rng.random() < 0.5:
        rows.insert(0, ['"{}"'.format(rng.choice(NAMES).replace('"', '""')) for _ in range(d)])
    code = rng.choice(["utf-8"] * 8 + ["utf-8-sig", "utf-16", "latin-1"])
    return end.join(map(separator.join, rows)).encode(code, "replace")


def array(rng):
    """A .npy file as NumPy writes it, or with a header that says something else."""
    kinds = ["<f8"] * 7 + [">f8", "<f4", "<f2", "<i8", "<u2", "|b1", "<f16", "<c8", "|O", "<U3", "f8", "=f8", "<f3"]
    shape = tuple(rng.integers(0, 9, size=rng.choice([2] * 7 + [1, 3])).tolist())
    if rng.random() < 0.1:
        shape = tuple(rng.choice([-1, 2**31, 2**32, 2**62, 10**18], size=len(shape)).tolist())
    entries = [f"'descr': '{rng.choice(kinds)}'", f"'fortran_order': {rng.random() < 0.5}", f"'shape': {shape}"]
    if rng.random() < 0.2:
        rng.shuffle(entries)
    header = ("{" + ", ".join(entries[: rng.choice([3, 3, 3, 2])]) + ", }").encode() + b" " * rng.integers(20) + b"\n"
    major = rng.choice([1, 1, 2, 3, 4])
    size = struct.pack("<H" if major == 1 else "<I", len(header))
    values = rng.normal(size=int(rng.choice([100, 100, 3]))).tobytes()
    return b"\x93NUMPY" + bytes([major, 0]) + size + header + values


def noise(rng):
    return rng.bytes(rng.integers(200))


# --- what must hold --------------------------------------------------------------------------------------------------


def attempt(rng):
    made = content(rng)
    path = rng.choice(["table.csv", "table.npy", "\x1b[31mtable"])
    with open(path, "wb") as file:
        file.write(made)
    return ask(rng, path) if rng.random() < COMMANDS else read(rng, path, made)


def read(rng, path, made):
    """Read a file, perhaps some columns of it."""
    keep, drop = ([rng.choice(VALUES)] if rng.random() < 0.1 else [] for _ in range(2))
    answers = []
    for library.SMALL in (1 << 60, 0):
        try:
            answers.append(tables.read(path, lambda names, width, other: tables.columns(names, width, keep, drop)))
        except (ValueError, OSError) as error:
            assert path in str(error)
            answers.append(str(error))
    table, other = answers
    if isinstance(table, str):
        assert table == other, (table, other)
        return "refused"
    X, names, *_ = table
    assert names == other.names
    np.testing.assert_array_equal(X, other.X)
    assert X.ndim == 2 and X.size and X.dtype.kind in "biuf"
    assert names is None or (len(names) == X.shape[1] and all(isinstance(name, str) for name in names))
    if not made.startswith(tables.MAGIC):
        assert X.dtype == np.float64 and not np.isinf(X).any()
    elif not keep and not drop:
        same = expected(path)
        assert same is None or (X.dtype == same.dtype and X.tobytes() == same.tobytes())
    return "read"


def expected(path):
    """What NumPy reads; None where it is stricter with a header, by whatever error its parsers have for that."""
    with open(path, "rb") as file:
        try:
            return np.lib.format.read_array(file)
        except (ValueError, SyntaxError, tokenize.TokenError):
            return None


def ask(rng, path):
    """Ask the command line."""
    options = {
        "score": ["--rows", "--json", "--columns", "--drop", "--weights"],
        "predict": ["--proba", "--json", "--columns", "--drop", "--append", "--id", "--missing", "--decimal", "--skip"],
        "sample": ["-n", "--seed", "--components", "--json"],
        "fit": ["--components", "--seed", "--tol", "--structure", "--columns", "--weights", "--threads"],
        "select": ["--criterion", "--json", "--columns", "--drop", "--structures", "--n-init", "--time-budget"],
    }
    verb = rng.choice(list(options))
    files = {"score": ["model", path], "predict": ["named", path], "sample": [rng.choice(["model", "named", path])],
             "fit": [path, "-o", "out", "--max-iter", "3"],
             "select": [path, "--components", "1-2", "--structures", "spherical", "--max-iter", "3"]}
    argv = [verb, *files[verb]]
    for option in rng.choice(options[verb], size=rng.integers(3)).tolist():
        argv.append(option)
        if option not in ("--rows", "--proba", "--json", "--append") and (verb, option) != ("sample", "--components"):
            argv[-1] += ("" if option == "-n" else "=") + rng.choice(VALUES)
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = cli.main(argv)
        except SystemExit as stop:
            code = stop.code
    *_, last = err.getvalue().splitlines() or [""]
    assert code in (0, 2, cli.STOPPED), (argv, code)
    assert (code == 2) == last.startswith("cyem: error: "), (argv, code, last)
    shown = err.getvalue() + (out.getvalue() if verb in ("fit", "select") else "")
    assert not text.UNSAFE.search(shown.replace("\n", "")), argv
    return f"{verb} with code {code}"


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        model = GaussianMixture.from_parameters([0.5, 0.5], [[0, 0], [3, 3]], [[1, 1], [2, 1]], "diag")
        model.save("model")
        model.feature_names_in_ = np.array(["x", "y"], dtype=object)
        model.save("named")
        driver.run(__doc__, attempt)
