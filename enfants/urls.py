"""Addresses of enfants (PAGES.md)."""

urlpatterns = []
