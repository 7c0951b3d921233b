"""Which demandes: the vocabulary of the pages and of the admin."""

from datetime import date, datetime, timedelta

from django.db import models
from django.db.models import Exists, F, OuterRef, Q

from demandes.types import TYPES, Absences
from enfants.agents import structures_de
from enfants.models import Enfant, Prestation, Rattachement
from enfants.models import Etat as EtatJour

from .etats import ATTEND_LA_MAIRIE, EN_COURS, REPONDUES, Etat
from .reglage import ReglageDemande
from .suite import DemandeJour, LectureDemande, PieceDemande

# An answer older than this is no news, read or not.
NOUVELLES = timedelta(days=30)


def nouvelle(utilisateur, maintenant: datetime) -> Q:
    """Answered lately, not seen by this person. What the portal accepted while they were sending it is no news, nor
    what they closed themselves by withdrawing the rest.
    """
    vues = LectureDemande.objects.filter(
        demande=OuterRef("pk"), utilisateur=utilisateur, lue_le__gte=OuterRef("decidee_le")
    )
    return Q(
        ~Exists(vues),
        ~Q(decidee_par=utilisateur),
        etat__in=REPONDUES,
        decidee_le__gt=F("envoyee_le"),
        decidee_le__gte=maintenant - NOUVELLES,
    )


class DemandeQuerySet(models.QuerySet):
    def en_cours(self):
        """Not decided yet, as far as the row itself knows (a planning demande reads its days)."""
        return self.filter(etat__in=EN_COURS)

    def a_traiter(self):
        """Waiting for the town, oldest first. Days on a waiting list wait for a place, not for an agent."""
        jours = DemandeJour.objects.filter(demande=OuterRef("pk"))
        attendus = jours.filter(decision="", reservation__etat__in=ATTEND_LA_MAIRIE)
        return self.filter(Q(Exists(attendus)) | ~Q(Exists(jours)), etat=Etat.ENVOYEE).order_by(
            "envoyee_le", "numero"
        )

    def visibles(self, jour: date):
        """Without those about a child this household no longer holds (immediate end of a Rattachement)."""
        liens = Rattachement.objects.filter(Rattachement.en_cours("", jour), famille=OuterRef("famille"))
        autres_liens = Rattachement.objects.filter(
            Rattachement.en_cours("", jour), famille=OuterRef("demande__famille")
        )
        jours = DemandeJour.objects.filter(demande=OuterRef("pk"))
        vus = jours.filter(Exists(autres_liens.filter(enfant=OuterRef("reservation__enfant"))))
        return self.filter(
            Q(enfant=None) | Exists(liens.filter(enfant=OuterRef("enfant"))),
            ~Exists(jours) | Exists(vus),
        )

    def avec_jours(self, enfants=None):
        """With everything a line of a list shows, in a constant number of queries.

        `enfants`: ids of the children the reader may see; the days of others are left out.
        """
        jours = DemandeJour.objects.select_related(
            "reservation__enfant", "reservation__prestation__structure"
        ).order_by("reservation__jour", "pk")
        if enfants is not None:
            jours = jours.filter(reservation__enfant__in=enfants)
        return (
            self.select_related("famille", "enfant", "envoyee_par", "decidee_par")
            .annotate(avec_pieces=Exists(PieceDemande.objects.filter(demande=OuterRef("pk"))))
            .prefetch_related(models.Prefetch("jours", jours))
        )

    def sans_attestation(self):
        """Medical absences that wait for a document and that nobody has talked about, oldest first."""
        attendus = DemandeJour.objects.filter(
            demande=OuterRef("pk"),
            decision="",
            reservation__etat=EtatJour.ABSENCE_DEMANDEE,
            reservation__absence_medicale=True,
        )
        return self.filter(
            Exists(attendus),
            ~Exists(PieceDemande.objects.filter(demande=OuterRef("pk"))),
            etat=Etat.ENVOYEE,
            conversation=None,
            type=Absences.code,
        ).order_by("envoyee_le", "numero")

    def a_effacer(self, avant: datetime):
        """Decided before that instant: bank and health demandes whose values are still there, copies of identity papers."""
        sensibles = Q(
            Exists(PieceDemande.objects.filter(demande=OuterRef("pk"))),
            type__in=[genre.code for genre in TYPES if genre.pieces_ephemeres],
        )
        for genre in TYPES:
            sensibles |= genre.sensibles() if genre.sensible else Q()
        return (
            self.filter(sensibles, decidee_le__lt=avant, effacee_le=None)
            .exclude(etat__in=EN_COURS)
            .order_by("decidee_le", "numero")
        )

    def nouvelles(self, utilisateur, maintenant: datetime):
        """Answered lately, and not seen by this person."""
        return self.filter(nouvelle(utilisateur, maintenant))

    def avec_nouveaute(self, utilisateur, maintenant: datetime):
        """`nouvelle`: whether its answer is new to this person."""
        vrai = models.When(nouvelle(utilisateur, maintenant), then=True)
        return self.annotate(nouvelle=models.Case(vrai, default=False, output_field=models.BooleanField()))

    def pour_agent(self, agent):
        """What this agent treats: kinds open to their groups, and what concerns their structures when they have some."""
        demandes = self.exclude(type__in=ReglageDemande.fermes(agent))
        structures = structures_de(agent)
        return demandes if structures is None else demandes.pour_structures(structures)

    def pour_structures(self, structures: list[int]):
        """What an agent attached to these structures treats: days there, the sheets of the children enrolled there,
        those who ask to be, and, where the town says so, the accounts of their families. Never the days of another
        structure, nor who enrols there.
        """
        jours = DemandeJour.objects.filter(
            demande=OuterRef("pk"), reservation__prestation__structure__in=structures
        )
        inscrits = Enfant.objects.filter(
            Q(inscriptions__prestation__structure__in=structures) | Q(scolarites__ecole__in=structures)
        )
        services = Prestation.objects.filter(structure__in=structures).values_list("pk", flat=True)
        demandes = Q(type="inscription", donnees__prestation__in=[str(pk) for pk in services])
        ecoles = Q(type="ajouter-enfant", donnees__ecole__in=[str(pk) for pk in structures])
        familles = Rattachement.objects.filter(famille=OuterRef("famille"), enfant__in=inscrits.values("pk"))
        ouverts = ReglageDemande.objects.filter(agents_rattaches=True, type=OuterRef("type"))
        tous_les_jours = DemandeJour.objects.filter(demande=OuterRef("pk"))
        return self.filter(
            Exists(jours)
            | Q(Exists(inscrits.filter(pk=OuterRef("enfant"))), ~Exists(tous_les_jours))
            & ~Q(type="inscription")
            | demandes
            | ecoles
            | Q(~Exists(tous_les_jours), Exists(familles), Exists(ouverts), enfant=None)
        )
