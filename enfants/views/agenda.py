"""The household's calendar: the page that gives the link, and the public address telephones read."""

from hashlib import sha256

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotFound
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe

from enfants import agenda
from enfants.forms import AgendaForm
from enfants.models import LienAgenda
from familles.acces import famille_de
from portail.socle.models import Collectivite

INCONNU = "Cet agenda n’existe pas, ou son lien a été changé. Le lien actuel est dans le Portail Famille."


def lien_agenda(request: HttpRequest) -> HttpResponse:
    """What the link is for, how to use it on a telephone, and its three buttons."""
    famille = famille_de(request)
    if request.method == "POST":
        return _agir(request, famille)
    liens = list(famille.liens_agenda.select_related("utilisateur"))
    mien = next((lien for lien in liens if lien.utilisateur_id == request.user.pk), None)
    adresse = ""
    if mien and mien.secret:
        adresse = settings.SITE_URL + reverse("agenda_ics", args=[mien.secret])
    contexte = {
        "mien": mien,
        "autres": [lien for lien in liens if lien != mien],
        "adresse": adresse,
        # The scheme that telephones and computers open in their calendar.
        "abonnement": f"webcal://{adresse.partition('://')[2]}" if adresse else "",
    }
    return render(request, "enfants/agenda.html", contexte)


def _agir(request: HttpRequest, famille) -> HttpResponse:
    saisie = AgendaForm(request.POST)
    if not saisie.is_valid():
        raise Http404
    action, maintenant = saisie.cleaned_data["action"], timezone.now()
    if action == AgendaForm.CREER:
        agenda.creer(famille, request.user, maintenant)
        messages.success(request, "Votre lien est prêt.")
    elif action == AgendaForm.CHANGER:
        agenda.renouveler(famille, request.user, maintenant)
        messages.success(request, "Votre lien a changé. L’ancien ne fonctionne plus.")
    elif agenda.supprimer(famille, saisie.cleaned_data["lien"], request.user):
        messages.success(request, "Le lien est supprimé. L’agenda n’est plus mis à jour.")
    return redirect("agenda")


@login_not_required
@require_safe
def agenda_ics(request: HttpRequest, secret: str) -> HttpResponse:
    """The file. Unknown, changed or deleted: the same answer, so that nothing is learnt from it."""
    lien = LienAgenda.objects.de_ce_secret(secret).select_related("famille").first()
    if lien is None:
        return _protegee(HttpResponseNotFound(INCONNU, content_type="text/plain; charset=utf-8"))
    maintenant = timezone.now()
    agenda.noter_lecture(lien, maintenant)
    titre = f"{Collectivite.actuelle().nom}\N{NO-BREAK SPACE}: mes enfants"
    reservations = agenda.reservations_de(lien.famille, timezone.localdate(maintenant))
    corps = agenda.calendrier(titre, settings.SITE_URL, reservations)
    etag = f'"{sha256(corps).hexdigest()[:32]}"'
    reponse = HttpResponse(corps, content_type="text/calendar; charset=utf-8")
    reponse["ETag"] = etag
    reponse["Content-Disposition"] = 'inline; filename="mes-enfants.ics"'
    return _protegee(get_conditional_response(request, etag=etag, response=reponse))


def _protegee(reponse: HttpResponse) -> HttpResponse:
    """Kept by nobody in between, asked again each time, followed and indexed by nobody."""
    reponse["Cache-Control"] = "private, no-cache"
    reponse["Referrer-Policy"] = "no-referrer"
    reponse["X-Robots-Tag"] = "noindex, nofollow"
    return reponse
