"""What commands print and write: text, tables, JSON, and one line for each thing that has to be said."""

import csv
import io
import json
import math
import os
import sys
from contextlib import contextmanager

from .. import files
from ..notices import not_installed
from ..show.text import printable

TABLES = (".csv", ".parquet")  # which files of tables end in
LONG = 500  # characters of a message, of whose middle the rest is left out
SCHEMA = 1  # of what --json prints, see `cyem.cli.schema`; counted up where a program that reads it has to change


def hold_streams():
    """Let closed standard streams lead nowhere: of the files that are opened, the first would take their places."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)


@contextmanager
def output():
    """The standard output, to the end; if it takes no more, it leads nowhere from then on."""
    try:
        yield sys.stdout
        sys.stdout.flush()
    except OSError as error:
        _abandon(sys.stdout)
        error.filename = "standard output"
        raise


def _abandon(stream):
    """Lead a stream nowhere: what it could not write would be tried once more at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def show(*lines):
    """Print lines."""
    with output() as stream:
        print(*lines, sep="\n", file=stream)


def show_json(**values):
    """Print an object."""
    show(json.dumps({"schema": SCHEMA, **finite(values)}, indent=1, allow_nan=False))


def finite(value):
    """The same with null for NaN and infinity, which JSON does not have."""
    if isinstance(value, dict):
        return {name: finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def show_table(columns, path=None):
    """Print columns, pairs of names and lists, as CSV; or write them to a file, whose name says in which format."""
    if path is None:
        with output() as stream:
            _write_csv(columns, stream, printable if stream.isatty() else str)
    elif path.lower().endswith(".parquet"):
        import polars

        frame, content = polars.DataFrame([polars.Series(name, values) for name, values in columns]), io.BytesIO()
        frame.write_parquet(content)
        files.write(path, lambda file: file.write(content.getvalue()))
    else:
        content = io.StringIO(newline="")
        _write_csv(columns, content, str)
        files.write(path, lambda file: file.write(content.getvalue().encode()))


def _write_csv(columns, stream, shown):
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([shown(name) for name, _ in columns])
    writer.writerows(zip(*(values for _, values in columns), strict=True))


def can_be_written(path):
    """Raise ImportError or ValueError where a table cannot be written to a file of this name."""
    if not path.lower().endswith(TABLES):
        raise ValueError(f"{path!r} must end in {' or '.join(TABLES)}")
    if path.lower().endswith(".parquet"):
        try:
            import polars  # noqa: F401
        except ImportError:
            raise ImportError(not_installed("a Parquet file", "files")) from None


def say(message):
    """One line on the standard error, in place of a progress line."""
    if sys.stderr is None:  # closed: the exit code tells
        return
    text = printable(" ".join(str(message).split()))
    if len(text) > LONG:
        text = f"{text[: LONG // 2]} ... {text[-LONG // 2 :]}"
    clear = "\r\x1b[K" if sys.stderr.isatty() else ""
    try:
        print(f"{clear}cyem: {text}", file=sys.stderr, flush=True)
    except OSError:
        _abandon(sys.stderr)


def reason(error):
    """What an error says, with the file where it is about one."""
    if isinstance(error, OSError) and None not in (error.filename, error.strerror):
        return f"{error.filename or repr(error.filename)}: {error.strerror}"
    return str(error)


def listing(noun, names):
    """Names in a sentence, of many the first."""
    return f"{noun}{'s' * (len(names) != 1)} {some(map(repr, names))}"


def some(words, most=12):
    """Words with commas, of many the first."""
    words = list(words)
    return ", ".join([*words[:most], *["..."] * (len(words) > most)])
