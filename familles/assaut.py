"""Attacks on the door: ten failures on one account, a hundred from one address, in a quarter of an hour.

django-axes has one failure limit and one cool-off for whatever combination it is told to watch: it cannot hold ten an
account and a hundred an address together, nor refuse the one on the page and the other by a 429. Hence this module and
one table, `Tentative`.

A try is a row, written and committed *before* the password is checked; then the rows of its account and of its address
are counted. Of the tries let through, the one that counted last saw all the others: never more than the limit pass,
however many arrive at the same instant, without any lock. A success takes its row away. What is refused leaves none:
somebody who insists does not make the wait longer for the real person.

Keys are fingerprints. That of an account holds its password's hash: a new password (the mailed link, the padlock, the
town) is another key, and lifts the wait by itself. An unknown account gets a key of what was typed: it waits alike.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from django.core.exceptions import ValidationError
from django.db.models import Count, Max, Q
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from familles.adresse import adresse_du_client, reseau
from familles.models import Tentative, Utilisateur, normaliser

ESSAIS_COMPTE = 10
ESSAIS_ADRESSE = 100
DUREE = timedelta(minutes=15)
# From this many tries left, the page says how many.
PREVENIR = 3
# The negative control of the tests switches it off: the row is then written after the password was checked.
COMPTER_AVANT = True


class AdresseBloquee(Exception):
    """Too many failures from this address: 429, whatever the account."""


class CompteBloque(Exception):
    """Too many failures on this account. `jusqua`: when it may be tried again."""

    def __init__(self, jusqua: datetime):
        super().__init__(jusqua)
        self.jusqua = jusqua


@dataclass(frozen=True)
class Essai:
    """A try let through. `rang`: how many tries of this account the window holds, this one included."""

    tentative: Tentative
    rang: int

    @property
    def restants(self) -> int:
        return max(0, ESSAIS_COMPTE - self.rang)


def cle_du_compte(saisi: str) -> str:
    """The account somebody means by what they typed, known or not: the same work for both."""
    utilisateur = Utilisateur.objects.par_identifiant_ou_courriel(saisi)
    if utilisateur is None:
        return _empreinte(f"inconnu:{normaliser(saisi)}")
    return cle_de(utilisateur, "connexion")


def cle_de(utilisateur: Utilisateur, porte: str) -> str:
    """One account at one door: « connexion », « code », « ancien » (a password asked again inside a session)."""
    return _empreinte(f"{porte}:{utilisateur.pk}:{utilisateur.password}")


def cle_de_l_adresse(request: HttpRequest) -> str:
    """Empty when the address is unknown: nothing is then counted by address."""
    texte = reseau(adresse_du_client(request))
    return _empreinte(f"adresse:{texte}") if texte else ""


def _empreinte(texte: str) -> str:
    return salted_hmac("familles.assaut", texte, algorithm="sha256").hexdigest()


def commencer(compte: str, adresse: str, maintenant: datetime) -> Essai:
    """Count this try, then say whether it may go on. Raises AdresseBloquee, CompteBloque.

    To be called outside any transaction: the row must be seen by the others at once.
    """
    tentative = Tentative(compte=compte, adresse=adresse, le=maintenant)
    if COMPTER_AVANT:
        tentative.save()
    sur_le_compte, de_l_adresse, bloque_jusqua = _compter(compte, adresse, maintenant)
    if not COMPTER_AVANT:
        sur_le_compte, de_l_adresse = sur_le_compte + 1, de_l_adresse + 1
    if adresse and de_l_adresse > ESSAIS_ADRESSE:
        _retirer(tentative)
        raise AdresseBloquee
    if bloque_jusqua and bloque_jusqua > maintenant:
        _retirer(tentative)
        raise CompteBloque(bloque_jusqua)
    if sur_le_compte > ESSAIS_COMPTE:
        # Simultaneous tries only: none of them has failed yet, and together they are already too many.
        raise CompteBloque(_bloquer(tentative, maintenant))
    return Essai(tentative, sur_le_compte)


def echoue(essai: Essai, maintenant: datetime) -> datetime | None:
    """The password was wrong. When the account may be tried again, if this failure blocks it."""
    if not COMPTER_AVANT:
        essai.tentative.save()
    return _bloquer(essai.tentative, maintenant) if essai.restants == 0 else None


def reussi(essai: Essai) -> None:
    """The password was right: the account starts afresh. Its failures still weigh on the addresses they came from."""
    _retirer(essai.tentative)
    Tentative.objects.filter(compte=essai.tentative.compte).update(compte="", bloque_jusqua=None)


def purger(maintenant: datetime) -> int:
    """Removes what no longer counts; how many rows."""
    return Tentative.objects.filter(le__lt=maintenant - 2 * DUREE).delete()[0]


def _compter(compte: str, adresse: str, maintenant: datetime) -> tuple[int, int, datetime | None]:
    du_compte, de_l_adresse = Q(compte=compte), Q(adresse=adresse)
    recentes = Tentative.objects.filter(du_compte | de_l_adresse, le__gt=maintenant - DUREE)
    vus = recentes.aggregate(
        ici=Count("pk", filter=du_compte),
        la=Count("pk", filter=de_l_adresse),
        jusqua=Max("bloque_jusqua", filter=du_compte),
    )
    return vus["ici"], vus["la"], vus["jusqua"]


def _bloquer(tentative: Tentative, maintenant: datetime) -> datetime:
    tentative.bloque_jusqua = maintenant + DUREE
    tentative.save()
    return tentative.bloque_jusqua


def _retirer(tentative: Tentative) -> None:
    if tentative.pk:
        Tentative.objects.filter(pk=tentative.pk).delete()


# --- what people read -------------------------------------------------------------------------------------------


def phrase_attente(jusqua: datetime, maintenant: datetime) -> str:
    """How long to wait, in whole minutes."""
    minutes = max(1, ceil((jusqua - maintenant).total_seconds() / 60))
    return f"Trop d’essais. Attendez {minutes} minute{'s' if minutes > 1 else ''} avant de réessayer."


def phrase_restants(restants: int) -> str:
    """« Encore 2 essais avant une attente de 15 minutes. », or nothing while there is time."""
    if not 0 < restants <= PREVENIR:
        return ""
    duree = int(DUREE.total_seconds() // 60)
    return f" Encore {restants} essai{'s' if restants > 1 else ''} avant une attente de {duree}\N{NO-BREAK SPACE}minutes."


def verifier_mot_de_passe(utilisateur: Utilisateur, saisi: str, faux: str, maintenant: datetime) -> None:
    """A password asked again inside a session: counted too. Raises ValidationError with `faux` or the wait."""
    try:
        essai = commencer(cle_de(utilisateur, "ancien"), "", maintenant)
    except CompteBloque as bloque:
        raise ValidationError(phrase_attente(bloque.jusqua, maintenant), code="attente") from None
    if utilisateur.check_password(saisi):
        reussi(essai)
        return
    jusqua = echoue(essai, maintenant)
    if jusqua:
        raise ValidationError(phrase_attente(jusqua, maintenant), code="attente")
    raise ValidationError(faux + phrase_restants(essai.restants), code="ancien")
