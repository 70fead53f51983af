"""
Start here
==========

Ten minutes, from a file to an answer that can be told to others.

Old Faithful is a geyser. For 272 eruptions somebody wrote down how long each took, and how long it was until the next
one, both in minutes (:download:`faithful.csv </data/faithful.csv>`). **Are there kinds of eruptions, and how many?**
"""

# %%
# Install
# -------
#
# There is no release yet. From a clone, with Python 3.11 or newer and a C compiler, ``pip install '.[plot]'`` compiles
# cyem, which takes one to three minutes, and brings matplotlib for the pictures. Nothing but NumPy is needed besides.
#
# The data
# --------
#
# cyem takes NumPy arrays, data frames of pandas and Polars, and anything else that becomes a table of numbers.

import numpy as np

X = np.loadtxt("../data/faithful.csv", delimiter=",", skiprows=1)
X.shape

# %%
# Before any model, let it look for what a mixture would mistake for groups: columns that others determine, copies,
# codes such as 999, rounding, rows that stand alone.

from cyem import examine

print(examine(X))

# %%
# Choose
# ------
#
# A mixture says: there are *k* kinds of rows, each a cloud of a certain place, size and shape. :func:`~cyem.select`
# fits one to six of them, with four kinds of shapes, and chooses by BIC, which weighs how well a model fits against how
# many numbers it took.

from cyem import select

choice = select(X, n_components=range(1, 7), random_state=0)
print(choice)

# %%
# Two answers stand at the end, and they are different ones. Three *components* describe best how the rows are
# distributed. But there are two *groups*: two of the three components are one cloud, which is a bit longer than
# an ellipse can be. The verdict says so, says why, and says what to do next. Ask it for its parts, too:

verdict = choice.verdict
verdict.kind, verdict.n_groups, verdict.group_of.tolist()

# %%
# Look
# ----
#
# Below the diagonal are the rows, in the colours of the components; above it, how densely the mixture fills the plane.

from cyem.plotting import CriterionDisplay, MixtureDisplay

model = choice.best_
MixtureDisplay.from_estimator(model, X)

# %%
# How close was the choice? Within the shaded band BIC does not speak strongly against a model.

CriterionDisplay.from_selection(choice)

# %%
# Use it
# ------
#
# The model is an estimator like those of scikit-learn. For four new eruptions: the component, the group, how sure
# that is, and how usual such an eruption is (the log-density; the smaller, the odder).

new = [[1.9, 52], [4.4, 82], [3.1, 66], [2.0, 95]]
component = model.predict(new)
for row, group, sure, usual in zip(
    new, verdict.group_of[component], model.predict_proba(new).max(axis=1), model.score_samples(new), strict=True
):
    print(f"{row}  group {group}  {sure:6.1%} sure of its component  log-density {usual:6.1f}")

# %%
# The last row is unlike everything seen: a short eruption, and then a long wait. Its component is a matter of course,
# for some component is always the most likely one; its log-density is not.
#
# Tell
# ----
#
# For a colleague: *There are two kinds of eruptions. 97 of 272 were short, two minutes on average, and the next one
# came after 54 or 55 minutes; the other 175 took 4.3 minutes, and the wait was 80. There is hardly anything in
# between.* These numbers come from the rows of each group:

groups = verdict.group_of[model.predict(X)]
for group in range(verdict.n_groups):
    rows = X[groups == group]
    print(f"group {group}: {len(rows)} rows, {rows.mean(axis=0).round(1)} minutes on average")

# %%
# For people who do not use Python there is a page to send around, and for tomorrow a file:

from pathlib import Path
from tempfile import TemporaryDirectory

from cyem import load, report

with TemporaryDirectory() as folder:
    page = report(choice, X, Path(folder, "report.html"))
    model.save(Path(folder, "faithful.npz"))
    again = load(Path(folder, "faithful.npz"))
    print(page.name, page.stat().st_size // 1000, "kB;", "the same model:", (again.means_ == model.means_).all())

# %%
# Without Python
# --------------
#
# The command line does the same (:doc:`all its commands </pages/howto/command_line>`)::
#
#     cyem select faithful.csv --components 1-6
#     cyem report faithful.csv -o report.html
#
# Next: :doc:`what_em_is`, or straight to :doc:`a task </pages/howto/index>`.
