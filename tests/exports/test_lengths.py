"""A product id that is longer than a system takes is refused by name, and nothing is left of the try."""

import pytest

from reco.errors import InputError
from reco.exports import EXPORTS, running
from reco.exports.nesting import lists
from tests.exports import made


@pytest.mark.parametrize(
    ("system", "most", "column"),
    [("dynamic_yield", 256, "sku"), ("klaviyo", 255, "id"), ("shopify", 255, "handle"), ("watson", 50, "id")],
)
def test_too_long_an_id_is_named(system, most, column, tmp_path):
    def export(length):
        ids = ("x" * length, "b", "c", "d", "e", "f")
        shown = lists(made.slates(ids), made.anchors(ids))
        whole = made.material(products=made.products(ids), lists=shown)
        return running.export(system, whole, EXPORTS[system].Settings(), tmp_path)

    kept, _ = export(most)
    with pytest.raises(InputError, match=rf"{column} 'xxx.*has {most + 1} characters; expected at most {most}"):
        export(most + 1)
    assert (tmp_path / system / "latest").resolve() == kept.resolve()
