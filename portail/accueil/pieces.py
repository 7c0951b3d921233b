"""Private files: who may open which, checked at each request; how they are sent so that they can do no harm."""

from django.db.models import Q
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_safe

from demandes.admin import demandes_de_l_agent, lisible, peut_traiter
from demandes.models import Depot
from familles.acces import famille_de
from messagerie.models import PieceJointe
from portail.accueil.models import Formulaire
from portail.socle.fichiers import EXTENSIONS
from portail.socle.models import Fichier
from portail.socle.traces import tracer

Acces = tuple[
    bool, object
]  # may it be opened; the household to name in the trace, None when nothing is traced
REFUSE: Acces = (False, None)


def _pour_famille(fichier: Fichier, request: HttpRequest, jour) -> Acces:
    """A published form; a piece of this household's messages or demandes (of a child it still holds); what this
    person has just left with a form not sent yet.
    """
    famille = famille_de(request)
    demande = famille.demandes.visibles(jour).filter(pieces__fichier=fichier).first()
    if demande:
        # Health and bank: each look is written down, the household's own too.
        return True, famille if demande.permission else None
    ouvert = (
        Formulaire.objects.publies(jour).filter(fichier=fichier).exists()
        or PieceJointe.objects.de_la_famille(famille).filter(fichier=fichier).exists()
        or Depot.objects.filter(famille=famille, par=request.user, fichier=fichier).exists()
    )
    return ouvert, None


def _pour_agent(fichier: Fichier, agent) -> Acces:
    """What this agent's permissions and structures open."""
    if agent.has_perm("accueil.view_formulaire") and fichier.formulaires.exists():
        return True, None
    if agent.has_perm("messagerie.view_conversation"):
        jointe = (
            PieceJointe.objects.pour_agent(agent)
            .filter(fichier=fichier)
            .select_related("message__conversation__famille")
            .first()
        )
        if jointe:
            return True, jointe.message.conversation.famille
    if peut_traiter(agent):
        # Its own, or joined to what is said about it, which its page shows.
        siennes = Q(pieces__fichier=fichier) | Q(conversation__messages__pieces__fichier=fichier)
        demandes = demandes_de_l_agent(agent).filter(siennes).select_related("famille")
        trouvee = next((d for d in demandes if lisible(agent, d)), None)
        if trouvee:
            return True, trouvee.famille
    return REFUSE


def _ouvrir(request: HttpRequest, pk) -> Fichier:
    """The file, its reading traced. 404: a stranger's file and one that does not exist look the same."""
    trouve = get_object_or_404(Fichier, pk=pk)
    if request.user.is_staff:
        permis, famille = _pour_agent(trouve, request.user)
    else:
        permis, famille = _pour_famille(trouve, request, timezone.localdate())
    if not permis:
        raise Http404
    if famille is not None:
        tracer(request.user, "fichier.lire", trouve, famille=famille)
    return trouve


@require_safe
def fichier(request: HttpRequest, pk) -> HttpResponse:
    """A private file, as an attachment."""
    return envoyer(_ouvrir(request, pk))


@require_safe
def apercu(request: HttpRequest, pk) -> HttpResponse:
    """A picture shown inside a page of the town hall: written anew by the portal when it came, never as it came."""
    trouve = _ouvrir(request, pk)
    if not trouve.est_image:
        raise Http404
    return envoyer(trouve, dans_la_page=True)


def envoyer(trouve: Fichier, dans_la_page: bool = False) -> HttpResponse:
    """An attachment of a type we know, unable to run anything if a browser shows it all the same."""
    try:
        contenu = trouve.contenu.open("rb")
    except FileNotFoundError as absent:
        raise Http404 from absent
    connu = trouve.type_mime in EXTENSIONS
    response = FileResponse(
        contenu,
        as_attachment=not dans_la_page,
        filename=trouve.nom,
        content_type=trouve.type_mime if connu else "application/octet-stream",
    )
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    response["Cache-Control"] = "private, no-store"
    return response
