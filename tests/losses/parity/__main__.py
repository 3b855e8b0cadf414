"""Measures every case whose package is installed, says what they add up to, and writes docs/parity.md."""

from .page import PAGE, written
from .summing import measured, summary

if __name__ == "__main__":
    found = measured()
    PAGE.write_text(written(PAGE.read_text("utf-8"), found), "utf-8")
    print(summary(found))
