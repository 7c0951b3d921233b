"""Addresses of the tab Accueil and of what spans every app (PAGES.md)."""

from django.urls import path

from portail.accueil import views
from portail.accueil.donnees.views import mes_donnees, telecharger
from portail.accueil.pieces import apercu, fichier

urlpatterns = [
    path("", views.accueil, name="accueil"),
    path("infos-documents/", views.infos_documents, name="infos_documents"),
    path("infos-documents/formulaires/", views.formulaires, name="formulaires"),
    path("fiche-inscription.pdf", views.fiche_inscription, name="fiche_inscription"),
    path("enfants/<uuid:pk>/fiche-inscription.pdf", views.fiche_enfant, name="fiche_inscription_enfant"),
    path("compte/donnees/", mes_donnees, name="mes_donnees"),
    path("compte/donnees/<uuid:pk>/", telecharger, name="telecharger_donnees"),
    path("fichiers/<uuid:pk>/", fichier, name="fichier"),
    path("fichiers/<uuid:pk>/apercu/", apercu, name="fichier_apercu"),
    path("mentions-legales/", views.page, {"adresse": "mentions-legales"}, name="mentions_legales"),
    path(
        "donnees-personnelles/", views.page, {"adresse": "donnees-personnelles"}, name="donnees_personnelles"
    ),
    path("accessibilite/", views.page, {"adresse": "accessibilite"}, name="accessibilite"),
    path("aide/", views.page, {"adresse": "aide"}, name="aide"),
    path("plan-du-site/", views.page, {"adresse": "plan-du-site"}, name="plan_du_site"),
]
