"""« Liste des demandes », and the page of one."""

import uuid
from dataclasses import dataclass

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from demandes import lecture
from demandes.declin import decliner, places_liberees
from demandes.depots import Guichet, Joints, taire
from demandes.envoi import joindre, repondre, repondre_du_fil
from demandes.forms import Declin, Envoi, Filtre, ReponseAuComplement
from demandes.liste import (
    PAR_PAGE,
    Consultation,
    bornes,
    lignes,
    marquer_vues,
    navigation,
    page_de,
    sections,
    ton_et_mot,
)
from demandes.models import EN_COURS, DejaTraitee, Demande, DemandeEvenement, Etat
from demandes.models.etats import ATTENDENT
from demandes.recu import blocs, mots_du_jour
from demandes.retard import retards
from demandes.retrait import retrait
from demandes.textes import lignes_de, titre
from demandes.types import COMPTE, ENFANT, PAR_CODE, AjouterEnfant, de_la_categorie
from enfants import places
from enfants.models import Etat as EtatJour
from enfants.planning_lecture import enfants_de
from familles.acces import famille_de
from messagerie import boites
from messagerie import views as messagerie
from messagerie.models import Message
from portail.socle.lecture import poser
from portail.socle.traces import tracer, tracer_plusieurs

SANTE = "demandes.voir_sante"
DOCUMENTS = "Documents demandés"
SANS_DOCUMENT = (
    "La mairie a décidé entre-temps\N{NO-BREAK SPACE}: votre message est envoyé, pas vos documents. "
    "Si elle en a besoin, joignez-les depuis votre boîte de réception."
)


@dataclass(frozen=True)
class Onglet:
    """A sub-tab: how many demandes of the period, how many answers not seen yet."""

    categorie: str
    nombre: int
    nouvelles: int


@require_safe
def demandes(request: HttpRequest) -> HttpResponse:
    """« Mon compte »: what concerns the family's own sheet."""
    return _liste(request, COMPTE)


@require_safe
def demandes_enfants(request: HttpRequest) -> HttpResponse:
    """« Mes enfants »: bookings, absences, sheets."""
    return _liste(request, ENFANT)


def _liste(request: HttpRequest, categorie: str) -> HttpResponse:
    famille = famille_de(request)
    maintenant = timezone.now()
    jour = timezone.localdate(maintenant)
    filtre = Filtre(request.GET, categorie)
    choisi = filtre.valides()
    genre = PAR_CODE.get(choisi["type"])
    enfants = enfants_de(famille, jour)
    consultation = Consultation(famille, request.user, maintenant, bornes(choisi["mois"], maintenant))
    comptes = consultation.compter()
    codes = [genre.code] if genre else [t.code for t in de_la_categorie(categorie)]
    nombre = sum(comptes[code][0] for code in codes if code in comptes)
    page = page_de(nombre, choisi["page"])
    demandes = consultation.lire(codes, PAR_PAGE * (page.number - 1), enfants)
    marquer_vues([d.pk for d in demandes if d.nouvelle], request.user, maintenant)
    if genre and genre.permission == SANTE:
        # Its table shows the values.
        tracer_plusieurs(request.user, "voir_sante", [(d, famille, {}) for d in demandes])
    contexte = {
        "categorie": categorie,
        "onglets": [_onglet(c, comptes) for c in (COMPTE, ENFANT)],
        "types": [
            (code, libelle, comptes.get(code, (0,))[0]) for code, libelle in filtre.fields["type"].choices
        ],
        "type": choisi["type"],
        "genre": genre,
        "sections": sections(lignes(demandes, enfants), genre, famille),
        "page": page,
        "periode": navigation(choisi["mois"], jour),
        "mois_brut": request.GET.get("mois", "") if choisi["mois"] else "",
    }
    return render(request, "demandes/liste.html", contexte)


def _onglet(categorie: str, comptes: dict[str, tuple[int, int]]) -> Onglet:
    siens = [comptes[t.code] for t in de_la_categorie(categorie) if t.code in comptes]
    return Onglet(categorie, sum(n for n, _ in siens), sum(neuves for _, neuves in siens))


def demande(request: HttpRequest, pk) -> HttpResponse:
    """Receipt and follow-up; while it waits, the family may withdraw it, add documents or answer the town; it confirms what it gives up."""
    famille = famille_de(request)
    maintenant = timezone.now()
    jour = timezone.localdate(maintenant)
    enfants = enfants_de(famille, jour)
    trouvee = lecture.une(famille, pk, enfants, request.user, maintenant, jour)
    if trouvee is None:
        raise Http404
    pieces = list(trouvee.pieces.select_related("fichier")) if trouvee.avec_pieces else []
    complement = trouvee.etat == Etat.COMPLEMENT
    # Typed while an agent decided, or the other adult answered: what is written is kept all the same.
    ecrit = trouvee.conversation is not None and "texte" in request.POST
    # The form's token is also that of the message it sends.
    reponse = ReponseAuComplement(
        request.POST if ecrit or (complement and request.method == "POST") else None
    )
    jeton = _jeton(request)
    quoi = DOCUMENTS if complement or (ecrit and trouvee.est_en_cours) else trouvee.accepte_pieces
    joints = Joints(Guichet(famille, request.user, jeton), quoi, deja=len(pieces))
    if request.method == "POST":
        if "retirer" in request.POST:
            if trouvee.est_en_cours and "confirmer" not in request.POST:
                return render(request, "demandes/retrait.html", retrait(trouvee))
            return _agir(
                request, trouvee, lambda: trouvee.retirer(request.user, maintenant), "Demande retirée."
            )
        if "decliner" in request.POST:
            return _decliner(request, trouvee)
        joints.recevoir(request, maintenant)
        suite = _joindre if "joindre" in request.POST else _repondre if complement or ecrit else None
        if suite and (fait := suite(request, trouvee, joints, reponse)):
            return fait
    if trouvee.permission == SANTE:
        tracer(request.user, "voir_sante", trouvee, famille=famille)
    fil = _lire_le_fil(trouvee, request.user, maintenant)
    contexte = _contexte(trouvee, famille, jour)
    contexte |= {"fil": fil, "pieces": pieces, "reponse": reponse, "joints": joints, "jeton": jeton}
    return render(request, "demandes/demande.html", contexte)


def _jeton(request: HttpRequest) -> uuid.UUID:
    envoi = Envoi(request.POST)
    envoi.is_valid()
    return envoi.cleaned_data.get("jeton") or uuid.uuid4()


def _joindre(request: HttpRequest, trouvee: Demande, joints: Joints, reponse) -> HttpResponse | None:
    """The documents join the demande; None: the page says what is wrong."""
    if joints.retrait or (joints.quoi and not joints.valides(obligatoires=True)):
        return None
    return _agir(
        request,
        trouvee,
        lambda: joindre(trouvee, joints.guichet, request.user, timezone.now()),
        "Document envoyé à la mairie." if len(joints.depots) < 2 else "Documents envoyés à la mairie.",
    )


def _repondre(request: HttpRequest, trouvee: Demande, joints: Joints, reponse) -> HttpResponse | None:
    if joints.retrait:
        taire(reponse)
        return None
    if not reponse.is_valid() or not joints.valides():
        return None
    if request.FILES and not joints.quoi:
        messages.warning(request, SANS_DOCUMENT)
    envoi = messagerie.envoi_de(request, reponse)
    return _agir(
        request,
        trouvee,
        lambda: repondre(trouvee, joints.guichet, envoi, timezone.now()),
        "Réponse envoyée à la mairie.",
    )


def _decliner(request: HttpRequest, trouvee: Demande) -> HttpResponse:
    declin = Declin(request.POST)
    if not declin.is_valid():
        raise Http404
    numero, maintenant = declin.cleaned_data["decliner"], timezone.now()
    if "confirmer" not in request.POST:
        for place in places_liberees(trouvee, maintenant):
            if place.reservation.pk == numero:
                return render(request, "demandes/declin.html", {"demande": trouvee, "place": place})
    return _agir(
        request,
        trouvee,
        lambda: decliner(trouvee, numero, request.user, maintenant),
        "Place déclinée. Rien ne sera facturé.",
    )


def conversation(request: HttpRequest, pk) -> HttpResponse:
    """A conversation of the inbox: about a demande, what is written there is the family's answer to the town."""
    famille = famille_de(request)
    sujet = famille.demandes.visibles(timezone.localdate()).filter(conversation=pk).first()
    if sujet is None:
        return messagerie.conversation(request, pk)
    return messagerie.conversation(
        request,
        pk,
        ecrire=lambda _, envoi, maintenant: repondre_du_fil(sujet, envoi, maintenant),
        sujet=sujet,
    )


def _lire_le_fil(trouvee: Demande, utilisateur, maintenant) -> list[Message]:
    """Its messages. The answer is no longer new, and they are read, on this page as in the inbox."""
    fil = []
    if trouvee.conversation:
        fil = list(trouvee.conversation.messages.prefetch_related("pieces__fichier"))
    if trouvee.nouvelle:
        marquer_vues([trouvee.pk], utilisateur, maintenant)
    if fil:
        boites.marquer_lue(trouvee.conversation, utilisateur, fil[-1].envoye_le)
    return fil


def _agir(request: HttpRequest, trouvee: Demande, verbe, succes: str) -> HttpResponse:
    try:
        verbe()
    except DejaTraitee as erreur:
        messages.info(request, " ".join(erreur.messages))
    except ValidationError as erreur:
        messages.error(request, " ".join(erreur.messages))
    else:
        messages.success(request, succes)
    return redirect("demande", pk=trouvee.pk)


def _contexte(trouvee: Demande, famille, jour) -> dict:
    formulaire = trouvee.formulaire(jour)
    ton, mot = ton_et_mot(trouvee)
    jours = list(trouvee.jours.all())
    rangs = places.rangs(j.reservation for j in jours)
    # Read once: who did what, and whom the town may write to.
    poser(famille, "responsables", lecture.ADULTES.objets(famille.pk))
    tard = retards(trouvee)
    etapes = lecture.ETAPES.objets(trouvee.pk)
    adultes = {r.utilisateur_id for r in famille.responsables.all()}
    return {
        "demande": trouvee,
        "titre": titre(trouvee),
        "ton": ton,
        "mot": mot,
        "en_cours": trouvee.est_en_cours,
        "modifier_url": _modifier(trouvee),
        "previent": bool(famille.adresses_courriel()),
        "liberees": places_liberees(trouvee, timezone.now()),
        "complement": trouvee.etat == Etat.COMPLEMENT,
        "aujourdhui": jour,
        "liste_attente": _liste_attente(trouvee),
        "lignes": lignes_de(trouvee, formulaire),
        "blocs": blocs(jours, rangs, tard),
        "jours": [
            (j, mots_du_jour(j, rangs.get(j.reservation_id), tard.get(j.reservation_id, ""))) for j in jours
        ],
        "raison": trouvee.genre.texte(trouvee.donnees) if trouvee.type == "absences" else "",
        "etapes": [(e, _mots(e, trouvee), _qui(e.par, adultes)) for e in etapes],
        "declinees": _declinees(etapes, jours),
    }


def _liste_attente(trouvee: Demande) -> bool:
    """Nothing of it waits for the town any more: only a place."""
    ouverts = {j.reservation.etat for j in trouvee.jours.all() if j.reservation.etat in ATTENDENT}
    return ouverts == {EtatJour.EN_ATTENTE}


def _declinees(etapes: list[DemandeEvenement], jours: list) -> int:
    """How many places it held, when the family declined them all."""
    nombre = sum(e.genre == DemandeEvenement.Genre.DECLINEE for e in etapes)
    return nombre if nombre == len(jours) else 0


def _mots(evenement: DemandeEvenement, demande: Demande) -> str:
    """The step that closed it in the words of its badge: « Prise en compte », « Acceptée, le reste retiré »."""
    if evenement.genre != demande.etat or demande.etat in EN_COURS:  # the first step stays « Envoyée »
        return evenement.get_genre_display()
    return demande.etat_en_mots


def _qui(par, adultes: set) -> str:
    """Who did it, for a family: an adult by name, the town otherwise (never an agent's name)."""
    if par is None:
        return "réponse automatique"
    return f"par {par}" if par.pk in adultes else "par la mairie"


def _modifier(demande: Demande) -> str:
    """The form that takes up what waits, or starts again after a refusal; none for days: the planning changes them."""
    genre, etat = demande.genre, demande.etat_lu
    if genre.planning or not (etat == Etat.REFUSEE or (etat in EN_COURS and genre.remplace)):
        return ""
    if genre is AjouterEnfant:
        adresse = reverse("enfant_ajouter")
    elif genre.categorie == ENFANT:
        adresse = reverse("demande_enfant", args=[demande.enfant_id, genre.code])
    else:
        adresse = reverse("demande_compte", args=[genre.code])
    return f"{adresse}?reprise={demande.pk}" if etat in EN_COURS else adresse
