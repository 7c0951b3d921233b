"""The offer, town-hall side: what a parent will see before saving, services stopped and carried over to next year."""

from datetime import date, time

import pytest
import time_machine
from django.urls import reverse

from enfants import agenda, apercu, semaine
from enfants.models import (
    AnneeScolaire,
    GroupeExclusif,
    Inscription,
    Jauge,
    Limite,
    PeriodeVacances,
    Prestation,
    Rattachement,
    Reservation,
    Structure,
)
from enfants.planning import mois_de, planning, semaine_du
from enfants.planning_lecture import lire
from enfants.planning_semaine import semaine_de
from enfants.regles import Calendrier
from facturation.models import Tarif
from portail.socle.models import Collectivite, Courriel
from tests import factories
from tests.enfants.fabrique import JEUDI, LUNDI, MAINTENANT, automatique, demander, paris, reserver
from tests.enfants.test_admin import adresse, valeurs
from tests.facturation.fabrique import lien, tarif

pytestmark = pytest.mark.django_db
N = "\N{NO-BREAK SPACE}"
RENTREE = date(2027, 9, 1)


@pytest.fixture(autouse=True)
def horloge():
    with time_machine.travel(MAINTENANT, tick=False):
        yield


@pytest.fixture
def mairie(monde):
    return monde.client(monde.agent)


# ── What a parent will see ───────────────────────────────────────────────────────────────────────────────────


def vu(prestation) -> dict[str, str]:
    """The situations of the panel, limits apart."""
    montre = apercu.apercu(prestation, Calendrier(), MAINTENANT.date(), 3)
    return {c.quand.split(" avant ")[0]: c.phrase for c in montre.cas}


def test_le_panneau_dit_les_phrases_du_portail(monde):
    assert vu(monde.cantine) == {
        "Il réserve": "La mairie vous répondra.",
        "Il réserve après": f"Trop tard{N}: il fallait réserver avant jeudi{N}10, 12{N}h.",
        "Il n’y a plus de place": "C’est complet. Nous vous prévenons si une place se libère.",
        "Il déclare une absence": "Vous prévenez à temps. Rien ne sera facturé.",
        "Il déclare une absence après": (
            f"Trop tard{N}: il fallait prévenir avant jeudi{N}10, 12{N}h. La journée sera facturée."
        ),
        "L’enfant est malade, il prévient après": f"La mairie attend votre attestation sous 3{N}jours.",
    }


def test_le_panneau_suit_les_choix(monde):
    automatique(monde.cantine, hors_delai="majoration", liste_attente=False, absence_hors_delai="mairie")
    montre = vu(monde.cantine)
    assert montre["Il réserve"] == "Réservé dès que vous envoyez."
    assert (
        montre["Il réserve après"]
        == f"Réservé dès que vous envoyez. Délai passé{N}: prix d’une réservation tardive."
    )
    assert montre["Il n’y a plus de place"] == "C’est complet."
    assert montre["Il déclare une absence après"].endswith("La mairie décide.")


def test_sans_limite_rien_n_arrive_apres(monde):
    monde.cantine.limite_reservation = monde.cantine.limite_annulation = Limite(nom="x", genre="aucune")
    assert list(vu(monde.cantine)) == ["Il réserve", "Il n’y a plus de place", "Il déclare une absence"]


def test_age_classe_et_fenetre_ont_leur_ligne(monde):
    monde.cantine.age_min, monde.cantine.age_max, monde.cantine.niveaux = 3, 6, ["PS", "MS"]
    monde.cantine.ouverture, monde.cantine.ouverture_hors_commune = (
        paris(2027, 8, 21, 7),
        paris(2027, 8, 28, 7),
    )
    montre = apercu.apercu(monde.cantine, Calendrier(), MAINTENANT.date(), 3)
    assert montre.qui == f"Enfants de 3 à 6{N}ans, en PS, MS."
    assert montre.fenetre == (
        f"Les réservations ouvrent le samedi{N}21{N}août, 7{N}h.",
        f"Familles hors commune{N}: le samedi{N}28{N}août, 7{N}h.",
    )
    assert montre.cas[0].phrase == "La mairie vous répondra."


def test_voir_sans_enregistrer_garde_ce_qui_est_tape(monde, mairie):
    envoi = valeurs(
        mairie.get(adresse(Prestation, "add")).context,
        structure=monde.cantine.structure_id,
        nom="Goûter",
        icone="couverts",
        jours=["0"],
        heure_debut="16:30",
        heure_fin="17:00",
        limite_reservation=monde.cantine.limite_reservation_id,
        limite_annulation=monde.cantine.limite_annulation_id,
        _apercu="1",
    )
    page = mairie.post(adresse(Prestation, "add"), envoi)
    html = page.content.decode()
    assert f"Lundi, de 16{N}h{N}30 à 17{N}h (période scolaire)." in html
    assert f"Aperçu{N}: rien n’est encore enregistré." in html and 'value="Goûter"' in html
    assert not Prestation.objects.filter(nom="Goûter").exists()
    del envoi["_apercu"]
    assert mairie.post(adresse(Prestation, "add"), envoi).status_code == 302


def test_le_panneau_se_montre_aussi_avec_des_erreurs(monde, mairie):
    page = adresse(Prestation, "change", monde.cantine.pk)
    envoi = valeurs(mairie.get(page).context, icone="couverts", age_min=8, age_max=3, heure_fin="14:15")
    html = mairie.post(page, envoi).content.decode()
    assert f"à 14{N}h{N}15" in html and "L’âge maximum ne peut pas" in html


def test_une_limite_jour_par_jour_se_saisit_et_se_montre(monde, mairie):
    envoi = {
        "nom": "Villes Sœurs",
        "genre": "jour_par_jour",
        "nombre": "4",
        "compte": "ouvres",
        "heure": "18:00",
        "avance_si_ferie": "on",
        **{f"pour_{nom}": c for nom, c in zip(semaine.NOMS, "23401--", strict=True)},
    }
    vue = mairie.post(adresse(Limite, "add"), envoi | {"_apercu": "1"}).content.decode()
    assert f"Pour lundi{N}7{N}décembre{N}: avant mercredi{N}2, 18{N}h" in vue.replace(
        f"lundi{N}7{N}:", f"lundi{N}7{N}décembre{N}:"
    )
    assert mairie.post(adresse(Limite, "add"), envoi).status_code == 302
    creee = Limite.objects.get(nom="Villes Sœurs")
    # What another kind needs is not left behind.
    assert (creee.table, creee.nombre, creee.compte, creee.heure) == ("23401--", 0, "calendaires", time(18))
    page = mairie.get(adresse(Limite, "change", creee.pk))
    assert page.context["adminform"].form["pour_mardi"].value() == "3"


@pytest.mark.parametrize(
    ("envoi", "phrase"),
    [
        (
            {"genre": "jour_par_jour", "heure": "18:00"},
            "Indiquez le jour limite d’au moins un jour de la semaine.",
        ),
        (
            {"genre": "semaine_avant", "heure": "18:00"},
            "Indiquez le jour de la semaine, et combien de semaines avant.",
        ),
        ({"genre": "mois_avant", "heure": "18:00"}, "Indiquez le jour du mois, et combien de mois avant."),
        ({"genre": "veille_vacances"}, "Indiquez l’heure limite."),
        ({"genre": "jours_avant", "nombre": "0"}, "Indiquez l’heure limite."),
    ],
)
def test_une_limite_incomplete_le_dit(mairie, envoi, phrase):
    complet = {"nom": "Essai", "nombre": "0", "compte": "calendaires"} | envoi
    assert phrase in mairie.post(adresse(Limite, "add"), complet).content.decode()


def test_qui_ne_peut_que_regarder_voit_les_memes_pages(monde):
    regard = monde.client(factories.agent("regard", "enfants.view_limite", "enfants.view_prestation"))
    for modele, pk in ((Limite, monde.cantine.limite_reservation_id), (Prestation, monde.cantine.pk)):
        page = regard.get(adresse(modele, "change", pk))
        assert page.status_code == 200
        assert "2 jours ouvrés" in page.content.decode()
    for nom in ("prestations_archiver", "prestations_dupliquer"):
        assert regard.get(reverse(nom)).status_code == 403
        assert monde.client(monde.jean).get(reverse(nom)).status_code == 302


# ── Archive ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_archiver_montre_ce_qui_en_depend_puis_annule_et_previent(monde, mairie):
    reserver(monde.inscriptions["lea"], JEUDI, LUNDI)
    demander(monde.inscriptions["zoe"], LUNDI)
    page = f"{reverse('prestations_archiver')}?prestations={monde.cantine.pk}&jour=2026-11-27"
    html = mairie.get(page).content.decode()
    assert "Réservations annulées, familles prévenues : 2." in html
    assert "Inscriptions qui s’arrêtent la veille : 3." in html
    assert Reservation.objects.filter(etat="annulee").count() == 0
    envoi = {"prestations": [monde.cantine.pk], "jour": "2026-11-27"}
    assert mairie.post(reverse("prestations_archiver"), envoi).status_code == 302
    monde.cantine.refresh_from_db()
    assert monde.cantine.archivee_le == date(2026, 11, 27)
    etats = dict(Reservation.objects.filter(enfant=monde.lea).values_list("jour", "etat"))
    assert etats == {JEUDI: "reservee", LUNDI: "annulee"}
    assert set(Inscription.objects.values_list("au", flat=True)) == {JEUDI}
    assert Courriel.objects.filter(objet=f"Fermeture{N}: Restauration scolaire s’arrête").count() == 2
    assert demander(monde.inscriptions["lea"], LUNDI)[0].verdict == "refus"


@pytest.mark.parametrize(
    "suite", ["", "?prestations=abc", "?prestations=999999999999999999999", "?prestations=-1"]
)
@pytest.mark.parametrize("nom", ["prestations_archiver", "prestations_dupliquer"])
def test_un_choix_absurde_ramene_a_la_liste(mairie, nom, suite):
    assert mairie.get(reverse(nom) + suite).status_code in (200, 302)
    assert mairie.post(reverse(nom), {"prestations": "abc", "jour": "hier", "debut": "0000"}).status_code in (
        200,
        302,
    )


def test_un_agent_n_archive_que_dans_ses_structures(monde):
    agent = factories.agent("creche", "enfants.change_prestation", "enfants.view_prestation")
    ailleurs = factories.structure("Crèche des Lilas", genre="creche")
    ailleurs.affectations.create(utilisateur=agent)
    envoi = {"prestations": [monde.cantine.pk], "jour": "2026-11-27", "debut": "2027-09-01"}
    for nom in ("prestations_archiver", "prestations_dupliquer"):
        monde.client(agent).post(reverse(nom), envoi)
    monde.cantine.refresh_from_db()
    assert (monde.cantine.archivee_le, Prestation.objects.count()) == (None, 1)


def test_une_structure_attend_que_ses_prestations_soient_archivees(monde, mairie):
    page = adresse(Structure, "change", monde.cantine.structure_id)
    envoi = valeurs(mairie.get(page).context, archivee_le="2026-12-31")
    assert (
        f"Archivez d’abord ses prestations{N}: Restauration scolaire."
        in mairie.post(page, envoi).content.decode()
    )
    Prestation.objects.update(archivee_le=date(2026, 12, 1))
    assert mairie.post(page, envoi).status_code == 302


def test_remettre_en_service_sauf_si_le_nom_est_repris(monde, mairie):
    Prestation.objects.update(archivee_le=date(2026, 11, 1))
    envoi = {"action": "remettre_en_service", "_selected_action": [monde.cantine.pk]}
    liste = adresse(Prestation, "changelist") + "?etat=toutes"
    autre = factories.prestation()
    refus = mairie.post(liste, envoi, follow=True).content.decode()
    assert "Cette structure a déjà une prestation de ce nom." in refus
    autre.delete()
    mairie.post(liste, envoi)
    monde.cantine.refresh_from_db()
    assert monde.cantine.archivee_le is None


# ── Next year ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def annee_prochaine(monde):
    Collectivite.objects.update_or_create(pk=1, defaults={"zone": "B"})
    Collectivite.oublier()
    PeriodeVacances.objects.create(
        zone="B", nom="Longues", nature="grandes", du=date(2027, 9, 14), au=date(2028, 8, 31)
    )
    yield AnneeScolaire.objects.create(debut=RENTREE, fin=date(2028, 8, 31))
    Collectivite.oublier()


def dupliquer(mairie, monde, **champs):
    envoi = {"prestations": [monde.cantine.pk], "debut": "2027-09-01", "reconduire": "on"} | champs
    return mairie.post(reverse("prestations_dupliquer"), envoi, follow=True)


def test_dupliquer_emporte_regles_places_exclusions_et_inscriptions(monde, mairie, annee_prochaine):
    jauge = Jauge.objects.create(structure=monde.cantine.structure, libelle="Cantine", capacite=9)
    jauge.prestations.add(monde.cantine)
    groupe = GroupeExclusif.objects.create(nom="Midi")
    groupe.prestations.add(monde.cantine)
    Prestation.objects.update(ouverture=paris(2026, 8, 21, 7))
    Inscription.objects.filter(pk=monde.inscriptions["lea"].pk).update(
        mode="regulier", semaine_type=semaine.masque([0])
    )
    Inscription.objects.filter(pk=monde.inscriptions["zoe"].pk).update(au=date(2027, 1, 31))
    Rattachement.objects.filter(enfant=monde.tom).update(au=date(2027, 7, 1))
    page = f"{reverse('prestations_dupliquer')}?prestations={monde.cantine.pk}"
    html = mairie.get(page).content.decode()
    assert "Inscriptions reconduites : 1. Laissées de côté : 1." in html
    assert "L’enfant n’est plus rattaché à cette famille." in html
    bilan = dupliquer(mairie, monde).content.decode()
    assert f"Inscriptions reconduites{N}: 1. Jours réservés{N}: 2." in bilan
    assert f"le régisseur rattache «{N}Restauration scolaire{N}» à sa régie" in bilan
    ancienne, nouvelle = Prestation.objects.order_by("pk")
    assert (ancienne.archivee_le, nouvelle.archivee_le, nouvelle.debut) == (RENTREE, None, RENTREE)
    assert nouvelle.ouverture == paris(2027, 8, 21, 7)
    assert (nouvelle.limite_reservation_id, nouvelle.jours) == (
        ancienne.limite_reservation_id,
        ancienne.jours,
    )
    assert list(nouvelle.jauges.all()) == [jauge] and list(nouvelle.groupes_exclusifs.all()) == [groupe]
    (reconduite,) = Inscription.objects.filter(prestation=nouvelle)
    assert (reconduite.enfant, reconduite.du, reconduite.mode) == (monde.lea, RENTREE, "regulier")
    assert Inscription.objects.get(pk=monde.inscriptions["lea"].pk).au == date(2027, 8, 31)
    assert [r.jour for r in Reservation.objects.order_by("jour")] == [date(2027, 9, 6), date(2027, 9, 13)]


def test_la_nouvelle_n_ouvre_pas_avant_la_rentree(monde, mairie, annee_prochaine):
    dupliquer(mairie, monde)
    nouvelle = Prestation.objects.order_by("pk").last()
    inscription = factories.inscription(
        monde.lea, nouvelle, monde.jean, du=date(2026, 9, 1), au=date(2027, 8, 30)
    )
    (issue,) = demander(inscription, LUNDI)
    assert (issue.verdict, issue.phrase) == ("refus", "Ce service n’ouvre pas ce jour-là.")
    (issue,) = demander(monde.inscriptions["lea"], LUNDI)
    assert issue.verdict == "demandee"


def test_dupliquer_deux_fois_se_refuse_avec_une_phrase(monde, mairie, annee_prochaine):
    dupliquer(mairie, monde)
    nouvelle = Prestation.objects.order_by("pk").last()
    encore = dupliquer(mairie, monde)
    assert Prestation.objects.count() == 2
    assert "Choisissez d’abord des prestations" in encore.content.decode()
    refus = dupliquer(mairie, monde, prestations=[nouvelle.pk])
    assert "Restauration scolaire ne commence qu’à la rentrée." in refus.content.decode()
    assert Prestation.objects.count() == 2


def test_sans_calendrier_les_semaines_types_attendent_et_c_est_dit(monde, mairie):
    Inscription.objects.update(mode="regulier", semaine_type=1)
    assert "Le calendrier 2027-2028 n’est pas rempli" in dupliquer(mairie, monde).content.decode()
    assert not Reservation.objects.exists()


def test_sans_reconduire_personne_n_est_inscrit(monde, mairie, annee_prochaine):
    dupliquer(mairie, monde, reconduire="")
    assert not Inscription.objects.filter(du=RENTREE).exists()


def test_deux_homonymes_se_distinguent():
    """This year's, archived ahead, and next year's of the same name."""
    ancienne = factories.prestation("Club", archivee_le=date(2027, 9, 1))
    nouvelle = factories.prestation("Club", debut=date(2027, 9, 1))
    assert [str(p) for p in (ancienne, nouvelle)] == [
        "Club, jusqu’au 31/08/2027 (Garderie périscolaire)",
        "Club, à partir du 01/09/2027 (Garderie périscolaire)",
    ]
    # Begun, its name is enough: the other one says when it stopped.
    with time_machine.travel(paris(2027, 9, 1, 8), tick=False):
        assert str(nouvelle) == "Club (Garderie périscolaire)"


@pytest.mark.parametrize("modele", [Jauge, GroupeExclusif, Tarif])
def test_les_listes_de_la_mairie_disent_laquelle_est_la_nouvelle(monde, mairie, annee_prochaine, modele):
    jauge = Jauge.objects.create(structure=monde.cantine.structure, libelle="Cantine", capacite=9)
    groupe = GroupeExclusif.objects.create(nom="Midi")
    jauge.prestations.add(monde.cantine)
    groupe.prestations.add(monde.cantine)
    dupliquer(mairie, monde)
    for prestation in Prestation.objects.order_by("pk"):
        tarif(lien(prestation, du=date(2026, 9, 1)), forfait_centimes=400)
    chemin = reverse(f"admin:{modele._meta.app_label}_{modele._meta.model_name}_changelist")
    liste = mairie.get(chemin).content.decode()
    for dit in (
        "Restauration scolaire, jusqu’au 31/08/2027",
        "Restauration scolaire, à partir du 01/09/2027",
    ):
        assert dit in liste


@pytest.mark.parametrize("qui", ["jean", "jeanne"])
def test_chaque_jour_est_celui_du_service_de_son_annee(monde, mairie, annee_prochaine, qui):
    """Month, week, calendar file, sheet of attendance: one row a day, of the owner as of the other parent."""
    famille = getattr(monde, qui)
    i = (
        monde.inscriptions["lea"]
        if qui == "jean"
        else factories.inscription(monde.lea, monde.cantine, famille)
    )
    dupliquer(mairie, monde)
    ancienne, nouvelle = Prestation.objects.order_by("pk")
    suite = nouvelle.inscriptions.get(enfant=monde.lea, famille=famille)
    # The new year begins on a Wednesday: one week holds days of both.
    avant, apres = date(2027, 8, 31), date(2027, 9, 2)
    reserver(i, avant)
    reserver(suite, apres)
    client = monde.client(famille)
    for mois, attendues in (("2027-08", [i]), ("2027-09", [suite])):
        entrees = lire([monde.lea], famille, mois_de(date.fromisoformat(f"{mois}-01")), MAINTENANT)
        (plan,) = planning(entrees)
        assert [ligne.inscription for ligne in plan.lignes if ligne.a_soi] == attendues
        assert client.get(reverse("planning_enfant", args=[monde.lea.pk, mois])).status_code == 200
    semaine_lue = lire([monde.lea], famille, semaine_du(apres), MAINTENANT)
    cartes = semaine_de(planning(semaine_lue), semaine_lue)
    assert [
        [(ligne.inscription, case.etat) for ligne, case in carte.enfants[0].lignes if ligne.a_soi]
        for carte in cartes[:5]
    ] == [
        [(i, "libre")],
        [(i, "reservee")],
        [(suite, "libre")],
        [(suite, "reservee")],
        [(suite, "libre")],
    ]
    for jour, prestation in ((avant, ancienne), (apres, nouvelle)):
        with time_machine.travel(paris(jour.year, jour.month, jour.day, 8), tick=False):
            (r,) = [r for r in agenda.reservations_de(famille, jour) if r.jour == jour]
            page = monde.client(monde.agent).get(reverse("pointage"), {"jour": jour.isoformat()})
        assert (r.prestation, page.context["prestation"]) == (prestation, prestation)
        assert [ligne.attendu.enfant for ligne in page.context["lignes"]] == [monde.lea]


# ── What the town hall may not save ──────────────────────────────────────────────────────────────────────────


def test_un_groupe_exclusif_a_deux_prestations_au_moins(monde, mairie, annee_prochaine):
    page = reverse("admin:enfants_groupeexclusif_add")
    dupliquer(mairie, monde)
    ancienne, copie = Prestation.objects.order_by("pk")
    autre = factories.prestation("Club")
    refus = f"Choisissez au moins deux prestations{N}: l’enfant n’en aura qu’une par jour."
    # Last year's and next year's are the same one.
    for choisies in ([ancienne.pk], [ancienne.pk, copie.pk]):
        assert refus in mairie.post(page, {"nom": "Midi", "prestations": choisies}).text
    assert not GroupeExclusif.objects.exists()
    mairie.post(page, {"nom": "Midi", "prestations": [ancienne.pk, copie.pk, autre.pk]})
    assert GroupeExclusif.objects.get().prestations.count() == 3


def test_une_jauge_ne_sert_que_sa_structure(monde, mairie):
    page = reverse("admin:enfants_jauge_add")
    alsh = factories.structure("ALSH", genre="loisirs")
    mercredi = factories.prestation("Mercredi", structure=alsh)
    champ = mairie.get(page).context["adminform"].form.fields["prestations"]
    assert [(nom, [libelle for _, libelle in lignes]) for nom, lignes in champ.choices] == [
        ("ALSH", ["Mercredi"]),
        ("Garderie périscolaire", ["Restauration scolaire"]),
    ]
    envoi = {"structure": alsh.pk, "libelle": "Places", "capacite": 9}
    refus = mairie.post(page, envoi | {"prestations": [mercredi.pk, monde.cantine.pk]})
    assert f"Restauration scolaire dépend d’une autre structure que ALSH{N}: décochez" in refus.text
    assert not Jauge.objects.exists()
    mairie.post(page, envoi | {"prestations": [mercredi.pk]})
    assert list(Jauge.objects.get().prestations.all()) == [mercredi]


def test_un_apercu_n_est_pas_une_erreur(monde, mairie):
    page = adresse(Prestation, "change", monde.cantine.pk)
    envoi = valeurs(mairie.get(page).context) | {"_apercu": "1"}
    for suite, seul in (({}, True), ({"nom": ""}, False)):
        montre = mairie.post(page, envoi | suite)
        assert montre.context["adminform"].form.sans_erreur is seul
        assert ('class="apercu-seul"' in montre.text) is seul


def test_le_prix_majore_sans_supplement_au_tarif_se_dit_a_l_agent(monde, mairie):
    """In the panel, as long as no tarif has one; and when the rule is saved."""
    page = adresse(Prestation, "change", monde.cantine.pk)
    alerte = "Le tarif n’a pas de supplément pour réservation tardive"
    assert alerte not in mairie.get(page).text
    envoi = valeurs(mairie.get(page).context, hors_delai="majoration")
    assert alerte in mairie.post(page, envoi | {"_apercu": "1"}).text
    assert "vérifiez que son tarif a un supplément" in mairie.post(page, envoi, follow=True).text
    prix = tarif(lien(monde.cantine), forfait_centimes=400)
    assert alerte in mairie.get(page).text
    Tarif.objects.filter(pk=prix.pk).update(hors_delai_pourcent=20)
    assert alerte not in mairie.get(page).text
    # One that is over says nothing of the days to come.
    Tarif.objects.filter(pk=prix.pk).update(au=date(2026, 10, 31))
    assert alerte in mairie.get(page).text
