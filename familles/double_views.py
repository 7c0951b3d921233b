"""The pages of the second factor: at the door, then under « Mon compte » (agents have no family: no tabs)."""

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from familles import assaut, connexions, double, reprise
from familles.double_forms import CodeForm, MotDePasseForm, SecondePorteForm
from familles.views import garde_de, reprendre, trop_d_essais


@never_cache
@login_not_required
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def code(request: HttpRequest) -> HttpResponse:
    """The second door: the password was right, nobody is authenticated yet."""
    attendu = double.en_attente(request)
    if attendu is None:
        return redirect("connexion")
    utilisateur, suite = attendu
    form = SecondePorteForm(
        utilisateur, assaut.cle_de_l_adresse(request), request.POST if request.method == "POST" else None
    )
    try:
        juste = form.is_valid()
    except assaut.AdresseBloquee:
        return trop_d_essais(request)
    if not juste:
        garde = garde_de(request)
        return render(
            request,
            "familles/double_code.html",
            {"form": form, "garde": garde if reprise.lire(garde) else ""},
        )
    connexions.entrer(request, utilisateur, timezone.now(), double=True)
    double.accepter(request, form.appareil)
    reste = utilisateur.codes_de_secours.filter(utilise_le=None).count()
    if utilisateur.codes_de_secours.filter(utilise_le__isnull=False).exists() and reste <= 3:
        messages.warning(
            request,
            f"Codes de secours restants\N{NO-BREAK SPACE}: {reste}. Pensez à en imprimer de nouveaux.",
        )
    return reprendre(request, suite)


@require_safe
def etat(request: HttpRequest) -> HttpResponse:
    """Is it on? What may be done about it."""
    appareil = double.telephone(request.user)
    return render(
        request,
        "familles/double.html",
        {
            "appareil": appareil,
            "obligatoire": double.est_obligatoire(request.user),
            "restants": request.user.codes_de_secours.filter(utilise_le=None).count() if appareil else 0,
            "nombre": double.NOMBRE_DE_CODES,
        },
    )


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def activer(request: HttpRequest) -> HttpResponse:
    """The QR code, then a code that proves the telephone has read it; the recovery codes are the answer."""
    if double.telephone(request.user):
        return redirect("double")
    form = CodeForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        codes = double.enroler(request, form.cleaned_data["code"])
        if codes:
            return _montrer(request, codes, nouveau=True)
        form.add_error("code", "Ce code n’est pas le bon. Écrivez les six chiffres affichés en ce moment.")
    cle = double.cle_en_clair(double.cle_proposee(request))
    return render(request, "familles/double_activer.html", {"form": form, "cle": cle})


@require_safe
def qr(request: HttpRequest) -> HttpResponse:
    """The QR code of the secret offered in this session; nothing once the device is confirmed."""
    if double.telephone(request.user):
        return redirect("double")
    return HttpResponse(double.qr(double.cle_proposee(request)), content_type="image/svg+xml")


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def codes(request: HttpRequest) -> HttpResponse:
    """Ten new recovery codes, the old ones dead; the password is asked again."""
    if not double.telephone(request.user):
        return redirect("double")
    form = MotDePasseForm(request.user, request.POST if request.method == "POST" else None)
    if form.is_valid():
        return _montrer(request, double.renouveler_les_codes(request.user), nouveau=False)
    return render(request, "familles/double_mot_de_passe.html", {"form": form, "retirer": False})


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def retirer(request: HttpRequest) -> HttpResponse:
    """Off again, unless the town requires it of its agents; the password is asked again."""
    if double.est_obligatoire(request.user) or not double.telephone(request.user):
        return redirect("double")
    form = MotDePasseForm(request.user, request.POST if request.method == "POST" else None)
    if form.is_valid():
        double.retirer(request.user, request.user)
        messages.success(request, "La double authentification est retirée.")
        return redirect("double")
    return render(request, "familles/double_mot_de_passe.html", {"form": form, "retirer": True})


def _montrer(request: HttpRequest, codes: list[str], nouveau: bool) -> HttpResponse:
    # The answer to the POST itself: in clear nowhere else, not even in the session.
    return render(request, "familles/double_codes.html", {"codes": codes, "nouveau": nouveau})
