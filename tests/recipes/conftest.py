import pytest
from recipes.copies import use_this_python
from recipes.ready_asda import ready_asda


@pytest.fixture(scope="session")
def programs(tmp_path_factory):
    """A folder with an `asda` that starts at once."""
    with ready_asda(tmp_path_factory.mktemp("programs")) as folder:
        yield folder


@pytest.fixture(scope="module", autouse=True)
def environment(programs):
    with pytest.MonkeyPatch.context() as patch:
        use_this_python(patch)
        patch.setenv("PATH", str(programs), prepend=":")
        yield
