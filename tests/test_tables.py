"""Tables from files: every dialect gives the same numbers, and every error says where."""

import os
import re
import struct
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from cyem.rows import tables

NUMBERS = [[1.5, -2.0, 3e-7], [4.0, 5.25, 6.0]]


@pytest.fixture
def write(tmp_path):
    """``write(text)``: a file that holds the text or the bytes."""

    def write(content, name="table.csv"):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ("1.5,-2,3e-7\n4,5.25,6\n", None),
        ("1.5,-2,3e-7\n4,5.25,6", None),
        ("1.5;-2;3e-7\r\n4;5.25;6\r\n", None),
        ("1.5\t-2\t3e-7\n4\t5.25\t6\n", None),
        ("  1.5  -2 3e-7 \n4 \t 5.25   6\n", None),
        ("1.5, -2, 3e-7\n 4, 5.25 ,6\n", None),
        ('"1.5","-2","3e-7"\n"4","5.25","6"\n', None),
        ("\n1.5,-2,3e-7\n\n   \n4,5.25,6\n\n", None),
        ("1.5,-2,3e-7\r4,5.25,6\r", None),
        ("a,b,c\n1.5,-2,3e-7\n4,5.25,6\n", ("a", "b", "c")),
        ('a, "b", "c, d"\n1.5, -2, 3e-7\n4, 5.25, 6\n', ("a", "b", "c, d")),
        ("\ufeffa,b,c\r\n1.5,-2,3e-7\r\n4,5.25,6\r\n", ("a", "b", "c")),
        ('"a b";"c;d";"e\nf"\n1.5;-2;3e-7\n4;5.25;6\n', ("a b", "c;d", "e\nf")),
        ('"one, two" "three" x\n1.5 -2 3e-7\n4 5.25 6\n', ("one, two", "three", "x")),
        ("x,1990,1991\n1.5,-2,3e-7\n4,5.25,6\n", ("x", "1990", "1991")),
        (",b,nan\n1.5,-2,3e-7\n4,5.25,6\n", ("", "b", "nan")),
    ],
)
def test_dialects(write, content, names):
    X, found, *_ = tables.read(write(content))
    assert X.tolist() == NUMBERS
    assert found == names
    assert X.flags.c_contiguous and X.dtype == np.float64


def test_one_column(write):
    X, names, *_ = tables.read(write("fixed acidity\n1\n2.5\n"))
    assert X.tolist() == [[1.0], [2.5]]
    assert names == ("fixed acidity",)


def test_the_first_line_decides_nothing_alone(write):
    """A header with blanks in its names, in a table with commas; and a text column beside numbers is no header."""
    X, names, *_ = tables.read(write("net weight,gross weight in kg\n1,2\n3,4\n"))
    assert X.tolist() == [[1, 2], [3, 4]]
    assert names == ("net weight", "gross weight in kg")
    X, names, *_ = tables.read(write("5.1,3.5,setosa\n4.9,3.0,setosa\n"), lambda names, width, other: [0, 1])
    assert X.tolist() == [[5.1, 3.5], [4.9, 3.0]]
    assert names is None


@given(
    arrays(np.float64, array_shapes(min_dims=2, max_dims=2), elements=st.floats(allow_nan=False, allow_infinity=False)),
    st.sampled_from([",", ";", "\t", " "]),
    st.booleans(),
)
def test_numbers_come_back_bit_for_bit(tmp_path_factory, X, separator, header):
    lines = [separator.join(f"x{j}" for j in range(X.shape[1]))] * header
    lines += [separator.join(map(repr, row)) for row in X.tolist()]
    path = tmp_path_factory.mktemp("tables") / "x.txt"
    path.write_text("\n".join(lines))
    read, names, *_ = tables.read(path)
    assert read.tobytes() == X.tobytes()
    assert (names is not None) == header


def test_only_chosen_columns_need_be_numbers(write):
    path = write("name,x,y\nann,1,2\nbob,3,NA\n")
    X, names, *_ = tables.read(path, lambda names, width, other: tables.columns(names, width, keep=["x"]))
    assert X.tolist() == [[1], [3]]
    assert names == ("x",)
    X, names, *_ = tables.read(write("name,x,y\nann,1,2\n"), lambda names, width, other: [2, 1])
    assert X.tolist() == [[2, 1]]
    assert names == ("y", "x")


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int32])
def test_npy(tmp_path, dtype):
    X = np.arange(6, dtype=dtype).reshape(2, 3)
    path = tmp_path / "array"
    with open(path, "wb") as file:
        np.save(file, X)
    read, names, *_ = tables.read(path)
    assert read.dtype == dtype and (read == X).all() and names is None
    assert tables.read(path, lambda names, width, other: [2, 0])[0].tolist() == [[2, 0], [5, 3]]


@pytest.mark.parametrize("array", [np.zeros(3), np.array([["a"]]), np.array([[None]]), np.zeros((2, 2), complex)])
def test_npy_of_something_else(tmp_path, array):
    path = tmp_path / "array.npy"
    np.save(path, array, allow_pickle=True)
    with pytest.raises(ValueError, match=r"array\.npy: "):
        tables.read(path)


def npy(header, version=(1, 0)):
    """The bytes of a .npy file of six numbers whose header is any text."""
    size = struct.pack("<H" if version == (1, 0) else "<I", len(header))
    return b"\x93NUMPY" + bytes(version) + size + header.encode() + np.arange(6.0).tobytes()


def entries(descr="'<f8'", fortran_order=False, shape=(2, 3)):
    return f"{{'descr': {descr}, 'fortran_order': {fortran_order}, 'shape': {shape}, }}"


@pytest.mark.parametrize("dtype", [">f8", "<f4", "<f2", ">i2", "u1", "?", np.longdouble])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_npy_of_every_kind(tmp_path, dtype, order, version):
    X = np.array([[0, 1, 1], [3, 0, 5]]).astype(dtype, order=order)
    path = tmp_path / "array"
    with open(path, "wb") as file:
        np.lib.format.write_array(file, X, version)
        file.write(b"what follows is not its own")
    read, *_ = tables.read(path)
    assert read.dtype == X.dtype and read.tobytes() == X.tobytes()


@pytest.mark.parametrize("header", [
    '{"shape":(2,3),"fortran_order":False,"descr":"<f8"}',
    "{'descr': '<f8', 'fortran_order': False, 'shape': (2L, 3L), }\n",
])
def test_npy_of_other_writers(write, header):
    assert tables.read(write(npy(header)))[0].tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize("header", [
    *(entries()[:-3], "{'descr' '<f8' :}", "", "(" * 5000, "{" + " " * 60_000 + "}", entries() + " or more"),
    *(entries().replace("', ", "' "), entries().replace("'descr'", "'descr\""), entries(shape="(02, 3)")),
    *("{" + "'shape': (1, 1), " * 900 + "}", "{'descr': '<f8', 'shape': (2, 3), }", entries(fortran_order=3)),
    *(entries("'|O'"), entries("[('a', '<f8')]"), entries("3"), entries(shape=(6,)), entries(shape=(1, 2, 3))),
    *(entries(shape=(True, 2)), entries(shape=(-2, -3)), entries(shape=(10**30, 0)), entries(shape=("9" * 5000, 3))),
])
@pytest.mark.parametrize("version", [(1, 0), (3, 0)])
def test_npy_headers_that_are_not_those_of_tables(write, header, version):
    with pytest.raises(ValueError, match=r"csv: no \.npy file of numbers .* its header is ") as caught:
        tables.read(write(npy(header, version)))
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize(("content", "message"), [
    (npy(entries("'<f3'")), "there is no type of numbers '<f3'"),
    (npy(entries(shape=(2**32, 2**32))), "the file is truncated: by its header it holds 4294967296 x 4294967296"),
    (npy(entries(shape=(10**17, 9))), "the file is truncated"),
    (npy(entries())[:-1], "the file is truncated: by its header it holds 2 x 3 numbers, 48 bytes, and there are 47"),
    (npy(entries(shape=(10**17, 0))), "the file is empty: by its header it holds"),
    (npy(entries())[:7], r"no .npy file, or one of a version that is not known: b'\x01'"),
    (npy(entries(), (4, 0)), r"no .npy file, or one of a version that is not known: b'\x04\x00'"),
])
def test_npy_that_is_damaged(write, content, message):
    with pytest.raises(ValueError, match=re.escape(f"table.csv: {message}")):
        tables.read(write(content))


@pytest.mark.parametrize("content", ["1;2\n3;4\n", b"\x93NUMPY"])
def test_standard_input(tmp_path, content):
    program = "from cyem.rows import tables; X, names, *_ = tables.read('-'); print(X.tolist(), names)"
    if isinstance(content, bytes):
        with open(tmp_path / "x.npy", "wb") as file:
            np.save(file, np.array([[1.0, 2.0], [3.0, 4.0]]))
        content = (tmp_path / "x.npy").read_bytes()
    else:
        content = content.encode()
    ran = subprocess.run([sys.executable, "-c", program], input=content, capture_output=True, check=True)
    assert ran.stdout.decode().strip() == "[[1.0, 2.0], [3.0, 4.0]] None"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the file is empty"),
        ("\n  \n", "the file is empty"),
        ("a,b\n", "no row of numbers under the header"),
        ("a,b\n1,2\n3\n", "row 2 (line 3) has 1 columns, the first line has 2"),
        ("1,2\n\n3,4,5\n", "row 2 (line 3) has 3 columns, the first line has 2"),
        ("a,b\n1,2\n3,x\n", "row 2 (line 3), column 2 (b): 'x' is not a number"),
        ("1,2\n3,x\n", "row 2 (line 2), column 2: 'x' is not a number"),
        ("a,b\n\n1,2\n3,4_5\n", "row 2 (line 4), column 2 (b): '4_5' is not a number"),
        ("1,5;2\n3;4.5\n", "row 1 (line 1), column 1: '1,5' is not a number; write decimals with a point, or"),
        ("1,2\n3,inf\n", "row 2 (line 2), column 2: 'inf' is not finite"),
        ("1,2\n3,1e999\n", "row 2 (line 2), column 2: '1e999' is not finite"),
        (b"a,b\n1,2\n2,\xb5\n", "row 2 (line 3), column 2 (b): 'µ' is not a number; --missing 'µ' takes it for"),
        (b"a,b\n" + b"1,2\n" * 70_000 + b"\xff,3\n", "not utf-8 text (invalid start byte: b'\\xff'); --encoding says"),
        ("1,2\nx\0,4\n", "no text: it begins with a zero byte, or has one near its beginning"),
        ('1,2\n"3,4\n', "its fields cannot be told apart: unexpected end of data"),
    ],
)
def test_errors_say_where(write, content, message):
    with pytest.raises(ValueError, match=r"table\.csv: " + re.escape(message)):
        tables.read(write(content))


@pytest.mark.parametrize("field", ["", "NA", "n/a", "nan", "NULL", "None", "?", "-", ".", " "])
def test_missing_values_are_nan(write, field):
    X, names, *_ = tables.read(write(f"a;b\n1;2\n{field};3\n"))
    assert names == ("a", "b")
    np.testing.assert_array_equal(X, [[1, 2], [np.nan, 3]])


def test_columns_of_words_are_told(write):
    seen = []
    tables.read(write("who,x,y\nann,1,NA\nNA,2,3\n"), lambda names, width, other: seen.extend(other) or [1])
    assert seen == [0]


def test_values_whose_sum_overflows_are_finite(write):
    assert tables.read(write("1e308,1e308\n1,2\n"))[0].tolist() == [[1e308, 1e308], [1, 2]]


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="has no such device")
def test_what_has_no_end_is_no_text():
    with pytest.raises(ValueError, match="zero byte"):
        tables.read("/dev/zero")


@pytest.mark.skipif(not os.path.exists("/proc/self/mem"), reason="has no such file")
def test_what_cannot_be_read_is_named():
    with pytest.raises(OSError, match="Input/output error") as caught:
        tables.read("/proc/self/mem")
    assert caught.value.filename == "/proc/self/mem"


def test_no_such_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing"):
        tables.read(tmp_path / "nothing.csv")


NAMES = ("a", "b,c", "3", "d", "d")


@pytest.mark.parametrize(
    ("keep", "drop", "expected"),
    [
        ((), (), [0, 1, 2, 3, 4]),
        (["b,c"], (), [1]),
        (["a , 2"], (), [0, 1]),
        (['"b,c",a'], (), [1, 0]),
        (["3"], (), [2]),  # a name goes before a number
        (["4-5", "1"], (), [3, 4, 0]),
        (["1-3"], ["a"], [1, 2]),
        ((), ["2-5"], [0]),
        (["a", "1"], (), [0]),
    ],
)
def test_columns(keep, drop, expected):
    assert tables.columns(NAMES, 5, keep, drop) == expected


@pytest.mark.parametrize(
    ("keep", "drop", "message"),
    [
        (["e"], (), "column 'e' does not exist; there are columns 1 to 5: 'a', 'b,c'"),
        (["0"], (), "column '0' does not exist"),
        (["6"], (), "column '6' does not exist"),
        (["4-6"], (), "column '4-6' does not exist"),
        (["5-4"], (), "column '5-4' does not exist"),
        ([""], (), "column '' does not exist"),
        (["a,e"], (), "column 'e' does not exist"),
        (["d"], (), "column 'd' is ambiguous: columns 4 and 5"),
        ((), ["1-5"], "no column is left of 5"),
    ],
)
def test_columns_that_do_not_exist(keep, drop, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        tables.columns(NAMES, 5, keep, drop)


def test_columns_without_names():
    assert tables.columns(None, 3, ["3,1"]) == [2, 0]
    with pytest.raises(ValueError, match=r"column 'a' does not exist; there are columns 1 to 3: they have no names"):
        tables.columns(None, 3, ["a"])


def test_choose_errors_name_the_file(write):
    with pytest.raises(ValueError, match=r"table\.csv: column 'z' does not exist"):
        tables.read(write("a,b\n1,2\n"), lambda names, width, other: tables.columns(names, width, ["z"]))
