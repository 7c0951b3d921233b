"""The activation link, and the choice of who belongs to two families."""

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import rotate_token
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods

from familles import views
from familles.acces import SansFamille
from familles.activation import jetons
from familles.forms import ChoixFamilleForm
from familles.models import Responsable
from portail.socle.traces import tracer


class Activation(views.Reinitialiser):
    """The link the town mailed: choose one's first password. Dead once used, or after ACCES_JOURS days."""

    template_name = "familles/activation.html"
    token_generator = jetons
    reset_url_token = "choisir"

    def get_context_data(self, **kwargs) -> dict:
        return super().get_context_data(jours=settings.ACCES_JOURS, **kwargs)

    def form_valid(self, form) -> HttpResponse:
        with transaction.atomic():
            # PasswordResetConfirmView's own step; the trace and the sentence of a reset would be wrong here.
            response = super(views.Reinitialiser, self).form_valid(form)
            tracer(form.user, "acces.activer", form.user)
        messages.success(
            self.request,
            f"Votre mot de passe est choisi. Votre identifiant est {form.user.identifiant}.",
        )
        return response


@require_http_methods(["GET", "HEAD", "POST"])
def choisir_famille(request: HttpRequest) -> HttpResponse:
    """Which household to open. With one only there is nothing to choose."""
    if request.user.is_staff:
        raise SansFamille
    miennes = list(
        Responsable.objects.filter(utilisateur=request.user, famille__archivee_le=None)
        .select_related("famille")
        .prefetch_related("famille__responsables")
        .order_by("famille__numero")
    )
    if len(miennes) == 1:
        return redirect("accueil")
    if not miennes:
        request.plusieurs_familles = False
        raise SansFamille
    suite = request.POST.get("next") or request.GET.get("next", "")
    form = ChoixFamilleForm(miennes, request.POST if request.method == "POST" else None)
    if form.is_valid():
        if request.session.get("famille") != form.cleaned_data["famille"]:
            # A form left open in another tab was written for the other household: it must not be sent for this one.
            rotate_token(request)
        request.session["famille"] = form.cleaned_data["famille"]
        sure = url_has_allowed_host_and_scheme(
            suite, allowed_hosts={request.get_host()}, require_https=request.is_secure()
        )
        return redirect(suite if sure else "accueil")
    return render(
        request, "familles/choisir_famille.html", {"miennes": miennes, "form": form, "suite": suite}
    )
