"""The native library: C++ with a C interface, chosen by the processor at run time, and never required."""

from .loading import Library as Library, Status as Status, library as library, status as status
