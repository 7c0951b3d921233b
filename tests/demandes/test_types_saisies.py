"""Whatever is typed or posted, kind by kind: no exception, nothing that was not asked, nothing that leaks."""

import logging
import time
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.utils.datastructures import MultiValueDict
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from demandes.models import Demande
from demandes.types import TYPES
from enfants.models import AnneeScolaire, Enfant, PersonneAutorisee, Structure
from familles.models import Famille, Responsable
from portail.socle.models import Courriel, Trace
from tests.demandes.fabrique import demande, formulaire
from tests.factories import prestation

MAINTENANT = datetime(2026, 11, 23, 9, 0, tzinfo=ZoneInfo("Europe/Paris"))
JOUR = MAINTENANT.date()
FORMULAIRES = [t for t in TYPES if not t.planning]
CODES = [t.code for t in FORMULAIRES]
IBAN = "FR7630006000011234567890189"
# PROOF T7: values that break naive code; the last ones are what attackers paste first.
MAUVAISES = [
    "", " ", "0", "-1", "-0", "1e400", "1e-400", "NaN", "sNaN", "Infinity", "-Infinity", "9" * 400, "0x10", "1_000",
    "1,5", "1.5.2", "12 345", "٣", "½", "²", "2026-02-30", "2026-13-01", "9999-12-31", "0001-01-01", "31/02/2018",
    "2026-11-23T09:00", "\x00", "a\x00b", "‮", "\r\nBcc: x@y.fr", "<script>alert(1)</script>", "{{ 7*7 }}",
    "'; DROP TABLE familles_famille; --", "%s%n", "../../etc/passwd", "😀" * 60, "é" * 5000, "None", "true", "on",
    "00000000-0000-4000-8000-000000000000",
]  # fmt: skip
# Slow hardware and a shared one: naive regular expressions take minutes, not seconds.
LENT = 2.0


@pytest.fixture
def offre(monde):
    """A school year, a school and a service beside the canteen: every list has something to choose."""
    AnneeScolaire.objects.create(debut="2026-09-01", fin="2027-08-31")
    return {
        "ecole": Structure.objects.create(nom="École des Platanes", genre="ecole"),
        "service": prestation("Garderie matin"),
        "paul": PersonneAutorisee.objects.create(
            enfant=monde.tom, famille=monde.jean, nom="DUPONT", prenom="Paul"
        ),
    }


def correcte(genre, monde, offre) -> dict:
    """What a family could type of this kind."""
    return {
        "infos-responsable": {
            "civilite": "M",
            "adresse": "4 avenue du Verger",
            "code_postal": "84510",
            "ville": "Belrive",
        },
        "conjoint": {"nom": "PETIT", "prenom": "Anne"},
        "fiscales": {
            "annee": "2025",
            "revenu_fiscal_reference": "31200",
            "parts": "2,5",
            "personnes_a_charge": "2",
        },
        "caf": {
            "regime": "general",
            "organisme": "caf",
            "numero": "1234567",
            "quotient": "612,50",
            "quotient_du": "2026-11-01",
            "quotient_au": "",
        },
        "bancaires": {
            "titulaire": "TITULAIRE SECRET",
            "iban": IBAN,
            "bic": "AGRIFRPP",
            "prelevement": True,
            "consentement": True,
        },
        "ajouter-enfant": {
            "nom": "DUPONT",
            "prenom": "Nino",
            "sexe": "G",
            "naissance": "2020-04-02",
            "ecole": str(offre["ecole"].pk),
            "niveau": "CP",
            "services": [str(monde.cantine.pk)],
            "services_du": "2027-01-04",
        },
        "identite": {"lieu_naissance": "Avignon"},
        "autorisations": {"baignade": True},
        "donnees-sanitaires": {"allergies": "Allergie secrète", "medecin": "Docteur SECRET"},
        "personnes-autorisees": {
            "n1_nom": "DUPONT",
            "n1_prenom": "Odile",
            f"p{offre['paul'].pk}_telephone": "06 39 98 00 01",
        },
        "inscription": {
            "prestation": str(offre["service"].pk),
            "mode": "regulier",
            "jours": ["0"],
            "du": "2026-12-01",
        },
    }[genre.code]


def enfant_de(genre, monde):
    return monde.tom if genre.categorie == "enfant" and genre.code != "ajouter-enfant" else None


def url_de(genre, enfant) -> str:
    if genre.code == "ajouter-enfant":
        return "/enfants/ajouter/"
    return f"/enfants/{enfant.pk}/demande/{genre.code}/" if enfant else f"/compte/demande/{genre.code}/"


def postee(genre, monde, offre) -> dict:
    """The whole form, as the page posts it: unchecked boxes are not sent."""
    form = formulaire(genre.code, monde.jean, correcte(genre, monde, offre), enfant_de(genre, monde), JOUR)
    assert form.is_valid(), form.errors
    return {nom: valeur for nom, valeur in form.data.items() if valeur not in (None, False)}


def lire(genre, monde, saisie, dessines=None) -> bool:
    """Validated, compared, said in words and drawn (all fields, or these); whether it was valid."""
    form = genre(saisie, famille=monde.jean, enfant=enfant_de(genre, monde), jour=JOUR)
    valide = form.is_valid()
    if valide:
        changements = form.changements()
        form.lignes(form.valeurs, changements)
        if changements:
            form.phrases()
    for section in form.sections():
        for champ in section.champs:
            if dessines is None or champ.name in dessines:
                str(champ)
    return valide


@pytest.mark.parametrize("genre", FORMULAIRES, ids=CODES)
def test_chaque_champ_chaque_mauvaise_valeur(monde, offre, genre):
    base = postee(genre, monde, offre)
    lents = []
    for nom in genre(famille=monde.jean, enfant=enfant_de(genre, monde), jour=JOUR).fields:
        if nom.startswith(("n2_", "n3_")):
            continue  # the very fields of n1
        for valeur in MAUVAISES:
            debut = time.process_time()
            lire(genre, monde, base | {nom: valeur}, {nom})
            if time.process_time() - debut > LENT:
                lents.append((nom, valeur[:20]))
    assert lents == []


@pytest.mark.parametrize("genre", FORMULAIRES, ids=CODES)
def test_la_page_repond_a_chaque_mauvaise_valeur(monde, offre, genre):
    """Through HTTP, every field at once: the form comes back with sentences, never an error page."""
    client = monde.client(monde.jean)
    enfant = enfant_de(genre, monde)
    champs = list(genre(famille=monde.jean, enfant=enfant, jour=JOUR).fields)
    with time_machine.travel(MAINTENANT, tick=False):
        for valeur in MAUVAISES:
            corps = dict.fromkeys(champs, valeur) | {"confirmer": "1", "jeton": valeur, "reprise": valeur}
            page = client.get(url_de(genre, enfant), {"reprise": valeur, "jeton": valeur, "modifier": valeur})
            assert page.status_code == (200 if "\x00" not in valeur else 400), valeur[:20]
            page = client.post(url_de(genre, enfant), corps)
            assert page.status_code in (200, 302), (valeur[:20], page.status_code)


@pytest.mark.lourd
@pytest.mark.parametrize("genre", FORMULAIRES, ids=CODES)
def test_nimporte_quelle_saisie_longuement(monde, offre, genre):
    base = postee(genre, monde, offre)
    champs = list(genre(famille=monde.jean, enfant=enfant_de(genre, monde), jour=JOUR).fields)
    valeurs = st.one_of(st.text(max_size=300), st.sampled_from(MAUVAISES), st.lists(st.text(max_size=20)))

    @settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.dictionaries(st.sampled_from(champs), valeurs, max_size=len(champs)))
    def essayer(saisie):
        # As a request gives it: of a repeated parameter, a plain field reads the last one.
        tout = (base | saisie).items()
        lire(genre, monde, MultiValueDict({n: v if isinstance(v, list) else [v] for n, v in tout}))

    essayer()


# --- mass assignment --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("genre", FORMULAIRES, ids=CODES)
def test_ce_qui_nest_pas_un_champ_est_ignore(monde, offre, genre):
    """Columns of the rows, of the demande, keys of another household: posted, they change nothing anywhere."""
    enfant = enfant_de(genre, monde)
    intrus = {
        "id": str(monde.zoe.pk),
        "pk": "1",
        "famille": str(monde.claire.pk),
        "famille_id": str(monde.claire.pk),
        "enfant": str(monde.zoe.pk),
        "utilisateur": str(monde.agent.pk),
        "rang": "conjoint",
        "type": "bancaires",
        "etat": "acceptee",
        "donnees": '{"nom": "X"}',
        "avant": "{}",
        "numero_demande": "1",
        "envoyee_par": str(monde.agent.pk),
        "decidee_par": str(monde.agent.pk),
        "motif": "X",
        "signe_le": "2020-01-01",
        "ics": "X",
        "rum": "PIRATE",
        "creancier": "X",
        "autorite_parentale": "on",
        "garde": "complete",
        "repartition": "part",
        "part": "1",
        "derogation": "X",
        "au": "2099-01-01",
        "prestation_nom": "PIRATE",
        "existant": str(monde.zoe.pk),
        "vu": "x",
    }
    if genre.code == "caf":
        intrus.pop("numero_demande")
    client = monde.client(monde.jean)
    corps = postee(genre, monde, offre) | intrus | {"confirmer": "1"}
    with time_machine.travel(MAINTENANT, tick=False):
        assert client.post(url_de(genre, enfant), corps).status_code == 302
    faite = Demande.objects.get()
    champs = set(genre(famille=monde.jean, enfant=enfant, jour=JOUR).fields)
    assert set(faite.donnees) - champs <= {"prestation_nom", "rum"}
    assert "PIRATE" not in str(faite.donnees)
    assert (faite.famille, faite.enfant, faite.type, faite.etat) == (
        monde.jean,
        enfant,
        genre.code,
        "envoyee",
    )
    claire = _photo(monde.claire)
    faite.accepter(monde.agent, MAINTENANT)
    assert _photo(monde.claire) == claire
    assert monde.jean.responsables.get(rang="titulaire").utilisateur != monde.agent


def _photo(famille: Famille) -> list:
    """Everything a household owns, column by column."""
    zoe = Enfant.objects.filter(familles=famille)
    rangees = [
        list(Famille.objects.filter(pk=famille.pk).values()),
        list(Responsable.objects.filter(famille=famille).order_by("pk").values()),
        list(zoe.values()),
    ]
    for relation in ("quotients", "mandats", "personnes_autorisees", "inscriptions", "rattachements"):
        rangees.append(list(getattr(famille, relation).order_by("pk").values()))
    return rangees


@pytest.mark.parametrize(
    ("code", "champ"),
    [("ajouter-enfant", "ecole"), ("ajouter-enfant", "services"), ("inscription", "prestation")],
)
def test_les_cles_etrangeres_sont_bornees(monde, offre, code, champ):
    """A structure that is no school, an archived service, what does not exist: an error at the field."""
    creche = Structure.objects.create(nom="Crèche", genre="creche")
    archivee = prestation("Ancien service", archivee_le="2026-01-01")
    genre = next(t for t in TYPES if t.code == code)
    for cle in (creche.pk if champ == "ecole" else archivee.pk, 0, -1, 10**12, "abc"):
        valeur = [str(cle)] if champ == "services" else str(cle)
        saisie = correcte(genre, monde, offre) | {champ: valeur}
        assert champ in formulaire(code, monde.jean, saisie, enfant_de(genre, monde), JOUR).errors, cle


# --- three people -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("genre", [t for t in FORMULAIRES if t.categorie == "enfant"], ids=lambda t: t.code)
def test_lenfant_dun_autre_est_introuvable(monde, offre, genre):
    if genre.code == "ajouter-enfant":
        return
    corps = postee(genre, monde, offre) | {"confirmer": "1"}
    with time_machine.travel(MAINTENANT, tick=False):
        for qui in (monde.jeanne, monde.claire):
            client = monde.client(qui)
            assert client.get(url_de(genre, monde.tom)).status_code == 404
            assert client.post(url_de(genre, monde.tom), corps).status_code == 404
    assert not Demande.objects.exists()


@pytest.mark.parametrize("genre", FORMULAIRES, ids=CODES)
def test_la_demande_nest_lue_que_de_son_foyer(monde, offre, genre):
    """On the shared child when there is one: the other parent reads the child, not the demande."""
    enfant = monde.lea if enfant_de(genre, monde) else None
    saisie = {n: v for n, v in correcte(genre, monde, offre).items() if not n.startswith("p") or "_" not in n}
    saisie |= {n: v for n, v in correcte(genre, monde, offre).items() if n == "personnes_a_charge"}
    if genre.code == "inscription":
        saisie["prestation"] = str(offre["service"].pk)
    faite = demande(genre.code, monde.jean, saisie, enfant, MAINTENANT)
    with time_machine.travel(MAINTENANT, tick=False):
        codes = [
            monde.client(q).get(f"/demandes/{faite.pk}/").status_code
            for q in (monde.jean, monde.jeanne, monde.claire)
        ]
    assert codes == [200, 404, 404]


@pytest.mark.parametrize("genre", FORMULAIRES, ids=CODES)
def test_lagent_lit_accepte_et_la_famille_relit(monde, offre, genre):
    """The pages of a demande, before and after: the town's with its three columns, the family's receipt."""
    enfant = enfant_de(genre, monde)
    saisie = correcte(genre, monde, offre)
    faite = demande(genre.code, monde.jean, saisie, enfant, MAINTENANT)
    mairie, famille = monde.client(monde.agent), monde.client(monde.jean)
    with time_machine.travel(MAINTENANT, tick=False):
        page = mairie.get(f"/admin/demandes/demande/{faite.pk}/change/")
        assert page.status_code == 200
        vu = page.context["decision"]["vu"].value()
        recu = famille.get(f"/demandes/{faite.pk}/")
        mairie.post(f"/admin/demandes/demande/{faite.pk}/change/", {"action": "accepter", "vu": vu})
        faite.refresh_from_db()
        assert faite.etat == "acceptee"
        relu = famille.get(f"/demandes/{faite.pk}/")
        assert mairie.get(f"/admin/demandes/demande/{faite.pk}/change/").status_code == 200
    avant, apres = ([(li.libelle, li.avant, li.apres) for li in p.context["lignes"]] for p in (recu, relu))
    assert avant == apres != []


# --- what leaks -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["donnees-sanitaires", "bancaires"])
def test_ni_sante_ni_banque_dans_les_traces_les_listes_les_courriels_les_journaux(monde, offre, code, caplog):
    genre = next(t for t in TYPES if t.code == code)
    client = monde.client(monde.jean)
    enfant = enfant_de(genre, monde)
    with caplog.at_level(logging.DEBUG, logger="portail"), time_machine.travel(MAINTENANT, tick=False):
        corps = postee(genre, monde, offre)
        client.post(url_de(genre, enfant), corps | {"confirmer": "1"})
        liste = client.get("/demandes/enfants/" if enfant else "/demandes/").text
        liste += monde.client(monde.agent).get("/admin/demandes/demande/").text
        Demande.objects.get().accepter(monde.agent, MAINTENANT)
    textes = [liste, caplog.text]
    textes += [f"{t.action} {t.objet_id} {t.detail}" for t in Trace.objects.all()]
    textes += [f"{c.objet} {c.texte}" for c in Courriel.objects.all()]
    secrets = ("secrète", "SECRET", IBAN, IBAN[-4:], "AGRIFRPP")
    assert [(s, t[:200]) for t in textes for s in secrets if s in t] == []


# --- autocomplete -----------------------------------------------------------------------------------------------


def test_les_jetons_de_saisie_automatique(monde, offre):
    """The browser helps with one's own address, and never puts it in somebody else's fields (WCAG 1.3.5)."""
    for genre in FORMULAIRES:
        form = genre(famille=monde.jean, enfant=enfant_de(genre, monde), jour=JOUR)
        jetons = {n: c.widget.attrs.get("autocomplete") for n, c in form.fields.items()}
        if genre.code == "infos-responsable":
            assert jetons["adresse"] == "street-address"
            assert jetons["telephone_mobile"] == "mobile tel"
        elif not genre.du_demandeur:
            assert set(jetons.values()) == {"off"}, genre.code


def test_chaque_champ_a_sa_place_dans_la_page(monde, offre):
    """No field is lost by the groups, none twice."""
    for genre in FORMULAIRES:
        form = genre(famille=monde.jean, enfant=enfant_de(genre, monde), jour=JOUR)
        places = [c.name for s in form.sections() for c in s.champs]
        assert sorted(places) == sorted(set(form.fields) - form.absents()), genre.code


def test_rien_a_envoyer_ne_cree_rien(monde, offre):
    for genre in FORMULAIRES:
        if genre.code in (
            "ajouter-enfant",
            "inscription",
            "infos-responsable",
            "conjoint",
            "fiscales",
            "bancaires",
        ):
            continue  # their first time has obligatory fields
        with pytest.raises(ValidationError, match="rien changé"):
            demande(genre.code, monde.jean, {}, enfant_de(genre, monde), MAINTENANT)
    assert not Demande.objects.exists()
