"""A browser for tests of pages, which `tests/environments/browser.sh` runs."""

import shutil

import pytest

BROWSERS = ("chromium", "chromium-browser", "chromium-headless-shell", "google-chrome")


@pytest.fixture(scope="session")
def browser():
    reason = "run by tests/environments/browser.sh, which installs Playwright"
    playwright_api = pytest.importorskip("playwright.sync_api", reason=reason)
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        pytest.skip(f"needs a browser: one of {', '.join(BROWSERS)}")
    # Chromium's sandbox does not run as root, and the pages are made by the tests.
    with playwright_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=program,
            args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"],
        )
        yield opened
        opened.close()
