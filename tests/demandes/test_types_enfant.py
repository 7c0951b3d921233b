"""Kinds about a child: persons row by row, an inscription that books its week, a new child and its services."""

import re
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError

from demandes.models import AChange, Demande
from demandes.types import PAR_CODE
from enfants.models import AnneeScolaire, Inscription, PeriodeVacances, PersonneAutorisee, Reservation
from portail.socle.models import Courriel
from tests.demandes.fabrique import demande, formulaire
from tests.factories import inscription, prestation

MAINTENANT = datetime(2026, 11, 23, 9, 0, tzinfo=ZoneInfo("Europe/Paris"))
JOUR = MAINTENANT.date()
ODILE = {
    "n1_civilite": "Mme",
    "n1_nom": "DUPONT",
    "n1_prenom": "Odile",
    "n1_lien": "Grand-mère",
    "n1_telephone": "04 65 71 08 26",
    "n1_a_prevenir": True,
}

ADRESSE = {"adresse": "12 rue des Bonbons", "code_postal": "84990", "ville": "Belrive-sur-Durance"}


def personne(enfant, famille, prenom="Odile", **champs) -> PersonneAutorisee:
    return PersonneAutorisee.objects.create(
        enfant=enfant, famille=famille, prenom=prenom, **({"nom": "DUPONT", "lien": "Grand-mère"} | champs)
    )


def lignes(faite: Demande, actuelles=None) -> list[tuple[str, str, str]]:
    form = faite.formulaire(JOUR)
    return [(li.libelle, li.avant, li.apres) for li in form.lignes(faite.avant, faite.donnees, actuelles)]


# --- persons ----------------------------------------------------------------------------------------------------


def test_ajouter_changer_retirer_en_un_formulaire(monde):
    paul = personne(monde.tom, monde.jean, "Paul", civilite="M", lien="Voisin")
    anne = personne(monde.tom, monde.jean, "Anne", lien="")
    saisie = ODILE | {f"p{paul.pk}_telephone": "06 39 98 00 01", f"p{anne.pk}_retirer": True}
    faite = demande("personnes-autorisees", monde.jean, saisie, monde.tom, MAINTENANT)
    attendues = [
        (
            "Modification",
            "M. DUPONT Paul, voisin, peut venir chercher l’enfant",
            "M. DUPONT Paul, voisin, 06 39 98 00 01, peut venir chercher l’enfant",
        ),
        (
            "Retrait",
            "DUPONT Anne, peut venir chercher l’enfant",
            "Retirée de la liste",
        ),
        (
            "Ajout",
            "",
            "Mme DUPONT Odile, grand-mère, 04 65 71 08 26, peut venir chercher l’enfant, "
            "à prévenir en cas d’urgence",
        ),
    ]
    assert lignes(faite) == attendues
    assert PAR_CODE["personnes-autorisees"].en_bref(faite) == (
        "Tom, modification de M. DUPONT Paul, voisin\N{NO-BREAK SPACE}; retrait de DUPONT Anne\N{NO-BREAK SPACE}; "
        "ajout de Mme DUPONT Odile, grand-mère"
    )
    faite.accepter(monde.agent, MAINTENANT)
    assert list(monde.tom.personnes_autorisees.values_list("prenom", "telephone", "a_prevenir")) == [
        ("Odile", "04 65 71 08 26", True),
        ("Paul", "06 39 98 00 01", False),
    ]
    # The receipt reads the same once the row is gone.
    assert lignes(Demande.objects.get(pk=faite.pk)) == attendues


def test_une_personne_inchangee_nest_pas_envoyee(monde):
    personne(monde.tom, monde.jean, "Paul")
    faite = demande("personnes-autorisees", monde.jean, ODILE, monde.tom, MAINTENANT)
    assert {n.partition("_")[0] for n in faite.donnees} == {"n1"}
    with pytest.raises(ValidationError, match="rien changé"):
        demande("personnes-autorisees", monde.jean, {"n1_a_prevenir": True}, monde.tom, MAINTENANT)


@pytest.mark.parametrize(
    ("saisie", "champ"),
    [
        ({"n1_nom": "DUPONT"}, "n1_prenom"),
        ({"n2_telephone": "04 65 71 08 26"}, "n2_nom"),
        (ODILE | {"n1_telephone": ""}, "n1_telephone"),
        (ODILE | {"n1_telephone": "abc"}, "n1_telephone"),
        (ODILE | {"n2_nom": "dupont", "n2_prenom": "ODILE"}, "n2_nom"),
        (ODILE | {"n1_civilite": "Dr"}, "n1_civilite"),
    ],
)
def test_une_personne_incomplete_ou_en_double(monde, saisie, champ):
    form = formulaire("personnes-autorisees", monde.jean, saisie, monde.tom, JOUR)
    assert list(form.errors) == [champ] or champ in form.errors
    assert any(s.ouverte or not s.depliant for s in form.sections() if champ in {c.name for c in s.champs})


def test_la_personne_dun_autre_foyer_est_refusee(monde):
    """Jeanne's row, a stranger's row, a row of the other child: none has a field, all are refused."""
    autres = [
        personne(monde.lea, monde.jeanne, "Rose"),
        personne(monde.zoe, monde.claire, "Ines"),
        personne(monde.tom, monde.jean, "Paul"),
    ]
    for autre in autres:
        saisie = {f"p{autre.pk}_nom": "VOLÉ", f"p{autre.pk}_retirer": ""}
        form = formulaire("personnes-autorisees", monde.jean, saisie, monde.lea, JOUR)
        assert "n’est plus dans votre liste" in str(form.errors)
    assert not PersonneAutorisee.objects.filter(nom="VOLÉ").exists()


def test_la_personne_changee_depuis_nest_pas_ecrasee(monde):
    paul = personne(monde.tom, monde.jean, "Paul")
    saisie = {f"p{paul.pk}_telephone": "06 39 98 00 01"}
    faite = demande("personnes-autorisees", monde.jean, saisie, monde.tom, MAINTENANT)
    PersonneAutorisee.objects.update(telephone="06 39 98 00 02")
    with pytest.raises(AChange):
        faite.accepter(monde.agent, MAINTENANT)
    form = faite.formulaire(JOUR)
    (ligne,) = form.lignes(faite.avant, faite.donnees, form.valeurs)
    assert (ligne.a_change, "06 39 98 00 02" in ligne.actuel) == (True, True)
    faite.accepter(monde.agent, MAINTENANT, vu=form.empreinte())
    assert PersonneAutorisee.objects.get().telephone == "06 39 98 00 01"


def test_la_personne_retiree_depuis(monde):
    """Its change can no longer be applied; its removal is done already."""
    paul = personne(monde.tom, monde.jean, "Paul")
    changee = demande("personnes-autorisees", monde.jean, {f"p{paul.pk}_nom": "AUTRE"}, monde.tom, MAINTENANT)
    paul.delete()
    with pytest.raises(AChange):
        changee.accepter(monde.agent, MAINTENANT)
    vu = changee.formulaire(JOUR).empreinte()
    with pytest.raises(ValidationError, match="plus dans votre liste"):
        changee.accepter(monde.agent, MAINTENANT, vu=vu)
    changee.refuser(monde.agent, "Cette personne n’est plus dans la liste.", MAINTENANT)

    anne = personne(monde.tom, monde.jean, "Anne")
    retrait = demande(
        "personnes-autorisees", monde.jean, {f"p{anne.pk}_retirer": True}, monde.tom, MAINTENANT
    )
    anne.delete()
    retrait.accepter(monde.agent, MAINTENANT, vu=retrait.formulaire(JOUR).empreinte())
    assert retrait.etat == "acceptee"


def test_lautre_foyer_ne_voit_pas_mes_personnes(monde):
    demande("personnes-autorisees", monde.jean, ODILE, monde.lea, MAINTENANT).accepter(
        monde.agent, MAINTENANT
    )
    assert "Odile" not in monde.client(monde.jeanne).get(f"/enfants/{monde.lea.pk}/").text
    page = monde.client(monde.jeanne).get(f"/enfants/{monde.lea.pk}/demande/personnes-autorisees/")
    assert (page.status_code, "Odile" in page.text) == (200, False)


# --- inscription ------------------------------------------------------------------------------------------------


@pytest.fixture
def annee(db) -> AnneeScolaire:
    PeriodeVacances.objects.create(
        nom="Noël", nature="petites", zone="B", du=date(2026, 12, 19), au=date(2027, 1, 3)
    )
    return AnneeScolaire.objects.create(debut=date(2026, 9, 1), fin=date(2027, 8, 31))


def inscrire(monde, service, enfant=None, **saisie) -> Demande:
    corps = {"prestation": str(service.pk), "mode": "occasionnel", "du": "2026-12-01"} | saisie
    return demande("inscription", monde.jean, corps, enfant or monde.tom, MAINTENANT)


def test_inscription_reguliere_reserve_sa_semaine(monde, annee):
    service = prestation("Garderie matin", validation="automatique")
    faite = inscrire(monde, service, mode="regulier", jours=["0", "3"])
    assert PAR_CODE["inscription"].en_bref(faite) == (
        "Tom, Garderie matin, régulier (lundi et jeudi), à partir du 01/12/2026"
    )
    assert lignes(faite)[0] == ("Service", "Sans inscription", "Garderie matin")
    faite.accepter(monde.agent, MAINTENANT)
    nouvelle = Inscription.objects.get(enfant=monde.tom, prestation=service)
    assert (nouvelle.famille, nouvelle.mode, nouvelle.au) == (monde.jean, "regulier", None)
    jours = list(Reservation.objects.order_by("jour").values_list("jour", flat=True)[:5])
    assert jours == [date(2026, 12, j) for j in (3, 7, 10, 14, 17)]
    # The same sentence as when the town enrols: in the e-mail, and in the steps of the page.
    nombre = Reservation.objects.count()
    dit = f"Jours réservés\N{NO-BREAK SPACE}: {nombre} (lundi et jeudi), du jeudi"
    assert dit in Courriel.objects.get(objet__contains="est acceptée").texte
    page = monde.client(monde.jean).get(f"/demandes/{faite.pk}/").text
    assert dit in page and "Non renseigné" not in page


def test_deux_services_attendent_ensemble_un_meme_service_se_remplace(monde):
    matin, soir = prestation("Garderie matin"), prestation("Garderie soir")
    premiere, autre = inscrire(monde, matin), inscrire(monde, soir)
    seconde = inscrire(monde, matin, mode="regulier", jours=["1"])
    etats = {d.pk: d.etat for d in Demande.objects.all()}
    assert (etats[premiere.pk], etats[autre.pk], etats[seconde.pk]) == ("retiree", "envoyee", "envoyee")


def test_changer_de_regime_plus_tard_garde_lhistoire(monde, annee):
    ancienne = monde.inscriptions["tom"]
    reservee = Reservation.objects.create(
        enfant=monde.tom,
        prestation=monde.cantine,
        jour=date(2026, 12, 16),
        inscription=ancienne,
        payeur=monde.jean,
        etat="reservee",
    )
    inscrire(monde, monde.cantine, mode="regulier", jours=["0"]).accepter(monde.agent, MAINTENANT)
    lues = [
        (i.du, i.au, i.mode) for i in Inscription.objects.filter(enfant=monde.tom, prestation=monde.cantine)
    ]
    assert lues == [
        (ancienne.du, date(2026, 11, 30), "occasionnel"),
        (date(2026, 12, 1), None, "regulier"),
    ]
    reservee.refresh_from_db()
    assert (reservee.etat, reservee.inscription.mode) == ("reservee", "regulier")


def test_rien_a_changer_au_regime_quon_a(monde):
    with pytest.raises(ValidationError, match="rien changé"):
        inscrire(monde, monde.cantine, du=monde.inscriptions["tom"].du.isoformat())


def test_linscription_faite_depuis_par_la_mairie_nest_pas_ecrasee(monde):
    service = prestation("Garderie matin")
    faite = inscrire(monde, service)
    inscription(monde.tom, service, monde.jean, mode="regulier", semaine_type=1)
    with pytest.raises(AChange):
        faite.accepter(monde.agent, MAINTENANT)


@pytest.mark.parametrize(
    ("saisie", "champ"),
    [
        ({"mode": "regulier"}, "jours"),
        ({"mode": "regulier", "jours": ["5"]}, "jours"),
        ({"mode": "regulier", "jours": ["9"]}, "jours"),
        ({"du": "2026-11-22"}, "du"),
        ({"du": "2029-01-01"}, "du"),
        ({"mode": "offert"}, "mode"),
        ({"prestation": "0"}, "prestation"),
        ({"prestation": "abc"}, "prestation"),
    ],
)
def test_une_inscription_impossible(monde, saisie, champ):
    corps = {"prestation": str(monde.cantine.pk), "mode": "occasionnel", "du": "2026-12-01"} | saisie
    assert champ in formulaire("inscription", monde.jean, corps, monde.tom, JOUR).errors


def test_seuls_les_services_de_son_age_sont_proposes(monde):
    """Tom is 5. What he may attend within a year is offered, the day asked decides."""
    bientot = prestation("Six ans et plus", age_min=6)
    grands = prestation("Dix ans et plus", age_min=10)
    archive = prestation("Fermée", archivee_le=date(2026, 1, 1))
    form = formulaire("inscription", monde.jean, {}, monde.tom, JOUR)
    offertes = set(form.fields["prestation"].queryset)
    assert {bientot, monde.cantine} <= offertes
    assert not offertes & {grands, archive}
    corps = {"prestation": str(bientot.pk), "mode": "occasionnel", "du": "2026-12-01"}
    assert "prestation" in formulaire("inscription", monde.jean, corps, monde.tom, JOUR).errors
    corps["du"] = "2027-06-02"
    assert formulaire("inscription", monde.jean, corps, monde.tom, JOUR).is_valid()


def options(form) -> dict[str, list[str]]:
    """Services of the select, by group."""
    return {nom: [libelle for _, libelle in lignes] for nom, lignes in form.fields["prestation"].choices[1:]}


def test_ce_quil_a_deja_vient_a_part(monde):
    """To change how the child comes, not to enrol it twice; each household sees its own."""
    prestation("Club")
    assert options(formulaire("inscription", monde.jean, {}, monde.lea, JOUR)) == {
        "Garderie périscolaire": ["Club"],
        "Déjà inscrite, pour changer de régime ou de jours": [
            "Restauration scolaire (Garderie périscolaire)"
        ],
    }
    assert options(formulaire("inscription", monde.jeanne, {}, monde.lea, JOUR)) == {
        "Garderie périscolaire": ["Club", "Restauration scolaire"]
    }


def test_sinscrire_deux_fois_de_la_meme_facon_est_refuse(monde):
    with pytest.raises(ValidationError, match=r"Léa est déjà inscrite à ce service.* depuis le 01/09/20"):
        inscrire(monde, monde.cantine, monde.lea)
    inscrire(monde, monde.cantine, monde.lea, mode="regulier", jours=["0"])
    # Once the current one ends, the next is another.
    Inscription.objects.filter(enfant=monde.lea).update(au=date(2026, 11, 30))
    assert inscrire(monde, monde.cantine, monde.lea).donnees["du"] == "2026-12-01"


def test_une_inscription_a_venir_nest_pas_dite_commencee(monde):
    Inscription.objects.filter(enfant=monde.lea).update(du=date(2026, 12, 1))
    with pytest.raises(ValidationError, match="à partir du 01/12/2026"):
        inscrire(monde, monde.cantine, monde.lea, du="2026-12-02")


def test_le_service_de_lan_prochain_ne_commence_pas_avant(monde):
    """Not a recap that promises days of a service that does not run yet, nor of one that has stopped."""
    debut = date(2027, 9, 1)
    suivante = prestation("Mercredi journée", debut=debut)
    finie = prestation("Mercredi journée", archivee_le=debut)
    form = formulaire("inscription", monde.jean, {}, monde.tom, JOUR)
    assert options(form)["Garderie périscolaire"] == [
        "Mercredi journée, à partir du 01/09/2027",
        "Mercredi journée, jusqu’au 31/08/2027",
    ]
    dits = []
    for service, du in ((suivante, "2026-12-01"), (finie, "2027-09-01"), (suivante, "2027-09-01")):
        corps = {"prestation": str(service.pk), "mode": "occasionnel", "du": du}
        dits.append(formulaire("inscription", monde.jean, corps, monde.tom, JOUR).errors)
    insecable = "\N{NO-BREAK SPACE}"
    assert dits == [
        {
            "du": [
                f"Mercredi journée commence le 01/09/2027{insecable}: choisissez ce jour, ou un jour suivant."
            ]
        },
        {"du": [f"Mercredi journée s’arrête le 31/08/2027{insecable}: choisissez un jour avant."]},
        {},
    ]
    corps = NINO | {"services": [str(suivante.pk)], "services_du": "2027-01-04"}
    assert "services_du" in formulaire("ajouter-enfant", monde.jean, corps, jour=JOUR).errors


def test_le_recapitulatif_dit_les_jours_et_les_delais(monde):
    corps = {"prestation": str(monde.cantine.pk), "mode": "regulier", "jours": ["0"], "du": "2026-12-01"}
    form = formulaire("inscription", monde.jean, corps, monde.tom, JOUR)
    assert form.is_valid()
    assert form.phrases()[0].startswith("Restauration scolaire")
    assert "de 11\N{NO-BREAK SPACE}h\N{NO-BREAK SPACE}30 à 13\N{NO-BREAK SPACE}h" in form.phrases()[0]
    assert len(form.phrases()) == 4


# --- a new child ------------------------------------------------------------------------------------------------

NINO = {"nom": "DUPONT", "prenom": "Nino", "sexe": "G", "naissance": "2023-04-02"}


def test_les_services_souhaites_deviennent_des_demandes(monde):
    """To accept the child enrols nobody: each service gets its own answer."""
    saisie = NINO | {"services": [str(monde.cantine.pk)], "services_du": "2027-01-04"}
    faite = demande("ajouter-enfant", monde.jean, saisie, le=MAINTENANT)
    faite.accepter(monde.agent, MAINTENANT)
    suite = Demande.objects.get(type="inscription")
    assert (suite.enfant.prenom, suite.famille, suite.etat) == ("Nino", monde.jean, "envoyee")
    assert suite.evenements.get().texte == f"Suite de la demande {faite.numero}."
    assert not suite.enfant.inscriptions.exists()
    suite.accepter(monde.agent, MAINTENANT)
    assert suite.enfant.inscriptions.get().du == date(2027, 1, 4)


def test_un_service_dun_autre_age_est_refuse_au_champ(monde):
    grands = prestation("Ados", age_min=11)
    saisie = NINO | {"services": [str(grands.pk)], "services_du": "2027-01-04"}
    form = formulaire("ajouter-enfant", monde.jean, saisie, jour=JOUR)
    assert "Nino n’aura pas encore 11 ans" in str(form.errors["services"])
    for services in (["0"], ["abc"], "abc", ["1", "x"]):
        assert (
            "services"
            in formulaire("ajouter-enfant", monde.jean, NINO | {"services": services}, jour=JOUR).errors
        )


def test_lenfant_attendu_est_montre_modifie_retire(monde):
    """The waiting child is on « Mes enfants »; its form opens again, and takes its place even renamed."""
    client = monde.client(monde.jean)
    premiere = demande("ajouter-enfant", monde.jean, NINO, le=MAINTENANT)
    assert "Nino DUPONT" in client.get("/enfants/").text
    assert "Nino" not in monde.client(monde.jeanne).get("/enfants/").text
    page = client.get(f"/enfants/ajouter/?reprise={premiere.pk}")
    assert 'value="Nino"' in page.text
    corps = NINO | {"prenom": "Ninon", "sexe": "F", "reprise": str(premiere.pk), "confirmer": "1"}
    client.post("/enfants/ajouter/", corps)
    assert {(d.donnees["prenom"], d.etat) for d in Demande.objects.all()} == {
        ("Nino", "retiree"),
        ("Ninon", "envoyee"),
    }


def test_la_reprise_dun_autre_foyer_na_pas_deffet(monde):
    sienne = demande("ajouter-enfant", monde.claire, NINO, le=MAINTENANT)
    client = monde.client(monde.jean)
    assert "Nino" not in client.get(f"/enfants/ajouter/?reprise={sienne.pk}").text
    client.post("/enfants/ajouter/", NINO | {"reprise": str(sienne.pk), "confirmer": "1"})
    sienne.refresh_from_db()
    assert sienne.etat == "envoyee"


def test_ce_qui_attend_est_dit_sur_la_page_de_lenfant_et_y_mene(monde):
    """Of this household alone: the other one and a stranger read nothing of it."""
    client = monde.client(monde.jean)
    url = f"/enfants/{monde.lea.pk}/"
    assert "Demande en cours" not in client.get(url).text
    posee = demande("personnes-autorisees", monde.jean, ODILE, monde.lea, MAINTENANT)
    page = client.get(url).text
    assert page.count("Demande en cours") == 1
    assert f'<a class="raccourci-attente" href="/demandes/{posee.pk}/">' in page
    Demande.objects.update(etat="complement")
    assert "La mairie attend une précision" in client.get(url).text
    Demande.objects.update(etat="acceptee", decidee_le=MAINTENANT)
    assert "raccourci-attente" not in client.get(url).text
    Demande.objects.update(etat="envoyee", decidee_le=None)
    assert "raccourci-attente" not in monde.client(monde.jeanne).get(url).text
    assert monde.client(monde.claire).get(url).status_code == 404


def test_deux_demandes_du_meme_genre_menent_a_la_liste(monde):
    for nom in ("Mercredi journée", "Vacances matin"):
        service = prestation(nom)
        saisie = {"prestation": str(service.pk), "du": "2026-12-01"}
        demande("inscription", monde.jean, saisie, monde.tom, MAINTENANT)
    page = monde.client(monde.jean).get(f"/enfants/{monde.tom.pk}/").text
    assert "2 demandes en cours" in page
    assert 'class="raccourci-attente" href="/demandes/enfants/?type=inscription"' in page


def test_ce_qui_attend_est_dit_sur_la_carte_de_lenfant(monde, django_assert_num_queries):
    client = monde.client(monde.jean)
    client.get("/enfants/")
    with django_assert_num_queries(8):
        assert "Demandes en cours" not in client.get("/enfants/").text
    lea = demande("personnes-autorisees", monde.jean, ODILE, monde.lea, MAINTENANT)
    tom = demande("personnes-autorisees", monde.jean, ODILE, monde.tom, MAINTENANT)
    with django_assert_num_queries(8):
        page = client.get("/enfants/").text
    cartes = page.split('<section class="carte"')[1:]
    assert [[str(d.pk) in carte for d in (lea, tom)] for carte in cartes] == [[True, False], [False, True]]
    assert "Demandes en cours" not in monde.client(monde.jeanne).get("/enfants/").text


def test_ce_qui_attend_est_dit_dans_mon_compte(monde, django_assert_num_queries):
    client = monde.client(monde.jean)
    client.get("/compte/")
    with django_assert_num_queries(10):
        assert "raccourci-attente" not in client.get("/compte/").text
    posees = [
        demande("infos-responsable", monde.jean, ADRESSE, le=MAINTENANT),
        demande("caf", monde.jean, {"organisme": "caf", "numero": "7654321"}, le=MAINTENANT),
    ]
    with django_assert_num_queries(10):
        page = client.get("/compte/").text
    assert re.findall(r'class="raccourci-attente" href="/demandes/([^/]+)/"', page) == [
        str(d.pk) for d in posees
    ]
    for autre in (monde.jeanne, monde.claire):
        assert "raccourci-attente" not in monde.client(autre).get("/compte/").text
