"""What a target is: its task, its classes or numbers, its rows, and what is likely to go wrong with it."""

from .facts import (
    Classes as Classes,
    Clusters as Clusters,
    Group as Group,
    Leak as Leak,
    Noise as Noise,
    Numbers as Numbers,
    Order as Order,
    Outliers as Outliers,
    Repeats as Repeats,
    Residuals as Residuals,
    Support as Support,
    Tail as Tail,
    Task as Task,
)
from .portrait import Profile as Profile
from .reading import profile as profile
