"""Open every page of a run in Chromium, as readers do, and say what is wrong with it.

    python scripts/check_pages.py reports/complete_journey/latest [--screenshots DIR]

Looked for, in the light and the dark theme: what axe-core finds, requests to anywhere, words on the console, headings
that skip a level, areas that the keyboard cannot reach or scroll, pages wider than a phone of 360 pixels.
Exit code 1 when there is something. Screenshots are written at 360, 768 and 1440 pixels.
"""

import argparse
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import axe_playwright_python
from playwright.sync_api import Browser, Page, sync_playwright

WIDTHS: Final = (360, 768, 1440)
THEMES: Final = ("light", "dark")
AXE: Final = Path(axe_playwright_python.__file__).parent / "axe.min.js"

#: All elements of a page, those in shadow roots among them, in the order of the document.
_ALL: Final = """
const all = (root) => [...root.querySelectorAll('*')].flatMap((e) => [e, ...(e.shadowRoot ? all(e.shadowRoot) : [])]);
const name = (e) => e.outerHTML.slice(0, 90).replace(/\\s+/g, ' ');
const reached = (e) => e.tabIndex >= 0 && e.checkVisibility({visibilityProperty: true});
"""

_HEADINGS: Final = f"""() => {{ {_ALL}
  return all(document).filter((e) => /^H[1-6]$/.test(e.tagName) && e.checkVisibility())
    .map((e) => [Number(e.tagName[1]), e.textContent.trim()]);
}}"""

_UNREACHED: Final = f"""() => {{ {_ALL}
  const scrolls = (e) => {{
    const style = getComputedStyle(e);
    const moves = (value) => value === 'auto' || value === 'scroll';
    return (moves(style.overflowX) && e.scrollWidth > e.clientWidth + 1)
      || (moves(style.overflowY) && e.scrollHeight > e.clientHeight + 1);
  }};
  const stuck = (e) => e.checkVisibility() && scrolls(e) && !all(e).concat(e).some(reached);
  return all(document.body).filter(stuck).map(name);
}}"""

_FOCUSABLE: Final = f"""() => {{ {_ALL} return all(document.body).filter(reached).length; }}"""

#: What has the focus, numbered once; and whether its outline can be seen.
_FOCUSED: Final = """() => {
  let e = document.activeElement;
  while (e && e.shadowRoot && e.shadowRoot.activeElement) e = e.shadowRoot.activeElement;
  if (!e || e === document.body) return null;
  window.reached = window.reached || new Map();
  if (!window.reached.has(e)) window.reached.set(e, window.reached.size);
  const style = getComputedStyle(e);
  return [window.reached.get(e), style.outlineStyle !== 'none' || style.boxShadow !== 'none', e.outerHTML.slice(0, 90)];
}"""


class Finding(NamedTuple):
    """One thing that is wrong: the page, what was looked for, and what was found."""

    page: str
    check: str
    words: str


@contextmanager
def chromium() -> Iterator[Browser]:
    """The system's Chromium without a window; raises `FileNotFoundError` without one."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        raise FileNotFoundError("no Chromium: run scripts/install_chromium.sh")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


def check(browser: Browser, path: Path, pictures: Path | None = None) -> list[Finding]:
    """What is wrong with the page at `path`; pictures of it go into the folder `pictures`."""
    found: list[tuple[str, str]] = []
    context = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    page = context.new_page()
    page.on("console", lambda message: found.append(("console", message.text)))
    page.on("pageerror", lambda error: found.append(("console", str(error))))
    own = path.resolve().as_uri()
    page.on(
        "request",
        lambda request: request.url in (own, "") or _data(request.url) or found.append(("request", request.url)),
    )
    page.goto(own)
    for width in WIDTHS if pictures else ():
        page.set_viewport_size({"width": width, "height": 900})
        page.screenshot(path=pictures / f"{path.stem}-{width}.png", full_page=True)
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    found += _headings(page)
    for width in (360, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        if (wide := page.evaluate("document.documentElement.scrollWidth")) > width:
            found.append(("width", f"{wide} pixels on a screen of {width}"))
        found += [("keyboard", f"cannot scroll at {width}: {one}") for one in page.evaluate(_UNREACHED)]
    page.evaluate(AXE.read_text(encoding="utf-8"))
    for theme in THEMES:
        page.emulate_media(color_scheme=theme)
        found += [("axe", f"{theme}: {words}") for words in _axe(page, only_colours=theme != THEMES[0])]
    found += _tabs(page)
    context.close()
    return [Finding(path.name, *one) for one in found]


def _data(url: str) -> bool:
    return url.startswith("data:")


def _headings(page: Page) -> list[tuple[str, str]]:
    found, before = [], 0
    for level, text in page.evaluate(_HEADINGS):
        if level > before + 1:
            found.append(("headings", f"level {level} after {before}: {text}"))
        before = level
    return found


def _axe(page: Page, only_colours: bool) -> list[str]:
    """What axe-core finds; a second theme changes nothing but colours."""
    asked = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}} if only_colours else {}
    result = page.evaluate("(asked) => axe.run(document, asked)", asked)
    if len(result["passes"]) < (1 if only_colours else 5):
        return ["it did not look"]
    return [f"{rule['id']}: {one['html'][:120]}" for rule in result["violations"] for one in rule["nodes"]]


def _tabs(page: Page) -> list[tuple[str, str]]:
    """Go through the page by Tab: everything that can have the focus gets it, once, and shows it."""
    expected, seen, unseen = page.evaluate(_FOCUSABLE), set(), {}
    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    for _ in range(expected + 3):
        page.keyboard.press("Tab")
        focus = page.evaluate(_FOCUSED)
        if focus is None:
            break
        number, visible, html = focus
        seen.add(number)
        if not visible:
            unseen[number] = html
    found = [("keyboard", f"focus is not to be seen: {html}") for html in unseen.values()]
    if len(seen) < expected:
        found.append(("keyboard", f"Tab reaches {len(seen)} of {expected} places"))
    return found


def main() -> int:
    """Check all pages of a folder; 1 when something is wrong with one of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder of a run")
    parser.add_argument("--screenshots", type=Path, help="folder for pictures; FOLDER/screenshots by default")
    asked = parser.parse_args()
    pictures = asked.screenshots or asked.folder / "screenshots"
    pictures.mkdir(parents=True, exist_ok=True)
    pages = sorted(asked.folder.glob("*.html"))
    if not pages:
        parser.error(f"{asked.folder} holds no page")
    wrong = 0
    with chromium() as browser:
        for path in pages:
            findings = check(browser, path, pictures)
            wrong += len(findings)
            print(f"{'■' if findings else '●'} {path.name}: {len(findings) or 'nothing'} found")
            for finding in findings:
                print(f"    {finding.check}: {finding.words}")
    print(f"{len(pages)} pages, {wrong} findings; pictures in {pictures}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
