"""
Coming from mclust
==================

The same models under the same names, one search instead of a start from a hierarchy, and BIC with the other sign.
"""

import numpy as np

from cyem import MixtureClassifier, likelihood_ratio_test, merge, select

X = np.loadtxt("../data/faithful.csv", delimiter=",", skiprows=1)

# %%
# ``Mclust(faithful)``
# --------------------

choice = select(X, range(1, 10), covariance_types="all", random_state=0)
print(choice.choice)
print(choice.best_.summary(X))

# %%
# BIC here is :math:`p \, \log n - 2 \ell`, the smaller the better: mclust's with a minus in front.

print(f"mclust would print a BIC of {-choice.best_row.bic:.2f}")

# %%
# ``MclustBootstrapLRT``, ``clustCombi``, ``MclustDA``
# ----------------------------------------------------

print(likelihood_ratio_test(X, 1, "tied", n_bootstrap=99, random_state=0))
print(merge(choice.best_, X))
print(MixtureClassifier(covariance_type="all").fit(X[:, 1:], X[:, 0] > 3).chosen_)

# %%
# What is called what
# -------------------
#
# ======================================== ======================================================================
# mclust                                   cyem
# ======================================== ======================================================================
# ``Mclust(X, G, modelNames)``             ``select(X, G, covariance_types)``, then ``best_``
# ``mclustBIC``                            ``select``; its table is ``rows``
# ``mclustICL``                            ``select(...).pick("icl")``
# ``me``, ``estep``, ``mstep``             ``GaussianMixture(init_params=z)``, ``e_step``, ``m_step``
# ``modelNames = "VVV"``                   ``covariance_type="VVV"``; ``"E"`` is ``"EII"``, ``"V"`` is ``"VII"``
# ``priorControl()``                       ``prior="weak"``, or a dict of shrinkage, mean, dof, scale
# ``mclustBootstrapLRT``                   :func:`~cyem.likelihood_ratio_test`
# ``MclustBootstrap``                      :func:`~cyem.standard_errors` with ``method="bootstrap"``
# ``clustCombi``                           :func:`~cyem.merge`
# ``gmmhd``, ``clustCombiOptim``           ``verdict`` of a selection, ``suggestion`` of a merging
# ``MclustDA``, ``MclustSSC``              :class:`~cyem.MixtureClassifier`
# ``densityMclust``, ``cdfMclust``         ``score_samples``, ``cdf``, ``quantile``
# ``imputeData``                           not needed: gaps are fitted as they are; ``impute``
# ``equalPro = TRUE``                      ``equal_weights=True``
# ``noise`` in ``initialization``          :doc:`/pages/howto/outliers`
# ``plot(what = "BIC")``                   :class:`~cyem.plotting.CriterionDisplay`
# ``plot(what = "classification")``        :class:`~cyem.plotting.MixtureDisplay`
# ``plot(what = "uncertainty")``           :class:`~cyem.plotting.UncertaintyDisplay`
# ======================================== ======================================================================
#
# What differs, and why
# ---------------------
#
# - The table of ``select`` obeys nesting: no model is below a special case of itself. Starts from one hierarchy do not:
#   for iris with three components mclust 6.0 ends with VVE at -238.06, below VEE at -237.56, which is a special case.
# - The default ``tol`` leaves less undone, so log-likelihoods are a bit higher.
# - ``prior=`` ends where the density of the prior is greatest, in all 14 structures. For VII, VVI, EEE and VVV these
#   are mclust's fits, to 1e-8 of their log-likelihood. For six others mclust 6.0 counts the prior in other ways, and
#   VEE, EVE, VVE and EVV know none. On iris, three components, beside the same prior:
#
#   ========= ====================================================== ============================= ===================
#   structure what mclust's M-step does                              log-likelihood, mclust, cyem  density of mclust's
#   ========= ====================================================== ============================= ===================
#   EII       leaves the scale out                                   -401.953, -401.919            0.002 nats lower
#   EEI       does not shrink the means                              -361.614, -361.821            0.06
#   EVI       adds the scale for each component, and                 -339.570, -340.940            2.3
#             degrees of freedom once for all
#   VEI       counts a d-th of the degrees of freedom                -340.738, -341.718            2.6
#   EEV       as EVI                                                 -220.927, -221.726            3.6
#   VEV       counts no degrees of freedom                           -198.374, -194.103            9.5
#   ========= ====================================================== ============================= ===================
#
# - Data that cannot be fitted are told as such, in ``reason`` of a row, where mclust returns ``NULL``.
# - Weights of rows, gaps in all structures, labels in part, and a verdict on whether components are groups come on top.
# - Not here: parsimonious factor analysers (``pgmm`` in R) and variable selection (``clustvarsel``).
