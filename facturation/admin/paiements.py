"""Online payments, read only: incidents first."""

from django.contrib import admin

from facturation.models import LignePaiement, PaiementEnLigne
from portail.socle.argent import euros

from .champs import LectureSeule, SansAgentLimite


class LignePaiementInline(LectureSeule, admin.TabularInline):
    model = LignePaiement
    extra = 0
    fields = ("facture", "montant")
    readonly_fields = fields

    @admin.display(description="montant")
    def montant(self, ligne: LignePaiement) -> str:
        return euros(ligne.centimes)


@admin.register(PaiementEnLigne)
class PaiementEnLigneAdmin(SansAgentLimite, LectureSeule, admin.ModelAdmin):
    list_display = ("cree_le", "famille", "regie", "montant", "etat", "incident", "incident_regle_le")
    list_filter = ("etat", "regie", ("incident", admin.EmptyFieldListFilter))
    list_select_related = ("famille", "regie")
    search_fields = ("famille__numero", "=session", "=intention", "=reglement__reference")
    search_help_text = "N° famille, n° d’opération ou référence de la banque"
    inlines = (LignePaiementInline,)
    fields = (
        ("famille", "regie"),
        ("montant", "etat"),
        ("fournisseur", "session", "intention"),
        ("cree_le", "cree_par", "expire_le"),
        "reglement",
        ("incident", "incident_regle_le"),
    )
    readonly_fields = ("montant",)

    @admin.display(description="montant", ordering="centimes")
    def montant(self, paiement: PaiementEnLigne) -> str:
        return euros(paiement.centimes)
