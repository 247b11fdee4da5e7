"""One export from beginning to end: what goes out, what changed, where it lies."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from reco.errors import InputError
from reco.exports import changes, forms, publishing
from reco.exports.base import Material, Output, at_most
from reco.exports.systems import EXPORTS


class Exported(NamedTuple):
    """What was written, or would be: the folder, and its manifest."""

    folder: Path
    manifest: dict[str, Any]


def named(system: str) -> Any:
    """The module of a system; raises `InputError` that lists those there are."""
    if system not in EXPORTS:
        raise InputError(f"no export to {system!r}; expected one of {', '.join(EXPORTS)}")
    return EXPORTS[system]


def export(
    system: str,
    material: Material,
    settings: Any,
    folder: Path,
    about: dict[str, Any] | None = None,
    *,
    only_changed: bool = False,
    dry_run: bool = False,
    say: Callable[[str], None] = lambda line: None,
) -> Exported:
    """Write what one system takes to a new folder under `folder / system`, or say only what would be written.

    `settings` are those of the system; `about` stands in the manifest beside the counts. With `only_changed`, files
    hold the rows that differ from the last export, but for those that are read as a whole; what is gone stands in a
    file beside each.

    Raises `InputError` where rows do not fit the system's limits, or the disk or server does not take them; what was
    exported before then stands untouched.
    """
    module, target, run = named(system), folder / system, publishing.run_id()
    if only_changed and not getattr(module, "BY_CHANGES", True):
        raise InputError(
            f"{system} replaces everything at once, so that readers never see two versions mixed; expected no --changed"
        )
    outputs = [_checked(output, module.TITLE, material) for output in module.outputs(material, settings)]
    last = publishing.latest(target)
    states, removed, changed = {}, {}, {}
    for number, output in enumerate(outputs):
        if not output.key or output.form == "keys":
            continue
        if only_changed:
            found = changes.since(output, publishing.state_of(target, output.name) if last else None)
            outputs[number] = output if output.whole else found.output
            changed[output.name] = len(found.output.rows)
            removed[output.name], states[output.name] = found.removed, found.state
        elif not dry_run:
            states[output.name] = changes.state(output)
    outputs = [part for output in outputs for part in _parts(output, removed, changed)]
    manifest = {
        "version": 1,
        "system": system,
        "run": run,
        "made_at": material.made_at,
        "changed_since": last["run"] if only_changed and last else None,
        **(about or {}),
        **material.facts,
        "withheld": material.withheld,
        "remarks": material.remarks,
    }
    if dry_run:
        say(f"Would write to {target / run}, and move {target / publishing.LATEST} to it:")
        for output in outputs:
            gone = f", {len(removed[output.name]):,} gone" if output.name in removed else ""
            say(f"  {_told(output)}{gone}; {output.goes_to}")
        for line in _left_out(material):
            say(f"  {line}")
        return Exported(target / run, manifest)
    send = getattr(module, "send", None)
    deliver = (lambda: {"sent": send(outputs, settings, run)}) if send else None
    made = publishing.publish(target, outputs, run, manifest, states, removed, changed, deliver)
    for output in outputs:
        say(f"{_told(output)}; {output.goes_to}")
    for line in _left_out(material):
        say(line)
    return Exported(made, publishing.latest(target) or manifest)


def _checked(output: Output, title: str, material: Material) -> Output:
    if output.form in {"jsonl", "json"}:
        forms.no_nan(output.rows, title)
    if output.form == "xlsx":
        for field in output.rows.schema:
            if pa.types.is_string(field.type):
                at_most(output.rows, field.name, forms.CELL, title)
    output, left = forms.without_formulas(output)
    material.leave_out(f"rows of {output.name} whose ids a spreadsheet would run as formulas", left)
    return output


def _parts(output: Output, removed: dict[str, pa.Table], changed: dict[str, int]) -> list[Output]:
    """An output as it is written; what is gone from it is told beside the first of its files."""
    parts = output.packed(removed.get(output.name)).parts()
    if output.cut and output.name in removed:
        removed[parts[0].name], changed[parts[0].name] = removed.pop(output.name), changed.pop(output.name)
    return parts


def _told(output: Output) -> str:
    return output.name if output.form == "text" else f"{output.name}: {len(output.rows):,} rows"


def _left_out(material: Material) -> list[str]:
    told = [f"Left out: {rows:,} {reason}" for reason, rows in material.withheld.items()]
    return [*told, *(f"Note: {remark}" for remark in material.remarks)]
