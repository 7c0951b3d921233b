"""The enrolment sheet: one A4 page to fill with a pen, blank or with what the portal already knows."""

from dataclasses import dataclass
from datetime import date

from django.db.models import Q

from enfants.models import Enfant, FicheSanitaire, Prestation
from familles.models import Famille, Responsable
from portail.socle import pdf
from portail.socle.dates import libelle_annee
from portail.socle.models import Collectivite

# Lines left for the persons who may fetch the child.
LIGNES_PERSONNES = 3
MOIS_DE_LA_FICHE = 5
# Characters that two lines of a large field hold.
LARGE = 150
UNE_LIGNE = 34


@dataclass(frozen=True)
class Champ:
    """A label and its value; without value, a line to write on. `large` takes the whole width."""

    libelle: str
    valeur: str = ""
    large: bool = False

    @property
    def serre(self) -> bool:
        """Too long for one line of a half column: written smaller, on two."""
        return not self.large and len(self.valeur) > UNE_LIGNE


@dataclass(frozen=True)
class Case:
    """A box to tick; ticked when the portal knows."""

    libelle: str
    cochee: bool = False


def annee_de_la_fiche(jour: date) -> str:
    """« 2026-2027 »: from May on, the sheet is for the coming school year."""
    return libelle_annee(jour.year - (jour.month < MOIS_DE_LA_FICHE))


def document(jour: date, famille: Famille | None = None, enfant: Enfant | None = None) -> bytes:
    """The PDF. Prefilled for a child of this household: what the other household declared never appears."""
    adultes = {r.rang: r for r in famille.responsables.all()} if famille else {}
    contexte = {
        "collectivite": Collectivite.actuelle(),
        "annee": annee_de_la_fiche(jour),
        "enfant": _enfant(enfant, jour),
        "sexe": _sexe(enfant),
        "famille": famille,
        "nom_enfant": f"{enfant.prenom} {enfant.nom}" if enfant else "",
        "adultes": [
            ("Responsable 1 (qui reçoit les factures)", _adulte(adultes.get(Responsable.Rang.TITULAIRE))),
            ("Responsable 2", _adulte(adultes.get(Responsable.Rang.CONJOINT))),
        ],
        "personnes": _personnes(enfant, famille),
        **_sante(enfant),
        "autorisations": _autorisations(enfant),
        "services": _services(enfant, famille, jour),
    }
    return pdf.rendre("accueil/fiche_inscription.html", contexte, "fiche.css")


def _enfant(enfant: Enfant | None, jour: date) -> list[Champ]:
    if enfant is None:
        scolarite, nom, prenom, naissance, lieu = None, "", "", "", ""
    else:
        scolarite = (
            enfant.scolarites.filter(annee__debut__lte=jour, annee__fin__gte=jour)
            .select_related("ecole")
            .first()
        )
        nom, prenom, lieu = enfant.nom.upper(), enfant.prenom, enfant.lieu_naissance
        naissance = enfant.naissance.strftime("%d/%m/%Y")
    return [
        Champ("Nom", nom),
        Champ("Prénom", prenom),
        Champ("Né(e) le", naissance),
        Champ("À", lieu),
        Champ("École", scolarite.ecole.nom if scolarite else ""),
        # Last year's class is no help for the coming year: the family writes it.
        Champ("Classe à la rentrée", ""),
    ]


def _sexe(enfant: Enfant | None) -> list[Case]:
    return [
        Case(libelle, enfant is not None and enfant.sexe == code) for code, libelle in Enfant.Sexe.choices
    ]


def _adulte(r: Responsable | None) -> list[Champ]:
    r = r or Responsable()
    # A new Responsable has no famille: nothing here may follow that key.
    ville = f"{r.code_postal} {r.ville}".strip()
    return [
        Champ("Nom et prénom", f"{r.nom.upper()} {r.prenom}".strip()),
        Champ("Qualité (mère, père…)", r.get_qualite_display()),
        Champ("Adresse", r.adresse),
        Champ("Code postal, ville", ville),
        Champ("Domicile", r.telephone_domicile),
        Champ("Mobile", r.telephone_mobile),
        Champ("Travail", r.telephone_professionnel),
        Champ("Courriel", r.email),
    ]


def _personnes(enfant: Enfant | None, famille: Famille | None) -> list[dict]:
    connues = []
    if enfant and famille:
        connues = [
            {
                "nom": f"{p.prenom} {p.nom}",
                "lien": p.lien,
                "telephone": p.telephone,
                "cases": [Case("venir", p.peut_venir_chercher), Case("urgence", p.a_prevenir)],
            }
            for p in enfant.personnes_autorisees.filter(famille=famille)[:LIGNES_PERSONNES]
        ]
    vide = {"nom": "", "lien": "", "telephone": "", "cases": [Case("venir"), Case("urgence")]}
    return connues + [vide] * (LIGNES_PERSONNES - len(connues))


def _court(texte: str) -> str:
    """What two lines hold. Never a silent cut: it is about a child's health."""
    simple = " ".join(texte.split())
    return simple if len(simple) <= LARGE else f"{simple[:LARGE]}… (suite sur le portail)"


def _sante(enfant: Enfant | None) -> dict:
    fiche = FicheSanitaire.objects.filter(enfant=enfant).first() if enfant else None
    regimes = [(v, libelle) for v, libelle in FicheSanitaire.Regime.choices if v != "aucun"]
    return {
        "sante": [
            Champ("Médecin traitant", fiche.medecin if fiche else ""),
            Champ("Téléphone", fiche.telephone_medecin if fiche else ""),
            Champ("Allergies", _court(fiche.allergies) if fiche else "", large=True),
            Champ("À savoir", _court(fiche.observations) if fiche else "", large=True),
        ],
        "sante_cases": [
            Case("PAI (projet d’accueil individualisé)", bool(fiche and fiche.pai)),
            Case("Lunettes", bool(fiche and fiche.lunettes)),
            Case("Vaccins à jour", bool(fiche and fiche.vaccins_a_jour)),
            *(Case(libelle, bool(fiche and fiche.regime == v)) for v, libelle in regimes),
        ],
    }


def _autorisations(enfant: Enfant | None) -> list[Case]:
    donnees = getattr(enfant, "autorisations", None) if enfant else None
    return [
        Case("être soigné d’urgence", bool(donnees and donnees.soins_urgence)),
        Case("partir seul", bool(donnees and donnees.sortie_seul)),
        Case("être photographié", bool(donnees and donnees.droit_image)),
        Case("prendre le car", bool(donnees and donnees.transport)),
        Case("se baigner", bool(donnees and donnees.baignade)),
    ]


def _services(enfant: Enfant | None, famille: Famille | None, jour: date) -> list[Case]:
    """The services of the town, those where this household enrols the child ticked."""
    inscrits = set()
    if enfant and famille:
        inscrits = set(
            famille.inscriptions.filter(
                Q(au__isnull=True) | Q(au__gte=jour), enfant=enfant, du__lte=jour
            ).values_list("prestation", flat=True)
        )
    return [Case(p.nom, p.pk in inscrits) for p in Prestation.objects.proposees(jour)[:12]]
