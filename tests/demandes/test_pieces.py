"""Documents joined to a demande: left at the first step, kept through errors, sent once, read by whom they concern."""

import uuid
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.urls import reverse

from demandes.models import Demande, Depot, PieceDemande
from demandes.travail import supprimer_les_depots
from portail.socle.fichiers import deposer
from portail.socle.models import Fichier, Trace
from tests import factories
from tests.demandes.fabrique import demande, titulaire
from tests.messagerie.fabrique import PDF, image, televerse

MAINTENANT = datetime(2026, 11, 23, 9, 0, tzinfo=ZoneInfo("Europe/Paris"))
URL = "/compte/demande/caf/"
INCHANGE = {"regime": "", "organisme": "", "numero": "", "quotient": "845", "quotient_du": "2014-09-01"}
SAISIE = INCHANGE | {"regime": "general", "organisme": "caf", "numero": "1234567"}


@pytest.fixture(autouse=True)
def maintenant():
    with time_machine.travel(MAINTENANT, tick=False) as horloge:
        yield horloge


@pytest.fixture
def jeton() -> str:
    return str(uuid.uuid4())


def pdf(n: int, nom: str = ""):
    """A PDF unlike the others."""
    return televerse(nom or f"document {n}.pdf", PDF[:9] + b"%%%d\n" % n + PDF[9:])


def poster(client, jeton: str, *pieces, url: str = URL, **champs):
    return client.post(url, SAISIE | {"jeton": jeton, "pieces": list(pieces)} | champs)


def ouvrir(client, fichier, vue: str = "fichier") -> int:
    """Status of the answer, its file read to the end (and so closed)."""
    reponse = client.get(reverse(vue, args=[fichier]))
    if reponse.streaming:
        assert b"".join(reponse.streaming_content)
    return reponse.status_code


def noms(page) -> list[str]:
    """Documents the page shows as received."""
    return [d.fichier.nom for d in page.context["joints"].depots]


def erreurs(page) -> list[str]:
    return [e for liste in page.context["joints"].saisie.errors.values() for e in liste]


# --- two steps, without JavaScript --------------------------------------------------------------------------


def test_recu_a_la_premiere_etape_envoye_avec_la_demande(monde, jeton):
    client = monde.client(monde.jean)
    page = poster(client, jeton, pdf(1), televerse("photo.jpg", image("JPEG")))
    assert page.templates[0].name == "demandes/verifier.html"
    assert noms(page) == ["document 1.pdf", "photo.jpg"]
    assert (Demande.objects.count(), Depot.objects.count()) == (0, 2)
    recu = poster(client, jeton, confirmer="1", pieces_vues="2")
    faite = Demande.objects.get()
    assert recu.url == reverse("demande", args=[faite.pk])
    assert [p.fichier.nom for p in faite.pieces.all()] == ["document 1.pdf", "photo.jpg"]
    assert Depot.objects.count() == 0
    assert "document 1.pdf" in client.get(recu.url).text


def test_la_page_accepte_des_fichiers(monde):
    page = monde.client(monde.jean).get(URL)
    assert 'enctype="multipart/form-data"' in page.text
    assert 'accept="image/*,application/pdf,.pdf,.heic,.heif"' in page.text
    assert "vous pouvez photographier le document" in page.text


def test_modifier_montre_les_documents_recus(monde, jeton):
    client = monde.client(monde.jean)
    poster(client, jeton, pdf(1))
    page = poster(client, jeton, modifier="1", pieces_vues="1")
    assert page.templates[0].name == "demandes/formulaire.html"
    assert noms(page) == ["document 1.pdf"]
    assert "inutile de les choisir de nouveau" in page.text


def test_un_formulaire_refuse_garde_les_documents_et_le_dit(monde, jeton):
    client = monde.client(monde.jean)
    page = poster(client, jeton, pdf(1), quotient="abc", saisie="1")
    assert page.templates[0].name == "demandes/formulaire.html"
    assert "quotient" in page.context["formulaire"].errors
    assert noms(page) == ["document 1.pdf"]
    assert "inutile de les choisir de nouveau" in page.text
    assert noms(poster(client, jeton, quotient="", saisie="1", pieces_vues="1")) == ["document 1.pdf"]


def test_les_bons_fichiers_dun_lot_sont_gardes(monde, jeton):
    page = poster(monde.client(monde.jean), jeton, pdf(1), televerse("faux.pdf", b"<html>"), saisie="1")
    assert page.templates[0].name == "demandes/formulaire.html"
    assert noms(page) == ["document 1.pdf"]
    assert erreurs(page) == ["Le fichier «\xa0faux\xa0» n’est ni un PDF, ni une photo JPEG, PNG ou HEIC."]
    assert 'href="#id_pieces"' in page.text


def test_cinq_documents_au_plus(monde, jeton):
    client = monde.client(monde.jean)
    page = poster(client, jeton, *(pdf(n) for n in range(6)))
    assert (noms(page), erreurs(page)) == ([], ["Joignez 5 documents au plus."])
    assert len(noms(poster(client, jeton, *(pdf(n) for n in range(4))))) == 4
    page = poster(client, jeton, pdf(4), pdf(5), pieces_vues="4")
    assert erreurs(page) == ["5 documents au plus par demande. Vous pouvez encore en joindre 1."]
    assert len(noms(page)) == 4
    page = poster(client, jeton, pdf(4), pieces_vues="4")
    assert len(noms(page)) == 5
    page = poster(client, jeton, modifier="1", pieces_vues="5")
    assert 'name="pieces"' not in page.text
    page = poster(client, jeton, pdf(6), pieces_vues="5")
    assert erreurs(page) == ["5 documents au plus par demande. Retirez-en un pour en joindre un autre."]


def test_le_meme_fichier_deux_fois_nen_fait_quun(monde, jeton):
    client = monde.client(monde.jean)
    poster(client, jeton, pdf(1))
    assert noms(poster(client, jeton, pdf(1, "autre nom.pdf"), pieces_vues="1")) == ["document 1.pdf"]
    assert Fichier.objects.count() == 1


def test_retirer_au_recap(monde, jeton):
    client = monde.client(monde.jean)
    page = poster(client, jeton, pdf(1), pdf(2))
    premier = page.context["joints"].depots[0]
    chemin = Path(premier.fichier.contenu.path)
    page = poster(client, jeton, retirer_piece=premier.pk, pieces_vues="2")
    assert page.templates[0].name == "demandes/verifier.html"
    assert noms(page) == ["document 2.pdf"]
    assert Fichier.objects.count() == 1
    assert chemin.exists()  # deleted once the transaction is over: the test's never is


@pytest.mark.django_db(transaction=True)
def test_retirer_efface_le_fichier_du_disque(monde, jeton):
    client = monde.client(monde.jean)
    depot = poster(client, jeton, pdf(1)).context["joints"].depots[0]
    chemin = Path(depot.fichier.contenu.path)
    poster(client, jeton, retirer_piece=depot.pk, pieces_vues="1")
    assert not chemin.exists()


def test_retirer_au_formulaire_ne_juge_pas_la_saisie(monde, jeton):
    client = monde.client(monde.jean)
    depot = poster(client, jeton, pdf(1), saisie="1").context["joints"].depots[0]
    page = poster(client, jeton, quotient="abc", saisie="1", retirer_piece=depot.pk, pieces_vues="1")
    assert page.templates[0].name == "demandes/formulaire.html"
    assert (noms(page), page.context["formulaire"].errors) == ([], {})
    assert 'value="abc"' in page.text


def test_entree_au_clavier_ne_retire_rien(monde, jeton):
    """The first button of a form is the one Enter presses."""
    page = poster(monde.client(monde.jean), jeton, pdf(1), modifier="1")
    formulaire = page.text[page.text.index('<form method="post" class="carte formulaire"') :]
    assert "Continuer" in formulaire[formulaire.index("<button") : formulaire.index("</button>")]


def test_double_clic_envoie_une_fois(monde, jeton):
    client = monde.client(monde.jean)
    poster(client, jeton, pdf(1))
    premier = poster(client, jeton, confirmer="1", pieces_vues="1")
    second = poster(client, jeton, confirmer="1", pieces_vues="1")
    assert premier.url == second.url
    assert (Demande.objects.count(), PieceDemande.objects.count()) == (1, 1)


def test_documents_seuls(monde, jeton):
    """Nothing changes but a new proof: it may be sent all the same."""
    client = monde.client(monde.jean)
    page = poster(client, jeton, pdf(1), **INCHANGE)
    assert page.context["lignes"] == []
    assert "vous envoyez des documents" in page.text
    poster(client, jeton, confirmer="1", pieces_vues="1", **INCHANGE)
    faite = Demande.objects.get()
    assert (faite.donnees, faite.pieces.count()) == ({}, 1)
    faite.accepter(monde.agent, MAINTENANT)
    assert faite.etat == "acceptee"


def test_une_demande_remplacee_donne_ses_documents(monde, jeton):
    client = monde.client(monde.jean)
    poster(client, jeton, pdf(1), pdf(2))
    poster(client, jeton, confirmer="1", pieces_vues="2")
    ancienne = Demande.objects.get()
    un, deux = [p.fichier for p in ancienne.pieces.all()]
    page = client.get(URL)
    assert [f.nom for f in page.context["joints"].reprenables] == ["document 1.pdf", "document 2.pdf"]
    assert page.text.count("Reprendre document") == 2
    suite = str(uuid.uuid4())
    page = poster(client, suite, numero="7654321", reprises=[str(un.pk)], saisie="1")
    assert noms(page) == ["document 1.pdf"]
    poster(client, suite, numero="7654321", confirmer="1", pieces_vues="1")
    nouvelle = Demande.objects.exclude(pk=ancienne.pk).get()
    assert [p.fichier for p in nouvelle.pieces.all()] == [un]
    ancienne.refresh_from_db()
    assert (ancienne.etat, ancienne.pieces.count()) == ("retiree", 2)
    assert Fichier.objects.filter(pk__in=[un.pk, deux.pk]).count() == 2


def test_trop_de_documents_repris_se_dit(monde, jeton):
    """The new document comes first; nothing is left out without a word."""
    client = monde.client(monde.jean)
    poster(client, jeton, *(pdf(n) for n in range(5)))
    poster(client, jeton, confirmer="1", pieces_vues="5")
    cinq = [str(p.fichier_id) for p in PieceDemande.objects.all()]
    page = poster(client, str(uuid.uuid4()), pdf(9), numero="7", reprises=cinq, saisie="1")
    assert erreurs(page) == ["5 documents au plus par demande. Décochez ceux dont la mairie n’a plus besoin."]
    assert noms(page) == ["document 9.pdf"]
    assert page.text.count("Reprendre document") == 5


def test_retirer_un_document_repris_ne_le_supprime_pas(monde, jeton):
    client = monde.client(monde.jean)
    poster(client, jeton, pdf(1))
    poster(client, jeton, confirmer="1", pieces_vues="1")
    fichier = PieceDemande.objects.get().fichier
    suite = str(uuid.uuid4())
    page = poster(client, suite, numero="7", reprises=[str(fichier.pk)], saisie="1")
    poster(client, suite, numero="7", retirer_piece=page.context["joints"].depots[0].pk, pieces_vues="1")
    assert list(Fichier.objects.all()) == [fichier]
    assert Depot.objects.count() == 0


# --- what is lost, what is forgotten ------------------------------------------------------------------------


def test_un_document_disparu_avant_lenvoi_se_dit(monde, jeton):
    client = monde.client(monde.jean)
    poster(client, jeton, pdf(1), pdf(2))
    Depot.objects.order_by("pk").first().delete()
    page = poster(client, jeton, confirmer="1", pieces_vues="2")
    assert page.templates[0].name == "demandes/formulaire.html"
    assert "Un document n’est plus là" in page.text
    assert Demande.objects.count() == 0


def test_ce_qui_nest_jamais_envoye_est_supprime_apres_un_jour(monde, jeton, maintenant):
    client = monde.client(monde.jean)
    poster(client, jeton, pdf(1))
    maintenant.shift(timedelta(minutes=10))
    poster(client, jeton, pdf(2), pieces_vues="1")
    un_jour = MAINTENANT + timedelta(days=1)
    assert supprimer_les_depots(un_jour) == "0 documents jamais envoyés"
    assert supprimer_les_depots(un_jour + timedelta(seconds=1)) == "1 documents jamais envoyés"
    assert [d.fichier.nom for d in Depot.objects.all()] == ["document 2.pdf"]
    assert Fichier.objects.count() == 1


def test_un_disque_a_une_fin(monde):
    """Whoever leaves documents in form after form keeps the last thirty."""
    client = monde.client(monde.jean)
    for n in range(8):
        poster(client, str(uuid.uuid4()), *(pdf(10 * n + i) for i in range(5)))
    assert Depot.objects.count() == Fichier.objects.count() == 30


# --- three people -------------------------------------------------------------------------------------------


def test_le_depot_dun_autre_est_un_formulaire_vide(monde, jeton):
    poster(monde.client(monde.jean), jeton, pdf(1))
    depot = Depot.objects.get()
    for qui in (monde.jeanne, monde.claire):
        page = poster(monde.client(qui), jeton, retirer_piece=depot.pk, pieces_vues="0")
        assert noms(page) == []
        poster(monde.client(qui), jeton, confirmer="1")
        assert qui.demandes.get().pieces.count() == 0
    assert list(Depot.objects.all()) == [depot]


def test_un_brouillon_nest_lu_que_par_qui_la_depose(monde, jeton):
    poster(monde.client(monde.jean), jeton, pdf(1))
    fichier = Depot.objects.get().fichier_id
    conjoint = factories.utilisateur("second.adulte", prenom="Paul", nom="DUPONT")
    monde.jean.responsables.create(rang="conjoint", nom="DUPONT", prenom="Paul", utilisateur=conjoint)
    codes = [
        ouvrir(monde.client(qui), fichier)
        for qui in (monde.jean, conjoint, monde.jeanne, monde.claire, monde.agent)
    ]
    assert codes == [200, 404, 404, 404, 404]


def test_les_documents_dune_autre_demande_ne_se_reprennent_pas(monde, jeton):
    ailleurs = demande("caf", monde.claire, SAISIE)
    fichier = deposer(televerse("secret.pdf"), titulaire(monde.claire).utilisateur)
    PieceDemande.objects.create(demande=ailleurs, fichier=fichier)
    page = poster(monde.client(monde.jean), jeton, reprises=[str(fichier.pk)])
    assert noms(page) == []
    assert ouvrir(monde.client(monde.jean), fichier.pk) == 404


# --- who reads a document once it is sent -------------------------------------------------------------------


@pytest.fixture
def sante(monde) -> Demande:
    """A health demande of Jean about Léa, with a picture."""
    faite = demande("donnees-sanitaires", monde.jean, {"allergies": "Arachide"}, monde.lea, MAINTENANT)
    piece = deposer(televerse("PAI.png", image("PNG", (30, 20))), titulaire(monde.jean).utilisateur)
    PieceDemande.objects.create(demande=faite, fichier=piece)
    return faite


def test_trois_personnes(monde, sante):
    fichier = sante.pieces.get().fichier_id
    for vue in ("fichier", "fichier_apercu"):
        codes = [ouvrir(monde.client(q), fichier, vue) for q in (monde.jean, monde.jeanne, monde.claire)]
        assert codes == [200, 404, 404]


def test_fin_du_rattachement_session_ouverte(monde, sante):
    client, fichier = monde.client(monde.jean), sante.pieces.get().fichier_id
    assert ouvrir(client, fichier) == 200
    monde.lea.rattachements.filter(famille=monde.jean).update(au=MAINTENANT.date() - timedelta(days=1))
    assert [ouvrir(client, fichier, vue) for vue in ("fichier", "fichier_apercu")] == [404, 404]
    assert client.get(reverse("demande", args=[sante.pk])).status_code == 404


def test_lagent_habilite_et_les_autres(monde, sante):
    fichier = sante.pieces.get().fichier_id
    lire = ("demandes.view_demande", "demandes.traiter_demande")
    habilite = factories.agent("sante", *lire, "demandes.voir_sante")
    autre = factories.agent("accueil", *lire)
    banque = factories.agent("banque", *lire, "demandes.voir_banque")
    for vue in ("fichier", "fichier_apercu"):
        codes = [ouvrir(monde.client(qui), fichier, vue) for qui in (habilite, autre, banque)]
        assert codes == [200, 404, 404]
    fiche = reverse("admin:demandes_demande_change", args=[sante.pk])
    assert "PAI.png" in monde.client(habilite).get(fiche).text
    assert "PAI.png" not in monde.client(autre).get(fiche).text


def test_chaque_lecture_laisse_une_trace_sans_valeur(monde, sante):
    fichier = sante.pieces.get().fichier
    for qui, vue in ((monde.jean, "fichier"), (monde.agent, "fichier"), (monde.agent, "fichier_apercu")):
        ouvrir(monde.client(qui), fichier.pk, vue)
    traces = Trace.objects.filter(action="fichier.lire").order_by("pk")
    assert [(t.objet_id, t.famille, t.detail) for t in traces] == [
        (str(fichier.pk), monde.jean.numero, {})
    ] * 3


def test_lapercu_est_une_image_reecrite_rien_dautre(monde, sante):
    client = monde.client(monde.agent)
    page = client.get(reverse("admin:demandes_demande_change", args=[sante.pk]))
    adresse = reverse("fichier_apercu", args=[sante.pieces.get().fichier_id])
    assert f'<img src="{adresse}" alt="Aperçu de PAI.png"' in page.text
    reponse = client.get(adresse)
    assert b"".join(reponse.streaming_content).startswith(b"\x89PNG")
    assert reponse.headers["Content-Disposition"] == 'inline; filename="PAI.png"'
    assert reponse.headers["Content-Type"] == "image/png"
    assert reponse.headers["X-Content-Type-Options"] == "nosniff"
    assert reponse.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert reponse.headers["Cache-Control"] == "private, no-store"


def test_un_pdf_na_pas_dapercu(monde):
    faite = demande("caf", monde.jean, SAISIE, le=MAINTENANT)
    piece = deposer(televerse(), titulaire(monde.jean).utilisateur)
    PieceDemande.objects.create(demande=faite, fichier=piece)
    client = monde.client(monde.agent)
    assert (ouvrir(client, piece.pk), ouvrir(client, piece.pk, "fichier_apercu")) == (200, 404)
    fiche = client.get(reverse("admin:demandes_demande_change", args=[faite.pk])).text
    assert "attestation.pdf" in fiche
    assert "<img src" not in fiche[fiche.index("Documents joints") :]


# --- an answer to the town ----------------------------------------------------------------------------------


def test_repondre_a_un_complement_avec_un_document(monde, jeton):
    """The document joins the demande (its readers, its end), not the message."""
    faite = demande("caf", monde.jean, SAISIE, le=MAINTENANT)
    faite.demander_complement(monde.agent, "Envoyez l’attestation de novembre.", MAINTENANT)
    client, url = monde.client(monde.jean), reverse("demande", args=[faite.pk])
    page = client.post(url, {"texte": "", "jeton": jeton, "pieces": pdf(1)})
    assert page.status_code == 200
    assert noms(page) == ["document 1.pdf"]
    page = client.post(url, {"texte": "La voici.", "jeton": jeton, "pieces_vues": "1"})
    assert page.url == url
    faite.refresh_from_db()
    assert (faite.etat, [p.fichier.nom for p in faite.pieces.all()]) == ("envoyee", ["document 1.pdf"])
    assert faite.conversation.messages.last().texte == "La voici."
    assert Depot.objects.count() == 0


def test_ajouter_a_une_demande_qui_attend(monde):
    faite = demande("caf", monde.jean, SAISIE, le=MAINTENANT)
    client, url = monde.client(monde.jean), reverse("demande", args=[faite.pk])
    assert "Ajouter un document" in client.get(url).text
    client.post(url, {"joindre": "1", "pieces": [pdf(n) for n in range(4)]})
    page = client.post(url, {"joindre": "1", "pieces": [pdf(8), pdf(9)]})
    assert erreurs(page) == ["5 documents au plus par demande. Vous pouvez encore en joindre 1."]
    client.post(url, {"joindre": "1", "pieces": pdf(8)})
    assert faite.pieces.count() == 5
    assert 'name="pieces"' not in client.get(url).text
