"""Rows in words: French keys, dates of Paris, euros, names; and never the name of another household."""

import json
import re
import zipfile
from collections.abc import Iterable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Field, Model, Prefetch, Q
from django.utils import timezone

from enfants import semaine
from facturation.documents import pdf_facture
from familles.models import Famille, Utilisateur
from portail.accueil.donnees.tables import DOCUMENTS, Document, Partie, Perimetre, lignes
from portail.socle.argent import euros
from portail.socle.models import Collectivite, Fichier, Trace

AUTRE_FOYER = "l’autre foyer"
ACTIONS = {
    "admin.ajouter": "ajout par la mairie",
    "admin.modifier": "modification par la mairie",
    "admin.supprimer": "suppression par la mairie",
    "avoir": "avoir émis",
    "annuler": "règlement annulé",
    "confier_au_tresor": "facture confiée à la trésorerie",
    "consultation": "fiche consultée",
    "demande_envoyee": "demande envoyée",
    "donnees.demander": "copie des données demandée",
    "donnees.telecharger": "copie des données téléchargée",
    "emettre": "facture émise",
    "encaisser": "règlement enregistré",
    "fichier.lire": "document ouvert",
    "voir_banque": "coordonnées bancaires lues",
    "voir_sante": "données de santé lues",
}


class Redacteur:
    """Writes the rows of one household, and remembers the files it names."""

    def __init__(self, perimetre: Perimetre):
        self.perimetre = perimetre
        self.fichiers: dict[str, Fichier] = {}
        famille = perimetre.famille
        comptes = Utilisateur.objects.filter(responsables__famille=famille)
        self.personnes = {u.pk: f"{u.prenom} {u.nom}".strip() or u.identifiant for u in comptes}
        self.identifiants = {u.identifiant: self.personnes[u.pk] for u in comptes}

    def document(self, document: Document) -> dict:
        """The content of one JSON file."""
        return {p.cle: [self.ligne(x, p) for x in self._lire(p)] for p in document.parties}

    def _lire(self, partie: Partie):
        return lignes(partie, self.perimetre).prefetch_related(*map(self._prefetch, partie.parties))

    def _prefetch(self, partie: Partie) -> Prefetch:
        return Prefetch(partie.relation, self._lire(partie))

    def ligne(self, objet: Model, partie: Partie, parent: type[Model] | None = None) -> dict:
        """A row: its own columns, then what hangs on it."""
        ecrite = {}
        for champ in objet._meta.concrete_fields:
            if champ.name in partie.sauf or self._muet(champ, parent):
                continue
            ecrite[str(champ.verbose_name)] = self.valeur(objet, champ)
        for sous in partie.parties:
            ecrite[sous.cle] = [self.ligne(x, sous, type(objet)) for x in _liees(objet, sous.relation)]
        return ecrite

    @staticmethod
    def _muet(champ: Field, parent: type[Model] | None) -> bool:
        """Keys of the database, and what the place in the file already says."""
        return champ.primary_key or (champ.is_relation and champ.related_model in (Famille, parent))

    def valeur(self, objet: Model, champ: Field) -> Any:
        """A column in words."""
        if champ.is_relation:
            return self._liee(objet, champ)
        brute = getattr(objet, champ.attname)
        if brute is None or brute == "":
            return None
        if champ.flatchoices:
            return str(dict(champ.flatchoices).get(brute, brute))
        if champ.name.endswith("centimes"):
            return euros(brute)
        if champ.name in ("semaine_type", "jours") and isinstance(brute, int):
            return semaine.en_mots(brute) or None
        return en_clair(brute)

    def _liee(self, objet: Model, champ: Field) -> str | None:
        cle = getattr(objet, champ.attname)
        if cle is None:
            return None
        if champ.related_model is Utilisateur:
            return self.personne(getattr(objet, champ.name))
        lie = getattr(objet, champ.name)
        if isinstance(lie, Fichier):
            chemin = f"fichiers/{str(lie.pk)[:8]}-{lie.nom}"
            self.fichiers[chemin] = lie
            return chemin
        return str(lie)

    def personne(self, utilisateur: Utilisateur) -> str:
        """Who: an adult of this household by name, the town, or « l’autre foyer » and no more."""
        if utilisateur.pk in self.personnes:
            return self.personnes[utilisateur.pk]
        return "la mairie" if utilisateur.is_staff else AUTRE_FOYER

    def traces(self) -> list[dict]:
        """Who saw or changed something of this household: rows that carry its number, or one of its children and no
        number (the town opened the sheet). What the other household did of the child carries the other's.
        """
        enfants = [str(pk) for pk in self.perimetre.enfants]
        siennes = Q(famille=self.perimetre.famille.numero) | Q(famille="", detail__enfant__in=enfants)
        agents = set(Utilisateur.objects.filter(is_staff=True).values_list("identifiant", flat=True))
        ecrites = []
        for t in Trace.objects.filter(siennes).order_by("quand", "pk"):
            qui = self.identifiants.get(t.qui) or (
                "la mairie" if t.qui in agents else "le portail" if t.qui == "portail" else AUTRE_FOYER
            )
            ecrites.append(
                {
                    "quand": en_clair(t.quand),
                    "qui": qui,
                    "action": ACTIONS.get(t.action, t.action.replace("_", " ").replace(".", " ")),
                    "sur": _objet(t.objet_type),
                    "référence": t.detail.get("reference") or None,
                }
            )
        return ecrites


def _objet(etiquette: str) -> str:
    app, _, modele = etiquette.partition(".")
    try:
        classe = ContentType.objects.get_by_natural_key(app, modele).model_class()
    except ContentType.DoesNotExist:
        classe = None
    return str(classe._meta.verbose_name) if classe else modele


def _liees(objet: Model, relation: str) -> Iterable[Model]:
    """Rows of a reverse relation, a list whether it holds several or one."""
    try:
        trouve = getattr(objet, relation)
    except ObjectDoesNotExist:
        return []
    return [trouve] if isinstance(trouve, Model) else trouve.all()


def en_clair(valeur: Any) -> Any:
    """A value JSON can hold and a person can read (Europe/Paris)."""
    if isinstance(valeur, datetime):
        return timezone.localtime(valeur).strftime("%d/%m/%Y %H:%M")
    if isinstance(valeur, date):
        return valeur.strftime("%d/%m/%Y")
    if isinstance(valeur, time):
        return valeur.strftime("%H:%M")
    if isinstance(valeur, bool):
        return "oui" if valeur else "non"
    if isinstance(valeur, Decimal):
        return str(valeur).replace(".", ",")
    if isinstance(valeur, dict):
        return {cle: en_clair(v) for cle, v in valeur.items()}
    if isinstance(valeur, list | tuple):
        return [en_clair(v) for v in valeur]
    return valeur if isinstance(valeur, int | str) or valeur is None else str(valeur)


def ecrire(perimetre: Perimetre, sortie) -> None:
    """The zip of this household's data, written to `sortie` (a binary file)."""
    redacteur = Redacteur(perimetre)
    with zipfile.ZipFile(sortie, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("LISEZMOI.txt", _lisez_moi(perimetre))
        for document in DOCUMENTS:
            contenu = redacteur.document(document)
            if document.nom == "connexions-et-traces":
                contenu["traces"] = redacteur.traces()
            archive.writestr(
                f"{document.nom}.json", json.dumps(contenu, ensure_ascii=False, indent=2, default=str)
            )
        factures = perimetre.famille.factures.avec_reste().avec_complement().order_by("pk")
        factures = factures.select_related("regie", "corrige")
        for facture in factures:
            nom = re.sub(r"[^\w-]", "-", facture.reference)
            archive.writestr(f"factures/{nom}.pdf", pdf_facture(facture))
        for chemin, fichier in sorted(redacteur.fichiers.items()):
            _joindre(archive, chemin, fichier)


def _joindre(archive: zipfile.ZipFile, chemin: str, fichier: Fichier) -> None:
    try:
        with fichier.contenu.open("rb") as contenu:
            archive.writestr(chemin, contenu.read())
    except FileNotFoundError:
        archive.writestr(f"{chemin}.absent.txt", "Ce fichier n’est plus conservé par le portail.\n")


def _lisez_moi(perimetre: Perimetre) -> str:
    commune = Collectivite.actuelle()
    lignes_ = "\n".join(f"- {d.nom}.json : {d.contenu}" for d in DOCUMENTS)
    return f"""Vos données sur le Portail Famille de {commune.nom}
Famille n° {perimetre.famille.numero}, copie faite le {en_clair(perimetre.maintenant)}.

{lignes_}
- factures/ : vos factures et avoirs, en PDF
- fichiers/ : les documents joints à vos messages et à vos demandes

Les fichiers .json s’ouvrent avec un navigateur ou un éditeur de texte.
Un enfant qui a deux foyers : ce que l’autre foyer a déclaré, réservé ou payé n’est pas ici, il lui appartient.
N’y sont pas non plus vos mots de passe et vos codes : le portail n’en garde que l’empreinte.

Corriger une donnée : onglet « Mon compte » ou « Mes enfants ». Une question : {commune.courriel or commune.telephone}.
"""
