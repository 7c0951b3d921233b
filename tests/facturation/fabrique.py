"""Builders of this app's rows."""

from datetime import date, timedelta
from decimal import Decimal
from itertools import count

from enfants.models import Enfant, Inscription, Pointage, Prestation, Reservation
from facturation.models import Campagne, Compteur, Facture, LigneFacture, Regie, RegiePrestation, Tarif
from familles.models import Famille
from tests.factories import DEBUT

_suite = count(1)


def regie(nom: str = "Régie garderie ALSH", prefixe: str = "AL", **champs) -> Regie:
    defaut = {
        "adresse": "Hôtel de ville, place du Pont",
        "code_postal": "04990",
        "ville": "Belrive-sur-Durance",
        "telephone": "04 65 71 54 58",
        "ordre_cheque": "Régie garderie ALSH",
        "horaires": "du lundi au vendredi, de 8 h 30 à 12 h",
    }
    return Regie.objects.get_or_create(nom=nom, defaults={"prefixe": prefixe} | defaut | champs)[0]


def premier_numero(de: Regie, nature: str, numero: int) -> None:
    Compteur.objects.update_or_create(regie=de, nature=nature, defaults={"suivant": numero})


def lien(prestation: Prestation, de: Regie | None = None, **champs) -> RegiePrestation:
    defaut = {"du": DEBUT, "nature_fiscale": "repas", "unite_libelle": "le repas"}
    return RegiePrestation.objects.create(regie=de or regie(), prestation=prestation, **(defaut | champs))


def tarif(du_lien: RegiePrestation, *tranches: tuple, **champs) -> Tarif:
    """Bands (qf_min, qf_max, cents) or, without any, one price for all."""
    defaut = {"du": DEBUT} | ({} if tranches else {"mode": "forfait", "forfait_centimes": 345})
    cree = Tarif.objects.create(lien=du_lien, **(defaut | champs))
    for qf_min, qf_max, centimes in tranches:
        cree.tranches.create(
            qf_min=Decimal(qf_min), qf_max=None if qf_max is None else Decimal(qf_max), centimes=centimes
        )
    return cree


def reservation(inscription: Inscription, jour: date, etat: str = "reservee", **champs) -> Reservation:
    return Reservation.objects.create(
        enfant=inscription.enfant,
        prestation=inscription.prestation,
        jour=jour,
        inscription=inscription,
        payeur=champs.pop("payeur", inscription.famille),
        etat=etat,
        **champs,
    )


def pointage(enfant: Enfant, prestation: Prestation, jour: date, present: bool = True, **champs) -> Pointage:
    return Pointage.objects.create(enfant=enfant, prestation=prestation, jour=jour, present=present, **champs)


def campagne(de: Regie | None = None, **champs) -> Campagne:
    """October 2026, invoices of 8 November, due on the 30th."""
    defaut = {
        "libelle": "Octobre 2026",
        "du": date(2026, 10, 1),
        "au": date(2026, 10, 31),
        "date_facture": date(2026, 11, 8),
        "echeance": date(2026, 11, 30),
    }
    return Campagne.objects.create(regie=de or regie(), **(defaut | champs))


def facture(famille: Famille, centimes: int, de: Regie | None = None, jour=date(2026, 11, 8), **champs):
    """An issued invoice with one line, numbered by the régie's counter."""
    de = de or regie()
    numero, reference = Compteur.numeroter(de, "facture")
    defaut = {
        "echeance": jour + timedelta(days=22),
        "periode_du": jour.replace(day=1),
        "periode_au": jour.replace(day=28),
        "destinataire": "Monsieur Jean DUPONT",
        "adresse": "12 rue des Galets\n04990 BELRIVE-SUR-DURANCE",
        "famille_numero": famille.numero,
    }
    cree = Facture.objects.create(
        regie=de,
        famille=famille,
        numero=numero,
        reference=reference,
        date=jour,
        total_centimes=centimes,
        **(defaut | champs),
    )
    LigneFacture.objects.create(
        facture=cree,
        libelle="Garderie matin",
        nature_fiscale="garde",
        unite_centimes=centimes,
        total_centimes=centimes,
    )
    return cree
