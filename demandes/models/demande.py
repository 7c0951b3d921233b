"""A demande: what a family asks, what the town answers."""

import uuid
from datetime import date, datetime

from django.conf import settings
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import connection, models, transaction
from django.db.models import Q
from django.utils import timezone

from demandes.types import PAR_CODE, TypeDemande, choix_des_types
from enfants import places
from enfants.models import Enfant
from familles.models import Famille
from messagerie.models import Conversation
from portail.socle.courriels import Lettre, poster_ensemble
from portail.socle.traces import tracer_ensemble
from portail.socle.verrous import verrouiller, verrouiller_un

from .etats import EN_COURS, AChange, DejaTraitee, Etat
from .fil import AvecFil
from .jours import AvecJours
from .pieces import AvecPieces
from .requetes import DemandeQuerySet
from .suite import DemandeEvenement

GenreDemande = type[TypeDemande]
Application = tuple[TypeDemande, Enfant | None]  # the form that was applied, the child it created
RELUS = (
    "etat",
    "donnees",
    "avant",
    "motif",
    "decidee_le",
    "decidee_par_id",
    "enfant_id",
    "conversation_id",
    "effacee_le",
)


class CompteurDemande(models.Model):
    """Next number of a year; locked last of all."""

    annee = models.PositiveSmallIntegerField("année", unique=True)
    suivant = models.PositiveIntegerField("prochain numéro", default=1)

    class Meta:
        verbose_name = "compteur des demandes"
        verbose_name_plural = "compteurs des demandes"

    def __str__(self) -> str:
        return str(self.annee)

    @classmethod
    def numero(cls, annee: int) -> str:
        """« 2026-0415 ». The caller's transaction holds the row until it ends: no gap, no duplicate."""
        if (pris := cls._prendre(annee)) is None:
            cls.objects.get_or_create(annee=annee)
            pris = cls._prendre(annee)
        return f"{annee}-{pris:04d}"

    @classmethod
    def _prendre(cls, annee: int) -> int | None:
        # Locks, reads and adds at once: everybody who books waits for this row.
        with connection.cursor() as curseur:
            curseur.execute(
                f"UPDATE {cls._meta.db_table} SET suivant = suivant + 1 WHERE annee = %s RETURNING suivant - 1",
                [annee],
            )
            return next((pris for (pris,) in curseur.fetchall()), None)


class Demande(AvecJours, AvecFil, AvecPieces, models.Model):
    """One ask of one household. `donnees`: what was posted (only what differs); `avant`: what stood there.

    Bank and health values are emptied some days after the decision (`effacee_le`); `effaces` keeps their names.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    numero = models.CharField("n°", max_length=12, unique=True)
    famille = models.ForeignKey(Famille, models.PROTECT, related_name="demandes")
    enfant = models.ForeignKey(
        Enfant, models.PROTECT, null=True, blank=True, related_name="demandes", verbose_name="enfant"
    )
    type = models.CharField("type", max_length=30, choices=choix_des_types)
    etat = models.CharField("état", max_length=16, choices=Etat, default=Etat.ENVOYEE)
    donnees = models.JSONField("données demandées", default=dict, blank=True)
    avant = models.JSONField("données d’avant", default=dict, blank=True)
    envoyee_par = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name="envoyée par"
    )
    envoyee_le = models.DateTimeField("envoyée le", default=timezone.now)
    decidee_par = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="décidée par",
    )
    decidee_le = models.DateTimeField("décidée le", null=True, blank=True)
    motif = models.CharField("motif", max_length=300, blank=True)
    estimation = models.JSONField("coût estimé à l’envoi", default=dict, blank=True, editable=False)
    jeton = models.UUIDField("jeton d’envoi", default=uuid.uuid4, editable=False)
    # What is said about it, once: the page of the demande and the family's inbox show the same messages.
    conversation = models.OneToOneField(
        Conversation, models.SET_NULL, null=True, blank=True, editable=False, related_name="demande"
    )
    effacee_le = models.DateTimeField("valeurs effacées le", null=True, blank=True)
    effaces = models.JSONField("informations effacées", default=list, blank=True)

    objects = DemandeQuerySet.as_manager()
    fait = ""  # what accepting it just did, for its e-mail

    class Meta:
        verbose_name = "demande"
        ordering = ["-envoyee_le", "-numero"]
        permissions = [
            ("traiter_demande", "Peut traiter les demandes"),
            ("voir_sante", "Peut lire les données sanitaires"),
            ("voir_banque", "Peut lire les coordonnées bancaires"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["famille", "jeton"],
                name="demande_jeton",
                violation_error_message="Cette demande est déjà envoyée.",
            ),
            models.CheckConstraint(
                condition=Q(etat__in=Etat.values),
                name="demande_etat",
                violation_error_message="Cet état n’existe pas.",
            ),
            models.CheckConstraint(
                condition=~Q(etat=Etat.REFUSEE) | ~Q(motif=""),
                name="demande_refus_motive",
                violation_error_message="Donnez le motif du refus.",
            ),
            models.CheckConstraint(
                condition=Q(etat__in=EN_COURS) | Q(decidee_le__isnull=False),
                name="demande_decidee_datee",
                violation_error_message="Une demande décidée porte la date de la décision.",
            ),
        ]
        indexes = [
            models.Index(fields=["etat", "envoyee_le"], name="demande_a_traiter"),
            models.Index(fields=["famille", "-envoyee_le"], name="demande_famille"),
        ]

    def __str__(self) -> str:
        return f"Demande {self.numero}"

    # --- reading ----------------------------------------------------------------------------------

    @property
    def genre(self) -> GenreDemande:
        return PAR_CODE[self.type]

    @property
    def permission(self) -> str:
        """What an agent needs to read its details, and so to decide it; empty: nothing more."""
        return self.genre.permission_pour(self.donnees)

    def formulaire(self, jour: date, data: dict | None = None) -> TypeDemande:
        """The form of its kind over the current values; bound to `data` when given."""
        return self.genre(
            data,
            famille=self.famille,
            enfant=self.enfant,
            jour=jour,
            depuis=timezone.localdate(self.envoyee_le),
            propose=self.donnees,
        )

    @classmethod
    def ouvrir(
        cls,
        famille,
        genre: GenreDemande,
        par,
        maintenant: datetime,
        *,
        enfant,
        donnees,
        avant,
        jeton=None,
        estimation=None,
        texte="",
        acceptee: bool = False,
    ) -> "Demande":
        """The row, its number, its first event, its trace. Call it in a transaction that holds the family.

        `acceptee`: by nobody, at once; both events are written together.
        """
        fin = {"etat": Etat.ACCEPTEE, "decidee_le": maintenant} if acceptee else {}
        demande = cls.objects.create(
            numero=CompteurDemande.numero(timezone.localdate(maintenant).year),
            famille=famille,
            enfant=enfant,
            type=genre.code,
            donnees=donnees,
            avant=avant,
            envoyee_par=par,
            envoyee_le=maintenant,
            jeton=jeton or uuid.uuid4(),
            estimation=estimation or {},
            **fin,
        )
        pas = [(DemandeEvenement.Genre.ENVOYEE, par, texte)]
        if acceptee:
            pas.append((DemandeEvenement.Genre.ACCEPTEE, None, ""))
        demande.dernier_pas = demande._avancer(pas, maintenant)[-1]
        return demande

    # --- verbs: atomic, lock, read again, twice is once -------------------------------------------

    @transaction.atomic
    def accepter(
        self,
        par,
        maintenant: datetime,
        *,
        jours=None,
        parmi=None,
        motif: str = "",
        surnombre: str = "",
        vu: str = "",
        existant: Enfant | None = None,
        texte: str = "",
    ) -> None:
        """Accept, and apply. Raises DejaTraitee, AChange, ValidationError.

        `jours`: ids of the bookings accepted among those waiting, the others being refused for `motif` (None:
        all); `parmi`: the bookings this agent may decide (None: all). `surnombre`: why days of the waiting list are
        accepted though they are full (the agent is allowed to). `vu`: fingerprint of the current values
        the agent looked at, needed when they changed since.
        `existant`: the child of another household that « ajouter-enfant » is about. `texte`: words for the timeline.
        """
        self._reprendre()
        if self.genre.planning:
            attendus = self._attendus(parmi=parmi)
            # A day on the waiting list is accepted only when the agent names it.
            voulus = attendus if jours is None else self._attendus(avec_liste=True, parmi=parmi) & set(jours)
            self._decider_jours(voulus, attendus - voulus, motif, par, maintenant, surnombre)
            return
        self.conclure(self.appliquer(par, maintenant, vu=vu, existant=existant), par, maintenant, texte)

    def appliquer(
        self, par, maintenant: datetime, vu: str = "", existant: Enfant | None = None
    ) -> Application:
        """Check again and write the values, family and child locked. Locks places, other children: before any number."""
        formulaire = self._relire(timezone.localdate(maintenant), vu)
        if existant is not None:
            formulaire.existant = existant
        return formulaire, formulaire.appliquer(par, maintenant)

    def conclure(self, application: Application, par, maintenant: datetime, texte: str = "") -> None:
        """Close it, its values applied, and open the demandes that follow (numbered: the counter is locked last)."""
        formulaire, cree = application
        if cree is not None:
            self.enfant = cree
            self.save(update_fields=["enfant"])
        self.fait = formulaire.fait
        texte = f"{texte}. {self.fait}" if texte and self.fait else texte or self.fait
        self._clore(Etat.ACCEPTEE, par, maintenant, texte=texte)
        for code, donnees in formulaire.suites(cree):
            Demande.ouvrir(
                self.famille,
                PAR_CODE[code],
                self.envoyee_par,
                maintenant,
                enfant=cree or self.enfant,
                donnees=donnees,
                avant=dict.fromkeys(donnees, ""),
                texte=f"Suite de la demande {self.numero}.",
            )

    @transaction.atomic
    def refuser(self, par, motif: str, maintenant: datetime, *, jours=None) -> None:
        """Refuse, or refuse only these waiting days. Raises DejaTraitee, ValidationError without motif."""
        motif = motif.strip()
        if not motif:
            raise ValidationError("Donnez le motif du refus.")
        self._reprendre()
        if self.genre.planning:
            ouverts = self._attendus(avec_liste=True)
            self._decider_jours(
                set(), ouverts if jours is None else ouverts & set(jours), motif, par, maintenant
            )
        else:
            self._clore(Etat.REFUSEE, par, maintenant, motif)

    @transaction.atomic
    def retirer(self, par, maintenant: datetime, texte: str = "") -> None:
        """The family takes it back; days already accepted stay booked."""
        self._reprendre()
        if not self.genre.planning:
            self._clore(Etat.RETIREE, par, maintenant, texte=texte, prevenir=False)
            return
        ouverts = self._attendus(avec_liste=True)
        places.retirer(sorted(ouverts), par, maintenant)
        self.solder(par, maintenant, texte=texte, prevenir=False)

    # --- inside a verb ----------------------------------------------------------------------------

    def _verrouiller(self) -> None:
        """Lock in the order of the house (famille, demande, enfant), and read again.

        Where places move, `places` locks the children itself, all at once: one taken before would be a deadlock.
        """
        self.famille = verrouiller_un(Famille.objects.filter(pk=self.famille_id))
        frais = verrouiller_un(Demande.objects.filter(pk=self.pk))
        for champ in RELUS:
            setattr(self, champ, getattr(frais, champ))
        self._prefetched_objects_cache = {}
        self.tenir_l_enfant()

    def tenir_l_enfant(self) -> None:
        if self.enfant_id and not self.genre.prend_des_places:
            verrouiller(Enfant.objects.filter(pk=self.enfant_id))

    def _reprendre(self) -> None:
        """Lock, and refuse what is decided."""
        self._verrouiller()
        if not self.est_en_cours:
            qui = f" par {self.decidee_par}" if self.decidee_par_id else ""
            quand = f" le {timezone.localtime(self.decidee_le):%d/%m/%Y à %H:%M}" if self.decidee_le else ""
            raise DejaTraitee(
                f"Demande déjà traitée{qui}{quand}\N{NO-BREAK SPACE}: {self.etat_en_mots.lower()}."
            )

    def _relire(self, jour: date, vu: str) -> TypeDemande:
        """Its valid form over today's values. Raises AChange when they moved unseen, ValidationError."""
        formulaire = self.formulaire(jour)
        if vu != formulaire.empreinte() and formulaire.a_change(self.avant):
            raise AChange("Ces informations ont changé depuis la demande. Relisez avant d’accepter.")
        formulaire = self.formulaire(jour, formulaire.valeurs | self.donnees)
        if not formulaire.is_valid():
            raise ValidationError(
                [
                    " ".join(e)
                    if n == NON_FIELD_ERRORS
                    else f"{formulaire.etiquette(n)}\N{NO-BREAK SPACE}: {' '.join(e)}"
                    for n, e in formulaire.errors.items()
                ]
            )
        return formulaire

    def _clore(
        self, etat: str, par, maintenant: datetime, motif: str = "", texte: str = "", prevenir: bool = True
    ) -> None:
        self.etat, self.decidee_par, self.decidee_le = etat, par, maintenant
        self.motif = motif[:300] if etat in (Etat.REFUSEE, Etat.ACCEPTEE_PARTIE) else ""
        self.save(update_fields=["etat", "decidee_par", "decidee_le", "motif"])
        if self.conversation_id:
            Conversation.objects.filter(pk=self.conversation_id).update(attend_reponse=False)
        self._noter(etat, par, maintenant, texte or self.motif, prevenir=prevenir)

    def _noter(
        self, genre: str, par, maintenant: datetime, texte: str = "", prevenir: bool = False
    ) -> DemandeEvenement:
        """One event and one trace, in the verb's transaction; the e-mail of that event if asked."""
        (evenement,) = self._avancer([(genre, par, texte)], maintenant)
        if prevenir:
            self._prevenir(evenement, texte)
        return evenement

    def _avancer(self, pas: list[tuple], maintenant: datetime) -> list[DemandeEvenement]:
        """These steps (genre, who, words), in order: an event and a trace each."""
        tracer_ensemble(
            [(par, f"demande_{genre}") for genre, par, _ in pas],
            self,
            famille=self.famille,
            type=self.type,
            champs=sorted(self.donnees or self.effaces),
        )
        return DemandeEvenement.objects.bulk_create(
            DemandeEvenement(demande=self, genre=genre, le=maintenant, par=par, texte=texte)
            for genre, par, texte in pas
        )

    def _prevenir(self, evenement: DemandeEvenement, texte: str = "") -> None:
        """One e-mail for each adult who allowed it. Words an agent typed about health or bank stay in the portal; days
        are read once, a typical week has hundreds.
        """
        motif_tu = bool(self.permission and evenement.par_id and texte)
        relue = self.genre.planning and not self.vient_de_les_porter
        lue = Demande.objects.avec_jours().get(pk=self.pk) if relue else self
        rangs = places.rangs(j.reservation for j in lue.jours.all()) if relue else self.rangs_connus
        poster_ensemble(
            Lettre(
                f"demande:{self.numero}:{evenement.pk}:{adresse}"[:200],
                adresse,
                f"courriels/demande_{evenement.genre}.txt",
                {"demande": lue, "texte": "" if motif_tu else texte, "motif_tu": motif_tu, "rangs": rangs},
            )
            for adresse in self.famille.adresses_courriel()
        )

    def accuser(self) -> None:
        """The receipt, mailed: sent or accepted, its number. Just after `ouvrir`, in the transaction of the sending."""
        self._prevenir(self.dernier_pas)
