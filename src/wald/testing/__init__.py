"""Floor 4: a loss held to what the checker measures, inside a test suite.

>>> from wald.testing import loss_checks
>>> checks = loss_checks("Huber(delta=1.0)")
>>> checks[0]()  # raises where the loss breaks the rule

In a test file, one test for each rule:

    @pytest.mark.parametrize("check", loss_checks(my_loss))
    def test_my_loss(check):
        check()

Without a test file: `pytest --wald my_losses.py:my_loss`, or the lines of `wald_targets` in the settings of pytest.
"""

from .cases import LossCheck as LossCheck, holds as holds, loss_checks as loss_checks
from .strategies import inputs_of as inputs_of
