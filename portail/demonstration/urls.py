"""Addresses that exist in the demonstration only: the fictitious town's own site."""

from django.urls import path

from portail.demonstration import views

urlpatterns = [
    path("site/", views.site, name="site_de_demonstration"),
    path("site/enfance-et-education/", views.enfance, name="site_enfance"),
    path("site/enfance-et-education/portail-famille/", views.portail, name="site_portail"),
]
