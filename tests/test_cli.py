"""The command line, from files to output, with the exit codes and the one line of every error."""

import csv
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import cyem
from cyem import cli
from cyem.cli import output
from cyem.families.covariance import STRUCTURES
from cyem.rows import tables


@pytest.fixture(scope="module")
def X():
    rng = np.random.default_rng(0)
    return np.concatenate([rng.normal(0, 1, (80, 2)), rng.normal([6, -6], [0.5, 2], (60, 2))])


@pytest.fixture
def table(tmp_path, monkeypatch, X):
    """In the working folder: points.csv with the columns `x long`, y and name; and the numbers in it."""
    monkeypatch.chdir(tmp_path)
    with open("points.csv", "w", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(["x long", "y", "name"])
        writer.writerows([*row, f"point {i}"] for i, row in enumerate(X.tolist()))
    return X


@pytest.fixture
def run(capsys):
    """``run("fit", "points.csv")``: exit code, standard output, standard error."""

    def run(*arguments):
        try:
            code = cli.main(list(arguments))
        except SystemExit as stop:
            code = stop.code
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def model(table, run):
    """model.npz, of two components of x and y."""
    code, _, err = run("fit", "points.csv", "--drop", "name", "--components", "2", "-o", "model.npz")
    assert (code, err) == (0, "")
    return cyem.load("model.npz")


def read_csv(text):
    header, *rows = csv.reader(io.StringIO(text))
    return header, np.array(rows, dtype=float)


def refused(result):
    """The error line of a command that was refused."""
    code, out, err = result
    assert (code, out) == (2, "")
    assert err.startswith("cyem: error: ") and err.count("\n") == 1
    return err


def test_select(table, run):
    code, out, err = run("select", "points.csv", "--drop", "name", "--components", "1-3")
    assert (code, err) == (0, "")
    expected = cyem.select(table, range(1, 4), random_state=0)
    grid, _, description = out.partition("\n\n")
    lines = grid.splitlines()
    assert len(lines) == 1 + 12 + 1
    assert lines[0].split()[:2] == ["k", "structure"]
    assert [line.split()[-9:-2] for line in lines[1:-1]] == [
        line.split()[-9:-2] for line in expected.table.splitlines()[1:-1]
    ]
    assert lines[-1] == expected.table.splitlines()[-1]
    expected.best_.feature_names_in_ = np.array(["x long", "y"], dtype=object)
    with pytest.warns(UserWarning, match="feature names"):
        assert description == f"{expected.best_.summary(table)}\n\n{expected.verdict}\n"


def test_select_options(table, run):
    code, out, err = run(
        *("select", "points.csv", "--columns", "y,1", "--components", "2,1", "--structures", "diag,full", "--json"),
        *("--criterion", "icl", "--seed", "7", "--n-init", "2", "--tol", "1e-4", "--max-iter", "50", "--threads", "1"),
        *("-o", "best.npz"),
    )
    assert (code, err) == (0, "")
    result = json.loads(out)
    assert [(row["n_components"], row["covariance_type"]) for row in result["rows"]] == [
        *((2, "diag"), (2, "full"), (1, "diag"), (1, "full"))
    ]
    assert result["criterion"] == "icl"
    verdict = result["verdict"]
    assert verdict["kind"] in verdict["headline"] and len(verdict["group_of"]) == result["best"]["n_components"]
    best = cyem.load("best.npz")
    assert list(best.feature_names_in_) == result["best"]["feature_names"] == ["y", "x long"]
    assert best.means_.tolist() == result["best"]["means"]
    assert (best.random_state, best.n_init, best.tol, best.max_iter, best.n_threads) == (7, 2, 1e-4, 50, 1)


def test_select_all_structures(table, run):
    code, out, _ = run("select", "points.csv", "--columns", "1-2", "--components", "2", "--structures", "all", "--json")
    assert code == 0
    assert [row["covariance_type"] for row in json.loads(out)["rows"]] == [shape.code for shape in STRUCTURES]


def test_select_within_a_time_budget(table, run):
    code, out, err = run("select", "points.csv", "--columns", "1-2", "--components", "1-9", "--time-budget", "0.001")
    if code == 2:  # it was over before the first fit
        assert "time_budget=0.001" in refused((code, out, err))
    else:
        assert code == 130 and "time_budget=0.001" in out


def test_select_by_what_is_not_defined_shows_the_table_all_the_same(table, run):
    few = "few.csv"
    with open(few, "w") as file:
        file.writelines(f"{x},{y}\n" for x, y in table[:6].tolist())
    code, out, err = run("select", few, "--components", "1", "--structures", "full", "--criterion", "aicc")
    assert code == 2 and "best by bic" in out
    assert "criterion='aicc' is not defined for any row: it needs more samples" in err


def test_select_marks_what_cannot_be_fitted(run, tmp_path):
    path = tmp_path / "few.csv"
    path.write_text("1,2\n3,5\n4,4\n")
    code, out, _ = run("select", str(path), "--components", "1,4", "--structures", "spherical", "--json")
    rows = json.loads(out)["rows"]
    assert code == 0
    assert rows[0]["reason"] == "" and rows[0]["bic"] is not None
    assert "4" in rows[1]["reason"] and rows[1]["bic"] is None


def test_select_interrupted(table, run, monkeypatch):
    fit = cyem.em.driver.fit

    def impatient(model, parameters, **settings):
        if len(parameters.weights) == 2:
            raise KeyboardInterrupt
        return fit(model, parameters, **settings)

    monkeypatch.setattr("cyem.em.driver.fit", impatient)
    code, out, err = run("select", "points.csv", "--drop", "name", "--structures", "full", "--components", "1-3")
    assert code == 130
    assert err == "cyem: warning: interrupted after 1 of 3 fits: this is the best so far\n"
    assert "* best by bic (smaller is better): 1 component, full" in out
    code, out, err = run("fit", "points.csv", "--drop", "name", "--components", "2", "-o", "model.npz")
    assert (code, out, err) == (130, "", "cyem: interrupted\n")
    assert not os.path.exists("model.npz")


def test_fit(table, run):
    arguments = ("fit", "points.csv", "--drop", "3", "--components", "2", "--structure", "tied", "-o", "model.npz")
    code, out, err = run(*arguments)
    assert (code, err) == (0, "")
    assert out.startswith("Gaussian mixture, 2 components, covariance tied (EEE)")
    loaded = cyem.load("model.npz")
    expected = cyem.GaussianMixture(2, covariance_type="tied", random_state=0).fit(table)
    assert loaded.means_.tobytes() == expected.means_.tobytes()
    assert list(loaded.feature_names_in_) == ["x long", "y"]
    described = json.loads(run(*arguments, "--json")[1])
    assert described["covariances"] == expected.covariances_.tolist()
    assert described["converged"] is True
    assert described["background_weight"] == 0


def test_many_components_are_printed_in_blocks(run, tmp_path):
    path = tmp_path / "x.txt"
    path.write_text("\n".join(map(str, range(60))))
    code, out, _ = run("fit", str(path), "--components", "12", "--structure", "spherical", "-o", str(tmp_path / "m"))
    assert code == 0
    blocks = [line.split()[1:] for line in out.splitlines() if line.startswith("component")]
    assert [number for block in blocks for number in block] == [str(k) for k in range(12)]
    assert len(blocks) > 1
    named = sum(line.startswith("  feature 0 ") for line in out.splitlines())
    assert named == 2 * len(blocks)  # mean and standard deviation


def test_predict(table, model, run):
    points = table
    code, out, err = run("predict", "model.npz", "points.csv")
    header, labels = read_csv(out)
    assert code == 0
    assert err == ("cyem: note: points.csv: 140 rows of 'x long', 'y'; column 'name' not used, as the model has no "
                   "such feature\n")
    del model.feature_names_in_
    assert header == ["component"]
    assert labels[:, 0].tolist() == model.predict(points).tolist()
    header, proba = read_csv(run("predict", "model.npz", "points.csv", "--proba")[1])
    assert header == ["component 0", "component 1"]
    assert proba.tolist() == model.predict_proba(points).tolist()
    out = run("predict", "model.npz", "points.csv", "--json")[1]
    assert json.loads(out) == {"schema": 1, "ids": None, "components": model.predict(points).tolist()}
    out = run("predict", "model.npz", "points.csv", "--json", "--proba")[1]
    assert json.loads(out) == {"schema": 1, "ids": None, "responsibilities": model.predict_proba(points).tolist()}


def test_predict_finds_columns_by_name(table, model, run):
    expected = run("predict", "model.npz", "points.csv")[1]
    swapped = "\n".join(["y,extra,x long", *(f"{y!r},7,{x!r}" for x, y in table.tolist())])
    with open("swapped.csv", "w") as file:
        file.write(swapped)
    code, out, err = run("predict", "model.npz", "swapped.csv")
    assert (code, out) == (0, expected)
    assert err.endswith(": 140 rows of 'x long', 'y'; column 'extra' not used, as the model has no such feature\n")
    assert run("predict", "model.npz", "swapped.csv", "--drop", "extra")[1:] == (expected, "")
    with open("renamed.csv", "w") as file:
        file.write(swapped.replace("x long", "x"))
    assert "column 'x long' of the model not found" in refused(run("predict", "model.npz", "renamed.csv"))
    assert run("predict", "model.npz", "renamed.csv", "--columns", "x,y") == (0, expected, "")


def test_predict_without_names(table, model, run):
    expected = run("predict", "model.npz", "points.csv")[1]
    np.savetxt("plain.txt", table, fmt="%.17g")
    assert run("predict", "model.npz", "plain.txt") == (0, expected, "")
    np.savetxt("plain.txt", np.c_[table, table], fmt="%.17g")
    assert run("predict", "model.npz", "plain.txt", "--drop", "3-4") == (0, expected, "")
    assert "4 columns where the model has 2 features" in refused(run("predict", "model.npz", "plain.txt"))
    np.save("array.npy", table)
    assert run("predict", "model.npz", "array.npy") == (0, expected, "")


def test_score(table, model, run):
    code, out, _ = run("score", "model.npz", "points.csv", "--json")
    result = json.loads(out)
    del model.feature_names_in_
    assert code == 0
    assert result["n_samples"] == len(table)
    assert result["mean_log_likelihood"] == model.score(table)
    assert result["log_likelihood"] == pytest.approx(model.score(table) * len(table))
    assert [result[name] for name in ("bic", "aic", "icl")] == [model.bic(table), model.aic(table), model.icl(table)]
    lines = run("score", "model.npz", "points.csv", "--drop", "name")[1].splitlines()
    assert [line.split()[-2] for line in lines] == ["samples", "likelihood", "likelihood", "bic", "aic", "icl"]
    assert float(lines[3].split()[-1]) == pytest.approx(model.bic(table))
    header, values = read_csv(run("score", "model.npz", "points.csv", "--rows")[1])
    assert header == ["log-density"]
    assert values[:, 0].tolist() == model.score_samples(table).tolist()
    out = run("score", "model.npz", "points.csv", "--rows", "--json")[1]
    assert json.loads(out) == {"schema": 1, "ids": None, "log_densities": model.score_samples(table).tolist()}


@pytest.fixture
def weighted(table):
    """weighted.csv: the numbers, and a column w with their weights; gives the weights."""
    weights = np.arange(len(table)) % 3
    np.savetxt("weighted.csv", np.c_[table[:, :1], weights, table[:, 1:]], delimiter=",", header="x,w,y", comments="")
    return weights.astype(float)


def test_weights(table, weighted, run):
    code, _, err = run("fit", "weighted.csv", "--weights", "w", "--components", "2", "-o", "model.npz")
    assert (code, err) == (0, "")
    loaded = cyem.load("model.npz")
    assert list(loaded.feature_names_in_) == ["x", "y"]
    del loaded.feature_names_in_
    expected = cyem.GaussianMixture(2, random_state=0).fit(table, sample_weight=weighted)
    np.testing.assert_allclose(loaded.means_, expected.means_, rtol=1e-12)
    result = json.loads(run("score", "model.npz", "weighted.csv", "--weights", "w", "--json")[1])
    assert result["n_samples"] == weighted.sum()
    assert result["mean_log_likelihood"] == pytest.approx(expected.score(table, sample_weight=weighted))
    assert result["bic"] == pytest.approx(expected.bic(table, sample_weight=weighted))
    result = json.loads(run("select", "weighted.csv", "--weights", "2", "--components", "2", "--json")[1])
    assert result["rows"][0]["bic"] == pytest.approx(expected.bic(table, sample_weight=weighted))


def test_sample(table, model, run):
    arguments = ("sample", "model.npz", "-n", "5", "--seed", "3")
    header, rows = read_csv(run(*arguments)[1])
    X, labels = model.sample(5, random_state=3)
    assert header == ["x long", "y"]
    assert rows.tolist() == X.tolist()
    header, rows = read_csv(run(*arguments, "--components")[1])
    assert header == ["x long", "y", "component"]
    assert rows.tolist() == np.c_[X, labels].tolist()
    again = json.loads(run(*arguments, "--json")[1])
    assert again == {"schema": 1, "columns": ["x long", "y"], "rows": X.tolist()}
    assert len(run("sample", "model.npz")[1].splitlines()) == 2


def test_sample_goes_back_in(table, model, run):
    with open("samples.csv", "w") as file:
        file.write(run("sample", "model.npz", "-n", "50")[1])
    assert run("score", "model.npz", "samples.csv")[::2] == (0, "")


def test_sample_of_a_model_without_names(run, tmp_path):
    path = str(tmp_path / "model")
    cyem.GaussianMixture.from_parameters([1.0], [[0.0, 1.0]], [[[1.0, 0.0], [0.0, 1.0]]]).save(path)
    assert run("sample", path)[1].splitlines()[0] == "feature 0,feature 1"


def test_version_and_config(run):
    assert run("--version") == (0, f"cyem {cyem.__version__}\n", "")
    code, out, err = run("config")
    assert (code, err) == (0, "")
    assert cyem.__version__ in out
    assert json.loads(run("config", "--json")[1]) == {"schema": 1} | cyem.show_config("dict")


@pytest.mark.parametrize("command", ["select", "report", "fit", "predict", "score", "sample", "config"])
def test_help(run, command):
    code, out, _ = run(command, "--help")
    assert code == 0
    assert out.startswith(f"usage: cyem {command}")


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("", "COMMAND"),
        ("paint", "paint"),
        ("select", "FILE"),
        ("select nothing.csv", "nothing.csv: No such file or directory"),
        ("select .", ".: Is a directory"),
        ("select points.csv --columns 1-3", "row 1 (line 2), column 3 (name): 'point 0' is not a number"),
        ("select points.csv --drop colour", "points.csv: column 'colour' does not exist"),
        ("select points.csv --columns 1 --components 5-", "'5-' is not like 1-10"),
        ("select points.csv --columns 1 --components 3-1", "'3-1' counts downwards"),
        ("select points.csv --columns 1 --components 2,3-1", "'2,3-1' counts downwards"),
        ("select points.csv --columns 1 --components 1-99999999999", "1-99999999999 asks for more than 1,000"),
        ("select points.csv --columns 1 --components 0", "n_components="),
        ("select points.csv --columns 1 --criterion size", "'size'"),
        ("select points.csv --columns 1 --structures square", "square"),
        ("select points.csv --columns 1 --components 999", "999"),
        ("select points.csv --columns 1 --weights 1", "--weights 1 must be one column, with others beside it"),
        ("select points.csv --columns 1-2 --weights 1-2", "--weights 1-2 must be one column"),
        ("select points.csv --columns 1 --tol x", "x"),
        ("select points.csv --columns 1 --weights y", "negative"),
        ("fit points.csv --columns 1", "-o"),
        ("fit points.csv --columns 1 -o nowhere/model", "argument -o/--output: nowhere/model: No such folder"),
        ("fit points.csv --columns 1 -o .", "is not a regular file"),
        ("fit points.csv --columns 1 -o model --components 1-3", "1-3"),
        ("report points.csv --columns 1", "-o"),
        ("report points.csv --columns 1 -o nowhere/page.html", "nowhere/page.html: No such folder"),
        ("report points.csv --columns 1-3 -o page.html", "'point 0' is not a number"),
        ("select points.csv --columns 1 --plot curves", "'curves' must end in .png or .svg or .pdf"),
        ("select points.csv --columns 1 --plot-model nowhere/x.png", "--plot-model: nowhere/x.png: No such folder"),
        ("predict points.csv points.csv", "points.csv': it is no model file"),
        ("predict points.csv model.npz", "MODEL is a file that cyem fit, or cyem select -o, wrote; it comes first"),
        ("outliers points.csv", "required: FILE (after MODEL, which cyem fit"),
        ("selct points.csv", "is select meant?; see cyem --help"),
        ("fit points.csv -o model --structures full", "is --structure meant?; see cyem fit --help"),
        ("predict nothing.npz points.csv", "nothing.npz: No such file or directory"),
        ("sample model.npz -n 0", "argument -n: '0' is not a whole number from 1 to 9223372036854775807"),
        ("sample model.npz -n 999999999999999999999999999999", "argument -n: '999999999999999999999999999999' is not"),
        ("sample model.npz -n 1000000000000000000", "Invalid value for 'n_samples': 1000000000000000000"),
        ("sample model.npz -n 1000000000000000", "out of memory: Unable to allocate 7.11 PiB"),
        ("sample model.npz --seed -1", "argument --seed: '-1' is not a whole number from 0 on"),
        ("fit points.csv --columns 1 -o model --components 1.5", "argument --components: '1.5' is not a whole number"),
        ("fit points.csv --columns 1 -o model --n-init 0", "argument --n-init: '0' is not a whole number from 1 on"),
        ("fit points.csv --columns 1 -o model --max-iter 1e3", "argument --max-iter: '1e3' is not a whole number"),
        ("fit points.csv --columns 1 -o model --threads " + "9" * 5000, "argument --threads: '999"),
    ],
)
def test_errors_are_one_line(table, model, run, command, message):
    assert message in refused(run(*command.split()))


def test_warnings_are_one_line(table, run):
    code, _, err = run("fit", "points.csv", "--drop", "name", "--components", "3", "--max-iter", "1", "-o", "model.npz")
    assert code == 0
    assert err.startswith("cyem: warning: ") and err.count("\n") == 1


def test_what_is_out_of_the_ordinary_is_printed(run, tmp_path):
    path = tmp_path / "flat.txt"
    path.write_text("\n".join(f"{i} {i >= 25:d}" for i in range(50)))
    code, out, err = run("fit", str(path), "--columns", "1-2", "--components", "2", "-o", str(tmp_path / "model"))
    report = cyem.load(tmp_path / "model").fit_report_
    assert code == 0
    assert "".join(f"\n{line}" for line in report) + "\n" in out and report
    assert err.startswith(f"cyem: warning: {report[0]}")


def test_messages_are_one_line(capsys):
    output.say("a\n  b\n")
    assert capsys.readouterr().err == "cyem: a b\n"
    output.say("the cause, " + "x" * 10_000 + ", the remedy")
    err = capsys.readouterr().err
    assert err.startswith("cyem: the cause, xxx") and err.endswith("xxx, the remedy\n") and len(err) < 600


NASTY = "\x1b[31mred\x07\x9b2J\u202e"
SHOWN = r"\x1b[31mred\x07\x9b2J\u202e"


def test_nothing_that_users_name_commands_the_terminal(table, run):
    """Names of columns and of files, in tables, notes, warnings and errors; what is data stays as it is."""
    written = {"delimiter": ",", "comments": "", "encoding": "utf-8"}
    np.savetxt(NASTY, table, header=f"{NASTY},y", **written)
    told = run("fit", NASTY, "-o", "model.npz")
    assert told[0] == 0 and f"  {SHOWN} " in told[1]
    np.savetxt("other", np.c_[table, table], header=f"a,{NASTY},y,{NASTY}2", **written)
    told += run("predict", "model.npz", "other")
    assert f"columns 'a', '{SHOWN}2' not used" in told[-1]
    told += run("select", "nothing" + NASTY)
    assert told[-1] == f"cyem: error: nothing{SHOWN}: No such file or directory\n"
    Path("text").write_text(f"{NASTY},y\n{NASTY},2\n3,4\n", encoding="utf-8")
    told += run("select", "text", "--drop", "y") + run("select", "text", "--criterion", NASTY)
    assert not re.search("[^\n -~]", "".join(map(str, told)))
    assert run("sample", "model.npz")[1].startswith(f"{NASTY},y\n")
    assert json.loads(run("sample", "model.npz", "--json")[1])["columns"] == [NASTY, "y"]


def test_nothing_is_written_over_what_is_read_or_written(table, run, monkeypatch):
    monkeypatch.setattr(cyem, "select", None)  # all of it before the work
    monkeypatch.setattr(cyem.GaussianMixture, "fit", None)
    before = Path("points.csv").read_bytes()
    os.symlink("points.csv", "link.png")
    os.link("points.csv", "twin.png")
    for name in ("points.csv", "./points.csv", os.path.abspath("points.csv"), "link.png", "twin.png"):
        for verb in ("fit", "select", "report"):
            assert f"-o {name} is the data too" in refused(run(verb, "points.csv", "-o", name))
    for option in ("--plot", "--plot-model"):
        for name in ("link.png", "twin.png"):
            assert f"{option} {name} is the data too" in refused(run("select", "points.csv", option, name))
    told = refused(run("select", "points.csv", "-o", "new.png", "--plot", "./new.png"))
    assert "--plot ./new.png is the file of -o too: give another name" in told
    told = refused(run("select", "points.csv", "--plot", "new.png", "--plot-model", "new.png"))
    assert "--plot-model new.png is the file of --plot too" in told
    assert Path("points.csv").read_bytes() == before


@pytest.mark.parametrize("name", [".", "folder", "nowhere/x", "points.csv/x", "pipe", "/dev/null", "x" * 300, "ring"])
def test_what_cannot_be_written_is_told_before_the_work(table, run, monkeypatch, name):
    monkeypatch.setattr(cyem, "select", None)
    monkeypatch.setattr(cyem.GaussianMixture, "fit", None)
    os.mkdir("folder")
    os.mkfifo("pipe")
    os.symlink("ring", "ring")
    for verb, option in (("fit", "-o/--output"), ("select", "-o/--output"), ("report", "-o/--output")):
        assert f"argument {option}: " in refused(run(verb, "points.csv", "-o", name))
    os.rename("folder", "folder.png")
    for option in ("--plot", "--plot-model"):
        picture = "folder.png" if name == "folder" else "nowhere/x.png"
        assert f"argument {option}: " in refused(run("select", "points.csv", option, picture))


def test_names_that_are_not_utf_8(table, run, monkeypatch):
    monkeypatch.setattr("cyem.reporting.pictures.drawn", lambda *_: {})  # which takes most of the time
    name = os.fsdecode(b"points\xff.csv")
    os.rename("points.csv", name)
    search = "--columns", "1-2", "--components", "2", "--structures", "full"
    code, out, err = run("report", name, "-o", f"{name}.html", *search)
    assert (code, err) == (0, "") and out.startswith(r"points\udcff.csv.html: best by bic")
    assert r"<h1>Mixture of points\udcff.csv</h1>" in Path(f"{name}.html").read_text(encoding="utf-8")
    assert run("report", name, "-o", "page.html", "--title", os.fsdecode(b"T\xff"), *search)[0] == 0
    assert r"<h1>T\udcff</h1>" in Path("page.html").read_text(encoding="utf-8")
    assert r"nothing\udcff: No such file" in refused(run("select", os.fsdecode(b"nothing\xff")))


def program(*arguments, **options):
    return subprocess.Popen([sys.executable, "-m", "cyem", *arguments], stdout=subprocess.PIPE, **options)


def test_as_a_program_from_a_pipe(table, model):
    text = "\n".join(f"{x} {y}" for x, y in table.tolist()).encode()
    with program("predict", "model.npz", "-", stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        out, err = process.communicate(text)
    assert (process.returncode, err) == (0, b"")
    assert len(out.splitlines()) == 1 + len(table)


def test_a_reader_that_has_enough(table, model):
    with program("sample", "model.npz", "-n", "200000", stderr=subprocess.PIPE) as process:
        process.stdout.readline()
        process.stdout.close()
        err = process.stderr.read()
    assert (process.returncode, err) == (141, b"")


def test_ctrl_c_in_a_fit_gives_the_best_so_far(table, run, monkeypatch):
    def press(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("cyem.show.progress._Silence.__call__", press)  # after the first iteration
    code, out, err = run("fit", "points.csv", "--columns", "1-2", "--components", "2", "-o", "model.npz")
    assert code == 130 and out.startswith("Gaussian mixture, 2 components")
    assert err == "cyem: warning: interrupted: this is the best so far (iteration 1)\n"
    assert cyem.load("model.npz").n_iter_ == 1


def test_ctrl_c(run, monkeypatch):
    monkeypatch.setattr(tables, "read", lambda *_: signal.raise_signal(signal.SIGINT))
    assert run("select", "-") == (130, "", "cyem: interrupted\n")


def shell(command):
    """Exit code, standard output and standard error of a command line of a shell in which $cyem is the program."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    ran = subprocess.run(["sh", "-c", command], capture_output=True, check=False, timeout=120,
                         env=environment | {"cyem": f"{sys.executable} -m cyem"})
    return ran.returncode, ran.stdout.decode(), ran.stderr.decode()


CLOSED = "cyem: error: the standard output is closed; where nobody reads it, lead it to /dev/null\n"
FULL = "cyem: error: standard output: No space left on device\n"
TAKEN = "cyem: error: -o {} too: give another name\n"
EMPTY = "cyem: error: standard input: the file is empty\n"


@pytest.mark.parametrize(("command", "told"), [
    ("$cyem sample model.npz >&-", (2, "", CLOSED)),
    ("$cyem fit points.csv --columns 1 -o new >&-", (2, "", CLOSED)),
    ("$cyem --help >&-", (2, "", CLOSED)),
    ("$cyem sample model.npz >&- 2>&- <&-", (2, "", "")),
    ("$cyem sample nothing 2>&-", (2, "", "")),
    ("$cyem select - <&-", (2, "", EMPTY)),
    ("$cyem select - < points.csv -o points.csv", (2, "", TAKEN.format("points.csv is the data"))),
    ("$cyem fit points.csv -o out > out", (2, "", TAKEN.format("out is the standard output"))),
    ("$cyem score model.npz points.csv --drop name --json 2>&- <&- | head -c 1", (0, "{", "")),
    ("$cyem sample model.npz -n 99999 > /dev/full", (2, "", FULL)),
    ("$cyem sample model.npz > /dev/full", (2, "", FULL)),
    ("$cyem config > /dev/full", (2, "", FULL)),
    ("$cyem --help > /dev/full", (2, "", FULL)),
    ("$cyem sample nothing 2> /dev/full", (2, "", "")),
])
def test_streams_that_are_closed_or_full(table, model, command, told):
    if "/dev/full" in command and not os.path.exists("/dev/full"):
        pytest.skip("has no such device")
    assert shell(command) == told
    assert not os.path.exists("new")


def test_no_file_takes_the_place_of_a_closed_stream(table, run):
    """A library that writes to the standard error would else write into the model."""
    code = "import os, sys; from cyem import cli, files; fill = lambda file: os.write(2, b'x') + os.write(0, b'x')\n" \
           "cli.main(['config']); files.write('new', fill)"
    Path("run.py").write_text(code)
    assert shell(f"{sys.executable} -P run.py 2>&- <&-")[0] == 0
    assert Path("new").read_bytes() == b""


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_what_an_encoding_does_not_have_is_spelled_out(table, run, encoding):
    np.savetxt("greek.csv", table, delimiter=",", header="λ,y", comments="", encoding="utf-8")
    code, out, err = shell(f"PYTHONIOENCODING={encoding} $cyem fit greek.csv -o model.npz")
    assert (code, err) == (0, "") and r"\u03bb" in out


@pytest.mark.parametrize("seconds", [0, 0.3, 1, 2])
def test_ctrl_c_on_a_report(table, seconds):
    """At any moment: the page is what it was or is whole, one line says what happened, nothing lies beside."""
    Path("page.html").write_text("old")
    files = set(os.listdir())
    arguments = ("report", "-", "--columns", "1-2", "-o", "page.html")
    with program(*arguments, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdin.write(Path("points.csv").read_bytes() + b"\n" * 200_000)  # more than a pipe holds: it has begun
        process.stdin.close()
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        _, err = process.stdout.read(), process.stderr.read()
    page = Path("page.html").read_text(encoding="utf-8")
    assert page == "old" or page.endswith("</html>\n")
    assert set(os.listdir()) == files
    if process.returncode == 0:  # it was over before
        assert err == b""
    else:
        assert process.returncode == 130 and err.startswith(b"cyem: ") and err.count(b"\n") == 1


@pytest.fixture
def gaps(tmp_path):
    """A table with a column of words and three gaps; and its 60 rows."""
    rng = np.random.default_rng(0)
    X = np.round(np.concatenate([rng.normal(0, 1, (30, 2)), rng.normal(9, 1, (30, 2))]), 3)
    X[[0, 5, 40], [0, 1, 1]] = np.nan
    path = tmp_path / "gaps.csv"
    rows = [f"row{i},{','.join('NA' if np.isnan(x) else repr(float(x)) for x in row)}" for i, row in enumerate(X)]
    path.write_text("name,x,y\n" + "\n".join(rows) + "\n")
    return str(path), X


def test_rows_with_gaps_are_used(gaps, run):
    path, _ = gaps
    code, out, err = run("select", path, "--components", "1-3", "--structures", "full,diag", "--json")
    found = json.loads(out)
    assert (code, found["best"]["n_components"]) == (0, 2)
    assert "60 rows of 'x', 'y'; set aside: 'name' (identifiers)" in err
    assert "3 values missing: x (1), y (2); all 60 rows are used" in err
    code, out, err = run("select", path, "--components", "2", "--skip-missing", "--json")
    assert "3 of 60 rows left out" in err


def test_impute(gaps, run, tmp_path):
    path, X = gaps
    model = str(tmp_path / "model.npz")
    assert run("fit", path, "--components", "2", "-o", model)[0] == 0
    code, out, _ = run("impute", model, path)
    header, *rows = [line.split(",") for line in out.splitlines()]
    filled = np.array(rows, float)
    assert (code, header, filled.shape) == (0, ["x", "y"], (60, 2))
    np.testing.assert_array_equal(filled[~np.isnan(X)], X[~np.isnan(X)])
    assert abs(filled[0, 0]) < 3 and abs(filled[40, 1] - 9) < 3
    assert run("predict", model, path)[0] == run("score", model, path)[0] == 0


def test_a_report_and_a_picture_of_rows_with_gaps(gaps, run, tmp_path):
    path, _ = gaps
    page, picture = tmp_path / "page.html", tmp_path / "model.png"
    grid = "--components", "1-3", "--structures", "diag"
    code, _, err = run("report", path, *grid, "-o", str(page))
    assert code == 0 and "all 60 rows are used" in err
    assert "60 rows of 2 features, with 3 missing values in 3 of the rows" in page.read_text()
    assert run("fit", path, "--components", "2", "-o", str(tmp_path / "m"), "--plot-model", str(picture))[0] == 0
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_labels(run, tmp_path):
    """As `fit(labels=)`: components, or -1 or nothing where nothing is known; beside gaps and weights."""
    rng = np.random.default_rng(0)
    X, w = np.round(rng.normal(size=(40, 2)) + np.repeat([[0], [5]], 20, axis=0), 3), rng.integers(1, 4, 40)
    X[3, 0] = X[30, 1] = np.nan
    y = np.full(40, -1)
    y[:5], y[20:23] = 1, 0
    rows = [f"{a},{'' if label == -1 and i % 2 else label},{b},{v}".replace("nan", "")
            for i, ((a, b), label, v) in enumerate(zip(X, y, w, strict=True))]
    path, model = tmp_path / "t.csv", str(tmp_path / "m")
    path.write_text("x,group,y,w\n" + "\n".join(rows))
    options = "--components", "2", "--labels", "group", "--weights", "w", "-o", model
    code, _, err = run("fit", str(path), *options)
    expected = cyem.GaussianMixture(2, random_state=0).fit(X, sample_weight=w, labels=y)
    found = cyem.load(model)
    assert code == 0 and list(found.feature_names_in_) == ["x", "y"] and "2 values missing" in err
    np.testing.assert_allclose(found.means_, expected.means_)
    assert found.means_[0, 0] > 4 > 1 > found.means_[1, 0]  # numbered as the labels have it
    assert run("fit", str(path), *options, "--skip-missing")[0] == 0
    whole = ~np.isnan(X).any(axis=1)
    expected = cyem.GaussianMixture(2, random_state=0).fit(X[whole], sample_weight=w[whole], labels=y[whole])
    np.testing.assert_allclose(cyem.load(model).means_, expected.means_)
    text = tmp_path / "text.csv"
    words = {-1: "NA", 0: "tall", 1: "short"}
    text.write_text("x,kind,y\n" + "".join(f"{a},{words[label]},{b}\n" for (a, b), label in
                                           zip(X[whole], y[whole], strict=True)))
    code, _, err = run("fit", str(text), "--components", "2", "--labels", "kind", "-o", model)
    assert code == 0 and "--labels kind: short is component 0, tall is component 1" in err
    swapped = np.where(y < 0, -1, 1 - y)
    expected = cyem.GaussianMixture(2, random_state=0).fit(X[whole], labels=swapped[whole])
    np.testing.assert_allclose(cyem.load(model).means_, expected.means_)
    code, _, err = run("fit", str(text), "--components", "1", "--labels", "kind", "-o", model)
    assert code == 2 and "labels must be integers from 0 to n_components - 1 = 0" in err
    for wrong, said in (("none", "none"), ("x", "labels must be integers"), ("w", "--labels w must be one column"),
                        ("2-3", "--labels 2-3")):
        code, _, err = run("fit", str(path), *options[:2], "--labels", wrong, *options[4:])
        assert code == 2 and said in err, err


@pytest.fixture
def people(tmp_path, monkeypatch):
    """people.csv, in which rows have names and Zoe is far from all others; and the numbers in it."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(3)
    X = np.round(np.concatenate([rng.normal(0, 1, (30, 2)), rng.normal(9, 1, (30, 2)), [[4, 900]]]), 3)
    names = [*(f"P{i:02d}" for i in range(60)), "Zoe"]
    rows = [f"{name},{x!r},{y!r},{i % 7}-1-24" for i, (name, (x, y)) in enumerate(zip(names, X.tolist(), strict=True))]
    Path("people.csv").write_text("who,x,y,day\n" + "\n".join(rows) + "\n")
    return X, names


def test_what_was_found_is_said_in_one_line(people, run):
    code, _, err = run("fit", "people.csv", "-o", "model.npz")
    assert code == 0 and err == ("cyem: note: people.csv: 61 rows of 'x', 'y'; set aside: 'who' (identifiers), 'day' "
                                 "(dates) (--columns keeps them)\n")
    Path("german.csv").write_text("Länge;Breite;n;v\n" + "".join(f"{i ** 2 % 13},5;1.{i % 7}00,25;{i};1\n"
                                                                 for i in range(20)), encoding="latin-1")
    code, _, err = run("fit", "german.csv", "-o", "model.npz")
    assert code == 0 and err.startswith(
        "cyem: note: german.csv: 20 rows of 'Länge', 'Breite'; set aside: 'n' (numbers the rows), 'v' (constant) "
        r"(--columns keeps them); not UTF-8 (byte b'\xe4'), taken for cp1252: --encoding says otherwise; decimal "
        "commas, '.' between thousands\n")
    assert run("fit", "german.csv", "--columns", "3-4", "-o", "model.npz")[0] == 0
    assert list(cyem.load("model.npz").feature_names_in_) == ["n", "v"]


def test_rows_keep_their_names(people, run):
    X, names = people
    _, out, err = run("examine", "people.csv", "--id", "who")
    assert "row Zoe (y 900) stands far from all others" in out and "'who'" not in err
    [finding] = json.loads(run("examine", "people.csv", "--id", "who", "--json")[1])["findings"]
    assert finding["rows"] == ["Zoe"]
    assert run("fit", "people.csv", "--components", "2", "-o", "model.npz")[0] == 0
    model = cyem.load("model.npz")
    del model.feature_names_in_
    header, *rows = csv.reader(io.StringIO(run("predict", "model.npz", "people.csv", "--id", "who")[1]))
    assert header == ["who", "component"]
    assert rows == [[name, str(k)] for name, k in zip(names, model.predict(X).tolist(), strict=True)]
    assert json.loads(run("predict", "model.npz", "people.csv", "--id", "1", "--json")[1])["ids"] == names
    assert "--id x,y must be one column" in refused(run("predict", "model.npz", "people.csv", "--id", "x,y"))
    assert "'nobody' does not exist" in refused(run("predict", "model.npz", "people.csv", "--id", "nobody"))


def test_names_of_rows_as_r_and_pandas_write_them(people, run):
    X, names = people
    run("fit", "people.csv", "--components", "2", "-o", "model.npz")
    lines = [f'"{name}" {x!r} {y!r}' for name, (x, y) in zip(names, X.tolist(), strict=True)]
    Path("r.txt").write_text('"x" "y"\n' + "\n".join(lines) + "\n")
    Path("pandas.csv").write_text(",x,y\n" + "\n".join(line.replace(" ", ",") for line in lines) + "\n")
    Path("sorted.csv").write_text(",x,y\n" + "\n".join(f"{70 - i},{x},{y}" for i, (x, y) in enumerate(X.tolist())))
    for name, first in (("r.txt", "P00"), ("pandas.csv", "P00"), ("sorted.csv", "70")):
        lines = run("predict", "model.npz", name)[1].splitlines()
        assert lines[0] == "row,component" and lines[1].startswith(f"{first},") and len(lines) == 62
    Path("plain.csv").write_text(",x,y\n" + "\n".join(f"{i},{x},{y}" for i, (x, y) in enumerate(X.tolist())))
    assert run("predict", "model.npz", "plain.csv")[1].startswith("component\n")


def test_columns_of_the_file_beside_what_is_said_of_rows(people, run):
    X, names = people
    run("fit", "people.csv", "--components", "2", "-o", "model.npz")
    model = cyem.load("model.npz")
    del model.feature_names_in_
    text = run("predict", "model.npz", "people.csv", "--append", "--proba")[1]
    header, *rows = csv.reader(io.StringIO(text))
    assert header == ["who", "x", "y", "day", "component", "component 0", "component 1"]
    assert [row[0] for row in rows] == names and rows[3][3] == "3-1-24"
    assert np.array([row[1:3] for row in rows], float).tolist() == X.tolist()
    assert np.array([row[5:] for row in rows], float).tolist() == model.predict_proba(X).tolist()
    assert run("predict", "model.npz", "people.csv", "--append", "--proba", "-o", "out.csv")[1] == ""
    assert Path("out.csv").read_text() == text
    header = run("predict", "model.npz", "people.csv", "--append", "--id", "day", "--drop", "who")[1].splitlines()[0]
    assert header == "day,x,y,component"
    code, out, err = run("predict", "model.npz", "out.csv", "--append")
    assert (code, out) == (2, "") and "out.csv has column 'component' already: --drop leaves" in err
    header = run("score", "model.npz", "people.csv", "--rows", "--append")[1].splitlines()[0]
    assert header == "who,x,y,day,log-density"
    assert "go with --rows" in refused(run("score", "model.npz", "people.csv", "--append"))
    Path("gaps.csv").write_text(Path("people.csv").read_text().replace("900.0", "NA"))
    header, *_, last = csv.reader(io.StringIO(run("impute", "model.npz", "gaps.csv", "--append")[1]))
    assert header == ["who", "day", "x", "y"] and last[0] == "Zoe" and np.isfinite(float(last[3]))
    lines = run("predict", "model.npz", "gaps.csv", "--append", "--skip-missing")[1].splitlines()
    assert len(lines) == 61 and not lines[-1].startswith("Zoe")


def test_tables_as_parquet(people, run):
    X, names = people
    run("fit", "people.csv", "--components", "2", "-o", "model.npz")
    assert run("predict", "model.npz", "people.csv", "--append", "-o", "out.parquet")[:2] == (0, "")
    polars = pytest.importorskip("polars")
    frame = polars.read_parquet("out.parquet")
    assert frame.columns == ["who", "x", "y", "day", "component"]
    assert frame["who"].to_list() == names and frame[["x", "y"]].to_numpy().tolist() == X.tolist()
    again = run("predict", "model.npz", "out.parquet", "--drop", "component")[1]
    assert again.split() == ["component", *map(str, frame["component"].to_list())]
    assert run("sample", "model.npz", "-n", "9", "-o", "samples.parquet")[0] == 0
    assert polars.read_parquet("samples.parquet").shape == (9, 2)
    assert "'out.txt' must end in .csv or .parquet" in refused(run("sample", "model.npz", "-o", "out.txt"))
    assert "-o people.csv is the data too" in refused(run("predict", "model.npz", "people.csv", "-o", "people.csv"))


def fits(value, schema):
    """Whether a value is as a JSON Schema says, of those words that ours use."""
    types = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool,
             "null": type(None)}
    if "const" in schema:
        return value == schema["const"]
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if not any(isinstance(value, types[kind]) and (kind == "boolean" or not isinstance(value, bool)) for kind in kinds):
        return False
    if isinstance(value, dict):
        return set(schema.get("required", ())) <= set(value) and all(
            fits(value[name], own) for name, own in schema.get("properties", {}).items() if name in value)
    return all(fits(item, schema["items"]) for item in value) if isinstance(value, list) and "items" in schema else True


@pytest.mark.parametrize("command", [
    "select people.csv --components 1-3 --structures full,VVV", "examine people.csv --id who",
    "report people.csv --components 2 --structures diag -o page.html", "fit people.csv -o new.npz",
    "predict model.npz people.csv --id who", "predict model.npz people.csv --proba", "score model.npz people.csv",
    "score model.npz people.csv --rows", "impute model.npz people.csv", "sample model.npz -n 3", "config"])
def test_json_is_as_its_schema_says(people, run, command, monkeypatch):
    monkeypatch.setattr("cyem.reporting.pictures.drawn", lambda *_: {})  # which takes most of the time
    run("fit", "people.csv", "--components", "2", "-o", "model.npz")
    verb = command.split()[0]
    schema = json.loads(run("schema", verb)[1])
    printed = json.loads(run(*command.split(), "--json")[1])
    assert fits(printed, schema) and not fits({}, schema)
    if verb not in ("config", "select"):
        assert set(printed) <= set(schema["properties"])


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize(("line", "offered"), [
    ("cyem im", ["impute"]), ("cyem --vers", ["--version"]), ("cyem fit --sep", ["--separator"]),
    ("cyem select points.csv --criterion ai", ["aic", "aicc"]), ("cyem fit --family ", ["gaussian", "student"]),
    ("cyem schema exa", ["examine"]), ("cyem fit poi", []), ("cyem --completion z", ["zsh"]),
])
def test_completion(run, line, offered):
    """Where nothing is offered, bash completes names of files."""
    code, script, err = run("--completion", "bash")
    assert (code, err) == (0, "")
    *words, last = line.split(" ")
    asked = f'COMP_WORDS=({" ".join(words)} "{last}"); COMP_CWORD={len(words)}; _cyem; echo "${{COMPREPLY[@]}}"'
    done = subprocess.run(["bash", "-c", f"{script}\n{asked}"], capture_output=True, text=True, check=True)
    assert done.stdout.split() == offered and not done.stderr
    assert run("--completion", "zsh")[1].endswith(script)


def test_what_help_says_of_exit_codes(run):
    said = " ".join(run("--help")[1].split())
    assert "exit code is 0 on success, 2 on an error" in said and "130 after Ctrl-C" in said and "141 where" in said


def test_heavy_tails(table, run, monkeypatch):
    """Which the verdict, and examine, advise by family='student'."""
    monkeypatch.setattr("cyem.reporting.pictures.drawn", lambda *_: {})  # which takes most of the time
    found = json.loads(run("select", "points.csv", "--columns", "1-2", "--components", "1-2", "--structures", "full",
                           "--family", "student", "--json", "-o", "model.npz")[1])
    model = cyem.select(table, [1, 2], "full", family="student", random_state=0).best_
    assert found["best"]["degrees_of_freedom"] == model.degrees_of_freedom_.tolist()
    assert type(cyem.load("model.npz")) is cyem.StudentMixture
    assert run("fit", "points.csv", "--columns", "1-2", "--family", "student", "-o", "model.npz")[0] == 0
    assert type(cyem.load("model.npz")) is cyem.StudentMixture
    assert run("outliers", "model.npz", "points.csv")[0] == 0
    assert run("report", "points.csv", "--columns", "1-2", "--components", "1-2", "--structures", "full", "--family",
               "student", "-o", "page.html")[0] == 0


def test_numbers_of_columns_without_names_are_told(run):
    """What is called 0 may be the second column of the file, which --drop has to leave out."""
    Path("bare.txt").write_text("".join(f"p{i % 3} {i * i % 17} 5 {i * i % 23}\n" for i in range(40)))
    _, out, err = run("examine", "bare.txt")
    assert "in every row of column 1" in out
    assert "numbers from 0; of the file these are columns 2, 3, 4" in err


def test_stability(table, run):
    """Which the verdict of select sends to."""
    assert run("fit", "points.csv", "--columns", "1-2", "--components", "2", "-o", "model.npz")[0] == 0
    arguments = ("stability", "model.npz", "points.csv", "--refits", "3", "--seed", "5")
    code, out, _ = run(*arguments)
    model = cyem.load("model.npz")
    with pytest.warns(UserWarning, match="feature names"):
        expected = cyem.stability(model, table, n_bootstrap=3, random_state=5)
    assert (code, out) == (0, f"{expected}\n")
    assert json.loads(run(*arguments, "--json")[1])["jaccard_coefficients"] == expected.jaccard.tolist()


def test_outliers_and_a_background(people, run):
    code, out, _ = run("fit", "people.csv", "--components", "2", "--background", "-o", "model.npz", "--json")
    assert code == 0 and 0 < cyem.load("model.npz").background_weight_ < 0.1
    assert json.loads(out)["background_weight"] == cyem.load("model.npz").background_weight_
    header, *rows = csv.reader(io.StringIO(run("outliers", "model.npz", "people.csv", "--id", "who")[1]))
    assert header == ["who", "outlyingness"] and rows[0][0] == "Zoe" and float(rows[0][1]) < 1e-6
    assert len(rows) < 5
    lines = run("outliers", "model.npz", "people.csv", "--id", "who", "--rows")[1].splitlines()
    assert len(lines) == 62
    header, *odd = csv.reader(io.StringIO(run("outliers", "model.npz", "people.csv", "--append")[1]))
    assert header == ["row", "who", "x", "y", "day", "outlyingness"] and len(odd) == len(rows)
    assert odd[0][:2] == ["61", "Zoe"]
    assert len(run("outliers", "model.npz", "people.csv", "--append", "--rows")[1].splitlines()) == 62
    found = json.loads(run("outliers", "model.npz", "people.csv", "--id", "who", "--json", "--level", "1e-5")[1])
    assert found["ids"] == ["Zoe"]
    assert "--level 2.0" in refused(run("outliers", "model.npz", "people.csv", "--level", "2"))
    proba = run("predict", "model.npz", "people.csv", "--proba", "--id", "who")[1].splitlines()
    assert proba[0] == "who,component 0,component 1,background"
