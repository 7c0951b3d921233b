"""What a request to the demonstration bank may say: reading, bounds, and Stripe's own errors.

Amounts are integer cents. Sentences of errors are Stripe's (API reference): the portal must not see a difference.
"""

import re
import secrets
from urllib.parse import parse_qsl, urlsplit

JOUR = 86_400
# Parameters of a session we take, then those of Stripe we accept and ignore; any other is a typing mistake.
PARAMS_SESSION = frozenset(
    """mode line_items customer_email client_reference_id metadata payment_intent_data success_url
    cancel_url expires_at locale expand ui_mode currency
    submit_type payment_method_types allowed_payment_method_types payment_method_options billing_address_collection
    customer_creation custom_text branding_settings adaptive_pricing phone_number_collection""".split()
)
PARAMS_REMBOURSEMENT = frozenset("payment_intent charge amount reason metadata expand".split())
LANGUES = frozenset(
    """auto bg cs da de el en en-GB es es-419 et fi fil fr fr-CA hi-IN hr hu id it ja ko lt lv ms mt nb nl
    pl pt pt-BR ro ru sk sl sv th tr vi zh zh-HK zh-TW""".split()
)
CHAMPS_SESSION = {
    "currency": "eur",
    "customer": None,
    "customer_details": None,
    "mode": "payment",
    "payment_intent": None,
    "payment_method_types": ["card"],
    "payment_status": "unpaid",
    "status": "open",
    "ui_mode": "hosted_page",
    "url": None,
}


class ErreurStripe(Exception):
    """An answer in Stripe's form of error; the message is for developers, hence in English like theirs."""

    def __init__(self, message, *, statut=400, type="invalid_request_error", code=None, param=None):
        super().__init__(message)
        self.statut = statut
        self.erreur = {"type": type, "code": code, "message": message, "param": param}

    def corps(self):
        return {"error": {cle: valeur for cle, valeur in self.erreur.items() if valeur is not None}}


def lire_formulaire(brut):
    """Form-encoded parameters (bytes) as nested dicts: `a[b][0]=x` is {"a": {"b": {"0": "x"}}}; `a[]=x` takes the next rank."""
    try:
        paires = parse_qsl(brut.decode(), keep_blank_values=True, errors="strict", max_num_fields=2000)
    except ValueError as erreur:
        raise ErreurStripe("Invalid request parameters: the body could not be read") from erreur
    racine = {}
    for cle, valeur in paires:
        if not re.fullmatch(r"[^\[\]]{1,100}(\[[^\[\]]{0,100}\]){0,6}", cle):
            raise ErreurStripe(
                f"Invalid parameter name: {cle[:100]}", code="parameter_unknown", param=cle[:100]
            )
        ici, noms = racine, cle.replace("]", "").split("[")
        for nom, suivant in zip(noms, [*noms[1:], None], strict=True):
            nom = nom or str(len(ici))
            if suivant is None:
                ici[nom] = valeur
            elif not isinstance(ici := ici.setdefault(nom, {}), dict):
                raise ErreurStripe("Invalid object", param=cle)
    return racine


def texte(source, nom, chemin=None, maxi=5000, requis=False):
    """A string or None. Stripe takes an empty string as « not given »."""
    chemin, valeur = chemin or nom, source.get(nom)
    if valeur is None or valeur == "":
        if requis:
            raise ErreurStripe(f"Missing required param: {chemin}.", code="parameter_missing", param=chemin)
        return None
    if not isinstance(valeur, str) or any(ord(c) < 32 and c not in "\t\r\n" for c in valeur):
        raise ErreurStripe(f"Invalid string: {chemin}", param=chemin)
    if len(valeur) > maxi:
        raise ErreurStripe(f"Invalid string: {chemin} must be at most {maxi} characters", param=chemin)
    return valeur


def entier(source, nom, chemin=None, mini=0, maxi=99_999_999, requis=False):
    chemin, valeur = chemin or nom, texte(source, nom, chemin, maxi=20, requis=requis)
    if valeur is None:
        return None
    # isdecimal alone would take digits of other alphabets
    if not re.fullmatch(r"-?[0-9]+", valeur):
        raise ErreurStripe(f"Invalid integer: {valeur}", code="parameter_invalid_integer", param=chemin)
    if not mini <= int(valeur) <= maxi:
        raise ErreurStripe(
            f"Invalid {chemin}: must be between {mini} and {maxi}",
            code="parameter_invalid_integer",
            param=chemin,
        )
    return int(valeur)


def branche(source, nom, chemin=None, requis=False):
    """A hash of parameters, `{}` when absent."""
    valeur = source.get(nom)
    if requis and not valeur:
        raise ErreurStripe(
            f"Missing required param: {chemin or nom}.", code="parameter_missing", param=chemin or nom
        )
    if valeur and not isinstance(valeur, dict):
        raise ErreurStripe("Invalid object", param=chemin or nom)
    return valeur or {}


def etiquettes(source, nom="metadata", chemin=None):
    valeurs, chemin = branche(source, nom, chemin), chemin or nom
    if len(valeurs) > 50 or any(len(cle) > 40 for cle in valeurs):
        raise ErreurStripe("Metadata takes at most 50 keys of at most 40 characters", param=chemin)
    return {cle: valeur for cle in valeurs if (valeur := texte(valeurs, cle, f"{chemin}[{cle}]", maxi=500))}


def adresse(source, nom, requis=False):
    """A URL of the portal. Plain ASCII only: it goes into a Location header and its origin into the CSP."""
    valeur = texte(source, nom, requis=requis)
    if valeur is None:
        return None
    try:
        morceaux = urlsplit(valeur)
        bonne = morceaux.port is None or morceaux.port > 0
    except ValueError:
        bonne = False
    if not (
        bonne
        and re.fullmatch(r"[!-~]+", valeur)
        and morceaux.scheme in ("http", "https")
        and re.fullmatch(r"([A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\])(:[0-9]+)?", morceaux.netloc)
    ):
        raise ErreurStripe("Not a valid URL", code="url_invalid", param=nom)
    return valeur


def verifier_noms(params, connus):
    for nom in params:
        if nom not in connus:
            raise ErreurStripe(f"Received unknown parameter: {nom}", code="parameter_unknown", param=nom)


def lire_lignes(params):
    """The line items of a session, in their order. Only price_data in euros: the portal has no catalogue at Stripe."""
    lignes = []
    brutes = branche(params, "line_items", requis=True)
    if len(brutes) > 100 or not all(re.fullmatch(r"[0-9]{1,4}", rang) for rang in brutes):
        raise ErreurStripe("Invalid array", param="line_items")
    for rang in sorted(brutes, key=int):
        ici = f"line_items[{rang}]"
        ligne = branche(brutes, rang, ici, requis=True)
        prix = branche(ligne, "price_data", f"{ici}[price_data]", requis=True)
        produit = branche(prix, "product_data", f"{ici}[price_data][product_data]", requis=True)
        monnaie = texte(prix, "currency", f"{ici}[price_data][currency]", requis=True)
        if monnaie.lower() != "eur":
            raise ErreurStripe(
                f"Invalid currency: {monnaie}. This bank only supports: eur",
                param=f"{ici}[price_data][currency]",
            )
        unitaire = entier(prix, "unit_amount", f"{ici}[price_data][unit_amount]", requis=True)
        quantite = entier(ligne, "quantity", f"{ici}[quantity]", mini=1, maxi=999_999, requis=True)
        nom = texte(produit, "name", f"{ici}[price_data][product_data][name]", maxi=250, requis=True)
        detail = texte(produit, "description", f"{ici}[price_data][product_data][description]", maxi=500)
        total = unitaire * quantite
        lignes.append(
            {
                "id": f"li_{secrets.token_hex(12)}",
                "object": "item",
                "amount_discount": 0,
                "amount_subtotal": total,
                "amount_tax": 0,
                "amount_total": total,
                "currency": "eur",
                "description": nom,
                "quantity": quantite,
                "price": {"object": "price", "currency": "eur", "unit_amount": unitaire, "type": "one_time"},
                "_detail": detail,
            }
        )
    return lignes


def lire_session(params, maintenant):
    """The fields of a new session from its parameters; `maintenant` is the bank's time (epoch)."""
    verifier_noms(params, PARAMS_SESSION)
    if texte(params, "mode", requis=True) != "payment":
        raise ErreurStripe("Invalid mode: this bank only supports payment", param="mode")
    if texte(params, "ui_mode") not in (None, "hosted", "hosted_page"):
        raise ErreurStripe("Invalid ui_mode: this bank only supports hosted_page", param="ui_mode")
    lignes, maintenant = lire_lignes(params), int(maintenant)
    total = sum(ligne["amount_total"] for ligne in lignes)
    verifier_total(total)
    courriel = texte(params, "customer_email", maxi=800)
    if courriel and not re.fullmatch(r"[^@\s<>]+@[^@\s<>]+\.[^@\s<>]+", courriel):
        raise ErreurStripe(f"Invalid email address: {courriel}", code="email_invalid", param="customer_email")
    langue = texte(params, "locale")
    if langue is not None and langue not in LANGUES:
        raise ErreurStripe(f"Invalid locale: {langue}", param="locale")
    return {
        **CHAMPS_SESSION,
        "amount_subtotal": total,
        "amount_total": total,
        "customer_email": courriel,
        "locale": langue,
        "client_reference_id": texte(params, "client_reference_id", maxi=200),
        "metadata": etiquettes(params),
        "success_url": adresse(params, "success_url", requis=True),
        "cancel_url": adresse(params, "cancel_url"),
        "expires_at": lire_fin(params, maintenant),
        "_lignes": lignes,
        "_intention": lire_intention(branche(params, "payment_intent_data")),
    }


def verifier_total(total):
    if not 50 <= total <= 99_999_999:
        code, borne = (
            ("amount_too_small", "at least €0.50")
            if total < 50
            else ("amount_too_large", "no more than €999,999.99")
        )
        raise ErreurStripe(f"The Checkout Session's total amount due must add up to {borne} eur", code=code)


def lire_fin(params, maintenant):
    """When the session expires (epoch): a day later unless asked."""
    fin = entier(params, "expires_at", maxi=10**12)
    if fin is None:
        return maintenant + JOUR
    # As strict as Stripe: « now + 30 min » to the second is too short by the time it arrives.
    borne = "at least 30 minutes" if fin < maintenant + 1800 else "less than 24 hours"
    if not maintenant + 1800 <= fin < maintenant + JOUR:
        raise ErreurStripe(
            f"The `expires_at` timestamp must be {borne} from Checkout Session creation.",
            param="expires_at",
        )
    return fin


def lire_intention(donnees):
    """What the payment intent of a session will carry."""
    ici = "payment_intent_data[{}]".format
    return {
        "metadata": etiquettes(donnees, "metadata", ici("metadata")),
        "description": texte(donnees, "description", ici("description"), maxi=1000),
        "receipt_email": texte(donnees, "receipt_email", ici("receipt_email"), maxi=800),
    }
