"""
Say how sure the numbers are
============================

Standard errors, intervals, a test of the number of components, and whether clusters come back.
"""

import numpy as np

from cyem import GaussianMixture, likelihood_ratio_test, merge, select, stability, standard_errors

X = np.loadtxt("../data/faithful.csv", delimiter=",", skiprows=1)
model = GaussianMixture(2, tol=1e-9, random_state=0).fit(X)

# %%
# Parameters
# ----------

print(standard_errors(model, X))

# %%
# Intervals of any level, by the information in the data or, in small samples, by refits to resampled data
# (``method="bootstrap"``):

low, high = standard_errors(model, X).intervals(0.9).means
print("means from", low.round(2).tolist(), "to", high.round(2).tolist())

# %%
# The number of components
# ------------------------
#
# One against two, by a parametric bootstrap; the distribution of this statistic is in no table.

print(likelihood_ratio_test(X, 1, n_bootstrap=99, random_state=0))

# %%
# Clusters
# --------
#
# Fit again to resampled rows: which clusters come back? A Jaccard coefficient above 0.75 is stable, below 0.6 not to be
# trusted.

choice = select(X, range(1, 5), random_state=0)
print(stability(choice.best_, X, n_bootstrap=50, random_state=0))

# %%
# The smallest component dissolves in one refit of ten: it shares a cluster with another one. Which ones do:

print(merge(choice.best_, X))

# %%
# Single rows
# -----------
#
# ``predict_proba`` has the probability of each component, ``uncertainty`` is 1 less the largest.

from cyem.plotting import UncertaintyDisplay

UncertaintyDisplay.from_estimator(choice.best_, X)
