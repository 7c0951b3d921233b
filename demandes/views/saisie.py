"""The forms of « Mon compte » and « Mes enfants »: type, compare, send."""

import uuid
from datetime import date

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone

from demandes.depots import Guichet, Joints, taire
from demandes.envoi import attentes, envoyer, meme_sujet
from demandes.forms import Envoi
from demandes.models import Demande
from demandes.textes import avant_apres
from demandes.types import COMPTE, ENFANT, PAR_CODE, SANS_AUTORITE, AjouterEnfant, TypeDemande
from enfants.models import Enfant, Rattachement
from familles.acces import famille_de
from familles.models import Famille
from portail.socle.traces import tracer

FORMULAIRE = "demandes/formulaire.html"
RIEN_CHANGE = "Vous n’avez rien changé\N{NO-BREAK SPACE}: il n’y a rien à envoyer."


def _genre(code: str, categorie: str) -> type[TypeDemande]:
    genre = PAR_CODE.get(code)
    if genre is None or genre.categorie != categorie or genre.planning or genre is AjouterEnfant:
        raise Http404
    return genre


def demande_compte(request: HttpRequest, code: str) -> HttpResponse:
    """`/compte/demande/<code>/`: the adults, taxes, benefits, bank."""
    famille = famille_de(request)
    return _saisie(request, famille, _genre(code, COMPTE), None, reverse("compte"))


def enfant_ajouter(request: HttpRequest) -> HttpResponse:
    """`/enfants/ajouter/`."""
    famille = famille_de(request)
    return _saisie(request, famille, AjouterEnfant, None, reverse("enfants"))


def demande_enfant(request: HttpRequest, pk, code: str) -> HttpResponse:
    """`/enfants/<uuid>/demande/<code>/`: one of the household's present children."""
    famille = famille_de(request)
    jour = timezone.localdate()
    enfant = get_object_or_404(Enfant.objects.de_la_famille(famille, jour), pk=pk)
    genre = _genre(code, ENFANT)
    retour = reverse("enfant", args=[enfant.pk])
    liens = Rattachement.objects.filter(Rattachement.en_cours("", jour), enfant=enfant, famille=famille)
    if genre.autorite_parentale and not liens.filter(autorite_parentale=True).exists():
        messages.error(request, SANS_AUTORITE)
        return redirect(retour)
    return _saisie(request, famille, genre, enfant, retour)


def _attente(
    famille: Famille, genre: type[TypeDemande], enfant: Enfant | None, reprise: uuid.UUID | None
) -> Demande | None:
    """The waiting demande this page takes up: named in its address, or the only one a kind may have."""
    if reprise is not None:
        nommee = attentes(famille, genre, enfant).filter(pk=reprise).first()
        if nommee is not None:
            return nommee
    return meme_sujet(famille, genre, enfant)


def _autres(
    famille: Famille, genre: type[TypeDemande], enfant: Enfant | None, attente: Demande | None
) -> list[tuple[Demande, str]]:
    """Waiting beside the one taken up, of a kind that has one by service or by new child."""
    lignes = attentes(famille, genre, enfant) if genre.cle else ()
    return [(d, genre.en_bref(d)) for d in lignes if d != attente]


def _jeton(famille: Famille, envoi: Envoi) -> uuid.UUID:
    """The token of this form. What is not one is replaced; so is that of a form already sent, found again with the back
    button and changed: another demande, not a second click on the first.
    """
    jeton = envoi.cleaned_data.get("jeton") or uuid.uuid4()
    if envoi.data.get("jeton") and not envoi.cleaned_data.get("confirmer"):
        return uuid.uuid4() if famille.demandes.filter(jeton=jeton).exists() else jeton
    return jeton


def _formulaire(
    poste,
    famille: Famille,
    genre: type[TypeDemande],
    enfant: Enfant | None,
    attente: Demande | None,
    jour: date,
) -> TypeDemande:
    """The kind's form over the current values, or over those of the demande taken up."""
    propose = attente.donnees if attente else None
    return genre(poste, famille=famille, enfant=enfant, jour=jour, propose=propose)


def _tracer_la_sante(request: HttpRequest, famille: Famille, genre: type[TypeDemande], enfant) -> None:
    """The form shows the sheet."""
    if enfant and genre.permission == "demandes.voir_sante":
        tracer(request.user, "voir_sante", enfant, famille=famille, quoi="formulaire")


def _saisie(
    request: HttpRequest, famille: Famille, genre: type[TypeDemande], enfant: Enfant | None, retour: str
) -> HttpResponse:
    """GET: current values. POST: avant → après. POST with `confirmer`: sent, then the receipt."""
    maintenant = timezone.now()
    poste = request.POST if request.method == "POST" else None
    envoi = Envoi(request.GET if poste is None else poste)
    envoi.is_valid()
    etape = envoi.cleaned_data
    jeton = _jeton(famille, envoi)
    attente = _attente(famille, genre, enfant, etape.get("reprise"))
    formulaire = _formulaire(poste, famille, genre, enfant, attente, timezone.localdate(maintenant))
    joints = Joints(Guichet(famille, request.user, jeton), genre.pieces, attente)
    # After the documents were read: a second click must find its demande, not « a document went away ».
    if etape.get("confirmer") and (deja := famille.demandes.filter(jeton=jeton).first()):
        return redirect("demande", pk=deja.pk)
    joints.recevoir(request, maintenant)
    _tracer_la_sante(request, famille, genre, enfant)
    contexte = {
        "genre": genre,
        "enfant": enfant,
        "retour": retour,
        "attente": attente,
        "autres": _autres(famille, genre, enfant, attente),
        "formulaire": formulaire,
        "joints": joints,
        "jeton": jeton,
    }
    if etape.get("saisie") and joints.retrait:
        taire(formulaire)
        return render(request, FORMULAIRE, contexte)
    valides = formulaire.is_valid() and joints.valides(genre.pieces_obligatoires)
    if poste is None or etape.get("modifier") or not valides:
        return render(request, FORMULAIRE, contexte)
    try:
        return (_envoyer if etape.get("confirmer") else _verifier)(request, contexte, maintenant)
    except ValidationError as erreur:
        formulaire.add_error(None, erreur)
        return render(request, FORMULAIRE, contexte)


def _verifier(request: HttpRequest, contexte: dict, maintenant) -> HttpResponse:
    formulaire, genre, enfant = (contexte[cle] for cle in ("formulaire", "genre", "enfant"))
    changements = formulaire.changements()
    if not changements and not contexte["joints"].depots:
        raise ValidationError(RIEN_CHANGE)
    contexte["phrases"] = formulaire.phrases()
    contexte["lignes"] = avant_apres(formulaire, formulaire.valeurs, changements)
    contexte["remplacee"] = contexte["attente"] or meme_sujet(formulaire.famille, genre, enfant, changements)
    return render(request, "demandes/verifier.html", contexte)


def _envoyer(request: HttpRequest, contexte: dict, maintenant) -> HttpResponse:
    jeton, attente, vus = contexte["jeton"], contexte["attente"], len(contexte["joints"].depots)
    demande = envoyer(contexte["formulaire"], request.user, maintenant, jeton, attente, depots=vus)
    messages.success(request, f"Demande envoyée. Son numéro\N{NO-BREAK SPACE}: {demande.numero}.")
    return redirect("demande", pk=demande.pk)
