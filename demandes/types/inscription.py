"""« Inscription à un service »: which service, occasional or with a typical week, from which day."""

from dataclasses import replace
from datetime import date, timedelta
from functools import reduce
from itertools import groupby
from operator import or_

from django import forms
from django.core.exceptions import ValidationError
from django.utils.formats import date_format
from django.utils.functional import cached_property

from enfants import inscriptions, places, regles, semaine
from enfants.accord import enumerer
from enfants.models import Enfant, Inscription, Prestation, Scolarite
from portail.socle.argent import INSECABLE

from .base import ENFANT, ChampDate, Ligne, TypeDemande, Valeur

OCCASIONNEL, REGULIER = Inscription.Mode.OCCASIONNEL, Inscription.Mode.REGULIER
# A child turns three, a school year begins: what is offered soon is offered now, the day asked decides.
BIENTOT = timedelta(days=365)
JOURS = [(str(i), nom.capitalize()) for i, nom in enumerate(semaine.NOMS)]
NOM = "prestation_nom"


class ChampPrestation(forms.ModelChoiceField):
    """Services under the name of their structure."""

    def grouper(self, prestations: list[Prestation], deja: set[int], enfant) -> None:
        """Offer these, and refuse any other. Those the child has already come last: one may change how it comes."""
        self.queryset = Prestation.objects.filter(pk__in=[p.pk for p in prestations])
        groupes = groupby((p for p in prestations if p.pk not in deja), key=lambda p: p.structure.nom)
        choix = [(nom, [(str(p.pk), p.nom_date) for p in lignes]) for nom, lignes in groupes]
        siennes = [(str(p.pk), f"{p.nom_date} ({p.structure.nom})") for p in prestations if p.pk in deja]
        if siennes:
            choix.append((f"{_deja_inscrit(enfant)}, pour changer de régime ou de jours", siennes))
        self.choices = [("", "Choisissez un service"), *choix]


def _deja_inscrit(enfant) -> str:
    return "Déjà inscrite" if enfant.sexe == Enfant.Sexe.FILLE else "Déjà inscrit"


def periodes_en_mots(prestation: Prestation) -> str:
    """« en période scolaire et aux petites vacances »."""
    mots = [
        nom
        for oui, nom in (
            (prestation.periode_scolaire, "en période scolaire"),
            (prestation.petites_vacances, "aux petites vacances"),
            (prestation.grandes_vacances, "aux grandes vacances"),
        )
        if oui
    ]
    return enumerer(mots or ["aux dates que la mairie annonce"])


def phrases_du_service(prestation: Prestation) -> list[str]:
    """Days, hours, deadlines."""
    heures = (
        f"de {regles.heure_en_mots(prestation.heure_debut)} à {regles.heure_en_mots(prestation.heure_fin)}"
    )
    return [
        f"{prestation.nom}{INSECABLE}: {semaine.en_mots(prestation.jours)}, {heures}, "
        f"{periodes_en_mots(prestation)}.",
        regles.phrase_limite(prestation.limite_reservation) + ".",
        regles.phrase_limite(prestation.limite_annulation, "Annulation possible") + ".",
    ]


def jours_de(masque: int) -> list[str]:
    return [str(i) for i in range(7) if masque >> i & 1]


class InscriptionService(TypeDemande):
    code = "inscription"
    libelle = "Inscription à un service"
    filtre = "Inscriptions"
    categorie = ENFANT
    icone = "sac"
    chapo = (
        "Choisissez le service et la façon de réserver. En régulier, les jours de la semaine type sont réservés "
        "dès que la mairie accepte\N{NO-BREAK SPACE}; sinon, inscrire ne réserve encore aucun jour."
    )
    etape = "Choisir"
    autorite_parentale = True
    du_demandeur = False
    d_un_bloc = True
    prend_des_places = True
    cle = ("prestation",)
    prestation = ChampPrestation(label="Service", queryset=Prestation.objects.none())
    mode = forms.ChoiceField(
        label="Régime",
        choices=[
            (OCCASIONNEL, "Occasionnel\N{NO-BREAK SPACE}: je réserve jour par jour dans le planning"),
            (REGULIER, "Régulier\N{NO-BREAK SPACE}: les mêmes jours chaque semaine"),
        ],
        widget=forms.RadioSelect,
        initial=OCCASIONNEL,
    )
    jours = forms.MultipleChoiceField(
        label="Semaine type",
        choices=JOURS,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Pour le régime régulier\N{NO-BREAK SPACE}: les jours où votre enfant vient.",
    )
    du = ChampDate(label="À partir du")

    def preparer(self) -> None:
        if self.enfant is not None:
            offertes = self.offertes()
            siennes = Inscription.objects.filter(enfant=self.enfant, famille=self.famille)
            deja = set(
                siennes.en_cours(self.jour, date.max).order_by("pk").values_list("prestation", flat=True)
            )
            self.fields["prestation"].grouper(offertes, deja, self.enfant)
            ouverts = reduce(or_, (p.jours for p in offertes), 0)
            self.fields["jours"].choices = [(i, nom) for i, nom in JOURS if ouverts >> int(i) & 1]

    def offertes(self) -> list[Prestation]:
        """Services of today this child may attend now or within a year."""
        toutes = Prestation.objects.proposees(self.jour)
        return [
            p
            for p in toutes.select_related("structure")
            if not all(self._ineligible(p, j) for j in (self.jour, self.jour + BIENTOT))
        ]

    def _ineligible(self, prestation: Prestation, jour) -> str:
        """Why the child may not come that day, or an empty string."""
        return regles.phrase_ineligible(prestation, self.enfant, jour, self._niveau(jour))

    def _niveau(self, jour) -> str:
        return next((n for du, au, n in self._niveaux if du <= jour <= au), "")

    @cached_property
    def _niveaux(self) -> list:
        lignes = Scolarite.objects.filter(enfant=self.enfant).order_by("annee__debut")
        return list(lignes.values_list("annee__debut", "annee__fin", "niveau"))

    @cached_property
    def actuelle(self) -> Inscription | None:
        """Of the service asked: what the household already has."""
        brut = self.data.get("prestation") if self.is_bound else self.propose.get("prestation")
        try:
            prestation = self.fields["prestation"].clean(brut)
        except ValidationError:
            return None
        return Inscription.objects.suivante(self.enfant, prestation, self.famille, self.jour)

    def lire(self) -> dict:
        if self.actuelle is None:
            return {}
        return {
            "prestation": self.actuelle.prestation,
            "mode": self.actuelle.mode,
            "jours": jours_de(self.actuelle.semaine_type),
            "du": self.actuelle.du,
        }

    def get_initial_for_field(self, field, field_name):
        valeur = super().get_initial_for_field(field, field_name)
        return valeur or (OCCASIONNEL if field_name == "mode" else valeur)

    def clean_du(self):
        du = self.cleaned_data["du"]
        connue = self.actuelle is not None and du == self.actuelle.du
        if du < self.depuis and not connue:
            raise ValidationError("Cette date est passée\N{NO-BREAK SPACE}: choisissez un jour à venir.")
        if du > self.depuis + BIENTOT:
            raise ValidationError("Choisissez un jour dans les douze mois qui viennent.")
        return du

    def clean(self) -> dict:
        donnees = super().clean()
        prestation, mode, du = (donnees.get(n) for n in ("prestation", "mode", "du"))
        if mode == OCCASIONNEL:
            donnees["jours"] = []
        jours = [int(j) for j in donnees.get("jours") or ()]
        if mode == REGULIER and not jours and "jours" not in self.errors:
            self.add_error("jours", "Cochez au moins un jour.")
        if prestation is None:
            return donnees
        fermes = semaine.masque(jours) & ~prestation.jours
        if fermes:
            self.add_error("jours", f"Ce service n’ouvre pas le {semaine.en_mots(fermes)}.")
        if du and (refus := regles.phrase_hors_dates(prestation, du)):
            self.add_error("du", refus)
        elif du and (refus := self._ineligible(prestation, max(du, self.jour))):
            self.add_error("prestation", refus)
        return donnees

    def _deja_ainsi(self) -> bool:
        actuelle, proposees = self.actuelle, self.proposees()
        if actuelle is None or any(proposees[n] != self.valeurs[n] for n in ("mode", "jours")):
            return False
        du = self.cleaned_data["du"]
        return actuelle.du <= du and (actuelle.au is None or du <= actuelle.au)

    def changements(self) -> dict[str, Valeur]:
        """With the service's name of that day, which lists show. Raises ValidationError when the child comes that way
        already: another first day changes nothing.
        """
        changees = super().changements()
        if changees and self._deja_ainsi():
            depuis = "depuis le" if self.actuelle.du <= self.jour else "à partir du"
            raise ValidationError(
                f"{self.enfant.prenom} est {_deja_inscrit(self.enfant).lower()} à ce service, avec ce régime et ces jours, "
                f"{depuis} {self.actuelle.du:%d/%m/%Y}."
            )
        return changees | {NOM: self.cleaned_data["prestation"].nom} if changees else {}

    def phrases(self) -> list[str]:
        d = self.cleaned_data
        phrases = phrases_du_service(d["prestation"])
        if d["mode"] == REGULIER:
            jours = semaine.en_mots(semaine.masque(int(j) for j in d["jours"]))
            phrases.append(
                f"Une fois l’inscription acceptée, les jours de la semaine type ({jours}) sont réservés jusqu’à "
                "la fin de l’année scolaire, selon les places."
            )
        else:
            phrases.append("Une fois l’inscription acceptée, vous réservez chaque jour dans le planning.")
        return phrases

    def appliquer(self, par, maintenant) -> None:
        d = self.cleaned_data
        places.tenir_les_enfants(self.enfant, self.jour, prestation=d["prestation"])
        inscription = Inscription.objects.etablir(
            self.enfant,
            d["prestation"],
            self.famille,
            du=d["du"],
            mode=d["mode"],
            semaine_type=semaine.masque(int(j) for j in d["jours"]),
            jour=self.jour,
        )
        fait = inscriptions.remplir(inscription, par, maintenant)
        self.fait = inscriptions.jours_reserves(inscription, fait)
        if not self.fait and (fait.prevision.impossible or fait.prevision.refuses):
            self.fait = "Aucun jour n’a pu être réservé."
        if fait.annulees:
            self.fait = f"Jours annulés{INSECABLE}: {len(fait.annulees)}. {self.fait}".strip()

    # --- in words -----------------------------------------------------------------------------------

    def lignes(
        self, avant: dict, donnees: dict, actuelles: dict | None = None, en_clair: bool = False
    ) -> list[Ligne]:
        """The service is always said, even when only its week changes."""
        if not donnees:
            return []  # emptied in time
        lignes = super().lignes(avant, donnees, actuelles, en_clair)
        lignes = [li for li in lignes if li.nom != "prestation"]
        inscrit = bool(avant.get("prestation"))
        if not inscrit:
            lignes = [replace(li, sans_avant=True) for li in lignes]
        deja = donnees.get(NOM, "") if inscrit else "Sans inscription"
        return [Ligne("prestation", "Service", deja, donnees.get(NOM, "")), *lignes]

    def afficher(self, nom: str, valeur: Valeur, en_clair: bool = False) -> str:
        if nom == "mode" and valeur:
            return str(Inscription.Mode(valeur).label)
        return super().afficher(nom, valeur, en_clair)

    @classmethod
    def en_bref(cls, demande) -> str:
        """« Tom, Restauration scolaire, régulier (lundi et mardi), à partir du 01/12/2026 »."""
        d = demande.donnees
        mode = d.get("mode", "")
        if mode == REGULIER and isinstance(d.get("jours"), list):
            mode += f" ({semaine.en_mots(semaine.masque(int(j) for j in d['jours']))})"
        du = d.get("du", "")
        depuis = f"à partir du {date_format(forms.DateField().to_python(du), 'd/m/Y')}" if du else ""
        mode = mode.replace("regulier", "régulier")
        prenom = demande.enfant.prenom if demande.enfant else ""
        return ", ".join(filter(None, [prenom, d.get(NOM, ""), mode, depuis]))
