import pytest
from recipes.copies import use_this_python


@pytest.fixture(scope="module", autouse=True)
def environment():
    with pytest.MonkeyPatch.context() as patch:
        use_this_python(patch)
        yield
