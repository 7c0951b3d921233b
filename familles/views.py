"""The door (log-in, log-out, passwords) and the tab « Mon compte »."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout, update_session_auth_hash
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.views import LoginView, PasswordResetConfirmView
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse, reverse_lazy
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from familles import assaut, connexions, double, fiche, reprise
from familles.acces import responsable_de
from familles.double_forms import SecondePorteForm
from familles.forms import ConnexionForm, ModifierMotDePasseForm, NouveauMotDePasseForm, OublieForm
from portail.socle.csp import origine
from portail.socle.models import Collectivite
from portail.socle.traces import tracer


class Connexion(LoginView):
    """The one door, for families and agents. Django rotates the session's id and checks that `next` is ours."""

    form_class = ConnexionForm
    template_name = "familles/connexion.html"
    redirect_authenticated_user = True

    def get_default_redirect_url(self) -> str:
        agent = self.request.user.is_staff
        return reverse("admin:index" if agent else "accueil")

    def get_redirect_url(self) -> str:
        """`next`, except the admin for a parent: it would send them back here for ever."""
        suite = super().get_redirect_url()
        visiteur = self.request.user
        interdite = visiteur.is_authenticated and not visiteur.is_staff
        return "" if interdite and suite.startswith(reverse("admin:index")) else suite

    def post(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        try:
            return super().post(request, *args, **kwargs)
        except assaut.AdresseBloquee:
            return trop_d_essais(request)

    def form_valid(self, form: ConnexionForm) -> HttpResponse:
        """In, or to the second door when the account has one: until then the session belongs to nobody."""
        utilisateur = form.get_user()
        # Django's own choice of where to go asks who is connected: nobody is, yet.
        self.request.user = utilisateur
        suite = self.get_success_url()
        if double.telephone(utilisateur):
            self.request.user = AnonymousUser()
            double.attendre_le_code(self.request, utilisateur, suite)
            if reprise.lire(garde := garde_de(self.request)):
                code = SecondePorteForm(utilisateur, "")
                return render(self.request, "familles/double_code.html", {"form": code, "garde": garde})
            perdu = "?perdu=1" if self.request.GET.get("perdu") == "1" else ""
            return redirect(reverse("connexion_code") + perdu)
        connexions.entrer(self.request, utilisateur, timezone.now())
        return reprendre(self.request, suite)

    def get_context_data(self, **kwargs) -> dict:
        lus, garde = self.request.GET, garde_de(self.request)
        gardee = reprise.lire(garde)
        return super().get_context_data(
            fin=lus.get("fin") == "1",
            perdu=lus.get("perdu") == "1",
            garde=garde if gardee else "",
            fichiers=bool(gardee and gardee.fichiers),
            **kwargs,
        )


def garde_de(request: HttpRequest) -> str:
    """What the log-in page carries of a form sent too late (`reprise`)."""
    return request.POST.get(reprise.CHAMP, "")


def reprendre(request: HttpRequest, suite: str) -> HttpResponse:
    """In: to the page asked for, or to the form sent too late, offered again to who had filled it."""
    garde = garde_de(request)
    gardee = reprise.lire(garde)
    mienne = gardee is not None and gardee.est_a(request.user)
    if not mienne or not reprise.rouvrir_la_famille(request, gardee):
        prevenir_si_perdu(request, perdu=bool(garde))
        return redirect(suite)
    return render(request, "familles/reprendre.html", {"reprise": gardee, "suite": suite})


def trop_d_essais(request: HttpRequest) -> HttpResponse:
    """429: this address has failed too often, on whatever accounts. Only tries are refused, never a page."""
    duree = assaut.DUREE
    response = render(
        request, "familles/trop_d_essais.html", {"minutes": int(duree.total_seconds() // 60)}, status=429
    )
    response["Retry-After"] = str(int(duree.total_seconds()))
    return response


def prevenir_si_perdu(request: HttpRequest, perdu: bool = False) -> None:
    """The form that met the end of the session was not received: said on the page it was sent from."""
    if perdu or request.GET.get("perdu") == "1":
        messages.warning(
            request,
            "Votre session avait expiré\N{NO-BREAK SPACE}: ce que vous veniez d’envoyer n’a pas été enregistré. "
            "Merci de le saisir à nouveau.",
        )


@never_cache
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def deconnexion(request: HttpRequest) -> HttpResponse:
    """Ends the session on the server, then goes to the town's own site. GET (a bookmark) asks to confirm."""
    if request.method != "POST":
        return render(request, "familles/deconnexion.html")
    logout(request)
    site = Collectivite.actuelle().site_url
    response = redirect(site if origine(site) else "connexion")
    reprise.oublier_qui(response)
    return response


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def mot_de_passe_modifier(request: HttpRequest) -> HttpResponse:
    """The padlock; forced at the first connection, when the town chose the current password (just typed)."""
    impose = request.user.doit_changer_mot_de_passe
    classe = NouveauMotDePasseForm if impose else ModifierMotDePasseForm
    form = classe(request.user, request.POST if request.method == "POST" else None)
    if form.is_valid():
        with transaction.atomic():
            form.save()
            tracer(request.user, "mot_de_passe.modifier", request.user)
        # The hash of the password is in every session: the others end, this one is told the new hash.
        update_session_auth_hash(request, form.user)
        messages.success(request, "Votre mot de passe est changé. Les autres appareils sont déconnectés.")
        return redirect("admin:index" if request.user.is_staff else "accueil")
    return render(request, "familles/mot_de_passe_modifier.html", {"form": form, "impose": impose})


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def mot_de_passe_oublie(request: HttpRequest) -> HttpResponse:
    """Asks for a link. The answer never says whether the account exists, nor whether it has an e-mail."""
    form = OublieForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        form.envoyer(timezone.now())
        return render(
            request,
            "familles/mot_de_passe_oublie_fait.html",
            {"minutes": settings.PASSWORD_RESET_TIMEOUT // 60},
        )
    return render(request, "familles/mot_de_passe_oublie.html", {"form": form})


class Reinitialiser(PasswordResetConfirmView):
    """The link of the e-mail: dead once used (its token holds the password's hash), or after an hour."""

    form_class = NouveauMotDePasseForm
    template_name = "familles/mot_de_passe_reinitialiser.html"
    success_url = reverse_lazy("connexion")

    def get_user(self, uidb64):
        utilisateur = super().get_user(uidb64)
        return utilisateur if utilisateur is not None and utilisateur.is_active else None

    def form_valid(self, form):
        with transaction.atomic():
            response = super().form_valid(form)
            tracer(form.user, "mot_de_passe.reinitialiser", form.user)
        messages.success(self.request, "Votre mot de passe est changé. Vous pouvez vous connecter.")
        return response


@require_safe
def compte(request: HttpRequest) -> HttpResponse:
    """« Mon compte » and « Mon conjoint », every field of the guide; each change is a demande."""
    moi = responsable_de(request)
    contexte = {"fiches": fiche.fiches(moi, timezone.localdate()), "famille": moi.famille}
    return render(request, "familles/compte.html", contexte)
