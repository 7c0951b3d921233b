"""The planning: the month grid, and the week list made for thumbs. Two views, each with its address."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property, lru_cache

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from enfants import planning, planning_rendu, planning_semaine
from enfants.forms import PlanningForm, mois_de_ladresse
from enfants.models import Enfant
from enfants.planning_echeances import Echeances
from enfants.planning_lecture import enfants_de, lire
from enfants.regles import mois_en_mots
from familles.acces import famille_de
from portail.socle.dates import annee_scolaire, bornes_scolaires, decaler_mois

MOIS_MODELE = "0000-00"


@dataclass(frozen=True)
class Pastille:
    """A chip « Léa », « Tous les enfants »."""

    libelle: str
    url: str
    courante: bool
    rang: int = 0


def planning_courant(request: HttpRequest, pk=None) -> HttpResponse:
    """Without a month: the current one."""
    mois = f"{timezone.localdate():%Y-%m}"
    return redirect("planning_enfant", pk=pk, mois=mois) if pk else redirect("planning_famille", mois=mois)


def planning_famille(request: HttpRequest, mois: str) -> HttpResponse:
    return _planning(request, mois, None)


def planning_enfant(request: HttpRequest, pk, mois: str) -> HttpResponse:
    return _planning(request, mois, pk)


def _planning(request: HttpRequest, mois: str, pk) -> HttpResponse:
    famille = famille_de(request)
    maintenant = timezone.now()
    aujourdhui = timezone.localdate(maintenant)
    options = PlanningForm(request.GET).options()
    premier = mois_de_ladresse(mois, aujourdhui)
    if premier is None:
        raise Http404
    enfants = enfants_de(famille, aujourdhui)
    choisis = [e for e in enfants if e.pk == pk] if pk else enfants
    if pk and not choisis:
        raise Http404
    adresses = _Adresses(choisis[0] if pk else None, options["inscriptions"] == "toutes")
    choisi = mois_de_ladresse(options["mois"] or "", aujourdhui)
    if choisi and choisi != premier:
        return redirect(adresses.mois(choisi))
    contexte = {
        "enfant": choisis[0] if pk else None,
        "seul": len(enfants) == 1,
        "pastilles": _pastilles(enfants, choisis if pk else [], premier, options),
        "toutes": options["inscriptions"] == "toutes",
        "retour": _retour(request),
        "coches": request.GET.getlist("c")[: planning_rendu.COCHES_MAX],
        "options_mois": _options_mois(premier, annee_scolaire(aujourdhui)),
    }
    if options["vue"] == "semaine":
        jour = _jour_de_semaine(options["du"], premier, aujourdhui)
        return _semaine(request, choisis, famille, jour, maintenant, adresses, contexte)
    return _mois(request, choisis, famille, premier, maintenant, adresses, contexte)


def _retour(request: HttpRequest) -> str:
    """Where the recap leads back: this page, without the boxes it came with."""
    if "c" not in request.GET:
        return request.get_full_path()
    options = request.GET.copy()
    del options["c"]
    return f"{request.path}?{options.urlencode()}" if options else request.path


@dataclass(frozen=True)
class _Adresses:
    """Addresses of the same planning at another date."""

    enfant: Enfant | None
    toutes: bool

    @cached_property
    def _modele(self) -> str:
        if self.enfant:
            return reverse("planning_enfant", kwargs={"pk": self.enfant.pk, "mois": MOIS_MODELE})
        return reverse("planning_famille", kwargs={"mois": MOIS_MODELE})

    def mois(self, jour: date, **options) -> str:
        if self.toutes:
            options["inscriptions"] = "toutes"
        # The last one: a child's identifier may hold the same characters.
        debut, _, fin = self._modele.rpartition(MOIS_MODELE)
        chemin = f"{debut}{jour:%Y-%m}{fin}"
        return f"{chemin}?{urlencode(options)}" if options else chemin

    def semaine(self, jour: date) -> str:
        return self.mois(jour, vue="semaine", du=jour.isoformat())

    def repeter(self, lundi: date) -> str:
        options = {"semaine": lundi.isoformat()} | ({"enfant": self.enfant.pk} if self.enfant else {})
        return f"{reverse('semaine_type')}?{urlencode(options)}"


def _pastilles(enfants: list, choisis: list, premier: date, options: dict) -> list[Pastille]:
    if len(enfants) < 2:
        return []
    suite = {nom: options[nom] for nom in ("vue", "inscriptions") if options[nom]}
    if options["vue"] == "semaine" and options["du"]:
        suite["du"] = options["du"].isoformat()
    fin = f"?{urlencode(suite)}" if suite else ""
    mois = f"{premier:%Y-%m}"
    pastilles = [
        Pastille(
            e.prenom, reverse("planning_enfant", kwargs={"pk": e.pk, "mois": mois}) + fin, e in choisis, rang
        )
        for rang, e in enumerate(enfants, 1)
    ]
    url_tous = reverse("planning_famille", kwargs={"mois": mois}) + fin
    if options["vue"] == "semaine":
        return [Pastille("Tous", url_tous, not choisis), *pastilles]
    return [*pastilles, Pastille("Tous les enfants", url_tous, not choisis)]


@lru_cache(maxsize=64)
def _options_mois(premier: date, rentree: int) -> SafeString:
    """The months one may jump to: this school year and the next, and the one displayed."""
    debut, _ = bornes_scolaires(rentree)
    mois = {decaler_mois(debut, n) for n in range(24)} | {premier}
    return format_html_join(
        "",
        '<option value="{}"{}>{}</option>',
        (
            (f"{m:%Y-%m}", SafeString(" selected") if m == premier else "", mois_en_mots(m))
            for m in sorted(mois)
        ),
    )


def _jour_de_semaine(du: date | None, premier: date, aujourdhui: date) -> date:
    if du and mois_de_ladresse(f"{du.year:04d}-{du.month:02d}", aujourdhui):
        return du
    return aujourdhui if (aujourdhui.year, aujourdhui.month) == (premier.year, premier.month) else premier


def _affiches(jours: Sequence[date], plannings: Sequence[planning.PlanningEnfant]) -> dict:
    """What the page shows, with or without a box: the script keeps ticked nothing of it that has none."""
    siennes = (ligne.inscription.pk for p in plannings for ligne in p.lignes if ligne.a_soi)
    return {"periode": f"{jours[0]} {jours[-1]}", "inscriptions": " ".join(map(str, siennes))}


def _mois(request, enfants, famille, premier: date, maintenant: datetime, adresses, contexte) -> HttpResponse:
    jours = planning.mois_de(premier)
    aujourdhui = timezone.localdate(maintenant)
    entrees = lire(enfants, famille, jours, maintenant, contexte["toutes"])
    plannings = planning.planning(entrees)
    detail = reverse("planning_jour", args=[0, "2000-01-01"])
    decor = planning_rendu.Decor.du_mois(jours, aujourdhui, Echeances(plannings, entrees), detail)
    voisins = [decaler_mois(premier, n) for n in (-1, 1)]
    avant, apres = (m if mois_de_ladresse(f"{m:%Y-%m}", aujourdhui) else None for m in voisins)
    semaine = planning_semaine.semaine_utile(plannings, aujourdhui) if aujourdhui in jours else premier
    contexte |= _affiches(jours, plannings) | {
        "premier": premier,
        "avant": avant,
        "apres": apres,
        "url_avant": adresses.mois(voisins[0]),
        "url_apres": adresses.mois(voisins[1]),
        "url_semaine": adresses.semaine(semaine),
        "url_en_cours": _Adresses(adresses.enfant, False).mois(premier),
        "url_toutes": _Adresses(adresses.enfant, True).mois(premier),
        "tete": planning_rendu.entete(jours, aujourdhui),
        "corps": planning_rendu.cocher(planning_rendu.corps(plannings, decor), contexte["coches"]),
        "limites": planning_rendu.limites(decor.echeances),
        "vide": not any(p.lignes for p in plannings),
        "modifiable": any(c.valeur for p in plannings for ligne in p.lignes for c in ligne.cases),
        "delais": planning_semaine.delais(plannings),
    }
    return render(request, "enfants/planning_mois.html", contexte)


def _semaine(request, enfants, famille, jour: date, maintenant: datetime, adresses, contexte) -> HttpResponse:
    jours = planning.semaine_du(jour)
    entrees = lire(enfants, famille, jours, maintenant)
    plannings = planning.planning(entrees)
    cartes = planning_semaine.semaine_de(plannings, entrees)
    aujourdhui = timezone.localdate(maintenant)
    lundi = jours[0]
    voisines = [lundi - timedelta(7), lundi + timedelta(7)]
    avant, apres = (j if mois_de_ladresse(f"{j:%Y-%m}", aujourdhui) else None for j in voisines)
    contexte |= _affiches(jours, plannings) | {
        "lundi": lundi,
        "dernier": cartes[-1].jour,
        "cartes": cartes,
        "avant": avant,
        "apres": apres,
        "url_avant": adresses.semaine(voisines[0]),
        "url_apres": adresses.semaine(voisines[1]),
        "url_mois": adresses.mois(jour),
        "url_repeter": adresses.repeter(lundi),
        "sans_detail": planning_rendu.SANS_DETAIL,
        # « …/jour/ »: a reversal for each row took a tenth of the page.
        "detail": reverse("planning_jour", args=[0, "2000-01-01"]).removesuffix("0/2000-01-01/"),
        "url_cette_semaine": "" if aujourdhui in jours else adresses.semaine(aujourdhui),
        "modifiable": any(case.valeur for c in cartes for e in c.enfants for _, case in e.lignes),
    }
    return render(request, "enfants/planning_semaine.html", contexte)
