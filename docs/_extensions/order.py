"""The order of the pages of a gallery."""

from pathlib import Path

ORDER = [
    "start_here", "what_em_is", "how_many_groups", "are_they_real", "which_rows_are_odd",
    "choose_a_model", "missing_values", "labels_and_noise", "outliers", "predict", "how_sure", "prior", "held",
    "starts", "big_data", "streams", "cluster", "embed", "pictures", "save_and_load", "speed", "command_line",
    "scikit_learn", "mclust", "pomegranate", "stepmix",
]


def place(filename):
    """The place of a script; one that is not listed is an error."""
    return ORDER.index(Path(filename).stem)
