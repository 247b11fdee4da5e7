"""The section `exports`: where they go, who can be written to, and an entry for every system."""

from pathlib import Path

from pydantic import Field, create_model, field_validator

from reco.exports import EXPORTS
from reco.settings.base import Section


class Contacts(Section):
    """The shop's own file of e-mail addresses, which nothing but exports reads.

    `email` and `customer_id` name its columns; without `customer_id`, addresses are matched by their SHA-256.
    """

    file: Path
    email: str = "email"
    customer_id: str | None = None


class Common(Section):
    """What holds for all systems.

    `link` is the address of a product that the catalogue knows none of, with `{product_id}` in it.
    """

    folder: Path = Path("exports")
    contacts: Contacts | None = None
    link: str | None = Field(default=None, pattern=r"^https?://.*\{product_id\}")

    @field_validator("link")
    @classmethod
    def _one_place(cls, value: str | None) -> str | None:
        if value and value.count("{product_id}") != 1:
            raise ValueError("expected {product_id} in it once")
        return value


#: One entry a system, each with a default for every key.
Exports = create_model(
    "Exports",
    __base__=Common,
    __doc__="Where exports go, and what each system asks for.",
    **{name: (module.Settings, module.Settings()) for name, module in EXPORTS.items()},
)
