"""`cimport cyem.embed`: see scorer.pxd."""

from cyem.embed.scorer cimport (
    Scorer, log_density, log_density_float, predict, predict_float, responsibilities, responsibilities_float,
)
