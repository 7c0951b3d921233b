"""« Informations famille »: the fields of the guide, in groups a person can read."""

from dataclasses import dataclass
from datetime import date

from familles.models import Allocataire, CoordonneesBancaires, MandatSepa, Responsable

OUI_NON = {True: "Oui", False: "Non"}


@dataclass(frozen=True)
class Rubrique:
    """A group of fields: label and value (empty = « Non renseigné »)."""

    titre: str
    champs: list[tuple[str, str]]


@dataclass(frozen=True)
class Fiche:
    """A card of the page: « Mon compte » or « Mon conjoint ». `demande` is the kind that changes it."""

    titre: str
    demande: str
    rubriques: list[Rubrique]


DEMANDES = {Responsable.Rang.TITULAIRE: "infos-responsable", Responsable.Rang.CONJOINT: "conjoint"}


def fiches(moi: Responsable, jour: date) -> list[Fiche]:
    """The card of the adult who reads, then the other's. A household without conjoint gets an empty second card."""
    adultes = list(moi.famille.responsables.all())
    autre = next((r for r in adultes if r.pk != moi.pk), None)
    premiere = Fiche(
        "Mon compte", DEMANDES[moi.rang], [*_personne(moi, "Me joindre"), _banque_et_caf(moi, jour)]
    )
    seconde = Fiche(
        "Mon conjoint",
        DEMANDES[autre.rang] if autre else "conjoint",
        _personne(autre, "Le joindre" if autre.civilite == "M" else "La joindre") if autre else [],
    )
    return [premiere, seconde]


def _personne(r: Responsable, joindre: str) -> list[Rubrique]:
    titulaire = r.rang == Responsable.Rang.TITULAIRE
    identite = [("Nom", r.nom.upper()), ("Prénom", r.prenom.upper())]
    if titulaire:
        identite = [
            ("Civilité", r.get_civilite_display()),
            *identite,
            ("Qualité", r.get_qualite_display()),
            ("Situation", r.get_situation_display()),
            ("N° Famille", r.famille.numero),
        ]
    return [
        Rubrique("Identité", identite),
        Rubrique(
            joindre,
            [
                ("Adresse", r.adresse),
                ("Code postal", r.code_postal),
                ("Ville", r.ville),
                ("Téléphone domicile", r.telephone_domicile),
                ("Mobile", r.telephone_mobile),
                ("Téléphone prof.", r.telephone_professionnel),
                ("Email", r.email),
                ("Autorisation SMS", OUI_NON[r.autorisation_sms]),
                ("Autorisation courriel", OUI_NON[r.autorisation_courriel]),
            ],
        ),
        Rubrique(
            "Travail",
            [
                ("CSP", r.get_csp_display()),
                ("Profession", r.profession),
                ("Employeur", r.employeur),
                ("Adresse employeur", r.adresse_employeur),
            ],
        ),
    ]


def _quotient(r: Responsable, jour: date) -> str:
    """« 845, jusqu’au 31/12/2026 »: the one that sets today's prices."""
    quotient = r.famille.quotient(jour)
    if quotient is None:
        return ""
    valeur = f"{quotient.valeur:f}".rstrip("0").rstrip(".").replace(".", ",")
    return f"{valeur}, jusqu’au {quotient.au:%d/%m/%Y}" if quotient.au else f"{valeur}, sans date de fin"


def _banque_et_caf(r: Responsable, jour: date) -> Rubrique:
    # Both belong to the household: the adult who reads sees them on their own card.
    banque = CoordonneesBancaires.objects.filter(famille=r.famille).first()
    mandat = r.famille.mandats.filter(etat=MandatSepa.Etat.ACTIF).first()
    caf = Allocataire.objects.filter(famille=r.famille).first()
    return Rubrique(
        "Banque et CAF",
        [
            ("Nom banque", banque.banque if banque else ""),
            ("Titulaire du compte", banque.titulaire if banque else ""),
            ("IBAN", banque.iban_masque if banque else ""),
            ("Prélèvement automatique", "Oui" if mandat else "Non"),
            ("Organisme rattachement", caf.get_organisme_display() if caf else ""),
            ("N° allocataire", caf.numero if caf else ""),
            ("Quotient familial", _quotient(r, jour)),
        ],
    )
