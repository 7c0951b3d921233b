"""Addresses of messagerie (PAGES.md). One conversation is served by `demandes`: what is written there may be the answer
to a demande.
"""

from django.urls import path

from messagerie import boites, views

urlpatterns = [
    path("messagerie/", views.boite, {"boite": boites.RECUS}, name="messagerie"),
    path("messagerie/envoyes/", views.boite, {"boite": boites.ENVOYES}, name="messagerie_envoyes"),
    path("messagerie/supprimes/", views.boite, {"boite": boites.SUPPRIMES}, name="messagerie_supprimes"),
    path("messagerie/nouveau/", views.nouveau, name="messagerie_nouveau"),
]
