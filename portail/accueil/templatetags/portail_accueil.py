"""Filters of the town's texts and of the home page; what the admin's pages show that spans every app."""

from django import template
from django.utils import timezone

from portail.accueil import dossier, texte

register = template.Library()


@register.filter
def mis_en_forme(valeur: str):
    """HTML of a town's text (see portail.accueil.texte)."""
    return texte.rendre(valeur)


@register.filter
def taille(octets: int) -> str:
    """« 84 Ko », « 1,2 Mo »."""
    if octets < 1_000_000:
        return f"{max(1, round(octets / 1000))}\N{NO-BREAK SPACE}Ko"
    return f"{octets / 1_000_000:.1f}\N{NO-BREAK SPACE}Mo".replace(".", ",")


@register.filter
def mot(noms: str, nombre: int) -> str:
    """« facture,factures » and 2 give « factures »."""
    singulier, pluriel = noms.split(",")
    return singulier if abs(nombre) < 2 else pluriel


@register.simple_tag(takes_context=True)
def dossier_de_la_famille(context, famille) -> list[dossier.Rubrique]:
    """What this agent may read about the household (see portail.accueil.dossier)."""
    return dossier.dossier(famille, context["request"], timezone.localdate())


@register.simple_tag(takes_context=True)
def messages_en_attente(context) -> int | None:
    """Conversations waiting for this agent's answer; None when it is not their work."""
    return dossier.messages_en_attente(context["request"])
