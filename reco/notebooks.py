"""The seven notebooks: what each asks, needs, comes after, and takes as parameters."""

from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from reco.errors import InputError

#: Folder of the notebooks.
FOLDER: Final = Path(__file__).resolve().parents[1] / "notebooks"

#: The map of the workbook that `make lab` opens; no run or schedule touches it.
START: Final = FOLDER / "start.ipynb"

Length = Annotated[int, Field(ge=1, le=100)]
Seed = Annotated[int, Field(ge=0)]


class Parameters(BaseModel):
    """Parameters that every notebook takes; a subclass adds its own. Unknown names are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    config: Annotated[str, Field(description="settings file, looked for here and in the folders above")] = (
        "workbook.yaml"
    )


class UnifyData(Parameters):
    """Parameters of 01_unify_data."""

    churn_days: Annotated[
        int, Field(ge=1, description="days without an order after which a customer counts as silent")
    ] = 60


class CompareAlgorithms(Parameters):
    """Parameters of 02_compare_algorithms."""

    k: Annotated[Length, Field(description="length of the recommendation lists that are judged")] = 10
    confidence: Annotated[float, Field(gt=0.5, lt=1, description="confidence level of the intervals")] = 0.95
    seed: Annotated[
        Seed, Field(description="seed of the bootstrap, of the search and of who is shown as an example")
    ] = 0
    budget: Annotated[
        int,
        Field(
            ge=1,
            le=1000,
            description="options that are tried for the leader on new products; 1 tries none but those of the settings",
        ),
    ] = 8
    customers: Annotated[int, Field(ge=0, le=50, description="customers shown as examples")] = 5


class BlendHybrid(Parameters):
    """Parameters of 03_blend_hybrid."""

    k: Annotated[Length, Field(description="length of the recommendation lists that are judged")] = 10
    confidence: Annotated[float, Field(gt=0.5, lt=1, description="confidence level of the intervals")] = 0.95
    seed: Annotated[Seed, Field(description="seed of the bootstrap")] = 0
    step: Annotated[float, Field(gt=0, le=0.5, description="step of the weights that are tried first")] = 0.1
    trials: Annotated[int, Field(ge=0, description="weights that are tried after them, where they promise most")] = 60


class FillContexts(Parameters):
    """Parameters of 04_fill_contexts."""

    example: Annotated[
        int, Field(ge=1, description="which of the best customers the previews are for, 1 is the first")
    ] = 1

    change: Annotated[str, Field(description="a rule to try another way, as rule.option: value or rule: null")] = (
        "min_categories.least: 5"
    )


class AnalyzeExperiments(Parameters):
    """Parameters of 05_analyze_experiments."""

    power: Annotated[float, Field(gt=0.5, lt=1, description="chance to find an effect that is there")] = 0.8
    mde: Annotated[float, Field(gt=0, le=1, description="smallest relative lift worth finding")] = 0.1
    seed: Annotated[
        int, Field(ge=0, description="of the simulated test: who gets which arm, and how visitors behave")
    ] = 0
    experiments: Annotated[
        int, Field(ge=100, description="simulated experiments that the calibration table is counted from")
    ] = 2000


class ReportKpis(Parameters):
    """Parameters of 06_report_kpis."""

    confidence: Annotated[float, Field(gt=0.5, lt=1, description="confidence level of the intervals")] = 0.95
    days: Annotated[
        int, Field(ge=1, le=366, description="length of the period that is set against the one before, in days")
    ] = 7
    products: Annotated[int, Field(ge=1, le=50, description="products listed as earning most, and as least")] = 8
    least: Annotated[int, Field(ge=1, description="impressions that a product must have to be listed")] = 1000
    assignments: Annotated[
        str,
        Field(description="CSV or Parquet of who was held out: customer_id, variant, assigned_at; none if empty"),
    ] = ""
    held_share: Annotated[float, Field(gt=0, lt=1, description="share of customers planned to be held out")] = 0.1


class MonitorAndTune(Parameters):
    """Parameters of 07_monitor_and_tune."""

    k: Annotated[Length, Field(description="length of the recommendation lists that are judged")] = 10


class Notebook(BaseModel):
    """One notebook of the workbook.

    Attributes:
        question: what it answers, as readers see it.
        after: notebooks that must have run, since this one reports on what they build.
        needs: what the store must have: unified tables, `impressions` (logged or simulated), or `experiment`.
        parameters: the model that checks its parameters.
        folder: where its file is.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    title: str
    question: str
    after: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    parameters: type[Parameters]
    folder: Path = FOLDER

    @property
    def path(self) -> Path:
        """The notebook file."""
        return self.folder / f"{self.name}.ipynb"

    def check(self, **values: object) -> Parameters:
        """Its parameters, checked; raises `InputError` as the function `check` does."""
        try:
            return self.parameters(**values)
        except ValidationError as error:
            known = ", ".join(self.parameters.model_fields)
            lines = []
            for detail in error.errors():
                name = ".".join(map(str, detail["loc"]))
                if detail["type"] == "extra_forbidden":
                    lines.append(f"{self.name}: no parameter {name!r}; expected one of {known}")
                else:
                    lines.append(f"{self.name}: {name}: {detail['msg']}, found {detail['input']!r}")
            raise InputError("\n".join(lines)) from None


NOTEBOOKS: Final[dict[str, Notebook]] = {
    notebook.name: notebook
    for notebook in (
        Notebook(
            name="01_unify_data",
            title="Unified data",
            question="What do we know about customers, products and behaviour, and can we trust it?",
            needs=("order_lines",),
            parameters=UnifyData,
        ),
        Notebook(
            name="02_compare_algorithms",
            title="Algorithms compared",
            question="Which algorithm finds what customers buy next, for whom, and how sure are we?",
            after=("01_unify_data",),
            needs=("order_lines",),
            parameters=CompareAlgorithms,
        ),
        Notebook(
            name="03_blend_hybrid",
            title="The hybrid",
            question="How should the algorithms be weighted?",
            after=("02_compare_algorithms",),
            needs=("order_lines",),
            parameters=BlendHybrid,
        ),
        Notebook(
            name="04_fill_contexts",
            title="Contexts filled",
            question="What does each page, cart and e-mail show, and does every slate obey the rules?",
            after=("01_unify_data",),
            needs=("order_lines",),
            parameters=FillContexts,
        ),
        Notebook(
            name="05_analyze_experiments",
            title="Experiments",
            question="Which variant won, may we stop, and what should the next test look like?",
            needs=("experiment", "order_lines"),
            parameters=AnalyzeExperiments,
        ),
        Notebook(
            name="06_report_kpis",
            title="Performance and pay",
            question="How do recommendations perform and pay, by context, against target and control?",
            after=("04_fill_contexts",),
            needs=("order_lines", "impressions"),
            parameters=ReportKpis,
        ),
        Notebook(
            name="07_monitor_and_tune",
            title="Monitoring",
            question="What drifted, what needs retraining, and what would tuning gain?",
            after=("06_report_kpis",),
            needs=("order_lines", "impressions"),
            parameters=MonitorAndTune,
        ),
    )
}


def check(notebook: str, **values: object) -> Parameters:
    """The parameters of a notebook, checked: call it in the cell after the one tagged `parameters`.

    Raises `InputError` that names notebook, parameter, what was found and what was expected.
    """
    if notebook not in NOTEBOOKS:
        raise InputError(f"no notebook {notebook!r}; expected one of {', '.join(NOTEBOOKS)}")
    return NOTEBOOKS[notebook].check(**values)
