"""Expectation-maximization: when to sweep, update, leap and stop; where to begin; moves from maximum to maximum.

Nothing here names a family in order to decide something; no estimator is known here, nor what a user calls anything.
"""
