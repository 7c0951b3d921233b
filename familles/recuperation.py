"""The one-use link of « Mot de passe oublié ? »."""

from hashlib import sha256

from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.db import transaction
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from familles.models import Utilisateur
from portail.socle.courriels import poster

# One mail per account and per window: somebody else's mailbox cannot be flooded from the form.
FENETRE_SECONDES = 5 * 60


def envoyer_lien(saisi: str, maintenant) -> None:
    """Post the link to the log-in e-mail of that account, if it has one.

    An unknown account walks the same path with a fictitious one, rolled back at the end: same queries, same time.
    """
    utilisateur = Utilisateur.objects.par_identifiant_ou_courriel(saisi)
    connu = utilisateur is not None and utilisateur.is_active and bool(utilisateur.courriel)
    if not connu:
        utilisateur = Utilisateur(
            pk=0, identifiant="inconnu", courriel="inconnu@portail.example", password="!"
        )
    with transaction.atomic():
        poster(
            _cause(utilisateur, maintenant),
            utilisateur.courriel,
            "courriels/mot_de_passe.txt",
            _lien(utilisateur),
        )
        if not connu:
            transaction.set_rollback(True)


def _cause(utilisateur: Utilisateur, maintenant) -> str:
    # The state of the account is part of the cause: once the link has served, the next ask is another cause.
    etat = sha256(f"{utilisateur.password}{utilisateur.last_login}".encode()).hexdigest()[:12]
    return f"mot-de-passe:{utilisateur.pk}:{etat}:{int(maintenant.timestamp()) // FENETRE_SECONDES}"


def _lien(utilisateur: Utilisateur) -> dict:
    chemin = reverse(
        "mot_de_passe_reinitialiser",
        kwargs={
            "uidb64": urlsafe_base64_encode(force_bytes(utilisateur.pk)),
            "token": default_token_generator.make_token(utilisateur),
        },
    )
    # SITE_URL and not the request's host: a forged Host header would send the link to somebody else's site.
    return {
        "lien": settings.SITE_URL + chemin,
        "identifiant": utilisateur.identifiant,
        "minutes": settings.PASSWORD_RESET_TIMEOUT // 60,
    }
