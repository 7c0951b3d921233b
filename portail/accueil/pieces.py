"""Private files: who may open which, checked at each request; how they are sent so that they can do no harm."""

from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_safe

from demandes.models import Demande, PieceDemande
from familles.acces import famille_de
from messagerie.models import PieceJointe
from portail.accueil.models import Formulaire
from portail.socle.fichiers import EXTENSIONS
from portail.socle.models import Fichier
from portail.socle.traces import tracer


def _pour_famille(fichier: Fichier, famille, jour) -> bool:
    """A published form; a piece of this household's messages or demandes (of a child it still holds)."""
    return (
        Formulaire.objects.publies(jour).filter(fichier=fichier).exists()
        or PieceJointe.objects.de_la_famille(famille).filter(fichier=fichier).exists()
        or PieceDemande.objects.filter(
            fichier=fichier, demande__in=famille.demandes.visibles(jour).values("pk")
        ).exists()
    )


def _pour_agent(fichier: Fichier, agent) -> tuple[bool, object]:
    """Whether this agent's permissions and structures open the file, and the household to name in the trace."""
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
    if agent.has_perm("demandes.view_demande"):
        demande = (
            Demande.objects.pour_agent(agent)
            .filter(pieces__fichier=fichier)
            .select_related("famille")
            .first()
        )
        if demande and _lisible(demande, agent):
            return True, demande.famille
    return False, None


def _lisible(demande: Demande, agent) -> bool:
    """Health and bank demandes have their own permission."""
    requise = demande.permission
    return not requise or agent.has_perm(requise)


@require_safe
def fichier(request: HttpRequest, pk) -> HttpResponse:
    """A private file, as an attachment. A stranger's file and one that does not exist look the same."""
    trouve = get_object_or_404(Fichier, pk=pk)
    if request.user.is_staff:
        permis, famille = _pour_agent(trouve, request.user)
        if permis and famille is not None:
            tracer(request.user, "fichier.lire", trouve, famille=famille)
    else:
        permis = _pour_famille(trouve, famille_de(request), timezone.localdate())
    if not permis:
        raise Http404
    return envoyer(trouve)


def envoyer(trouve: Fichier) -> HttpResponse:
    """Always an attachment, of a type we know, unable to run anything if a browser shows it all the same."""
    try:
        contenu = trouve.contenu.open("rb")
    except FileNotFoundError as absent:
        raise Http404 from absent
    connu = trouve.type_mime in EXTENSIONS
    response = FileResponse(
        contenu,
        as_attachment=True,
        filename=trouve.nom,
        content_type=trouve.type_mime if connu else "application/octet-stream",
    )
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    response["Cache-Control"] = "private, no-store"
    return response
