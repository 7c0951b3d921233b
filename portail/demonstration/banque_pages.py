"""The French pages of the demonstration bank.

No script, no inline style: banque.css is their sheet. Every value is escaped here.
"""

from datetime import datetime
from html import escape
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

PARIS = ZoneInfo("Europe/Paris")
JOURS = "lundi mardi mercredi jeudi vendredi samedi dimanche".split()
MOIS = "janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split()
INSECABLE, FINE = "\N{NO-BREAK SPACE}", "\N{NARROW NO-BREAK SPACE}"

# The bank's mark: the portal's arch and river, on a coin.
MARQUE = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 44 44"><circle cx="22" cy="22" r="20" fill="#edb047"/>'
    '<circle cx="22" cy="22" r="16" fill="#0a4241"/><path fill="#edb047" d="M13 32V20a9 9 0 0 1 18 0v12h-4.500V20.500a4.500'
    ' 4.500 0 0 0-9 0V32z"/><path fill="none" stroke="#7fd3c6" stroke-width="2.500" stroke-linecap="round" '
    'd="M9.500 31.500c4 0 4-2 8.300-2s4.300 2 8.400 2 4.200-2 8.300-2"/></svg>'
)
SIGNES = {
    "info": '<circle cx="12" cy="12" r="8.500"/><path d="M12 11.250v5M12 7.900v.2"/>',
    "refus": '<path d="m6 6 12 12M18 6 6 18"/>',
    "fait": '<path d="m4.500 12.500 5 5 10-11"/>',
    "sablier": '<path d="M6.500 3.750h11M6.500 20.250h11M8 3.750c0 5 8 6.500 8 16.500M16 3.750c0 5-8 6.500-8 16.500"/>',
    "cadenas": '<rect x="5" y="10.500" width="14" height="9.500" rx="2"/><path d="M8 10.500V8a4 4 0 0 1 8 0v2.500M12 14.250v2"/>',
}


def montant(centimes):
    """120,60 € with the spaces that do not break."""
    return f"{centimes // 100:,}".replace(",", FINE) + f",{centimes % 100:02d}{INSECABLE}€"


def moment(instant):
    """mardi 24 novembre, 18 h 05 (town time)."""
    jour = datetime.fromtimestamp(instant, PARIS)
    numero = "1er" if jour.day == 1 else jour.day
    return (
        f"{JOURS[jour.weekday()]}{INSECABLE}{numero}{INSECABLE}{MOIS[jour.month - 1]}, "
        f"{jour.hour}{INSECABLE}h{INSECABLE}{jour.minute:02d}"
    )


def politique(session=None):
    """The Content-Security-Policy of a page. A POST answered by a redirect to the portal needs its origin listed."""
    adresses = (session["success_url"], session["cancel_url"]) if session else ()
    origines = sorted({f"{m.scheme}://{m.netloc}" for m in map(urlsplit, filter(None, adresses))})
    return (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
        + " ".join(["form-action 'self'", *origines])
    )


def retour(session):
    """Where the portal waits for a paid session."""
    return session["success_url"].replace("{CHECKOUT_SESSION_ID}", session["id"])


def signe(nom):
    return f'<svg class="signe" viewBox="0 0 24 24" aria-hidden="true" focusable="false">{SIGNES[nom]}</svg>'


def document(titre, contenu):
    return f"""<!doctype html>
<html lang="fr">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{escape(titre)} – Banque de démonstration</title>
<link rel="stylesheet" href="/banque.css">
<link rel="icon" href="/marque.svg" type="image/svg+xml">
</head>
<body>
<header class="tete"><div class="large">
<img src="/marque.svg" alt="" width="44" height="44">
<p><strong>Banque de démonstration</strong> <span>Paiement d’essai du portail famille</span></p>
</div></header>
<main class="large">
<p class="avis">{signe("info")}<span><strong>Banque de démonstration — aucun argent réel.</strong>
Aucune carte n’est demandée et rien ne sera débité.</span></p>
{contenu}
</main>
</body>
</html>
"""


def page_message(titre, phrase, nom="info", lien=None):
    """One sentence and, when there is somewhere to go, one way out."""
    sortie = f'<a class="bouton" href="{escape(lien)}">Revenir au portail</a>' if lien else ""
    return document(
        titre,
        f"""<section class="carte message">
<span class="rond rond-{nom}">{signe(nom)}</span>
<h1>{escape(titre)}</h1>
<p>{escape(phrase)}</p>
{sortie}
</section>""",
    )


INTROUVABLE = page_message(
    "Paiement introuvable", "Cette adresse ne mène à aucun paiement. Recommencez depuis le portail.", "refus"
)
INCOMPRIS = page_message(
    "Réponse non comprise",
    "Rien n’a été débité. Revenez à la page précédente et choisissez une réponse.",
    "refus",
)


def page_close(session):
    """A session that is not payable any more: paid, or expired."""
    somme = montant(session["amount_total"])
    if session["status"] == "complete":
        return page_message(
            "C’est déjà payé",
            f"Ce paiement de {somme} est enregistré. Vous n’avez rien d’autre à faire.",
            "fait",
            retour(session),
        )
    return page_message(
        "Ce paiement n’est plus ouvert",
        "Le délai est passé ou le paiement a été annulé. Rien n’a été "
        "débité. Pour payer, recommencez depuis le portail.",
        "sablier",
        session["cancel_url"],
    )


def page_paiement(session, marchand, refus):
    """The page where the visitor plays the bank's answer. `refus`: the last try was declined."""
    somme = montant(session["amount_total"])
    lignes = "".join(ligne_tableau(ligne) for ligne in session["_lignes"])
    alerte = (
        f"""<p class="refus" role="alert">{signe("refus")}<span><strong>Votre carte a été refusée.</strong>
Rien n’a été débité. Vous pouvez essayer encore ou revenir au portail.</span></p>"""
        if refus
        else ""
    )
    abandon = (
        f"""<a class="lien" href="{escape(session["cancel_url"])}">Abandonner et revenir au portail</a>
"""
        if session["cancel_url"]
        else ""
    )
    return document(
        f"{'Carte refusée. ' if refus else ''}Payer {somme}",
        f"""{alerte}
<h1>Payer {somme}</h1>
<p class="marchand">À régler à {escape(marchand)}</p>
<div class="colonnes">
<section class="carte" aria-labelledby="detail">
<h2 id="detail">Ce que vous payez</h2>
<table>
<thead class="cache"><tr><th scope="col">Objet</th><th scope="col">Montant</th></tr></thead>
<tbody>{lignes}</tbody>
<tfoot><tr><th scope="row">Total</th><td>{somme}</td></tr></tfoot>
</table>
</section>
<section class="carte" aria-labelledby="reponse">
<h2 id="reponse">Votre paiement</h2>
<dl>
<div><dt>Adresse e-mail</dt><dd>{escape(session["customer_email"] or "Non renseignée")}</dd></div>
<div><dt>À payer avant</dt><dd>{moment(session["expires_at"])}</dd></div>
</dl>
<form method="post">
<button class="bouton" name="choix" value="payer">{signe("cadenas")}Payer {somme}</button>
<button class="bouton second" name="choix" value="refuser" aria-describedby="aide">Refuser le paiement</button>
<p class="aide" id="aide">« Refuser » joue une carte refusée par la banque{INSECABLE}: vous pourrez essayer encore.</p>
</form>
{abandon}</section>
</div>""",
    )


def ligne_tableau(ligne):
    precisions = [escape(ligne["_detail"])] if ligne["_detail"] else []
    if ligne["quantity"] > 1:
        precisions.append(f"{ligne['quantity']}{INSECABLE}× {montant(ligne['price']['unit_amount'])}")
    detail = "".join(f"<span>{precision}</span>" for precision in precisions)
    return (
        f'<tr><th scope="row">{escape(ligne["description"])}{detail}</th>'
        f"<td>{montant(ligne['amount_total'])}</td></tr>\n"
    )
