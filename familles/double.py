"""The second factor: six digits from a telephone (TOTP), or one of ten codes kept on paper.

django-otp holds the secret, checks the digits under lock and never takes the same ones twice. The session is not
authenticated between the password and the code: only a short note in it says who is at the second door.
"""

import secrets
import time
from base64 import b32encode
from datetime import datetime
from io import BytesIO
from urllib.parse import quote

import segno
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.utils.crypto import salted_hmac
from django_otp import login as otp_login
from django_otp import verify_token
from django_otp.plugins.otp_totp.models import TOTPDevice, default_key

from familles.connexions import deconnecter_les_autres
from familles.models import CodeDeSecours, Utilisateur
from portail.socle.models import Collectivite
from portail.socle.traces import tracer
from portail.socle.verrous import verrouiller_un

NOMBRE_DE_CODES = 10
# No 0/O, 1/I/L: they are copied by hand from paper. 10 of 31 signs: 49 bits.
ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
# Between the password and the code.
PATIENCE_SECONDES = 10 * 60
EN_ATTENTE, CLE_PROPOSEE = "double", "double_cle"


def est_obligatoire(utilisateur: Utilisateur) -> bool:
    """Agents hold everybody's data; the town may only relax it for a demonstration."""
    return utilisateur.is_staff and settings.AGENTS_TOTP == "obligatoire"


def telephone(utilisateur: Utilisateur) -> TOTPDevice | None:
    """The confirmed device of this account, if it has one."""
    return TOTPDevice.objects.filter(user=utilisateur, confirmed=True).first()


def manque(request: HttpRequest) -> str:
    """What an agent's open session still lacks: « enroler », « code », or nothing.

    Where the code is optional there is nothing to look up: enrolling ended the sessions opened without it.
    """
    if not est_obligatoire(request.user) or request.user.is_verified():
        return ""
    return "code" if telephone(request.user) else "enroler"


# --- at the door ------------------------------------------------------------------------------------------------


def attendre_le_code(request: HttpRequest, utilisateur: Utilisateur, suite: str) -> None:
    """Note who gave a right password. The hash: a password changed meanwhile kills the note."""
    request.session.cycle_key()
    request.session[EN_ATTENTE] = {
        "qui": utilisateur.pk,
        "hache": utilisateur.get_session_auth_hash(),
        "le": int(time.time()),
        "suite": suite,
    }


def en_attente(request: HttpRequest) -> tuple[Utilisateur, str] | None:
    """Who is at the second door, and where they were going."""
    note = request.session.get(EN_ATTENTE)
    if not note or time.time() - note["le"] > PATIENCE_SECONDES:
        return None
    utilisateur = Utilisateur.objects.filter(pk=note["qui"], is_active=True).first()
    if utilisateur is None or utilisateur.get_session_auth_hash() != note["hache"]:
        return None
    return utilisateur, note["suite"]


def verifier(utilisateur: Utilisateur, saisi: str, maintenant: datetime) -> TOTPDevice | None:
    """The device, when `saisi` is its current code or an unused recovery code; each serves once."""
    appareil = telephone(utilisateur)
    if appareil is None:
        return None
    simple = "".join(saisi.split()).replace("-", "")
    if simple.isascii() and simple.isdigit() and len(simple) == appareil.digits:
        return verify_token(utilisateur, appareil.persistent_id, simple)
    # The update is the check: of two simultaneous uses of one code, one alone changes a row.
    pris = utilisateur.codes_de_secours.filter(
        empreinte__in=_empreintes(utilisateur, simple), utilise_le=None
    ).update(utilise_le=maintenant)
    return appareil if pris else None


def accepter(request: HttpRequest, appareil: TOTPDevice) -> None:
    """The session (already authenticated) is now a verified one."""
    otp_login(request, appareil)
    request.session.pop(EN_ATTENTE, None)


# --- enrolment --------------------------------------------------------------------------------------------------


def cle_proposee(request: HttpRequest) -> TOTPDevice:
    """The secret offered in this session, not in the database until a code proves the telephone has it."""
    cle = request.session.get(CLE_PROPOSEE)
    if cle is None:
        cle = request.session[CLE_PROPOSEE] = default_key()
    return TOTPDevice(user=request.user, name="Téléphone", key=cle, confirmed=True)


def cle_en_clair(appareil: TOTPDevice) -> str:
    """The secret as a person types it: base 32, in groups of four."""
    texte = b32encode(appareil.bin_key).decode().rstrip("=")
    return " ".join(texte[i : i + 4] for i in range(0, len(texte), 4))


def qr(appareil: TOTPDevice) -> bytes:
    """The secret as a telephone reads it: an SVG without style attribute (our CSP), dark on white in both themes."""
    emetteur = f"Portail Famille {Collectivite.actuelle().nom}".replace(":", "")
    sortie = BytesIO()
    segno.make(f"{appareil.config_url}&issuer={quote(emetteur)}", error="l", micro=False).save(
        sortie, kind="svg", scale=6, border=4, dark="#17272b", light="#ffffff", xmldecl=False
    )
    return sortie.getvalue()


def enroler(request: HttpRequest, code: str) -> list[str] | None:
    """Keep the offered secret if `code` comes from it; the ten recovery codes, in clear for the only time."""
    with transaction.atomic():
        # Under lock: two tabs that confirm together must not leave two devices.
        utilisateur = verrouiller_un(Utilisateur.objects.filter(pk=request.user.pk))
        if telephone(utilisateur):
            return None
        appareil = cle_proposee(request)
        if not appareil.verify_token("".join(code.split())):
            TOTPDevice.objects.filter(pk=appareil.pk).delete()
            return None
        codes = renouveler_les_codes(utilisateur)
        tracer(request.user, "double.activer", request.user)
        deconnecter_les_autres(request)
    del request.session[CLE_PROPOSEE]
    otp_login(request, appareil)
    return codes


def renouveler_les_codes(utilisateur: Utilisateur) -> list[str]:
    """Ten new codes (« ABCDE-FGHJK »); the old ones are dead. Only fingerprints are kept."""
    codes = ["".join(secrets.choice(ALPHABET) for _ in range(10)) for _ in range(NOMBRE_DE_CODES)]
    with transaction.atomic():
        utilisateur.codes_de_secours.all().delete()
        CodeDeSecours.objects.bulk_create(
            CodeDeSecours(utilisateur=utilisateur, empreinte=_empreinte(utilisateur, code)) for code in codes
        )
    return [f"{code[:5]}-{code[5:]}" for code in codes]


def retirer(utilisateur: Utilisateur, par: Utilisateur) -> None:
    """No second factor any more (the person themselves, or the administrator for a lost telephone)."""
    with transaction.atomic():
        TOTPDevice.objects.filter(user=utilisateur).delete()
        utilisateur.codes_de_secours.all().delete()
        tracer(par, "double.retirer", utilisateur)


def _empreinte(utilisateur: Utilisateur, code: str) -> str:
    return _empreintes(utilisateur, code)[0]


def _empreintes(utilisateur: Utilisateur, code: str) -> list[str]:
    """That of the key in use, then those of the former keys: the paper outlives a change of key."""
    valeur = f"{utilisateur.pk}:{code.upper()}"
    return [
        salted_hmac("familles.double", valeur, secret=cle, algorithm="sha256").hexdigest()
        for cle in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    ]
