"""The order of the pages of a gallery."""

from pathlib import Path

ORDER = """
    start_here what_em_is how_many_groups are_they_real which_rows_are_odd
    choose_a_model missing_values labels measurement_errors outliers predict_and_regress how_sure prior held_parameters
    starts_and_searches large_data pictures save_and_load speed_and_threads command_line
    scikit_learn mclust pomegranate stepmix
""".split()


def place(filename):
    """The place of a script; one that is not listed is an error."""
    return ORDER.index(Path(filename).stem)
