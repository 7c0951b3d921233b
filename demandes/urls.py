"""Addresses of demandes (PAGES.md): every URL that asks."""

from django.urls import path

from demandes import views

urlpatterns = [
    path("demandes/", views.demandes, name="demandes"),
    path("demandes/enfants/", views.demandes_enfants, name="demandes_enfants"),
    path("demandes/<uuid:pk>/", views.demande, name="demande"),
    path("messagerie/<uuid:pk>/", views.conversation, name="conversation"),
    path("compte/demande/<str:code>/", views.demande_compte, name="demande_compte"),
    path("enfants/ajouter/", views.enfant_ajouter, name="enfant_ajouter"),
    path("enfants/planning/demande/", views.demande_planning, name="demande_planning"),
    path("enfants/planning/jour/<int:inscription>/<str:jour>/", views.planning_jour, name="planning_jour"),
    path("enfants/planning/semaine-type/", views.semaine_type_page, name="semaine_type"),
    path("enfants/<uuid:pk>/demande/<str:code>/", views.demande_enfant, name="demande_enfant"),
]
