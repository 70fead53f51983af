"""
Live with missing values
========================

No row needs to be dropped and nothing needs to be filled in: the likelihood is that of what was observed.
"""

import numpy as np

from cyem import GaussianMixture, select

X = np.loadtxt("../data/faithful.csv", delimiter=",", skiprows=1)
rng = np.random.default_rng(0)
gaps = np.where(rng.random(X.shape) < 0.2, np.nan, X)
print("complete rows:", (~np.isnan(gaps).any(axis=1)).sum(), "of", len(gaps))

# %%
# Fit and choose as ever
# ----------------------
#
# ``NaN``, ``None`` and what a data frame has for it are gaps, in all 14 structures and with t distributions.

model = GaussianMixture(2, random_state=0).fit(gaps)
print("with gaps", np.sort(model.means_, axis=0).round(2).tolist())
print("complete ", np.sort(GaussianMixture(2, random_state=0).fit(X).means_, axis=0).round(2).tolist())
print(select(gaps, range(1, 4), random_state=0).choice)

# %%
# Predictions and scores take gaps, too. A row of which nothing is known has the weights of the components:

model.predict_proba([[2.0, 55.0], [np.nan, 55.0], [np.nan, np.nan]]).round(3)

# %%
# Fill in
# -------
#
# Expected values are the best guesses of single values:

filled = model.impute(gaps)
missing = np.isnan(gaps)
print("typical error:", np.abs(filled - X)[missing].mean().round(2), " of the mean of the column:",
      np.abs(np.nanmean(gaps, axis=0) - X)[missing].mean().round(2))

# %%
# For an analysis that asks for more than means draw several copies, analyse each, and combine (multiple imputation):

copies = model.impute(gaps, draws=20, random_state=0)
copies.shape, copies.std(axis=(1, 2)).round(2)[:3]

# %%
# When it is right
# ----------------
#
# Values may be missing *at random*: whether a value is missing may depend on what was observed, not on the value
# itself. A scale that ends at 100 kg is something else, and no model sees that by itself;
# :func:`~cyem.examine` names values that many rows share, such as a limit or a code.
#
# Values of which no more is known than that they are below a detection limit, or above the end of a scale (*censored*
# ones), are not missing at random, and there is no way yet to tell cyem of them. Taken for missing, they pull means
# away from the limit; taken for the limit itself, they make a component without width. Where they are few, leaving
# these rows out and saying so is the most honest answer.
#
# What it costs: with a tenth of 100,000 × 10 values missing a pass takes 1.3 to 1.8 times as long as a complete one;
# with as many patterns of gaps as rows, 10 times (``python benchmarks/gaps.py``, :doc:`/benchmarks`).
