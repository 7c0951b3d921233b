"""Addresses of enfants (PAGES.md). What asks (forms, the POST of the planning) is served by `demandes`."""

from django.urls import path

from enfants.views import enfants, planning

urlpatterns = [
    path("enfants/", enfants.enfants, name="enfants"),
    path("enfants/planning/<str:mois>/", planning.planning_famille, name="planning_famille"),
    path("enfants/<uuid:pk>/", enfants.enfant, name="enfant"),
    path("enfants/<uuid:pk>/planning/<str:mois>/", planning.planning_enfant, name="planning_enfant"),
]
