"""Files as people have them: 100 tables, each with what it says, or with the advice that it needs.

``python tests/dialects.py FOLDER`` writes them there, to try another reader on them.
"""

import bz2
import gzip
import io
import json
import sys
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

NAMES = ("length", "width")
X = np.array([
    [1.5, -2.0], [1234.5, 0.25], [23.75, 7.125], [4321.25, -3.5], [98.0, 12.75], [1005.5, 4.5],
    [17.25, -8.125], [2750.0, 6.5], [640.5, 3.25], [88.125, 0.5], [3999.75, -1.25], [12.5, 9.0],
])
GAPS = ("", "NA", "N/A", "nan", "NULL", "None", "?", "-", ".", "#N/A", "\\N", "--", "<NA>", "n.a.")
PLACES = ("Ulm", "Bonn", "Kiel", "Jena", "Trier", "Hof", "Celle", "Ulm", "Bonn", "Kiel", "Jena", "Hof")


class Dialect(NamedTuple):
    """A file, and what it says.

    Attributes
    ----------
    name : str
        Of the file.
    content : bytes
    options : str
        Of the command line.
    X, names
        What it holds, less what is no measurement.
    advice : str or None
        A pattern of the error that has to come instead.
    """

    name: str
    content: bytes
    options: str = ""
    X: np.ndarray = X
    names: tuple | None = NAMES
    advice: str | None = None


def table(separator=",", form=str, header=NAMES, end="\n", before=(), after=()):
    """A file of X: each number as `form` writes it, with columns of words before and after."""
    columns = [*before, *([form(x) for x in column] for column in X.T.tolist()), *after]
    rows = [*([header] if header else []), *zip(*columns, strict=True)]
    return "".join(separator.join(row) + end for row in rows)


def grouped(decimal=".", thousands=","):
    """A way to write numbers."""
    return lambda x: f"{x:,}".translate(str.maketrans({",": thousands, ".": decimal}))


def dialects():
    """All of them."""
    quoted, single = '"{}"'.format, "'{}'".format
    german = table(";", grouped(",", ""))
    numbers = [str(i) for i in range(len(X))]
    dated = ["day", *NAMES]
    iso = [f"2024-02-{i + 9:02d}" for i in range(len(X))]
    european = [f"{i + 9}.2.2024 10:{i + 10}" for i in range(len(X))]
    years = np.array([[310, 512, 634, 120], [280, 490, 655, 90], [335, 540, 610, 101], [301, 505, 640, 99]])
    by_year = "1990,1991,1992,1993\n" + "".join(",".join(map(str, row)) + "\n" for row in years.tolist())
    small = np.array([[1.234, 2.345], [3.456, 4.567], [5.678, 6.789], [7.891, 8.912]])
    ambiguous = "a;b\n" + "".join(f"{a:.3f};{b:.3f}\n".replace(".", ",") for a, b in small.tolist())
    gaps, spelled = X.copy(), table().splitlines()
    for i in range(11):
        gaps[i, 1] = np.nan
        spelled[i + 1] = f"{X[i, 0]},{GAPS[i]}"
    late = np.arange(2000.0).reshape(-1, 1) ** 2 % 97
    late_text = "x;y\n" + "".join(f"{int(v)};{int(v * 3 % 11)}\n" for v in late[:, 0]) + "1,5;2\n"
    latin = table(";", before=[PLACES], header=("Straße", "Länge", "Höhe"))
    latin_names = ("Länge", "Höhe")
    plain, named = table(), [f"row {i}" for i in range(len(X))]
    prose = "Results of 2024\n\n*** as they were measured, by hand, in Ulm ***\n\nTo be quoted as such\n=====\n"
    mask = r"--(no-)?header"
    return [
        # separators
        Dialect("comma.csv", plain.encode()),
        Dialect("semicolon.csv", table(";").encode()),
        Dialect("tab.tsv", table("\t").encode()),
        Dialect("pipe.txt", table("|").encode()),
        Dialect("blanks.txt", "".join(f"{a:>12} {b:>12}\n" for a, b in [NAMES, *X.tolist()]).encode()),
        Dialect("comma-blank.csv", table(", ").encode()),
        Dialect("colon.txt", table(":").encode(), "--separator :"),
        Dialect("trailing.csv", "".join(f"{line},\n" for line in plain.splitlines()).encode()),
        Dialect("trailing-rows.csv", "".join(f"{line}{',' * (i > 0)}\n" for i, line in enumerate(plain.splitlines()))
                .encode()),
        Dialect("one-column.csv", ("length\n" + "".join(f"{x}\n" for x in X[:, 0].tolist())).encode(),
                X=X[:, :1], names=("length",)),
        Dialect("sep-line.csv", ("sep=;\r\n" + table(";", end="\r\n")).encode()),
        # decimals, thousands
        Dialect("german.csv", german.encode()),
        Dialect("german-thousands.csv", table(";", grouped(",", ".")).encode()),
        Dialect("german-tab.tsv", table("\t", grouped(",", ".")).encode()),
        Dialect("french.csv", table(";", grouped(",", "\u00a0")).encode()),
        Dialect("french-narrow.csv", table(";", grouped(",", "\u202f")).encode()),
        Dialect("swiss.csv", table(";", grouped(".", "'")).encode()),
        Dialect("us-quoted.csv", table(",", lambda x: f'"{x:,}"').encode()),
        Dialect("us-tab.tsv", table("\t", grouped()).encode()),
        Dialect("ambiguous.csv", ambiguous.encode(), advice="--decimal , .*--thousands ,"),
        Dialect("ambiguous-decimal.csv", ambiguous.encode(), "--decimal ,", small, ("a", "b")),
        Dialect("ambiguous-thousands.csv", ambiguous.encode(), "--thousands ,", small * 1000, ("a", "b")),
        Dialect("commas-twice.csv", table(",", grouped(",", "")).encode(), advice="decimal"),
        Dialect("commas-once.csv", ("x\n" + "".join(f"{i},5\n" for i in range(12))).encode(),
                advice="--separator ; --decimal ,"),
        Dialect("commas-once-told.csv", ("x\n" + "".join(f"{i ** 2},5\n" for i in range(12))).encode(),
                "--separator ; --decimal ,", np.arange(12.0)[:, None] ** 2 + 0.5, ("x",)),
        Dialect("late-decimal.csv", late_text.encode(), advice="--decimal ,"),
        Dialect("minus.csv", table(",", lambda x: str(x).replace("-", "\u2212")).encode()),
        Dialect("exponents.txt", table(" ", lambda x: f"{x:.6E}").encode()),
        Dialect("fortran.txt", table(" ", lambda x: f"{x:.6E}".replace("E", "D")).encode()),
        # encodings
        Dialect("utf-8.csv", latin.encode(), names=latin_names),
        Dialect("utf-8-sig.csv", latin.encode("utf-8-sig"), names=latin_names),
        Dialect("latin-1.csv", latin.encode("latin-1"), names=latin_names),
        Dialect("cp1252.csv", table(";", header=("Länge", "Preis in €")).encode("cp1252"),
                names=("Länge", "Preis in €")),
        Dialect("cp1250.csv", table(";", header=("długość", "šířka")).encode("cp1250"), "--encoding cp1250",
                names=("długość", "šířka")),
        Dialect("utf-16.csv", b"\xff\xfe" + latin.encode("utf-16-le"), names=latin_names),
        Dialect("utf-16-be.csv", b"\xfe\xff" + latin.encode("utf-16-be"), names=latin_names),
        Dialect("utf-16-bare.csv", table().encode("utf-16-le")),
        # ends of lines, quotes, comments
        Dialect("crlf.csv", table(end="\r\n").encode()),
        Dialect("cr.csv", table(end="\r").encode()),
        Dialect("mixed-ends.csv", plain.replace("\n", "\r\n", 5).encode()),
        Dialect("no-last-end.csv", plain.rstrip("\n").encode()),
        Dialect("blank-lines.csv", ("\n" + plain.replace("\n", "\n\n") + "  \n").encode()),
        Dialect("quotes.csv", table(form=quoted, header=[*map(quoted, NAMES)]).encode()),
        Dialect("quoted-text.csv", table(header=('"who, where"', *NAMES),
                                         before=[[f'"{name}, ""new""\ntown"' for name in PLACES]]).encode()),
        Dialect("single-quotes.csv", table(form=single, header=[*map(single, NAMES)]).encode()),
        Dialect("escapes.csv", table(header=("who", *NAMES), before=[[f'"{name} \\"x\\", y"' for name in PLACES]])
                .encode()),
        Dialect("comments.csv", ("# measured by hand\n# 2024\n" + plain).encode()),
        Dialect("savetxt.txt", ("# length width\n" + table(" ", "{:.18e}".format, None)).encode()),
        Dialect("comments-between.csv", plain.replace("\n", "\n% checked\n", 6).encode()),
        # headers
        Dialect("no-header.csv", table(header=None).encode(), names=None),
        Dialect("numbers-in-names.csv", table(header=("length", "1990")).encode(), names=("length", "1990")),
        Dialect("years.csv", by_year.encode(), advice=mask),
        Dialect("years-header.csv", by_year.encode(), "--header", years, ("1990", "1991", "1992", "1993")),
        Dialect("counted-header.csv", table(header=("0", "1")).encode(), advice=mask),
        Dialect("counted-header-index.csv", table(header=("", "0", "1"), before=[numbers]).encode(), advice=mask),
        Dialect("no-header-told.csv", by_year.encode(), "--no-header",
                np.concatenate([[[1990, 1991, 1992, 1993]], years]), None),
        Dialect("title.csv", ("Results of 2024\nby hand\n" + plain).encode(), advice="--skip 2"),
        Dialect("counts-line.csv", ("12,2,first,second\n" + table(header=None)).encode(), advice="line 2.*--skip 1 "),
        Dialect("counts-line-skipped.csv", ("12,2,first,second\n" + table(header=None)).encode(), "--skip 1",
                names=None),
        Dialect("counts-as-names.csv", ("12,sorts\n" + table(header=None)).encode(), advice="--no-header or --skip 1 "),
        Dialect("a-row-as-names.csv", table(header=("3.5", "x")).encode(), advice="--header, --no-header"),
        Dialect("prose.txt", (prose + table("  ")).encode(), advice="line 7.*--skip 6 "),
        Dialect("prose-skipped.txt", (prose + table("  ")).encode(), "--skip 6"),
        Dialect("form.csv", ('Title:,"Area, and\nheight"\nUnits:,various\n=====\n' + table(
            header=("", *NAMES), before=[PLACES])).encode(), advice="line 5.*--skip 4 "),
        Dialect("form-skipped.csv", ('Title:,"Area, and\nheight"\nUnits:,various\n=====\n' + table(
            header=("", *NAMES), before=[PLACES])).encode(), "--skip 4"),
        Dialect("units-line.csv", plain.replace("\n", "\ncm,mm\n", 1).encode()),
        # columns that are no measurements
        Dialect("pandas.csv", table(header=("", *NAMES), before=[numbers]).encode()),
        Dialect("r-csv.csv", table(header=('""', *map(quoted, NAMES)), before=[[f'"{i + 1}"' for i in range(len(X))]])
                .encode()),
        Dialect("r-table.txt", (" ".join(map(quoted, NAMES)) + "\n" + table(" ", header=None, before=[
            [f'"{i + 1}"' for i in range(len(X))]])).encode()),
        Dialect("r-row-names.txt", (" ".join(map(quoted, NAMES)) + "\n" + table(" ", header=None, before=[
            [*map(quoted, named)]])).encode()),
        Dialect("dates.csv", table(header=dated, before=[iso]).encode()),
        Dialect("dates-european.csv", table(";", grouped(",", "."), dated, before=[european]).encode()),
        Dialect("text.csv", table(header=("place", *NAMES, "open"), before=[PLACES],
                                  after=[["TRUE", "FALSE"] * 6]).encode()),
        Dialect("identifiers.csv", table(header=("id", *NAMES), before=[[str(1001 + i) for i in range(12)]]).encode()),
        Dialect("constant.csv", table(header=(*NAMES, "version"), after=[["7"] * 12]).encode()),
        # units, gaps
        Dialect("units.csv", table(form="{} cm".format).encode()),
        Dialect("percent.csv", table(";", lambda x: f"{x} %".replace(".", ",")).encode()),
        Dialect("dollars.csv", table(form=lambda x: f'"{"-" * (x < 0)}${abs(x):,}"').encode()),
        Dialect("other-units.csv", table(header=("length", "width", "weight"), after=[["5 kg", "300 g"] * 6]).encode(),
                advice="weight.*(unit|--drop)"),
        Dialect("gaps.csv", ("\n".join(spelled) + "\n").encode(), X=gaps),
        Dialect("gaps-told.csv", plain.replace("-2.0", "k. A.").encode(), "--missing 'k. A.'",
                np.where(X == -2, np.nan, X)),
        Dialect("gaps-unknown.csv", plain.replace("-2.0", "absent").encode(), advice="--missing absent"),
        Dialect("gaps-unknown-german.csv", german.replace("7,125", "k. A.").encode(), advice="--missing 'k. A.'"),
        Dialect("limits.csv", plain.replace("0.25\n", "<0.3\n").encode(), advice="--missing"),
        Dialect("infinite.csv", plain.replace("-2.0", "inf").encode(), advice="not finite"),
        # rows that do not fit
        Dialect("ragged.csv", plain.replace("23.75,", "23.75,1,").encode(), advice=r"row 3 \(line 4\)"),
        Dialect("short.csv", plain.replace("23.75,7.125", "23.75").encode(), advice=r"row 3 \(line 4\)"),
        Dialect("notes-below.csv", (plain + "-----\n\nsources, and so on, are\nbelow\n").encode(),
                advice=r"row 13 \(line 14\).*leave out what follows"),
        Dialect("footer.csv", (plain + "12 rows in all\n").encode(), advice=r"row 13 \(line 14\)"),
        # compressed, binary
        Dialect("table.csv.gz", gzip.compress(plain.encode())),
        Dialect("german.csv.bz2", bz2.compress(german.encode())),
        Dialect("table.csv.zst", zst(plain.encode())),
        Dialect("table.parquet", parquet()),
        Dialect("table.arrow", arrow()),
        Dialect("table.xlsx", xlsx()),
        Dialect("table.npy", npy(), names=None),
        # no tables
        Dialect("table.json", json.dumps([dict(zip(NAMES, row, strict=True)) for row in X.tolist()]).encode(),
                advice="JSON"),
        Dialect("table.html", b"<!DOCTYPE html>\n<table><tr><td>1</td></tr></table>\n", advice="HTML"),
        Dialect("table.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), advice=r"\.xlsx|CSV"),
        Dialect("table.pdf", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n", advice="PDF"),
    ]


def npy():
    file = io.BytesIO()
    np.save(file, np.asarray(X))
    return file.getvalue()


def _arrow_table():
    import pyarrow

    return pyarrow.table({"place": list(PLACES), "length": X[:, 0].tolist(), "width": X[:, 1].tolist()})


def parquet():
    import pyarrow.parquet

    file = io.BytesIO()
    pyarrow.parquet.write_table(_arrow_table(), file)
    return file.getvalue()


def arrow():
    import pyarrow

    file, rows = io.BytesIO(), _arrow_table()
    with pyarrow.ipc.new_file(file, rows.schema) as writer:
        writer.write_table(rows)
    return file.getvalue()


def zst(content):
    import pyarrow

    return pyarrow.compress(content, "zstd", asbytes=True)


def xlsx():
    """A workbook with one sheet, by hand."""
    cells = [("place", *NAMES), *((place, *row) for place, row in zip(PLACES, X.tolist(), strict=True))]

    def cell(value, place):
        if isinstance(value, str):
            return f'<c r="{place}" t="inlineStr"><is><t>{value}</t></is></c>'
        return f'<c r="{place}"><v>{value}</v></c>'

    rows = "".join(f'<row r="{i}">{"".join(cell(v, f"{c}{i}") for c, v in zip("ABC", row, strict=True))}</row>'
                   for i, row in enumerate(cells, 1))
    space, kinds = "http://schemas.openxmlformats.org/", "application/vnd.openxmlformats-officedocument.spreadsheetml"
    relation = f'<Relationships xmlns="{space}package/2006/relationships"><Relationship Id="rId1" Type="{space}' \
               'officeDocument/2006/relationships/{}" Target="{}"/></Relationships>'
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{space}package/2006/content-types"><Default Extension="rels" ContentType'
                               '="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/'
                               f'workbook.xml" ContentType="{kinds}.sheet.main+xml"/><Override PartName="/xl/worksheets'
                               f'/sheet1.xml" ContentType="{kinds}.worksheet+xml"/></Types>',
        "_rels/.rels": relation.format("officeDocument", "xl/workbook.xml"),
        "xl/workbook.xml": f'<workbook xmlns="{space}spreadsheetml/2006/main" xmlns:r="{space}officeDocument/2006/'
                           'relationships"><sheets><sheet name="Data" sheetId="1" r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": relation.format("worksheet", "worksheets/sheet1.xml"),
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{space}spreadsheetml/2006/main"><sheetData>{rows}</sheetData>'
                                    "</worksheet>",
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as book:
        for name, text in parts.items():
            book.writestr(name, '<?xml version="1.0" encoding="UTF-8"?>' + text)
    return file.getvalue()


if __name__ == "__main__":
    for dialect in dialects():
        Path(sys.argv[1], dialect.name).write_bytes(dialect.content)
