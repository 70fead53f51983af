"""Files as people have them are read right or refused with the right advice, none is misread in silence."""

import builtins
import re
import runpy
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from cyem import cli
from cyem.cli import input, options
from cyem.notices import EXTRAS
from cyem.rows import fields, library, tables

CORPUS = runpy.run_path(str(Path(__file__).with_name("dialects.py")))["dialects"]()
NEEDS = {"table.xlsx": "fastexcel", "table.csv.zst": "zstandard"}  # of the test extra
ENGINES = {"csv": 1 << 60, "polars": 0}  # bytes of text from which on Polars reads it


def features(name, told=""):
    """What a fit would see of a file: its numbers and the names of its columns."""
    arguments = options.parser().parse_args(["fit", name, "-o", "model", *shlex.split(told)])
    X = input.samples(arguments).X
    return (X.X, X.names) if isinstance(X, input.Frame) else (X, None)


@pytest.fixture(params=ENGINES)
def engine(request, monkeypatch):
    monkeypatch.setattr(library, "SMALL", ENGINES[request.param])


@pytest.mark.parametrize("dialect", CORPUS, ids=[dialect.name for dialect in CORPUS])
def test_every_file_is_read_right_or_refused_with_advice(dialect, engine, tmp_path, monkeypatch):
    if dialect.name in NEEDS:
        pytest.importorskip(NEEDS[dialect.name])
    monkeypatch.chdir(tmp_path)
    (tmp_path / dialect.name).write_bytes(dialect.content)
    if dialect.advice:
        with pytest.raises(ValueError, match=dialect.advice):
            features(dialect.name, dialect.options)
        return
    X, names = features(dialect.name, dialect.options)
    np.testing.assert_array_equal(X, dialect.X)
    assert names == dialect.names


def test_the_corpus_is_large_enough():
    assert len(CORPUS) >= 60 and len({dialect.name for dialect in CORPUS}) == len(CORPUS)


def test_a_table_of_whole_numbers_is_one(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("day,month\n1,01\n2,02\n")
    assert tables.read(path).X.tolist() == [[1, 1], [2, 2]]


NUMBERS = st.integers(0, 3).flatmap(
    lambda places: st.decimals(-99_999_999, 99_999_999, places=places, allow_nan=False, allow_infinity=False))


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 4).flatmap(lambda d: st.lists(st.lists(NUMBERS, min_size=d, max_size=d), min_size=1, max_size=20)),
    st.sampled_from([(",", ".", ""), (";", ",", ""), (";", ",", "."), ("\t", ".", ","), ("|", ",", "\u202f"),
                     (" ", ".", ""), (" ", ",", ""), (";", ".", "'")]),
    st.sampled_from(["utf-8", "utf-8-sig", "cp1252", "utf-16"]), st.sampled_from(["\n", "\r\n", "\r"]),
    st.booleans(), st.booleans(), st.sampled_from(sorted(ENGINES)),
)
@example([[1]], (";", ",", "."), "utf-8", "\n", True, False, "csv")
def test_numbers_are_never_others(tmp_path_factory, rows, marks, code, end, header, quoted, engine):
    """Whatever a table is written in, its numbers come back, or it is asked how it is written."""
    separator, decimal, thousands = marks
    d = len(rows[0])
    assume(d > 1 or header or decimal == ".")  # 1,5 may be two numbers

    def form(x):
        text = f"{x:,}" if thousands else f"{x}"
        text = text.translate(str.maketrans({",": thousands or ",", ".": decimal})) if code != "cp1252" or (
            thousands != "\u202f") else f"{x}".replace(".", decimal)
        return f'"{text}"' if quoted else text

    lines = [separator.join(["Länge", "b", "c", "d"][:d])] * header + [separator.join(map(form, row)) for row in rows]
    path = tmp_path_factory.mktemp("tables") / "x.txt"
    path.write_bytes((end.join(lines) + end).encode(code))
    before, library.SMALL = library.SMALL, ENGINES[engine]
    try:
        X, names, *_, notes = tables.read(path)
    except ValueError as error:
        assert "--" in str(error) or "decimal" in str(error), error  # an option that says it
        return
    finally:
        library.SMALL = before
    if np.array_equal(X, np.array(rows, float)):
        assert names == (("Länge", "b", "c", "d")[:d] if header else None)
    else:  # only what nobody can tell: points that may be those of thousands, and this is said
        assert decimal == "," and any("points are taken" in note for note in notes)


@pytest.mark.parametrize(("field", "kind"), [
    ("2024-02-29", "dates"), ("29.2.24", "dates"), ("2/29/2024", "dates"), ("29 Feb 2024", "dates"),
    ("2024-02-29T12:30:00Z", "dates"), ("12:30", "dates"), ("Feb 29, 2024", "dates"),
    ("red", "text"), ("A12", "text"), ("12-34", "text"), ("1.2.3.4", "text"), ("TRUE", "text"), ("", "empty"),
    ("1", "numbers"), ("-1.5e-7", "numbers"), ("5 kg", "numbers"), ("12%", "numbers"), ("$5", "numbers"),
])
def test_what_a_column_holds(field, kind):
    assert fields.forms([[field] * 12])[0].kind == kind


@pytest.mark.parametrize(("decimal", "thousands", "field", "value"), [
    (".", "", "1e-5", 1e-5), (".", "", "\u22122", -2), (".", "", "1D3", 1e3), (".", "", "1_000", None),
    (".", "", "0x10", None), (".", "", "1,5", None), (",", "", "1,5", 1.5), (",", "", "1.5", None),
    (",", ".", "1.234,5", 1234.5), (",", ".", "1.5", None), (",", ".", "12.34", None), (".", ",", "1,234,567", 1234567),
    (".", ",", "1,23", None), (".", "'", "1'234", 1234), (",", "\u00a0", "1\u00a0234,5", 1234.5),
    (".", "", "\u0663", None),
])
def test_numbers_of_a_form(decimal, thousands, field, value):
    assert fields.Form(decimal=decimal, thousands=thousands).number(field) == value


def test_all_complaints_come_at_once(tmp_path, capsys):
    path = tmp_path / "wrong.csv"
    path.write_text("a,b,c\n1,2,3\n2,x,4\n3,4,5 kg\n4,1,9\n5,2\n6,3,8\n7,x,8\n")
    assert cli.main(["select", str(path)]) == 2
    assert [line.split(": ", 3)[3] for line in capsys.readouterr().err.splitlines()] == [
        "row 5 (line 6) has 2 columns, the first line has 3; --separator says what stands between columns, --skip how "
        "many lines are none",
        "row 2 (line 3), column 2 (b): 'x' is not a number, nor are 1 more; --missing x takes it for missing, --drop b "
        "leaves the column out",
        "row 3 (line 4), column 3 (c): '5 kg' is not a number; numbers with different units are not compared: convert "
        "them, or --drop c leaves the column out",
    ]


@pytest.mark.parametrize(("name", "package"), [
    ("table.parquet", "polars"), ("table.arrow", "polars"), ("table.xlsx", "fastexcel"),
    ("table.csv.zst", "zstandard")])
def test_without_the_extra_it_is_named(name, package, tmp_path, monkeypatch):
    path = tmp_path / name
    path.write_bytes(next(dialect.content for dialect in CORPUS if dialect.name == name))
    real = builtins.__import__

    def without(module, *arguments, **named):
        if module.partition(".")[0] in (package, "compression"):
            raise ImportError(module)
        return real(module, *arguments, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ValueError, match=re.escape("cyem[files], which is not installed: pip install polars")):
        tables.read(path)


def test_without_the_extra_text_is_read_all_the_same(tmp_path, monkeypatch):
    """Also large text, which Polars would read."""
    path = tmp_path / "x.csv"
    path.write_text("x;y\n1,5;2\n2,5;3\n")
    monkeypatch.setattr(library, "SMALL", 0)
    monkeypatch.setitem(sys.modules, "polars", None)
    assert tables.read(path).X.tolist() == [[1.5, 2], [2.5, 3]]


def test_the_extras_are_those_of_the_package():
    metadata = pytest.importorskip("importlib.metadata").requires("cyem")
    for extra, packages in EXTRAS.items():
        needed = {re.match(r"[\w-]+", line)[0] for line in metadata if re.search(f"extra == ['\"]{extra}['\"]", line)}
        assert set(packages) <= needed or not needed, extra


def test_years_beside_words_may_be_a_header(tmp_path):
    """As files of the World Bank begin; the years were taken for a row before."""
    path = tmp_path / "rates.csv"
    path.write_text("Country,Code,1960,1961,1962\nAruba,ABW,4.8,4.7,4.5\nAngola,AGO,7.3,7.4,7.5\nMalta,MLT,,3.1,3.0\n")
    with pytest.raises(ValueError, match="may name the columns or be a row of numbers: --header"):
        tables.read(path)
