"""Floor 2: the catalogue. One loss, or one tight family, a file; one line here for each."""

from ._huber import Huber as Huber
