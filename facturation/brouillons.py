"""The draft of a campagne: what each family would be billed, and what keeps it back."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast
from django.utils import timezone

from enfants.models import (
    Enfant,
    GroupeExclusif,
    Inscription,
    Pointage,
    Prestation,
    Rattachement,
    Reservation,
)
from facturation.bareme import Baremes, Foyers, LienDuJour, minutes
from facturation.fraicheur import Lues, lignes_de
from facturation.journees import Anomalie, Cle, Journee, Releves, relever
from facturation.models import Brouillon, Campagne, Facture, LigneFacture
from facturation.tarification import VOTRE_PART, Prix, partager, prix
from familles.models import Famille
from portail.socle.dates import decaler_mois, premier_du_mois
from portail.socle.traces import tracer
from portail.socle.verrous import verrouiller_un


class EmissionImpossible(ValidationError):
    """The sentence says why."""


Facturee = tuple[int, UUID, int, date, bool]  # family, child, service, day (or first of the month), monthly?


def lignes_vives(du: date, au: date) -> QuerySet[LigneFacture]:
    """Lines of live invoices with days in the months from `du` to `au`."""
    # By the days of the lines: the period written on an invoice is only what its campagne was then. As text, for
    # the JSON operators of the two databases differ.
    du_mois = Q()
    for mois in _mois(du, au):
        du_mois |= Q(texte__contains=f'"{mois:%Y-%m}-')
    lignes = LigneFacture.objects.filter(facture__in=Facture.objects.vives())
    return lignes.alias(texte=Cast("jours", TextField())).filter(du_mois).order_by()


def deja_facturees(familles, du: date, au: date) -> set[Facturee]:
    """What live invoices already bill from `du` to `au`: their days are not billed twice."""
    lignes = lignes_vives(du, au).filter(facture__famille__in=familles)
    return _facturees(lignes.select_related("facture"))


def _facturees(lignes: Iterable[LigneFacture]) -> set[Facturee]:
    trouvees: set[Facturee] = set()
    suspendues: set[Facturee] = set()
    for ligne in lignes:
        cle = (ligne.facture.famille_id, ligne.enfant_id, ligne.prestation_id)
        for jour in map(date.fromisoformat, ligne.jours):
            mois = (*cle, premier_du_mois(jour), True)
            if ligne.unite == "mois" and ligne.total_centimes:
                trouvees.add(mois)
            # A month billed by another invoice is a line at zero, without a price to explain: its days are billed
            # as long as that invoice lives.
            suspendue = ligne.unite == "mois" and not ligne.explication
            (suspendues if suspendue else trouvees).add((*cle, jour, False))
    return trouvees | {cle for cle in suspendues if (*cle[:3], premier_du_mois(cle[3]), True) in trouvees}


@dataclass(frozen=True)
class Payee:
    """A live invoice that bills a child's day: to whom, and whether for a share of it."""

    famille: int
    reference: str
    partagee: bool


Ailleurs = dict[Cle, list[Payee]]


def facturees_des_enfants(enfants, du: date, au: date) -> tuple[set[Facturee], Ailleurs]:
    """What live invoices already bill of these children; and who pays for each day, which no other household pays for
    again. A month at one price does not hang on a day.
    """
    lignes = list(lignes_vives(du, au).filter(enfant__in=enfants).select_related("facture"))
    ailleurs: Ailleurs = defaultdict(list)
    for ligne in lignes:
        if ligne.unite != "mois" and ligne.total_centimes:
            partagee = ligne.explication.startswith(VOTRE_PART)
            payee = Payee(ligne.facture.famille_id, ligne.facture.reference, partagee)
            for jour in map(date.fromisoformat, ligne.jours):
                ailleurs[ligne.enfant_id, ligne.prestation_id, jour].append(payee)
    return _facturees(lignes), ailleurs


def autre_foyer(payees: Iterable[Payee], famille: int, partagee: bool) -> str:
    """The invoice by which another household pays for a day, shares of it apart (ours is one: `partagee`); else
    nothing.
    """
    autres = (p for p in payees if p.famille != famille and not (p.partagee and partagee))
    return next((p.reference for p in autres), "")


def _mois(du: date, au: date) -> list[date]:
    """First days of the months of a period."""
    mois = [premier_du_mois(du)]
    while (suivant := decaler_mois(mois[-1], 1)) <= au:
        mois.append(suivant)
    return mois


@dataclass
class Chargement:
    """Everything the prices of some days read, loaded once."""

    baremes: Baremes
    releves: Releves
    enfants: dict[UUID, Enfant]
    foyers: Foyers
    facturees: set[Facturee]
    ailleurs: Ailleurs

    def lien(self, journee: Journee) -> LienDuJour:
        return self.baremes.pour(journee.prestation, journee.jour)

    def deja_facturee(self, journee: Journee) -> bool:
        return (journee.famille, journee.enfant, journee.prestation, journee.jour, False) in self.facturees

    def autre_foyer(self, journee: Journee) -> str:
        """The invoice by which another household pays for this day, a share of it apart; else nothing."""
        payees = self.ailleurs.get((journee.enfant, journee.prestation, journee.jour), ())
        return autre_foyer(payees, journee.famille, len(journee.parts) > 1)


def calculer(campagne: Campagne, aujourdhui: date | None = None) -> list[Brouillon]:
    """Rewrite the drafts of a campagne; the rows, by family number. Some twenty queries, whatever the families.

    Raises EmissionImpossible when the campagne is changed meanwhile.
    """
    aujourdhui = aujourdhui or timezone.localdate()
    # Before reading: `complements` looks for days to bill among what moved since.
    campagne.calculee_le = timezone.now()
    charge, lues = _charger(campagne, aujourdhui)
    par_famille: dict[int, list[tuple[Journee, Prix]]] = defaultdict(list)
    mois_vus: set[tuple] = set()
    for journee in charge.releves.journees:
        trouve = prix_de(charge, journee, mois_vus)
        if trouve is not None:
            par_famille[journee.famille].append((journee, trouve))
    deja = _deja_emises(campagne)
    brouillons = []
    for famille in sorted(par_famille.keys() | charge.releves.anomalies.keys()):
        lignes = _lignes(par_famille[famille], charge)
        anomalies = list(dict.fromkeys(charge.releves.anomalies[famille]))
        if famille in deja and lignes:
            phrase = (
                f"Déjà facturée par {deja[famille]}\N{NO-BREAK SPACE}: pour la refaire, créez d’abord un avoir. "
                "Une campagne complémentaire facture les seuls jours en plus."
            )
            anomalies.append(Anomalie("deja", phrase))
        if not lignes and (famille in deja or not anomalies):
            continue
        brouillons.append(
            Brouillon(
                campagne=campagne,
                famille_id=famille,
                lignes=lignes,
                total_centimes=sum(ligne["total_centimes"] for ligne in lignes),
                anomalies=[anomalie.en_json() for anomalie in anomalies],
                bloque=any(anomalie.bloquante for anomalie in anomalies),
                empreinte=lues.empreinte(famille, lignes),
            )
        )
    return _ecrire(
        campagne,
        brouillons,
        [*_a_venir(campagne, aujourdhui), *_sans_majoration(charge), *charge.releves.sans_famille],
    )


def _a_venir(campagne: Campagne, aujourdhui: date) -> list[Anomalie]:
    """A month billed before its end is billed as booked: allowed, but never without a word."""
    if campagne.au < aujourdhui:
        return []
    restants = (campagne.au - max(aujourdhui, campagne.du)).days + 1
    phrase = (
        f"La période n’est pas finie\N{NO-BREAK SPACE}: il reste {restants} jour{'s' if restants > 1 else ''}. "
        "Les jours à venir sont comptés comme réservés, sans attendre le pointage."
    )
    return [Anomalie("a_venir", phrase, bloquante=False)]


@transaction.atomic
def _ecrire(campagne: Campagne, brouillons: list[Brouillon], sans_famille: list[Anomalie]) -> list[Brouillon]:
    relue = verrouiller_un(Campagne.objects.filter(pk=campagne.pk))
    if (relue.regie_id, relue.du, relue.au) != (campagne.regie_id, campagne.du, campagne.au):
        raise EmissionImpossible("La campagne a changé pendant le calcul\N{NO-BREAK SPACE}: recommencez-le.")
    relue.brouillons.all().delete()
    Brouillon.objects.bulk_create(brouillons, batch_size=500)
    campagne.anomalies = [anomalie.en_json() for anomalie in sans_famille]
    Campagne.objects.filter(pk=campagne.pk).update(
        calculee_le=campagne.calculee_le, anomalies=campagne.anomalies
    )
    return brouillons


@transaction.atomic
def effacer(campagne: Campagne, par) -> None:
    """Forget the draft: régie and dates may change again. Raises EmissionImpossible once invoices are issued."""
    relue = verrouiller_un(Campagne.objects.filter(pk=campagne.pk))
    if relue.factures.exists():
        raise EmissionImpossible(
            "Des factures sont déjà émises\N{NO-BREAK SPACE}: le brouillon se recalcule."
        )
    relue.brouillons.all().delete()
    Campagne.objects.filter(pk=relue.pk).update(calculee_le=None, anomalies=[], emission_demandee_le=None)
    tracer(par, "effacer_brouillon", relue)


def _deja_emises(campagne: Campagne) -> dict[int, str]:
    return dict(
        Facture.objects.vives().filter(campagne=campagne).order_by().values_list("famille", "reference")
    )


def _charger(campagne: Campagne, aujourdhui: date) -> tuple[Chargement, Lues]:
    du, au = campagne.du, campagne.au
    baremes = Baremes.charger(None, du, au, regie=campagne.regie)
    reservations, pointages = map(list, lignes_de(campagne))
    return charger(baremes, reservations, pointages, (du, au), aujourdhui), Lues(reservations, pointages)


def charger(
    baremes: Baremes,
    reservations: list[Reservation],
    pointages: list[Pointage],
    periode: tuple[date, date],
    aujourdhui: date,
) -> Chargement:
    """What these rows of a period give to bill, and what their prices read: some ten queries. Every row of a child's
    day must be there.
    """
    du, au = periode
    prestations = {liens[0].prestation_id: liens[0].prestation for liens in baremes.liens.values()}
    concernes = {ligne.enfant_id for ligne in [*reservations, *pointages]}
    enfants = {e.pk: e for e in Enfant.objects.filter(pk__in=concernes)}
    inscriptions = Inscription.objects.filter(prestation__in=prestations, enfant__in=concernes)
    rattachements = Rattachement.objects.filter(enfant__in=concernes)

    def nommer(enfant: UUID, prestation: int, jour: date) -> str:
        return f"{enfants[enfant].prenom}, {prestations[prestation].nom}, {jour:%d/%m/%Y}"

    def relevant(lignes):
        return [x for x in lignes if baremes.pour(x.prestation_id, x.jour) is not None]

    releves = relever(
        relevant(reservations),
        relevant(pointages),
        list(inscriptions.en_cours(du, au)),
        list(rattachements),
        nommer,
        aujourdhui,
        GroupeExclusif.entre(prestations),
    )
    familles = {j.famille for j in releves.journees}
    foyers = Foyers.charger(familles, {(j.famille, j.enfant, j.jour) for j in releves.journees}, du, au)
    facturees, ailleurs = facturees_des_enfants(concernes, du, au)
    return Chargement(baremes, releves, enfants, foyers, facturees, ailleurs)


def _sans_majoration(charge: Chargement) -> list[Anomalie]:
    """Days the portal took late « au prix majoré », whose tarif has no surcharge: billed, but never without a word."""
    nombres: Counter[str] = Counter()
    for journee in charge.releves.journees:
        lien = charge.lien(journee)
        majoree = lien.lien.prestation.hors_delai == Prestation.HorsDelai.MAJORATION
        if journee.hors_delai and majoree and lien.bareme and not lien.bareme.majore_le_retard:
            nombres[lien.lien.prestation.nom] += 1
    return [
        Anomalie(
            "majoration",
            f"{nom}\N{NO-BREAK SPACE}: {n} jour{'s' if n > 1 else ''} hors délai au prix ordinaire, le tarif n’a pas de "
            "supplément pour réservation tardive.",
            bloquante=False,
        )
        for nom, n in sorted(nombres.items())
    ]


def prix_de(charge: Chargement, journee: Journee, mois_vus: set) -> Prix | None:
    """The price of this day for its family; None when it is already billed or, anomaly noted, cannot be."""
    du_jour = charge.lien(journee)
    prestation = du_jour.lien.prestation
    cle = (journee.famille, journee.enfant, journee.prestation)
    if charge.deja_facturee(journee):
        return None
    if reference := charge.autre_foyer(journee):
        phrase = (
            f"{charge.enfants[journee.enfant].prenom}, {prestation.nom}, {journee.jour:%d/%m/%Y}\N{NO-BREAK SPACE}: "
            f"déjà facturé à l’autre foyer par {reference}. Créez d’abord un avoir."
        )
        # Not a reason to hold the rest back: the trésorerie may already collect that invoice.
        charge.releves.anomalies[journee.famille].append(Anomalie("ailleurs", phrase, bloquante=False))
        return None
    pointage = journee.pointage
    trouve = du_jour.bareme and prix(
        du_jour.bareme,
        charge.foyers.situation(
            journee.famille,
            journee.enfant,
            journee.jour,
            hors_delai=journee.hors_delai,
            sans_reservation=journee.sans_reservation,
            absence=journee.absence,
            minutes=minutes(prestation, pointage and pointage.arrivee, pointage and pointage.depart),
        ),
    )
    if not trouve:
        phrase = f"{prestation.nom}, {journee.jour:%d/%m/%Y}\N{NO-BREAK SPACE}: aucun tarif ne s’applique."
        charge.releves.anomalies[journee.famille].append(Anomalie("tarif", phrase))
        return None
    if du_jour.bareme.unite == "mois":
        mois = (*cle, premier_du_mois(journee.jour), True)
        if mois in charge.facturees or mois in mois_vus:
            return Prix(0, "")
        mois_vus.add(mois)
    if len(journee.parts) > 1:
        return partager(trouve, journee.parts, journee.position)
    return trouve


def _lignes(jours: list[tuple[Journee, Prix]], charge: Chargement) -> list[dict]:
    """Days of the same child, service and price together, as the values of a LigneFacture."""
    groupes: dict[tuple, dict] = {}
    for journee, prix_du_jour in jours:
        du_jour = charge.lien(journee)
        mensuel = du_jour.bareme.unite == "mois"
        mois = premier_du_mois(journee.jour) if mensuel else None
        cle = (journee.enfant, journee.prestation, mois or (prix_du_jour.centimes, prix_du_jour.explication))
        groupe = groupes.get(cle)
        if groupe is None:
            groupe = groupes[cle] = _ligne(journee, du_jour, charge.enfants[journee.enfant], prix_du_jour)
        if not mensuel:
            groupe["quantite"] += 1
        elif prix_du_jour.explication:
            groupe["unite_centimes"] = prix_du_jour.centimes
            groupe["explication"] = prix_du_jour.explication
        groupe["jours"].append(journee.jour.isoformat())
    lignes = sorted(groupes.values(), key=lambda g: g.pop("ordre"))
    for ligne in lignes:
        ligne["total_centimes"] = ligne["quantite"] * ligne["unite_centimes"]
    return lignes


def _ligne(journee: Journee, du_jour: LienDuJour, enfant: Enfant, prix_du_jour: Prix) -> dict:
    prestation = du_jour.lien.prestation
    mensuel = du_jour.bareme.unite == "mois"
    return {
        "ordre": (
            enfant.naissance,
            str(enfant.pk),
            du_jour.lien.nature_fiscale,
            prestation.ordre,
            prestation.nom,
            journee.jour,
        ),
        "enfant": str(enfant.pk),
        "enfant_nom": str(enfant),
        "prestation": prestation.pk,
        "libelle": prestation.nom,
        "nature_fiscale": du_jour.lien.nature_fiscale,
        "quantite": 1 if mensuel else 0,
        "unite": du_jour.bareme.unite,
        "unite_centimes": prix_du_jour.centimes,
        "total_centimes": 0,
        "explication": prix_du_jour.explication,
        "jours": [],
    }


def destinataire(famille: Famille) -> tuple[str, str]:
    """(name, address on two lines) of the payer, as the invoice copies them."""
    titulaire = famille.titulaire()
    if titulaire is None:
        return str(famille), ""
    nom = f"{titulaire.get_civilite_display()} {titulaire.prenom} {titulaire.nom.upper()}".strip()
    ville = f"{titulaire.code_postal} {titulaire.ville.upper()}".strip()
    return nom, "\n".join(filter(None, [titulaire.adresse, ville]))
