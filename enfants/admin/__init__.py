"""The town hall's side: children, offer, calendar, bookings, attendance."""

from . import calendrier, enfant, inscription, limite, offre, places, pointage, reservation

__all__ = ["calendrier", "enfant", "inscription", "limite", "offre", "places", "pointage", "reservation"]
