"""
Choose a model
==============

How many components, of what shape, by which criterion, and how to see whether the choice was close.
"""

import numpy as np

from cyem import select

X = np.loadtxt("../data/faithful.csv", delimiter=",", skiprows=1)

# %%
# The grid
# --------
#
# Numbers of components and covariance structures are searched together. ``"all"`` stands for the 14 structures of
# mclust, from ``"EII"`` (balls of one size) to ``"VVV"`` (each as it likes); by default it is scikit-learn's four.

choice = select(X, n_components=range(1, 6), covariance_types="all", random_state=0)
print(choice.choice)
print(len(choice.rows), "models; nesting is violated by", len(choice.nesting_violations))

# %%
# Each row of the table is a record, so the table goes where you want it:

import pandas as pd

table = pd.DataFrame(choice.rows)
table.sort_values("bic")[["n_components", "covariance_type", "bic", "icl"]].round(1).head()

# %%
# Which criterion?
# ----------------
#
# ============= ======================================================================================
# ``"bic"``     the default: how rows are *distributed*. Finds the truth where it is among the models
# ``"icl"``     counts doubtful rows against a model: fewer components, well apart
# ``"aic"``     density for prediction; takes more components. ``"aicc"`` for few rows
# ``"cv"``      cross-validated likelihood, where no formula is trusted; takes ten times as long
# a function    of the row and its model, such as the error that matters to you
# ============= ======================================================================================
#
# The table is fitted once. :meth:`~cyem.selection.select.Selection.pick` asks it by another one:

for criterion in ["bic", "icl", "aic"]:
    model = choice.pick(criterion).best_
    print(criterion, model.n_components, model.covariance_type)

# %%
# Was it close?
# -------------

from cyem.plotting import CriterionDisplay

CriterionDisplay.from_selection(select(X, range(1, 8), random_state=0))

# %%
# Within the shaded band the evidence against a model is not very strong. Where many models are in there, say so, and
# prefer the one that is simplest to explain.
#
# Components or groups?
# ---------------------
#
# Before components are called groups, read ``choice.verdict`` (:doc:`/pages/learn/are_they_real`).

print(choice.verdict.headline)

# %%
# Long searches
# -------------
#
# ``time_budget=60`` ends after a minute with the best so far, and rows that were not reached say so; Ctrl-C does the
# same. ``n_jobs=-1`` fits several combinations at a time. The table is the same for any number of jobs and threads.
