"""
Save and load
=============

A file without pickle: loading it runs no code, and a damaged file is an error, not another model.
"""

from pathlib import Path
from tempfile import mkdtemp

import numpy as np

import cyem

X = np.loadtxt("../data/faithful.csv", delimiter=",", skiprows=1)
model = cyem.GaussianMixture(2, random_state=0).fit(X)

path = Path(mkdtemp(), "faithful.npz")
model.save(path)
again = cyem.load(path)
print((again.predict_proba(X) == model.predict_proba(X)).all())

# %%
# It is a zip archive of NumPy arrays and one JSON file, which anything can read:

import json
import zipfile

with zipfile.ZipFile(path) as archive:
    print(archive.namelist())
    metadata = json.loads(archive.read("metadata.json"))
print({key: metadata[key] for key in ["format", "format_version", "class", "cyem_version"] if key in metadata})

# %%
# A file is replaced whole or not at all, also where the disk is full or the process is killed. Files of an older format
# load in newer versions.
#
# The summary and the report
# --------------------------
#
# For people there is text, and a page (:func:`~cyem.report`):

print(model.summary(X))

# %%
# ``pickle`` and ``joblib`` work as well, for those who trust where their files come from.
