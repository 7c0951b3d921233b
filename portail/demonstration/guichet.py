"""What waits at the town hall's counter in the demonstration: enough to see an agent's morning."""

from datetime import datetime, timedelta
from uuid import NAMESPACE_URL, uuid5

from django.utils import timezone

from demandes.models import CompteurDemande, Demande, DemandeEvenement, LectureDemande
from familles.models import Famille, Responsable

RUES = ("rue du Verger", "chemin des Saules", "rue de la Digue", "place du Lavoir", "impasse des Cigales")
# (kind, what is asked, hours since): oldest last.
DEMANDEES = (
    ("infos-responsable", "adresse", 3),
    ("infos-responsable", "telephone_mobile", 5),
    ("infos-responsable", "adresse", 22),
    ("infos-responsable", "adresse", 27),
    ("infos-responsable", "profession", 30),
    ("fiscales", "", 49),
    ("infos-responsable", "adresse", 53),
    ("infos-responsable", "email", 76),
    ("infos-responsable", "adresse", 99),
    ("infos-responsable", "adresse", 196),
)
DU_GUIDE = ("jean.dupont", "jeanne.dupont", "claire.martin", "nouvelle.famille")


def marquer_lues(famille: Famille) -> None:
    """What the town accepted has been seen; the refusal has not: the tab says « 1 »."""
    LectureDemande.objects.bulk_create(
        LectureDemande(demande=d, utilisateur=d.envoyee_par) for d in famille.demandes.filter(etat="acceptee")
    )


def remplir(maintenant: datetime) -> None:
    """Demandes of other households than the guide's: theirs are counted on the pages (PAGES.md)."""
    familles = Famille.objects.filter(responsables__utilisateur__isnull=False)
    familles = familles.exclude(responsables__utilisateur__identifiant__in=DU_GUIDE)
    familles = list(familles.order_by("numero").distinct().prefetch_related("responsables")[: len(DEMANDEES)])
    for rang, (famille, (code, nom, heures)) in enumerate(zip(familles, DEMANDEES, strict=False), 1):
        adulte = famille.titulaire()
        donnees, avant = _demandee(code, nom, adulte, rang, maintenant)
        le = maintenant - timedelta(hours=heures)
        demande = Demande.objects.create(
            id=uuid5(NAMESPACE_URL, f"demonstration:guichet:{rang}"),
            numero=CompteurDemande.numero(timezone.localdate(le).year),
            famille=famille,
            type=code,
            donnees=donnees,
            avant=avant,
            envoyee_par=adulte.utilisateur,
            envoyee_le=le,
        )
        DemandeEvenement.objects.create(demande=demande, genre="envoyee", le=le, par=demande.envoyee_par)


def _demandee(code: str, nom: str, adulte: Responsable, rang: int, maintenant: datetime) -> tuple[dict, dict]:
    """What it asks, and what stood there."""
    if code == "fiscales":
        annee = timezone.localdate(maintenant).year - 1
        voulues = {"annee": str(annee), "revenu_fiscal_reference": "31250", "parts": "2.5"}
        voulues |= {"personnes_a_charge": "1"}
        return voulues, dict.fromkeys(voulues, "")
    valeurs = {
        "adresse": f"{3 * rang + 2} {RUES[rang % len(RUES)]}",
        "telephone_mobile": f"06 39 98 4{rang % 10} 2{rang % 10}",
        "profession": "Infirmière",
        "email": f"famille{rang}@exemple.fr",
    }
    return {nom: valeurs[nom]}, {nom: getattr(adulte, nom)}
