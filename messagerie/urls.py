"""Addresses of messagerie (PAGES.md)."""

from django.urls import path

from messagerie import boites, views

urlpatterns = [
    path("messagerie/", views.boite, {"boite": boites.RECUS}, name="messagerie"),
    path("messagerie/envoyes/", views.boite, {"boite": boites.ENVOYES}, name="messagerie_envoyes"),
    path("messagerie/supprimes/", views.boite, {"boite": boites.SUPPRIMES}, name="messagerie_supprimes"),
    path("messagerie/nouveau/", views.nouveau, name="messagerie_nouveau"),
    path("messagerie/<uuid:pk>/", views.conversation, name="conversation"),
]
