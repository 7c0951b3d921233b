"""Every address of the portal. PAGES.md is the contract."""

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.urls import include, path
from django.views.generic import RedirectView

from portail.socle.admin import Autocompletion

urlpatterns = [
    path("", include("portail.socle.urls")),
    path("", include("familles.urls")),
    # Before enfants: « planning/demande/ » would be read as a month.
    path("", include("demandes.urls")),
    path("", include("enfants.urls")),
    path("", include("facturation.urls")),
    path("", include("messagerie.urls")),
    path("", include("portail.accueil.urls")),
    # The admin has no log-in of its own: one door for everybody.
    path(
        "admin/login/", login_not_required(RedirectView.as_view(pattern_name="connexion", query_string=True))
    ),
    # Nor a second page to change a password, with other rules.
    path("admin/password_change/", RedirectView.as_view(pattern_name="mot_de_passe_modifier")),
    # The admin's own address, `admin:autocomplete`, with choices an agent can tell apart.
    path("admin/autocomplete/", admin.site.admin_view(Autocompletion.as_view()), name="autocompletion"),
    path("admin/", admin.site.urls),
]
if settings.DEMONSTRATION:
    urlpatterns.append(path("demonstration/", include("portail.demonstration.urls")))
