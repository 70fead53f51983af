"""The command line, from tables in files to tables on the output, pictures and reports."""

import argparse
import csv
import json
import math
import os
import re
import shlex
import sys
import warnings
from itertools import chain

import numpy as np

import cyem

from . import tables
from .criteria import CRITERIA, UndefinedCriterion
from .estimator import NamelessWarning, muted
from .gaussian import INTERRUPTED
from .progress import shown
from .summary import feature_names
from .text import aligned

EPILOG = """
A FILE is text with , ; tab or blanks between the columns, with or without a header, or NumPy's .npy; - is the standard
input. COLUMNS are names, numbers from 1, and ranges such as 2-5, with commas between. Components count from 0, and so
do features without names. The exit code is 0 on success, 2 on an error (one line says what), 130 after Ctrl-C.
"""
BY_NAME = """
The model finds its features in FILE by their names; other columns are left out, which a note says. Where the model or
FILE has no names, the columns are taken as they stand, less those of --drop. --columns overrides both: it gives the
columns in the model's order, whatever their names.
"""
PICTURES = (".png", ".svg", ".pdf")


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
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_, **__: _say(f"warning: {message}")
        try:
            arguments = _parser().parse_args(argv)
            arguments.command_line = shlex.join(["cyem", *(sys.argv[1:] if argv is None else argv)])
            code = arguments.run(arguments)
            sys.stdout.flush()
            return code or 0
        except BrokenPipeError:  # the reader, such as head, has enough; nothing may be written at exit either
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 141
        except KeyboardInterrupt:
            _say("interrupted")
            return 130
        except OSError as error:
            _say(f"error: {error.filename}: {error.strerror}" if error.filename else f"error: {error}")
        except (ValueError, MemoryError) as error:
            _say(f"error: {error}" if str(error) else "error: out of memory")
        return 2


def select(arguments):
    """Fit the grid, print the table and the chosen model."""
    X, weights, selection = _search(arguments)
    model = selection.best_
    if arguments.output:
        model.save(arguments.output)
    if arguments.plot:
        _draw_curves(arguments.plot, selection)
    if arguments.plot_model:
        _draw_model(arguments.plot_model, model, X)
    if arguments.json:
        rows = [row._asdict() for row in selection.rows]
        _print_json(criterion=selection.criterion, rows=rows, best=_description(model))
    else:
        print(selection, "", model.summary(X, weights), sep="\n")
    return 130 if selection.interrupted else 0


def report(arguments):
    """Fit the grid, and write a page about it that needs nothing but a browser."""
    X, weights, selection = _search(arguments)
    title = arguments.title or f"Groups in {'the data' if arguments.file == '-' else os.path.basename(arguments.file)}"
    cyem.report(selection, X, arguments.output, sample_weight=weights, title=title, command=arguments.command_line)
    if arguments.json:
        _print_json(report=arguments.output, best=_description(selection.best_))
    else:
        print(f"{arguments.output}: {selection.verdict}")
    return 130 if selection.interrupted else 0


def fit(arguments):
    """Fit one model, save it and print it."""
    X, weights = _samples(arguments)
    model = cyem.GaussianMixture(**_settings(arguments, "n_components", "covariance_type"))
    with shown(None, model.n_init * model.max_iter, "iterations at most") as tell:
        model.callback = lambda run, iteration, _: tell(run * model.max_iter + iteration)
        model.fit(X, sample_weight=weights)
    model.callback = None
    model.save(arguments.output)
    if arguments.plot_model:
        _draw_model(arguments.plot_model, model, X)
    if arguments.json:
        _print_json(**_description(model))
    else:
        print(model.summary(X, weights))
    return 130 if INTERRUPTED in model.fit_report_ else 0


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
        print(*aligned([(name.replace("_", " "), f"{value:.10g}") for name, value in result.items()]), sep="\n")


def sample(arguments):
    """Print random samples."""
    model = cyem.load(arguments.model)
    X, labels = model.sample(arguments.n, random_state=np.random.default_rng(arguments.seed))
    header = feature_names(model)
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
        cyem.show_config()


class Frame:
    """A table with the names of its columns, as `cyem.data` reads the frames of other libraries."""

    def __init__(self, X, names):
        self.X, self.names, self.shape = X, names, X.shape

    def __len__(self):
        return len(self.X)

    @property
    def column_names(self):
        return self.names

    def itercolumns(self):
        return iter(self.X.T)


def _search(arguments):
    """X, weights and what `cyem.select` makes of them."""
    X, weights = _samples(arguments)
    settings = _settings(arguments, "n_components", "covariance_types", "criterion", "time_budget")
    try:
        return X, weights, cyem.select(X, sample_weight=weights, **settings)
    except UndefinedCriterion as error:
        print(error.selection)  # what there is
        raise


def _samples(arguments):
    """X, with its names where it has some, and weights that the options select from the file."""

    def choose(names, width):
        chosen = tables.columns(names, width, arguments.columns, arguments.drop)
        return _weights_last(chosen, names, width, arguments.weights)

    X, names, weights = _split(*tables.read(arguments.file, choose), arguments.weights)
    return Frame(X, names) if names else X, weights


def _model_and_samples(arguments):
    """The model, and X and weights from the file, with the model's features as columns; see BY_NAME."""
    model, expected = _load(arguments.model)
    weights = getattr(arguments, "weights", None)

    def choose(names, width):
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

    X, _, sample_weight = _split(*tables.read(arguments.file, choose), weights)
    return model, X, sample_weight


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

    figure = Figure()
    draw(figure)
    figure.savefig(path, dpi=150)


def _settings(arguments, *names):
    """Those parameters of a fit that were given."""
    names += ("random_state", "n_threads", "tol", "max_iter", "n_init")
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


def _print_json(**values):
    print(json.dumps(_finite(values), indent=1, allow_nan=False))


def _finite(value):
    """The same with null for NaN and infinity, which JSON does not have."""
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _print_csv(header, rows):
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)


def _say(message):
    """One line on the standard error, in place of a progress line."""
    clear = "\r\x1b[K" if sys.stderr.isatty() else ""
    print(f"{clear}cyem: {' '.join(str(message).split())}", file=sys.stderr, flush=True)


def _listing(noun, names):
    shown = [*map(repr, names[:12]), *["..."] * (len(names) > 12)]
    return f"{noun}{'s' * (len(names) != 1)} {', '.join(shown)}"


def _counts(text):
    """Numbers such as 1-10 or 1,2,5."""
    if not re.fullmatch(r"\d+(-\d+)?(,\d+(-\d+)?)*", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not like 1-10 or 1,2,5")
    ranges = (part.split("-") for part in text.split(","))
    counts = list(chain.from_iterable(range(int(ends[0]), int(ends[-1]) + 1) for ends in ranges))
    if not counts:
        raise argparse.ArgumentTypeError(f"{text!r} counts downwards: the smaller number comes first")
    return counts


def _names(text):
    return text if text == "all" else text.split(",")


def _new_file(path):
    """A path that can be written, as far as can be told before the work."""
    folder = os.path.dirname(os.path.realpath(path))
    if not os.access(folder, os.W_OK):
        raise argparse.ArgumentTypeError(f"cannot write into the folder {folder!r}")
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

    added = command(report, "the same as select, as a page for people: figures, tables, words", "FILE")
    _grid_options(added)
    added.add_argument("-o", "--output", metavar="HTML", type=_new_file, required=True, help="where to write the page")
    added.add_argument("--title", help="what stands on top of it")

    added = command(fit, "fit one model and save it", "FILE")
    _table_options(added)
    add = added.add_argument
    add("--components", dest="n_components", metavar="K", type=int, help="how many (default: 1; select finds it)")
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

    added = command(sample, "print random samples of a model", "MODEL")
    added.add_argument("-n", type=int, default=1, metavar="N", help="how many (default: 1)")
    added.add_argument("--seed", type=int, metavar="N", help="for the same samples again")
    added.add_argument("--components", action="store_true", help="add a column that says which component it is from")

    command(config, "print how cyem was built and what it uses here")
    for added in commands.choices.values():
        added.add_argument("--json", action="store_true", help="JSON instead of text")
    return parser


def _table_options(added, weights=True):
    added.add_argument("--columns", action="append", default=[], help="read only these columns, in this order")
    added.add_argument("--drop", action="append", default=[], metavar="COLUMNS", help="leave these columns out")
    if weights:
        added.add_argument("--weights", metavar="COLUMN", help="this column says how often each row counts")


def _fit_options(added):
    add = added.add_argument
    add("--seed", dest="random_state", metavar="N", type=int, default=0, help="of the random starts (default: 0)")
    add("--n-init", metavar="N", type=int, help="starts per fit, of which the best is kept")
    add("--tol", metavar="X", type=float, help="stop when this gain of the mean log-likelihood or less is left")
    add("--max-iter", metavar="N", type=int, help="iterations at most")
    add("--threads", dest="n_threads", metavar="N", type=int, help="threads (default: all cores it may use)")


def _grid_options(added):
    _table_options(added)
    add = added.add_argument
    add("--components", dest="n_components", metavar="COUNTS", type=_counts, help="such as 1-10 (default) or 1,2,5")
    add("--structures", dest="covariance_types", metavar="NAMES", type=_names,
        help="such as full,diag; all: the 14 codes (default: full,tied,diag,spherical)")
    add("--time-budget", metavar="SECONDS", type=float, help="end the search after that, with the best so far")
    add("--criterion", choices=CRITERIA, help="what the best has the smallest of (default: bic)")
    _fit_options(added)


def _picture(added, option, help):
    added.add_argument(option, metavar="FILE", type=_new_picture, help=f"{help} ({', '.join(PICTURES)})")
