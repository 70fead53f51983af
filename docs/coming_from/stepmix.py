"""
Coming from StepMix
===================

StepMix fits latent class and latent profile models. Latent *profile* analysis, which is a mixture of normal
distributions for continuous indicators, is this:
"""

import pandas as pd

from cyem import GaussianMixture, select, standard_errors

penguins = pd.read_csv("../data/penguins.csv")
X = penguins[["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]]

# StepMix(n_components=3, measurement="gaussian_full_nan", n_init=10).fit(X)
model = GaussianMixture(3, n_init=10, random_state=0).fit(X)
print(model.summary(X))

# %%
# Gaps need no other model: full information maximum likelihood, in every structure, correlated indicators included.
#
# Number of classes
# -----------------
#
# The classical profile model has independent indicators within classes (``"EEI"``, ``"VVI"``). Let the data say whether
# that is true:

choice = select(X, range(1, 6), ["EEI", "VVI", "EEE", "VVV"], random_state=0)
print(choice)

# %%
# Standard errors
# ---------------

complete = X.dropna()
print(standard_errors(GaussianMixture(3, covariance_type="EEE", tol=1e-9, random_state=0).fit(complete), complete))

# %%
# What is called what
# -------------------
#
# ================================================= ===========================================================
# StepMix                                           cyem
# ================================================= ===========================================================
# ``StepMix(k, measurement="gaussian_full")``       ``GaussianMixture(k)``
# ``"gaussian_diag"``, ``"gaussian_spherical"``     ``covariance_type="diag"``, ``"spherical"``
# ``"gaussian_tied"``                               ``covariance_type="tied"``
# ``"gaussian_diag_nan"``, ...                      the same, with NaN in X; also for ``"full"``
# ``n_init``                                        the same; one start is made of several short ones
# ``abs_tol=1e-10``                                 ``tol=1e-6``, per row, of what is still to come
# ``predict``, ``predict_proba``, ``bic``, ``aic``  the same names
# ``bootstrap_stats``                               :func:`~cyem.standard_errors`, by the information or a bootstrap
# ``blrt``                                          :func:`~cyem.likelihood_ratio_test`
# ``sample``                                        the same
# ================================================= ===========================================================
#
# What is not here
# ----------------
#
# Categorical indicators, so latent class analysis proper, and structural models of covariates and distal outcomes in
# one, two or three steps.
