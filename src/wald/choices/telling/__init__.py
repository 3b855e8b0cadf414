"""What was found by a race, for a person: findings, answers, tables and the lines of code that use it."""

from .answers import answers_of as answers_of
from .findings import findings_of as findings_of
from .given import Given as Given, given_of as given_of
from .money import Money as Money, money_of as money_of
from .recipes import TOOLS as TOOLS, recipe as recipe
from .tables import figures_of as figures_of
