"""What an Inscription does to the days to come: the year of a typical week, a change, an end; two households."""

from datetime import date
from decimal import Decimal

import pytest
import time_machine
from django.urls import reverse

from enfants import inscriptions, places, semaine
from enfants.models import (
    AnneeScolaire,
    Fermeture,
    Inscription,
    JourFerie,
    PeriodeVacances,
    Reservation,
    Scolarite,
)
from portail.socle.models import Collectivite, Courriel
from tests import factories
from tests.enfants.fabrique import MAINTENANT, demander, paris, pris, reserver
from tests.enfants.test_admin import adresse, valeurs

pytestmark = pytest.mark.django_db
LUNDIS = [date(2026, 11, 30), date(2026, 12, 7), date(2026, 12, 14)]
N = "\N{NO-BREAK SPACE}"


@pytest.fixture(autouse=True)
def horloge():
    with time_machine.travel(MAINTENANT, tick=False):
        yield


@pytest.fixture
def mairie(monde):
    return monde.client(monde.agent)


@pytest.fixture
def annee(monde):
    """A year that ends, for these tests, with a closing on 19 December: four Mondays are left, today's included."""
    Collectivite.objects.update_or_create(pk=1, defaults={"zone": "B"})
    Collectivite.oublier()
    PeriodeVacances.objects.create(
        zone="B", nom="Longues", nature="grandes", du=date(2026, 12, 19), au=date(2027, 8, 31)
    )
    yield AnneeScolaire.objects.create(debut=date(2026, 9, 1), fin=date(2027, 8, 31))
    Collectivite.oublier()


def reguliere(monde, qui="lea", jours=(0,), **champs) -> Inscription:
    Inscription.objects.filter(pk=monde.inscriptions[qui].pk).update(
        mode="regulier", semaine_type=semaine.masque(jours), **champs
    )
    return Inscription.objects.select_related("prestation", "enfant").get(pk=monde.inscriptions[qui].pk)


def jours(etat="reservee") -> list[date]:
    return list(Reservation.objects.filter(etat=etat).order_by("jour").values_list("jour", flat=True))


# ── Filling ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_la_semaine_type_remplit_l_annee_une_seule_fois(monde, annee):
    inscription = reguliere(monde)
    fait = inscriptions.remplir(inscription, monde.agent, MAINTENANT)
    assert jours() == [date(2026, 11, 23), *LUNDIS]
    assert {(r.reguliere, r.payeur_id) for r in fait.reservees} == {(True, monde.jean.pk)}
    encore = inscriptions.remplir(inscription, monde.agent, MAINTENANT)
    assert (encore.reservees, encore.annulees, encore.phrases) == ([], [], [])


def test_aujourd_hui_n_est_plus_reserve_quand_le_service_a_commence(monde, annee):
    inscriptions.remplir(reguliere(monde), monde.agent, paris(2026, 11, 23, 11, 30))
    assert jours() == LUNDIS


def test_une_inscription_de_la_rentree_remplit_l_annee_suivante(monde, annee):
    inscription = reguliere(monde, du=date(2027, 9, 1))
    fait = inscriptions.remplir(inscription, monde.agent, MAINTENANT)
    assert fait.phrases == [
        f"Le calendrier 2027-2028 n’est pas rempli{N}: aucun jour n’est réservé. "
        f"Remplissez-le, puis relancez «{N}Réserver la semaine type{N}»."
    ]
    AnneeScolaire.objects.create(debut=date(2027, 9, 1), fin=date(2028, 8, 31))
    PeriodeVacances.objects.create(
        zone="B", nom="Encore", nature="grandes", du=date(2027, 9, 16), au=date(2028, 8, 31)
    )
    inscriptions.remplir(inscription, monde.agent, MAINTENANT)
    assert jours() == [date(2027, 9, 6), date(2027, 9, 13)]


def test_les_jours_laisses_de_cote_sont_dits_par_raison(monde, annee):
    JourFerie.objects.create(jour=LUNDIS[2], nom="Férié d’essai")
    jauge = factories.Jauge.objects.create(structure=monde.cantine.structure, libelle="Cantine", capacite=1)
    jauge.prestations.add(monde.cantine)
    reserver(monde.inscriptions["zoe"], LUNDIS[0])
    reserver(factories.inscription(monde.lea, monde.cantine, monde.jeanne), LUNDIS[1])
    fait = inscriptions.remplir(reguliere(monde), monde.agent, MAINTENANT)
    assert [r.jour for r in fait.reservees] == [date(2026, 11, 23)]
    assert fait.phrases == [
        f"Jours réservés{N}: 1.",
        f"1 jour laissé de côté (30/11){N}: C’est complet.",
        f"1 jour laissé de côté (07/12){N}: Ce jour est déjà demandé ou réservé par l’autre foyer.",
    ]
    assert pris(monde.cantine, LUNDIS[0]) == 1


def test_plusieurs_jours_laisses_pour_une_raison_se_disent_au_pluriel(monde, annee):
    reserver(factories.inscription(monde.lea, monde.cantine, monde.jeanne), LUNDIS[0], LUNDIS[1])
    assert inscriptions.remplir(reguliere(monde), monde.agent, MAINTENANT).phrases[1:] == [
        f"2 jours laissés de côté (30/11, 07/12){N}: Ces jours sont déjà demandés ou réservés par l’autre foyer.",
    ]


def test_un_jour_ferme_n_est_pas_reserve(monde, annee):
    Fermeture.objects.create(prestation=monde.cantine, du=LUNDIS[0], au=LUNDIS[1], motif="Travaux")
    inscriptions.remplir(reguliere(monde), monde.agent, MAINTENANT)
    assert jours() == [date(2026, 11, 23), LUNDIS[2]]


def test_semaines_paires_et_impaires_se_partagent_l_annee(monde, annee):
    jeanne = factories.inscription(monde.lea, monde.cantine, monde.jeanne, repartition="impaires")
    monde.inscriptions["jeanne"] = jeanne
    inscriptions.remplir(reguliere(monde, repartition="paires"), monde.agent, MAINTENANT)
    inscriptions.remplir(reguliere(monde, "jeanne"), monde.agent, MAINTENANT)
    par_foyer = {
        famille: [r.jour for r in Reservation.objects.filter(payeur=famille).order_by("jour")]
        for famille in (monde.jean, monde.jeanne)
    }
    # ISO weeks 48 and 50, then 49 and 51.
    assert par_foyer == {
        monde.jean: [date(2026, 11, 23), LUNDIS[1]],
        monde.jeanne: [LUNDIS[0], LUNDIS[2]],
    }


def test_une_derogation_laisse_reserver_malgre_l_age(monde, annee):
    monde.cantine.age_min = 12
    monde.cantine.save()
    fait = inscriptions.remplir(reguliere(monde), monde.agent, MAINTENANT)
    assert (jours(), len(fait.prevision.refuses)) == ([], 4)
    inscriptions.remplir(reguliere(monde, derogation="Fratrie"), monde.agent, MAINTENANT)
    assert jours() == [date(2026, 11, 23), *LUNDIS]


# ── A change of week ─────────────────────────────────────────────────────────────────────────────────────────


def test_changer_de_semaine_ne_touche_que_les_jours_a_venir_que_la_famille_n_a_pas_changes(monde, annee):
    inscription = reguliere(monde)
    inscriptions.remplir(inscription, monde.agent, MAINTENANT)
    parent = monde.jean.titulaire().utilisateur
    mouvement = Reservation.objects.get(jour=LUNDIS[0])
    places.declarer_absences([mouvement], parent, MAINTENANT, "Voyage", False)
    (demande,) = demander(inscription, date(2026, 12, 16))  # asked apart: not a day of the week
    inscription = reguliere(monde, jours=(1,))
    fait = inscriptions.remplir(inscription, monde.agent, paris(2026, 11, 24, 8))
    assert [r.jour for r in fait.annulees] == LUNDIS[1:]
    assert jours() == [
        date(2026, 11, 23),  # past
        date(2026, 11, 24),
        date(2026, 12, 1),
        date(2026, 12, 8),
        date(2026, 12, 15),
    ]
    assert jours("absent_excuse") == [LUNDIS[0]]
    assert jours("demandee") == [demande.souhait.jour]


def test_un_jour_que_la_famille_a_rendu_n_est_pas_reserve_a_nouveau(monde, annee):
    inscription = reguliere(monde)
    inscriptions.remplir(inscription, monde.agent, MAINTENANT)
    parent = monde.jean.titulaire().utilisateur
    places.declarer_absences(Reservation.objects.filter(jour=LUNDIS[1]), parent, MAINTENANT, "Voyage", False)
    fait = inscriptions.remplir(inscription, monde.agent, MAINTENANT)
    assert (fait.reservees, fait.phrases) == (
        [],
        [f"1 jour laissé de côté (07/12){N}: La famille l’a changé elle-même."],
    )


def test_finir_une_inscription_annule_ce_qui_suit(monde, annee):
    inscription = reguliere(monde)
    inscriptions.remplir(inscription, monde.agent, MAINTENANT)
    inscription.au = LUNDIS[0]
    inscription.save()
    fait = inscriptions.remplir(inscription, monde.agent, MAINTENANT)
    assert [r.jour for r in fait.annulees] == LUNDIS[1:]
    assert jours() == [date(2026, 11, 23), LUNDIS[0]]


# ── The town's page ──────────────────────────────────────────────────────────────────────────────────────────


def test_la_page_montre_avant_de_changer_et_confirme_ce_qui_est_montre(monde, mairie, annee):
    inscription = reguliere(monde)
    inscriptions.remplir(inscription, monde.agent, MAINTENANT)
    page = adresse(Inscription, "change", inscription.pk)
    envoi = valeurs(mairie.get(page).context, semaine_type=["1"])
    montre = mairie.post(page, envoi)
    html = montre.content.decode()
    assert f"Réservations à venir annulées{N}: 4." in html and "Rien n’est encore enregistré" in html
    assert f"lundi{N}7{N}décembre (réservé)" in html
    assert jours() == [date(2026, 11, 23), *LUNDIS]
    effets = montre.context["adminform"].form.a_confirmer
    perime = mairie.post(page, envoi | {"confirmer": "0" * 20})
    assert perime.status_code == 200
    assert mairie.post(page, envoi | {"confirmer": effets.empreinte}).status_code == 302
    assert jours("annulee") == [date(2026, 11, 23), *LUNDIS]
    courriel = Courriel.objects.get()
    assert courriel.objet == "Léa, Restauration scolaire\N{NO-BREAK SPACE}: vos jours ont changé"
    texte = courriel.texte.replace(N, " ")
    assert "- lundi 7 décembre 2026" in texte
    assert "Jours réservés : 4 (mardi), du mardi 24 novembre 2026 au mardi 15 décembre 2026." in texte
    assert jours() == [date(2026, 11, 24), date(2026, 12, 1), date(2026, 12, 8), date(2026, 12, 15)]


def test_inscrire_remplit_et_le_dit(monde, mairie, annee):
    envoi = valeurs(
        mairie.get(adresse(Inscription, "add")).context,
        enfant=monde.lea.pk,
        prestation=monde.cantine.pk,
        famille=monde.jeanne.pk,
        du="2026-11-24",
        mode="regulier",
        semaine_type=["0", "1"],
    )
    reponse = mairie.post(adresse(Inscription, "add"), envoi, follow=True)
    assert f"Jours réservés{N}: 7." in reponse.content.decode()
    assert Reservation.objects.filter(payeur=monde.jeanne).count() == 7


def test_l_age_et_la_classe_se_verifient_a_l_inscription(monde, mairie, annee):
    monde.cantine.niveaux = ["CM2"]
    monde.cantine.save()
    ecole = factories.structure("École du Lavoir", genre="ecole")
    Scolarite.objects.create(enfant=monde.lea, annee=annee, ecole=ecole, niveau="CE2")
    envoi = valeurs(
        mairie.get(adresse(Inscription, "add")).context,
        enfant=monde.lea.pk,
        prestation=monde.cantine.pk,
        famille=monde.jeanne.pk,
        du="2026-11-24",
    )
    refus = mairie.post(adresse(Inscription, "add"), envoi)
    assert refus.context["adminform"].form.errors == {
        "derogation": [
            "Ce service n’accueille pas les enfants de CE2. Pour l’inscrire quand même, écrivez ici pourquoi."
        ]
    }
    assert mairie.post(adresse(Inscription, "add"), envoi | {"derogation": "Fratrie"}).status_code == 302


def test_les_parts_ne_depassent_pas_cent(monde, mairie, annee):
    Inscription.objects.filter(pk=monde.inscriptions["lea"].pk).update(repartition="part", part=Decimal("60"))
    envoi = valeurs(
        mairie.get(adresse(Inscription, "add")).context,
        enfant=monde.lea.pk,
        prestation=monde.cantine.pk,
        famille=monde.jeanne.pk,
        du="2026-11-24",
        repartition="part",
        part="50",
    )
    refus = mairie.post(adresse(Inscription, "add"), envoi)
    assert refus.context["adminform"].form.errors == {
        "part": [f"Les parts d’un même jour doivent faire 100{N}%{N}: ici 50{N}% + 60{N}%."]
    }
    sous = mairie.post(adresse(Inscription, "add"), envoi | {"part": "33.33"}, follow=True)
    assert f"ici 33,33{N}% + 60{N}%." in sous.content.decode()


def test_deux_foyers_n_ont_pas_les_memes_semaines(monde, mairie, annee):
    Inscription.objects.filter(pk=monde.inscriptions["lea"].pk).update(repartition="paires")
    envoi = valeurs(
        mairie.get(adresse(Inscription, "add")).context,
        enfant=monde.lea.pk,
        prestation=monde.cantine.pk,
        famille=monde.jeanne.pk,
        du="2026-11-24",
        repartition="paires",
    )
    refus = mairie.post(adresse(Inscription, "add"), envoi)
    assert refus.context["adminform"].form.errors == {
        "repartition": ["L’autre foyer a déjà les semaines paires."]
    }


def test_l_action_dit_ce_qu_elle_laisse(monde, mairie, annee):
    inscription = reguliere(monde)
    Fermeture.objects.create(prestation=monde.cantine, du=LUNDIS[0], au=LUNDIS[0], motif="Grève")
    reponse = mairie.post(
        reverse("admin:enfants_inscription_changelist"),
        {"action": "remplir", "_selected_action": [inscription.pk, monde.inscriptions["zoe"].pk]},
        follow=True,
    )
    assert f"Léa DUPONT, Restauration scolaire{N}: Jours réservés{N}: 3." in reponse.content.decode()


@pytest.mark.parametrize(
    ("mode", "dit"),
    [
        ("regulier", f"Jours réservés{N}: 7 (lundi et mardi), du "),
        ("occasionnel", "Aucun jour n’est encore réservé"),
    ],
)
def test_une_inscription_toute_neuve_se_dit_meme_sans_jour(monde, mairie, annee, mode, dit):
    envoi = valeurs(
        mairie.get(adresse(Inscription, "add")).context,
        enfant=monde.lea.pk,
        prestation=monde.cantine.pk,
        famille=monde.jeanne.pk,
        du="2026-11-24",
        mode=mode,
        semaine_type=["0", "1"] if mode == "regulier" else [],
    )
    mairie.post(adresse(Inscription, "add"), envoi)
    courriel = Courriel.objects.get()
    assert courriel.objet == f"Inscription de Léa{N}: Restauration scolaire"
    assert f"La mairie a inscrit Léa{N}: Restauration scolaire" in courriel.texte and dit in courriel.texte
    assert "modifié" not in courriel.texte


# ── Who pays ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_la_famille_laissee_vide_est_la_seule_de_lenfant(monde, mairie):
    club = factories.prestation("Club")
    page = adresse(Inscription, "add")
    envoi = valeurs(mairie.get(page).context, prestation=club.pk, du="2026-12-01", mode="occasionnel")
    envoi |= {"famille": "", "part": "100", "repartition": "propre"}
    deux = mairie.post(page, envoi | {"enfant": monde.lea.pk})
    assert f"Cet enfant a deux foyers{N}: choisissez celui qui paie." in deux.text
    aucun = mairie.post(page, envoi | {"enfant": factories.enfant("Seul").pk})
    assert "Cet enfant n’est rattaché à aucune famille." in aucun.text
    assert "Choisissez l’enfant, ou la famille." in mairie.post(page, envoi).text
    assert not club.inscriptions.exists()
    assert mairie.post(page, envoi | {"enfant": monde.tom.pk}).status_code == 302
    assert club.inscriptions.get().famille == monde.jean
    # The second household of a child, once it has left, is no longer a choice.
    monde.lea.rattachements.filter(famille=monde.jean).update(au=date(2026, 11, 20))
    assert mairie.post(page, envoi | {"enfant": monde.lea.pk}).status_code == 302
    assert club.inscriptions.get(enfant=monde.lea).famille == monde.jeanne
