"""Stripe's addresses: which verb of the bank answers which path, lists and `expand[]` included."""

import re

from portail.demonstration.banque_etat import GENRES, Etat, montrer
from portail.demonstration.banque_params import ErreurStripe, branche, entier, texte, verifier_noms

COLLECTIONS = {  # path: (object, filters of its list)
    "checkout/sessions": ("checkout.session", ("payment_intent", "status")),
    "payment_intents": ("payment_intent", ()),
    "charges": ("charge", ("payment_intent",)),
    "refunds": ("refund", ("payment_intent", "charge")),
    "events": ("event", ("type",)),
}
CREATIONS = {"checkout/sessions": Etat.creer_session, "refunds": Etat.rembourser}
CHEMIN = re.compile(rf"/v1/({'|'.join(COLLECTIONS)})(?:/([A-Za-z0-9_]{{1,255}})(?:/(expire|line_items))?)?")
PARAMS_LISTE = {"limit", "starting_after", "ending_before", "created", "types", "delivery_success", "expand"}


def inconnu(methode, chemin):
    return ErreurStripe(f"Unrecognized request URL ({methode}: {chemin[:200]}).", statut=404)


def repondre(etat, methode, chemin, params):
    """The object to show for a request; ErreurStripe otherwise."""
    adresse = CHEMIN.fullmatch(chemin)
    collection, identifiant, suite = adresse.groups() if adresse else (None, None, None)
    session = collection == "checkout/sessions"
    match methode, identifiant is not None, suite:
        case "POST", False, None if collection in CREATIONS:
            return etendre(etat, CREATIONS[collection](etat, params), params)
        case "POST", True, "expire" if session:
            return etendre(etat, etat.expirer(identifiant), params)
        case "GET", True, "line_items" if session:
            return lignes(
                etat.lire("checkout.session", identifiant), f"/v1/{collection}/{identifiant}/line_items"
            )
        case "GET", True, None if collection:
            return etendre(etat, etat.lire(COLLECTIONS[collection][0], identifiant), params)
        case "GET", False, None if collection:
            return lister(etat, collection, params)
    raise inconnu(methode, chemin)


def lignes(session, url):
    donnees = [montrer(ligne) for ligne in session["_lignes"]]
    return {"object": "list", "url": url, "has_more": False, "data": donnees}


def etendre(etat, objet, params):
    """The object with what `expand[]` asks for put in place of its ids."""
    vu = montrer(objet)
    for chemin in branche(params, "expand").values():
        tete, _, reste = chemin.partition(".") if isinstance(chemin, str) else ("", "", "")
        genre = "charge" if tete == "latest_charge" else tete
        if tete == "line_items" and "_lignes" in objet:
            vu[tete] = {
                "object": "list",
                "data": [montrer(ligne) for ligne in objet["_lignes"]],
                "has_more": False,
            }
        elif genre not in GENRES or tete not in objet:
            raise ErreurStripe(f"This property cannot be expanded ({tete}).", param="expand")
        elif objet[tete]:
            vu[tete] = etendre(etat, etat.lire(genre, objet[tete]), {"expand": {"0": reste} if reste else {}})
    return vu


def lister(etat, collection, params):
    """A page of Stripe's list, newest first: filters, created[gte…], limit, starting_after, ending_before."""
    genre, filtres = COLLECTIONS[collection]
    verifier_noms(params, PARAMS_LISTE.union(filtres))
    objets = etat.tous(genre)
    for nom in filtres:
        if voulu := texte(params, nom):
            objets = [objet for objet in objets if objet[nom] == voulu]
    if types := branche(params, "types"):
        objets = [objet for objet in objets if objet.get("type") in types.values()]
    moment = params.get("created") or {}
    bornes = moment if isinstance(moment, dict) else {"gte": moment, "lte": moment}
    compare = {"gt": int.__gt__, "gte": int.__ge__, "lt": int.__lt__, "lte": int.__le__}
    for nom in bornes:
        if nom not in compare:
            raise ErreurStripe(
                f"Received unknown parameter: created[{nom}]", code="parameter_unknown", param="created"
            )
        borne = entier(bornes, nom, f"created[{nom}]", maxi=10**12) or 0
        objets = [objet for objet in objets if compare[nom](objet["created"], borne)]
    limite = entier(params, "limit", mini=1, maxi=100) or 10
    rangs = {objet["id"]: rang for rang, objet in enumerate(objets)}
    debut, fin = 0, len(objets)
    if apres := texte(params, "starting_after"):
        debut = rangs.get(etat.lire(genre, apres)["id"], fin) + 1
    if avant := texte(params, "ending_before"):
        fin = rangs.get(etat.lire(genre, avant)["id"], 0)
        debut = max(debut, fin - limite)
    page = objets[debut : min(fin, debut + limite)]
    reste = debut > 0 if avant else debut + limite < len(objets)
    return {
        "object": "list",
        "url": f"/v1/{collection}",
        "has_more": reste,
        "data": [montrer(objet) for objet in page],
    }
