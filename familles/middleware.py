"""Who is asking: the active family, the session's limits, the password that must be changed first."""

import time
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from familles import double, reprise
from familles.acces import SansFamille
from familles.forms import ConnexionForm
from familles.models import Responsable, Utilisateur
from portail.socle.lecture import Preparee

# The adult an account is, one by active family.
ADULTES = Preparee(
    lambda compte: (
        Responsable.objects.filter(utilisateur=compte, famille__archivee_le=None)
        .select_related("famille")
        .order_by("famille__numero")
    ),
    Utilisateur._meta.pk,
)


class ConnexionRequise(LoginRequiredMiddleware):
    """Everything is closed to who is not identified. A form sent after the session's end is answered by the log-in
    page, which keeps what was typed (`reprise`); what cannot be kept, the page says so.
    """

    def process_view(self, request: HttpRequest, view_func, view_args, view_kwargs) -> HttpResponse | None:
        # The admin has its own guard, which would forget that something was sent.
        if request.method == "POST" and not request.user.is_authenticated:
            admin = request.path.startswith(reverse("admin:index")) and request.path != reverse("admin:login")
            if admin:
                return self.handle_no_permission(request, view_func)
        return super().process_view(request, view_func, view_args, view_kwargs)

    def handle_no_permission(self, request: HttpRequest, view_func) -> HttpResponse:
        if request.method != "POST":
            return super().handle_no_permission(request, view_func)
        suite = _page_du_formulaire(request)
        garde = reprise.garder(request)
        if not garde:
            return redirect(f"{reverse('connexion')}?{urlencode({'next': suite, 'perdu': '1'})}")
        contexte = {
            "form": ConnexionForm(request),
            "next": suite,
            "fin": False,
            "perdu": False,
            "garde": garde,
            "fichiers": bool(request.FILES),
        }
        response = render(request, "familles/connexion.html", contexte, status=401)
        response["Cache-Control"] = "private, no-store"
        return response


def _page_du_formulaire(request: HttpRequest) -> str:
    """The page the form was on: many addresses only take POST, one cannot go back to them."""
    try:
        page = urlsplit(request.headers.get("Referer", ""))
    except ValueError:
        return request.path
    if page.netloc != request.get_host() or not page.path.startswith("/"):
        return request.path
    return page.path + (f"?{page.query}" if page.query else "")


class FamilleActive:
    """Sets `request.responsable` (None for agents); a person of two families acts for the one the session holds.

    The attachment is read at each request: withdrawn in the admin, it is gone for a session already open.
    """

    LIBRES = (
        "/static/",
        "/theme-",
        "/logo-",
        "/deconnexion/",
        "/mot-de-passe/modifier/",
        "/sante/",
        "/session/",
    )
    # What an agent may still reach before the second factor: its own pages.
    LIBRES_SANS_CODE = (*LIBRES, "/compte/double-authentification/", "/connexion/")

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.responsable = None
        request.plusieurs_familles = False
        if request.user.is_authenticated:
            if self._trop_longue(request):
                logout(request)
                if request.method != "POST":
                    return redirect(f"{reverse('connexion')}?fin=1")
                # ConnexionRequise keeps what was typed, once the token of the form has been checked.
                return self.get_response(request)
            if request.user.doit_changer_mot_de_passe and not request.path.startswith(self.LIBRES):
                return redirect("mot_de_passe_modifier")
            if not request.user.is_staff:
                request.responsable = self._responsable(request)
            elif not request.path.startswith(self.LIBRES_SANS_CODE):
                manque = double.manque(request)
                if manque:
                    return self._second_facteur(request, manque)
        response = self.get_response(request)
        reprise.noter_qui(request, response)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, SansFamille):
            return None
        if request.user.is_staff:
            return redirect("admin:index")
        if request.plusieurs_familles:
            suite = request.get_full_path() if request.method in ("GET", "HEAD") else reverse("accueil")
            return redirect(f"{reverse('choisir_famille')}?{urlencode({'next': suite})}")
        return render(request, "familles/sans_famille.html", status=403)

    @staticmethod
    def _second_facteur(request: HttpRequest, manque: str) -> HttpResponse:
        """An agent without device enrols first; a session older than the device goes through the second door."""
        if manque == "enroler":
            return redirect("double")
        agent = request.user
        logout(request)
        double.attendre_le_code(request, agent, request.get_full_path())
        return redirect("connexion_code")

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
        """The adult in the active family; None for nobody, or for somebody of two families who has not chosen."""
        possibles = ADULTES.objets(request.user.pk)
        request.plusieurs_familles = len(possibles) > 1
        choisie = request.session.get("famille")
        active = next((r for r in possibles if r.famille_id == choisie), None)
        if active is None and choisie is not None:
            # Withdrawn meanwhile: what was about to be sent was for that family, not for the other one.
            del request.session["famille"]
            if request.method == "POST":
                request.plusieurs_familles = True
                return None
        return possibles[0] if active is None and len(possibles) == 1 else active
