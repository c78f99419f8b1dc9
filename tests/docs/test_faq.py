"""docs/faq.md lists the settings that a run does not keep."""

import re

from asda.training.experiment import RUNTIME_KEYS
from asda.training.run_config import ACCEPT


def test_the_faq_names_all_settings_that_may_change_at_any_time(repository):
    page = (repository / "docs/faq.md").read_text(encoding="utf-8")
    sentence = re.search(r"change at any time: (.*?)\.\n\n", page, re.DOTALL).group(1)
    assert set(re.findall(r"`(.*?)`", sentence)) == RUNTIME_KEYS - {"exp", ACCEPT}
