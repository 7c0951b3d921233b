"""The town hall's groups and their permissions, model by model. `manage.py groupes` writes them, again and again."""

from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.db import transaction

VOIR = ("view",)
TENIR = ("view", "add", "change")
TOUT = ("view", "add", "change", "delete")

# What a household is, to whoever works with families.
FAMILLES = {
    "familles": {
        ("famille", "responsable", "residence", "allocataire", "quotientfamilial", "situationfiscale"): TENIR,
    }
}
# Rows no group may delete, and those it may only read: written by the portal itself, or frozen once issued.
ECRITES_PAR_LE_PORTAIL = {
    "socle": ("trace", "courriel", "execution", "fichier"),
    "facturation": (
        "facture",
        "lignefacture",
        "compteur",
        "imputation",
        "evenementpaiement",
        "paiementenligne",
    ),
    "demandes": ("demandeevenement", "compteurdemande", "lecturedemande"),
    "enfants": ("reservationevenement",),
}

GROUPES: dict[str, dict] = {
    "Agents enfance": {
        "modeles": [
            FAMILLES,
            {
                "familles": {("utilisateur",): TENIR},
                # Whoever wrote their own AffectationAgent would choose what they see.
                "enfants": {
                    "*": TENIR,
                    ("fermeture", "jourferie", "periodevacances"): TOUT,
                    ("affectationagent",): VOIR,
                },
                "messagerie": {"*": TENIR},
                "demandes": {"*": VOIR, ("motifrefus",): TOUT},
                "accueil": {("information", "formulaire"): TOUT, ("page",): VOIR},
                "facturation": {("facture", "lignefacture"): VOIR},
            },
        ],
        "propres": (
            "demandes.traiter_demande",
            "demandes.voir_sante",
            "familles.creer_acces",
            "enfants.depasser_places",
        ),
    },
    "Régisseurs": {
        "modeles": [
            FAMILLES,
            {
                "familles": {("coordonneesbancaires", "mandatsepa"): TENIR},
                # Money needs no health sheet.
                "enfants": {"*": VOIR, ("fichesanitaire",): ()},
                "facturation": {"*": TENIR, ("tarif", "tranchetarif", "regieprestation", "brouillon"): TOUT},
                "messagerie": {"*": TENIR},
                "demandes": {"*": VOIR},
            },
        ],
        "propres": ("demandes.traiter_demande", "demandes.voir_banque", "facturation.*"),
    },
    "Administrateurs": {
        "modeles": [
            {
                "familles": {"*": TENIR},
                "enfants": {"*": TOUT},
                "facturation": {"*": TENIR},
                "messagerie": {"*": TENIR},
                "demandes": {"*": VOIR, ("motifrefus",): TOUT, ("reglagedemande",): TENIR},
                "accueil": {"*": TOUT},
                "socle": {"*": TENIR},
                "auth": {("group",): TOUT},
            }
        ],
        "propres": ("demandes.*", "facturation.*", "enfants.*", "messagerie.*", "familles.*"),
    },
}


def _codes(modeles: list[dict]) -> set[tuple[str, str]]:
    """(app, codename) of the ordinary permissions. « * » is every model of the app; a model named after it has
    its own.
    """
    codes = set()
    for regles in modeles:
        for app, lignes in regles.items():
            permis = {}
            for noms, verbes in lignes.items():
                permis |= dict.fromkeys(_noms(app) if noms == "*" else noms, verbes)
            for nom, verbes in permis.items():
                apps.get_model(app, nom)  # a misspelt model is an error here, not a silent hole
                verbes = VOIR if nom in ECRITES_PAR_LE_PORTAIL.get(app, ()) else verbes
                codes |= {(app, f"{verbe}_{nom}") for verbe in verbes}
    return codes


def _noms(app: str) -> list[str]:
    return [m._meta.model_name for m in apps.get_app_config(app).get_models()]


def _propres(app: str) -> set[tuple[str, str]]:
    """The permissions this app's models declare themselves (« Peut traiter les demandes »)."""
    modeles = apps.get_app_config(app).get_models()
    return {(app, code) for modele in modeles for code, _ in modele._meta.permissions}


def _voulues(groupe: dict) -> set[tuple[str, str]]:
    codes = _codes(groupe["modeles"])
    for nom in groupe["propres"]:
        app, _, code = nom.partition(".")
        codes |= _propres(app) if code == "*" else {(app, code)}
    return codes


@transaction.atomic
def installer() -> dict[str, int]:
    """Create the three groups and set exactly their permissions; how many each holds. Raises on an unknown one."""
    connues = {
        (p.content_type.app_label, p.codename): p for p in Permission.objects.select_related("content_type")
    }
    bilan = {}
    for nom, groupe in GROUPES.items():
        voulues = _voulues(groupe)
        manquantes = voulues - connues.keys()
        if manquantes:
            raise LookupError(f"{nom} : {sorted(manquantes)}")
        cree, _ = Group.objects.get_or_create(name=nom)
        cree.permissions.set([connues[code] for code in voulues])
        bilan[nom] = len(voulues)
    return bilan
