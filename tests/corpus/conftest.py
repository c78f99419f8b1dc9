import os
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def kaldi_path(repository: Path) -> str:
    """PATH with utils/ and the Python that runs the tests."""
    return os.pathsep.join(
        [str(repository / "utils"), str(Path(sys.executable).parent), "/usr/bin", "/bin"]
    )
