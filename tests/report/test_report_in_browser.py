"""The page in a browser: no errors, sorting, players, keyboard, accessibility, narrow windows."""

import pytest
from report.experiments import experiment
from scoring.systems import multi_label, single_label

from asda.report.report_page import write_report

pytestmark = pytest.mark.slow
SERIOUS = ("serious", "critical")


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    root = tmp_path_factory.mktemp("exp")
    folder = experiment(root / "finetune", single_label())
    write_report(folder)
    return folder / "report.html"


@pytest.fixture(scope="module")
def report_of_many_labels(tmp_path_factory):
    folder = experiment(tmp_path_factory.mktemp("exp") / "finetune", multi_label())
    write_report(folder)
    return folder / "report.html"


@pytest.fixture
def opened(browser):
    """Open a file, and fail if the page reports an error until the test ends."""
    said, pages = [], []

    def open_page(path, width=1200, scheme="light"):
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on(
            "request", lambda request: None if is_own(request.url) else said.append(request.url)
        )
        page.goto(path.as_uri())
        pages.append(page)
        return page

    yield open_page
    for page in pages:
        page.close()
    assert said == []


def is_own(url):
    return url.startswith(("file:", "data:"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 360])
def test_axe_finds_nothing_serious(opened, report, report_of_many_labels, scheme, width):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    for path in (report, report_of_many_labels):
        page = opened(path, width, scheme)
        violations = axe.run(page).response["violations"]
        page.locator("button[data-list]").first.click()
        violations += axe.run(page).response["violations"]
        found = [violation for violation in violations if violation["impact"] in SERIOUS]
        assert [(rule["id"], rule["nodes"][0]["html"]) for rule in found] == []


def test_a_narrow_window_does_not_scroll_sideways(opened, report, report_of_many_labels):
    for path in (report, report_of_many_labels):
        page = opened(path, 360)
        for details in page.locator("details").all():
            details.locator("summary").click()
        assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_dark_mode_is_that_of_the_system(opened, report):
    def background(page):
        return page.evaluate("getComputedStyle(document.body).backgroundColor")

    assert background(opened(report)) == "rgb(255, 255, 255)"
    assert background(opened(report, scheme="dark")) == "rgb(20, 23, 27)"


def column(page, index):
    return page.eval_on_selector_all(
        ".sortable tbody tr", f"rows => rows.map(row => row.cells[{index}].textContent)"
    )


def test_a_title_sorts_by_its_column_and_says_so(opened, report):
    page = opened(report)
    header = page.get_by_role("columnheader", name="AP %")
    title = header.get_by_role("button")
    title.click()
    values = [float(text) for text in column(page, 2)]
    assert values == sorted(values)
    assert header.get_attribute("aria-sort") == "ascending"
    assert page.locator("th[aria-sort]").count() == 1
    title.focus()
    page.keyboard.press("Enter")
    assert [float(text) for text in column(page, 2)] == sorted(values, reverse=True)
    assert header.get_attribute("aria-sort") == "descending"
    page.get_by_role("columnheader", name="class").get_by_role("button").click()
    assert column(page, 0) == ["class0", "class1", "class2", "class3"]


def play(page, audio):
    """Play a sound to its end, and return its duration in seconds."""
    return audio.evaluate(
        """async (audio) => {
          audio.muted = true;
          const ended = new Promise((done) => audio.addEventListener("ended", done));
          await audio.play();
          await ended;
          return audio.duration;
        }"""
    )


def test_the_most_confident_errors_have_spectrograms_and_players_that_play(opened, report):
    page = opened(report)
    wrong = int((single_label().scores.argmax(1) != single_label().targets.argmax(1)).sum())
    assert page.locator(".cards > li").count() == min(20, wrong)
    picture = page.locator(".cards img").first
    assert picture.evaluate("image => image.complete && image.naturalWidth") == 48  # 10 ms each
    assert picture.get_attribute("alt").startswith("Spectrogram of utt")
    assert play(page, page.locator(".cards audio").first) == pytest.approx(0.5, abs=0.1)


def test_a_cell_of_the_matrix_opens_its_clips_by_keyboard(opened, report):
    page = opened(report)
    cells = page.locator(".matrix button")
    assert cells.and_(page.locator("[tabindex='0']")).count() == 1  # one stop of the Tab key
    cells.first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    cell = page.locator(":focus")
    assert cell.get_attribute("data-list") == "class1\tclass1"
    page.keyboard.press("ArrowLeft")
    name = page.locator(":focus").get_attribute("aria-label")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name=name)
    assert dialog.is_visible()
    clips = dialog.locator("li")
    assert clips.count() == int(name.split()[0])
    assert "true: class1; predicted: class0" in clips.first.text_content()
    assert play(page, dialog.locator("audio").first) == pytest.approx(0.5, abs=0.1)
    page.keyboard.press("Escape")
    assert not dialog.is_visible()
    assert page.locator(":focus").get_attribute("aria-label") == name


def test_a_number_of_missed_clips_opens_them(opened, report_of_many_labels):
    page = opened(report_of_many_labels)
    button = page.get_by_role("button", name="false alarms of class3")
    count = int(button.text_content())
    button.click()
    assert page.locator("dialog li").count() == min(count, 30)
    page.get_by_role("button", name="Close").click()
    assert not page.locator("dialog").is_visible()


def test_one_sound_plays_at_a_time(opened, report):
    page = opened(report)
    playing = page.evaluate(
        """async () => {
          const [first, second] = document.querySelectorAll(".cards audio");
          for (const audio of [first, second]) {
            audio.muted = audio.loop = true;
            await audio.play();
          }
          await new Promise((done) => setTimeout(done, 50));
          return [!first.paused, !second.paused];
        }"""
    )
    assert playing == [False, True]


def test_a_point_of_the_map_is_heard_by_click_and_by_keyboard(opened, report):
    page = opened(report)
    points = page.get_by_role("option")
    assert points.count() == 60
    points.nth(7).dispatch_event("click")
    assert points.nth(7).get_attribute("aria-selected") == "true"
    now = page.get_by_role("status")
    assert points.nth(7).get_attribute("aria-label").split(",")[0] in now.text_content()
    assert play(page, now.locator("audio")) == pytest.approx(0.5, abs=0.1)
    points.first.focus()
    page.keyboard.press("ArrowRight")
    if page.locator(":focus").get_attribute("data-clip") == points.first.get_attribute("data-clip"):
        page.keyboard.press("ArrowLeft")
    name = page.locator(":focus").get_attribute("aria-label").split(",")[0]
    page.keyboard.press("Enter")
    assert name in now.text_content()
    assert page.locator("[aria-selected='true']").count() == 1


def test_a_label_of_the_legend_shows_its_clips_alone(opened, report):
    page = opened(report)
    label = page.get_by_role("button", name="class2", exact=True)
    label.click()
    assert label.get_attribute("aria-pressed") == "true"
    faint = page.locator(".points .faint")
    assert faint.count() == 45
    assert page.locator(".points .faint[data-label='2']").count() == 0
    label.click()
    assert faint.count() == 0
