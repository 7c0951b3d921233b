"""Addresses of facturation (PAGES.md)."""

from django.urls import path

from facturation import views, views_paiement

urlpatterns = [
    path("releve/", views.releve, name="releve"),
    path("releve/releve.pdf", views.releve_pdf, name="releve_pdf"),
    path("attestations/", views.attestations, name="attestations"),
    path("attestations/<int:annee>.pdf", views.attestation_pdf, name="attestation_pdf"),
    path("factures/<str:reference>.pdf", views.facture_pdf, name="facture_pdf"),
    path("paiement/", views_paiement.paiement, name="paiement"),
    path("paiement/<uuid:pk>/retour/", views_paiement.retour, name="paiement_retour"),
    path("stripe/webhook/", views_paiement.stripe_webhook, name="stripe_webhook"),
]
