import numpy as np

from asda.features.normalization import Normalization


def test_the_formula_divides_by_two_standard_deviations():
    norm = Normalization(-4.268, 4.569)
    log_mel = np.array([[-4.268, 4.87], [0.0, -15.9424]])
    np.testing.assert_allclose(norm(log_mel), [[0, 1], [0.467060, -1.277566]], atol=1e-6)
    assert norm(log_mel.astype(np.float32)).dtype == np.float32


def test_one_pass_over_the_values_is_the_same():
    norm = Normalization(-4.268, 4.569)
    log_mel = np.linspace(-16, 5, 99)
    np.testing.assert_allclose(norm.scale * log_mel + norm.offset, norm(log_mel), atol=1e-12)
    assert norm.offset == norm(0.0)
