"""Sentences about days and values, shared by the pages, the receipt, the mails and the admin."""

from collections import Counter
from collections.abc import Iterable
from datetime import date
from itertools import groupby

from django.utils.formats import date_format

from demandes.models import Demande
from demandes.types import Ligne, TypeDemande
from enfants.accord import enumerer
from enfants.models import Enfant, Prestation
from portail.socle.argent import INSECABLE


def _numero(jour: date) -> str:
    return "1er" if jour.day == 1 else str(jour.day)


def jours_en_mots(jours: Iterable[date]) -> str:
    """« jeudi 26, vendredi 27 et lundi 30 novembre » ; the month is said once, after its last day."""
    mots = []
    for _, groupe in groupby(sorted(set(jours)), key=lambda j: (j.year, j.month)):
        du_mois = list(groupe)
        mots += [f"{date_format(j, 'l')}{INSECABLE}{_numero(j)}" for j in du_mois]
        mots[-1] += INSECABLE + date_format(du_mois[-1], "F")
    return enumerer(mots)


def mois_en_mots(jours: Iterable[date]) -> str:
    """« de novembre et de décembre », « d’octobre »."""
    noms = dict.fromkeys(date_format(j, "F") for j in sorted(jours))
    return enumerer(f"d’{n}" if n[0] in "aeiouyé" else f"de {n}" for n in noms)


def avant_apres(
    formulaire: TypeDemande, avant: dict, donnees: dict, actuelles: dict | None = None, en_clair: bool = False
) -> list[Ligne]:
    """Rows of the « avant → après » table. `actuelles` is given to an agent only."""
    return formulaire.lignes(avant, donnees, actuelles, en_clair)


def lignes_de(
    demande: Demande, formulaire: TypeDemande, actuelles=None, en_clair: bool = False
) -> list[Ligne]:
    """Rows of a demande that is not made of days; the names alone once its values are emptied."""
    if demande.genre.planning:
        return []
    if demande.effacee_le:
        # In the order of the form: PostgreSQL keeps the keys of a JSON object in its own.
        rangs = {nom: rang for rang, nom in enumerate(formulaire.fields)}
        noms = sorted(demande.effaces, key=lambda nom: rangs.get(nom, len(rangs)))
        return [Ligne(nom, formulaire.etiquette(nom), "", "", efface=True) for nom in noms]
    return avant_apres(formulaire, demande.avant, demande.donnees, actuelles, en_clair)


def noms(paires: Iterable[tuple[Enfant, Prestation]]) -> dict[tuple, str]:
    """« Léa, Mercredi journée » by (child, service); with its structure and its end where two would read the same."""
    paires = {(enfant.pk, prestation.pk): (enfant, prestation) for enfant, prestation in paires}
    courts = {cle: f"{enfant.prenom}, {prestation.nom}" for cle, (enfant, prestation) in paires.items()}
    repetes = Counter(courts.values())
    return {
        cle: f"{enfant.prenom}, {prestation}" if repetes[courts[cle]] > 1 else courts[cle]
        for cle, (enfant, prestation) in paires.items()
    }


def titre(demande: Demande) -> str:
    """« Réservation, Restauration scolaire » ; the name of the kind for the others."""
    if not demande.genre.planning:
        return demande.genre.libelle
    prestations = list(dict.fromkeys(j.reservation.prestation.nom for j in demande.jours.all()))
    mot = "Absence" if demande.type == "absences" else "Réservation"
    pluriel = "s" if len(demande.jours.all()) > 1 else ""
    quoi = enumerer(prestations) if len(prestations) <= 2 else f"{len(prestations)} prestations"
    return f"{mot}{pluriel}, {quoi}"


def resume(demande: Demande, precise: bool | None = True) -> str:
    """« Léa, lundi 30 novembre, raison familiale »: the second line of a list. `precise`: with the words typed; None:
    without any reason.
    """
    genre = demande.genre
    if not genre.planning:
        return genre.en_bref(demande)
    jours = demande.jours.all()
    prenoms = enumerer(dict.fromkeys(j.reservation.enfant.prenom for j in jours))
    dates = sorted({j.reservation.jour for j in jours})
    quand = jours_en_mots(dates) if len(dates) <= 4 else f"{len(dates)} jours, du {_du_au(dates)}"
    raison = ""
    if demande.type == "absences" and precise is not None:
        raison = ", " + (genre.texte if precise else genre.categorie_de)(demande.donnees)
    return f"{prenoms}, {quand}{raison}"


def _du_au(dates: list[date]) -> str:
    return f"{jours_en_mots(dates[:1])} au {jours_en_mots(dates[-1:])}"
