"""What --json prints, command by command, as JSON Schema: ``cyem schema`` prints it."""

from .output import SCHEMA

NUMBER = {"type": ["number", "null"]}  # null where there is none, as JSON has no NaN
INTEGER, TEXT, TRUTH = {"type": "integer"}, {"type": "string"}, {"type": "boolean"}
NAME = {"type": ["string", "integer"]}  # of a column, a number from 0 where it has none; of a row, a number from 1


def _list(items):
    return {"type": "array", "items": items}


def _object(**properties):
    return {"type": "object", "properties": properties, "required": list(properties)}


FINDINGS = _list(_object(kind=TEXT, columns=_list(NAME), rows=_list(NAME), numbers={"type": "object"}, said=TEXT,
                         advice=TEXT))
MODEL = _object(
    n_components=INTEGER, covariance_type=TEXT, feature_names={"type": ["array", "null"], "items": TEXT},
    mean_log_likelihood=NUMBER, converged=TRUTH, n_iter=INTEGER, report=_list(TEXT), weights=_list(NUMBER),
    means=_list(_list(NUMBER)), covariances={"type": "array"},
    degrees_of_freedom={"type": ["array", "null"], "items": NUMBER}, background_weight=NUMBER,
)
ROW = _object(
    n_components=INTEGER, covariance_type=TEXT, log_likelihood=NUMBER, n_parameters={"type": ["integer", "null"]},
    bic=NUMBER, aic=NUMBER, icl=NUMBER, converged=TRUTH, n_iter=INTEGER, seconds=NUMBER, reason=TEXT,
)
VERDICT = _object(kind=TEXT, headline=TEXT, reasons=_list(TEXT), next_step=TEXT, group_of=_list(INTEGER))
IDS = {"type": ["array", "null"], "items": TEXT}
PRINTED = {
    "select": _object(criterion=TEXT, rows=_list(ROW), best=MODEL, verdict=VERDICT, findings=FINDINGS),
    "examine": _object(findings=FINDINGS),
    "report": _object(report={"type": ["string", "null"]}, best=MODEL, findings=FINDINGS),
    "fit": _object(**MODEL["properties"], findings=FINDINGS),
    "predict": _object(ids=IDS),  # and of these what was asked for
    "stability": _object(sizes=_list(NUMBER), adjusted_rand_indices=_list(NUMBER),
                         jaccard_coefficients=_list(_list(NUMBER)), dissolved=_list(NUMBER)),
    "outliers": _object(ids=IDS, outlyingness=_list(NUMBER)),
    "score": _object(),
    "impute": _object(ids=IDS, columns=_list(TEXT), rows=_list(_list(NUMBER))),
    "export": _object(output=TEXT, name=TEXT, dtype=TEXT),
    "sample": _object(columns=_list(TEXT), rows=_list(_list(NUMBER))),
    "config": _object(),
}
PRINTED["predict"]["properties"] |= {"components": _list(INTEGER), "responsibilities": _list(_list(NUMBER))}
PRINTED["score"]["properties"] |= {
    "ids": IDS, "log_densities": _list(NUMBER),
    **dict.fromkeys(("n_samples", "mean_log_likelihood", "log_likelihood", "bic", "aic", "icl"), NUMBER),
}


def of(command):
    """The schema of what a command prints with --json."""
    found = PRINTED[command]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"cyem {command} --json",
        **found,
        "properties": {"schema": {"const": SCHEMA}, **found["properties"]},
        "required": ["schema", *found["required"]],
    }
