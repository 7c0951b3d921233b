"""Addresses of familles (PAGES.md)."""

urlpatterns = []
