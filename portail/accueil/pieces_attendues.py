"""The papers the town is waiting for: health sheet, attestation of an absence, proof of the quotient."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from django.urls import reverse

from demandes.models import Demande
from enfants.models import Enfant, Etat, FicheSanitaire, Rattachement, Reservation
from familles.models import Famille, QuotientFamilial
from portail.socle.argent import INSECABLE
from portail.socle.lecture import Preparee
from portail.socle.templatetags.portail import jour_moyen

# The proof of the quotient is asked again this long before it ends.
QUOTIENT_JOURS = 30
DETAIL_FICHES = 3

FICHES = Preparee(
    lambda famille, jour: (
        FicheSanitaire.objects.filter(enfant__in=Enfant.objects.de_la_famille(famille, jour))
        .order_by("pk")
        .values_list("enfant")
    ),
    Famille._meta.pk,
    Rattachement._meta.get_field("du"),
)
QUOTIENTS = Preparee(
    lambda famille: QuotientFamilial.objects.filter(famille=famille).order_by("du").values_list("du", "au"),
    Famille._meta.pk,
)


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
    """What this household must still send. Two queries at most. `en_cours`: its demandes not decided yet, read with
    their days, the latest first.
    """
    if not enfants:
        return []
    en_cours = list(en_cours)
    deja = {(d.type, d.enfant_id) for d in en_cours}
    return [
        *_attestations(en_cours, {e.pk for e in enfants}),
        *_fiches(famille, enfants, deja, jour),
        *_quotient(famille, deja, jour),
    ]


def _attestations(en_cours: list[Demande], enfants: set) -> list[PieceAttendue]:
    """Medical absences the town cannot excuse yet: their demande carries no document."""
    attendues = [d for d in reversed(en_cours) if not d.a_des_pieces and _a_attester(d, enfants)]
    return [
        PieceAttendue(
            "Attestation d’absence médicale",
            f"Demande {d.numero}{INSECABLE}: sans elle, {_facture(d, enfants)}.",
            "Envoyer",
            reverse("demande", kwargs={"pk": d.pk}),
        )
        for d in attendues[:DETAIL_FICHES]
    ]


def _a_attester(demande: Demande, enfants: set) -> list[Reservation]:
    """What it would excuse, of these children."""
    attendues = [jour.reservation for jour in demande.jours.all() if not jour.decision]
    return [
        r
        for r in attendues
        if r.etat == Etat.ABSENCE_DEMANDEE and r.absence_medicale and r.enfant_id in enfants
    ]


def _facture(demande: Demande, enfants: set) -> str:
    plusieurs = len(_a_attester(demande, enfants)) > 1
    return "les jours seront facturés" if plusieurs else "le jour sera facturé"


def _fiches(famille: Famille, enfants: list[Enfant], deja: set[tuple], jour: date) -> list[PieceAttendue]:
    remplies = {enfant for (enfant,) in FICHES.lignes(famille.pk, jour)}
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
    valables = QUOTIENTS.lignes(famille.pk)
    du_jour = next(([du, au] for du, au in valables if du <= jour and (au is None or au >= jour)), None)
    if du_jour is None:
        titre = "Quotient familial à renouveler" if valables else "Quotient familial à donner"
        detail = "Sans justificatif valable, le tarif le plus élevé s’applique."
    elif (au := du_jour[1]) and au <= jour + timedelta(days=QUOTIENT_JOURS) and valables[-1] == du_jour:
        titre = "Quotient familial bientôt périmé"
        detail = f"Votre justificatif est valable jusqu’au {jour_moyen(au)}."
    else:
        return []
    return [PieceAttendue(titre, detail, "Envoyer", reverse("demande_compte", kwargs={"code": "caf"}))]
