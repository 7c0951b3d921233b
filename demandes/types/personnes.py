"""« Personnes autorisées »: the people this household declared for a child, added, changed, removed in one form.

Flat fields, so that the engine stores, compares and posts them as any other: `p12_nom` is the name of the row 12,
`n1_nom` that of the first blank row. Only rows of this household and this child have fields.
"""

import re

from django import forms
from django.core.exceptions import ValidationError

from enfants.models import PersonneAutorisee
from familles.models import Responsable

from .base import ENFANT, Ligne, Section, TypeDemande, Valeur, champs_du_modele

CHAMPS = ("civilite", "nom", "prenom", "lien", "telephone", "peut_venir_chercher", "a_prevenir")
TEXTES = ("civilite", "nom", "prenom", "lien", "telephone")
RETIRER = "retirer"
NOM_DE_CHAMP = re.compile(r"(p\d{1,18}|n\d)_([a-z_]+)")
NOUVELLES = ("n1", "n2", "n3")
MAXIMUM = 12
COURT = {Responsable.Civilite.MONSIEUR: "M.", Responsable.Civilite.MADAME: "Mme"}
PLUS_LA = "Une de ces personnes n’est plus dans votre liste. Rechargez la page pour la revoir."

Rang = dict[str, Valeur]


def nom_en_mots(rang: Rang) -> str:
    """« Mme DUPONT Odile, grand-mère »."""
    qui = " ".join(
        filter(
            None,
            [
                COURT.get(rang.get("civilite", ""), ""),
                str(rang.get("nom", "")).upper(),
                rang.get("prenom", ""),
            ],
        )
    )
    lien = str(rang.get("lien", ""))
    return ", ".join(filter(None, [qui, lien[:1].lower() + lien[1:]]))


def en_mots(rang: Rang) -> str:
    """The whole row: « Mme DUPONT Odile, grand-mère, 04 65…, peut venir chercher l’enfant »."""
    roles = [
        "peut venir chercher l’enfant"
        if rang.get("peut_venir_chercher")
        else "ne vient pas chercher l’enfant",
        "à prévenir en cas d’urgence" if rang.get("a_prevenir") else "",
    ]
    return ", ".join(filter(None, [nom_en_mots(rang), str(rang.get("telephone", "")), *roles]))


def par_rang(valeurs: dict) -> dict[str, Rang]:
    """{"p12": {"nom": …}}: stored values, row by row, the new ones last (PostgreSQL keeps no order of keys)."""
    rangs: dict[str, Rang] = {}
    for nom, valeur in valeurs.items():
        if morceaux := NOM_DE_CHAMP.fullmatch(nom):
            rangs.setdefault(morceaux[1], {})[morceaux[2]] = valeur
    return dict(sorted(rangs.items(), key=lambda r: (r[0][0] == "n", int(r[0][1:]))))


def _identite(rang: Rang) -> tuple[str, str]:
    return str(rang.get("nom", "")).casefold(), str(rang.get("prenom", "")).casefold()


class PersonnesAutorisees(TypeDemande):
    code = "personnes-autorisees"
    libelle = "Personnes autorisées"
    filtre = "Personnes autorisées"
    categorie = ENFANT
    icone = "groupe"
    chapo = (
        "Les personnes qui peuvent venir chercher votre enfant, ou qu’il faut prévenir. "
        "Elles présentent une pièce d’identité la première fois."
    )
    autorite_parentale = True
    du_demandeur = False
    pieces = "Pièce d’identité de la personne ajoutée, si vous l’avez"
    pieces_ephemeres = True

    def preparer(self) -> None:
        siennes = PersonneAutorisee.objects.filter(enfant=self.enfant, famille=self.famille)
        self.personnes = {f"p{p.pk}": p for p in siennes.order_by("nom", "prenom", "pk")}
        for cle in (*self.personnes, *NOUVELLES):
            for nom, champ in champs_du_modele(PersonneAutorisee, CHAMPS).items():
                champ.required = champ.required and cle not in NOUVELLES
                self.fields[f"{cle}_{nom}"] = champ
            self.fields[f"{cle}_telephone"].widget.input_type = "tel"
            self.fields[f"{cle}_lien"].help_text = "Grand-mère, voisin, assistante maternelle…"
            if cle in self.personnes:
                self.fields[f"{cle}_{RETIRER}"] = forms.BooleanField(
                    label="Retirer cette personne de la liste", required=False
                )

    def lire(self) -> dict:
        lues = {
            f"{cle}_{nom}": getattr(personne, nom)
            for cle, personne in self.personnes.items()
            for nom in CHAMPS
        }
        lues |= {f"{cle}_{RETIRER}": False for cle in self.personnes}
        for cle in NOUVELLES:
            lues |= {f"{cle}_peut_venir_chercher": True, f"{cle}_a_prevenir": False}
        return lues

    def sections(self) -> list[Section]:
        """Those declared folded under their name; a blank one open, the others folded."""
        proposees = par_rang(self.propose)
        sections = []
        for cle in (*self.personnes, *NOUVELLES):
            noms = [n for n in self.fields if n.startswith(f"{cle}_")]
            connue = cle in self.personnes
            if connue:
                titre = nom_en_mots({n: getattr(self.personnes[cle], n) for n in CHAMPS})
            else:
                titre = "Ajouter une personne" if cle == "n1" else "Ajouter encore une personne"
            touchee = cle in proposees or any(n in self.errors for n in noms)
            if self.is_bound and not touchee:
                touchee = any(
                    self[n].value() != self.valeurs[n] for n in noms if n.partition("_")[2] in TEXTES
                )
                touchee = touchee or bool(self.data.get(f"{cle}_{RETIRER}"))
            sections.append(
                Section(
                    titre,
                    [self[n] for n in noms],
                    aide="Dépliez pour modifier ou retirer." if connue else "",
                    depliant=cle != "n1",
                    ouverte=bool(touchee),
                    larges=frozenset(n for n in noms if n.partition("_")[2] not in TEXTES),
                )
            )
        return sections

    def clean(self) -> dict:
        donnees = super().clean()
        connus = {n for n in self.data if (m := NOM_DE_CHAMP.fullmatch(n)) and m[1][0] == "p"} - set(
            self.fields
        )
        disparus = {n.partition("_")[0] for n in connus} - set(self.personnes)
        # What is removed and no longer there is done already.
        if any(str(self.data.get(f"{cle}_{RETIRER}", "")) not in ("True", "on") for cle in disparus):
            raise ValidationError(PLUS_LA)
        vues = set()
        gardees = 0
        for cle, rang in par_rang(donnees).items():
            if rang.get(RETIRER) or not self._remplie(cle, rang):
                continue
            gardees += 1
            self._verifier(cle, rang, vues)
            vues.add(_identite(rang))
        if gardees > MAXIMUM:
            raise ValidationError(f"Pas plus de {MAXIMUM} personnes par enfant.")
        return donnees

    def _remplie(self, cle: str, rang: Rang) -> bool:
        return cle in self.personnes or any(rang.get(n) for n in TEXTES)

    def _verifier(self, cle: str, rang: Rang, vues: set) -> None:
        for nom in ("nom", "prenom"):
            if not rang.get(nom) and f"{cle}_{nom}" not in self.errors:
                self.add_error(f"{cle}_{nom}", "Écrivez son nom et son prénom.")
        if rang.get("nom") and rang.get("prenom") and _identite(rang) in vues:
            self.add_error(f"{cle}_nom", "Cette personne est déjà dans la liste.")
        if rang.get("a_prevenir") and not rang.get("telephone") and f"{cle}_telephone" not in self.errors:
            self.add_error(f"{cle}_telephone", "Indiquez un téléphone pour pouvoir la prévenir.")

    def changements(self) -> dict[str, Valeur]:
        """Whole rows: an agent reads a person, not a digit of a phone."""
        actuelles = par_rang(self.valeurs)
        gardes = {}
        for cle, rang in par_rang(self.proposees()).items():
            if rang.get(RETIRER):
                rang = actuelles[cle] | {RETIRER: True}
            if self._remplie(cle, rang) and rang != actuelles[cle]:
                gardes |= {f"{cle}_{nom}": valeur for nom, valeur in rang.items()}
        return gardes

    def a_change(self, avant: dict) -> bool:
        """A row that is gone counts too."""
        disparues = {cle for cle in par_rang(avant) if cle[0] == "p"} - set(self.personnes)
        return bool(disparues) or super().a_change(avant)

    def appliquer(self, par, maintenant) -> None:
        for cle, rang in par_rang(self.cleaned_data).items():
            personne = self.personnes.get(cle)
            if rang.pop(RETIRER, False):
                personne.delete()
            elif self._remplie(cle, rang):
                personne = personne or PersonneAutorisee(enfant=self.enfant, famille=self.famille)
                for nom, valeur in rang.items():
                    setattr(personne, nom, valeur)
                personne.full_clean()
                personne.save()

    # --- in words: from the stored values alone, a person removed has no row any more ---------------

    def lignes(
        self, avant: dict, donnees: dict, actuelles: dict | None = None, en_clair: bool = False
    ) -> list[Ligne]:
        avants, presentes = par_rang(avant), par_rang(actuelles or {})
        lignes = []
        for cle, rang in par_rang(donnees).items():
            if cle[0] == "n":
                lignes.append(Ligne(cle, "Ajout", "", en_mots(rang)))
                continue
            ancienne = avants.get(cle, {})
            retrait = rang.get(RETIRER)
            presente = ancienne if actuelles is None else presentes.get(cle)
            lignes.append(
                Ligne(
                    cle,
                    "Retrait" if retrait else "Modification",
                    en_mots(ancienne),
                    "Retirée de la liste" if retrait else en_mots(rang),
                    actuel=en_mots(presente) if presente else "Retirée depuis",
                    a_change=presente != ancienne,
                )
            )
        return lignes

    @classmethod
    def en_bref(cls, demande) -> str:
        """« Tom, ajout de Mme DUPONT Odile, grand-mère »."""
        avants = par_rang(demande.avant)
        morceaux = []
        for cle, rang in par_rang(demande.donnees).items():
            mot = "ajout" if cle[0] == "n" else "retrait" if rang.get(RETIRER) else "modification"
            morceaux.append(f"{mot} de {nom_en_mots(rang if mot == 'ajout' else avants.get(cle, rang))}")
        return cls.pour(demande.enfant, "\N{NO-BREAK SPACE}; ".join(morceaux))
