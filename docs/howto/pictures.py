"""
Draw
====

Seven pictures, each a class with the conventions of scikit-learn's displays. They need matplotlib
(``pip install '.[plot]'``).
"""

import numpy as np

from cyem import GaussianMixture, merge, stability
from cyem.plotting import MergingDisplay, MixtureDisplay, ResponsibilitiesDisplay, StabilityDisplay, UncertaintyDisplay

X = np.loadtxt("../data/faithful.csv", delimiter=",", skiprows=1)
model = GaussianMixture(3, covariance_type="tied", random_state=0).fit(X)

# %%
# The mixture among its rows
# --------------------------

display = MixtureDisplay.from_estimator(model, X)

# %%
# ``display.figure_`` and ``display.axes_`` are matplotlib's, for everything that this can do:
# ``display.figure_.savefig("mixture.pdf")``. ``ax=`` draws into a place of yours.
#
# Who belongs where, and how surely
# ---------------------------------

UncertaintyDisplay.from_estimator(model, X)

# %%

ResponsibilitiesDisplay.from_estimator(model, X)

# %%
# What makes up a cluster, and what comes back
# --------------------------------------------

MergingDisplay.from_merging(merge(model, X))

# %%

StabilityDisplay.from_stability(stability(model, X, n_bootstrap=50, random_state=0))

# %%
# Of many features :class:`~cyem.plotting.ProjectionDisplay` shows the plane in which the components differ most.
# :class:`~cyem.plotting.CriterionDisplay` is on :doc:`choose_a_model`, :class:`~cyem.plotting.TraceDisplay` on
# :doc:`starts`. A dark style (``plt.style.use("dark_background")``) gets colours of its own.
