"""The frame of the command: what it does with words that it does not know, errors, pipes and Ctrl-C."""

from argparse import ArgumentParser, Namespace
import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

import wald
from wald import cli
from wald.cli import frame

COMMANDS = ["list", "show", "check", "diff", "why", "choose", "audit", "design", "doctor", "bench"]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch):
    """Puts a command `list` in the place of the real one, which does what the test says."""

    def put(run) -> None:
        def add_arguments(parser: ArgumentParser) -> None:
            parser.add_argument("words", nargs="*")
            parser.add_argument("--json", action="store_true")

        found = SimpleNamespace(__doc__="Do nothing.", add_arguments=add_arguments, run=run)
        monkeypatch.setattr(frame, "import_module", lambda name: found)

    return put


def fails_with(error: BaseException):
    def run(arguments: Namespace) -> int:
        raise error

    return run


def test_every_command_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--help"]) == 0
    told = capsys.readouterr().out
    assert all(f"\n  {name} " in told for name in COMMANDS)
    assert list(cli.COMMANDS) == COMMANDS
    assert max(map(len, told.splitlines())) <= 100


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"wald {wald.__version__}\n"


def test_nothing_at_all_is_answered_with_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 2
    said = capsys.readouterr()
    assert "wald COMMAND" in said.err
    assert said.out == ""


@pytest.mark.parametrize(
    ("wrong", "right"), [("lst", "list"), ("chek", "check"), ("shwo", "show"), ("--versoin", "--version")]
)
def test_an_unknown_word_is_answered_with_the_nearest(
    wrong: str, right: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([wrong]) == 2
    said = capsys.readouterr()
    assert f"Did you mean {right!r}?" in said.err
    assert said.out == ""


def test_a_word_like_no_other_is_answered_with_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["zzz"]) == 2
    assert ", ".join(COMMANDS) in capsys.readouterr().err


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_with_examples(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([name, "--help"]) == 0
    told = capsys.readouterr().out
    assert told.startswith(f"usage: wald {name}")
    assert told.count(f"\n  wald {name}") >= 3
    assert "--json" in told
    assert cli.main(["help", name]) == 0
    assert capsys.readouterr().out == told


def test_help_fits_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("list", "show"):
        cli.main([name, "--help"])
        told = capsys.readouterr().out.partition("Examples:")[0]
        assert max(map(len, told.splitlines())) <= 80


def test_an_unknown_option_is_answered_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["list", "--jsn"]) == 2
    said = capsys.readouterr()
    assert "Did you mean '--json'?" in said.err
    assert "usage: wald list" in said.err
    assert said.out == ""


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (KeyError("no loss is known as 'x'."), "wald list: no loss is known as 'x'.\n"),
        (ValueError("delta must be > 0"), "wald list: delta must be > 0\n"),
        (
            FileNotFoundError(2, "No such file or directory", "mine.py"),
            "wald list: mine.py: No such file or directory\n",
        ),
    ],
)
def test_an_error_of_the_caller_is_one_line(
    command, error: Exception, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command(fails_with(error))
    assert cli.main(["list"]) == 2
    assert capsys.readouterr().err == told


@pytest.mark.parametrize(
    "error", [KeyError("classes"), RuntimeError("the sizes of tensors differ"), ZeroDivisionError()]
)
def test_a_defect_of_ours_shows_where_it_is(command, error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    command(fails_with(error))
    assert cli.main(["list"]) == 3
    told = capsys.readouterr().err
    assert "Traceback" in told
    assert "defect of Wald" in told


def test_a_traceback_can_be_asked_for(
    command, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command(fails_with(ValueError("delta must be > 0")))
    monkeypatch.setenv("WALD_TRACEBACK", "1")
    assert cli.main(["list"]) == 2
    assert "Traceback" in capsys.readouterr().err


def test_what_a_command_returns_is_the_exit_code(command) -> None:
    for code in (0, 1, 2, 3):
        command(lambda arguments, code=code: code)
        assert cli.main(["list"]) == code


def test_ctrl_c_is_quiet(command, capsys: pytest.CaptureFixture[str]) -> None:
    command(fails_with(KeyboardInterrupt()))
    assert cli.main(["list"]) == 130
    assert capsys.readouterr().err == ""


@pytest.mark.skipif(os.name == "nt", reason="signals and pipes of Unix")
def test_ctrl_c_is_quiet_in_a_process_of_its_own() -> None:
    # A run of the tests that was started with Ctrl-C ignored (nohup) hands that on to its children.
    program = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
from types import SimpleNamespace
from wald.cli import frame
def run(arguments):
    print("ready", flush=True)
    time.sleep(60)
frame.import_module = lambda name: SimpleNamespace(__doc__="", add_arguments=lambda parser: None, run=run)
sys.exit(frame.main(["list"]))
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        assert running.stdout.readline() == b"ready\n"
        time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        assert running.wait(timeout=20) == 130
        assert running.stderr.read() == b""


@pytest.mark.skipif(os.name == "nt", reason="signals and pipes of Unix")
def test_a_closed_pipe_is_silent() -> None:
    # `wald list | head -1`, where nobody reads on: enough is written to fill the pipe and more.
    program = """
import sys
from types import SimpleNamespace
from wald.cli import frame
def run(arguments):
    print("line\\n" * 200_000)
    return 0
frame.import_module = lambda name: SimpleNamespace(__doc__="", add_arguments=lambda parser: None, run=run)
sys.exit(frame.main(["list"]))
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        assert running.stdout.readline() == b"line\n"
        running.stdout.close()
        assert running.wait(timeout=20) == 141
        assert running.stderr.read() == b""


def test_a_terminal_without_our_letters_gets_question_marks_and_no_traceback() -> None:
    environment = os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = subprocess.run(
        [sys.executable, "-m", "wald", "show", "Huber"], env=environment, capture_output=True, check=True
    )
    assert b"?" in done.stdout
    assert done.stderr == b""
