"""Who is asking: the active family, the session's limits, the password that must be changed first."""

import time

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from familles.acces import SansFamille
from familles.models import Responsable


class FamilleActive:
    """Sets `request.responsable` (None for agents); a person of two families acts for the one the session holds.

    The attachment is read at each request: withdrawn in the admin, it is gone for a session already open.
    """

    LIBRES = ("/static/", "/theme-", "/logo-", "/deconnexion/", "/mot-de-passe/modifier/", "/sante/")

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.responsable = None
        if request.user.is_authenticated:
            if self._trop_longue(request):
                logout(request)
                return redirect(f"{reverse('connexion')}?fin=1")
            if request.user.doit_changer_mot_de_passe and not request.path.startswith(self.LIBRES):
                return redirect("mot_de_passe_modifier")
            if not request.user.is_staff:
                request.responsable = self._responsable(request)
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, SansFamille):
            return None
        if request.user.is_staff:
            return redirect("admin:index")
        return render(request, "familles/sans_famille.html", status=403)

    @staticmethod
    def _trop_longue(request: HttpRequest) -> bool:
        """Absolute length of the session; also renews its idle limit, once a minute at most (one write a minute)."""
        maintenant = int(time.time())
        debut = request.session.setdefault("debut", maintenant)
        if maintenant - debut > settings.SESSION_ABSOLUE_SECONDES:
            return True
        if maintenant - request.session.get("vu", 0) >= 60:
            request.session["vu"] = maintenant
        return False

    @staticmethod
    def _responsable(request: HttpRequest) -> Responsable | None:
        possibles = list(
            Responsable.objects.filter(utilisateur=request.user, famille__archivee_le=None).select_related(
                "famille"
            )
        )
        choisie = request.session.get("famille")
        return next((r for r in possibles if r.famille_id == choisie), possibles[0] if possibles else None)
