"""What all sections of the settings are made of."""

from typing import Annotated, Union

from pydantic import BaseModel, ConfigDict, Field

from reco.sources import SOURCES

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]
Rate = Annotated[float, Field(gt=0)]


class Section(BaseModel):
    """A part of the settings: unknown keys are refused, values do not change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


AnySource = Annotated[
    Union[tuple(source.Settings for source in SOURCES.values())],  # noqa: UP007 the union is built from the folder
    Field(discriminator="kind"),
]
