"""The guide's table of one kind: a column a field, read from the kind's form; a new kind has its table."""

from dataclasses import dataclass

from django.utils import timezone

from demandes.models import ACCEPTEES, Demande, Etat
from demandes.textes import enumerer, jours_en_mots
from demandes.types import COMPTE, TypeDemande
from familles.models import Famille
from portail.socle.templatetags.portail import jour_court

PRESTATION, JOURS = "Prestation", "Jours"
ABREGES = (("Téléphone ", "Tél. "), ("Numéro ", "N° "))


@dataclass(frozen=True)
class Rang:
    """One demande: who, the cell of each column (label, words), and how it stands."""

    ligne: object
    qui: str
    cellules: list[tuple[str, str]]


@dataclass(frozen=True)
class Tableau:
    qui: str
    colonnes: list[str]
    rangs: list[Rang]

    @classmethod
    def de(cls, genre: type[TypeDemande], entete: dict[str, str], etats, rangs: list[Rang]) -> "Tableau":
        qui = "Responsable" if genre.categorie == COMPTE else "Enfant"
        return cls(qui, [*entete.values(), *(titre for titre, _ in _dates(None, etats))], rangs)


def entetes(
    genre: type[TypeDemande], famille: Famille, demandes: list[Demande]
) -> tuple[TypeDemande | None, dict[str, str]]:
    """One form for the whole table, and its columns: the fields the kind always shows, and those somebody asked.

    A kind that says its changes in its own words (persons added, removed) has a column for each of these words.
    """
    if not demandes and genre.categorie != COMPTE:
        return None, {}
    jour = timezone.localdate()
    formulaire = genre(famille=famille, enfant=demandes[0].enfant if demandes else None, jour=jour)
    dits = [li for d in demandes for li in formulaire.lignes(d.avant, d.donnees)]
    demandes_noms = {li.nom for li in dits}
    if demandes_noms - set(formulaire.fields):
        colonnes = {li.libelle: li.libelle for li in dits}
    else:
        toujours = set(genre.colonnes or formulaire.fields)
        colonnes = {
            nom: abrege(formulaire.etiquette(nom))
            for nom in (*genre.colonnes, *(n for n in formulaire.fields if n not in genre.colonnes))
            if nom in toujours | demandes_noms
        }
    if genre.planning:
        colonnes = {PRESTATION: PRESTATION, JOURS: JOURS} | colonnes
    return formulaire, colonnes


def abrege(libelle: str) -> str:
    """« Téléphone domicile » is « Tél. domicile » at the head of a column, as in the guide."""
    for long, court in ABREGES:
        libelle = libelle.replace(long, court)
    return libelle


def rang(formulaire: TypeDemande, entete: dict[str, str], ligne, etats) -> Rang:
    demande = ligne.demande
    mots: dict[str, str] = {}
    for change in formulaire.lignes(demande.avant, demande.donnees):
        cle = change.nom if change.nom in entete else change.libelle
        texte = change.apres or "effacé"
        mots[cle] = f"{mots[cle]}\N{NO-BREAK SPACE}; {texte}" if cle in mots else texte
    if demande.genre.planning:
        jours = demande.jours.all()
        mots[PRESTATION] = enumerer(dict.fromkeys(j.reservation.prestation.nom for j in jours))
        mots[JOURS] = jours_en_mots(j.reservation.jour for j in jours)
    cellules = [(titre, mots.get(cle, "")) for cle, titre in entete.items()]
    return Rang(ligne, _qui(demande), cellules + _dates(demande, etats))


def _qui(demande: Demande) -> str:
    if demande.genre.categorie == COMPTE:
        return str(demande.envoyee_par)
    prenoms = dict.fromkeys(j.reservation.enfant.prenom for j in demande.jours.all())
    if prenoms:
        return enumerer(prenoms)
    d = demande.donnees
    return demande.enfant.prenom if demande.enfant else str(d.get("prenom", "")) or "Nouvel enfant"


def _dates(demande: Demande | None, etats) -> list[tuple[str, str]]:
    """The guide's last columns; without a demande, their titles."""

    def jour(quand) -> str:
        return jour_court(timezone.localtime(quand)) if quand else ""

    envoyee = ("Date demande", jour(demande.envoyee_le) if demande else "")
    decidee = jour(demande.decidee_le) if demande else ""
    if Etat.REFUSEE in etats:
        return [envoyee, ("Date refus", decidee), ("Motif refus", demande.motif if demande else "")]
    if set(etats) <= set(ACCEPTEES):
        return [envoyee, ("Date acceptation", decidee)]
    return [envoyee] if Etat.RETIREE not in etats else [envoyee, ("Date retrait", decidee)]
