"""A million rows in several dialects: the same numbers by Polars and by Python, and how long each takes.

    python tests/fuzz/large_tables.py    # exit status 1 where numbers are others
"""

import gzip
import os
import sys
import tempfile
import time

import numpy as np

from cyem.rows import library, tables

ROWS = 1_000_000


def files(X):
    """Name and content, one after the other, of the same numbers with two decimals."""
    plain = "\n".join(map("{:.2f},{:.2f},{:.2f}".format, *X.T.tolist())) + "\n"
    yield "plain.csv", ("a,b,c\n" + plain).encode()
    yield "no-header.csv", plain.encode()
    yield "german.csv", ("a;b;c\n" + plain.replace(",", ";").replace(".", ",")).encode("latin-1")
    yield "blanks.txt", plain.replace(",", "  ").encode()
    yield "plain.csv.gz", gzip.compress(plain.encode(), 1)
    yield "utf-16.csv", plain.encode("utf-16")


def main():
    X = np.round(np.random.default_rng(0).normal(scale=100, size=(ROWS, 3)), 2)
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files(X):
            path = os.path.join(folder, name)
            with open(path, "wb") as file:
                file.write(content)
            told = []
            for reader, library.SMALL in (("Polars", 0), ("Python", sys.maxsize)):
                start = time.perf_counter()
                read = tables.read(path).X
                told.append(f"{reader} {time.perf_counter() - start:.2f} s")
                if not np.array_equal(read, X):
                    told.append("OTHER NUMBERS")
                    failed = True
            print(f"{name}: {', '.join(told)}")
    print(f"{ROWS:,} cases of rows")
    return failed


if __name__ == "__main__":
    sys.exit(main())
