"""The second factor: enrolment, the second door, recovery codes, what the town may require of its agents."""

import re
import time
from base64 import b32decode

import pytest
import time_machine
from django.test import Client
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice

from familles.models import CodeDeSecours, Utilisateur
from portail.socle.models import Trace
from tests.factories import MOT_DE_PASSE, agent
from tests.familles.fabrique import cle_de_session, entrer

pytestmark = pytest.mark.django_db
PAGE = "/compte/double-authentification/"


@pytest.fixture(autouse=True)
def horloge():
    with time_machine.travel("2026-11-23 09:00:10 +0100", tick=False) as horloge:
        yield horloge


def chiffres(cle: bytes) -> str:
    totp = TOTP(cle)
    totp.time = time.time()
    return f"{totp.token():06d}"


def enroler(navigateur: Client) -> tuple[bytes, list[str]]:
    """The secret and the recovery codes, as the person reads them on the pages."""
    page = navigateur.get(PAGE + "activer/").content.decode()
    cle = b32decode(re.search(r"<code>([A-Z2-7 ]+)</code>", page)[1].replace(" ", ""))
    page = navigateur.post(PAGE + "activer/", {"code": chiffres(cle)}).content.decode()
    return cle, re.findall(r"<code>([A-Z0-9]{5}-[A-Z0-9]{5})</code>", page)


@pytest.fixture
def obligatoire(settings):
    settings.AGENTS_TOTP = "obligatoire"


@pytest.fixture
def equipe(obligatoire):
    """An agent who has enrolled: browser, secret, recovery codes."""
    agent("camille")
    navigateur, _ = entrer("camille")
    return navigateur, *enroler(navigateur)


def au_code(code: str, navigateur: Client | None = None, mot_de_passe: str = MOT_DE_PASSE):
    navigateur, reponse = entrer("camille", mot_de_passe, client=navigateur)
    assert reponse["Location"] == "/connexion/code/"
    return navigateur, navigateur.post("/connexion/code/", {"code": code})


class TestObligatoire:
    def test_sans_appareil_l_agent_est_mene_a_l_enrolement(self, obligatoire, monde):
        navigateur, _ = entrer("agent")
        for adresse in ("/admin/", "/admin/familles/famille/", "/admin/jsi18n/", "/"):
            assert navigateur.get(adresse)["Location"] == PAGE, adresse
        assert navigateur.post("/admin/familles/famille/add/")["Location"] == PAGE
        page = navigateur.get(PAGE).content.decode()
        assert "obligatoire pour les agents" in page
        enroler(navigateur)
        assert navigateur.get("/admin/").status_code == 200

    def test_facultatif(self, monde):
        navigateur, _ = entrer("agent")
        assert navigateur.get("/admin/").status_code == 200
        assert "Activer" in navigateur.get(PAGE).content.decode()

    def test_les_parents_choisissent(self, obligatoire, monde):
        navigateur, _ = entrer("jean.dupont")
        assert navigateur.get("/").status_code == 200
        _, codes = enroler(navigateur)
        assert len(codes) == 10
        assert entrer("jean.dupont")[1]["Location"] == "/connexion/code/"
        assert entrer("claire.martin")[1]["Location"] == "/"

    def test_ne_se_retire_pas(self, equipe):
        navigateur, *_ = equipe
        assert navigateur.post(PAGE + "retirer/", {"mot_de_passe": MOT_DE_PASSE})["Location"] == PAGE
        assert TOTPDevice.objects.count() == 1

    def test_session_sans_code_alors_que_le_telephone_existe(self, equipe, monde):
        """However a session came to be (another door, an old one), the admin asks the code."""
        ancienne = Client()
        ancienne.force_login(Utilisateur.objects.get(identifiant="camille"))
        assert ancienne.get("/admin/")["Location"] == "/connexion/code/"
        assert ancienne.get("/admin/")["Location"] == "/admin/login/?next=/admin/"


class TestEnrolement:
    def test_le_dessin_et_la_cle(self, monde):
        navigateur, _ = entrer("agent")
        cle = re.search(r"<code>([A-Z2-7 ]+)</code>", navigateur.get(PAGE + "activer/").content.decode())[1]
        dessin = navigateur.get(PAGE + "qr.svg")
        assert dessin["Content-Type"] == "image/svg+xml"
        assert "no-store" in dessin["Cache-Control"]
        assert b"style=" not in dessin.content and len(dessin.content) > 1000
        assert cle in navigateur.get(PAGE + "activer/").content.decode()
        enroler(navigateur)
        assert navigateur.get(PAGE + "qr.svg")["Location"] == PAGE
        assert navigateur.get(PAGE + "activer/")["Location"] == PAGE

    def test_un_code_faux_n_active_rien(self, monde):
        navigateur, _ = entrer("agent")
        for code in ("000000", "", "abc", "\x00", "1" * 500, "٣٣٣٣٣٣"):
            reponse = navigateur.post(PAGE + "activer/", {"code": code})
            assert reponse.status_code == 200
        assert (TOTPDevice.objects.count(), CodeDeSecours.objects.count()) == (0, 0)
        assert entrer("agent")[1]["Location"] == "/admin/"

    def test_termine_les_sessions_ouvertes_sans_code(self, monde):
        ailleurs, _ = entrer("agent")
        ici, _ = entrer("agent")
        enroler(ici)
        assert ici.get("/admin/").status_code == 200
        assert ailleurs.get("/admin/")["Location"] == "/admin/login/?next=/admin/"

    def test_codes_jamais_en_clair_dans_la_base(self, equipe):
        _, _, codes = equipe
        empreintes = str(list(CodeDeSecours.objects.values()))
        assert len(set(codes)) == 10
        assert not any(code in empreintes or code.replace("-", "") in empreintes for code in codes)
        assert Trace.objects.filter(action="double.activer").count() == 1


class TestSecondePorte:
    def test_le_mot_de_passe_ne_suffit_pas(self, equipe, horloge):
        horloge.shift(60)
        navigateur, reponse = entrer("camille", suite="/admin/familles/famille/")
        assert reponse["Location"] == "/connexion/code/"
        assert "_auth_user_id" not in navigateur.session
        assert navigateur.get("/admin/")["Location"] == "/admin/login/?next=/admin/"
        avant = cle_de_session(navigateur)
        reponse = navigateur.post("/connexion/code/", {"code": chiffres(equipe[1])})
        assert reponse["Location"] == "/admin/familles/famille/"
        assert cle_de_session(navigateur) != avant
        assert navigateur.get("/admin/").status_code == 200

    def test_un_code_sert_une_fois(self, equipe, horloge):
        horloge.shift(60)
        code = chiffres(equipe[1])
        assert au_code(code)[1].status_code == 302
        assert "déjà servi" in au_code(code)[1].content.decode()
        horloge.shift(30)
        assert (
            au_code(code)[1].status_code == 200
        )  # the one before is within the tolerance, but it has served
        assert au_code(f"{chiffres(equipe[1])[:3]} {chiffres(equipe[1])[3:]}")[1].status_code == 302

    def test_codes_de_secours_une_fois_chacun(self, equipe):
        _, _, codes = equipe
        assert au_code(codes[0].lower().replace("-", " "))[1].status_code == 302
        assert au_code(codes[0])[1].status_code == 200
        assert au_code(codes[1])[1].status_code == 302
        assert CodeDeSecours.objects.filter(utilise_le=None).count() == 8

    def test_la_cle_du_portail_change(self, equipe, settings):
        """The printed codes, and an open session, outlive a change of key while the former one is still declared."""
        navigateur, _, codes = equipe
        settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "une-autre-cle" * 5
        assert navigateur.get("/compte/double-authentification/").status_code == 200
        assert au_code(codes[0])[1].status_code == 302
        settings.SECRET_KEY_FALLBACKS = []
        assert au_code(codes[1])[1].status_code == 200

    def test_dix_codes_faux_puis_quinze_minutes(self, equipe, horloge):
        _, cle, codes = equipe
        horloge.shift(60)
        for n in range(10):
            page = au_code(f"{n:06d}")[1].content.decode()
        assert "Attendez 15 minutes" in page
        assert "04 65 71 54 58" in page
        for code in (chiffres(cle), codes[0]):
            assert au_code(code)[1].status_code == 200
        horloge.shift(15 * 60 + 1)
        assert au_code(chiffres(cle))[1].status_code == 302

    def test_sans_mot_de_passe_ou_trop_tard(self, equipe, horloge):
        assert Client().get("/connexion/code/")["Location"] == "/connexion/"
        assert Client().post("/connexion/code/", {"code": "1"})["Location"] == "/connexion/"
        navigateur, _ = entrer("camille")
        assert navigateur.get("/connexion/code/").status_code == 200
        horloge.shift(601)
        assert navigateur.get("/connexion/code/")["Location"] == "/connexion/"

    def test_mot_de_passe_change_ou_compte_ferme_entre_temps(self, equipe):
        navigateur, _ = entrer("camille")
        Utilisateur.objects.filter(identifiant="camille").update(is_active=False)
        assert navigateur.post("/connexion/code/", {"code": equipe[2][0]})["Location"] == "/connexion/"
        Utilisateur.objects.filter(identifiant="camille").update(is_active=True, password="!")
        assert navigateur.post("/connexion/code/", {"code": equipe[2][0]})["Location"] == "/connexion/"

    def test_le_code_d_un_autre(self, equipe, monde):
        _, codes = enroler(entrer("agent")[0])
        assert au_code(codes[0])[1].status_code == 200


class TestApres:
    def test_nouveaux_codes_avec_le_mot_de_passe(self, equipe):
        navigateur, _, anciens = equipe
        assert (
            "pas votre mot de passe"
            in navigateur.post(PAGE + "codes/", {"mot_de_passe": "Faux2026"}).content.decode()
        )
        page = navigateur.post(PAGE + "codes/", {"mot_de_passe": MOT_DE_PASSE}).content.decode()
        nouveaux = re.findall(r"<code>([A-Z0-9]{5}-[A-Z0-9]{5})</code>", page)
        assert len(nouveaux) == 10 and not set(nouveaux) & set(anciens)
        assert au_code(anciens[0])[1].status_code == 200
        assert au_code(nouveaux[0])[1].status_code == 302

    def test_retirer_quand_facultatif(self, equipe, settings):
        settings.AGENTS_TOTP = "facultatif"
        navigateur, *_ = equipe
        assert navigateur.post(PAGE + "retirer/", {"mot_de_passe": "x"}).status_code == 200
        assert navigateur.post(PAGE + "retirer/", {"mot_de_passe": MOT_DE_PASSE})["Location"] == PAGE
        assert (TOTPDevice.objects.count(), CodeDeSecours.objects.count()) == (0, 0)
        assert entrer("camille")[1]["Location"] == "/admin/"

    def test_l_administrateur_retire_celui_d_un_agent(self, equipe, settings):
        settings.AGENTS_TOTP = "facultatif"
        agent("chef")
        chef, _ = entrer("chef")
        appareil = TOTPDevice.objects.get()
        liste = chef.get("/admin/familles/authentificateur/").content.decode()
        assert "camille" in liste and appareil.key not in liste
        adresse = f"/admin/familles/authentificateur/{appareil.pk}/delete/"
        simple = agent("simple", "familles.view_famille")
        autre = Client()
        autre.force_login(simple)
        assert autre.post(adresse, {"post": "yes"}).status_code == 403
        assert chef.post(adresse, {"post": "yes"}).status_code == 302
        assert (TOTPDevice.objects.count(), CodeDeSecours.objects.count()) == (0, 0)
        assert Trace.objects.filter(action="double.retirer", qui="chef").count() == 1

    def test_page_anglaise_de_django_otp_absente(self, monde):
        assert monde.client(monde.agent).get("/admin/otp_totp/totpdevice/").status_code == 404
