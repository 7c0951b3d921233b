"""`manage.py demonstration`: the fictitious town, the same every time, relative to today."""

import sys
from datetime import date, timedelta

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone
from tqdm import tqdm

from enfants.calendrier import calendrier_du
from enfants.models import AnneeScolaire, Structure
from familles.models import Famille
from portail.demonstration import argent, courrier, creche, guichet, guide, population, reservations, ville
from portail.demonstration.carnet import Carnet
from portail.socle.dates import annee_scolaire, bornes_scolaires
from portail.socle.models import Collectivite

# Jean's household and the 23 others of the guide's first invoices, Jeanne, Claire and the newcomer.
MINIMUM = argent.EN_PREMIERE + 3


class Command(BaseCommand):
    help = "Charge la commune de démonstration (sans effet si elle est déjà là)."

    def add_arguments(self, parser):
        parser.add_argument(
            "--familles", type=int, default=60, help=f"nombre de familles, {MINIMUM} au moins"
        )

    def handle(self, *args, familles: int, **options):
        if not settings.DEMONSTRATION:
            raise CommandError("Réservé à la démonstration : DEMONSTRATION=1 n’est pas défini.")
        if familles < MINIMUM:
            raise CommandError(
                f"Il faut au moins {MINIMUM} familles : les numéros de facture du guide en dépendent."
            )
        if Famille.objects.filter(numero=guide.NUMERO_JEAN).exists():
            # The portal may have moved to another port: log-out must come back here.
            Collectivite.objects.filter(pk=1).update(site_url=settings.SITE_URL + ville.SITE)
            Collectivite.oublier()
            self.stdout.write("La commune de démonstration est déjà là.")
            return
        if Famille.objects.exists():
            raise CommandError("Cette base contient de vraies familles : la démonstration n’y entre pas.")
        with transaction.atomic():
            self.batir(familles)
        self.stdout.write(f"Belrive-sur-Durance est prête : {familles} familles.")

    def batir(self, familles: int) -> None:
        jour = timezone.localdate()
        ville.batir_collectivite(settings.SITE_URL + ville.SITE)
        call_command("calendrier", stdout=self.stdout)
        call_command("groupes", stdout=self.stdout)
        offre = ville.batir_offre(familles)
        commune = population.Ville(
            aujourdhui=jour,
            annee=annee_du(jour),
            offre=offre,
            ecoles=list(Structure.objects.filter(genre="ecole").order_by("ordre")),
        )
        regie = ville.batir_regie(offre, commune.depuis)
        gens = guide.batir_gens(commune, guide.batir_agents())
        contrat = creche.batir(commune, gens.claire, len(ville.STRUCTURES))
        petite_enfance = creche.batir_regie(contrat, commune.depuis)
        inscriptions = population.peupler(commune, familles - 4, self.barre(familles - 4, "Familles"))
        ouvertures = reservations.Ouvertures(
            calendrier_du(jour - timedelta(days=400), jour + timedelta(days=200))
        )
        periodes = reservations.choisir_periodes(commune, ouvertures)
        carnet = Carnet.ouvrir(gens.agent)
        reservations.reserver_le_guide(commune, gens, periodes, ouvertures, carnet)
        reservations.reserver_la_ville(
            commune,
            inscriptions,
            argent.EN_PREMIERE - 1,
            periodes,
            ouvertures,
            carnet,
            self.barre(len(inscriptions), "Réservations"),
        )
        creche.reserver(commune, contrat, ouvertures, carnet)
        carnet.ecrire()
        argent.facturer(commune, gens, regie, periodes, self.barre(familles + argent.EN_PREMIERE, "Factures"))
        creche.facturer(commune, petite_enfance, gens, self.barre(1, "Crèche"))
        courrier.ecrire_messages(commune, gens)
        courrier.ecrire_demandes(commune, gens, ouvertures)
        guichet.marquer_lues(gens.jean)
        guichet.remplir(timezone.now())
        courrier.publier(commune)

    def barre(self, total: int, nom: str) -> tqdm:
        """A progress bar on a terminal, silence elsewhere."""
        return tqdm(total=total, desc=nom, file=sys.stderr, disable=None, leave=False)


def annee_du(jour: date) -> AnneeScolaire:
    """The row of the school year of that day."""
    debut, fin = bornes_scolaires(annee_scolaire(jour))
    return AnneeScolaire.objects.get_or_create(debut=debut, defaults={"fin": fin})[0]
