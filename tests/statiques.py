"""The sources of the styles and scripts, served as they are: hashed names need a collectstatic first."""

from django.contrib.staticfiles.storage import StaticFilesStorage

from portail.socle.statiques import AdressesRetenues


class Sources(AdressesRetenues, StaticFilesStorage):
    """As in production, but for the names."""
