"""The command line, from tables in files to tables on the output, pictures and reports."""

import argparse
import csv
import io
import json
import math
import os
import re
import shlex
import signal
import sys
import threading
import warnings
from contextlib import contextmanager
from itertools import chain

import numpy as np

import cyem

from . import files
from .models.history import INTERRUPTED
from .notices import NamelessWarning, muted
from .rows import tables
from .selection.criteria import CRITERIA, UndefinedCriterion
from .show.progress import shown
from .show.summary import feature_names
from .show.text import aligned, printable

EPILOG = """
A FILE is text with , ; tab or blanks between the columns, with or without a header, or NumPy's .npy; - is the standard
input. Values may be missing: empty fields, NA, NaN, null. COLUMNS are names, numbers from 1, and ranges such as 2-5,
with commas between. Components count from 0, and so do features without names. The exit code is 0 on success, 2 on an
error (one line says what), 130 after Ctrl-C.
"""
BY_NAME = """
The model finds its features in FILE by their names; other columns are left out, which a note says. Where the model or
FILE has no names, the columns are taken as they stand, less those of --drop. --columns overrides both: it gives the
columns in the model's order, whatever their names.
"""
PICTURES = (".png", ".svg", ".pdf")
OUTPUTS = {"output": "-o", "plot": "--plot", "plot_model": "--plot-model"}  # files that commands write
UNNAMED = ("", "Unnamed: 0")  # what pandas writes over its index, and reads there
STOPPED = 130  # exit code after Ctrl-C, and where the time was up
LONG = 500  # characters of a message, of whose middle the rest is left out


def program():
    """Run the command of this process, and end it."""
    sys.unraisablehook = _raise_later
    code = main()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is done
    if code == STOPPED:
        os._exit(code)  # there and then: to take apart all that matplotlib loads takes a tenth of a second
    sys.exit(code)


def main(argv=None):
    """Run one command.

    Parameters
    ----------
    argv : list of str, optional
        Arguments; those of the process by default.

    Returns
    -------
    int
        Exit code.
    """
    _hold_streams()
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_, **__: _say(f"warning: {message}")
        try:
            if sys.stdout is None:
                raise ValueError("the standard output is closed; where nobody reads it, lead it to /dev/null")
            if isinstance(sys.stdout, io.TextIOWrapper):
                sys.stdout.reconfigure(errors="backslashreplace")  # as the standard error has it
            arguments = _parser().parse_args(argv)
            arguments.command_line = shlex.join(["cyem", *(sys.argv[1:] if argv is None else argv)])
            _keep_apart(arguments)
            return arguments.run(arguments) or 0
        except BrokenPipeError:  # the reader, such as head, has enough
            return 141
        except KeyboardInterrupt:
            _say("interrupted")
            return STOPPED
        except (OSError, ValueError) as error:
            _say(f"error: {_reason(error)}")
        except MemoryError as error:
            _say(f"error: out of memory{f': {error}' if str(error) else ''}")
        return 2


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
            _print_json(criterion=selection.criterion, rows=rows, best=_description(model), verdict=verdict,
                        findings=_plain(selection.findings))
        else:
            _print(selection.table, "", model.summary(X, weights))
            _print("", selection.verdict)
    return STOPPED if selection.interrupted else 0


def examine(arguments):
    """Look at the data before a model is fitted, and print what a mixture would take for groups that are none."""
    X, weights = _samples(arguments, note=False)  # which is one of the findings
    settings = _given(arguments, "n_components", "covariance_types")
    findings = cyem.examine(X, weights, **settings)
    if arguments.json:
        _print_json(findings=_plain(findings))
    else:
        _print(findings)


def report(arguments):
    """Fit the grid, and write a page about it that needs nothing but a browser."""
    write = cyem.report  # which is imported here, and not while somebody waits after Ctrl-C
    X, weights, selection = _search(arguments, gaps=False)
    title = arguments.title or f"Mixture of {'the data' if arguments.file == '-' else os.path.basename(arguments.file)}"
    figures = not selection.interrupted or arguments.time_budget is not None  # after Ctrl-C nobody waits for them
    page = None
    try:
        page = write(selection, X, arguments.output, sample_weight=weights, title=title,
                     command=arguments.command_line, figures=figures)
    finally:  # what was found is told also where there is no page
        if arguments.json:
            _print_json(report=page and arguments.output, best=_description(selection.best_),
                        findings=_plain(selection.findings))
        else:
            _print(*([selection.table] if page is None else [printable(f"{arguments.output}: {selection.choice}"),
                                                             *selection.findings.text]))
            _print(selection.verdict)
    return STOPPED if selection.interrupted else 0


def fit(arguments):
    """Fit one model, save it and print it."""
    X, weights = _samples(arguments)
    model = cyem.GaussianMixture(**_settings(arguments, "n_components", "covariance_type"))
    findings = cyem.examine(X, weights, model.n_components, model.covariance_type)
    with shown(None, model.n_init * model.max_iter, "iterations at most") as tell:
        model.callback = lambda run, iteration, _: tell(run * model.max_iter + iteration)
        model.fit(X, sample_weight=weights)
    model.callback = None
    try:
        model.save(arguments.output)
        if arguments.plot_model:
            _draw_model(arguments.plot_model, model, X)
    finally:
        if arguments.json:
            _print_json(**_description(model), findings=_plain(findings))
        else:
            _print(model.summary(X, weights), *[""] * bool(findings), *findings.text)
    return STOPPED if INTERRUPTED in model.fit_report_ else 0


def predict(arguments):
    """Print the component of each row, or the responsibilities."""
    model, X, _ = _model_and_samples(arguments)
    if arguments.proba:
        result = model.predict_proba(X).tolist()
        header = [f"component {k}" for k in range(len(model.weights_))]
    else:
        result = [[label] for label in model.predict(X).tolist()]
        header = ["component"]
    if arguments.json:
        _print_json(**({"responsibilities": result} if arguments.proba else {"components": [row[0] for row in result]}))
    else:
        _print_csv(header, result)


def score(arguments):
    """Print how well the model fits the rows, all together or each."""
    model, X, weights = _model_and_samples(arguments)
    if arguments.rows:
        result = model.score_samples(X).tolist()
        if arguments.json:
            _print_json(log_densities=result)
        else:
            _print_csv(["log-density"], ([value] for value in result))
        return
    mean = float(model.score(X, sample_weight=weights))
    n = float(len(X) if weights is None else weights.sum())
    result = {"n_samples": n, "mean_log_likelihood": mean, "log_likelihood": mean * n}
    result |= {name: float(getattr(model, name)(X, sample_weight=weights)) for name in ("bic", "aic", "icl")}
    if arguments.json:
        _print_json(**result)
    else:
        _print(*aligned([(name.replace("_", " "), f"{value:.10g}") for name, value in result.items()]))


def impute(arguments):
    """Print the rows with what is missing filled in: by expected values, given what was observed of the row."""
    model, X, _ = _model_and_samples(arguments)
    header, rows = _columns(cyem.load(arguments.model)), model.impute(X).tolist()
    if arguments.json:
        _print_json(columns=header, rows=rows)
    else:
        _print_csv(header, rows)


def _columns(model):
    """Names of the features, in a file as they are."""
    return list(getattr(model, "feature_names_in_", feature_names(model)))


def export(arguments):
    """Write a model as one file in C99 that needs nothing of cyem or Python."""
    dtype = "float32" if arguments.single else "float64"
    cyem.load(arguments.model).export_c(arguments.output, arguments.name, dtype)
    if arguments.json:
        _print_json(output=arguments.output, name=arguments.name, dtype=dtype)


def sample(arguments):
    """Print random samples."""
    model = cyem.load(arguments.model)
    X, labels = model.sample(arguments.n, random_state=np.random.default_rng(arguments.seed))
    header = _columns(model)
    rows = X.tolist()
    if arguments.components:
        header.append("component")
        rows = [[*row, label] for row, label in zip(rows, labels.tolist(), strict=True)]
    if arguments.json:
        _print_json(columns=header, rows=rows)
    else:
        _print_csv(header, rows)


def config(arguments):
    """Print how cyem was built and what it uses on this machine."""
    if arguments.json:
        _print_json(**cyem.show_config("dict"))
    else:
        with _output():
            cyem.show_config()


class Frame:
    """A table with the names of its columns, as `cyem.rows.data` reads the frames of other libraries."""

    def __init__(self, X, names):
        self.X, self.names, self.shape = X, names, X.shape

    def __len__(self):
        return len(self.X)

    @property
    def column_names(self):
        return self.names

    def itercolumns(self):
        return iter(self.X.T)


def _search(arguments, gaps=True):
    """X, weights and what `cyem.select` makes of them."""
    X, weights = _samples(arguments, gaps)
    settings = _settings(arguments, "n_components", "covariance_types", "criterion", "time_budget")
    try:
        return X, weights, cyem.select(X, sample_weight=weights, **settings)
    except UndefinedCriterion as error:
        _print(error.selection)  # what there is
        raise


def _samples(arguments, gaps=True, note=True):
    """X, with its names where it has some, and weights that the options select from the file.

    gaps: whether values may be missing. note: whether it is said where they are.
    """

    def choose(names, width, text):
        chosen = tables.columns(names, width, arguments.columns, arguments.drop)
        words = [i for i in chosen if i in text and not arguments.columns]
        if 0 < len(words) < len(chosen):
            _say(f"note: {_listing('column', [names[i] if names else i + 1 for i in words])} set aside, as text")
            chosen = [i for i in chosen if i not in words]
        return _weights_last(chosen, names, width, arguments.weights)

    X, names = tables.read(arguments.file, choose)
    if not arguments.columns:
        X, names = _without_index(X, names)
    X, names, weights = _split(X, names, arguments.weights)
    X, weights = _with_gaps(arguments, X, names, weights, gaps, note)
    return Frame(X, names) if names else X, weights


def _with_gaps(arguments, X, names, weights, gaps=True, note=True):
    """The rows that are used, and their weights; a note tells of missing values."""
    missing = np.isnan(X).sum(axis=0) if X.dtype.kind == "f" else np.zeros(X.shape[1])
    if not missing.any():
        return X, weights
    label = [f"{names[i] if names else i + 1} ({missing[i]})" for i in np.flatnonzero(missing).tolist()]
    told = f"{missing.sum()} values missing: {', '.join([*label[:12], *['...'] * (len(label) > 12)])}"
    if arguments.skip_missing:
        whole = ~np.isnan(X).any(axis=1)
        if not whole.any():
            raise ValueError(f"{arguments.file}: {told}; no row is complete, so that --skip-missing leaves none")
        _say(f"note: {told}; {len(X) - whole.sum()} of {len(X)} rows left out")
        return X[whole], weights if weights is None else weights[whole]
    if not gaps:
        raise ValueError(f"{arguments.file}: {told}; this needs complete rows: --skip-missing leaves the others out")
    if note:
        _say(f"note: {told}; all {len(X)} rows are used, each for what was observed; --skip-missing leaves such rows "
             "out")
    return X, weights


def _without_index(X, names):
    """The table without a first column that numbers the rows and has no name, as pandas writes its index."""
    if not names or names[0] not in UNNAMED or len(names) < 2 or not (X[:, 0] == np.arange(len(X))).all():
        return X, names
    _say(f"note: the first column, {names[0]!r}, numbers the rows and has no name: it is set aside; --columns keeps it")
    return X[:, 1:], names[1:]


def _model_and_samples(arguments):
    """The model, and X and weights from the file, with the model's features as columns; see BY_NAME."""
    model, expected = _load(arguments.model)
    weights = getattr(arguments, "weights", None)

    def choose(names, width, text):
        by_name = bool(expected and names and not arguments.columns)
        missing = [name for name in expected if name not in names] if by_name else []
        if missing:
            raise ValueError(
                f"{_listing('column', missing)} of the model not found among {_listing('column', names)}; "
                "--columns gives the columns in the model's order"
            )
        chosen = tables.columns(names, width, expected if by_name else arguments.columns, arguments.drop)
        features = _weights_last(chosen, names, width, weights)
        found = len(features) - (weights is not None)
        if found != model.n_features_in_:
            raise ValueError(
                f"{found} columns where the model has {model.n_features_in_} features; choose with --columns or --drop"
            )
        if by_name:
            left = tables.columns(names, width, drop=arguments.drop)
            if unused := [names[i] for i in left if i not in features]:
                _say(f"note: {_listing('column', unused)} not used, as the model has no such feature")
        return features

    X, names, sample_weight = _split(*tables.read(arguments.file, choose), weights)
    return model, *_with_gaps(arguments, X, names, sample_weight)


def _weights_last(chosen, names, width, weights):
    """The chosen columns without that of the weights, and this one after them if there is one."""
    if weights is None:
        return chosen
    column, *more = tables.columns(names, width, [weights])
    features = [i for i in chosen if i != column]
    if more or not features:
        raise ValueError(f"--weights {weights} must be one column, with others beside it")
    return [*features, column]


def _split(X, names, weights):
    if weights is None:
        return X, names, None
    return X[:, :-1], names and names[:-1], X[:, -1]


def _load(path):
    """The model and the names of its features, which are matched here: the model itself then asks for no names."""
    model = cyem.load(path)
    return model, tuple(vars(model).pop("feature_names_in_", ()))


def _draw_curves(path, selection):
    """The criterion over the number of components."""
    from .plotting import CriterionDisplay

    _draw(path, lambda figure: CriterionDisplay.from_selection(selection, ax=figure))


def _draw_model(path, model, X):
    """A mixture over the samples."""
    from .plotting import MixtureDisplay

    array = X.X if isinstance(X, Frame) else X
    with muted(NamelessWarning):  # the picture shows the names of the model
        _draw(path, lambda figure: MixtureDisplay.from_estimator(model, array, ax=figure))


def _draw(path, draw):
    from matplotlib.figure import Figure  # of pyplot, nothing: it may want a screen

    figure, content = Figure(), io.BytesIO()
    draw(figure)
    figure.savefig(content, format=path.rpartition(".")[2].lower(), dpi=150)
    files.write(path, lambda file: file.write(content.getvalue()))


def _settings(arguments, *names):
    """Those parameters of a fit that were given."""
    return _given(arguments, *names, "random_state", "n_threads", "tol", "max_iter", "n_init")


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
    }


def _plain(findings):
    """Findings as plain values."""
    return [finding._asdict() for finding in findings]


def _raise_later(unraisable):
    """Ctrl-C that came where nothing can be raised, as while something is collected: once more, a moment later."""
    if unraisable.exc_type is KeyboardInterrupt:
        threading.Timer(0.001, signal.pthread_kill, [threading.main_thread().ident, signal.SIGINT]).start()
    else:
        sys.__unraisablehook__(unraisable)


def _hold_streams():
    """Let closed standard streams lead nowhere: of the files that are opened, the first would take their places."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)


def _keep_apart(arguments):
    """Refuse, before the work, to write files over each other or over what is read."""
    source = getattr(arguments, "file", "-")
    taken = {"/dev/stdout": "the standard output", "/dev/stdin" if source == "-" else source: "the data"}
    taken |= {arguments.model: "the model"} if hasattr(arguments, "model") else {}
    for name, option in OUTPUTS.items():
        if path := getattr(arguments, name, None):
            if other := next((other for other in taken if files.same(path, other)), None):
                raise ValueError(f"{option} {path} is {taken[other]} too: give another name")
            taken[path] = f"the file of {option}"


@contextmanager
def _output():
    """The standard output, to the end; if it takes no more, it leads nowhere from then on."""
    try:
        yield sys.stdout
        sys.stdout.flush()
    except OSError as error:
        _abandon(sys.stdout)
        error.filename = "standard output"
        raise


def _abandon(stream):
    """Lead a stream nowhere: what it could not write would be tried once more at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _print(*lines):
    with _output() as output:
        print(*lines, sep="\n", file=output)


def _print_json(**values):
    _print(json.dumps(_finite(values), indent=1, allow_nan=False))


def _finite(value):
    """The same with null for NaN and infinity, which JSON does not have."""
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _print_csv(header, rows):
    with _output() as output:
        writer = csv.writer(output, lineterminator="\n")
        writer.writerow(map(printable, header) if output.isatty() else header)
        writer.writerows(rows)


def _say(message):
    """One line on the standard error, in place of a progress line."""
    if sys.stderr is None:  # closed: the exit code tells
        return
    text = printable(" ".join(str(message).split()))
    if len(text) > LONG:
        text = f"{text[: LONG // 2]} ... {text[-LONG // 2 :]}"
    clear = "\r\x1b[K" if sys.stderr.isatty() else ""
    try:
        print(f"{clear}cyem: {text}", file=sys.stderr, flush=True)
    except OSError:
        _abandon(sys.stderr)


def _reason(error):
    """What an error says, with the file where it is about one."""
    if isinstance(error, OSError) and None not in (error.filename, error.strerror):
        return f"{error.filename or repr(error.filename)}: {error.strerror}"
    return str(error)


def _listing(noun, names):
    shown = [*map(repr, names[:12]), *["..."] * (len(names) > 12)]
    return f"{noun}{'s' * (len(names) != 1)} {', '.join(shown)}"


class _Counts:
    """Numbers such as 1-10 or 1,2,5, one after the other: how many are too many is known when the data are."""

    def __init__(self, text):
        if not re.fullmatch(r"\d{1,99}(-\d{1,99})?(,\d{1,99}(-\d{1,99})?)*", text):
            raise argparse.ArgumentTypeError(f"{text!r} is not like 1-10 or 1,2,5")
        self.text, parts = text, (part.split("-") for part in text.split(","))
        self.ranges = [range(int(ends[0]), int(ends[-1]) + 1) for ends in parts]
        if not all(self.ranges):
            raise argparse.ArgumentTypeError(f"{text!r} counts downwards: the smaller number comes first")

    def __iter__(self):
        return chain.from_iterable(self.ranges)

    def __repr__(self):
        return self.text


def _whole(least, most=None):
    """The type of an option that is a whole number between these."""
    limits = f"from {least} on" if most is None else f"from {least} to {most}"

    def whole(text):
        if not re.fullmatch(r"\+?\d{1,99}", text) or not least <= int(text) <= (most or math.inf):
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number {limits}")
        return int(text)

    return whole


def _names(text):
    return text if text == "all" else text.split(",")


def _new_file(path):
    """A path that can be written, as far as can be told before the work."""
    try:
        files.target(path)
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(_reason(error)) from None
    return path


def _new_picture(path):
    """The same, of a picture."""
    if not path.lower().endswith(PICTURES):
        raise argparse.ArgumentTypeError(f"{path!r} must end in {' or '.join(PICTURES)}")
    try:
        from . import plotting  # noqa: F401
    except ImportError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return _new_file(path)


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        _say(f"error: {message}; see {self.prog} --help")
        self.exit(2)

    def exit(self, status=0, message=None):
        with _output():  # of which --help is a part
            pass
        super().exit(status, message)


def _parser():
    parser = _Parser(prog="cyem", description="Gaussian mixture models.", epilog=EPILOG)
    parser.add_argument("--version", action="version", version=f"cyem {cyem.__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=_Parser)

    def command(run, help, *files, epilog=EPILOG):
        added = commands.add_parser(run.__name__, help=help, description=run.__doc__, epilog=epilog)
        added.set_defaults(run=run)
        for file in files:
            added.add_argument(file.lower(), metavar=file)
        return added

    added = command(select, "find the number of components and the covariance structure", "FILE")
    _grid_options(added)
    added.add_argument("-o", "--output", metavar="MODEL", type=_new_file, help="save the best model")
    _picture(added, "--plot", "draw the criterion over the number of components")
    _picture(added, "--plot-model", "draw the chosen model over the samples")

    added = command(examine, "look at the data before a model is fitted", "FILE")
    _table_options(added)
    _model_options(added)

    added = command(report, "the same as select, as a page for people: figures, tables, words", "FILE")
    _grid_options(added)
    added.add_argument("-o", "--output", metavar="HTML", type=_new_file, required=True, help="where to write the page")
    added.add_argument("--title", help="what stands on top of it")

    added = command(fit, "fit one model and save it", "FILE")
    _table_options(added)
    add = added.add_argument
    add("--components", dest="n_components", metavar="K", type=_whole(1), help="how many (default: 1; select finds it)")
    add("--structure", dest="covariance_type", metavar="NAME",
        help="full (default), tied, diag, spherical, or a code of three letters")
    _fit_options(added)
    added.add_argument("-o", "--output", metavar="MODEL", type=_new_file, required=True, help="where to save the model")
    _picture(added, "--plot-model", "draw the model over the samples")

    added = command(predict, "print the component of each row", "MODEL", "FILE", epilog=BY_NAME + EPILOG)
    _table_options(added, weights=False)
    added.add_argument("--proba", action="store_true", help="the responsibility of each component instead")

    added = command(score, "print how well a model fits a table", "MODEL", "FILE", epilog=BY_NAME + EPILOG)
    _table_options(added)
    added.add_argument("--rows", action="store_true", help="the log-density of each row instead")

    added = command(impute, "print a table with its gaps filled in", "MODEL", "FILE", epilog=BY_NAME + EPILOG)
    _table_options(added, weights=False)

    added = command(export, "write a model as C", "MODEL")
    added.add_argument("-o", "--output", metavar="FILE", type=_new_file, required=True, help="where to write it")
    added.add_argument("--name", default="mixture", help="what its functions begin with (default: mixture)")
    added.add_argument("--single", action="store_true", help="float instead of double")

    added = command(sample, "print random samples of a model", "MODEL")
    added.add_argument("-n", type=_whole(1, sys.maxsize), default=1, metavar="N", help="how many (default: 1)")
    added.add_argument("--seed", type=_whole(0), metavar="N", help="for the same samples again")
    added.add_argument("--components", action="store_true", help="add a column that says which component it is from")

    command(config, "print how cyem was built and what it uses here")
    for added in commands.choices.values():
        added.add_argument("--json", action="store_true", help="JSON instead of text")
    return parser


def _table_options(added, weights=True):
    added.add_argument("--columns", action="append", default=[], help="read only these columns, in this order")
    added.add_argument("--drop", action="append", default=[], metavar="COLUMNS", help="leave these columns out")
    added.add_argument("--skip-missing", action="store_true", help="leave out rows with missing values")
    if weights:
        added.add_argument("--weights", metavar="COLUMN", help="this column says how often each row counts")


def _fit_options(added):
    add = added.add_argument
    add("--seed", dest="random_state", metavar="N", type=_whole(0), default=0, help="of the random starts (default: 0)")
    add("--n-init", metavar="N", type=_whole(1), help="starts per fit, of which the best is kept")
    add("--tol", metavar="X", type=float, help="stop when this gain of the mean log-likelihood or less is left")
    add("--max-iter", metavar="N", type=_whole(1), help="iterations at most")
    add("--threads", dest="n_threads", metavar="N", type=_whole(1), help="threads (default: all cores it may use)")


def _model_options(added, counts="1", names="full"):
    """Which models there shall be; by default these."""
    add = added.add_argument
    add("--components", dest="n_components", metavar="COUNTS", type=_Counts,
        help=f"such as 1-10 or 1,2,5 (default: {counts})")
    add("--structures", dest="covariance_types", metavar="NAMES", type=_names,
        help=f"such as full,diag; all: the 14 codes (default: {names})")


def _grid_options(added):
    _table_options(added)
    _model_options(added, "1-10", "full,tied,diag,spherical")
    add = added.add_argument
    add("--time-budget", metavar="SECONDS", type=float, help="end the search after that, with the best so far")
    add("--criterion", choices=CRITERIA, help="what the best has the smallest of (default: bic)")
    _fit_options(added)


def _picture(added, option, help):
    added.add_argument(option, metavar="FILE", type=_new_picture, help=f"{help} ({', '.join(PICTURES)})")
