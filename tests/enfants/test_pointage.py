"""Arrival and departure on the sheet of the day, its paper form, and the days that do not count yet."""

from datetime import date, time

import pytest
import time_machine
from django.urls import reverse
from pypdf import PdfReader

from enfants import semaine
from enfants.models import Etat, Pointage, Prestation
from tests import factories
from tests.enfants.fabrique import LUNDI, MAINTENANT, paris, reserver
from tests.enfants.test_admin import taper

pytestmark = pytest.mark.django_db
AUJOURDHUI = date(2026, 11, 23)


@pytest.fixture(autouse=True)
def horloge():
    with time_machine.travel(MAINTENANT, tick=False) as voyage:
        yield voyage


@pytest.fixture
def mairie(monde):
    return monde.client(monde.agent)


@pytest.fixture
def accueil(monde):
    """A crèche, where Tom is expected today."""
    creche = factories.prestation("Accueil du jour", structure=factories.structure("Crèche", genre="creche"))
    reserver(factories.inscription(monde.tom, creche, monde.jean), AUJOURDHUI)
    return creche


def feuille(prestation, jour="2026-11-23") -> str:
    return f"{reverse('pointage')}?jour={jour}&prestation={prestation.pk}"


def test_arriver_puis_partir_d_un_geste(monde, mairie, accueil, horloge):
    assert "Arrivée" in mairie.get(feuille(accueil)).content.decode()
    taper(mairie, accueil, "arrivee", monde.tom)
    horloge.move_to(paris(2026, 11, 23, 17, 42))
    mairie = monde.client(monde.agent)
    html = mairie.get(feuille(accueil)).content.decode()
    assert "arrivée à 9:30" in html and "Départ" in html
    taper(mairie, accueil, "depart", monde.tom)
    (pointage,) = Pointage.objects.all()
    assert (pointage.present, pointage.arrivee, pointage.depart) == (True, time(9, 30), time(17, 42))
    assert pointage.agent == monde.agent


def test_les_heures_se_corrigent_et_une_erreur_garde_la_saisie(monde, mairie, accueil):
    prefixe = f"h-{monde.tom.pk.hex}"
    envoi = {"heures": monde.tom.pk, f"{prefixe}-arrivee": "09:00", f"{prefixe}-depart": "08:00"}
    refus = mairie.post(feuille(accueil), envoi)
    html = refus.content.decode()
    assert "Le départ ne peut pas précéder l’arrivée." in html and 'value="08:00"' in html
    assert not Pointage.objects.exists()
    assert mairie.post(feuille(accueil), envoi | {f"{prefixe}-depart": "17:15"}).status_code == 302
    pointage = Pointage.objects.get()
    assert (pointage.present, pointage.arrivee, pointage.depart) == (True, time(9), time(17, 15))
    assert mairie.post(feuille(accueil), envoi | {f"{prefixe}-depart": "25:99"}).status_code == 200


def test_un_depart_avant_l_arrivee_notee_est_dit(monde, mairie, accueil):
    Pointage.objects.create(
        enfant=monde.tom, prestation=accueil, jour=AUJOURDHUI, present=True, arrivee=time(9, 45)
    )
    reponse = mairie.post(feuille(accueil), {"depart": monde.tom.pk}, follow=True)
    assert "Tom\N{NO-BREAK SPACE}: Le départ ne peut pas précéder l’arrivée." in reponse.content.decode()
    assert Pointage.objects.get().depart is None


def test_absent_efface_les_heures(monde, mairie, accueil):
    taper(mairie, accueil, "arrivee", monde.tom)
    taper(mairie, accueil, "absent", monde.tom)
    pointage = Pointage.objects.get()
    assert (pointage.present, pointage.arrivee) == (False, None)


def test_hier_se_pointe_mais_pas_a_l_heure_d_aujourd_hui(monde, mairie, accueil):
    reponse = mairie.post(feuille(accueil, "2026-11-20"), {"arrivee": monde.tom.pk}, follow=True)
    assert "saisissez l’heure" in reponse.content.decode()
    assert not Pointage.objects.exists()
    taper(mairie, accueil, "present", monde.tom, "2026-11-20")
    assert Pointage.objects.get().jour == date(2026, 11, 20)


def test_un_jour_a_venir_ne_se_pointe_pas(monde, mairie):
    reserver(monde.inscriptions["lea"], LUNDI)
    page = mairie.get(feuille(monde.cantine, "2026-11-30")).content.decode()
    assert "DUPONT Léa" in page and 'name="present"' not in page
    reponse = mairie.post(feuille(monde.cantine, "2026-11-30"), {"present": monde.lea.pk}, follow=True)
    assert "Ce jour n’est pas encore arrivé." in reponse.content.decode()
    assert not Pointage.objects.exists()


def test_la_fiche_d_un_pointage_refuse_aussi_un_jour_a_venir(monde, mairie):
    envoi = {"enfant": monde.lea.pk, "prestation": monde.cantine.pk, "present": "", "jour": "24/11/2026"}
    page = mairie.post(reverse("admin:enfants_pointage_add"), envoi)
    assert "Ce jour n’est pas encore arrivé" in page.content.decode()
    assert not Pointage.objects.exists()
    assert (
        mairie.post(reverse("admin:enfants_pointage_add"), envoi | {"jour": "23/11/2026"}).status_code == 302
    )
    assert Pointage.objects.get().jour == AUJOURDHUI


def test_entree_dans_un_champ_d_heure_ne_pointe_personne(monde, mairie, accueil):
    """The first button of the form is what Enter presses: it has no name."""
    html = mairie.get(feuille(accueil)).content.decode()
    formulaire = html[html.index('<form method="post" action="?jour') :]
    assert formulaire[formulaire.index("<button") :].startswith(
        '<button class="visuellement-cache" tabindex="-1"'
    )


def test_la_feuille_de_papier_porte_les_memes_enfants(monde, mairie, tmp_path):
    reserver(monde.inscriptions["lea"], AUJOURDHUI)
    reserver(monde.inscriptions["zoe"], AUJOURDHUI)
    taper(mairie, monde.cantine, "present", monde.lea)
    reponse = mairie.get(f"{reverse('pointage_papier')}?jour=2026-11-23&prestation={monde.cantine.pk}")
    assert (reponse.status_code, reponse["Content-Type"]) == (200, "application/pdf")
    fichier = tmp_path / "feuille.pdf"
    fichier.write_bytes(reponse.content)
    texte = " ".join(page.extract_text() for page in PdfReader(fichier).pages)
    assert (
        "DUPONT Léa" in texte
        and "MARTIN Zoé" in texte
        and "lundi 23 novembre 2026" in texte.replace("\N{NO-BREAK SPACE}", " ")
    )


def test_le_papier_aussi_demande_le_droit_de_pointer(monde):
    adresse = f"{reverse('pointage_papier')}?prestation={monde.cantine.pk}"
    assert monde.client(monde.jean).get(adresse).status_code == 302
    assert monde.client(factories.agent("accueil", "enfants.view_enfant")).get(adresse).status_code == 403
    assert monde.client(monde.agent).get(reverse("pointage_papier") + "?prestation=abc").status_code == 302


# ── Which sheet ──────────────────────────────────────────────────────────────────────────────────────────────


def choix(page) -> dict[str, list[str]]:
    return {
        nom: [libelle for _, libelle in lignes]
        for nom, lignes in page.context["form"].fields["prestation"].choices
    }


def test_la_feuille_s_ouvre_la_ou_des_enfants_sont_attendus(monde, mairie):
    """Monday: neither a Wednesday service, though first in the list, nor one where nobody comes."""
    factories.prestation("Accueil du mercredi", jours=semaine.MERCREDI, ordre=0)
    factories.prestation("Aide aux devoirs", ordre=1)
    soir = factories.prestation("Garderie du soir", ordre=2)
    reserver(factories.inscription(monde.tom, soir, monde.jean), AUJOURDHUI)
    page = mairie.get(reverse("pointage"))
    assert page.context["prestation"] == soir
    assert choix(page) == {
        "Ouvertes ce jour": [
            "Garderie périscolaire – Restauration scolaire",
            "Garderie périscolaire – Aide aux devoirs",
            "Garderie périscolaire – Garderie du soir",
        ],
        "Fermées ce jour": ["Garderie périscolaire – Accueil du mercredi"],
    }


def test_un_jour_ou_rien_n_ouvre_n_a_pas_de_feuille(monde, mairie):
    page = mairie.get(f"{reverse('pointage')}?jour=2026-11-22")
    assert page.context["prestation"] is None and "Aucune prestation n’ouvre ce jour-là." in page.text
    assert "jour=2026-11-21" in page.text and "jour=2026-11-23" in page.text
    assert mairie.post(f"{reverse('pointage')}?jour=2026-11-22", {"present": monde.lea.pk}).status_code == 302
    assert mairie.get(f"{reverse('pointage_papier')}?jour=2026-11-22").status_code == 302
    assert not Pointage.objects.exists()
    # A child came all the same.
    assert mairie.get(feuille(monde.cantine, "2026-11-22")).context["prestation"] == monde.cantine


def test_ni_l_annee_passee_ni_la_prochaine_ne_se_pointent_sous_le_meme_nom(monde, mairie):
    ancienne = monde.cantine
    Prestation.objects.filter(pk=ancienne.pk).update(archivee_le=AUJOURDHUI)
    nouvelle = factories.prestation(debut=AUJOURDHUI)
    assert choix(mairie.get(reverse("pointage"))) == {
        "Ouvertes ce jour": ["Garderie périscolaire – Restauration scolaire"]
    }
    assert mairie.get(feuille(ancienne)).context["prestation"] == nouvelle
    # « La veille » leads to the sheet of the service that ran then.
    hier = mairie.get(feuille(nouvelle, "2026-11-20"))
    assert hier.context["prestation"] == ancienne and len(choix(hier)) == 1


def test_le_bilan_s_additionne(monde, mairie):
    lea, tom, zoe = (monde.inscriptions[nom] for nom in ("lea", "tom", "zoe"))
    for i in (lea, tom, zoe):
        reserver(i, AUJOURDHUI)
    ines, nour, sami = (factories.enfant(p, monde.claire) for p in ("Inès", "Nour", "Sami"))
    reserver(factories.inscription(sami, monde.cantine, monde.claire), AUJOURDHUI, etat=Etat.ABSENT_EXCUSE)

    def bilan() -> str:
        return mairie.get(feuille(monde.cantine)).context["bilan"]

    N = "\N{NO-BREAK SPACE}"
    assert bilan() == f"3 attendus{N}: 3 à pointer"
    for geste, enfant in (("present", monde.lea), ("absent", monde.tom), ("present", ines)):
        taper(mairie, monde.cantine, geste, enfant)
    assert bilan() == f"3 attendus{N}: 1 présent, 1 absent, 1 à pointer{N}; 1 présent non attendu"
    taper(mairie, monde.cantine, "present", nour)
    taper(mairie, monde.cantine, "present", monde.zoe)
    assert bilan() == f"3 attendus{N}: 2 présents, 1 absent{N}; 2 présents non attendus"
