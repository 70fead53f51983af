"""
Coming from pomegranate
=======================

pomegranate builds mixtures from distribution objects, in PyTorch. Where all components are normal, or t distributions,
this is the same here:
"""

import numpy as np

from cyem import GaussianMixture, StudentMixture

X = np.loadtxt("../data/faithful.csv", delimiter=",", skiprows=1)

# pomegranate: GeneralMixtureModel([Normal(), Normal()]).fit(X)
model = GaussianMixture(2, random_state=0).fit(X)
model.predict(X)[:5], model.predict_proba(X)[:2].round(3), model.score_samples(X)[:2].round(3)

# %%
# Frozen distributions are parameters that are held; the rest is fitted:

# pomegranate: GeneralMixtureModel([Normal(means, covs, frozen=True), Normal()])
held = GaussianMixture(2, means_init=[[2.0, 54.0], [4.3, 80.0]], held={"means": [0]}, random_state=0).fit(X)
held.means_.round(2)

# %%
# Tails: pomegranate's ``StudentT`` has degrees of freedom that stay as given; here they may be found.

StudentMixture(2, degrees_of_freedom="shared", random_state=0).fit(X).degrees_of_freedom_

# %%
# What is called what
# -------------------
#
# ============================================== ==============================================================
# pomegranate 1                                  cyem
# ============================================== ==============================================================
# ``GeneralMixtureModel([Normal()] * k)``        ``GaussianMixture(k)``
# ``Normal(covariance_type="full")``             ``covariance_type="full"``; ``"sphere"`` is ``"spherical"``
# ``GeneralMixtureModel([StudentT(dof)] * k)``   ``StudentMixture(k, degrees_of_freedom=dof)``
# ``log_probability``                            ``score_samples``
# ``probability``                                ``np.exp(score_samples)``
# ``predict_log_proba``                          ``np.log(predict_proba)``
# ``fit(X, sample_weight)``                      the same
# ``fit(X, priors)``, semi-supervised            ``fit(X, labels=...)``
# ``torch.masked.MaskedTensor``                  NaN
# ``tol=0.1``, of the whole log-likelihood       ``tol=1e-6``, per row, of what is still to come
# ``frozen=True``                                ``held={...}``
# ``BayesClassifier``                            :class:`~cyem.MixtureClassifier`
# ============================================== ==============================================================
#
# What is not here
# ----------------
#
# Components of different kinds in one mixture, other distributions (Poisson, gamma, categorical, ...), hidden Markov
# models, Bayesian networks, and GPUs.
