"""Formulas: densities, the sums they need, M-steps, constraints, numbers of parameters.

Here: covariance structures, mixtures as sets of normal distributions, what the attributes of a fitted one must be.
Nothing here knows rows, threads or files.
"""
