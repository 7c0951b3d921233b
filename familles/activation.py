"""The activation link: signed, one use, valid ACCES_JOURS days."""

from datetime import datetime, timedelta

from django.conf import settings
from django.core import signing
from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from familles.models import Responsable, Utilisateur
from portail.socle.courriels import poster
from portail.socle.models import Courriel

SEL = "familles.activation"
FENETRE_SECONDES = 5 * 60


def _empreinte(utilisateur: Utilisateur) -> str:
    # The password's hash is part of it: choosing one kills the link. (An unusable password is random too.)
    return salted_hmac(SEL, f"{utilisateur.pk}{utilisateur.password}", algorithm="sha256").hexdigest()[:32]


class Jeton:
    """What PasswordResetConfirmView asks of a token generator, with a life of its own."""

    def make_token(self, utilisateur: Utilisateur) -> str:
        return signing.dumps(_empreinte(utilisateur), salt=SEL)

    def check_token(self, utilisateur: Utilisateur | None, jeton: str) -> bool:
        if utilisateur is None or utilisateur.is_staff:
            return False
        try:
            lue = signing.loads(jeton, salt=SEL, max_age=timedelta(days=settings.ACCES_JOURS))
        except signing.BadSignature:
            return False
        return isinstance(lue, str) and constant_time_compare(lue, _empreinte(utilisateur))


jetons = Jeton()


def envoyer_activation(responsable: Responsable, maintenant: datetime) -> Courriel | None:
    """Mail the link to this adult's contact e-mail; None when the same mail left less than five minutes ago."""
    utilisateur = responsable.utilisateur
    chemin = reverse(
        "activation",
        kwargs={
            "uidb64": urlsafe_base64_encode(force_bytes(utilisateur.pk)),
            "token": jetons.make_token(utilisateur),
        },
    )
    fenetre = int(maintenant.timestamp()) // FENETRE_SECONDES
    # « mot-de-passe: » : the admin's page of the outbox hides the text of these.
    cle = f"mot-de-passe:activation:{utilisateur.pk}:{_empreinte(utilisateur)[:12]}:{fenetre}"
    return poster(
        cle,
        responsable.email,
        "courriels/activation.txt",
        {
            "lien": settings.SITE_URL + chemin,
            "identifiant": utilisateur.identifiant,
            "nom": f"{responsable.prenom} {responsable.nom}",
            "fin": maintenant + timedelta(days=settings.ACCES_JOURS),
        },
    )
