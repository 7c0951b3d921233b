"""Each kind goes round: sent, accepted, the value changed; refused, nothing changed."""

from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError

from demandes.models import AChange, DejaTraitee, Demande
from demandes.types import TYPES
from enfants.models import AnneeScolaire, Enfant, Structure
from familles.models import CoordonneesBancaires, Responsable
from portail.socle.models import Courriel, Trace
from tests.demandes.fabrique import demande, formulaire, titulaire
from tests.factories import prestation

MAINTENANT = datetime(2026, 11, 23, 9, 0, tzinfo=ZoneInfo("Europe/Paris"))
JOUR = MAINTENANT.date()
IBAN = "FR7630006000011234567890189"
ADRESSE = {"civilite": "M", "adresse": "4 avenue du Verger", "code_postal": "84510", "ville": "Belrive"}


@pytest.fixture
def ecole(db) -> Structure:
    AnneeScolaire.objects.create(debut=date(2026, 9, 1), fin=date(2027, 8, 31))
    return Structure.objects.create(nom="École des Platanes", genre="ecole")


# code, what is typed, how to read what must have changed, what it becomes
COMPTE = [
    ("infos-responsable", ADRESSE, lambda m: titulaire(m.jean).adresse, "4 avenue du Verger"),
    (
        "conjoint",
        {"nom": "PETIT", "prenom": "Anne"},
        lambda m: getattr(m.jean.responsables.filter(rang="conjoint").first(), "nom", None),
        "PETIT",
    ),
    (
        "fiscales",
        {"annee": "2025", "revenu_fiscal_reference": "31200", "parts": "2,5", "personnes_a_charge": "2"},
        lambda m: getattr(m.jean.situations_fiscales.first(), "parts", None),
        Decimal("2.50"),
    ),
    (
        "caf",
        {"organisme": "caf", "numero": "1234567", "quotient": "612,50", "quotient_du": "2026-11-01"},
        lambda m: m.jean.quotient(JOUR).valeur,
        Decimal("612.50"),
    ),
    (
        "bancaires",
        {"titulaire": "DUPONT Jean", "iban": IBAN, "bic": "AGRIFRPP"},
        lambda m: getattr(CoordonneesBancaires.objects.filter(famille=m.jean).first(), "iban", None),
        IBAN,
    ),
]
ENFANT = [
    (
        "autorisations",
        {"droit_image": True},
        lambda m: getattr(_ligne(m.lea, "autorisations"), "droit_image", None),
        True,
    ),
    (
        "donnees-sanitaires",
        {"regime": "sans_porc", "allergies": "Arachide"},
        lambda m: getattr(_ligne(m.lea, "fiche_sanitaire"), "allergies", None),
        "Arachide",
    ),
]
ENFANT += [
    (
        "identite",
        {"prenom": "Léa-Rose", "naissance": "2018-03-15", "lieu_naissance": "Avignon"},
        lambda m: (Enfant.objects.get(pk=m.lea.pk).prenom, Enfant.objects.get(pk=m.lea.pk).naissance),
        ("Léa-Rose", date(2018, 3, 15)),
    ),
    (
        "personnes-autorisees",
        {"n1_civilite": "Mme", "n1_nom": "DUPONT", "n1_prenom": "Odile", "n1_lien": "Grand-mère"},
        lambda m: [p.nom_complet for p in m.lea.personnes_autorisees.filter(famille=m.jean)],
        ["Mme Odile DUPONT"],
    ),
    (
        "inscription",
        lambda m: {
            "prestation": str(prestation("Garderie matin").pk),
            "mode": "regulier",
            "jours": ["0", "1"],
            "du": "2026-12-01",
        },
        lambda m: [
            (i.famille_id == m.jean.pk, i.mode, i.jours_en_mots, i.du)
            for i in m.lea.inscriptions.exclude(prestation=m.cantine)
        ],
        [(True, "regulier", "lundi et mardi", date(2026, 12, 1))],
    ),
]
NOUVEAU = {
    "nom": "DUPONT",
    "prenom": "Nino",
    "sexe": "G",
    "naissance": "2023-04-02",
    "lieu_naissance": "Avignon",
}
COMPTE += [
    (
        "ajouter-enfant",
        NOUVEAU,
        lambda m: [e.prenom for e in Enfant.objects.de_la_famille(m.jean, JOUR)],
        ["Léa", "Tom", "Nino"],
    )
]
CAS = [(*c, False) for c in COMPTE] + [(*c, True) for c in ENFANT]


def _saisie(monde, saisie) -> dict:
    return saisie(monde) if callable(saisie) else saisie


def _ligne(enfant: Enfant, nom: str):
    return getattr(Enfant.objects.get(pk=enfant.pk), nom, None)


@pytest.mark.parametrize(("code", "saisie", "lire", "attendu", "enfant"), CAS, ids=[c[0] for c in CAS])
def test_acceptee_la_valeur_change(monde, code, saisie, lire, attendu, enfant):
    faite = demande(code, monde.jean, _saisie(monde, saisie), monde.lea if enfant else None, MAINTENANT)
    assert lire(monde) != attendu
    faite.accepter(monde.agent, MAINTENANT)
    faite = Demande.objects.get(pk=faite.pk)
    assert (faite.etat, faite.decidee_par) == ("acceptee", monde.agent)
    assert lire(monde) == attendu
    assert [e.genre for e in faite.evenements.all()] == ["envoyee", "acceptee"]
    assert Courriel.objects.filter(objet__contains=f"{faite.numero} est acceptée").count() == 1
    assert Trace.objects.filter(objet_id=str(faite.pk), action="demande_acceptee").count() == 1


@pytest.mark.parametrize(("code", "saisie", "lire", "attendu", "enfant"), CAS, ids=[c[0] for c in CAS])
def test_refusee_rien_ne_change(monde, code, saisie, lire, attendu, enfant):
    faite = demande(code, monde.jean, _saisie(monde, saisie), monde.lea if enfant else None, MAINTENANT)
    avant = lire(monde)
    faite.refuser(monde.agent, "Il manque un justificatif.", MAINTENANT)
    faite = Demande.objects.get(pk=faite.pk)
    assert (faite.etat, faite.motif) == ("refusee", "Il manque un justificatif.")
    assert lire(monde) == avant
    refus = Courriel.objects.get(objet=f"Votre demande {faite.numero} est refusée")
    # An agent's words about health or a bank account stay in the portal.
    assert ("Il manque un justificatif." in refus.texte) is not bool(faite.permission)


def test_chaque_genre_est_complet():
    """A new kind is a class and a line: what the pages need of it is there."""
    codes = [t.code for t in TYPES]
    assert len(set(codes)) == len(codes)
    assert all(t.code and t.libelle and t.filtre and t.icone for t in TYPES)
    assert {t.code for t in TYPES} - {c[0] for c in CAS} == {"reservations", "absences"}


def test_seuls_les_changements_sont_gardes(monde):
    demande("infos-responsable", monde.jean, ADRESSE, le=MAINTENANT).accepter(monde.agent, MAINTENANT)
    faite = demande("infos-responsable", monde.jean, {"ville": "Saint-Jean"}, le=MAINTENANT)
    assert (faite.donnees, faite.avant) == ({"ville": "Saint-Jean"}, {"ville": "Belrive"})


def test_rien_a_envoyer_si_rien_ne_change(monde):
    demande("infos-responsable", monde.jean, ADRESSE, le=MAINTENANT).accepter(monde.agent, MAINTENANT)
    with pytest.raises(ValidationError, match="rien changé"):
        demande("infos-responsable", monde.jean, {}, le=MAINTENANT)


def test_deux_fois_cest_une_fois(monde):
    faite = demande("infos-responsable", monde.jean, ADRESSE, le=MAINTENANT)
    faite.accepter(monde.agent, MAINTENANT)
    with pytest.raises(DejaTraitee, match=f"par {monde.agent}"):
        Demande.objects.get(pk=faite.pk).accepter(monde.agent, MAINTENANT)
    with pytest.raises(DejaTraitee):
        faite.refuser(monde.agent, "Trop tard", MAINTENANT)
    assert faite.evenements.count() == 2


def test_ce_qui_a_change_entre_temps_nest_pas_ecrase(monde):
    faite = demande("infos-responsable", monde.jean, ADRESSE, le=MAINTENANT)
    Responsable.objects.filter(famille=monde.jean).update(adresse="1 place Neuve")
    with pytest.raises(AChange):
        faite.accepter(monde.agent, MAINTENANT)
    assert titulaire(monde.jean).adresse == "1 place Neuve"
    faite.accepter(monde.agent, MAINTENANT, vu=faite.formulaire(JOUR).empreinte())
    assert titulaire(monde.jean).adresse == "4 avenue du Verger"


def test_ce_qui_nest_pas_demande_reste(monde):
    """A field changed since, that the demande does not touch, is neither a conflict nor overwritten."""
    faite = demande("infos-responsable", monde.jean, ADRESSE, le=MAINTENANT)
    Responsable.objects.filter(famille=monde.jean).update(profession="Vigneron")
    faite.accepter(monde.agent, MAINTENANT)
    assert titulaire(monde.jean).profession == "Vigneron"


def test_la_nouvelle_remplace_celle_qui_attend(monde):
    premiere = demande("infos-responsable", monde.jean, ADRESSE, le=MAINTENANT)
    seconde = demande("infos-responsable", monde.jean, ADRESSE | {"ville": "Ailleurs"}, le=MAINTENANT)
    assert Demande.objects.get(pk=premiere.pk).etat == "retiree"
    assert (premiere.numero, seconde.numero) == ("2026-0001", "2026-0002")


def test_complement_puis_reponse_puis_accord(monde):
    faite = demande("infos-responsable", monde.jean, ADRESSE, le=MAINTENANT)
    faite.demander_complement(monde.agent, "Quelle entrée ?", MAINTENANT)
    assert "Quelle entrée ?" in Courriel.objects.get(objet__startswith="Une précision").texte
    assert list(Demande.objects.a_traiter()) == []
    faite.repondre(titulaire(monde.jean).utilisateur, "Entrée B", MAINTENANT)
    assert list(Demande.objects.a_traiter()) == [faite]
    faite.accepter(monde.agent, MAINTENANT)
    assert [e.genre for e in faite.evenements.all()] == ["envoyee", "complement", "reponse", "acceptee"]


def test_pas_de_courriel_sans_autorisation(monde):
    Responsable.objects.filter(famille=monde.jean).update(autorisation_courriel=False)
    demande("infos-responsable", monde.jean, ADRESSE, le=MAINTENANT).accepter(monde.agent, MAINTENANT)
    assert not Courriel.objects.exists()


# --- quotient ---------------------------------------------------------------------------------------------------


def test_le_quotient_nest_jamais_retroactif(monde):
    """A proof valid since January counts from the day of the demande; the days before keep their price."""
    faite = demande("caf", monde.jean, {"quotient": "500", "quotient_du": "2026-01-01"}, le=MAINTENANT)
    faite.accepter(monde.agent, MAINTENANT.replace(day=30))
    lignes = [(q.du, q.au, q.valeur) for q in monde.jean.quotients.order_by("du")]
    assert lignes == [
        (date(2014, 9, 1), date(2026, 11, 22), Decimal(845)),
        (date(2026, 11, 23), None, Decimal(500)),
    ]


def test_le_numero_dallocataire_seul_ne_touche_pas_au_quotient(monde):
    demande("caf", monde.jean, {"numero": "7654321"}, le=MAINTENANT).accepter(monde.agent, MAINTENANT)
    assert monde.jean.quotients.count() == 1
    assert monde.jean.allocataire.numero == "7654321"


@pytest.mark.parametrize(
    ("saisie", "champ"),
    [
        ({"quotient": ""}, "quotient"),
        ({"quotient": "500", "quotient_du": ""}, "quotient_du"),
        ({"quotient": "500", "quotient_du": "2026-02-01", "quotient_au": "2026-01-01"}, "quotient_au"),
        ({"quotient": "500", "quotient_du": "2025-01-01", "quotient_au": "2025-12-31"}, "quotient_au"),
        ({"quotient": "-1", "quotient_du": "2026-02-01"}, "quotient"),
        ({"quotient": "NaN", "quotient_du": "2026-02-01"}, "quotient"),
    ],
)
def test_un_quotient_incoherent_est_refuse(monde, saisie, champ):
    monde.jean.quotients.update(du=date(2026, 1, 1), au=None)
    saisie = {"quotient_du": "", "quotient_au": ""} | saisie
    form = formulaire("caf", monde.jean, saisie, jour=JOUR)
    assert champ in form.errors


# --- bank -------------------------------------------------------------------------------------------------------


def test_un_iban_faux_est_refuse(monde):
    form = formulaire("bancaires", monde.jean, {"titulaire": "X", "iban": IBAN[:-1] + "0"}, jour=JOUR)
    assert "iban" in form.errors


# --- a new child ------------------------------------------------------------------------------------------------


def test_ajouter_un_enfant(monde, ecole):
    saisie = NOUVEAU | {"ecole": str(ecole.pk), "niveau": "PS"}
    faite = demande("ajouter-enfant", monde.jean, saisie, le=MAINTENANT)
    faite.accepter(monde.agent, MAINTENANT)
    nino = Enfant.objects.de_la_famille(monde.jean, JOUR).get(prenom="Nino")
    assert nino.scolarites.get().ecole == ecole
    assert Demande.objects.get(pk=faite.pk).enfant == nino


def test_ajouter_un_enfant_refuse(monde, ecole):
    faite = demande("ajouter-enfant", monde.jean, NOUVEAU, le=MAINTENANT)
    faite.refuser(monde.agent, "Cet enfant est déjà connu.", MAINTENANT)
    assert not Enfant.objects.filter(prenom="Nino").exists()


def test_lagent_rattache_lenfant_de_lautre_foyer(monde):
    """Knowing a name and a birth date attaches no child: the agent says it is the same one."""
    saisie = {"nom": "martin", "prenom": "Zoé", "sexe": "F", "naissance": "2018-03-14"}
    faite = demande("ajouter-enfant", monde.jean, saisie, le=MAINTENANT)
    faite.accepter(monde.agent, MAINTENANT, existant=monde.zoe)
    assert Enfant.objects.filter(prenom="Zoé").count() == 1
    assert monde.zoe in Enfant.objects.de_la_famille(monde.jean, JOUR)


def test_lenfant_deja_la_nest_pas_ajoute_deux_fois(monde):
    saisie = {"nom": "Dupont", "prenom": "léa", "sexe": "F", "naissance": "2018-03-14"}
    exacte = saisie | {"prenom": "Léa"}
    assert "prenom" in formulaire("ajouter-enfant", monde.jean, exacte, jour=JOUR).errors
