"""The verbs: what each command does with its arguments."""

import io
import json
import os

import numpy as np

import cyem

from .. import files
from ..families import state
from ..models.asked import FAMILIES
from ..models.history import INTERRUPTED
from ..notices import NamelessWarning, muted
from ..selection.criteria import UndefinedCriterion
from ..show.progress import shown
from ..show.summary import feature_names
from ..show.text import aligned, printable
from .input import mixture, model_and_samples, samples
from .output import listing, output, show, show_json, show_table
from .schema import of

STOPPED = 130  # exit code after Ctrl-C, and where the time was up


def select(arguments):
    """Fit the grid, print the table, the chosen model, and whether its components are groups."""
    X, weights, selection = _search(arguments)
    model = selection.best_
    try:
        if arguments.output:
            model.save(arguments.output)
        if arguments.plot:
            _draw_curves(arguments.plot, selection)
        if arguments.plot_model:
            _draw_model(arguments.plot_model, model, X)
    finally:  # what was found is told also where a file cannot be written
        if arguments.json:
            rows = [row._asdict() for row in selection.rows]
            verdict = vars(selection.verdict) | {"group_of": selection.verdict.group_of.tolist()}
            show_json(criterion=selection.criterion, rows=rows, best=_description(model), verdict=verdict,
                        findings=_plain(selection.findings))
        else:
            show(selection.table, "", model.summary(X, weights))
            show("", selection.verdict)
    return STOPPED if selection.interrupted else 0


def examine(arguments):
    """Look at the data before a model is fitted, and print what a mixture would take for groups that are none."""
    X, weights, *_ = samples(arguments, look=True)  # which is one of the findings
    settings = _given(arguments, "n_components", "covariance_types")
    findings = cyem.examine(X, weights, **settings)
    if arguments.json:
        show_json(findings=_plain(findings))
    else:
        show(findings)


def report(arguments):
    """Fit the grid, and write a page about it that needs nothing but a browser."""
    write = cyem.report  # which is imported here, and not while somebody waits after Ctrl-C
    X, weights, selection = _search(arguments)
    title = arguments.title or f"Mixture of {'the data' if arguments.file == '-' else os.path.basename(arguments.file)}"
    figures = not selection.interrupted or arguments.time_budget is not None  # after Ctrl-C nobody waits for them
    page = None
    try:
        page = write(selection, X, arguments.output, sample_weight=weights, title=title,
                     command=arguments.command_line, figures=figures)
    finally:  # what was found is told also where there is no page
        if arguments.json:
            show_json(report=page and arguments.output, best=_description(selection.best_),
                        findings=_plain(selection.findings))
        else:
            show(*([selection.table] if page is None else [printable(f"{arguments.output}: {selection.choice}"),
                                                             *selection.findings.text]))
            show(selection.verdict)
    return STOPPED if selection.interrupted else 0


def fit(arguments):
    """Fit one model, save it and print it."""
    rows = samples(arguments)
    X, weights = rows.X, rows.weights
    model = FAMILIES[arguments.family](**_settings(arguments, "n_components", "covariance_type"))
    findings = cyem.examine(X, weights, model.n_components, model.covariance_type)
    with shown(None, model.n_init * model.max_iter, "iterations at most") as tell:
        model.callback = lambda run, iteration, _: tell(run * model.max_iter + iteration)
        model.fit(X, sample_weight=weights, labels=rows.labels)
    model.callback = None
    try:
        model.save(arguments.output)
        if arguments.plot_model:
            _draw_model(arguments.plot_model, model, X)
    finally:
        if arguments.json:
            show_json(**_description(model), findings=_plain(findings))
        else:
            show(model.summary(X, weights), *[""] * bool(findings), *findings.text)
    return STOPPED if INTERRUPTED in model.fit_report_ else 0


def predict(arguments):
    """Print the component of each row, or the responsibilities; with --append both, beside the columns of the file."""
    model, rows = model_and_samples(arguments)
    columns, values = [], {}
    if arguments.append or not arguments.proba:
        values["components"] = model.predict(rows.X).tolist()
        columns.append(("component", values["components"]))
    if arguments.proba:
        proba = model.predict_proba(rows.X)
        values["responsibilities"] = proba.tolist()
        names = [f"component {k}" for k in range(len(model.weights_))] + ["background"]
        columns += list(zip(names, proba.T.tolist(), strict=False))
    _tell_rows(arguments, rows, columns, values)


def outliers(arguments):
    """Print the rows that are odder than all but a share of the model's own, or of each row how odd it is."""
    level = 0.01 if arguments.level is None else arguments.level
    if not 0 < level < 1:
        raise ValueError(f"--level {level} must be between 0 and 1, such as 0.01")
    model, rows = model_and_samples(arguments)
    p = model.outlyingness(rows.X)
    names = list(map(str, rows.called))
    if not arguments.rows:
        odd = [i for i in np.argsort(p, kind="stable").tolist() if p[i] <= level]
        kept = [column.take(odd) for column in rows.kept]
        rows, p = rows._replace(row_names=[names[i] for i in odd], kept=kept), p[odd]
    _tell_rows(arguments, rows, [("outlyingness", p.tolist())], {"outlyingness": p.tolist()})


def score(arguments):
    """Print how well the model fits the rows, all together or each."""
    if (arguments.output or arguments.append) and not arguments.rows:
        raise ValueError("--output and --append go with --rows: all rows together have none")
    model, rows = model_and_samples(arguments)
    X, weights, *_ = rows
    if arguments.rows:
        result = model.score_samples(X).tolist()
        return _tell_rows(arguments, rows, [("log-density", result)], {"log_densities": result})
    mean = float(model.score(X, sample_weight=weights))
    n = float(len(X) if weights is None else weights.sum())
    result = {"n_samples": n, "mean_log_likelihood": mean, "log_likelihood": mean * n}
    result |= {name: float(getattr(model, name)(X, sample_weight=weights)) for name in ("bic", "aic", "icl")}
    if arguments.json:
        show_json(**result)
    else:
        show(*aligned([(name.replace("_", " "), f"{value:.10g}") for name, value in result.items()]))


def stability(arguments):
    """Print how far the groups of a model come back when it is fitted to rows drawn anew."""
    model, rows = model_and_samples(arguments)
    found = cyem.stability(model, rows.X, sample_weight=rows.weights, n_bootstrap=arguments.refits,
                           random_state=arguments.seed)
    if arguments.json:
        show_json(sizes=found.sizes.tolist(), adjusted_rand_indices=found.ari.tolist(),
                  jaccard_coefficients=found.jaccard.tolist(), dissolved=found.dissolved.tolist())
    else:
        show(found)


def impute(arguments):
    """Print the rows with what is missing filled in: by expected values, given what was observed of the row."""
    model, rows = model_and_samples(arguments)
    header, filled = _columns(mixture(arguments.model)), model.impute(rows.X)
    others = [column for column in rows.kept if not column.is_feature]
    _tell_rows(arguments, rows._replace(kept=others), list(zip(header, filled.T.tolist(), strict=True)),
               {"columns": header, "rows": filled.tolist()})


def _tell_rows(arguments, rows, columns, values):
    """Print something of each row, after its name and, if these are asked for, the columns of the file.

    columns: pairs of names and lists, for a table. values: the same, for JSON.
    """
    there = [column.name for column in rows.kept]
    if taken := [name for name, _ in columns if name in there]:
        raise ValueError(f"{arguments.file} has {listing('column', taken)} already: --drop leaves a column out")
    if arguments.output or not arguments.json:
        names = [] if rows.row_names is None else [(rows.id_column, rows.row_names)]
        in_file = arguments.output and arguments.output.lower().endswith(".parquet")
        kept = [(column.name, column.numbers if in_file and column.numbers is not None else column.text)
                for column in rows.kept]
        show_table([*names, *kept, *columns], arguments.output)
    if arguments.json:
        show_json(ids=rows.row_names, **values)


def _columns(model):
    """Names of the features, in a file as they are."""
    return list(getattr(model, "feature_names_in_", feature_names(model)))


def export(arguments):
    """Write a model as one file in C99 that needs nothing of cyem or Python."""
    dtype = "float32" if arguments.single else "float64"
    mixture(arguments.model).export_c(arguments.output, arguments.name, dtype)
    if arguments.json:
        show_json(output=arguments.output, name=arguments.name, dtype=dtype)


def sample(arguments):
    """Print random samples."""
    model = mixture(arguments.model)
    X, labels = model.sample(arguments.n, random_state=np.random.default_rng(arguments.seed))
    header = _columns(model)
    columns = list(zip(header, X.T.tolist(), strict=True))
    if arguments.components:
        columns.append(("component", labels.tolist()))
    if arguments.output or not arguments.json:
        show_table(columns, arguments.output)
    if arguments.json:
        show_json(columns=[name for name, _ in columns],
                  rows=[list(row) for row in zip(*(own for _, own in columns), strict=True)])


def config(arguments):
    """Print how cyem was built and what it uses on this machine."""
    if arguments.json:
        show_json(**cyem.show_config("dict"))
    else:
        with output():
            cyem.show_config()


def schema(arguments):
    """Print what a command prints with --json, as JSON Schema."""
    show(json.dumps(of(arguments.command), indent=1))


def _search(arguments):
    """X, weights and what `cyem.select` makes of them."""
    X, weights, *_ = samples(arguments)
    settings = _settings(arguments, "n_components", "covariance_types", "criterion", "time_budget", "family")
    try:
        return X, weights, cyem.select(X, sample_weight=weights, **settings)
    except UndefinedCriterion as error:
        show(error.selection)  # what there is
        raise


def _draw_curves(path, selection):
    """The criterion over the number of components."""
    from ..plotting import CriterionDisplay

    _draw(path, lambda figure: CriterionDisplay.from_selection(selection, ax=figure))


def _draw_model(path, model, X):
    """A mixture over the samples."""
    from ..plotting import MixtureDisplay

    with muted(NamelessWarning):  # the picture shows the names of the model
        _draw(path, lambda figure: MixtureDisplay.from_estimator(model, X.X, ax=figure))


def _draw(path, draw):
    from matplotlib.figure import Figure  # of pyplot, nothing: it may want a screen

    figure, content = Figure(), io.BytesIO()
    draw(figure)
    figure.savefig(content, format=path.rpartition(".")[2].lower(), dpi=150)
    files.write(path, lambda file: file.write(content.getvalue()))


def _settings(arguments, *names):
    """Those parameters of a fit that were given."""
    return _given(arguments, *names, "random_state", "n_threads", "tol", "max_iter", "n_init", "background")


def _given(arguments, *names):
    """Those parameters that were given."""
    return {name: value for name in names if (value := getattr(arguments, name)) is not None}


def _description(model):
    """A fitted model as plain values."""
    names = getattr(model, "feature_names_in_", None)
    return {
        "n_components": model.n_components,
        "covariance_type": model.covariance_type,
        "feature_names": None if names is None else list(names),
        "mean_log_likelihood": float(model.lower_bound_),
        "converged": bool(model.converged_),
        "n_iter": int(model.n_iter_),
        "report": list(model.fit_report_),
        **{name: getattr(model, f"{name}_").tolist() for name in ("weights", "means", "covariances")},
        "degrees_of_freedom": None if state.tails(model) is None else model.degrees_of_freedom_.tolist(),
        "background_weight": float(getattr(model, "background_weight_", 0.0)),
    }


def _plain(findings):
    """Findings as plain values."""
    return [finding._asdict() for finding in findings]
