"""Where data live, what is known of each row, and how sums are taken over rows.

Here: arrays, frames of coordinates, dtypes, weights, tables, which pairs a pass can leave out; files, streams and the
workers of a cluster, whose rows stay there. A sum over rows is taken in a fixed order and adds.
Nothing here knows a distribution, or any formula of a density.
"""
