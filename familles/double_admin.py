"""The administrator takes away the second factor of somebody who lost both telephone and codes; nothing else."""

from django.contrib import admin, messages
from django.http import HttpRequest
from django_otp.plugins.otp_totp.models import TOTPDevice

from familles import double
from familles.models import Authentificateur

# django-otp's own page shows the secret and speaks English.
admin.site.unregister(TOTPDevice)


@admin.register(Authentificateur)
class AuthentificateurAdmin(admin.ModelAdmin):
    """Who has a second factor. Deleting asks to confirm, takes the recovery codes with it, and leaves a trace."""

    list_display = ("user", "active_le", "servi_le")
    list_select_related = ("user",)
    search_fields = ("user__identifiant", "user__nom", "user__prenom")
    fields = readonly_fields = ("user", "active_le", "servi_le")
    ordering = ("user__identifiant",)
    actions = None

    @admin.display(description="activée le", ordering="created_at")
    def active_le(self, appareil):
        return appareil.created_at

    @admin.display(description="dernier code le", ordering="last_used_at")
    def servi_le(self, appareil):
        return appareil.last_used_at

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser

    def has_view_permission(self, request: HttpRequest, obj=None) -> bool:
        return request.user.is_superuser

    def has_delete_permission(self, request: HttpRequest, obj=None) -> bool:
        return request.user.is_superuser

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj=None) -> bool:
        return False

    def delete_model(self, request: HttpRequest, obj) -> None:
        double.retirer(obj.user, request.user)
        messages.info(
            request, "Cette personne activera de nouveau la double authentification à sa prochaine connexion."
        )
