"""Pages of a run as PDF: what the print styles make of them in the Chromium of this machine."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from reco.errors import InputError

#: Names that Chromium and browsers made of it go by.
BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

#: Addresses of other pages would be paths of this machine in a PDF; places within the page stay.
_ELSEWHERE: Final = re.compile(r'(<a\b[^>]*?) href="[^"#][^"]*"')

_SECONDS: Final = 120


def chromium() -> str:
    """The browser that prints; raises `InputError` where there is none."""
    for name in BROWSERS:
        if found := shutil.which(name):
            return found
    raise InputError(
        "PDF needs Chromium, and found none; expected one of " + ", ".join(BROWSERS) + " on the path "
        "(scripts/install_chromium.sh installs it), or print a page from your own browser"
    )


def write(pages: Iterable[Path], folder: Path) -> Iterator[Path]:
    """Write each page as a PDF of the same name into `folder`, one after the other; each as it is done.

    Each is replaced whole. Raises `InputError` without Chromium, and naming the page that it could not print.
    """
    browser = chromium()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="reco-pdf-") as scratch:
        for page in pages:
            copy, made = Path(scratch) / page.name, Path(scratch) / f"{page.stem}.pdf"
            copy.write_text(_ELSEWHERE.sub(r"\1", page.read_text(encoding="utf-8")), encoding="utf-8")
            _print(browser, copy, made, Path(scratch) / "profile")
            private = folder / f"{page.stem}.pdf.part"
            shutil.copy(made, private)
            yield private.replace(folder / f"{page.stem}.pdf")


def _print(browser: str, page: Path, made: Path, profile: Path) -> None:
    command = [
        browser,
        "--headless",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        "--host-resolver-rules=MAP * ~NOTFOUND",
        f"--user-data-dir={profile}",
        "--no-pdf-header-footer",
        "--generate-pdf-document-outline",
        f"--print-to-pdf={made}",
        *(["--no-sandbox"] if os.name == "posix" and os.geteuid() == 0 else []),
        page.as_uri(),
    ]
    try:
        subprocess.run(command, capture_output=True, timeout=_SECONDS, check=True)  # noqa: S603 the words above
    except (OSError, subprocess.SubprocessError) as error:
        raise InputError(f"{page.name}: Chromium did not print it ({type(error).__name__})") from None
    if not made.exists():
        raise InputError(f"{page.name}: Chromium did not print it (it wrote nothing)")
