r"""
What EM is
==========

The algorithm under everything else on this site, told on the eruptions of Old Faithful, step by step.
"""

# %%
# Something that nobody wrote down
# --------------------------------
#
# Suppose there are two kinds of eruptions, and that for each kind the durations and waits scatter around a centre like
# a normal distribution. If somebody had written down the kind of each eruption, all would be easy: take the rows of
# each kind, their share, their mean, their covariance matrix. But nobody did. The kind is a *latent variable*: it
# is part of the story of how the data came about, and it is not in the file.
#
# The other way round would be easy as well: with the centres and spreads known, the probable kind of each row
# follows from Bayes' rule. Each half would be solved by the other. EM takes them in turns.

import matplotlib.pyplot as plt
import numpy as np

from cyem import GaussianMixture, e_step, m_step

X = np.loadtxt("../data/faithful.csv", delimiter=",", skiprows=1)

# %%
# The E-step
# ----------
#
# *How much is each component responsible for each row?* With weights :math:`w_k`, means :math:`\mu_k` and covariance
# matrices :math:`\Sigma_k` that is
#
# .. math:: r_{nk} = \frac{w_k N(x_n | \mu_k, \Sigma_k)}{\sum_j w_j N(x_n | \mu_j, \Sigma_j)} .
#
# As a start a poor guess will do. Here are two centres which somebody may have drawn with a bad pen, round clouds of
# the size of the whole data, and equal weights:

parameters = (
    [0.5, 0.5],  # weights
    [[2.5, 85.0], [4.5, 60.0]],  # means
    [X.var(axis=0), X.var(axis=0)],  # variances
    "diag",
)
resp, log_likelihood = e_step(X, parameters)
print("the first three rows belong to the components by", resp[:3].round(2).tolist())
print(f"log-likelihood {log_likelihood:.1f}")

# %%
# The M-step
# ----------
#
# *Given these shares, which parameters are most likely?* The ones that would be taken if rows could be cut in parts:
# each component takes its part of each row, and then the share, mean and covariance matrix of what it has.
#
# .. math::
#     n_k = \sum_n r_{nk}, \quad w_k = n_k / n, \quad
#     \mu_k = \frac{1}{n_k} \sum_n r_{nk} x_n, \quad
#     \Sigma_k = \frac{1}{n_k} \sum_n r_{nk} (x_n - \mu_k)(x_n - \mu_k)^T .

found = m_step(X, resp)
print("weights", found.weights.round(2), " means", found.means.round(1).tolist())

# %%
# Again and again
# ---------------
#
# That is the whole algorithm: E, M, E, M, until nothing is gained any more.

history, climb = [], [log_likelihood]
for _ in range(40):
    history.append(found)
    resp, log_likelihood = e_step(X, found)
    climb.append(log_likelihood)
    found = m_step(X, resp)


def ellipse(ax, mean, covariance, **style):
    """Twice the standard deviation around a mean, in every direction."""
    turn = np.linspace(0, 2 * np.pi, 100)
    ring = np.linalg.cholesky(covariance) @ [np.cos(turn), np.sin(turn)]
    ax.plot(*(np.reshape(mean, (2, 1)) + 2 * ring), **style)


figure, axes = plt.subplots(1, 4, figsize=(9, 2.6), sharex=True, sharey=True, layout="constrained")
for ax, step in zip(axes, [0, 3, 8, 39], strict=True):
    shares = e_step(X, history[step])[0]
    ax.scatter(*X.T, s=6, c=shares[:, 0], cmap="coolwarm", vmin=0, vmax=1)
    for mean, covariance in zip(history[step].means, history[step].covariances, strict=True):
        ellipse(ax, mean, covariance, color="black", lw=1)
    ax.set(title=f"after step {step + 1}", xlabel="eruption (min)")
axes[0].set_ylabel("wait (min)")

# %%
# Colours are responsibilities: in the middle panels some rows are purple, half of this kind and half of that one.
#
# Why it cannot get worse
# -----------------------
#
# The log-likelihood is what all this climbs:
#
# .. math:: \ell = \sum_n \log \sum_k w_k N(x_n | \mu_k, \Sigma_k) .

figure, ax = plt.subplots(figsize=(6, 2.8), layout="constrained")
ax.plot(climb, "o-", ms=3)
ax.set(xlabel="step", ylabel="log-likelihood")
print("the smallest step upwards:", np.diff(climb).min())

# %%
# It never falls, and that is no luck. The logarithm of a sum is hard to maximise; a sum of logarithms is easy.
# Jensen's inequality puts one under the other: for any shares :math:`r_{nk}` that sum to 1,
#
# .. math:: \ell \ge \sum_n \sum_k r_{nk} \log \frac{w_k N(x_n | \mu_k, \Sigma_k)}{r_{nk}} .
#
# The E-step chooses the shares for which both sides are equal: the lower bound is pushed up until it touches. The
# M-step moves the parameters to where the lower bound is greatest. The likelihood lies above, or on it; so it has
# risen at least as much. Dempster, Laird and Rubin wrote that down in 1977.
#
# What it does *not* say: that the top is the highest of all. EM ends on *a* maximum, and which one depends on where it
# begins. So :class:`~cyem.GaussianMixture` begins at the best of several short runs, and moves on from maxima that
# promise more (:doc:`/pages/howto/starts`); and because the last steps of EM are small while much may still be ahead,
# it leaps along the path, and stops by what is *still to come*, not by the last gain.

model = GaussianMixture(2, random_state=0).fit(X)
print(f"by hand {climb[-1]:.4f}   fit {model.score(X) * len(X):.4f} in {model.n_iter_} iterations")

# %%
# What the score is, and its sign
# -------------------------------
#
# ``score`` is the log-likelihood *per row*. A density is no probability: it may be greater than 1 where rows are dense,
# and its logarithm may have either sign. In other units it is another number:

for unit, scale in [("minutes", 1), ("hours", 60)]:
    score = GaussianMixture(2, random_state=0).fit(X / scale).score(X / scale)
    print(f"{unit:>8}: score {score:+.3f}")

# %%
# The same mixture, the same rows, the same groups; the difference is :math:`2 \, \log 60`, two features in another
# unit. So a score says nothing by itself. It compares models *of the same data*, where larger is better, and it is a
# loss only with a minus in front. This is easily mixed up: a well-known article on a mixture for red wine prints 0.738
# for data whose log-likelihood per row is -0.739. Who compares that number with a score of a library should know that
# one of them has lost its sign. BIC and AIC, which are -2 log-likelihood and a penalty, are better when *smaller*:

print(f"score {model.score(X):.3f}   -2 log-likelihood {-2 * model.score(X) * len(X):.1f}   BIC {model.bic(X):.1f}")

# %%
# k-means is a limit of it
# ------------------------
#
# Let all components be balls of one variance, with equal weights, and let the variance go to zero. Then
# responsibilities become 0 or 1: each row belongs to the nearest centre, and the M-step takes the mean of its rows.
# That is k-means. EM differs in what k-means has no words for: rows that belong to both, clouds that are large or
# small, long or round, frequent or rare.

standard = (X - X.mean(axis=0)) / X.std(axis=0)
means = standard[:2]
for variance in [1.0, 0.1, 0.001]:
    shares, _ = e_step(standard, ([0.5, 0.5], means, [variance, variance], "spherical"))
    print(f"variance {variance:5}: {(shares.max(axis=1) < 0.95).sum():3} rows between two components")

# %%
# What the three letters stand for
# --------------------------------
#
# Expectation: the shares are expected values of the latent variables, given the data and the current parameters.
# Maximization: the parameters that are most likely, given those. The idea is not about normal distributions.
# Components of t distributions add a second latent variable, how far a row may stray
# (:class:`~cyem.StudentMixture`), missing values are latent as well (:doc:`/pages/howto/missing_values`), and so is the
# true value behind a measurement with an error (:doc:`/pages/howto/labels_and_noise`).
#
# Next: :doc:`how_many_groups`.
