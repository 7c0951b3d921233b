"""T3 of the test plan: a town lived at random, by its verbs only; what must always hold is checked after every step.

Hypothesis chooses the steps. Derandomised short form here; `script/test -m lourd` runs 300 lives of 40 steps from a
seed it prints (GRAINE=… replays it).
"""

import os
import random
import time
from collections import Counter
from datetime import date, timedelta

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from enfants import places, rattachements, regles
from enfants.models import (
    Creneau,
    Etat,
    GroupeExclusif,
    Inscription,
    Jauge,
    Prestation,
    Rattachement,
    Reservation,
    ReservationEvenement,
)
from enfants.models.reservation import OCCUPANTS, VIVANTS
from enfants.places_attente import MOTIF as PROMOTION
from facturation.brouillons import calculer
from facturation.emission import avoir, emettre
from facturation.encaissement import annuler, encaisser
from facturation.models import Campagne, Facture, Imputation, LigneFacture, Reglement
from facturation.releve import operations, releve, solde
from familles.models import Famille
from portail.socle.models import Courriel
from tests import factories
from tests.enfants.fabrique import MAINTENANT
from tests.facturation import fabrique

pytestmark = pytest.mark.django_db
N = st.integers(0, 30)
PREMIER, DERNIER = date(2026, 11, 1), date(2027, 1, 31)


class Ville(RuleBasedStateMachine):
    """Three households, four children, four services that share places; everything is undone at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.horloge = time_machine.travel(MAINTENANT, tick=False)
        self.voyage = self.horloge.start()
        self.transaction = transaction.atomic()
        self.transaction.__enter__()
        self.libere = self.droit_revenu = False
        self.comptees: tuple = ()
        self._batir()

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.transaction.__exit__(None, None, None)
        self.horloge.stop()

    def _batir(self) -> None:
        jean, jeanne, claire = (
            factories.famille(p, n)
            for p, n in (("Jean", "DUPONT"), ("Jeanne", "DUPONT"), ("Claire", "MARTIN"))
        )
        lea = factories.enfant("Léa", jean, jeanne)
        tom = factories.enfant("Tom", jean, naissance=date(2021, 6, 2))
        zoe, noe = (factories.enfant(p, claire, nom="MARTIN") for p in ("Zoé", "Noé"))
        matin, apres_midi, journee, cantine = (
            factories.prestation(nom, validation=validation)
            for nom, validation in (
                ("Matin", "automatique"),
                ("Après-midi", "automatique"),
                ("Journée", "automatique"),
                ("Cantine", "mairie"),
            )
        )
        GroupeExclusif.objects.create(nom="Demi-journées").prestations.add(matin, journee)
        lieu = cantine.structure
        for libelle, capacite, services in (
            ("Matin", 1, (matin, journee)),
            ("Après-midi", 1, (apres_midi, journee)),
            ("Cantine", 2, (cantine,)),
        ):
            Jauge.objects.create(structure=lieu, libelle=libelle, capacite=capacite).prestations.add(
                *services
            )
        for enfant, familles in ((lea, (jean, jeanne)), (tom, (jean,)), (zoe, (claire,)), (noe, (claire,))):
            for famille in familles:
                for service in (matin, apres_midi, journee, cantine):
                    factories.inscription(enfant, service, famille)
        for service in (matin, apres_midi, journee, cantine):
            fabrique.tarif(fabrique.lien(service))
        self.regie = fabrique.regie()
        self.agent = factories.agent()

    # --- choosing -------------------------------------------------------------------------------------------

    @property
    def maintenant(self):
        return timezone.now()

    def jour(self, n: int) -> date:
        """One of the next school days, close enough together to meet."""
        jour = timezone.localdate() + timedelta(3 + n % 3)
        return jour + timedelta({5: 2, 6: 1}.get(jour.weekday(), 0))

    @staticmethod
    def parmi(lignes, n: int):
        lignes = list(lignes.order_by("pk"))
        return lignes[n % len(lignes)] if lignes else None

    def essayer(self, verbe, *args, **options):
        """A verb, refused or not: a refusal (a ValidationError, in words) writes nothing."""
        try:
            with transaction.atomic():
                return verbe(*args, **options)
        except ValidationError as refus:
            assert all(refus.messages)
            return None

    # --- places ---------------------------------------------------------------------------------------------

    @rule(qui=N, jours=st.lists(N, min_size=1, max_size=4), mairie=st.booleans())
    def reserver(self, qui, jours, mairie):
        self._reserver(qui, jours, mairie)

    @rule(qui=N, jours=st.lists(N, min_size=3, max_size=6))
    def reserver_encore(self, qui, jours):
        """Asked more often than anything else, so that days fill up and people wait."""
        for n in range(2):
            self._reserver(qui + 5 * n, jours, False)

    def _reserver(self, qui, jours, mairie):
        inscription = self.parmi(Inscription.objects.all(), qui)
        souhaits = [places.Souhait(inscription, self.jour(n)) for n in jours]
        prevues = places.examiner(souhaits, self.maintenant, mairie)
        issues = places.reserver(souhaits, None, self.maintenant, au_nom_de_la_mairie=mairie)
        assert [(i.verdict, i.rang) for i in prevues] == [(i.verdict, i.rang) for i in issues]

    @rule(laquelle=N, medicale=st.booleans())
    def absence(self, laquelle, medicale):
        attendus = Reservation.objects.filter(etat=Etat.EN_ATTENTE).values("jour")
        tenues = Reservation.objects.filter(etat__in=VIVANTS)
        # Where somebody waits, rather than anywhere.
        if reservation := self.parmi(tenues.filter(jour__in=attendus), laquelle) or self.parmi(
            tenues, laquelle
        ):
            self.libere = True
            places.declarer_absences([reservation], None, self.maintenant, "Voyage", medicale)

    @rule(laquelle=N, vers=st.sampled_from(Etat.values))
    def changer(self, laquelle, vers):
        if reservation := self.parmi(Reservation.objects.all(), laquelle):
            self.libere = True
            avant = reservation.etat
            apres = self.essayer(places.changer, reservation, vers, self.agent, self.maintenant, "Essai")
            assert apres is None or vers in regles.TRANSITIONS[avant]

    @rule(laquelle=N, oui=st.booleans())
    def decider(self, laquelle, oui):
        attendent = Reservation.objects.filter(etat__in=(Etat.DEMANDEE, Etat.EN_ATTENTE))
        if reservation := self.parmi(attendent, laquelle):
            self.libere = True
            self.essayer(places.decider, [reservation.pk], oui, self.agent, self.maintenant, "Motif")

    @rule(laquelle=N, oui=st.booleans())
    def trancher(self, laquelle, oui):
        absences = Reservation.objects.filter(etat__startswith="absen")
        if reservation := self.parmi(absences, laquelle):
            self.libere = True
            self.essayer(
                places.trancher_absences, [reservation.pk], oui, self.agent, self.maintenant, "Motif"
            )

    @rule(laquelle=N)
    def retirer(self, laquelle):
        if reservation := self.parmi(Reservation.objects.filter(etat__in=VIVANTS), laquelle):
            self.libere = True
            places.retirer([reservation.pk], None, self.maintenant)

    @rule(quand=N)
    def fermer(self, quand):
        """The town cancels a service, one day."""
        self.libere = True
        lignes = Reservation.objects.filter(
            jour=self.jour(quand), prestation=self.parmi(Prestation.objects, quand)
        )
        ids = lignes.values_list("pk", flat=True)
        places.annuler(ids, self.agent, self.maintenant, "Travaux")

    @rule(lequel=N, capacite=st.integers(0, 4), surnombre=st.integers(0, 2))
    def changer_les_places(self, lequel, capacite, surnombre):
        """What the admin does: refused below what is taken; then the freed places are offered."""
        creneau = self.parmi(Creneau.objects.all(), lequel)
        if creneau is None or creneau.pris > capacite + surnombre:
            return
        Creneau.objects.filter(pk=creneau.pk).update(
            capacite=capacite, surnombre=surnombre, motif_surnombre="Sortie"
        )
        places.promouvoir([(creneau.jauge_id, creneau.jour)], self.maintenant)

    @rule(lequel=N)
    def finir_un_rattachement(self, lequel):
        if lien := self.parmi(Rattachement.objects.filter(au=None), lequel):
            self.libere = True
            veille = rattachements.veille(timezone.localdate())
            self.essayer(rattachements.terminer, lien, veille, self.agent, self.maintenant)

    @rule(lequel=N)
    def rattacher_de_nouveau(self, lequel):
        """The child moves back: a new Rattachement, new inscriptions."""
        clos = Rattachement.objects.exclude(au=None)
        if (lien := self.parmi(clos, lequel)) is None:
            return
        if Rattachement.objects.filter(enfant=lien.enfant, famille=lien.famille, au=None).exists():
            return
        self.droit_revenu = True
        jour = timezone.localdate()
        Rattachement.objects.create(enfant=lien.enfant, famille=lien.famille, du=jour)
        for inscription in Inscription.objects.filter(enfant=lien.enfant, famille=lien.famille).order_by(
            "pk"
        ):
            if not Inscription.objects.filter(
                enfant=lien.enfant, famille=lien.famille, prestation=inscription.prestation, au=None
            ).exists():
                factories.inscription(lien.enfant, inscription.prestation, lien.famille, du=jour)

    @rule(heures=st.integers(1, 60))
    def le_temps_passe(self, heures):
        self.voyage.shift(timedelta(hours=heures))

    # --- money ----------------------------------------------------------------------------------------------

    @rule(jusqua=st.integers(0, 8))
    def facturer(self, jusqua):
        aujourdhui = timezone.localdate()
        # Campagnes of a régie never overlap (PostgreSQL refuses it): the next one starts where the last one ended.
        derniere = Campagne.objects.filter(regie=self.regie).order_by("-au").first()
        du, au = derniere.au + timedelta(1) if derniere else PREMIER, aujourdhui + timedelta(jusqua)
        if au < du:
            return
        campagne = fabrique.campagne(
            self.regie,
            libelle=f"Jusqu’au {au}",
            du=du,
            au=au,
            date_facture=aujourdhui,
            echeance=aujourdhui + timedelta(22),
        )
        calculer(campagne)
        bilan = emettre(campagne, self.agent)
        assert bilan.echecs == []
        # Twice is once.
        assert emettre(campagne, self.agent).emises == []

    @rule(qui=N, centimes=st.integers(1, 3000), laquelle=N)
    def payer(self, qui, centimes, laquelle):
        # Rather who has an invoice.
        factures = Facture.objects.values("famille")
        famille = self.parmi(Famille.objects.filter(pk__in=factures), qui) or self.parmi(Famille.objects, qui)
        facture = self.parmi(famille.factures.all(), laquelle)
        sur = [(facture, centimes)] if facture else []
        encaisser(famille, self.regie, "cheque", centimes, timezone.localdate(), self.agent, sur=sur)

    @rule(lequel=N, centimes=st.none() | st.integers(1, 500))
    def rembourser(self, lequel, centimes):
        if reglement := self.parmi(Reglement.objects.all(), lequel):
            self.essayer(annuler, reglement, self.agent, "Erreur", timezone.localdate(), centimes=centimes)

    @rule(laquelle=N)
    def faire_un_avoir(self, laquelle):
        if facture := self.parmi(Facture.objects.all(), laquelle):
            self.essayer(avoir, facture, self.agent, "Erreur")

    # --- what always holds ----------------------------------------------------------------------------------

    @invariant()
    def les_places_sont_justes(self):
        comptes = Counter(
            (jauge, r.jour)
            for r in Reservation.objects.filter(etat__in=OCCUPANTS).order_by("pk")
            for jauge in r.places
        )
        for c in Creneau.objects.order_by("pk"):
            assert c.pris == comptes.pop((c.jauge_id, c.jour), 0) <= c.capacite + c.surnombre, c
        assert not comptes
        assert not Reservation.objects.exclude(etat__in=OCCUPANTS).exclude(places=[]).exists()
        assert not Reservation.objects.filter(etat__in=OCCUPANTS, places=[]).exists()

    @invariant()
    def un_enfant_un_service_un_jour(self):
        vivantes = Reservation.objects.vivantes().order_by("pk")
        assert max(Counter(vivantes.values_list("enfant", "prestation", "jour")).values(), default=1) == 1
        exclusives = vivantes.filter(etat__in=OCCUPANTS, prestation__groupes_exclusifs__isnull=False)
        assert max(Counter(exclusives.values_list("enfant", "jour")).values(), default=1) == 1

    @invariant()
    def lhistoire_suit_la_table(self):
        """Every booking's history starts from nothing, follows the table, and ends on its state."""
        chaines: dict[int, list] = {}
        evenements = ReservationEvenement.objects.order_by("pk").values_list("reservation", "de", "vers")
        for reservation, de, vers in evenements:
            chaine = chaines.setdefault(reservation, [""])
            assert de == chaine[-1] and vers in regles.TRANSITIONS[de], (chaine, de, vers)
            chaine.append(vers)
        for pk, etat, version in Reservation.objects.order_by("pk").values_list("pk", "etat", "version"):
            assert (chaines[pk][-1], len(chaines[pk]) - 1) == (etat, version)

    @invariant()
    def personne_nattend_une_place_libre(self):
        """A place that frees is offered at once: scheduled work finds nothing more to offer, but to those whose right
        came back, or whose other half-day (exclusive) was freed, which frees nothing where they wait.
        """
        attentes = Reservation.objects.filter(etat=Etat.EN_ATTENTE)
        avant = set(attentes.values_list("pk", flat=True))
        places.rattraper(self.maintenant)
        servies = Reservation.objects.filter(pk__in=avant).exclude(etat=Etat.EN_ATTENTE)
        if not self.droit_revenu:
            excuses = (
                servies.filter(prestation__groupes_exclusifs__isnull=False) if self.libere else servies.none()
            )
            assert set(servies) == set(excuses)
        self.libere = self.droit_revenu = False

    @invariant()
    def largent_est_juste(self):
        """These rows are only ever added (triggers): none more, nothing to look at again."""
        tables = (Facture, LigneFacture, Reglement, Imputation, Courriel)
        comptees = tuple(table.objects.count() for table in tables)
        if comptees != self.comptees:
            self.comptees = comptees
            self.un_courriel_par_cause()
            self.les_comptes_sont_justes()
            self.les_imputations_tiennent()
            self.les_numeros_se_suivent()
            self.un_jour_nest_facture_quune_fois()

    def un_courriel_par_cause(self):
        promues = ReservationEvenement.objects.filter(motif=PROMOTION).count()
        assert Courriel.objects.filter(cle__startswith="place_liberee:").count() == promues
        factures = Facture.objects.filter(nature="facture").count()
        assert Courriel.objects.filter(cle__startswith="facture:").count() == factures

    def les_comptes_sont_justes(self):
        for famille in Famille.objects.order_by("pk"):
            factures = sum(famille.factures.filter(nature="facture").values_list("total_centimes", flat=True))
            avoirs = sum(famille.factures.filter(nature="avoir").values_list("total_centimes", flat=True))
            paiements = sum(famille.reglements.values_list("centimes", flat=True))
            du = solde(famille)
            assert du == factures + avoirs - paiements
            lignes = operations(famille)
            assert du == sum(o.debit for o in lignes) - sum(o.credit for o in lignes)
            assert all(o.debit >= 0 and o.credit >= 0 for o in lignes)
            annee = releve(famille, 2026)
            assert len(annee.operations) == len(lignes) and annee.ancien_solde == 0

    def les_imputations_tiennent(self):
        """No règlement spends more than it holds, no invoice receives more than it asks."""
        for facture in Facture.objects.avec_reste().filter(nature="facture"):
            assert 0 <= facture.regle <= facture.total_centimes and facture.reste >= 0
            assert facture.total_centimes == sum(facture.lignes.values_list("total_centimes", flat=True))
        # A règlement and what was given back of it count together.
        reglements = {r.pk: (r.annule_id or r.pk, r.centimes) for r in Reglement.objects.order_by("pk")}
        recus: Counter = Counter()
        for pot, centimes in reglements.values():
            recus[pot] += centimes
        depenses: Counter = Counter()
        for reglement, centimes in Imputation.objects.order_by("pk").values_list("reglement", "centimes"):
            depenses[reglements[reglement][0]] += centimes
        for pot, recu in recus.items():
            assert 0 <= depenses[pot] <= recu

    def les_numeros_se_suivent(self):
        for lignes in (
            Facture.objects.filter(nature="facture"),
            Facture.objects.filter(nature="avoir"),
            Reglement.objects.all(),
        ):
            numeros = sorted(lignes.values_list("numero", flat=True))
            assert numeros == list(range(1, len(numeros) + 1))

    def un_jour_nest_facture_quune_fois(self):
        vives = Facture.objects.vives().filter(nature="facture").values("pk")
        jours = Counter(
            (ligne.facture.famille_id, ligne.enfant_id, ligne.prestation_id, jour)
            for ligne in LigneFacture.objects.filter(facture__in=vives)
            .select_related("facture")
            .order_by("pk")
            for jour in ligne.jours
        )
        assert max(jours.values(), default=1) == 1


REGLAGES = settings(
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)


COURTE = settings(REGLAGES, derandomize=True, max_examples=5, stateful_step_count=25, phases=[Phase.generate])


def test_une_ville_vecue_au_hasard(db):
    """The short form: the same lives at each run."""
    run_state_machine_as_test(Ville, settings=COURTE)


def test_controle_les_invariants_voient_ce_quils_gardent(db, monkeypatch):
    """A counter that lies, a history without its state, a freed place offered to nobody: each is seen."""
    ville = Ville()
    try:
        inscriptions = Inscription.objects.filter(prestation__nom="Après-midi").order_by("pk")
        jour = ville.jour(0)
        for inscription in (inscriptions[0], inscriptions[2]):
            places.reserver([places.Souhait(inscription, jour)], None, ville.maintenant)
        prise, attente = Reservation.objects.order_by("pk")
        assert (prise.etat, attente.etat) == (Etat.RESERVEE, Etat.EN_ATTENTE)
        ville.les_places_sont_justes()
        ville.lhistoire_suit_la_table()
        ville.personne_nattend_une_place_libre()
        Creneau.objects.filter(jour=jour).update(pris=0)
        with pytest.raises(AssertionError):
            ville.les_places_sont_justes()
        Creneau.objects.filter(jour=jour).update(pris=1)
        Reservation.objects.filter(pk=attente.pk).update(etat=Etat.ANNULEE)
        with pytest.raises(AssertionError):
            ville.lhistoire_suit_la_table()
        Reservation.objects.filter(pk=attente.pk).update(etat=Etat.EN_ATTENTE)
        monkeypatch.setattr(places, "proposer", lambda *_: [])
        places.changer(prise, Etat.ANNULEE, None, ville.maintenant)
        with pytest.raises(AssertionError):
            ville.personne_nattend_une_place_libre()
    finally:
        ville.teardown()


@pytest.mark.lourd
def test_trois_cents_vies(db, capsys):
    graine = int(os.environ.get("GRAINE") or random.SystemRandom().randrange(2**32))
    exemples = int(os.environ.get("EXEMPLES") or 300)
    with capsys.disabled():
        print(f"\nGRAINE={graine} EXEMPLES={exemples}", flush=True)
    depart = time.monotonic()
    run_state_machine_as_test(
        seed(graine)(type("Vie", (Ville,), {})),
        settings=settings(REGLAGES, max_examples=exemples, stateful_step_count=40),
    )
    with capsys.disabled():
        print(f"{exemples} vies de 40 pas en {time.monotonic() - depart:.0f} s")
