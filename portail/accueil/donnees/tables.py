"""Which rows belong to a household, table by table; and which tables do not, with the reason.

A model that hangs on one of these and is in neither list fails tests/accueil/test_donnees.py.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Exists, F, Model, OuterRef, Q, QuerySet

from demandes.models import Demande, DemandeEvenement, DemandeJour, Depot, LectureDemande, PieceDemande
from enfants.models import (
    AffectationAgent,
    Autorisations,
    Enfant,
    FicheSanitaire,
    Inscription,
    LienAgenda,
    PersonneAutorisee,
    Pointage,
    Rattachement,
    Reservation,
    ReservationEvenement,
    Scolarite,
)
from facturation.models import (
    Brouillon,
    Facture,
    Imputation,
    LigneFacture,
    LignePaiement,
    PaiementEnLigne,
    PriseEnChargeTresor,
    Reglement,
)
from familles.models import (
    Allocataire,
    Authentificateur,
    CodeDeSecours,
    Connexion,
    CoordonneesBancaires,
    Famille,
    MandatSepa,
    ModificationMandat,
    QuotientFamilial,
    Residence,
    Responsable,
    SituationFiscale,
    Utilisateur,
)
from messagerie.models import Conversation, EtatConversation, Message, PieceJointe
from portail.accueil.models import ExportDonnees, Visite


@dataclass(frozen=True)
class Perimetre:
    """Who asks, for which household, on which day; `enfants`: those this household holds that day."""

    famille: Famille
    utilisateur: Utilisateur
    jour: date
    maintenant: datetime
    enfants: frozenset

    @classmethod
    def de(cls, famille: Famille, utilisateur: Utilisateur, jour: date, maintenant: datetime) -> "Perimetre":
        siens = Enfant.objects.de_la_famille(famille, jour).values_list("pk", flat=True)
        return cls(famille, utilisateur, jour, maintenant, frozenset(siens))


Filtre = Callable[[Perimetre], Q]


@dataclass(frozen=True)
class Partie:
    """Rows of one model under one French key. `relation`: how they hang on the row above, when they do."""

    cle: str
    modele: type[Model]
    filtre: Filtre = lambda _: Q()
    relation: str = ""
    avec: tuple[str, ...] = ()
    sauf: tuple[str, ...] = ()
    parties: tuple["Partie", ...] = ()


@dataclass(frozen=True)
class Document:
    """One JSON file of the copy."""

    nom: str
    contenu: str
    parties: tuple[Partie, ...]


def _de_la_famille(p: Perimetre) -> Q:
    return Q(famille=p.famille)


def _de_ses_enfants(p: Perimetre) -> Q:
    return Q(enfant__in=p.enfants)


def _de_la_personne(p: Perimetre) -> Q:
    return Q(utilisateur=p.utilisateur)


def _presences(p: Perimetre) -> Q:
    """Attendance under this household's own inscription, on days the other household has not booked."""
    inscrit = Inscription.objects.filter(
        Q(au=None) | Q(au__gte=OuterRef("jour")),
        famille=p.famille,
        enfant=OuterRef("enfant"),
        prestation=OuterRef("prestation"),
        du__lte=OuterRef("jour"),
    )
    memes = Reservation.objects.filter(
        enfant=OuterRef("enfant"), prestation=OuterRef("prestation"), jour=OuterRef("jour")
    )
    miennes = memes.filter(payeur=p.famille)
    autres = memes.exclude(payeur=p.famille)
    return Q(Exists(inscrit), Exists(miennes) | ~Exists(autres), enfant__in=p.enfants)


def _demandes(p: Perimetre) -> Q:
    return Q(pk__in=p.famille.demandes.visibles(p.jour).values("pk"))


COMPTE = Document(
    "mon-compte",
    "la famille, ses adultes, ses revenus, son quotient, sa banque",
    (
        Partie("famille", Famille, lambda p: Q(pk=p.famille.pk)),
        Partie("responsables", Responsable, _de_la_famille, avec=("utilisateur",)),
        Partie(
            "votre compte",
            Utilisateur,
            lambda p: Q(pk=p.utilisateur.pk),
            sauf=("password", "is_staff", "is_superuser", "generation"),
        ),
        Partie("résidences", Residence, _de_la_famille),
        Partie("situations fiscales", SituationFiscale, _de_la_famille),
        Partie("allocataire", Allocataire, _de_la_famille),
        Partie("quotients familiaux", QuotientFamilial, _de_la_famille),
        Partie("coordonnées bancaires", CoordonneesBancaires, _de_la_famille),
        Partie(
            "mandats de prélèvement",
            MandatSepa,
            _de_la_famille,
            parties=(Partie("anciens comptes", ModificationMandat, relation="modifications"),),
        ),
    ),
)
ENFANTS = Document(
    "enfants",
    "vos enfants, leur école, leurs fiches, les personnes que vous avez autorisées",
    (
        Partie(
            "enfants",
            Enfant,
            lambda p: Q(pk__in=p.enfants),
            parties=(
                Partie("rattachement", Rattachement, _de_la_famille, "rattachements"),
                Partie("scolarité", Scolarite, relation="scolarites", avec=("annee", "ecole")),
                Partie("fiche sanitaire", FicheSanitaire, relation="fiche_sanitaire"),
                Partie("autorisations", Autorisations, relation="autorisations"),
            ),
        ),
        Partie("personnes autorisées", PersonneAutorisee, _de_la_famille, avec=("enfant",)),
    ),
)
PLANNING = Document(
    "planning",
    "vos inscriptions, vos réservations avec leur historique, les présences",
    (
        Partie("inscriptions", Inscription, _de_la_famille, avec=("enfant", "prestation")),
        Partie(
            "réservations",
            Reservation,
            lambda p: Q(payeur=p.famille),
            avec=("enfant", "prestation"),
            sauf=("inscription", "version"),
            parties=(Partie("historique", ReservationEvenement, relation="evenements", avec=("par",)),),
        ),
        Partie("présences", Pointage, _presences, avec=("enfant", "prestation", "agent")),
        # Without what would give the address again: who has it reads the planning.
        Partie(
            "votre lien d’agenda",
            LienAgenda,
            lambda p: _de_la_famille(p) & _de_la_personne(p),
            sauf=("graine", "empreinte", "utilisateur"),
        ),
    ),
)
DEMANDES = Document(
    "demandes",
    "vos demandes, leurs étapes, leurs documents",
    (
        Partie(
            "demandes",
            Demande,
            _demandes,
            avec=("enfant", "envoyee_par", "decidee_par"),
            sauf=("jeton",),
            parties=(
                Partie("étapes", DemandeEvenement, relation="evenements", avec=("par",)),
                Partie(
                    "jours",
                    DemandeJour,
                    lambda p: Q(reservation__enfant__in=p.enfants),
                    "jours",
                    avec=("reservation__enfant", "reservation__prestation"),
                ),
                Partie("documents", PieceDemande, relation="pieces", avec=("fichier",)),
                Partie("votre lecture", LectureDemande, _de_la_personne, "lectures", avec=("utilisateur",)),
            ),
        ),
        Partie(
            "documents pas encore envoyés",
            Depot,
            lambda p: Q(famille=p.famille, par=p.utilisateur),
            avec=("fichier",),
            sauf=("jeton", "par"),
        ),
    ),
)
MESSAGES = Document(
    "messages",
    "vos conversations avec la mairie et leurs pièces jointes",
    (
        Partie(
            "conversations",
            Conversation,
            _de_la_famille,
            avec=("structure",),
            sauf=("attend_reponse",),
            parties=(
                Partie(
                    "messages",
                    Message,
                    relation="messages",
                    sauf=("auteur", "jeton"),
                    parties=(Partie("pièces jointes", PieceJointe, relation="pieces", avec=("fichier",)),),
                ),
                Partie("votre lecture", EtatConversation, _de_la_personne, "etats", avec=("utilisateur",)),
            ),
        ),
    ),
)
COMPTES = Document(
    "factures-et-paiements",
    "vos factures ligne à ligne, vos règlements, vos paiements en ligne",
    (
        Partie(
            "factures",
            Facture,
            _de_la_famille,
            avec=("regie", "campagne", "corrige", "emise_par"),
            parties=(
                Partie("lignes", LigneFacture, relation="lignes", avec=("prestation",), sauf=("enfant",)),
                Partie("prise en charge par le Trésor", PriseEnChargeTresor, relation="prise_en_charge"),
            ),
        ),
        Partie(
            "règlements",
            Reglement,
            _de_la_famille,
            avec=("regie", "annule", "saisi_par"),
            parties=(
                Partie(
                    "imputations",
                    Imputation,
                    # An invoice of another household paid by this one's money keeps its number to itself.
                    lambda p: Q(facture__famille=p.famille),
                    "imputations",
                    avec=("facture",),
                ),
            ),
        ),
        Partie(
            "paiements en ligne",
            PaiementEnLigne,
            _de_la_famille,
            avec=("regie", "cree_par", "reglement"),
            sauf=("url", "cle_idempotence", "session", "intention"),
            parties=(Partie("factures payées", LignePaiement, relation="lignes", avec=("facture",)),),
        ),
    ),
)
TRACES = Document(
    "connexions-et-traces",
    "vos connexions, qui a consulté ou modifié votre dossier",
    (
        Partie("vos connexions", Connexion, _de_la_personne, sauf=("utilisateur",)),
        Partie(
            "vos visites", Visite, lambda p: _de_la_famille(p) & _de_la_personne(p), sauf=("utilisateur",)
        ),
        Partie(
            "copies de vos données",
            ExportDonnees,
            lambda p: Q(famille=p.famille, demande_par=p.utilisateur),
            sauf=("pris_le", "essais", "fichier", "demande_par"),
        ),
    ),
)
DOCUMENTS = (COMPTE, ENFANTS, PLANNING, DEMANDES, MESSAGES, COMPTES, TRACES)

# Tables that hang on a household, a child or a person and stay out of the copy.
EXCLUES: dict[type[Model], str] = {
    Brouillon: "un calcul de la mairie, réécrit jusqu’à l’émission ; la facture émise est dans la copie",
    CodeDeSecours: "l’empreinte d’un secret : la donner affaiblirait le compte",
    Authentificateur: "le secret du téléphone : le donner affaiblirait le compte",
    AffectationAgent: "les structures d’un agent de la mairie, jamais d’une famille",
}


def exportees(parties: tuple[Partie, ...] | None = None) -> set[type[Model]]:
    """Every model of the copy, nested ones included."""
    if parties is None:
        parties = tuple(partie for document in DOCUMENTS for partie in document.parties)
    return {p.modele for p in parties} | {
        m for p in parties for m in (exportees(p.parties) if p.parties else ())
    }


def lignes(partie: Partie, perimetre: Perimetre) -> QuerySet:
    """The rows of a part, in the order of their keys."""
    return (
        partie.modele._default_manager.filter(partie.filtre(perimetre))
        .select_related(*partie.avec)
        .order_by(F("pk").asc())
    )
