"""Addresses of familles (PAGES.md)."""

from django.urls import path

from familles import acces_views, connexions_views, double_views, mandat_views, views

urlpatterns = [
    path("connexion/", views.Connexion.as_view(), name="connexion"),
    path("deconnexion/", views.deconnexion, name="deconnexion"),
    path("mot-de-passe/oublie/", views.mot_de_passe_oublie, name="mot_de_passe_oublie"),
    path(
        "mot-de-passe/reinitialiser/<uidb64>/<token>/",
        views.Reinitialiser.as_view(),
        name="mot_de_passe_reinitialiser",
    ),
    path("mot-de-passe/modifier/", views.mot_de_passe_modifier, name="mot_de_passe_modifier"),
    path("connexion/code/", double_views.code, name="connexion_code"),
    path("session/", connexions_views.session, name="session"),
    path("activation/<uidb64>/<token>/", acces_views.Activation.as_view(), name="activation"),
    path("familles/", acces_views.choisir_famille, name="choisir_famille"),
    path("compte/", views.compte, name="compte"),
    path("compte/mandat.pdf", mandat_views.mandat, name="mandat"),
    path("compte/connexions/", connexions_views.connexions, name="connexions"),
    path("compte/double-authentification/", double_views.etat, name="double"),
    path("compte/double-authentification/activer/", double_views.activer, name="double_activer"),
    path("compte/double-authentification/qr.svg", double_views.qr, name="double_qr"),
    path("compte/double-authentification/codes/", double_views.codes, name="double_codes"),
    path("compte/double-authentification/retirer/", double_views.retirer, name="double_retirer"),
]
