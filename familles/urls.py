"""Addresses of familles (PAGES.md)."""

from django.urls import path

from familles import views

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
    path("compte/", views.compte, name="compte"),
]
