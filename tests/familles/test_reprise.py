"""A form sent after the session's end, without script: kept in the page, sent again by the same person only."""

import html
import re

import pytest
import time_machine
from django.contrib.messages import get_messages
from django.contrib.sessions.models import Session
from django.core import signing
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from familles import reprise
from familles.models import Responsable, Utilisateur
from messagerie.models import Message
from portail.socle.models import Courriel
from tests.factories import MOT_DE_PASSE, agent, famille
from tests.familles.fabrique import entrer, est_entre
from tests.familles.test_double import chiffres, enroler

pytestmark = pytest.mark.django_db
HEURE = "2026-11-23 09:00 +0100"
SECRET = 'Allergie\r\nà l’arachide "grave" <b>'
ENVOI = {"structure": "", "objet": "Goûter", "texte": SECRET, "jours": ["a", "b"], "code_postal": "84990"}


@pytest.fixture
def horloge():
    with time_machine.travel(HEURE, tick=False) as horloge:
        yield horloge


def ouvert(qui: str, **options) -> Client:
    """A browser whose session has just been used."""
    navigateur, _ = entrer(
        qui, client=Client(HTTP_REFERER="http://testserver/messagerie/nouveau/", **options)
    )
    navigateur.get("/compte/")
    return navigateur


def cache(page: str, nom: str) -> list[str]:
    """Values of the hidden fields of that name."""
    return [html.unescape(v) for v in re.findall(rf'type="hidden" name="{nom}" value="([^"]*)"', page)]


def revenir(navigateur: Client, reponse, qui: str = "jean.dupont", mot_de_passe: str = MOT_DE_PASSE):
    """The log-in form of that page, filled and sent as it is."""
    page = reponse.content.decode()
    [garde], [suite] = cache(page, "reprise"), cache(page, "next")
    return navigateur.post(
        "/connexion/", {"username": qui, "password": mot_de_passe, "reprise": garde, "next": suite}
    )


def phrases(reponse) -> str:
    return " ".join(str(m) for m in get_messages(reponse.wsgi_request))


@pytest.mark.parametrize("fin", ["inactivite", "absolue"])
def test_ce_qui_etait_ecrit_part_apres_la_connexion(monde, horloge, fin, settings):
    navigateur = ouvert("jean.dupont")
    if fin == "absolue":
        settings.SESSION_ABSOLUE_SECONDES = 600
    horloge.shift(31 * 60 if fin == "inactivite" else 601)
    reponse = navigateur.post("/messagerie/nouveau/?a=1", ENVOI)
    assert reponse.status_code == 401
    assert reponse["Cache-Control"] == "private, no-store"
    assert "Ce que vous avez écrit est gardé" in reponse.content.decode()
    assert not est_entre(navigateur)

    rate = revenir(navigateur, reponse, mot_de_passe="Faux2026")
    assert "Identifiant ou mot de passe incorrect" in rate.content.decode()
    retour = revenir(navigateur, rate).content.decode()
    assert 'action="/messagerie/nouveau/?a=1"' in retour
    assert cache(retour, "texte") == [SECRET]
    assert cache(retour, "jours") == ["a", "b"]
    assert cache(retour, "code_postal") == ["84990"]
    assert 'href="/messagerie/nouveau/"' in retour
    assert Message.objects.count() == 0


def test_la_page_revient_remplie(monde, horloge):
    """Sent again, the form is checked as ever: here a structure is missing, and nothing typed is lost."""
    navigateur = ouvert("jean.dupont")
    horloge.shift(31 * 60)
    retour = revenir(navigateur, navigateur.post("/messagerie/nouveau/", ENVOI)).content.decode()
    repondue = navigateur.post("/messagerie/nouveau/", {n: cache(retour, n)[0] for n in ("objet", "texte")})
    assert repondue.status_code == 200
    assert html.escape(SECRET.splitlines()[0]) in repondue.content.decode()


def test_rien_dans_la_base(monde, horloge):
    navigateur = ouvert("jean.dupont")
    horloge.shift(31 * 60)
    revenir(navigateur, navigateur.post("/messagerie/nouveau/", ENVOI))
    sessions = " ".join(str(s.get_decoded()) for s in Session.objects.all())
    assert "arachide" not in sessions
    assert not Message.objects.exists() and not Courriel.objects.exists()


class TestUneAutrePersonne:
    @pytest.mark.parametrize("qui", ["jeanne.dupont", "claire.martin", "agent"])
    def test_au_meme_ecran(self, monde, horloge, qui):
        """A shared computer: what Jean typed is not shown to who logs in after him, nor sent in their name."""
        navigateur = ouvert("jean.dupont")
        horloge.shift(31 * 60)
        retour = revenir(navigateur, navigateur.post("/messagerie/nouveau/", ENVOI), qui)
        assert retour.status_code == 302
        assert "arachide" not in retour.content.decode()
        assert "n’a pas été enregistré" in phrases(retour)

    def test_apres_s_etre_deconnecte(self, monde):
        navigateur = ouvert("jean.dupont")
        navigateur.post("/deconnexion/")
        assert navigateur.post("/messagerie/nouveau/", ENVOI)["Location"].startswith("/connexion/?next=")

    def test_un_cookie_forge(self, monde):
        jean = Utilisateur.objects.get(identifiant="jean.dupont")
        navigateur = Client()
        # The last one is signed by us, for something else.
        signe = signing.dumps([jean.pk, None, "/", [], {}], salt=reprise.SEL, compress=True)
        for valeur in ("", "1-", f"{jean.pk}-:abc", "x" * 5000, signe):
            navigateur.cookies["personne"] = valeur
            assert navigateur.post("/messagerie/nouveau/", ENVOI).status_code == 302


class TestCeQuiNEstPasGarde:
    @pytest.mark.parametrize(
        ("adresse", "envoi"),
        [
            ("/mot-de-passe/modifier/", {"ancien": "Secret2026", "new_password1": "Autre-2027"}),
            ("/compte/double-authentification/retirer/", {"mot_de_passe": "Secret2026"}),
            ("/compte/double-authentification/activer/", {"code": "123456"}),
            ("/paiement/", {"facture": "AL-36", "courriel": "a@exemple.fr"}),
            ("/messagerie/nouveau/", {"texte": "é" * reprise.TAILLE_MAX}),
            ("/rien-ici/", {"texte": "x"}),
        ],
    )
    def test_secrets_paiement_et_ce_qui_est_enorme(self, monde, horloge, adresse, envoi):
        navigateur = ouvert("jean.dupont")
        horloge.shift(31 * 60)
        reponse = navigateur.post(adresse, envoi)
        assert reponse.status_code in (302, 404)
        assert b"Secret2026" not in reponse.content

    def test_sans_jeton_csrf(self, monde, horloge):
        navigateur = ouvert("jean.dupont")
        horloge.shift(31 * 60)
        navigateur.handler.enforce_csrf_checks = True
        reponse = navigateur.post("/messagerie/nouveau/", ENVOI)
        assert reponse.status_code == 403
        assert b"arachide" not in reponse.content

    def test_une_heure_apres_ou_modifie(self, monde, horloge):
        navigateur = ouvert("jean.dupont")
        horloge.shift(31 * 60)
        reponse = navigateur.post("/messagerie/nouveau/", ENVOI)
        [garde] = cache(reponse.content.decode(), "reprise")
        assert reprise.lire(garde) is not None
        for autre in ("", "x", garde[:-1], garde.replace(":", ":x", 1), "\0"):
            assert reprise.lire(autre) is None
        horloge.shift(61 * 60)
        retour = revenir(navigateur, reponse)
        assert retour["Location"] == "/messagerie/nouveau/"
        assert "n’a pas été enregistré" in phrases(retour)


def test_les_pieces_jointes_sont_a_choisir_de_nouveau(monde, horloge):
    navigateur = ouvert("jean.dupont")
    horloge.shift(31 * 60)
    piece = SimpleUploadedFile("certificat <é>.pdf", b"%PDF-1.4 secret", content_type="application/pdf")
    reponse = navigateur.post("/messagerie/nouveau/", ENVOI | {"pieces": piece})
    assert "pièces jointes seront à choisir de nouveau" in reponse.content.decode()
    retour = revenir(navigateur, reponse).content.decode()
    assert 'enctype="multipart/form-data"' in retour
    assert "certificat &lt;é&gt;.pdf" in retour
    assert 'type="file" name="pieces"' in retour


def test_deux_familles_la_meme_est_rouverte(monde, horloge):
    jean = Utilisateur.objects.get(identifiant="jean.dupont")
    autre = famille("Paul", "DUPONT")
    Responsable.objects.create(famille=autre, rang="conjoint", prenom="Jean", nom="DUPONT", utilisateur=jean)
    navigateur = Client()
    entrer("jean.dupont", client=navigateur)
    navigateur.post("/familles/", {"famille": autre.pk})
    navigateur.get("/compte/")
    horloge.shift(31 * 60)
    reponse = navigateur.post("/messagerie/nouveau/", ENVOI)
    revenir(navigateur, reponse)
    assert navigateur.session["famille"] == autre.pk
    Responsable.objects.filter(famille=autre, utilisateur=jean).delete()
    horloge.shift(31 * 60)
    navigateur.cookies.pop("session")
    retour = revenir(navigateur, reponse)
    # What was for that household is not offered for the other one.
    assert retour.status_code == 302 and "n’a pas été enregistré" in phrases(retour)
    assert "famille" not in navigateur.session


def test_un_agent_passe_par_la_seconde_porte(monde, horloge):
    agent("camille")
    navigateur, _ = entrer("camille")
    cle, _ = enroler(navigateur)
    navigateur.get("/compte/double-authentification/")
    horloge.shift(31 * 60)
    reponse = navigateur.post("/admin/familles/famille/add/", {"numero": "1001001800000"})
    assert reponse.status_code == 401
    porte = revenir(navigateur, reponse, "camille").content.decode()
    [garde] = cache(porte, "reprise")
    assert 'action="/connexion/code/"' in porte
    rate = navigateur.post("/connexion/code/", {"code": "000000", "reprise": garde})
    assert cache(rate.content.decode(), "reprise") == [garde]
    retour = navigateur.post("/connexion/code/", {"code": chiffres(cle), "reprise": garde}).content.decode()
    assert cache(retour, "numero") == ["1001001800000"]
    assert 'action="/admin/familles/famille/add/"' in retour
