"""The door against somebody patient (PROOF T9): does the time of the answer say whether an account exists?

Wall-clock over real HTTP in the long form (`lourd`, prints its figures); the short one counts processor time, which
what else the machine does cannot move. A negative control: without the work done for an unknown account, it shows.
"""

import statistics
import time
from collections.abc import Callable
from http.cookiejar import CookieJar
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener

import pytest
from django.test import Client

from familles import connexion
from familles.models import Tentative, Utilisateur
from portail.socle.models import Courriel
from tests.factories import utilisateur

pytestmark = pytest.mark.usefixtures("hachage_reel")
ECART_S = 0.020


def ecart(horloge: Callable[[], float], essayer: Callable[[str], object], tours: int) -> tuple[float, float]:
    """Median seconds for a known account and for an unknown one, tried in turn."""
    durees: dict[str, list[float]] = {"connu": [], "inconnu": []}
    for n in range(tours):
        for genre, mesures in durees.items():
            debut = horloge()
            essayer(f"{genre}{n}")
            mesures.append(horloge() - debut)
        Tentative.objects.all().delete()
    return statistics.median(durees["connu"]), statistics.median(durees["inconnu"])


def comptes(nombre: int) -> None:
    for n in range(nombre):
        utilisateur(f"connu{n}", courriel=f"connu{n}@exemple.fr")


def rater(qui: str):
    return Client().post("/connexion/", {"username": qui, "password": "Faux2026"})


def oublier(qui: str):
    return Client().post("/mot-de-passe/oublie/", {"identifiant": qui})


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("essayer", [rater, oublier])
def test_meme_travail_pour_un_compte_inconnu(essayer):
    comptes(9)
    connu, inconnu = ecart(time.process_time, essayer, 9)
    assert abs(connu - inconnu) < ECART_S, (connu, inconnu)


@pytest.mark.django_db(transaction=True)
def test_controle_negatif_sans_le_travail_pour_rien_cela_se_voit(monkeypatch):
    comptes(9)
    monkeypatch.setattr(connexion.Argon2Leger, "time_cost", 12)
    for n in range(9):
        compte = Utilisateur.objects.get(identifiant=f"connu{n}")
        compte.set_password("Portail2026")
        compte.save(update_fields=["password"])
    monkeypatch.setattr(Utilisateur, "set_password", lambda *a: None)
    connu, inconnu = ecart(time.process_time, rater, 9)
    assert connu - inconnu > ECART_S, (connu, inconnu)


@pytest.mark.lourd
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("page", ["connexion", "oublie"])
def test_horloge_au_mur(live_server, page):
    """Sixty of each, over HTTP: the status, the text's length and the median time."""
    comptes(60)
    chemin, champs = {
        "connexion": ("/connexion/", lambda qui: {"username": qui, "password": "Faux2026"}),
        "oublie": ("/mot-de-passe/oublie/", lambda qui: {"identifiant": qui}),
    }[page]
    vus = set()
    cookies = CookieJar()
    navigateur = build_opener(HTTPCookieProcessor(cookies))
    navigateur.open(live_server.url + chemin)
    jeton = next(c.value for c in cookies if "csrf" in c.name)

    def essayer(qui: str) -> None:
        donnees = urlencode(champs(qui) | {"csrfmiddlewaretoken": jeton}).encode()
        with navigateur.open(live_server.url + chemin, donnees) as reponse:
            vus.add((reponse.status, len(reponse.read())))

    connu, inconnu = ecart(time.perf_counter, essayer, 60)
    print(f"{page}: {1000 * connu:.1f} ms known, {1000 * inconnu:.1f} ms unknown, {sorted(vus)}")
    assert {statut for statut, _ in vus} == {200}
    # The identifiant typed is shown again: « connu » is two letters shorter than « inconnu ».
    assert max(t for _, t in vus) - min(t for _, t in vus) <= 4
    assert abs(connu - inconnu) < ECART_S
    assert Courriel.objects.count() == (60 if page == "oublie" else 0)
