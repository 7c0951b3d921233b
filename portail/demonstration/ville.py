"""The fictitious town of Belrive-sur-Durance: its places, services, limits, prices. No real person, phone or address.

Phones are of the ranges the French regulator keeps for fiction (04 65 71, 06 39 98).
"""

from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal

from enfants import semaine
from enfants.models import GroupeExclusif, Jauge, Limite, Prestation, Structure
from facturation.models import Compteur, Regie, RegiePrestation, Tarif, TrancheTarif
from portail.socle.models import Collectivite

SITE = "/demonstration/site/"


@dataclass(frozen=True)
class Service:
    """One row of the offer: its price bands are cents by quotient (0–400, 400,01–800, 800,01–1200, beyond)."""

    structure: str
    nom: str
    icone: str
    jours: int
    periodes: str  # s: scolaire, p: petites vacances, g: grandes vacances
    heures: tuple[time, time]
    limites: tuple[str, str]
    validation: str
    jauges: tuple[str, ...]
    prix: tuple[int, int, int, int]
    unite: str  # in words
    nature: str = "garde"


ALSH = "Accueil de Loisirs ALSH"
GARDERIE = "Garderie périscolaire"
STRUCTURES = (
    (ALSH, "loisirs", "4 chemin du Verger", "04 65 71 54 60"),
    (GARDERIE, "periscolaire", "2 place des Platanes", "04 65 71 54 61"),
    ("École des Platanes", "ecole", "1 place des Platanes", "04 65 71 54 62"),
    ("École du Lavoir", "ecole", "9 rue du Lavoir", "04 65 71 54 63"),
)
LIMITES = {
    "Deux jours ouvrés avant 12 h": {
        "genre": "jours_avant",
        "nombre": 2,
        "compte": "ouvres",
        "heure": time(12),
    },
    "La veille ouvrée 10 h": {"genre": "jours_avant", "nombre": 1, "compte": "ouvres", "heure": time(10)},
    "Jeudi 10 h de la semaine précédente": {
        "genre": "semaine_avant",
        "nombre": 1,
        "jour_semaine": 3,
        "heure": time(10),
    },
    "Quinze jours avant 23 h 59": {"genre": "jours_avant", "nombre": 15, "heure": time(23, 59)},
}
COURT, VEILLE, JEUDI, QUINZE = LIMITES
MATIN, APRES_MIDI, MERCREDI_M, MERCREDI_A = (
    "Vacances matin",
    "Vacances après-midi",
    "Mercredi matin",
    "Mercredi après-midi",
)
SERVICES = (
    Service(
        ALSH,
        "Mercredi après-midi",
        "ballon",
        semaine.MERCREDI,
        "s",
        (time(13, 30), time(18)),
        (JEUDI, VEILLE),
        "mairie",
        (MERCREDI_A,),
        (310, 520, 720, 890),
        "l’après-midi",
    ),
    Service(
        ALSH,
        "Mercredi journée",
        "ballon",
        semaine.MERCREDI,
        "s",
        (time(7, 30), time(18)),
        (JEUDI, VEILLE),
        "mairie",
        (MERCREDI_M, MERCREDI_A),
        (490, 810, 1150, 1420),
        "la journée",
    ),
    Service(
        ALSH,
        "Vacances après-midi",
        "sac",
        semaine.OUVRES,
        "pg",
        (time(13, 30), time(18)),
        (QUINZE, QUINZE),
        "mairie",
        (APRES_MIDI,),
        (310, 520, 720, 890),
        "l’après-midi",
    ),
    Service(
        ALSH,
        "Vacances journée",
        "sac",
        semaine.OUVRES,
        "pg",
        (time(7, 30), time(18)),
        (QUINZE, QUINZE),
        "mairie",
        (MATIN, APRES_MIDI),
        (490, 810, 1150, 1420),
        "la journée",
    ),
    Service(
        ALSH,
        "Vacances matin",
        "sac",
        semaine.OUVRES,
        "pg",
        (time(7, 30), time(12)),
        (QUINZE, QUINZE),
        "mairie",
        (MATIN,),
        (250, 420, 580, 710),
        "le matin",
    ),
    Service(
        GARDERIE,
        "Garderie matin",
        "soleil-levant",
        semaine.ECOLE,
        "s",
        (time(7, 15), time(8, 30)),
        (COURT, VEILLE),
        "automatique",
        ("Garderie",),
        (60, 110, 160, 210),
        "le matin",
    ),
    Service(
        GARDERIE,
        "Restauration scolaire",
        "couverts",
        semaine.ECOLE,
        "s",
        (time(11, 30), time(13, 30)),
        (COURT, COURT),
        "mairie",
        ("Cantine",),
        (100, 225, 345, 450),
        "le repas",
        "repas",
    ),
    Service(
        GARDERIE,
        "Garderie soir",
        "horloge",
        semaine.ECOLE,
        "s",
        (time(16, 30), time(18, 30)),
        (COURT, VEILLE),
        "automatique",
        ("Garderie du soir",),
        (80, 140, 210, 270),
        "le soir",
    ),
    Service(
        GARDERIE,
        "Aide aux devoirs",
        "crayon",
        0b0001011,
        "s",
        (time(16, 30), time(17, 30)),
        (JEUDI, VEILLE),
        "automatique",
        ("Aide aux devoirs",),
        (50, 90, 130, 160),
        "la séance",
    ),
    Service(
        GARDERIE,
        "Temps libre",
        "plante",
        semaine.ECOLE,
        "s",
        (time(16, 30), time(17, 30)),
        (JEUDI, VEILLE),
        "automatique",
        ("Temps libre",),
        (50, 90, 130, 160),
        "la séance",
    ),
)
GROUPES = {
    "Mercredi": ("Mercredi après-midi", "Mercredi journée"),
    "Vacances, le matin": ("Vacances journée", "Vacances matin"),
    "Vacances, l’après-midi": ("Vacances journée", "Vacances après-midi"),
    "Temps libre ou aide aux devoirs": ("Temps libre", "Aide aux devoirs"),
}
# The prestations of the guide's planning, in its order.
DU_GUIDE = tuple(s.nom for s in SERVICES[:7])
BORNES = (Decimal("0"), Decimal("400.01"), Decimal("800.01"), Decimal("1200.01"), None)


def batir_collectivite(site_url: str) -> Collectivite:
    """The town's row, as the log-in page and the header show it."""
    ville, _ = Collectivite.objects.update_or_create(
        pk=1,
        defaults={
            "nom": "Belrive-sur-Durance",
            "adresse": "1 place de la Mairie",
            "code_postal": "84990",
            "ville": "Belrive-sur-Durance",
            "courriel": "enfance@belrive.example",
            "contact": "Service enfance",
            "telephone": "04 65 71 54 58",
            "telephone_secondaire": "06 39 98 63 90",
            "site_url": site_url,
            "zone": "B",
        },
    )
    Collectivite.oublier()
    return ville


def batir_offre(familles: int) -> dict[str, Prestation]:
    """Structures, limits, services, exclusive groups, places: the services by name."""
    structures = {}
    for ordre, (nom, genre, adresse, telephone) in enumerate(STRUCTURES):
        structures[nom] = Structure.objects.create(
            nom=nom, genre=genre, adresse=adresse, telephone=telephone, ordre=ordre
        )
    limites = {nom: Limite.objects.create(nom=nom, **champs) for nom, champs in LIMITES.items()}
    offre = {}
    for ordre, s in enumerate(SERVICES):
        offre[s.nom] = Prestation.objects.create(
            structure=structures[s.structure],
            nom=s.nom,
            icone=s.icone,
            ordre=ordre,
            jours=s.jours,
            periode_scolaire="s" in s.periodes,
            petites_vacances="p" in s.periodes,
            grandes_vacances="g" in s.periodes,
            heure_debut=s.heures[0],
            heure_fin=s.heures[1],
            limite_reservation=limites[s.limites[0]],
            limite_annulation=limites[s.limites[1]],
            validation=s.validation,
        )
    for nom, membres in GROUPES.items():
        GroupeExclusif.objects.create(nom=nom).prestations.set(offre[m] for m in membres)
    _batir_jauges(structures, offre, familles)
    return offre


def _batir_jauges(structures, offre, familles: int) -> None:
    """Places in proportion to the town, so that a bigger demonstration is not full everywhere."""
    jauges = {}
    for s in SERVICES:
        for libelle in s.jauges:
            if libelle not in jauges:
                grande = libelle in ("Cantine", "Garderie", "Garderie du soir")
                jauges[libelle] = Jauge.objects.create(
                    structure=structures[s.structure],
                    libelle=libelle,
                    capacite=max(40, familles * 2) if grande else max(24, familles // 2),
                )
            jauges[libelle].prestations.add(offre[s.nom])


def batir_regie(offre: dict[str, Prestation], depuis: date) -> Regie:
    """« Régie garderie ALSH », prefix AL, its prices; its first numbers lead to the guide's AL-12 and AL-228."""
    regie = Regie.objects.create(
        nom="Régie garderie ALSH",
        prefixe="AL",
        ics="FR00ZZZ000000",  # fictitious: no creditor has this check key
        adresse="1 place de la Mairie",
        code_postal="84990",
        ville="Belrive-sur-Durance",
        telephone="04 65 71 54 58",
        courriel="regie@belrive.example",
        ordre_cheque="Régie garderie ALSH",
        horaires="Lundi, mardi et jeudi, de 8 h 30 à 12 h",
        tresorerie="Service de gestion comptable de Belrive",
    )
    Compteur.objects.bulk_create(
        [
            Compteur(regie=regie, nature="facture", suivant=12),
            Compteur(regie=regie, nature="avoir", suivant=1),
            Compteur(regie=regie, nature="reglement", suivant=205),
        ]
    )
    for s in SERVICES:
        lien = RegiePrestation.objects.create(
            regie=regie, prestation=offre[s.nom], du=depuis, nature_fiscale=s.nature, unite_libelle=s.unite
        )
        tarif = Tarif.objects.create(lien=lien, du=depuis, mode="tranches")
        TrancheTarif.objects.bulk_create(
            TrancheTarif(
                tarif=tarif,
                qf_min=BORNES[i],
                qf_max=BORNES[i + 1] - Decimal("0.01") if BORNES[i + 1] else None,
                centimes=prix,
                centimes_hors_commune=prix * 3 // 2,
            )
            for i, prix in enumerate(s.prix)
        )
    return regie
