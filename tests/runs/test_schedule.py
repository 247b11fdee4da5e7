"""Schedules, each read back by what will read it, from a folder whose name is as hostile as a folder's can be."""

import shlex
import shutil
import subprocess
import sys
from types import ModuleType, SimpleNamespace

import pytest
import yaml

from reco.errors import InputError
from reco.runs.schedule import KINDS, schedule
from reco.settings import load
from tests.runs.conftest import SETTINGS

NOTIFY = (
    "runs: {notify: {services: [CHAT_URL], email: {host: h, sender: s, recipients: [r], user: M_U, password: M_P}}}\n"
)
CONFIG = 'my shop\'s "5%" $a \\b %h.yaml'
NASTY = 'it\'s 50% "$HOME" {{ x }} `id` ; \\n & a=b'


@pytest.fixture
def settings(tmp_path):
    folder = tmp_path / NASTY
    folder.mkdir()
    (folder / CONFIG).write_text(SETTINGS + NOTIFY)
    (folder / "orders.csv").write_text("o\n")
    return load(folder / CONFIG)


def filled(settings, kind, **options):
    return list(schedule(kind, settings, **options).values())


def program(command):
    """The words after the program."""
    return command[command.index("run") :]


RUN = ["run", "--config", CONFIG, "--no-wait"]


def test_cron(settings):
    line = filled(settings, "cron", at="05:07", day="mon")[0].splitlines()[-1]
    assert line.startswith("7 5 * * 1  cd ")
    assert "%" not in line.replace(r"\%", "")
    words = shlex.split(line.split("  ", 1)[1].replace(r"\%", "%"))  # as cron hands it to the shell
    assert words[:3] == ["cd", str(settings.root), "&&"]
    assert program(words)[:4] == RUN
    assert words[-3:] == [">>", "reports/reco-corner.log", "2>&1"]


def test_cron_line_as_a_shell_runs_it(settings):
    line = filled(settings, "cron")[0].splitlines()[-1].split("  ", 1)[1].replace(r"\%", "%")
    (settings.root / "reports").mkdir()
    script = f"reco() {{ :; }}; {line.partition(' && ')[0]} && pwd"
    told = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True)
    assert told.stdout == f"{settings.root}\n"


def test_systemd(settings):
    service, timer = filled(settings, "systemd", at="05:07", day="sun")
    assert "OnCalendar=Sun *-*-* 05:07:00\n" in timer
    assert f"WorkingDirectory={str(settings.root).replace('%', '%%')}\n" in service
    [start] = [line for line in service.splitlines() if line.startswith("ExecStart=")]
    words = [word.replace("%%", "%").replace("$$", "$") for word in shlex.split(start)]  # as systemd reads them
    assert program(words) == RUN
    assert start.count("%") == 2 * words[-2].count("%")
    assert "SuccessExitStatus=3 4\n" in service


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not there")
def test_systemd_takes_its_units(settings, tmp_path):
    for name, text in schedule("systemd", settings).items():
        (tmp_path / name).write_text(text)
    units = [str(tmp_path / f"reco-corner.{kind}") for kind in ("service", "timer")]
    told = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False)
    assert not [line for line in told.stderr.splitlines() if "reco-corner" in line]
    calendar = subprocess.run(["systemd-analyze", "calendar", "Sun *-*-* 05:07:00"], capture_output=True, check=False)
    assert calendar.returncode == 0


def test_github(settings):
    text = filled(settings, "github", at="05:07")[0]
    workflow = yaml.safe_load(text)
    assert workflow[True] == {"schedule": [{"cron": "7 5 * * *"}], "workflow_dispatch": None}  # YAML 1.1 reads on so
    steps = workflow["jobs"]["run"]["steps"]
    [run] = [step for step in steps if step.get("name") == "Run"]
    assert run["env"] == {
        "CONFIG": CONFIG,
        **{name: f"${{{{ secrets.{name} }}}}" for name in ("CHAT_URL", "M_P", "M_U")},
    }
    assert str(settings.root) not in text
    subprocess.run(["/bin/sh", "-n", "-c", run["run"]], check=True)


@pytest.mark.parametrize(("code", "exits"), [(0, 0), (4, 0), (1, 1), (3, 3)])
def test_github_fails_for_failures_only(settings, code, exits):
    steps = yaml.safe_load(filled(settings, "github")[0])["jobs"]["run"]["steps"]
    [run] = [step["run"] for step in steps if step.get("name") == "Run"]
    script = f"set -e; reco() {{ return {code}; }}\n{run}"
    assert subprocess.run(["/bin/sh", "-c", script], check=False, capture_output=True).returncode == exits


class FailError(Exception):
    pass


class SkipError(Exception):
    pass


@pytest.fixture
def airflow(monkeypatch):
    """Stands for Airflow, which is too heavy to install here: keeps what the file hands to it."""
    seen = SimpleNamespace(dag=None, run=None)

    def dag(**options):
        seen.dag = options
        return lambda function: function

    def task(**_):
        def keep(function):
            seen.run = function
            return lambda: None

        return keep

    for name, content in {
        "airflow": {},
        "airflow.sdk": {"dag": dag, "task": task},
        "airflow.exceptions": {"AirflowFailException": FailError, "AirflowSkipException": SkipError},
    }.items():
        module = ModuleType(name)
        module.__dict__.update(content)
        monkeypatch.setitem(sys.modules, name, module)
    return seen


def test_airflow(settings, airflow, monkeypatch):
    ended, calls = SimpleNamespace(code=0), []

    def popen(command, cwd):
        calls.append((command, cwd))
        return SimpleNamespace(wait=lambda *_: ended.code)

    monkeypatch.setattr(subprocess, "Popen", popen)
    code = compile(filled(settings, "airflow", at="05:07")[0], "reco-corner.py", "exec")
    exec(code, {"__name__": "dag"})  # noqa: S102 it is what Airflow does with the file
    assert (airflow.dag["dag_id"], airflow.dag["schedule"], airflow.dag["catchup"]) == (
        "reco-corner",
        "7 5 * * *",
        False,
    )
    assert airflow.run() == "well"
    assert program(calls[0][0]) == RUN
    assert calls[0][1] == str(settings.root)
    ended.code = 4
    assert airflow.run() == "alerts"
    for ended.code, error in ((1, RuntimeError), (2, FailError), (3, SkipError), (-9, RuntimeError)):
        with pytest.raises(error):
            airflow.run()


def test_jupyter_says_what_it_cannot_do(settings):
    text = filled(settings, "jupyter")[0]
    assert f"config = {CONFIG!r}" in text
    assert "latest` does not move" in text


@pytest.mark.parametrize(
    ("kind", "options", "words"),
    [
        ("windows", {}, "no schedule 'windows'; expected one of cron, systemd"),
        ("cron", {"at": "24:00"}, "expected a time of the day"),
        ("cron", {"at": "04:00\n"}, "expected a time of the day"),
        ("cron", {"day": "Mon"}, "expected one of sun, mon"),
    ],
)
def test_what_is_no_schedule_is_refused(settings, kind, options, words):
    with pytest.raises(InputError, match=words):
        schedule(kind, settings, **options)


@pytest.mark.parametrize("kind", KINDS)
def test_a_line_break_in_a_path_is_refused(settings, kind):
    settings._file = settings.root / "x\n* * * * * rm" / "w.yaml"
    with pytest.raises(InputError, match="line break"):
        schedule(kind, settings)
