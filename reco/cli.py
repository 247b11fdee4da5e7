"""The command line: `reco run` brings the reports up to date, `reco check` tells whether it could."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from reco.errors import InputError

app = typer.Typer(
    help="A workbook of notebooks for product recommendations.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Config = Annotated[Path, typer.Option(help="Settings file, looked for here and in the folders above.")]

Reports = Annotated[Path | None, typer.Option(help="Folder of the reports; beside the settings file by default.")]


@app.callback()
def prepare() -> None:
    """Keep what libraries tell their developers off the console, where a line means something to the reader."""
    logging.captureWarnings(True)


@app.command()
def run(
    config: Config = Path("workbook.yaml"),
    only: Annotated[
        list[str] | None, typer.Option(help="Run only this notebook, such as 02_compare_algorithms. Repeatable.")
    ] = None,
    change: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="For this run: a parameter (k=20), one notebook's (02_compare_algorithms.k=20), or a setting "
            "(kpis.implementation_cost=30000). Repeatable.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the reports; beside the settings file by default.")
    ] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Notebooks side by side; by the cores by default.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Run notebooks that are up to date, too.")] = False,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds that one notebook may take.")] = 1800,
    start: Annotated[
        list[str] | None,
        typer.Option("--from", help="Run this notebook and all that come after it. Repeatable."),
    ] = None,
    wait: Annotated[bool, typer.Option(help="Wait for another run of this store, or leave with exit code 3.")] = True,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be run, and write no report.")] = False,
) -> None:
    """Run the notebooks that are not up to date and publish their reports.

    Exit code 0: all reports are up to date. 1: something failed; the last good reports stand. 2: settings or input are
    not as they must be, and nothing was written. 3: another run is under way. 4: published, with alerts. A run that is
    stopped ends with 130 (Ctrl-C) or 143 (SIGTERM), and the next one does only what is missing.
    """
    from reco.notebooks import NOTEBOOKS
    from reco.runs.runner import BusyError, Code
    from reco.runs.runner import run as run_notebooks

    with _mistakes_in_one_line():
        try:
            ended = run_notebooks(
                config=config,
                only=only or (),
                changes=change or (),
                out=out,
                jobs=jobs,
                force=force,
                timeout=timeout,
                notebooks=NOTEBOOKS,
                say=typer.echo,
                start=start or (),
                wait=wait,
                dry_run=dry_run,
            )
        except (KeyboardInterrupt, SystemExit) as stop:
            typer.echo("Cancelled; the last good reports stand.", err=True)
            raise typer.Exit(stop.code if isinstance(stop, SystemExit) else 130) from None
        except BusyError:
            typer.echo("Another run of this store is under way.", err=True)
            raise typer.Exit(Code.BUSY) from None
        except OSError as error:  # a disk that is full, a folder taken away
            place = f"{error.filename}: " if error.filename else ""
            typer.echo(f"{place}{error.strerror or error}; the last good reports stand.", err=True)
            raise typer.Exit(Code.FAILED) from None
    if dry_run:
        return
    typer.echo(f"Open {ended.page}")
    raise typer.Exit(ended.code)


@app.command()
def check(config: Config = Path("workbook.yaml")) -> None:
    """Check settings and raw files, and say which notebooks they can fill. Runs and writes nothing."""
    from reco.notebooks import NOTEBOOKS
    from reco.runs.checks import findings

    with _mistakes_in_one_line():
        for line in findings(config, NOTEBOOKS):
            typer.echo(line)


@app.command()
def parameters(
    name: Annotated[
        str | None, typer.Argument(help="A notebook, such as 02_compare_algorithms; all by default.")
    ] = None,
) -> None:
    """Print what can be set for the notebooks: by `reco run --set`, or in the settings under `runs.parameters`."""
    from reco.notebooks import NOTEBOOKS
    from reco.parameters import manual
    from reco.runs.plan import select

    with _mistakes_in_one_line():
        for one in select(NOTEBOOKS, [name] if name else []):
            for line in manual(NOTEBOOKS[one]):
                typer.echo(line)


@app.command()
def history(
    config: Config = Path("workbook.yaml"), out: Reports = None, most: Annotated[int, typer.Option(min=1)] = 20
) -> None:
    """List the runs of the store, the newest first: how each ended and what failed in it."""
    from reco.runs.history import lines

    with _mistakes_in_one_line():
        for line in lines(_runs(config, out), most):
            typer.echo(line)


@app.command()
def diff(
    before: Annotated[str, typer.Argument(help="Id of a run, the beginning of one, or latest.")],
    after: Annotated[str, typer.Argument(help="The run to compare it with.")] = "latest",
    config: Config = Path("workbook.yaml"),
    out: Reports = None,
) -> None:
    """Say what differs between two runs: data, code, settings, states, and the figures that notebooks recorded."""
    from reco.runs.compare import differences
    from reco.runs.history import find

    with _mistakes_in_one_line():
        store = _runs(config, out)
        for line in differences(find(store, before), find(store, after)):
            typer.echo(line)


@app.command()
def pdf(
    run: Annotated[str, typer.Argument(help="Id of a run, the beginning of one, or latest.")] = "latest",
    config: Config = Path("workbook.yaml"),
    out: Reports = None,
    to: Annotated[Path | None, typer.Option(help="Folder for the files; pdf/RUN beside the runs by default.")] = None,
) -> None:
    """Write the pages of a run as PDF, with the Chromium of this machine."""
    from reco.report import pdf as printing
    from reco.runs.history import find

    with _mistakes_in_one_line():
        store = _runs(config, out)
        found = find(store, run)
        names = ["index.html", *(entry.page for entry in found.notebooks.values())]
        pages = [store / found.id / name for name in names if (store / found.id / name).exists()]
        if not pages:
            raise InputError(f"run {found.id}: its pages are no longer kept; expected a run that still has them")
        for path in printing.write(pages, to or store / "pdf" / found.id):
            typer.echo(f"Wrote {path}")


@app.command()
def schedule(
    kind: Annotated[str, typer.Argument(help="cron, systemd, github, airflow or jupyter.")],
    at: Annotated[str, typer.Option(help="Time of the day, HH:MM; UTC on GitHub and in Airflow.")] = "04:00",
    on: Annotated[str | None, typer.Option(help="Once a week on this day, such as mon; every day by default.")] = None,
    config: Config = Path("workbook.yaml"),
    out: Annotated[Path | None, typer.Option(help="Write the files into this folder instead of printing them.")] = None,
) -> None:
    """Print what a scheduler needs to call `reco run`, filled in for this store."""
    from reco.runs.schedule import schedule as filled_in
    from reco.settings import load

    with _mistakes_in_one_line():
        files = filled_in(kind, load(config), at, on)
    for name, text in files.items():
        if out is None:
            typer.echo(text)
        else:
            out.mkdir(parents=True, exist_ok=True)
            (out / name).write_text(text, encoding="utf-8")
            typer.echo(f"Wrote {out / name}")


@app.command()
def gallery(
    config: Config = Path("workbook.yaml"),
    out: Annotated[
        Path | None, typer.Option(help="Folder for gallery.html; the reports of the store by default.")
    ] = None,
) -> None:
    """Write a page that shows every context as shoppers see it, on a phone and on a desktop."""
    from reco import pipeline
    from reco.report.gallery import PAGE
    from reco.report.gallery import gallery as made
    from reco.report.privacy import watch
    from reco.workbook import Workbook

    with _mistakes_in_one_line():
        wb = Workbook.load(config)
        wb.check()
        html = made(wb, pipeline.periods(wb).end)
        if kinds := watch(wb.folder).kinds(html):
            raise InputError(f"{PAGE} would show {' and '.join(kinds)}; nothing was written")
    folder = out or wb.settings.root / "reports" / wb.settings.store.name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / PAGE).write_text(html, encoding="utf-8")
    typer.echo(f"Open {folder / PAGE}")


@app.command()
def export(
    system: Annotated[str, typer.Argument(help="Which system's form, such as jsonl, klaviyo or redis.")],
    config: Config = Path("workbook.yaml"),
    out: Annotated[
        Path | None, typer.Option(help="Folder for the exports; exports/STORE beside the settings file by default.")
    ] = None,
    changed: Annotated[bool, typer.Option("--changed", help="Only what changed since the last export.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go where, and write nothing.")] = False,
    until: Annotated[
        str | None, typer.Option(help="As of a day, or of test or validation: when these weeks begin.")
    ] = None,
) -> None:
    """Write the latest slates, and what else one system takes, in its own form.

    Exit code 0: the export is whole. 2: something is not as it must be; the last export stands as it was.
    """
    from reco.exports import running

    with _mistakes_in_one_line():
        running.named(system)
        from reco.exports import material
        from reco.workbook import Workbook

        wb = Workbook.load(config)
        wb.check()
        made = running.export(
            system,
            material.of_workbook(wb, None if until is None else material.moment(wb, until)),
            getattr(wb.settings.exports, system),
            material.folder(wb, out),
            material.about(wb),
            only_changed=changed,
            dry_run=dry_run,
            say=typer.echo,
        )
    if not dry_run:
        typer.echo(f"Exported to {made.folder}")


@app.command()
def forget(
    customer: Annotated[str, typer.Argument(help="Account, e-mail address or device, as the shop's systems name it.")],
    config: Config = Path("workbook.yaml"),
) -> None:
    """Take a customer out of everything that was derived from the shop's exports, for good, and prove it.

    Exit code 0: no row is left. 1: something is. 2: no such customer.
    """
    from reco import forgetting
    from reco.workbook import Workbook

    with _mistakes_in_one_line():
        wb, proof = forgetting.forget(Workbook.load(config), customer)
    typer.echo(
        f"Forgotten: {proof.identifiers} identifiers are on the list {wb.settings.privacy.forgotten}. Searched "
        f"{proof.rows:,} rows of {proof.files} files in {wb.settings.store.path / wb.settings.store.name}: "
        f"{int(proof.found['rows'].sum()):,} mention them."
    )
    for row in proof.found.itertuples():
        typer.echo(f"Still there: {row.file}, column {row.column}, {row.rows:,} rows", err=True)
    for system, runs in proof.exports.groupby("system")["run"].unique().items():
        typer.echo(f"Taken away: exports to {system}, {', '.join(runs)}. Make one anew: reco export {system}")
    if len(proof.exports):
        typer.echo("What was sent to these systems, or written elsewhere by --out, must be deleted there as well.")
    typer.echo(
        "The files that the shop itself exported were not changed, and reports show what they showed until the next "
        "reco run."
    )
    raise typer.Exit(1 if len(proof.found) else 0)


def _runs(config: Path, out: Path | None) -> Path:
    """The folder that holds the runs of a store."""
    from reco.settings import load

    settings = load(config)
    return (out or settings.root / "reports").resolve() / settings.store.name


@contextmanager
def _mistakes_in_one_line() -> Iterator[None]:
    try:
        yield
    except InputError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None


if __name__ == "__main__":
    app()
