"""« Mes données »: ask for a copy, follow it, download it."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from familles.acces import famille_de
from portail.accueil.donnees import verbes
from portail.accueil.donnees.tables import DOCUMENTS
from portail.accueil.models import ExportDonnees
from portail.accueil.pieces import envoyer
from portail.socle.traces import tracer


@require_http_methods(["GET", "HEAD", "POST"])
def mes_donnees(request: HttpRequest) -> HttpResponse:
    """The state of the copy; the POST asks for one."""
    famille, maintenant = famille_de(request), timezone.now()
    if request.method == "POST":
        _, nouvelle = verbes.demander(famille, request.user, maintenant)
        if nouvelle:
            messages.success(request, "Votre copie est en préparation.")
        else:
            messages.info(request, "Une copie est déjà en préparation.")
        return redirect("mes_donnees")
    export = verbes.dernier(famille, request.user)
    pret = export is not None and verbes.lisible(export, maintenant)
    contexte = {
        "export": export,
        "mienne": export is not None and export.demande_par_id == request.user.pk,
        "en_preparation": export is not None and export.etat == ExportDonnees.Etat.EN_PREPARATION,
        "pret": pret,
        "echec": export is not None and export.etat == ExportDonnees.Etat.ECHEC,
        "expiree": export is not None and not pret and export.pret_le is not None,
        "documents": DOCUMENTS,
    }
    return render(request, "accueil/mes_donnees.html", contexte)


@require_safe
def telecharger(request: HttpRequest, pk) -> HttpResponse:
    """The zip, to the person who asked for it and nobody else, for 48 hours."""
    famille = famille_de(request)
    export = get_object_or_404(
        ExportDonnees.objects.select_related("fichier"), pk=pk, famille=famille, demande_par=request.user
    )
    if not verbes.lisible(export, timezone.now()):
        raise Http404
    tracer(request.user, "donnees.telecharger", export, famille=famille)
    return envoyer(export.fichier)
