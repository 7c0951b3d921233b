"""Sessions in the database, their row read by a prepared query: it is the first one of every page."""

from datetime import datetime

from django.contrib.sessions.backends.db import SessionStore as SessionsEnBase
from django.contrib.sessions.models import Session
from django.db.models import QuerySet
from django.utils import timezone

from portail.socle.lecture import Preparee


def _vivante(cle: str, maintenant: datetime) -> QuerySet[Session]:
    return Session.objects.filter(session_key=cle, expire_date__gt=maintenant)


VIVANTE = Preparee(_vivante, Session._meta.pk, Session._meta.get_field("expire_date"))


class SessionStore(SessionsEnBase):
    """Django's, but for how the row is read (SESSION_ENGINE names this module)."""

    def _get_session_from_db(self) -> Session | None:
        trouvees = VIVANTE.objets(self.session_key, timezone.now())
        if trouvees:
            return trouvees[0]
        self._session_key = None
        return None
