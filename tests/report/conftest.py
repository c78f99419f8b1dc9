"""A browser for tests of pages; `tests/environments/browser.sh` installs what it needs."""

import shutil
import sys

import pytest

BROWSERS = ("chromium", "chromium-browser", "chromium-headless-shell", "google-chrome")


@pytest.fixture(scope="session")
def browser(repository):
    sys.path.append(str(repository / "tests/environments/browser"))
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        pytest.skip("needs Playwright: tests/environments/browser.sh installs it")
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        pytest.skip(f"needs a browser: one of {', '.join(BROWSERS)}")
    # Chromium's sandbox does not run as root, and the pages are made by the tests.
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=program,
            args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"],
        )
        yield opened
        opened.close()
