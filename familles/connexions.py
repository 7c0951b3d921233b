"""« Mes connexions »: coming in leaves a row; all the other devices can be sent out."""

from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth import login, update_session_auth_hash
from django.db import transaction
from django.db.models import F
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from familles.adresse import adresse_du_client, masquee
from familles.models import Connexion, Utilisateur
from portail.socle.traces import tracer

MONTREES = 20
CLE = "connexion"
# The first that matches: Edge and Opera also say Chrome, Chrome also says Safari.
NAVIGATEURS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
SYSTEMES = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "Chromebook"),
    ("Macintosh", "Mac"),
    ("Linux", "Linux"),
)


def appareil(agent: str) -> str:
    """« Firefox sur Windows », from what the browser says of itself."""
    navigateur = next((nom for signe, nom in NAVIGATEURS if signe in agent), "Navigateur inconnu")
    systeme = next((nom for signe, nom in SYSTEMES if signe in agent), "")
    return f"{navigateur} sur {systeme}" if systeme else navigateur


def entrer(
    request: HttpRequest, utilisateur: Utilisateur, maintenant: datetime, double: bool = False
) -> None:
    """Open the session (Django gives it a new number) and write the row of « Mes connexions »."""
    login(request, utilisateur)
    row = Connexion.objects.create(
        utilisateur=utilisateur,
        le=maintenant,
        appareil=appareil(request.headers.get("User-Agent", "")),
        adresse=masquee(adresse_du_client(request)),
        double=double,
    )
    request.session[CLE] = row.pk


def marque(utilisateur: Utilisateur) -> str:
    """Who this page was made for, as its script compares it: the same person, and nothing else, can be read in it."""
    return salted_hmac("familles.veille", str(utilisateur.pk), algorithm="sha256").hexdigest()[:16]


def dernieres(utilisateur: Utilisateur) -> list[Connexion]:
    return list(utilisateur.connexions.all()[:MONTREES])


def deconnecter_les_autres(request: HttpRequest) -> None:
    """A new generation: every session that holds the old one is dead at its next request; this one is told."""
    with transaction.atomic():
        Utilisateur.objects.filter(pk=request.user.pk).update(generation=F("generation") + 1)
        request.user.refresh_from_db(fields=["generation"])
        tracer(request.user, "session.deconnecter_les_autres", request.user)
    update_session_auth_hash(request, request.user)


def purger(maintenant: datetime) -> int:
    """Removes the log-ins older than the setting; how many."""
    return Connexion.objects.filter(le__lt=maintenant - timedelta(days=settings.CONNEXIONS_JOURS)).delete()[0]
