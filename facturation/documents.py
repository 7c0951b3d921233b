"""The papers of the régie: invoice, credit note, relevé. They show what was copied when the invoice was issued."""

from dataclasses import dataclass, field
from datetime import date
from itertools import groupby

from django.conf import settings
from django.utils.formats import date_format

from facturation.attestation import Attestation
from facturation.models import Facture, LigneFacture, RegiePrestation
from facturation.releve import Releve, etat, titre
from familles.models import Famille
from portail.socle.argent import INSECABLE
from portail.socle.models import Collectivite
from portail.socle.pdf import rendre


@dataclass
class LigneImprimee:
    """A line and its days in words."""

    ligne: LigneFacture
    jours: str


@dataclass
class GroupeEnfant:
    """The lines of one child, childcare then meals."""

    nom: str
    lignes: list[LigneImprimee] = field(default_factory=list)


def jours_en_mots(jours: list[date]) -> str:
    """« les 1er, 3 et 8 septembre, le 2 octobre »: days grouped by month."""
    morceaux = []
    for (_, _), groupe in groupby(sorted(jours), key=lambda j: (j.year, j.month)):
        du_mois = list(groupe)
        numeros = ["1er" if j.day == 1 else str(j.day) for j in du_mois]
        liste = " et ".join(filter(None, [", ".join(numeros[:-1]), numeros[-1]]))
        article = "les" if len(numeros) > 1 else "le"
        morceaux.append(f"{article} {liste}{INSECABLE}{date_format(du_mois[0], 'F')}")
    return ", ".join(morceaux)


def groupes(lignes: list[LigneFacture]) -> list[GroupeEnfant]:
    """Lines in the order they were issued, child by child; within a child, childcare before meals."""
    trouves: dict[tuple, GroupeEnfant] = {}
    ordre = {RegiePrestation.NatureFiscale.GARDE: 0, RegiePrestation.NatureFiscale.REPAS: 1}
    for ligne in sorted(lignes, key=lambda x: (ordre[x.nature_fiscale], x.pk)):
        jours = [date.fromisoformat(j) for j in ligne.jours]
        groupe = trouves.setdefault((ligne.enfant_id, ligne.enfant_nom), GroupeEnfant(ligne.enfant_nom))
        groupe.lignes.append(LigneImprimee(ligne, jours_en_mots(jours)))
    rang = {}
    for ligne in lignes:
        rang.setdefault((ligne.enfant_id, ligne.enfant_nom), len(rang))
    return [groupe for _, groupe in sorted(trouves.items(), key=lambda x: rang[x[0]])]


def pdf_facture(facture: Facture) -> bytes:
    """The PDF of an invoice or credit note loaded with `avec_reste()` and `avec_complement()`. One query
    more, for its lines.
    """
    lignes = list(facture.lignes.all())
    totaux = {
        nature: sum(x.total_centimes for x in lignes if x.nature_fiscale == nature)
        for nature in RegiePrestation.NatureFiscale.values
    }
    return rendre(
        "facturation/facture_pdf.html",
        {
            "collectivite": Collectivite.actuelle(),
            "site": settings.SITE_URL,
            "facture": facture,
            "regie": facture.regie,
            "avoir": facture.nature == Facture.Nature.AVOIR,
            "titre": titre(facture),
            "etat": etat(facture),
            "groupes": groupes(lignes),
            "total_garde": totaux["garde"],
            "total_repas": totaux["repas"],
            "adresse": facture.adresse.splitlines(),
        },
    )


def pdf_releve(famille: Famille, releve: Releve, jour: date) -> bytes:
    """The relevé of a school year, on A4."""
    titulaire = famille.titulaire()
    return rendre(
        "facturation/releve_pdf.html",
        {
            "collectivite": Collectivite.actuelle(),
            "famille": famille,
            "nom": titulaire.nom_affiche if titulaire else str(famille),
            "releve": releve,
            "jour": jour,
        },
    )


def pdf_attestation(famille: Famille, attestation: Attestation, jour: date) -> bytes:
    """The certificate of a year: who paid, for which children, how much."""
    titulaire = famille.titulaire()
    return rendre(
        "facturation/attestation_pdf.html",
        {
            "collectivite": Collectivite.actuelle(),
            "famille": famille,
            "titulaire": titulaire,
            "nom": titulaire.nom_affiche if titulaire else str(famille),
            "attestation": attestation,
            "jour": jour,
        },
    )
