"""Accesses the town opens: accounts, letters, links, and what becomes of them at the door."""

import re
from datetime import datetime, timedelta
from io import BytesIO

import pytest
import time_machine
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pypdf import PdfReader

from familles import acces_mairie
from familles.identifiants import proposer, racine
from familles.lettres import pdf_lettres
from familles.models import Responsable, Utilisateur
from portail.socle.models import Collectivite, Courriel, Trace
from tests.factories import agent, famille
from tests.familles.fabrique import entrer, est_entre

pytestmark = pytest.mark.django_db
MAINTENANT = datetime(2026, 11, 23, 9, 30, tzinfo=timezone.get_default_timezone())


def adulte(de, rang: str = "titulaire", **champs) -> Responsable:
    """The adult of that rank, made when missing."""
    return Responsable.objects.update_or_create(famille=de, rang=rang, defaults=champs)[0]


@pytest.fixture
def nouvelle(db):
    """A household of two adults who share one e-mail and have no access."""
    creee = famille("Hélène", "LE GALL")
    commun = {"email": "foyer@exemple.fr", "autorisation_courriel": True}
    adulte(creee, adresse="3 quai des Saules", code_postal="04990", ville="Belrive", **commun)
    adulte(creee, "conjoint", prenom="Noé", nom="D’ORVAL", **commun)
    return creee


def ouvrir(*responsables: Responsable, **options):
    return acces_mairie.ouvrir([r.pk for r in responsables], None, MAINTENANT, **options)


# --- identifiants and passwords ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prenom", "nom", "attendu"),
    [
        ("Hélène", "LE GALL", "helene.le-gall"),
        ("Jean-Paul", "D’ORVAL", "jean-paul.d-orval"),
        ("Cœur", "ŒILLET", "coeur.oeillet"),
        ("", "", "famille"),
        ("@", "a@b.fr", "a-b-fr"),
    ],
)
def test_racine_de_l_identifiant(prenom, nom, attendu):
    assert racine(prenom, nom) == attendu


def test_identifiants_tous_differents_en_une_requete(monde, django_assert_num_queries):
    with django_assert_num_queries(1):
        proposes = proposer([("Jean", "Dupont"), ("Jean", "DUPONT"), ("Zoé", "Neuf")])
    assert proposes == ["jean.dupont2", "jean.dupont3", "zoe.neuf"]


def test_mot_de_passe_provisoire_lisible_et_dans_les_regles():
    tires = {acces_mairie.mot_de_passe_provisoire(Utilisateur(identifiant="x")) for _ in range(50)}
    assert len(tires) == 50
    for tire in tires:
        validate_password(tire)
        assert re.fullmatch(r"(?:[A-Za-z3-9]{4}-){2}[A-Za-z3-9]{4}", tire)
        assert not set(tire) & set("0O1lI2Z5S8BcCsSvVwWxXzZuUpPiIoO")


def test_ouvrir_un_acces_par_adulte(nouvelle):
    acces = ouvrir(*nouvelle.responsables.all())
    assert [a.utilisateur.identifiant for a in acces] == ["helene.le-gall", "noe.d-orval"]
    for a in acces:
        compte = Utilisateur.objects.get(pk=a.utilisateur.pk)
        assert compte.check_password(a.mot_de_passe) and compte.doit_changer_mot_de_passe
        assert compte.mot_de_passe_expire_le == MAINTENANT + timedelta(days=settings.ACCES_JOURS)
        assert a.mot_de_passe not in str(vars(compte))
        # The couple shares the contact e-mail: neither gets it as log-in e-mail.
        assert compte.courriel == ""
        assert Responsable.objects.get(pk=a.responsable.pk).utilisateur == compte
    traces = Trace.objects.filter(action="acces.creer", famille=nouvelle.numero)
    assert traces.count() == 2 and not any(a.mot_de_passe in str(t.detail) for t in traces for a in acces)


def test_le_courriel_propre_devient_celui_de_connexion(monde):
    seule = famille("Ines", "SEULE")
    (acces,) = ouvrir(seule.responsables.get())
    assert acces.utilisateur.courriel == "ines.seule@exemple.fr"
    autre = famille("Ines", "SEULE")
    (homonyme,) = ouvrir(autre.responsables.get())
    assert (homonyme.utilisateur.identifiant, homonyme.utilisateur.courriel) == ("ines.seule2", "")


def test_deux_fois_c_est_une(nouvelle):
    ouvrir(*nouvelle.responsables.all())
    empreintes = list(Utilisateur.objects.values_list("password", flat=True))
    assert ouvrir(*nouvelle.responsables.all()) == []
    assert list(Utilisateur.objects.values_list("password", flat=True)) == empreintes


def test_famille_archivee_sans_acces(nouvelle):
    nouvelle.archivee_le = MAINTENANT.date()
    nouvelle.save()
    assert ouvrir(*nouvelle.responsables.all()) == []


def test_ouvrir_en_nombre_constant_de_requetes(db):
    une, trois = famille("A", "UNE"), [famille(p, "TROIS") for p in "BCD"]
    comptes = []
    Collectivite.actuelle()  # in the cache, as on any page
    for groupe in ([une], trois):
        pks = list(Responsable.objects.filter(famille__in=groupe).values_list("pk", flat=True))
        with CaptureQueriesContext(connection) as requetes:
            acces = acces_mairie.ouvrir(pks, None, MAINTENANT)
            pdf_lettres(acces, MAINTENANT)
        assert len(acces) == len(groupe)
        comptes.append(len(requetes))
    assert comptes[0] == comptes[1] <= 16


# --- the letter -------------------------------------------------------------------------------------------------


def texte_pdf(contenu: bytes) -> list[str]:
    return [
        page.extract_text().replace("\N{NO-BREAK SPACE}", " ") for page in PdfReader(BytesIO(contenu)).pages
    ]


def test_une_page_par_lettre(nouvelle):
    acces = ouvrir(*nouvelle.responsables.all())
    pages = texte_pdf(pdf_lettres(acces, MAINTENANT))
    assert len(pages) == 2
    for page, a in zip(pages, acces, strict=True):
        for attendu in (a.utilisateur.identifiant, a.mot_de_passe, "3 quai des Saules", "04990 BELRIVE"):
            assert attendu in page
        assert "23 décembre 2026" in page and "04 65 71 54 58" in page
    assert acces[1].mot_de_passe not in pages[0]


def test_lettre_au_nom_le_plus_long_sur_une_page(nouvelle):
    long = "Marie-Anne-Charlotte-Élisabeth DE LA ROCHEFOUCAULD-MONTBÉLIARD"
    Responsable.objects.filter(famille=nouvelle).update(prenom=long[:60], nom=long[20:], adresse="x " * 90)
    acces = ouvrir(*nouvelle.responsables.all())
    assert len(texte_pdf(pdf_lettres(acces, MAINTENANT))) == 2


def test_l_adresse_est_dans_la_fenetre_de_l_enveloppe(nouvelle):
    """DL envelope with its window at the right: the sheet's zone from 90 to 200 mm across, 45 to 75 mm down."""
    adulte(nouvelle, adresse="Bâtiment C\n3 quai des Saules", code_postal="04990", ville="Belrive")
    lettre = PdfReader(BytesIO(pdf_lettres(ouvrir(*nouvelle.responsables.all()), MAINTENANT))).pages[0]
    hauteur, vus, dedans = float(lettre.mediabox.height), {}, []

    def lire(texte, matrice, du_texte, police, taille):
        x = (matrice[0] * du_texte[4] + matrice[4]) * 25.4 / 72
        y = (hauteur - matrice[3] * du_texte[5] - matrice[5]) * 25.4 / 72
        if texte.strip():
            vus[" ".join(texte.split())] = (x, y)
            dedans.extend([texte.strip()] if 85 < x < 200 and 40 < y < 80 else [])

    lettre.extract_text(visitor_text=lire)
    for ligne in ("LE GALL", "Bâtiment C", "3 quai des Saules", "04990 BELRIVE"):
        x, y = next(lieu for mots, lieu in vus.items() if ligne in mots)
        assert 100 <= x <= 130 and 45 <= y <= 75, (ligne, x, y)
    # Nothing else shows through it, the password least of all.
    assert not any("Mot de passe" in mots or "Votre accès" in mots for mots in dedans)


# --- the admin --------------------------------------------------------------------------------------------------


@pytest.fixture
def mairie(monde):
    return monde.client(monde.agent)


def page(f) -> str:
    return f"/admin/familles/famille/{f.pk}/acces/"


def test_lettres_depuis_la_fiche(mairie, nouvelle):
    assert "Accès au portail" in mairie.get(f"/admin/familles/famille/{nouvelle.pk}/change/").content.decode()
    ecran = mairie.get(page(nouvelle)).content.decode()
    assert ecran.count("Aucun accès.") == 2
    choix = {f"r{r.pk}-geste": "lettre" for r in nouvelle.responsables.all()}
    reponse = mairie.post(page(nouvelle), choix)
    assert reponse["Content-Type"] == "application/pdf" and "attachment" in reponse["Content-Disposition"]
    assert "no-store" in reponse["Cache-Control"]
    pages = texte_pdf(reponse.content)
    secret = re.search(r"\b\w{4}-\w{4}-\w{4}\b", pages[0])[0]
    navigateur, entree = entrer("helene.le-gall", secret)
    assert entree.status_code == 302
    assert navigateur.get("/")["Location"] == "/mot-de-passe/modifier/"
    # Twice is once; the choice « lettre » is no longer offered.
    assert mairie.post(page(nouvelle), choix).status_code == 200
    assert "valable jusqu’au" in mairie.get(page(nouvelle)).content.decode()


def test_nouvelle_lettre_ferme_les_sessions(mairie, monde):
    jean = monde.client(monde.jean)
    assert est_entre(jean)
    titulaire = monde.jean.responsables.get()
    reponse = mairie.post(page(monde.jean), {f"r{titulaire.pk}-geste": "nouvelle"})
    assert reponse["Content-Type"] == "application/pdf"
    assert not est_entre(jean)
    assert Trace.objects.filter(action="acces.lettre", famille=monde.jean.numero).count() == 1


def test_il_faut_la_permission(monde, nouvelle):
    autre = monde.client(agent("limite", "familles.view_famille", "familles.change_famille"))
    assert autre.get(page(nouvelle)).status_code == 403
    assert autre.post(page(nouvelle), {}).status_code == 403
    assert (
        "Accès au portail" not in autre.get(f"/admin/familles/famille/{nouvelle.pk}/change/").content.decode()
    )
    assert monde.client(monde.jean).get(page(nouvelle)).status_code == 302


def test_un_pdf_impossible_ne_laisse_aucun_compte(mairie, nouvelle, monkeypatch):
    def casse(*_):
        raise RuntimeError

    monkeypatch.setattr("familles.admin_acces.pdf_lettres", casse)
    choix = {f"r{r.pk}-geste": "lettre" for r in nouvelle.responsables.all()}
    with pytest.raises(RuntimeError):
        mairie.post(page(nouvelle), choix)
    assert not Responsable.objects.filter(famille=nouvelle, utilisateur__isnull=False).exists()


# --- expiry -----------------------------------------------------------------------------------------------------


def test_le_mot_de_passe_provisoire_expire(nouvelle):
    (acces,) = ouvrir(nouvelle.titulaire())
    with time_machine.travel(MAINTENANT + timedelta(days=settings.ACCES_JOURS, seconds=1), tick=False):
        navigateur, reponse = entrer(acces.utilisateur.identifiant, acces.mot_de_passe)
        ecran = reponse.content.decode()
        assert "provisoire a expiré" in ecran and "04 65 71 54 58" in ecran
        assert not est_entre(navigateur)
        # Who does not know the password learns nothing of it.
        assert "expiré" not in entrer(acces.utilisateur.identifiant, "Autre2026")[1].content.decode()
    with time_machine.travel(MAINTENANT + timedelta(days=settings.ACCES_JOURS - 1), tick=False):
        assert entrer(acces.utilisateur.identifiant, acces.mot_de_passe)[1].status_code == 302


def test_un_mot_de_passe_choisi_n_expire_pas(nouvelle):
    (acces,) = ouvrir(nouvelle.titulaire())
    navigateur = Client()
    navigateur.force_login(acces.utilisateur)
    choisi = {"new_password1": "Tournesol7", "new_password2": "Tournesol7"}
    assert navigateur.post("/mot-de-passe/modifier/", choisi).status_code == 302
    with time_machine.travel(MAINTENANT + timedelta(days=400), tick=False):
        assert est_entre(entrer(acces.utilisateur.identifiant, "Tournesol7")[0])


# --- the activation link ----------------------------------------------------------------------------------------


def lien_de(courriel: Courriel) -> str:
    return re.search(r"http\S+(/activation/\S+)", courriel.texte)[1]


def inviter(mairie, f, rang: str = "titulaire") -> Courriel:
    qui = f.responsables.get(rang=rang)
    assert mairie.post(page(f), {f"r{qui.pk}-geste": "lien"}).status_code == 302
    return Courriel.objects.latest("pk")


def test_lien_d_activation(mairie, nouvelle):
    courriel = inviter(mairie, nouvelle)
    assert courriel.destinataire == "foyer@exemple.fr" and "helene.le-gall" in courriel.texte
    assert "Masqué" in mairie.get(f"/admin/socle/courriel/{courriel.pk}/change/").content.decode()
    parent = Client()
    ecran = parent.get(lien_de(courriel), follow=True)
    assert "helene.le-gall" in ecran.content.decode()
    adresse = ecran.redirect_chain[-1][0]
    faible = parent.post(adresse, {"new_password1": "court", "new_password2": "court"})
    assert "caractères" in faible.content.decode()
    choisi = {"new_password1": "Tournesol7", "new_password2": "Tournesol7"}
    assert parent.post(adresse, choisi)["Location"] == "/connexion/"
    assert est_entre(entrer("helene.le-gall", "Tournesol7")[0])
    # One use.
    assert "ne sert plus" in Client().get(lien_de(courriel), follow=True).content.decode()
    assert Trace.objects.filter(action="acces.activer").count() == 1


def test_le_lien_expire_et_ne_se_falsifie_pas(mairie, nouvelle):
    lien = lien_de(inviter(mairie, nouvelle))
    assert "ne sert plus" in Client().get(f"{lien[:-2]}x/", follow=True).content.decode()
    with time_machine.travel(timezone.now() + timedelta(days=settings.ACCES_JOURS, hours=1)):
        assert "ne sert plus" in Client().get(lien, follow=True).content.decode()


def test_le_lien_d_un_adulte_n_ouvre_pas_l_autre(mairie, nouvelle):
    premier = lien_de(inviter(mairie, nouvelle)).split("/")
    second = lien_de(inviter(mairie, nouvelle, "conjoint")).split("/")
    croise = "/".join([*premier[:2], second[2], premier[3], ""])
    assert "ne sert plus" in Client().get(croise, follow=True).content.decode()


def test_sans_courriel_pas_de_lien(mairie, nouvelle):
    Responsable.objects.filter(famille=nouvelle).update(email="")
    titulaire = nouvelle.titulaire()
    assert "un lien à" not in mairie.get(page(nouvelle)).content.decode()
    assert mairie.post(page(nouvelle), {f"r{titulaire.pk}-geste": "lien"}).status_code == 200
    with pytest.raises(acces_mairie.AccesRefuse):
        acces_mairie.inviter(titulaire.pk, None, MAINTENANT)
    assert not Utilisateur.objects.filter(identifiant="helene.le-gall").exists()


# --- one person, two households ---------------------------------------------------------------------------------


def test_rattacher_le_compte_de_la_meme_personne(mairie, monde):
    autre = famille("Jean", "DUPONT")
    qui = autre.responsables.get()
    jean = Utilisateur.objects.get(identifiant="jean.dupont")
    assert f"compte:{jean.pk}" in mairie.get(page(autre)).content.decode()
    assert mairie.post(page(autre), {f"r{qui.pk}-geste": f"compte:{jean.pk}"}).status_code == 302
    qui.refresh_from_db()
    assert qui.utilisateur == jean
    claire = Utilisateur.objects.get(identifiant="claire.martin")
    with pytest.raises(acces_mairie.AccesRefuse):
        acces_mairie.rattacher_compte(famille("Jean", "DUPONT").responsables.get().pk, claire.pk, None)
