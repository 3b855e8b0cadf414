"""Inputs near the given ones that make a loss as large as can be found.

`Region` says where inputs may go, `Threat` what the case allows, `Victim` what is attacked, `Record` what was found.
`strongest` is every attack there is, each on the rows that the ones before it left; `draw` repeats it over reaches;
`on_numbers` and `on_tokens` add the controls and the attack's checks of itself.
"""

from .campaign import Campaign as Campaign, on_numbers as on_numbers, on_tokens as on_tokens
from .controls import attack_controls as attack_controls, linear as linear
from .curve import SHARES as SHARES, Curve as Curve, draw as draw
from .damage import Damage as Damage, Gauge as Gauge, Worsening as Worsening, worsening as worsening
from .effort import Plan as Plan, affordable as affordable, effort_of as effort_of, level_of as level_of
from .exhibits import exhibits as exhibits
from .masking import MASKED as MASKED, calmed as calmed, masked as masked, spread as spread
from .record import Record as Record
from .region import Choice as Choice, Region as Region
from .selfchecks import Check as Check, self_checks as self_checks
from .threat import Threat as Threat, deviations as deviations
from .union import Effort as Effort, strongest as strongest
from .victim import Victim as Victim
