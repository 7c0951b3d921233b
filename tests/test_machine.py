"""T3 of the test plan: a town lived at random, by its verbs only; what must always hold is checked after every step.

Hypothesis chooses the steps. Derandomised short form here; `script/test -m lourd` runs 300 lives of 40 steps from a
seed it prints (GRAINE=… replays it).
"""

import os
import random
import time
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
)
from enfants.models.reservation import VIVANTS
from facturation import releve
from facturation.brouillons import calculer
from facturation.emission import avoir, emettre
from facturation.encaissement import annuler, encaisser
from facturation.models import Campagne, Facture, Regie, Reglement
from familles.models import Famille, Utilisateur
from tests import factories, justesse
from tests.enfants.fabrique import MAINTENANT
from tests.facturation import fabrique

pytestmark = pytest.mark.django_db
N = st.integers(0, 30)
PREMIER = date(2026, 11, 1)


def batir() -> None:
    """Three households, four children, four services that share places, a régie."""
    jean, jeanne, claire = (
        factories.famille(p, n) for p, n in (("Jean", "DUPONT"), ("Jeanne", "DUPONT"), ("Claire", "MARTIN"))
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
        Jauge.objects.create(structure=lieu, libelle=libelle, capacite=capacite).prestations.add(*services)
    for enfant, familles in ((lea, (jean, jeanne)), (tom, (jean,)), (zoe, (claire,)), (noe, (claire,))):
        for famille in familles:
            for service in (matin, apres_midi, journee, cantine):
                factories.inscription(enfant, service, famille)
    for service in (matin, apres_midi, journee, cantine):
        fabrique.tarif(fabrique.lien(service))
    fabrique.regie()
    factories.agent()


@pytest.fixture
def batie(db) -> None:
    """Built once: each life begins from it and undoes what it did."""
    with time_machine.travel(MAINTENANT, tick=False):
        batir()


class Ville(RuleBasedStateMachine):
    """A life of the town; everything is undone at its end."""

    def __init__(self) -> None:
        super().__init__()
        self.horloge = time_machine.travel(MAINTENANT, tick=False)
        self.voyage = self.horloge.start()
        self.transaction = transaction.atomic()
        self.transaction.__enter__()
        self.libere = self.droit_revenu = False
        self.comptees: tuple = ()
        self.regie, self.agent = Regie.objects.get(), Utilisateur.objects.get(is_staff=True)
        groupes = GroupeExclusif.objects.order_by("pk")
        self.exclusives = set(groupes.values_list("prestations", flat=True))

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.transaction.__exit__(None, None, None)
        self.horloge.stop()

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
    def tout_est_juste(self):
        self.largent_est_juste()
        places_lues = justesse.lire_les_places()
        justesse.places_justes(places_lues, self.exclusives)
        self.personne_nattend_une_place_libre(places_lues)

    def personne_nattend_une_place_libre(self, lues: justesse.Places):
        """A place that frees is offered at once: scheduled work finds nothing more to offer, but to those whose right
        came back, or whose other half-day (exclusive) was freed, which frees nothing where they wait.
        """
        places.rattraper(self.maintenant)
        apres = justesse.lire_les_reservations()
        if apres != lues.reservations:
            justesse.places_justes(justesse.lire_les_places(), self.exclusives)
        etats = {r.pk: r.etat for r in apres}
        servies = [r for r in lues.reservations if r.etat == Etat.EN_ATTENTE != etats[r.pk]]
        if not self.droit_revenu:
            assert all(self.libere and r.prestation in self.exclusives for r in servies), servies
        self.libere = self.droit_revenu = False

    def largent_est_juste(self):
        """These rows are only ever added (triggers): none more, nothing to look at again."""
        comptees = justesse.compter_largent()
        if comptees != self.comptees:
            self.comptees = comptees
            justesse.argent_juste(justesse.lire_largent())


REGLAGES = settings(
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)


COURTE = settings(REGLAGES, derandomize=True, max_examples=5, stateful_step_count=25, phases=[Phase.generate])


def test_une_ville_vecue_au_hasard(batie):
    """The short form: the same lives at each run."""
    run_state_machine_as_test(Ville, settings=COURTE)


@pytest.fixture
def ville(batie):
    """A life lived by hand."""
    ville = Ville()
    yield ville
    ville.teardown()


def test_controle_les_invariants_voient_ce_quils_gardent(ville, monkeypatch):
    """A counter that lies, a history without its state, a freed place offered to nobody: each is seen."""
    inscriptions = Inscription.objects.filter(prestation__nom="Après-midi").order_by("pk")
    jour = ville.jour(0)
    for inscription in (inscriptions[0], inscriptions[2]):
        places.reserver([places.Souhait(inscription, jour)], None, ville.maintenant)
    prise, attente = Reservation.objects.order_by("pk")
    assert (prise.etat, attente.etat) == (Etat.RESERVEE, Etat.EN_ATTENTE)
    ville.tout_est_juste()
    Creneau.objects.filter(jour=jour).update(pris=0)
    with pytest.raises(AssertionError):
        justesse.compteurs_justes(justesse.lire_les_places())
    Creneau.objects.filter(jour=jour).update(pris=1)
    Reservation.objects.filter(pk=attente.pk).update(etat=Etat.ANNULEE)
    with pytest.raises(AssertionError):
        justesse.lhistoire_suit_la_table(justesse.lire_les_places())
    Reservation.objects.filter(pk=attente.pk).update(etat=Etat.EN_ATTENTE)
    monkeypatch.setattr(places, "proposer", lambda *_: [])
    places.changer(prise, Etat.ANNULEE, None, ville.maintenant)
    with pytest.raises(AssertionError):
        ville.personne_nattend_une_place_libre(justesse.lire_les_places())


def test_controle_deux_reservations_dun_enfant_le_meme_jour(ville):
    """What the database itself refuses to hold: read so, it is seen."""
    matin, journee = Prestation.objects.filter(pk__in=ville.exclusives).order_by("pk")
    inscription = Inscription.objects.filter(prestation=matin).order_by("pk").first()
    places.reserver([places.Souhait(inscription, ville.jour(0))], None, ville.maintenant)
    lues = justesse.lire_les_places()
    (prise,) = lues.reservations
    justesse.un_enfant_un_service_un_jour(lues, ville.exclusives)
    for autre in (prise, prise._replace(prestation=journee.pk)):
        fausses = lues._replace(reservations=[prise, autre._replace(pk=prise.pk + 1)])
        with pytest.raises(AssertionError):
            justesse.un_enfant_un_service_un_jour(fausses, ville.exclusives)
    # A place held by who holds none, and the other way round.
    for fausse in (prise._replace(etat=Etat.ANNULEE), prise._replace(places=[])):
        creneaux = [[*c[:2], 0, *c[3:]] for c in lues.creneaux]
        with pytest.raises(AssertionError):
            justesse.compteurs_justes(lues._replace(reservations=[fausse], creneaux=creneaux))


@pytest.fixture
def argent(ville) -> justesse.Argent:
    """An invoice, paid in part; another one, cancelled by a credit note; a règlement given back in part."""
    for inscription in Inscription.objects.filter(prestation__nom="Cantine").order_by("pk")[1:4:2]:
        places.reserver([places.Souhait(inscription, ville.jour(0))], None, ville.maintenant, True)
    ville.facturer(jusqua=8)
    ville.payer(qui=0, centimes=300, laquelle=0)
    ville.rembourser(lequel=0, centimes=100)
    ville.faire_un_avoir(laquelle=1)
    lu = justesse.lire_largent()
    justesse.argent_juste(lu)
    assert [f.nature for f in lu.factures] == ["facture", "facture", "avoir"]
    assert [r.centimes for r in lu.reglements] == [300, -100]
    return lu


# The check that must see it, and what is wrong in what it reads.
ARGENT_FAUX = {
    "invoice told to nobody": (justesse.un_courriel_par_cause, lambda a: {"courriels": []}),
    "promotion told to nobody": (justesse.un_courriel_par_cause, lambda a: {"promues": 1}),
    "invoice in no account": (justesse.comptes_justes, lambda a: {"factures": a.factures * 2}),
    "reglement in no account": (justesse.comptes_justes, lambda a: {"reglements": a.reglements * 2}),
    "line too many": (
        justesse.les_imputations_tiennent,
        lambda a: {"lignes": [*a.lignes, a.lignes[0]]},
    ),
    "more paid than asked": (
        justesse.les_imputations_tiennent,
        lambda a: {"restes": [[pk, total, total + 1, 0] for pk, total, *_ in a.restes]},
    ),
    "less than nothing to pay": (
        justesse.les_imputations_tiennent,
        lambda a: {"restes": [[*ligne[:3], -1] for ligne in a.restes]},
    ),
    "more spent than received": (
        justesse.les_imputations_tiennent,
        lambda a: {"imputations": [*a.imputations, [a.reglements[0].pk, 101]]},
    ),
    "hole in the invoices": (
        justesse.les_numeros_se_suivent,
        lambda a: {"factures": [f._replace(numero=f.numero * 2) for f in a.factures]},
    ),
    "hole in the reglements": (
        justesse.les_numeros_se_suivent,
        lambda a: {"reglements": [r._replace(numero=r.numero * 2) for r in a.reglements]},
    ),
    "day billed twice": (justesse.un_jour_nest_facture_quune_fois, lambda a: {"lignes": a.lignes * 2}),
}


@pytest.mark.parametrize(("verification", "faux"), ARGENT_FAUX.values(), ids=ARGENT_FAUX)
def test_controle_largent_faux_se_voit(argent, verification, faux):
    with pytest.raises(AssertionError):
        verification(argent._replace(**faux(argent)))


@pytest.mark.parametrize("ecran", ["solde", "operations"])
def test_controle_un_ecran_qui_se_trompe_se_voit(argent, monkeypatch, ecran):
    """A cent more in the balance, an operation the relevé forgets."""
    vrai = getattr(releve, ecran)
    faux = {"solde": lambda f: vrai(f) + 1, "operations": lambda f: vrai(f)[1:]}[ecran]
    monkeypatch.setattr(releve, ecran, faux)
    with pytest.raises(AssertionError):
        justesse.comptes_justes(argent)


@pytest.mark.lourd
def test_trois_cents_vies(batie, capsys):
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
