"""The papers the town is waiting for: health sheet, attestation of an absence, proof of the quotient."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import Exists, OuterRef
from django.urls import reverse

from demandes.models import Demande, DemandeJour, PieceDemande
from enfants.models import Enfant, Etat, FicheSanitaire
from familles.models import Famille
from portail.socle.argent import INSECABLE
from portail.socle.templatetags.portail import jour_moyen

# The proof of the quotient is asked again this long before it ends.
QUOTIENT_JOURS = 30
DETAIL_FICHES = 3


@dataclass(frozen=True)
class PieceAttendue:
    """What is missing, what it costs or who needs it, the page where to give it."""

    titre: str
    detail: str
    action: str
    url: str


def pieces_attendues(
    famille: Famille, enfants: list[Enfant], en_cours: Iterable[Demande], jour: date
) -> list[PieceAttendue]:
    """What this household must still send. Three queries at most. `en_cours`: its demandes not decided yet."""
    if not enfants:
        return []
    deja = {(d.type, d.enfant_id) for d in en_cours}
    return [
        *_attestations(famille, enfants),
        *_fiches(enfants, deja),
        *_quotient(famille, deja, jour),
    ]


def _attestations(famille: Famille, enfants: list[Enfant]) -> list[PieceAttendue]:
    """Medical absences the town cannot excuse yet: their demande carries no document."""
    attendus = DemandeJour.objects.filter(
        demande=OuterRef("pk"),
        decision="",
        reservation__etat=Etat.ABSENCE_DEMANDEE,
        reservation__absence_medicale=True,
        reservation__enfant__in=enfants,
    )
    jointes = PieceDemande.objects.filter(demande=OuterRef("pk"))
    demandes = famille.demandes.filter(Exists(attendus), ~Exists(jointes)).order_by("envoyee_le", "numero")
    return [
        PieceAttendue(
            "Attestation d’absence médicale",
            f"Demande {d.numero}{INSECABLE}: sans elle, le jour sera facturé.",
            "Envoyer",
            reverse("demande", kwargs={"pk": d.pk}),
        )
        for d in demandes[:DETAIL_FICHES]
    ]


def _fiches(enfants: list[Enfant], deja: set[tuple]) -> list[PieceAttendue]:
    remplies = set(FicheSanitaire.objects.filter(enfant__in=enfants).values_list("enfant", flat=True))
    return [
        PieceAttendue(
            f"Fiche sanitaire de {e.prenom} à remplir",
            f"Allergies, médecin, vaccins{INSECABLE}: les équipes en ont besoin.",
            "Remplir",
            reverse("demande_enfant", kwargs={"pk": e.pk, "code": "donnees-sanitaires"}),
        )
        for e in enfants
        if e.pk not in remplies and ("donnees-sanitaires", e.pk) not in deja
    ][:DETAIL_FICHES]


def _quotient(famille: Famille, deja: set[tuple], jour: date) -> list[PieceAttendue]:
    """No proof, or one that ends soon and nothing after it. The town charges the highest price without it."""
    if ("caf", None) in deja:
        return []
    valables = list(famille.quotients.order_by("du"))
    du_jour = next((q for q in valables if q.du <= jour and (q.au is None or q.au >= jour)), None)
    if du_jour is None:
        titre = "Quotient familial à renouveler" if valables else "Quotient familial à donner"
        detail = "Sans justificatif valable, le tarif le plus élevé s’applique."
    elif du_jour.au and du_jour.au <= jour + timedelta(days=QUOTIENT_JOURS) and valables[-1] == du_jour:
        titre = "Quotient familial bientôt périmé"
        detail = f"Votre justificatif est valable jusqu’au {jour_moyen(du_jour.au)}."
    else:
        return []
    return [PieceAttendue(titre, detail, "Envoyer", reverse("demande_compte", kwargs={"code": "caf"}))]
