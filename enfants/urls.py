"""Addresses of enfants (PAGES.md). What asks (forms, the POST of the planning) is served by `demandes`."""

from django.contrib import admin
from django.urls import path

from enfants.admin.acces import acces_par_ecole
from enfants.admin.annee import remplir_le_calendrier
from enfants.admin.contrat import contrat_de_creche
from enfants.admin.fin_d_annee import archiver, dupliquer
from enfants.admin.pointage import feuille_de_pointage, feuille_papier
from enfants.admin.rattachement import terminer
from enfants.views import agenda, enfants, planning

urlpatterns = [
    path("enfants/", enfants.enfants, name="enfants"),
    path("enfants/agenda/", agenda.lien_agenda, name="agenda"),
    path("agenda/<str:secret>.ics", agenda.agenda_ics, name="agenda_ics"),
    path("enfants/planning/", planning.planning_courant, name="planning"),
    path("enfants/<uuid:pk>/planning/", planning.planning_courant, name="planning_de_l_enfant"),
    path("enfants/planning/<str:mois>/", planning.planning_famille, name="planning_famille"),
    path("enfants/<uuid:pk>/", enfants.enfant, name="enfant"),
    path("enfants/<uuid:pk>/planning/<str:mois>/", planning.planning_enfant, name="planning_enfant"),
    # Before the admin's own addresses (portail/urls.py): the sheet deserves a short one.
    path("admin/acces/", admin.site.admin_view(acces_par_ecole), name="acces_par_ecole"),
    path(
        "admin/rattachements/<int:numero>/terminer/",
        admin.site.admin_view(terminer),
        name="rattachement_terminer",
    ),
    path(
        "admin/calendrier/remplir/", admin.site.admin_view(remplir_le_calendrier), name="calendrier_remplir"
    ),
    path(
        "admin/inscriptions/<int:numero>/contrat/",
        admin.site.admin_view(contrat_de_creche),
        name="contrat_de_creche",
    ),
    path("admin/prestations/archiver/", admin.site.admin_view(archiver), name="prestations_archiver"),
    path("admin/prestations/dupliquer/", admin.site.admin_view(dupliquer), name="prestations_dupliquer"),
    path("admin/pointage/", admin.site.admin_view(feuille_de_pointage), name="pointage"),
    path("admin/pointage/feuille.pdf", admin.site.admin_view(feuille_papier), name="pointage_papier"),
]
