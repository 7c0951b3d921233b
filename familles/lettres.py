"""The letter that gives an access: A4, PDF/UA, its address in the window of a DL envelope. One page each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.conf import settings
from django.utils import timezone

from familles.acces_mairie import Acces
from familles.models import Responsable
from familles.mots_de_passe import longueur_minimale
from portail.socle.models import Collectivite
from portail.socle.pdf import rendre


@dataclass(frozen=True)
class Lettre:
    """What one page says."""

    destinataire: str
    adresse: tuple[str, ...]
    appel: str
    identifiant: str
    mot_de_passe: str
    famille: str
    fin: date


def adresse_postale(responsable: Responsable) -> tuple[str, ...]:
    """Lines under the name: one's own address, or the titulaire's when one declared none. Empty when unknown."""
    ou = responsable if responsable.adresse else (responsable.famille.titulaire() or responsable)
    lignes = (*ou.adresse.splitlines(), f"{ou.code_postal} {ou.ville}".strip().upper())
    return tuple(ligne for ligne in lignes if ligne)


def lettre(acces: Acces) -> Lettre:
    adulte = acces.responsable
    civilite = adulte.get_civilite_display()
    return Lettre(
        destinataire=" ".join(filter(None, (civilite, adulte.prenom, adulte.nom.upper()))),
        adresse=adresse_postale(adulte),
        appel=f"{civilite}," if civilite else "Bonjour,",
        identifiant=acces.utilisateur.identifiant,
        mot_de_passe=acces.mot_de_passe,
        famille=adulte.famille.numero,
        fin=timezone.localdate(acces.utilisateur.mot_de_passe_expire_le),
    )


def pdf_lettres(acces: Sequence[Acces], maintenant: datetime) -> bytes:
    """The letters, one after the other. No query: the adults come with their household (`acces_mairie`)."""
    return rendre(
        "familles/lettre_acces.html",
        {
            "collectivite": Collectivite.actuelle(),
            "site": settings.SITE_URL,
            "lettres": [lettre(a) for a in acces],
            "jour": timezone.localdate(maintenant),
            "longueur": longueur_minimale(),
        },
    )
