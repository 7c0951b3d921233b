"""Addresses every page relies on."""

from django.urls import path

from portail.socle import views

urlpatterns = [
    path("sante/", views.sante, name="sante"),
    path("theme-<slug:cle>.css", views.theme, name="theme"),
    path("logo-<slug:cle>.svg", views.logo, name="logo"),
]
