"""Addresses of the styles, scripts and drawings."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class AdressesRetenues:
    """Works each address out once: a page writes fifteen of them, and they change with a new version only."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._retenues: dict[tuple[str, bool], str] = {}

    def url(self, name: str, *args, **kwargs) -> str:
        cle = name, *args, *kwargs.items()
        if cle not in self._retenues:
            self._retenues[cle] = super().url(name, *args, **kwargs)
        return self._retenues[cle]


class Statiques(AdressesRetenues, CompressedManifestStaticFilesStorage):
    """Compressed files whose name changes with their content, from collectstatic's manifest."""
