"""A form sent after the session's end: what was typed waits in the log-in page, and is offered again afterwards.

It may be health data, and nobody is identified yet: nothing is written in the database nor in a session. The page
itself carries it, signed, back to the browser it came from. Only a POST whose CSRF token was right is kept (the
middleware has checked it before us); only the person who was connected here may send it again, with one more click.
"""

import json
import re
from dataclasses import dataclass

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, resolve

from familles.models import Responsable, Utilisateur

SEL = "familles.reprise"
SEL_DU_COOKIE = "familles.reprise.personne"
CHAMP = "reprise"
COOKIE = "personne" if settings.HTTP_LOCAL else "__Host-personne"
# Of JSON: a long message, a sheet, a month of the planning. More is not kept.
TAILLE_MAX = 100 * 1024
DUREE_SECONDES = 60 * 60
# Never carried in a page: passwords and codes; a payment starts again from its own page.
SECRETS = re.compile(r"password|mot_de_passe|^ancien$|^code$")
PAGES_EXCLUES = ("paiement", "connexion", "connexion_code", "deconnexion", "choisir_famille")


@dataclass(frozen=True)
class Reprise:
    """What somebody was sending: where to, the fields, the names of the files that cannot be kept."""

    personne: int
    famille: int | None
    adresse: str
    champs: list[tuple[str, str]]
    fichiers: dict[str, list[str]]

    def est_a(self, utilisateur: Utilisateur) -> bool:
        return self.personne == utilisateur.pk


def garder(request: HttpRequest) -> str:
    """The signed text of what this POST holds; empty when it must not, or cannot, be kept."""
    qui = _lire_cookie(request)
    if qui is None or not _peut_etre_garde(request):
        return ""
    champs = [
        (nom, valeur)
        for nom, valeurs in request.POST.lists()
        if nom != "csrfmiddlewaretoken"
        for valeur in valeurs
    ]
    fichiers = {nom: [f.name for f in deposes] for nom, deposes in request.FILES.lists()}
    contenu = [*qui, request.get_full_path(), champs, fichiers]
    if len(json.dumps(contenu)) > TAILLE_MAX:
        return ""
    return signing.dumps(contenu, salt=SEL, compress=True)


def _peut_etre_garde(request: HttpRequest) -> bool:
    try:
        page = resolve(request.path_info).url_name
    except Resolver404:
        return False
    return page not in PAGES_EXCLUES and not any(SECRETS.search(nom) for nom in request.POST)


def lire(signe: str) -> Reprise | None:
    """What `garder` signed, for an hour. None for anything else."""
    try:
        personne, famille, adresse, champs, fichiers = signing.loads(signe, salt=SEL, max_age=DUREE_SECONDES)
    except (signing.BadSignature, ValueError):
        return None
    return Reprise(personne, famille, adresse, [(nom, valeur) for nom, valeur in champs], fichiers)


def rouvrir_la_famille(request: HttpRequest, reprise: Reprise) -> bool:
    """The household they were acting for, again. False when it is theirs no more: what was written was for it, not
    for another one.
    """
    if reprise.famille is None:
        return True
    siennes = Responsable.objects.filter(utilisateur=request.user, famille__archivee_le=None)
    if not siennes.filter(famille=reprise.famille).exists():
        return False
    request.session["famille"] = reprise.famille
    return True


# --- who was here: a signed cookie of the browser's session, which outlives ours ----------------------------------


def _signer() -> signing.Signer:
    return signing.Signer(salt=SEL_DU_COOKIE)


def _lire_cookie(request: HttpRequest) -> tuple[int, int | None] | None:
    try:
        personne, _, famille = _signer().unsign(request.COOKIES.get(COOKIE, "")).partition("-")
        return int(personne), int(famille) if famille else None
    except (signing.BadSignature, ValueError):
        return None


def noter_qui(request: HttpRequest, response: HttpResponse) -> None:
    """Keep the cookie true: this person, this household; nobody once logged out."""
    present = request.COOKIES.get(COOKIE)
    if not request.user.is_authenticated:
        return
    responsable = request.responsable
    valeur = _signer().sign(f"{request.user.pk}-{responsable.famille_id if responsable else ''}")
    if present != valeur:
        response.set_cookie(
            COOKIE, valeur, secure=bool(settings.SESSION_COOKIE_SECURE), httponly=True, samesite="Lax"
        )


def oublier_qui(response: HttpResponse) -> None:
    """« Se déconnecter »: the next person at this screen sends nothing of the one before."""
    response.delete_cookie(COOKIE, samesite="Lax")
