"""Where a request comes from, when a proxy of ours stands in front, and how little of it is kept."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest

Adresse = IPv4Address | IPv6Address


def adresse_du_client(request: HttpRequest) -> Adresse | None:
    """The client's own address; None when it cannot be known (a server listening on a unix socket).

    Each proxy of ours appends the address it heard from: the n-th from the right is the only one a client cannot
    write. Without a declared proxy the header is not read at all.
    """
    directe = _lire(request.META.get("REMOTE_ADDR", ""))
    if not settings.DERRIERE_PROXY:
        return directe
    vues = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    if len(vues) < settings.PROXIES:
        return directe
    return _lire(vues[-settings.PROXIES]) or directe


def _lire(texte: str) -> Adresse | None:
    try:
        lue = ip_address(texte.strip())
    except ValueError:
        return None
    return getattr(lue, "ipv4_mapped", None) or lue


def reseau(adresse: Adresse | None) -> str:
    """What counts as one client: an IPv4 address, or the /64 that one IPv6 subscriber owns whole."""
    if adresse is None:
        return ""
    return str(adresse) if adresse.version == 4 else str(ip_network((int(adresse), 64), strict=False))


def masquee(adresse: Adresse | None) -> str:
    """Enough for a person to recognise their provider, too little to name a household: « 203.0.113.• »."""
    if adresse is None:
        return ""
    if adresse.version == 4:
        return str(adresse).rpartition(".")[0] + ".•"
    return ":".join(adresse.exploded.split(":")[:3]) + ":•"
