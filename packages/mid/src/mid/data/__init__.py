"""Tables for attribute inference: a law with a known best attack, and readers of real tables that users bring."""

from mid.data.tables import load_adult as load_adult
from mid.data.tables import load_fair as load_fair
from mid.data.tables import load_iwpc as load_iwpc
from mid.data.tables import load_steak as load_steak
from mid.data.warfarin import WarfarinLaw as WarfarinLaw

__all__ = ["WarfarinLaw", "load_adult", "load_fair", "load_iwpc", "load_steak"]
