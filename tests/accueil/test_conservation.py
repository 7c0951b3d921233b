"""What « Données personnelles » promises is what the nightly work does: erased in time, money's papers untouched."""

from datetime import date, datetime, timedelta

import pytest
import time_machine
from django.core.files.base import ContentFile
from django.db import DatabaseError, transaction
from django.test import Client
from django.utils import timezone

from demandes.models import Demande
from enfants.models import (
    AnneeScolaire,
    Autorisations,
    FicheSanitaire,
    Inscription,
    LienAgenda,
    PersonneAutorisee,
    Pointage,
    Rattachement,
    Scolarite,
)
from facturation.encaissement import encaisser
from facturation.models import Facture, LigneFacture, Reglement
from familles.models import (
    Allocataire,
    Authentificateur,
    CoordonneesBancaires,
    Famille,
    MandatSepa,
    Responsable,
    Utilisateur,
)
from messagerie.models import Conversation
from portail.accueil import conservation
from portail.accueil.models import Page
from portail.accueil.travaux import TRAVAUX
from portail.socle.courriels import poster
from portail.socle.models import Collectivite, Courriel, Fichier, Trace
from tests.factories import structure
from tests.facturation import fabrique
from tests.familles.fabrique import entrer

pytestmark = pytest.mark.django_db
JOUR = date(2026, 11, 23)
MAINTENANT = datetime.fromisoformat("2026-11-23T03:00:00+01:00")
FIN = date(2023, 7, 7)
# Of an adult's sheet, all a paper of the accounts may need.
RESTE = {"civilite", "nom", "prenom", "rang"}


def vider(*enfants) -> None:
    for e in enfants:
        FicheSanitaire.objects.create(enfant=e, allergies="arachide", medecin="Dr Blanc")
        Autorisations.objects.create(enfant=e)


def passe(*familles) -> None:
    """Everything these households did is years old."""
    Famille.objects.filter(pk__in=[f.pk for f in familles]).update(
        cree_le=datetime(2015, 9, 1, tzinfo=MAINTENANT.tzinfo)
    )
    Inscription.objects.filter(famille__in=familles).update(au=FIN)


@pytest.fixture
def parti(monde):
    """Claire's household: everything the portal can hold of it, the last of it three years old."""
    claire = monde.claire
    claire.responsables.update(
        adresse="9 rue du Lavoir", telephone_mobile="06 39 98 11 22", profession="Menuisière", csp="6"
    )
    Allocataire.objects.create(famille=claire, organisme="caf", numero="7654321")
    CoordonneesBancaires.objects.create(
        famille=claire, titulaire="MARTIN Claire", iban="FR1420041010050500013M02606"
    )
    MandatSepa.objects.create(
        famille=claire, rum="R1", iban="FR1420041010050500013M02606", titulaire="MARTIN Claire"
    )
    vider(monde.zoe)
    PersonneAutorisee.objects.create(enfant=monde.zoe, famille=claire, nom="Blanc", prenom="Anne")
    vieux = datetime(2022, 5, 4, 12, tzinfo=MAINTENANT.tzinfo)
    conversation = Conversation.objects.create(
        famille=claire, objet="Goûter", creee_le=vieux, dernier_le=vieux
    )
    message = conversation.messages.create(auteur_nom="MARTIN Claire", texte="Bonjour", envoye_le=vieux)
    fichier = Fichier.objects.create(nom="a.pdf", type_mime="application/pdf", taille=1, empreinte="x")
    fichier.contenu.save("a", ContentFile(b"%PDF"))
    message.pieces.create(fichier=fichier)
    demande = Demande.objects.create(
        famille=claire,
        numero="2022-0001",
        type="infos-responsable",
        etat="acceptee",
        donnees={"profession": "Menuisière"},
        avant={"profession": ""},
        envoyee_par=Utilisateur.objects.get(identifiant="claire.martin"),
        envoyee_le=vieux,
        decidee_le=vieux,
    )
    joint = Fichier.objects.create(nom="b.pdf", type_mime="application/pdf", taille=1, empreinte="y")
    joint.contenu.save("b", ContentFile(b"%PDF"))
    demande.pieces.create(fichier=joint)
    facture = fabrique.facture(claire, 1000, jour=FIN)
    passe(claire)
    return facture


def payer(facture) -> None:
    encaisser(facture.famille, facture.regie, "cheque", facture.total_centimes, FIN, None)


class TestSante:
    def test_douze_mois_apres_la_derniere_inscription(self, monde):
        vider(monde.lea, monde.tom, monde.zoe)
        limites = {"zoe": JOUR - timedelta(days=367), "tom": JOUR - timedelta(days=364)}
        for nom, fin in limites.items():
            Inscription.objects.filter(pk=monde.inscriptions[nom].pk).update(au=fin)
        assert conservation.effacer_sante(JOUR) == 1
        assert set(FicheSanitaire.objects.values_list("enfant", flat=True)) == {monde.lea.pk, monde.tom.pk}
        assert set(Autorisations.objects.values_list("enfant", flat=True)) == {monde.lea.pk, monde.tom.pk}
        assert Trace.objects.get(action="conservation.sante").objet_id == str(monde.zoe.pk)
        assert conservation.effacer_sante(JOUR) == 0

    def test_a_l_ecole_rattache_depuis_peu_ou_demande_recente(self, monde):
        vider(monde.zoe)
        Inscription.objects.update(au=FIN)
        annee = AnneeScolaire.objects.create(debut=date(2026, 9, 1), fin=date(2027, 8, 31))
        ecole = Scolarite.objects.create(
            enfant=monde.zoe, annee=annee, ecole=structure("École", genre="ecole"), niveau="cp"
        )
        assert conservation.effacer_sante(JOUR) == 0
        ecole.delete()
        Rattachement.objects.filter(enfant=monde.zoe).update(du=JOUR)
        assert conservation.effacer_sante(JOUR) == 0
        Rattachement.objects.filter(enfant=monde.zoe).update(du=FIN)
        assert conservation.effacer_sante(JOUR) == 1

    def test_un_enfant_qui_vient_encore_ou_que_la_mairie_attend(self, monde):
        """Enrolled nowhere, and all the same there last month; or a demande nobody has answered."""
        vider(monde.zoe)
        Inscription.objects.update(au=FIN)
        venu = Pointage.objects.create(
            enfant=monde.zoe,
            prestation=monde.inscriptions["zoe"].prestation,
            jour=JOUR - timedelta(days=30),
            present=True,
        )
        assert conservation.effacer_sante(JOUR) == 0
        venu.delete()
        demande = Demande.objects.create(
            famille=monde.claire,
            enfant=monde.zoe,
            numero="2022-0009",
            type="donnees-sanitaires",
            envoyee_par=Utilisateur.objects.get(identifiant="claire.martin"),
            envoyee_le=datetime(2022, 5, 4, 12, tzinfo=MAINTENANT.tzinfo),
        )
        assert conservation.effacer_sante(JOUR) == 0
        Demande.objects.filter(pk=demande.pk).update(
            etat="refusee", motif="Incomplète", decidee_le=MAINTENANT
        )
        assert conservation.effacer_sante(JOUR) == 1

    def test_la_duree_est_un_reglage(self, monde, settings):
        settings.SANTE_MOIS = 60
        vider(monde.zoe)
        Inscription.objects.update(au=FIN)
        assert conservation.effacer_sante(JOUR) == 0


class TestFamille:
    def test_la_fiche_les_messages_l_acces(self, monde, parti):
        payer(parti)
        compte = Utilisateur.objects.get(identifiant="claire.martin")
        Authentificateur.objects.create(user=compte, name="Téléphone", confirmed=True)
        LienAgenda.objects.create(famille=monde.claire, utilisateur=compte, graine="x", empreinte="y")
        assert conservation.effacer_familles(MAINTENANT) == (1, 0)
        claire = Famille.objects.get(pk=monde.claire.pk)
        assert (claire.effacee_le, claire.archivee_le) == (JOUR, JOUR)
        adulte = claire.responsables.get()
        pleins = {
            c.name
            for c in Responsable._meta.concrete_fields
            if getattr(adulte, c.attname) not in ("", None, False)
        }
        assert pleins == RESTE | {"id", "famille"}
        compte = Utilisateur.objects.get(identifiant="claire.martin")
        assert (compte.is_active, compte.courriel, compte.nom, compte.has_usable_password()) == (
            False,
            "",
            "",
            False,
        )
        assert entrer("claire.martin")[1].status_code == 200
        for modele in (
            Allocataire,
            CoordonneesBancaires,
            FicheSanitaire,
            Autorisations,
            PersonneAutorisee,
            Authentificateur,
            Conversation,
            Fichier,
            LienAgenda,
        ):
            assert modele.objects.count() == 0, modele
        assert claire.quotients.count() == claire.residences.count() == 0
        demande = claire.demandes.get()
        assert (demande.donnees, demande.avant, demande.effaces) == ({}, {}, ["profession"])
        # The accounts' papers, the proof of the debits, the names they bear.
        assert (Facture.objects.count(), Reglement.objects.count(), MandatSepa.objects.count()) == (1, 1, 1)
        assert LigneFacture.objects.exists()
        assert (monde.zoe.prenom, claire.enfants.get()) == ("Zoé", monde.zoe)
        assert Trace.objects.get(action="conservation.famille").famille == claire.numero
        assert conservation.effacer_familles(MAINTENANT) == (0, 0)

    def test_jamais_avec_un_solde(self, monde, parti):
        """Owed to the town, or by it, even when two régies make zero together."""
        assert conservation.effacer_familles(MAINTENANT) == (0, 1)
        assert monde.claire.responsables.get().profession == "Menuisière"
        encaisser(monde.claire, fabrique.regie("Cantine", "CA"), "cheque", 1000, FIN, None)
        assert conservation.effacer_familles(MAINTENANT) == (0, 1)
        assert "1 familles gardées : solde à régler" in conservation.conserver(MAINTENANT)

    @pytest.mark.parametrize("signe", ["inscription", "connexion", "message", "facture", "creation", "ecole"])
    def test_un_signe_de_vie_suffit(self, monde, parti, signe):
        payer(parti)
        recent = datetime(2023, 12, 1, tzinfo=MAINTENANT.tzinfo)
        claire = monde.claire
        if signe == "inscription":
            claire.inscriptions.update(au=None)
        elif signe == "connexion":
            Utilisateur.objects.filter(identifiant="claire.martin").update(last_login=recent)
        elif signe == "message":
            claire.conversations.update(dernier_le=recent)
        elif signe == "facture":
            payer(fabrique.facture(claire, 500, jour=recent.date()))
        elif signe == "creation":
            Famille.objects.filter(pk=claire.pk).update(cree_le=recent)
        else:
            annee = AnneeScolaire.objects.create(debut=date(2023, 9, 1), fin=date(2024, 8, 31))
            ecole = structure("École", genre="ecole")
            Scolarite.objects.create(enfant=monde.zoe, annee=annee, ecole=ecole, niveau="cp")
        assert conservation.effacer_familles(MAINTENANT) == (0, 0)

    def test_l_autre_parent_d_un_enfant_accueilli_reste_joignable(self, monde):
        """Jeanne alone enrols Léa; Jean, who has asked nothing for years, is still whom the town may have to call."""
        passe(monde.jean, monde.jeanne)
        Inscription.objects.update(au=FIN)
        sienne = monde.inscriptions["tom"]
        lea = Inscription.objects.create(
            enfant=monde.lea, prestation=sienne.prestation, famille=monde.jeanne, du=FIN
        )
        PersonneAutorisee.objects.create(enfant=monde.lea, famille=monde.jean, nom="Blanc", prenom="Anne")
        assert conservation.effacer_familles(MAINTENANT)[0] == 0
        assert monde.jean.responsables.get().email and PersonneAutorisee.objects.exists()
        Rattachement.objects.filter(enfant=monde.lea, famille=monde.jean).update(au=FIN)
        assert conservation.effacer_familles(MAINTENANT)[0] == 1
        assert set(Famille.objects.filter(effacee_le=None)) == {monde.jeanne, monde.claire}
        assert lea.pk

    def test_l_enfant_de_deux_foyers_reste_a_l_autre(self, monde):
        vider(monde.lea, monde.tom)
        passe(monde.jean)
        Rattachement.objects.filter(famille=monde.jean).update(au=FIN)
        assert conservation.effacer_familles(MAINTENANT)[0] == 1
        assert set(FicheSanitaire.objects.values_list("enfant", flat=True)) == {monde.lea.pk}
        assert monde.client(monde.jeanne).get(f"/enfants/{monde.lea.pk}/").status_code == 200

    def test_qui_ouvre_une_autre_famille_garde_son_acces(self, monde, parti):
        payer(parti)
        claire = Utilisateur.objects.get(identifiant="claire.martin")
        Responsable.objects.create(
            famille=monde.jean, rang="conjoint", nom="MARTIN", prenom="Claire", utilisateur=claire
        )
        assert conservation.effacer_familles(MAINTENANT) == (1, 0)
        assert entrer("claire.martin")[1].status_code == 302

    def test_une_qui_echoue_n_arrete_pas_les_autres(self, monde, parti, monkeypatch):
        payer(parti)
        passe(monde.jeanne)
        vrai = conservation._effacer

        def casser(famille, maintenant):
            if famille == monde.jeanne:
                raise RuntimeError("x")
            vrai(famille, maintenant)

        monkeypatch.setattr(conservation, "_effacer", casser)
        assert conservation.effacer_familles(MAINTENANT) == (1, 0)
        assert Famille.objects.get(effacee_le=JOUR) == monde.claire


def test_les_traces_apres_un_an_et_pas_avant(db):
    maintenant = timezone.now()
    for jours in (1, 364, 370, 800):
        Trace.objects.create(
            qui="x",
            action=f"j{jours}",
            objet_type="x",
            objet_id="1",
            quand=maintenant - timedelta(days=jours),
        )
    for jours in (1, 364):
        with pytest.raises(DatabaseError, match="figée"), transaction.atomic():
            Trace.objects.filter(action=f"j{jours}").delete()
    # Nobody ages a row, nor the clock, to be rid of it.
    with pytest.raises(DatabaseError, match="figée"), transaction.atomic():
        Trace.objects.filter(action="j1").update(quand=maintenant - timedelta(days=800))
    with (
        time_machine.travel(maintenant + timedelta(days=400)),
        pytest.raises(DatabaseError, match="figée"),
        transaction.atomic(),
    ):
        conservation.conserver(timezone.now())
    assert conservation.conserver(maintenant).endswith("2 traces")
    assert set(Trace.objects.values_list("action", flat=True)) == {"j1", "j364"}


def test_les_courriels_apres_un_an(db):
    """Emptied and not deleted: the same cause posted again would write a second time."""
    maintenant = timezone.now()
    for etat, jours in (("envoye", 364), ("envoye", 370), ("echec", 370), ("a_envoyer", 370)):
        courriel = poster(
            f"{etat}:{jours}", "a@exemple.fr", "courriels/donnees_pretes.txt", {"expire_le": maintenant}
        )
        Courriel.objects.filter(pk=courriel.pk).update(etat=etat, cree_le=maintenant - timedelta(days=jours))
    assert "2 courriels" in conservation.conserver(maintenant)
    vides = Courriel.objects.filter(destinataire="", texte="", objet="Effacé").values_list("cle", flat=True)
    assert set(vides) == {"envoye:370", "echec:370"}
    assert (
        poster("envoye:370", "a@exemple.fr", "courriels/donnees_pretes.txt", {"expire_le": maintenant})
        is None
    )


def test_le_travail_est_dans_la_liste():
    assert "conservation" in {t.code for t in TRAVAUX}


def test_la_page_promet_les_durees_des_reglages(db, settings):
    Collectivite.objects.update_or_create(pk=1, defaults={"conservation_demandes_jours": 21})
    Collectivite.oublier()
    settings.SANTE_MOIS, settings.CONSERVATION_ANS, settings.CONNEXIONS_JOURS = 7, 4, 90
    page = Client().get("/donnees-personnelles/").content.decode()
    for mots in (
        "7 mois après sa dernière inscription",
        "4 ans après la dernière",
        "connexions\N{NO-BREAK SPACE}: 3 mois",
        "21 jours après la réponse",
    ):
        assert mots in page, mots
    assert "{" not in Page.lire("donnees-personnelles").texte.format_map(
        dict.fromkeys(
            (
                "commune",
                "demandes_jours",
                "adresse",
                "courriel",
                "telephone",
                "sante_mois",
                "conservation_ans",
                "connexions_mois",
            ),
            "",
        )
    )
